//! The tree over the leaves of one event.
//!
//! Of 2^48 places as many are taken as there are leaves; a subtree without any is one pseudo-random value, however high. Lone leaves make
//! the cost: each has some thirty levels to itself, of a value and a hash each. 100,000 leaves take about six million hashes.

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::domain::ids::EventKey;
use crate::domain::serial::SerialError;
use crate::domain::serial::key::MasterKey;
use crate::domain::serial::merkle::{Hash, node_hash};

use super::{HEIGHT, Opening, SALT_BYTES, hash};

/// How often the leaves are placed anew because two of them met.
const ATTEMPTS: u8 = 64;
/// Leaves below a node that is kept, on average, as a power of two.
const BELOW_KEPT: u32 = 4;

/// The secret that salts, places and empty subtrees of one event follow from. Never printed, never stored.
pub struct SliceKey(Zeroizing<[u8; 32]>);

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// More leaves than can be placed without two of them meeting.
    #[error("the leaves of the event meet at one place however they are placed")]
    Crowded,
    /// The crypto library failed.
    #[error(transparent)]
    Crypto(#[from] SerialError),
}

impl SliceKey {
    /// Follows from the master key.
    pub fn of(master_key: &MasterKey, event: EventKey) -> Result<Self, SerialError> {
        let key = master_key.derive(&[b"counterfoil/event-slice/v2|", event.uuid().as_bytes()])?;
        Ok(Self(key))
    }

    /// What statements call the event: says nothing, and is the same in each of them.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.part(2, 0);
        super::written(&name)
    }

    /// For a test that follows the words.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// A key for one purpose and attempt.
    fn part(&self, purpose: u8, attempt: u8) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), &[purpose, attempt]);
        key.copy_from_slice(tag.as_ref());
        key
    }
}

impl std::fmt::Debug for SliceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SliceKey(…)")
    }
}

/// Where the leaves of an event are, and what is above them.
pub struct SliceTree {
    seeds: Seeds,
    /// Place and hash of each leaf, in the order of their places.
    places: Vec<(u64, Hash)>,
    /// Nodes of the uppermost levels, so that a proof need not go through all leaves: those that are not below an empty one.
    kept: Vec<Vec<Hash>>,
    root: Hash,
}

/// What is pseudo-random about a tree.
struct Seeds {
    leaves: hmac::Key,
    empty: Zeroizing<[u8; 32]>,
}

impl Seeds {
    fn new(key: &SliceKey, attempt: u8) -> Self {
        Self {
            leaves: hmac::Key::new(hmac::HMAC_SHA256, key.part(0, attempt).as_slice()),
            empty: key.part(1, attempt),
        }
    }

    /// Place and salt of a leaf.
    fn of_leaf(&self, leaf: &str) -> (u64, [u8; SALT_BYTES]) {
        let tag = hmac::sign(&self.leaves, leaf.as_bytes());
        let (place, rest) = tag.as_ref().split_at(HEIGHT as usize / 8);
        let index = place.iter().fold(0, |index, byte| index << 8 | u64::from(*byte));
        let mut salt = [0; SALT_BYTES];
        salt.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        (index, salt)
    }

    /// What stands for an empty subtree. The input has one length, so that a hash of key and input is as good as an HMAC, and half the work.
    fn of_empty(&self, level: u32, prefix: u64) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(self.empty.as_slice());
        context.update(&level.to_be_bytes());
        context.update(&prefix.to_be_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }
}

impl SliceTree {
    /// Of all leaves of an event, in any order, each once.
    pub fn grow(key: &SliceKey, leaves: &[String]) -> Result<Self, TreeError> {
        (0..ATTEMPTS)
            .find_map(|attempt| Self::placed(Seeds::new(key, attempt), leaves))
            .ok_or(TreeError::Crowded)
    }

    fn placed(seeds: Seeds, leaves: &[String]) -> Option<Self> {
        let place = |leaf: &String| {
            let (index, salt) = seeds.of_leaf(leaf);
            (index, hash(leaf, &salt))
        };
        let mut places: Vec<(u64, Hash)> = leaves.iter().map(place).collect();
        places.sort_unstable_by_key(|(index, _)| *index);
        if places.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let levels = leaves.len().max(1).ilog2().saturating_sub(BELOW_KEPT) + 1;
        let mut tree = Self {
            seeds,
            kept: (0..levels).map(|level| vec![[0; 32]; 1 << level]).collect(),
            root: [0; 32],
            places,
        };
        let mut kept = std::mem::take(&mut tree.kept);
        tree.root = tree.node((0, 0), 0..tree.places.len(), &mut kept);
        tree.kept = kept;
        Some(tree)
    }

    /// What the hub signs.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// How many leaves there are: for whoever keeps trees, never to be told.
    #[must_use]
    pub fn size(&self) -> usize {
        self.places.len()
    }

    /// What proves a leaf; none if it is none of the tree.
    #[must_use]
    pub fn open(&self, leaf: &str) -> Option<Opening> {
        let (index, salt) = self.seeds.of_leaf(leaf);
        let at = self.places.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        if self.places.get(at)?.1 != hash(leaf, &salt) {
            return None;
        }
        let (mut below, mut path) = (0..self.places.len(), Vec::with_capacity(HEIGHT as usize));
        for level in 1..=HEIGHT {
            let (left, right) = self.halves(level, below);
            let prefix = index >> (HEIGHT - level);
            let (own, other) = if prefix.is_multiple_of(2) {
                (left, right)
            } else {
                (right, left)
            };
            path.push(self.known((level, prefix ^ 1), other));
            below = own;
        }
        path.reverse();
        Some(Opening { salt, index, path })
    }

    /// A node that may be kept.
    fn known(&self, (level, prefix): (u32, u64), below: Range<usize>) -> Hash {
        let kept = self.kept.get(level as usize).zip(usize::try_from(prefix).ok());
        match kept.and_then(|(nodes, prefix)| nodes.get(prefix)) {
            Some(node) => *node,
            None => self.node((level, prefix), below, &mut []),
        }
    }

    /// The node of a level that these leaves are below, and all nodes under it into `kept`, as far as it goes.
    fn node(&self, (level, prefix): (u32, u64), below: Range<usize>, kept: &mut [Vec<Hash>]) -> Hash {
        let node = match self.places.get(below.start) {
            Some((_, leaf)) if !below.is_empty() && level == HEIGHT => *leaf,
            Some(_) if !below.is_empty() => {
                let (left, right) = self.halves(level + 1, below);
                let left = self.node((level + 1, prefix << 1), left, kept);
                node_hash(&left, &self.node((level + 1, prefix << 1 | 1), right, kept))
            }
            Some(_) | None => self.seeds.of_empty(level, prefix),
        };
        let slot = kept.get_mut(level as usize).zip(usize::try_from(prefix).ok());
        if let Some(slot) = slot.and_then(|(nodes, prefix)| nodes.get_mut(prefix)) {
            *slot = node;
        }
        node
    }

    /// Leaves that go left and right on the way down to a level.
    fn halves(&self, level: u32, below: Range<usize>) -> (Range<usize>, Range<usize>) {
        let leaves = self.places.get(below.clone()).unwrap_or_default();
        let middle = below.start + leaves.partition_point(|(index, _)| (index >> (HEIGHT - level)).is_multiple_of(2));
        (below.start..middle, middle..below.end)
    }
}

impl std::fmt::Debug for SliceTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SliceTree(…)")
    }
}
