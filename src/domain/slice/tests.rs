//! Trees: every leaf is proved, nothing else is, and a proof says nothing of the rest.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ids::EventKey;
use crate::domain::serial::key::MasterKey;

fn master() -> MasterKey {
    MasterKey::new([3; 32])
}

fn tree(event: u128, leaves: &[String]) -> SliceTree {
    let key = SliceKey::of(&master(), EventKey::new(Uuid::from_u128(event))).unwrap();
    SliceTree::grow(&key, leaves).unwrap()
}

fn leaves(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("[\"/event/epcList\",0,\"urn:x:{number}\"]"))
        .collect()
}

fn statement(tree: &SliceTree) -> Statement {
    Statement::new(None, "one".to_owned(), tree.root())
}

/// The root by what the module's words say, with nothing kept and no recursion over ranges.
fn by_definition(tree: &SliceTree, leaves: &[String], key: &SliceKey) -> Hash {
    fn node(seeds: &dyn Fn(u32, u64) -> Hash, places: &[(u64, Hash)], level: u32, prefix: u64) -> Hash {
        let mine: Vec<(u64, Hash)> = places
            .iter()
            .filter(|(index, _)| level == 0 || index >> (HEIGHT - level) == prefix)
            .copied()
            .collect();
        match (mine.first(), level) {
            (None, _) => seeds(level, prefix),
            (Some((_, leaf)), HEIGHT) => *leaf,
            (Some(_), _) => crate::domain::serial::merkle::node_hash(
                &node(seeds, &mine, level + 1, prefix << 1),
                &node(seeds, &mine, level + 1, prefix << 1 | 1),
            ),
        }
    }
    let empty = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.bytes()), &[1, 0]);
    let seeds = |level: u32, prefix: u64| {
        let input = [empty.as_ref(), &level.to_be_bytes(), &prefix.to_be_bytes()].concat();
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &input)
            .as_ref()
            .try_into()
            .unwrap()
    };
    let places: Vec<(u64, Hash)> = leaves
        .iter()
        .map(|leaf| {
            let opening = tree.open(leaf).unwrap();
            (opening.index, hash(leaf, &opening.salt))
        })
        .collect();
    node(&seeds, &places, 0, 0)
}

#[test]
fn the_root_is_as_the_words_say() {
    for count in [1, 2, 3, 17, 40, 700] {
        let leaves = leaves(count);
        let key = SliceKey::of(&master(), EventKey::new(Uuid::from_u128(1))).unwrap();
        let tree = SliceTree::grow(&key, &leaves).unwrap();
        assert_eq!(by_definition(&tree, &leaves, &key), *tree.root(), "{count} leaves");
    }
}

#[test]
fn a_sibling_more_changes_hashes_and_nothing_else() {
    let few = tree(1, &leaves(5));
    for count in [6, 15, 200, 3_000] {
        let many = tree(1, &leaves(count));
        assert_ne!(few.root(), many.root());
        for leaf in leaves(5) {
            let (one, other) = (few.open(&leaf).unwrap(), many.open(&leaf).unwrap());
            assert_eq!((one.salt, one.index), (other.salt, other.index));
            assert_eq!(one.texts().map(|text| text.len()), other.texts().map(|text| text.len()));
            assert_ne!(one.path, other.path);
        }
    }
}

#[test]
fn another_event_has_other_salts_places_and_values() {
    let (one, other) = (tree(1, &leaves(3)), tree(2, &leaves(3)));
    for leaf in leaves(3) {
        let (one, other) = (one.open(&leaf).unwrap(), other.open(&leaf).unwrap());
        assert_ne!(one.salt, other.salt);
        assert_ne!(one.index, other.index);
        assert!(one.path.iter().all(|hash| !other.path.contains(hash)));
    }
}

#[test]
fn no_two_values_of_all_proofs_repeat_where_nothing_is() {
    // A public constant for what is empty would be seen again and again.
    let tree = tree(1, &leaves(20));
    let mut seen = BTreeSet::new();
    for leaf in leaves(20) {
        // Below the levels where leaves meet.
        for hash in &tree.open(&leaf).unwrap().path[..30] {
            assert!(seen.insert(*hash));
        }
    }
}

