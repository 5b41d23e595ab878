//! Look-ups: who is told what of a number, and that a stranger is told nothing.

use counterfoil::config::settings::Limits;
use counterfoil::domain::serial::life::SerialState;
use counterfoil::domain::time::Micros;
use counterfoil::service::serial::commissioned;
use counterfoil::service::serial::lookup::{Asked, Lookup, LookupAnswer, lookup, lookup_all};
use serde_json::{Value, json};

use crate::story;

use super::*;

pub(super) const FORGED: &str = "NEVERGAAVE22";

/// One number of Auroxin, by the service.
pub(super) async fn one(test: &TestHub, party: &str, serial: &str) -> Lookup {
    let found = lookup(&test.hub, &test.actor(party), AUROXIN.parse().unwrap(), &[serial]).await;
    found.unwrap().remove(0)
}

/// Any texts, over the machine port: the lines of the answer.
async fn lines(test: &TestHub, party: &str, content_type: &str, body: String) -> Vec<Value> {
    let answer = test
        .post(&test.actor(party), "/serials/v1/lookups", content_type, body)
        .await
        .expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/jsonl");
    answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn commission(test: &TestHub, party: &str, lot: &str, serials: &[String]) {
    let (hub, party, lot, serials) = (test.hub.clone(), test.actor(party).party, lot.to_owned(), serials.to_vec());
    let work = test.hub.db().write(move |tx| {
        Box::pin(async move {
            let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
            commissioned(tx, &hub, &party, AUROXIN.parse().unwrap(), &lot, &serials)
                .await
                .map(drop)
        })
    });
    work.await.unwrap();
}

#[tokio::test]
async fn holder_and_owner_are_told_everything() {
    let test = TestHub::start().await;
    let asked = SerialRequest {
        lot: Some("L1".to_owned()),
        ..wanted("order 7", 10)
    };
    let granted = request(&test.hub, &test.actor("packwell"), asked).await.unwrap();
    let serials = numbers(&test, &granted).await;
    for party in ["packwell", "aurora"] {
        let found = one(&test, party, &serials[3]).await;
        assert_eq!(found.answer(), LookupAnswer::Issued, "{party}");
        let issued = found.issued.unwrap();
        let terms = issued.terms.unwrap();
        assert_eq!((issued.allocation, issued.holder.as_str()), (granted.id, "packwell"));
        assert_eq!(
            (issued.at, issued.state, issued.lot),
            (granted.created_at, Some(SerialState::Allocated), None)
        );
        assert_eq!((terms.request_key.as_str(), terms.lot.as_deref()), ("order 7", Some("L1")));
        assert_eq!(
            (issued.commissioned_at, issued.transferred, issued.reuse_banned_until),
            (None, None, None)
        );
    }
}

#[tokio::test]
async fn what_became_of_a_number_is_told_with_its_lot_and_time() {
    let test = TestHub::start().await;
    let serials = story::serials_for_packwell(&test, AUROXIN, 3).await;
    let units = story::sgtins(AUROXIN, &[&serials[0]]);
    let event = story::commission("2026-03-01T09:00:00Z", story::PACKWELL_HALL_1, &units, "L1");
    let job = test.capture(&test.actor("packwell"), story::document(&[event])).await;
    assert_eq!(job["success"], true, "{job:#}");
    for party in ["packwell", "aurora"] {
        let issued = one(&test, party, &serials[0]).await.issued.unwrap();
        assert_eq!(
            (issued.state, issued.lot.as_deref()),
            (Some(SerialState::Commissioned), Some("L1"))
        );
        assert_eq!(issued.commissioned_at, Some(crate::hub::micros("2026-03-01T09:00:00Z")));
        assert!(issued.reuse_banned_until >= Some(crate::hub::micros("2031-03-01T09:00:00Z")));
        let issued = one(&test, party, &serials[1]).await.issued.unwrap();
        assert_eq!(
            (issued.state, issued.lot, issued.commissioned_at),
            (Some(SerialState::Allocated), None, None)
        );
    }
}

#[tokio::test]
async fn every_state_is_told() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 70_000).await;
    let last = format!("/serials/v1/allocations/{}/serials?after=65536", granted.id);
    let text = test
        .get(&test.actor("packwell"), &last)
        .await
        .expect(StatusCode::OK)
        .text()
        .to_owned();
    let serials: Vec<String> = text
        .lines()
        .skip(1)
        .map(|row| row.split_once(',').unwrap().1.to_owned())
        .collect();
    // In the second group of 65,536; the last number is commissioned below its state.
    commission(&test, "packwell", "L9", &serials[..SerialState::ALL.len()]).await;
    for (at, state) in SerialState::ALL.iter().enumerate() {
        let offset = 65_536 + u32::try_from(at).unwrap();
        let bitmap = roaring::RoaringBitmap::from_iter([offset]);
        let mut bytes = Vec::new();
        bitmap.serialize_into(&mut bytes).unwrap();
        let (id, number) = (granted.id.uuid(), state.number());
        if matches!(state, SerialState::Allocated | SerialState::Commissioned) {
            continue;
        }
        let work = test.hub.db().write::<_, counterfoil::storage::StorageError, _>(move |tx| {
            Box::pin(async move {
                let sql =
                    "INSERT INTO serial_state (allocation_id, chunk, state, lot, count, offsets) VALUES ($1, 1, $2, 'L9', 1, $3)";
                tx.execute("placing a number", sql, vec![id.into(), number.into(), bytes.into()])
                    .await
            })
        });
        work.await.unwrap();
    }
    let asked: Vec<&str> = serials.iter().take(SerialState::ALL.len() + 1).map(String::as_str).collect();
    let found = lookup(&test.hub, &test.actor("aurora"), AUROXIN.parse().unwrap(), &asked)
        .await
        .unwrap();
    for (state, found) in SerialState::ALL.iter().zip(&found) {
        let expect = if *state == SerialState::Allocated {
            SerialState::Commissioned
        } else {
            *state
        };
        let issued = found.issued.as_ref().unwrap();
        assert_eq!((issued.state, issued.lot.as_deref()), (Some(expect), Some("L9")));
    }
    let fresh = found.last().unwrap().issued.as_ref().unwrap();
    assert_eq!((fresh.state, fresh.lot.as_deref()), (Some(SerialState::Allocated), None));
}

