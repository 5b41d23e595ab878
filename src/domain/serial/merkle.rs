//! Merkle trees of RFC 6962 clause 2.1 over leaves that come one after the other and are not kept.
//!
//! SHA-256, leaves prefixed with 0x00 and nodes with 0x01. A tree of any size is held in as many hashes as its count has binary digits. It
//! does not know what a leaf means.

use aws_lc_rs::digest::{Context, SHA256};

/// A node of a tree.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    hash(&[&[0], leaf])
}

/// The hash of a node with these two below it.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// A tree that grows by leaves.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Roots of the perfect subtrees from the left, each larger than the next.
    perfect: Vec<Hash>,
    size: u64,
}

impl Tree {
    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        // One perfect subtree of each size that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.perfect.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.perfect.push(root);
        self.size += 1;
    }

    /// How many leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root: of no leaves the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_the_right = self.perfect.iter().rev();
        let Some(last) = from_the_right.next() else {
            return hash(&[]);
        };
        from_the_right.fold(*last, |root, left| node_hash(left, &root))
    }
}

/// Collects the audit path (RFC 6962 clause 2.1.1) of one leaf while all leaves pass by.
#[derive(Debug)]
pub struct PathBuilder {
    /// The leaves below each node of the path, from the leaf up: first, end, and the subtree so far.
    siblings: Vec<(u64, u64, Tree)>,
    next: u64,
}

impl PathBuilder {
    /// For leaf `index` of `size`; none if there is no such leaf.
    #[must_use]
    pub fn new(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut from, mut to, mut siblings) = (0, size, Vec::new());
        while to - from > 1 {
            // The largest power of two below the count of leaves.
            let middle = from + (1 << (u64::BITS - 1 - (to - from - 1).leading_zeros()));
            if index < middle {
                siblings.push((middle, to, Tree::default()));
                to = middle;
            } else {
                siblings.push((from, middle, Tree::default()));
                from = middle;
            }
        }
        siblings.reverse();
        Some(Self { siblings, next: 0 })
    }

    /// The hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let at = self.next;
        self.next += 1;
        let sibling = self.siblings.iter_mut().find(|(from, to, _)| (*from..*to).contains(&at));
        if let Some((_, _, tree)) = sibling {
            tree.push(leaf);
        }
    }

    /// The path, from the leaf up.
    #[must_use]
    pub fn finish(self) -> Vec<Hash> {
        self.siblings.into_iter().map(|(_, _, tree)| tree.root()).collect()
    }
}

/// The root that a leaf's path leads to (RFC 9162 clause 2.1.3.2); none if the path is none of that place.
#[must_use]
pub fn root_by_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut index, mut last) = (index, size.checked_sub(1).filter(|last| index <= *last)?);
    let mut root = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            root = node_hash(sibling, &root);
            while index.is_multiple_of(2) && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            root = node_hash(&root, sibling);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves that the authors of RFC 6962 test with.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    /// Their roots, of the first leaf, the first two, ….
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn leaf(number: u64) -> Hash {
        leaf_hash(&number.to_be_bytes())
    }

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::default();
        (0..size).for_each(|number| tree.push(leaf(number)));
        tree
    }

    /// Clause 2.1 as it stands there.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [only] => *only,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                node_hash(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn the_roots_are_those_of_the_rfc() {
        let mut tree = Tree::default();
        assert_eq!(
            hex(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (data, root) in LEAVES.iter().zip(ROOTS) {
            tree.push(leaf_hash(data));
            assert_eq!(hex(&tree.root()), root, "{} leaves", tree.size());
        }
    }

    #[test]
    fn every_leaf_has_a_path_to_the_root_and_to_no_other_place() {
        for size in 1..40 {
            let root = tree(size).root();
            for index in 0..size {
                let mut builder = PathBuilder::new(index, size).unwrap();
                (0..size).for_each(|number| builder.push(leaf(number)));
                let path = builder.finish();
                assert_eq!(root_by_path(leaf(index), index, size, &path), Some(root), "{index} of {size}");
                for other in (0..size).filter(|other| *other != index) {
                    assert_ne!(
                        root_by_path(leaf(index), other, size, &path),
                        Some(root),
                        "{other} for {index} of {size}"
                    );
                    assert_ne!(root_by_path(leaf(other), index, size, &path), Some(root));
                }
            }
            assert!(PathBuilder::new(size, size).is_none());
            assert_eq!(root_by_path(leaf(0), size, size, &[]), None);
        }
        assert_eq!(root_by_path(leaf(0), 0, 0, &[]), None);
        // Too long, too short.
        assert_eq!(root_by_path(leaf(0), 0, 1, &[leaf(1)]), None);
        assert_eq!(root_by_path(leaf(0), 0, 2, &[]), None);
    }

    proptest! {
        #[test]
        fn leaves_one_by_one_make_the_tree_of_the_definition(size in 0..600_u64) {
            let leaves: Vec<Hash> = (0..size).map(leaf).collect();
            prop_assert_eq!(tree(size).root(), by_definition(&leaves));
        }
    }
}