#[test]
fn an_opening_is_read_as_it_is_written_and_in_no_other_spelling() {
    let tree = tree(1, &leaves(9));
    for leaf in leaves(9) {
        let opening = tree.open(&leaf).unwrap();
        let [salt, index, path] = opening.texts();
        assert_eq!((salt.len(), index.len(), path.len()), (32, 12, 2_048));
        assert_eq!(Opening::read([&salt, &index, &path]), Some(opening));
        for index in [
            &index[1..],
            &format!("0{index}"),
            &format!("+{}", &index[1..]),
            "ABCDEFABCDEF",
            "",
        ] {
            assert_eq!(Opening::read([&salt, index, &path]), None, "{index}");
        }
        assert_eq!(Opening::read([&salt[1..], &index, &path]), None);
        assert_eq!(Opening::read([&format!("{salt}="), &index, &path]), None);
        assert_eq!(Opening::read([&salt, &index, &path[4..]]), None);
        assert_eq!(Opening::read([&salt, &index, &format!("{path}{}", &path[..43])]), None);
    }
}

#[test]
fn a_statement_is_of_this_hub_this_type_and_unchanged() {
    let key = ReceiptKey::of(&master()).unwrap();
    let said = statement(&tree(1, &leaves(2)));
    let jws = said.sign(&key).unwrap();
    assert_eq!(said.sign(&key).unwrap(), jws);
    assert_eq!(Statement::verify(&jws, &key.key_set()), Ok(said.clone()));
    let other = ReceiptKey::of(&MasterKey::new([4; 32])).unwrap().key_set();
    assert!(matches!(
        Statement::verify(&jws, &other),
        Err(StatementError::UnknownKey { .. })
    ));
    let receipt = key.sign_as("counterfoil-receipt+jwt", &said).unwrap();
    assert!(matches!(
        Statement::verify(&receipt, &key.key_set()),
        Err(StatementError::Form(_))
    ));
    assert!(crate::domain::serial::receipt::verify(&jws, &key.key_set()).is_err());
    let later = Statement {
        version: 3,
        ..said.clone()
    };
    assert!(Statement::verify(&later.sign(&key).unwrap(), &key.key_set()).is_err());
    let mixed = Statement { version: 1, ..said };
    assert!(Statement::verify(&mixed.sign(&key).unwrap(), &key.key_set()).is_err());
    for at in 0..jws.len() {
        let mut bytes = jws.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(Statement::verify(&changed, &key.key_set()).is_err(), "character {at}");
    }
}

#[test]
fn keys_are_not_printed() {
    let tree = tree(1, &leaves(1));
    assert_eq!(format!("{tree:?}"), "SliceTree(…)");
    let key = SliceKey::of(&master(), EventKey::new(Uuid::from_u128(1))).unwrap();
    assert_eq!(format!("{key:?}"), "SliceKey(…)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_leaf_is_proved_and_no_other_text(texts in prop::collection::btree_set("[a-z]{1,8}", 1..60), bit in 0_usize..256, at in 0..48_usize) {
        let leaves: Vec<String> = texts.into_iter().collect();
        let tree = tree(7, &leaves);
        let said = statement(&tree);
        for leaf in &leaves {
            let opening = tree.open(leaf).unwrap();
            prop_assert!(opening.proves(leaf, &said));
            let other = format!("{leaf}x");
            prop_assert!(!opening.proves(&other, &said));
            prop_assert!(leaves.contains(&other) || tree.open(&other).is_none());
            let mut changed = opening.clone();
            changed.path[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!changed.proves(leaf, &said));
            let changed = Opening { index: opening.index ^ 1 << at, ..opening.clone() };
            prop_assert!(!changed.proves(leaf, &said));
            let mut changed = opening;
            changed.salt[bit % SALT_BYTES] ^= 1;
            prop_assert!(!changed.proves(leaf, &said));
        }
        // In another order they make the same tree.
        let turned: Vec<String> = leaves.iter().rev().cloned().collect();
        let again = super::tests::tree(7, &turned);
        prop_assert_eq!(again.root(), tree.root());
    }
}
