//! Receipts: what is signed is what is verified, and nothing else passes.

use uuid::Uuid;

use crate::domain::ids::PoolId;
use crate::domain::serial::allocation::{AllocationState, Documents};
use crate::domain::time::Micros;

use super::*;

const SERIALS: [&str; 5] = ["GWWF4L9KMCCX", "M4RRQYGCKUU2", "NJEX698YEFY4", "A,\"1", "0"];

fn master(byte: u8) -> MasterKey {
    MasterKey::new([byte; 32])
}

fn position() -> Position {
    Position {
        pool: PoolId::new(Uuid::from_u128(3)),
        first_index: u64::MAX - 7,
        span: 7,
    }
}

fn numbers(serials: &[&str]) -> Numbers {
    let mut numbers = Numbers::of("09521234000013".parse().unwrap());
    serials.iter().for_each(|serial| numbers.push(serial));
    numbers
}

fn allocation() -> Allocation {
    Allocation {
        id: AllocationId::new(Uuid::from_u128(5)),
        numbered: "09521234000013".parse().unwrap(),
        party: "packwell".parse().unwrap(),
        system: None,
        principal: "aurora".parse().unwrap(),
        agreement: Some("aurora-packwell".parse().unwrap()),
        quantity: 5,
        asked: None,
        lot: Some("L1".to_owned()),
        site: None,
        line: None,
        documents: Documents::default(),
        expires_at: None,
        state: AllocationState::Reserved,
        request_key: "order 7".to_owned(),
        created_at: Micros(1_772_438_400_000_000),
    }
}

fn receipt() -> Receipt {
    let root = numbers(&SERIALS).root();
    Receipt::new(Some("hub".parse().unwrap()), &allocation(), &root, position(), &master(1)).unwrap()
}

fn signed() -> String {
    ReceiptKey::of(&master(1)).unwrap().sign(&receipt()).unwrap()
}

fn keys(byte: u8) -> JwkSet {
    ReceiptKey::of(&master(byte)).unwrap().key_set()
}

#[test]
fn what_was_signed_is_read_and_is_the_same_each_time() {
    assert_eq!(verify(&signed(), &keys(1)), Ok(receipt()));
    assert_eq!(signed(), signed());
}

#[test]
fn the_key_set_can_be_written_and_read() {
    let text = serde_json::to_string(&keys(1)).unwrap();
    let members: serde_json::Value = serde_json::from_str(&text).unwrap();
    let key = &members["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["use"]),
        (&"OKP".into(), &"Ed25519".into(), &"sig".into())
    );
    assert!(key.get("d").is_none(), "{text}");
    assert_eq!(verify(&signed(), &serde_json::from_str(&text).unwrap()), Ok(receipt()));
}

#[test]
fn any_changed_bit_is_noticed() {
    let signed = signed();
    for bit in 0..signed.len() * 8 {
        let mut changed = signed.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        // What is no text any more is no receipt.
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(verify(&changed, &keys(1)).is_err(), "bit {bit}");
        }
    }
    for length in 0..signed.len() {
        assert!(verify(&signed[..length], &keys(1)).is_err(), "{length} characters");
    }
    assert!(verify(&format!("{signed}A"), &keys(1)).is_err());
}

#[test]
fn another_hubs_key_is_told_apart() {
    assert!(matches!(verify(&signed(), &keys(2)), Err(ReceiptError::UnknownKey { .. })));
    // Its key under our key's name.
    let mut false_keys = keys(2);
    false_keys.keys[0].common.key_id = keys(1).keys[0].common.key_id.clone();
    assert!(matches!(verify(&signed(), &false_keys), Err(ReceiptError::FalseKey { .. })));
    let theirs = ReceiptKey::of(&master(2)).unwrap().sign(&receipt()).unwrap();
    let (_, payload) = theirs.split_once('.').unwrap();
    let (header, _) = signed().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(verify(&format!("{header}.{payload}"), &keys(1)), Err(ReceiptError::Signature));
}

#[test]
fn other_signed_texts_are_no_receipts() {
    let check = |text: &str| assert!(matches!(verify(text, &keys(1)), Err(ReceiptError::Form(_))), "{text}");
    check("");
    check("a.b.c");
    let key = ReceiptKey::of(&master(1)).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.kid.clone());
    check(&jsonwebtoken::encode(&header, &receipt(), &key.signing).unwrap());
    header.typ = Some(TYPE.to_owned());
    check(&jsonwebtoken::encode(&header, &serde_json::json!({"version": 1}), &key.signing).unwrap());
    let later = Receipt { version: 2, ..receipt() };
    check(&jsonwebtoken::encode(&header, &later, &key.signing).unwrap());
    // "none" and a secret that is the public key are not even algorithms of a receipt.
    let none = format!(
        "{}.{}.",
        text(br#"{"typ":"counterfoil-receipt+jwt","alg":"none"}"#),
        text(b"{}")
    );
    check(&none);
    header.alg = Algorithm::HS256;
    let secret = EncodingKey::from_secret(DecodingKey::from_jwk(&keys(1).keys[0]).unwrap().try_get_as_bytes().unwrap());
    check(&jsonwebtoken::encode(&header, &receipt(), &secret).unwrap());
}

