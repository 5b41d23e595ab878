//! Where numbers come from: sources, epochs, rotated keys, and what the owner is shown of it.

use counterfoil::domain::serial::rule::{DIGITS, NumberRange, SerialRule, Source};
use counterfoil::service::serial::{Rotation, rotate, verify_pools};
use serde_json::{Value, json};

use super::*;

const ROTATE: &str =
    "mutation($input: RotateSerialKeyInput!) { rotateSerialKey(input: $input) { status reason pool { epoch source } } }";
const POOLS: &str = "query($gtin: String) { serialPools(gtin: $gtin) { edges { node { alphabet burnt epoch fullOn gtin issued \
                     issuedPerDay length longerLength markets remaining retiredAt source \
                     density { density issuable issued oneIn space statement } } } } }";

/// Gives the first product of Aurora another rule, in the memory of these hubs.
fn follow(hubs: &[&Hub], rule: &SerialRule) {
    for hub in hubs {
        amend(
            hub,
            |party| {
                for product in party.products.iter_mut().filter(|product| product.gtin.as_str() == AUROXIN) {
                    product.serials = rule.clone();
                }
            },
            |_| (),
        );
    }
}

/// A million numbers, all of them issuable: epochs meet all the time.
fn million() -> SerialRule {
    SerialRule {
        alphabet: DIGITS.to_owned(),
        length: 6,
        density: 1,
        ..SerialRule::default()
    }
}

async fn pools_of(test: &TestHub, party: &str, numbered: &str) -> Vec<Value> {
    let data = test
        .graphql_data(&test.actor(party), POOLS, json!({ "gtin": numbered }))
        .await;
    let edges = data["serialPools"]["edges"].as_array().unwrap().clone();
    edges.into_iter().map(|edge| edge["node"].clone()).collect()
}

async fn rotated(test: &TestHub, party: &str, gtin: &str, epoch: i64) -> Value {
    let input = json!({ "input": { "epoch": epoch, "gtin": gtin, "reason": "a laptop with a copy was lost" } });
    test.graphql(&test.actor(party), ROTATE, input).await
}

async fn counters(test: &TestHub) -> Vec<(i64, i64, bool)> {
    let sql = "SELECT epoch, next_index, retired_at FROM pool ORDER BY epoch";
    let rows = test.hub.db().query("reading counters", sql, Vec::new()).await.unwrap();
    let counter = |row: &sea_orm::QueryResult| {
        let retired: Option<i64> = row.try_get("", "retired_at").unwrap();
        (
            row.try_get("", "epoch").unwrap(),
            row.try_get("", "next_index").unwrap(),
            retired.is_some(),
        )
    };
    rows.iter().map(counter).collect()
}

#[tokio::test]
async fn a_rule_of_the_same_length_begins_an_epoch_that_repeats_nothing() {
    let test = TestHub::start().await;
    follow(&[&test.hub], &million());
    let first = granted(&test, "1", 30_000).await;
    let old = numbers(&test, &first).await;
    let reversed = SerialRule {
        alphabet: DIGITS.chars().rev().collect(),
        ..million()
    };
    follow(&[&test.hub], &reversed);
    let second = numbers(&test, &granted(&test, "2", 30_000).await).await;
    follow(&[&test.hub], &million());
    let third = numbers(&test, &granted(&test, "3", 30_000).await).await;
    let all: HashSet<&String> = old.iter().chain(&second).chain(&third).collect();
    assert_eq!(all.len(), 90_000);
    assert_eq!(numbers(&test, &first).await, old);
    let counters = counters(&test).await;
    assert_eq!(
        counters
            .iter()
            .map(|(epoch, _, retired)| (*epoch, *retired))
            .collect::<Vec<_>>(),
        [(1, true), (2, true), (3, false)]
    );
    // Every thirty-third number of the second epoch would have been one of the first: its counter went past those.
    assert!(counters[1].1 > 30_500, "{counters:?}");
    // Another process finds all of it, and the same numbers.
    assert_eq!(verify_pools(&test.second().await).await.unwrap(), 3);
}

#[tokio::test]
async fn another_length_is_left_open_to_go_back_to() {
    let test = TestHub::start().await;
    let longer = SerialRule {
        length: 13,
        ..SerialRule::default()
    };
    granted(&test, "1", 10).await;
    follow(&[&test.hub], &longer);
    granted(&test, "2", 10).await;
    follow(&[&test.hub], &SerialRule::default());
    granted(&test, "3", 10).await;
    assert_eq!(counters(&test).await, [(1, 20, false), (2, 10, false)]);
}

