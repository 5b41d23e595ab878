//! Receipts: the same bytes for holder and owner, verified without the hub, and nothing for anybody else.

use std::path::Path;
use std::process::{Command, Output};

use counterfoil::domain::serial::key::MasterKey;
use counterfoil::domain::serial::receipt::{Position, Proof, open_position, verify};
use serde_json::json;

use super::*;

fn path(allocation: &Allocation, rest: &str) -> String {
    format!("/serials/v1/allocations/{}/receipt{rest}", allocation.id)
}

async fn receipt(test: &TestHub, party: &str, allocation: &Allocation) -> String {
    let answer = test
        .get(&test.actor(party), &path(allocation, ""))
        .await
        .expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/jose");
    answer.text().to_owned()
}

async fn key_set(test: &TestHub) -> String {
    let answer = test.get(&test.actor("northway"), "/.well-known/jwks.json").await;
    let answer = answer.expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    answer.text().to_owned()
}

/// The key under which all hubs of the tests keep theirs.
fn position(jws: &str) -> Position {
    open_position(&MasterKey::new([7; 32]), jws).unwrap()
}

#[tokio::test]
async fn holder_and_owner_have_the_same_receipt_for_ever() {
    let test = TestHub::start().await;
    let asked = SerialRequest {
        lot: Some("L1".to_owned()),
        ..wanted("order 7", 9_000)
    };
    let granted = request(&test.hub, &test.actor("packwell"), asked).await.unwrap();
    let first = receipt(&test, "packwell", &granted).await;
    test.advance_seconds(86_400);
    // What happens later changes nothing.
    numbers(&test, &granted).await;
    for party in ["packwell", "aurora"] {
        assert_eq!(receipt(&test, party, &granted).await, first, "{party}");
        let query = "query ($id: ID!) { node(id: $id) { ... on Allocation { receipt } } }";
        let answer = test
            .graphql_data(&test.actor(party), query, json!({"id": granted.id.to_string()}))
            .await;
        assert_eq!(answer["node"]["receipt"], json!(first), "{party}");
    }
    let said = verify(&first, &serde_json::from_str(&key_set(&test).await).unwrap()).unwrap();
    assert_eq!(
        (
            said.party.as_str(),
            said.principal.as_str(),
            said.quantity,
            said.lot.as_deref()
        ),
        ("packwell", "aurora", 9_000, Some("L1"))
    );
    assert_eq!(
        (said.request_key.as_str(), said.issued_at.as_str()),
        ("order 7", "2026-03-02T08:00:00.000Z")
    );
    assert_eq!((said.numbered, said.allocation), (granted.numbered, granted.id));
    assert_eq!(said.hub.as_ref().map(|hub| hub.as_str()), Some("hub-operator"));
}

#[tokio::test]
async fn to_others_there_is_no_receipt() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5).await;
    let serial = numbers(&test, &granted).await.remove(0);
    let absent = "/serials/v1/allocations/alc_00000000000000000000000000000000/receipt";
    for party in ["halden", "zenith", "sigmapack", "northway", "hub-operator"] {
        let told = async |path: &str| {
            let mut answer = test.get(&test.actor(party), path).await.expect(StatusCode::NOT_FOUND);
            assert!(answer.headers.remove("x-request-id").is_some());
            (answer.headers, answer.body)
        };
        let expect = told(absent).await;
        assert_eq!(told(&path(&granted, "")).await, expect, "{party}");
        assert_eq!(
            told(&path(&granted, &format!("/proof?serial={serial}"))).await,
            expect,
            "{party}"
        );
        assert_eq!(told(&format!("{absent}/proof?serial={serial}")).await, expect, "{party}");
        assert_eq!(told("/serials/v1/allocations/x/receipt").await, expect, "{party}");
    }
}

#[tokio::test]
async fn after_the_loss_of_a_database_receipts_tell_where_its_pools_were() {
    let test = TestHub::start().await;
    let (one, two) = (granted(&test, "1", 5).await, granted(&test, "2", 7).await);
    let one = position(&receipt(&test, "packwell", &one).await);
    let two = position(&receipt(&test, "aurora", &two).await);
    assert_eq!((one.pool, one.first_index + one.span), (two.pool, two.first_index));
    assert_eq!((one.first_index, one.span, two.span), (0, 5, 7));
}