#[test]
fn a_list_fits_whole_and_in_its_order_or_not_at_all() {
    let check = |serials: &[&str], expect| assert_eq!(numbers(serials).check(&receipt()), expect, "{serials:?}");
    check(&SERIALS, Ok(()));
    let count = |found| Err(Mismatch::Count { expected: 5, found });
    check(&SERIALS[..4], count(4));
    check(&[], count(0));
    check(&[&SERIALS[..], &["X"]].concat(), count(6));
    for i in 0..5 {
        for j in 0..i {
            let mut swapped = SERIALS;
            swapped.swap(i, j);
            check(&swapped, Err(Mismatch::Numbers));
        }
        let mut other = SERIALS;
        other[i] = "GWWF4L9KMCCY";
        check(&other, Err(Mismatch::Numbers));
    }
    let mut other = Numbers::of("09521234000020".parse().unwrap());
    SERIALS.iter().for_each(|serial| other.push(serial));
    assert!(matches!(other.check(&receipt()), Err(Mismatch::Product { .. })));
}

fn proof(index: usize) -> Proof {
    let receipt = receipt();
    let place = (index as u64, 5);
    let mut builder = Proof::builder(receipt.allocation, receipt.numbered, SERIALS[index], place).unwrap();
    SERIALS.iter().for_each(|serial| builder.push(serial));
    builder.finish()
}

#[test]
fn one_number_is_proven_with_its_path() {
    for (index, serial) in SERIALS.iter().enumerate() {
        let written = serde_json::to_string(&proof(index)).unwrap();
        let proof: Proof = serde_json::from_str(&written).unwrap();
        assert_eq!(proof.check(&receipt(), serial), Ok(()));
        assert_eq!(proof.check(&receipt(), "GWWF4L9KMCCY"), Err(Mismatch::Serial));
    }
    let check = |change: &dyn Fn(&mut Proof), expect: fn(&Mismatch) -> bool| {
        let mut proof = proof(2);
        change(&mut proof);
        let mismatch = proof.check(&receipt(), &proof.serial).unwrap_err();
        assert!(expect(&mismatch), "{mismatch}");
    };
    let path = |mismatch: &Mismatch| *mismatch == Mismatch::Path;
    check(&|proof| proof.serial = "GWWF4L9KMCCY".to_owned(), path);
    check(&|proof| proof.index = 3, path);
    check(&|proof| proof.size = 4, path);
    check(&|proof| proof.path.swap(0, 1), path);
    check(&|proof| proof.path.truncate(2), path);
    check(&|proof| proof.path[0] = "x".to_owned(), path);
    check(
        &|proof| proof.allocation = AllocationId::new(Uuid::from_u128(6)),
        |mismatch| matches!(mismatch, Mismatch::Allocation { .. }),
    );
    check(&|proof| proof.numbered = "09521234000020".parse().unwrap(), |mismatch| {
        matches!(mismatch, Mismatch::Product { .. })
    });
    assert!(Proof::builder(receipt().allocation, receipt().numbered, "0", (5, 5)).is_none());
}

#[test]
fn only_the_hub_learns_where_a_block_lies() {
    assert_eq!(open_position(&master(1), &signed()), Ok(position()));
    assert!(matches!(
        open_position(&master(2), &signed()),
        Err(ReceiptError::UnknownKey { .. })
    ));
    // A position moved from another receipt of the same hub.
    let other = Receipt {
        allocation: AllocationId::new(Uuid::from_u128(6)),
        ..receipt()
    };
    let moved = ReceiptKey::of(&master(1)).unwrap().sign(&other).unwrap();
    assert_eq!(open_position(&master(1), &moved), Err(ReceiptError::Position));
    let payload = bytes(signed().split('.').nth(1).unwrap()).unwrap();
    let plain = position().first_index.to_be_bytes();
    assert!(!payload.windows(8).any(|window| window == plain));
    assert!(
        !String::from_utf8(payload)
            .unwrap()
            .contains(&position().first_index.to_string())
    );
}