#[tokio::test]
async fn to_a_stranger_a_number_was_never_issued() {
    let test = TestHub::start().await;
    let packwells = numbers(&test, &granted(&test, "1", 5).await).await;
    let own = request(&test.hub, &test.actor("aurora"), wanted("2", 5)).await.unwrap();
    let auroras = numbers(&test, &own).await;
    commission(&test, "packwell", "L1", &packwells[..2]).await;
    // Commissioned without having it: the owner's business alone.
    commission(&test, "packwell", "L1", &auroras[..1]).await;
    let told = async |party: &str, serial: &str| {
        let body = json!({ "gtin": AUROXIN, "serials": [serial] }).to_string();
        let answer = test
            .post(&test.actor(party), "/serials/v1/lookups", "application/json", body)
            .await;
        let mut answer = answer.expect(StatusCode::OK);
        assert!(answer.headers.remove("x-request-id").is_some());
        (answer.headers.clone(), answer.text().replace(serial, "…"))
    };
    let query = "query ($serial: String!) { serialLookup(numbers: [{gtin: \"09521001001014\", serial: $serial}]) {
        allocation { id } allocationId answer commissionedAt foreign { lot } gtin holder { gln } issuedAt lot reason
        reuseBannedUntil serial state transfer { at } } }";
    let asked = async |party: &str, serial: &str| {
        let answer = test
            .graphql_data(&test.actor(party), query, json!({ "serial": serial }))
            .await;
        answer.to_string().replace(serial, "…")
    };
    // Packwell has numbers of the product, the others never had; none may tell the owner's numbers from made-up ones.
    for party in ["packwell", "halden", "zenith", "sigmapack", "northway", "hub-operator"] {
        let (rest, graphql) = (told(party, FORGED).await, asked(party, FORGED).await);
        assert!(
            rest.1.contains("\"not_issued\"") && graphql.contains("\"NOT_ISSUED\""),
            "{}",
            rest.1
        );
        let mut hidden: Vec<&String> = auroras.iter().collect();
        if party != "packwell" {
            hidden.extend(&packwells);
        }
        for serial in hidden {
            assert_eq!(told(party, serial).await, rest, "{party}");
            assert_eq!(asked(party, serial).await, graphql, "{party}");
        }
    }
    assert!(told("packwell", &packwells[0]).await.1.contains("\"issued\""));
    assert!(asked("packwell", &packwells[0]).await.contains("\"COMMISSIONED\""));
}