#[tokio::test]
async fn a_single_number_is_proven_and_no_other() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 5_000).await;
    let other = super::granted(&test, "2", 5).await;
    let serials = numbers(&test, &granted).await;
    let keys = serde_json::from_str(&key_set(&test).await).unwrap();
    let said = verify(&receipt(&test, "packwell", &granted).await, &keys).unwrap();
    for at in [0, 1, 4_095, 4_096, 4_999] {
        let answer = test
            .get(
                &test.actor("aurora"),
                &path(&granted, &format!("/proof?serial={}", serials[at])),
            )
            .await;
        let proof: Proof = serde_json::from_slice(&answer.expect(StatusCode::OK).body).unwrap();
        assert_eq!((proof.index, proof.size), (at as u64, 5_000));
        assert_eq!(proof.check(&said, &serials[at]), Ok(()));
        assert!(proof.check(&said, &serials[(at + 1) % 5_000]).is_err());
    }
    let foreign = numbers(&test, &other).await.remove(0);
    for serial in [foreign.as_str(), "0", "", &"9".repeat(400)] {
        let query = path(&granted, &format!("/proof?serial={serial}"));
        test.get(&test.actor("packwell"), &query).await.expect(StatusCode::NOT_FOUND);
    }
    for query in ["/proof", "/proof?number=1"] {
        test.get(&test.actor("packwell"), &path(&granted, query))
            .await
            .expect(StatusCode::BAD_REQUEST);
    }
}

/// Runs the command without a hub: in an empty folder, without its environment.
fn verify_offline(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counterfoil"))
        .args(["receipt", "verify"])
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .unwrap()
}

#[tokio::test]
async fn without_a_hub_the_command_says_what_is_proven_and_what_does_not_fit() {
    let test = TestHub::start().await;
    let granted = granted(&test, "order 7", 300).await;
    let folder = test.folder().join("evidence");
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let jws = receipt(&test, "packwell", &granted).await;
    write("r.jws", &format!("{jws}\n"));
    let keys = key_set(&test).await;
    write("keys.json", &keys);
    let download = format!("/serials/v1/allocations/{}/serials", granted.id);
    let csv = test.get(&test.actor("packwell"), &download).await.text().to_owned();
    let serials = numbers(&test, &granted).await;
    let proof = test
        .get(
            &test.actor("packwell"),
            &path(&granted, &format!("/proof?serial={}", serials[7])),
        )
        .await;
    write("proof.json", proof.expect(StatusCode::OK).text());
    let check = |arguments: &[&str], code: i32, expect: &str| {
        let output = verify_offline(&folder, &[&["r.jws", "--jwks", "keys.json"], arguments].concat());
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expect), "{said}");
        assert!(!serials.iter().any(|serial| said.contains(serial.as_str())), "{said}");
    };
    check(&[], 0, "given to    packwell");
    check(&["--serial", &serials[7], "--proof", "proof.json"], 0, "number 8 of 300");
    check(
        &["--serial", &serials[8], "--proof", "proof.json"],
        1,
        "another serial number",
    );
    let list = |text: String, code: i32, expect: &str| {
        write("numbers.csv", &text);
        check(&["--serials", "numbers.csv"], code, expect);
    };
    list(csv.clone(), 0, "the list is the block: 300 serial numbers");
    list(serials.join("\n"), 0, "the list is the block");
    list(serials[1..].join("\n"), 1, "for 300 serial numbers, the list has 299");
    list(format!("{csv}{AUROXIN},X\r\n"), 1, "the list has 301");
    let mut swapped = serials.clone();
    swapped.swap(10, 11);
    list(swapped.join("\n"), 1, "not the same ones in the same order");
    list(csv.replace(AUROXIN, LUMIVAR), 1, LUMIVAR);
    list("\"".to_owned(), 2, "quotes");
    check(&["--serials", "absent.csv"], 2, "cannot read");
    // Another hub's receipt, another hub's keys.
    write("r.jws", &jws.replacen("ey", "eY", 1));
    check(&[], 1, "");
    write("r.jws", &jws);
    write("keys.json", "{\"keys\":[]}");
    check(&[], 1, "another hub");
    write("keys.json", &keys.replace("\"x\":\"", "\"x\":\"A"));
    check(&[], 1, "key set was changed");
}