#[tokio::test]
async fn an_owner_rotates_a_key_once_however_often_it_asks() {
    let test = TestHub::start().await;
    let before = numbers(&test, &granted(&test, "1", 50).await).await;
    let answer = rotated(&test, "aurora", AUROXIN, 1).await;
    assert_eq!(answer["data"]["rotateSerialKey"]["status"], "ROTATED", "{answer:#}");
    assert_eq!(
        answer["data"]["rotateSerialKey"]["pool"],
        json!({ "epoch": 2, "source": "PERMUTATION" })
    );
    let again = rotated(&test, "aurora", AUROXIN, 1).await;
    assert_eq!(again["data"]["rotateSerialKey"]["status"], "ALREADY_ROTATED", "{again:#}");
    assert_eq!(again["data"]["rotateSerialKey"]["pool"]["epoch"], 2);
    let after = numbers(&test, &granted(&test, "2", 50).await).await;
    assert!(before.iter().all(|serial| !after.contains(serial)));
    assert_eq!(counters(&test).await, [(1, 50, true), (2, 50, false)]);
    let sql = "SELECT party_id, object, detail FROM audit WHERE action = 'rotate_serial_key'";
    let rows = test.hub.db().query("reading the audit", sql, Vec::new()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let detail: String = rows[0].try_get("", "detail").unwrap();
    assert!(detail.contains("a laptop with a copy was lost"), "{detail}");
    // Capture still knows numbers of both keys.
    let sought = [before[0].as_str(), after[0].as_str(), "GWWF4L9KMCCZ"];
    assert_eq!(known(&test, &sought).await, [true, true, false]);
}

/// Whether packwell has these serials of Auroxin.
async fn known(test: &TestHub, serials: &[&str]) -> Vec<bool> {
    let hub = test.hub.clone();
    let serials: Vec<String> = serials.iter().map(|serial| (*serial).to_owned()).collect();
    let standings = test
        .hub
        .db()
        .write(move |tx| {
            Box::pin(async move {
                let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
                let (party, gtin) = ("packwell".parse().unwrap(), AUROXIN.parse().unwrap());
                counterfoil::service::serial::commissioned(tx, &hub, &party, gtin, "L1", &serials).await
            })
        })
        .await
        .unwrap();
    standings
        .into_iter()
        .map(|standing| standing == counterfoil::service::serial::Standing::Allocated)
        .collect()
}

#[tokio::test]
async fn nobody_else_rotates_a_key_or_learns_that_there_is_one() {
    let test = TestHub::start().await;
    granted(&test, "1", 5).await;
    let unknown = rotated(&test, "aurora", "09521001009997", 1).await;
    for stranger in ["packwell", "zenith", "halden", "hub-operator"] {
        let answer = rotated(&test, stranger, AUROXIN, 1).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{stranger}");
        assert_eq!(answer["errors"], unknown["errors"], "{stranger}");
        assert_eq!(pools_of(&test, stranger, AUROXIN).await, Vec::<Value>::new(), "{stranger}");
    }
    let check = async |gtin: &str, epoch: i64, expect: &str| {
        let answer = rotated(&test, "aurora", gtin, epoch).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT");
        let text = answer["errors"][0]["message"].as_str().unwrap();
        assert!(text.contains(expect), "{text}");
    };
    check(AUROXIN, 2, "that is 1").await;
    check(LUMIVAR, 1, "no key to rotate").await;
    check("no product", 1, "neither a GTIN").await;
    assert_eq!(counters(&test).await, [(1, 5, false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_rotated_while_two_processes_issue_repeats_nothing() {
    let test = TestHub::start().await;
    let second = test.second().await;
    follow(&[&test.hub, &second], &million());
    granted(&test, "first", 10).await;
    let owner = test.actor("aurora");
    let mut work = tokio::task::JoinSet::new();
    for i in 0..24_u64 {
        let hub = if i % 2 == 0 { test.hub.clone() } else { second.clone() };
        let (actor, owner) = (test.actor("packwell"), owner.clone());
        work.spawn(async move {
            if i % 8 == 5 {
                let epoch = i64::try_from(i / 8).unwrap() + 1;
                let numbered = AUROXIN.parse().unwrap();
                let reason = "a test".to_owned();
                let _ = rotate(&hub, &owner, Rotation { numbered, epoch, reason }).await;
                return None;
            }
            let asked = request(&hub, &actor, wanted(&format!("order-{i}"), 2_000)).await;
            Some(asked.unwrap())
        });
    }
    let mut seen = HashSet::new();
    let mut allocations: Vec<Allocation> = work.join_all().await.into_iter().flatten().collect();
    // Whoever was late tells of epochs that are over.
    let frozen = counters(&test).await;
    allocations.push(
        request(&second, &test.actor("packwell"), wanted("last", 2_000))
            .await
            .unwrap(),
    );
    for allocation in &allocations {
        for serial in numbers(&test, allocation).await {
            assert!(seen.insert(serial));
        }
    }
    assert_eq!(seen.len(), allocations.len() * 2_000);
    let now = counters(&test).await;
    assert!(now.len() > 1, "{now:?}");
    for (before, after) in frozen.iter().zip(&now).filter(|(before, _)| before.2) {
        assert_eq!(before, after, "a retired counter moved");
    }
}

#[tokio::test]
async fn a_process_with_old_contracts_does_not_bring_the_old_rule_back() {
    let test = TestHub::start().await;
    let old = test.second().await;
    follow(&[&test.hub, &old], &million());
    granted(&test, "1", 10).await;
    let reversed = SerialRule {
        alphabet: DIGITS.chars().rev().collect(),
        ..million()
    };
    follow(&[&test.hub], &reversed);
    let stepped = test.hub.db().write(|tx| {
        let sql = "UPDATE registry SET version = version + 2";
        Box::pin(async move {
            tx.execute("applying contracts", sql, Vec::new())
                .await
                .map_err(ServiceError::from)
        })
    });
    stepped.await.unwrap();
    amend(&test.hub, |_| (), |_| ());
    granted(&test, "2", 10).await;
    let (code, _) = refusal(request(&old, &test.actor("packwell"), wanted("3", 10)).await);
    assert_eq!(code, Code::Unavailable);
    assert_eq!(counters(&test).await.len(), 2);
}

#[tokio::test]
async fn banned_words_hold_at_once_and_need_no_epoch() {
    let test = TestHub::start().await;
    follow(&[&test.hub], &million());
    let before = numbers(&test, &granted(&test, "1", 3_000).await).await;
    assert!(before.iter().any(|serial| serial.contains("66")));
    let without = SerialRule {
        banned_words: vec!["66".to_owned()],
        ..million()
    };
    follow(&[&test.hub], &without);
    let after = numbers(&test, &granted(&test, "2", 3_000).await).await;
    assert_eq!(after.len(), 3_000);
    assert!(after.iter().all(|serial| !serial.contains("66") && !before.contains(serial)));
    assert_eq!(counters(&test).await.len(), 1);
    // What went out before stays good.
    let word = before.iter().find(|serial| serial.contains("66")).unwrap();
    assert_eq!(known(&test, &[word.as_str()]).await, [true]);
}

#[tokio::test]
async fn a_counted_product_and_its_end() {
    let test = TestHub::start().await;
    let counted = |last| SerialRule {
        length: 5,
        ..SerialRule::counted(NumberRange { first: 98, last })
    };
    follow(&[&test.hub], &counted(103));
    assert_eq!(
        numbers(&test, &granted(&test, "1", 4).await).await,
        ["00098", "00099", "00100", "00101"]
    );
    let (code, _) = refusal(request(&test.hub, &test.actor("packwell"), wanted("2", 3)).await);
    assert_eq!(code, Code::PoolExhausted);
    test.advance_seconds(1);
    follow(&[&test.hub], &counted(999));
    assert_eq!(
        numbers(&test, &granted(&test, "2", 3).await).await,
        ["00102", "00103", "00104"]
    );
    let pools = pools_of(&test, "aurora", AUROXIN).await;
    assert_eq!(pools[0]["source"], "SEQUENTIAL");
    assert_eq!((&pools[0]["density"], &pools[0]["remaining"]), (&Value::Null, &json!(895)));
}

/// The SSCCs of an allocation, as its holder.
async fn ssccs(test: &TestHub, allocation: &Allocation) -> Vec<String> {
    let path = format!("/serials/v1/allocations/{}/serials", allocation.id);
    let answer = test
        .get(&test.actor(allocation.party.as_str()), &path)
        .await
        .expect(StatusCode::OK);
    let rows = answer.text().strip_prefix("sscc\r\n").unwrap().lines();
    rows.map(str::to_owned).collect()
}

#[tokio::test]
async fn ssccs_are_given_to_who_holds_the_prefix_and_to_whom_it_lets() {
    let test = TestHub::start().await;
    let ask = async |party: &str, series: &str, key: &str| {
        let wanted = SerialRequest::new(series.parse::<counterfoil::service::serial::Numbered>().unwrap(), 3, key);
        request(&test.hub, &test.actor(party), wanted).await
    };
    let own = ask("packwell", "9521002:3", "1").await.unwrap();
    let digits = ssccs(&test, &own).await;
    assert_eq!(digits, ["395210020000000008", "395210020000000015", "395210020000000022"]);
    let other = ask("packwell", "9521002:4", "2").await.unwrap();
    assert!(ssccs(&test, &other).await[0].starts_with("49521002"));
    let lent = ask("packwell", "9521001:0", "3").await.unwrap();
    assert_eq!((lent.party.as_str(), lent.principal.as_str()), ("packwell", "aurora"));
    assert!(ssccs(&test, &lent).await[0].starts_with("09521001000005000"));
    // No agreement names the prefix; a series that nobody gives out; somebody else's.
    for (party, series) in [("sigmapack", "9521001:0"), ("packwell", "9521001:1"), ("zenith", "9521002:3")] {
        let (code, _) = refusal(ask(party, series, "4").await);
        assert_eq!(code, Code::NoAgreement, "{party} {series}");
    }
    assert_eq!(verify_pools(&test.second().await).await.unwrap(), 3);
    let answer = rotated(&test, "packwell", "9521002:3", 1).await;
    let text = answer["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("not made with a key"), "{text}");
}

#[tokio::test]
async fn an_owner_sees_how_far_its_pools_are() {
    let test = TestHub::start().await;
    follow(
        &[&test.hub],
        &SerialRule {
            alphabet: DIGITS.to_owned(),
            length: 10,
            markets: vec!["eu".parse().unwrap()],
            ..SerialRule::default()
        },
    );
    granted(&test, "1", 300).await;
    test.advance_seconds(1);
    rotated(&test, "aurora", AUROXIN, 1).await;
    granted(&test, "2", 100).await;
    let pools = pools_of(&test, "aurora", AUROXIN).await;
    assert_eq!(
        pools[0],
        json!({
            "alphabet": DIGITS, "burnt": 0, "epoch": 2, "fullOn": "2033-01-03T00:00:00.000Z", "gtin": AUROXIN, "issued": 100,
            "issuedPerDay": 400, "length": 10, "longerLength": 11, "markets": ["eu"], "remaining": 999_600, "retiredAt": null,
            "source": "PERMUTATION",
            "density": {
                "density": 10_000, "issuable": 1_000_000, "issued": 400, "oneIn": "25000000", "space": "10000000000",
                "statement": "400 of 10000000000 possible serial numbers were issued, at most 1000000 (one in 10000) ever are; one \
                              blind guess in 25000000 would hit"
            }
        }),
    );
    assert_eq!((&pools[1]["issued"], &pools[1]["remaining"]), (&json!(300), &json!(0)));
    assert_eq!(pools[1]["retiredAt"], "2026-03-02T08:00:01.000Z");
}

#[tokio::test]
async fn with_changed_answers_no_computed_pool_starts() {
    for rule in [
        SerialRule::default(),
        SerialRule {
            sgtin_96: true,
            alphabet: DIGITS.to_owned(),
            ..SerialRule::default()
        },
        SerialRule::counted(NumberRange { first: 1, last: 99 }),
    ] {
        let test = TestHub::start().await;
        follow(&[&test.hub], &rule);
        granted(&test, "1", 5).await;
        assert_eq!(verify_pools(&test.second().await).await.unwrap(), 1);
        let spoilt = test.hub.db().write(|tx| {
            Box::pin(async move {
                let sql = "UPDATE pool SET samples = REPLACE(samples, '\",\"', '\",\"0')";
                tx.execute("spoiling a pool", sql, Vec::new())
                    .await
                    .map_err(ServiceError::from)
            })
        });
        spoilt.await.unwrap();
        let (_, text) = refusal(verify_pools(&test.second().await).await);
        assert!(text.contains("does not give the serial numbers it gave"), "{text}");
    }
}

#[tokio::test]
async fn numbers_that_others_made_before_are_passed_over() {
    let test = TestHub::start().await;
    follow(&[&test.hub], &million());
    // What the hub would give out, were nothing listed: known from another hub with the same key.
    let twin = TestHub::start().await;
    follow(&[&twin.hub], &million());
    let plain = numbers(&twin, &granted(&twin, "1", 20).await).await;
    let taken = [plain[3].clone(), plain[17].clone()];
    let listed = SerialRule {
        source: Source::Imported,
        ..million()
    };
    assert!(listed.check().is_ok());
    let rows = taken.clone();
    let stored = test.hub.db().write(move |tx| {
        Box::pin(async move {
            for (i, serial) in rows.into_iter().enumerate() {
                let sql = "INSERT INTO listed_serial (gtin, serial, pool_id, number_index) VALUES ($1, $2, $3, $4)";
                let values = vec![AUROXIN.into(), serial.into(), uuid::Uuid::nil().into(), (i as i64).into()];
                tx.execute("listing a serial", sql, values).await?;
            }
            Ok::<_, ServiceError>(())
        })
    });
    stored.await.unwrap();
    let mine = numbers(&test, &granted(&test, "1", 18).await).await;
    let expect: Vec<String> = plain.into_iter().filter(|serial| !taken.contains(serial)).collect();
    assert_eq!(mine, expect);
}