#[tokio::test]
async fn the_owner_learns_of_numbers_that_others_made_up() {
    let test = TestHub::start().await;
    let mine = numbers(&test, &granted(&test, "1", 3).await).await;
    let own = request(&test.hub, &test.actor("aurora"), wanted("2", 3)).await.unwrap();
    let auroras = numbers(&test, &own).await;
    commission(&test, "packwell", "L1", &[FORGED.to_owned(), auroras[0].clone()]).await;
    let found = one(&test, "aurora", FORGED).await;
    assert_eq!((found.answer(), found.foreign.len()), (LookupAnswer::Foreign, 1));
    assert_eq!(
        (found.foreign[0].party.as_str(), found.foreign[0].lot.as_str()),
        ("packwell", "L1")
    );
    // Issued to one party and commissioned by another.
    let found = one(&test, "aurora", &auroras[0]).await;
    assert_eq!((found.answer(), found.foreign.len()), (LookupAnswer::Issued, 1));
    assert_eq!(one(&test, "aurora", &mine[0]).await.foreign, []);
    assert_eq!(one(&test, "packwell", FORGED).await.answer(), LookupAnswer::NotIssued);
}

#[tokio::test]
async fn products_and_spellings_are_mixed_in_one_call() {
    let test = TestHub::start().await;
    let granted = granted(&test, "1", 6).await;
    let serials = numbers(&test, &granted).await;
    let texts = [
        format!("https://id.gs1.org/01/{AUROXIN}/21/{}", serials[0]),
        format!("urn:epc:id:sgtin:9521001.000101.{}", serials[1]),
        format!("(01){AUROXIN}(21){}", serials[2]),
        format!("]d201{AUROXIN}21{}\u{1d}10L1", serials[3]),
        format!("https://id.gs1.org/01/{LUMIVAR}/21/{}", serials[0]),
        "395210020000000017".to_owned(),
        "nothing".to_owned(),
        serials[4].clone(),
    ];
    let expect = [
        "issued",
        "issued",
        "issued",
        "issued",
        "not_issued",
        "not_issued",
        "not_understood",
        "not_understood",
    ];
    let body = json!({ "serials": texts }).to_string();
    let found = lines(&test, "aurora", "application/json", body).await;
    let answers: Vec<&str> = found.iter().map(|line| line["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, expect);
    let places: Vec<u64> = found.iter().map(|line| line["n"].as_u64().unwrap()).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        (&found[1]["serial"], &found[1]["gtin"]),
        (&json!(serials[1]), &json!(AUROXIN))
    );
    assert_eq!(
        (&found[0]["party"], &found[0]["request_key"]),
        (&json!("packwell"), &json!("1"))
    );
    assert_eq!((&found[6]["input"], found[6].get("serial")), (&json!("nothing"), None));
    // The same as CSV and as lines of JSON.
    let csv = format!("gtin,serial\r\n{AUROXIN},{}\r\n,{}\r\n", serials[0], texts[2]);
    let found = lines(&test, "packwell", "text/csv; charset=utf-8", csv).await;
    assert!(found.iter().all(|line| line["answer"] == "issued"), "{found:?}");
    let jsonl = format!("{{\"gtin\":\"{AUROXIN}\",\"serial\":\"{}\"}}\n", serials[0]);
    let found = lines(&test, "packwell", "application/jsonl", jsonl).await;
    assert_eq!((found.len(), &found[0]["answer"]), (1, &json!("issued")));
    assert!(lines(&test, "packwell", "text/csv", String::new()).await.is_empty());
}

#[tokio::test]
async fn a_hundred_thousand_at_once() {
    let test = TestHub::start().await;
    // Many small blocks of two parties, so that numbers of one call lie in all of them.
    let mut serials = Vec::new();
    for key in 0..20 {
        serials.extend(numbers(&test, &granted(&test, &format!("p{key}"), 2_400).await).await);
        let own = request(&test.hub, &test.actor("aurora"), wanted(&format!("a{key}"), 100))
            .await
            .unwrap();
        serials.extend(numbers(&test, &own).await);
    }
    let forged = 100_000 - serials.len();
    // Of the same form and spread as real ones.
    let made_up = (0..forged).map(|at| {
        format!(
            "{}{}",
            &serials[at % serials.len()][..8],
            &serials[(at * 7 + 1) % serials.len()][8..]
        )
    });
    let asked: Vec<String> = serials.iter().cloned().chain(made_up).collect();
    let body: String = asked.iter().map(|serial| format!("{AUROXIN},{serial}\n")).collect();
    let count = async |party: &str| {
        let found = lines(&test, party, "text/csv", body.clone()).await;
        assert_eq!(found.len(), 100_000);
        assert!(found.iter().zip(&asked).all(|(line, serial)| line["serial"] == json!(serial)));
        found.iter().filter(|line| line["answer"] == "issued").count()
    };
    assert_eq!(count("aurora").await, 50_000);
    assert_eq!(count("packwell").await, 48_000);
    assert_eq!(count("halden").await, 0);
}

#[tokio::test]
async fn what_is_too_much_or_cannot_be_read_is_refused_before_anything_is_looked_up() {
    let limits = Limits {
        lookup_numbers: 3,
        lookup_bytes: 200,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let check = async |content_type: &str, body: &str, status: StatusCode, expect: &str| {
        let answer = test
            .post(&test.actor("aurora"), "/serials/v1/lookups", content_type, body.to_owned())
            .await
            .expect(status);
        assert!(answer.text().contains(expect), "{}", answer.text());
    };
    let (bad, large) = (StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE);
    check("text/csv", "A\nB\nC\nD", large, "at most 3").await;
    check(
        "application/json",
        "{\"serials\":[\"A\",\"B\",\"C\",\"D\"]}",
        large,
        "at most 3",
    )
    .await;
    check("text/csv", &"A".repeat(201), large, "larger than 200 bytes").await;
    check("application/xml", "<a/>", StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/csv").await;
    check("text/csv", "serial\nA\n\"B\n", bad, "line 3: the quotes").await;
    check("application/json", "{\"serials\":[1]}", bad, "`serials`").await;
    check("application/json", "{\"serials\":[],\"SECRETSERIAL\":1}", bad, "`serials`").await;
    let four = vec![Asked::new(AUROXIN.parse::<counterfoil::service::serial::Numbered>().unwrap(), "A"); 4];
    let error = lookup_all(&test.hub, &test.actor("aurora"), four).await;
    assert_eq!(refusal(error).0, Code::TooLarge);
    let query = "query ($numbers: [SerialLookupInput!]!) { serialLookup(numbers: $numbers) { answer } }";
    let numbers = vec![json!({"serial": "A"}); 201];
    let answer = test
        .graphql(&test.actor("aurora"), query, json!({ "numbers": numbers }))
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT", "{answer}");
}

#[tokio::test]
async fn numbers_are_found_whatever_the_epoch() {
    let test = TestHub::start().await;
    let old = numbers(&test, &granted(&test, "1", 3).await).await;
    amend(
        &test.hub,
        |party| party.products.iter_mut().for_each(|product| product.serials.length = 13),
        |_| {},
    );
    let new = numbers(&test, &granted(&test, "2", 3).await).await;
    assert_eq!((old[0].len(), new[0].len()), (12, 13));
    for serial in old.iter().chain(&new) {
        assert_eq!(one(&test, "packwell", serial).await.answer(), LookupAnswer::Issued);
    }
    assert!(Micros(0) < one(&test, "aurora", &new[0]).await.issued.unwrap().at);
}
