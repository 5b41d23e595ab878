//! Partner configuration: what is refused and how it is said, what a plan says, what applying does.

use std::path::Path;

use counterfoil::config::partner::{PartnerFile, load};
use counterfoil::domain::agreement::Power;
use counterfoil::domain::gs1::Gtin;
use counterfoil::domain::party::Mandate;
use counterfoil::service::partner::{Missing, PlanError, apply, plan, refresh};
use counterfoil::service::{Code, ServiceError};
use counterfoil::storage::party::registry_version;

use crate::hub::{TestHub, micros, story_partners};

mod refusals;
mod schema;

/// A small world: a manufacturer that lets a packager act, and the operator.
const MAKER: &str = r#"legal_name = "Maker AG"
roles = ["manufacturer"]
gln = "9521001000017"
country = "CH"
prefixes = ["9521001"]

[[sites]]
gln = "9521001000116"
name = "Plant"
country = "CH"

[[products]]
gtin = "09521001001014"
name = "Product"

[[agreements]]
id = "maker-packer"
delegate = "packer"
products = ["09521001001014"]
sites = ["9521002000115"]
powers = ["request_serials", "commission"]
valid_from = 2024-01-01
valid_until = 2034-01-01
[agreements.quota]
per_request = 1000
[agreements.approval]
above = 500
"#;
const PACKER: &str = r#"legal_name = "Packer GmbH"
roles = ["cmo"]
gln = "9521002000016"
country = "DE"
prefixes = ["9521002"]

[[sites]]
gln = "9521002000115"
name = "Hall 1"
country = "DE"
"#;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The checked files of a good folder.
fn files(files: &[(&str, &str)]) -> Vec<PartnerFile> {
    load(folder(files).path()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The small world with one text replaced in one file.
fn edited(file: &str, from: &str, to: &str) -> Vec<PartnerFile> {
    let edit = |name: &str, text: &str| {
        if name == file {
            replaced(text, from, to)
        } else {
            text.to_owned()
        }
    };
    files(&[
        ("maker.toml", &edit("maker.toml", MAKER)),
        ("packer.toml", &edit("packer.toml", PACKER)),
    ])
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not there");
    text.replacen(from, to, 1)
}

async fn small_world() -> TestHub {
    let test = TestHub::empty().await;
    test.apply_partners(folder(&[("maker.toml", MAKER), ("packer.toml", PACKER)]).path())
        .await;
    test
}

async fn planned(test: &TestHub, files: &[PartnerFile]) -> String {
    plan(test.hub.db(), files, Missing::Keep).await.unwrap().to_string()
}

async fn problems(test: &TestHub, files: &[PartnerFile]) -> Vec<String> {
    match plan(test.hub.db(), files, Missing::Keep).await {
        Err(PlanError::Refused(problems)) => problems.iter().map(|one| format!("{}: {}", one.line, one.cause)).collect(),
        other => panic!("expected problems: {other:?}"),
    }
}

#[tokio::test]
async fn the_first_plan_names_everything_that_is_new() {
    let test = TestHub::empty().await;
    let expect = "\
+ party maker: Maker AG, manufacturer, GLN 9521001000017
+ site 9521001000116 of maker: Plant (CH)
+ company prefix 9521001 of maker
+ product 09521001001014 of maker: Product
+ agreement maker-packer of maker: packer may act, 2024-01-01 to 2034-01-01
+ party packer: Packer GmbH, cmo, GLN 9521002000016
+ site 9521002000115 of packer: Hall 1 (DE)
+ company prefix 9521002 of packer
8 to add, 0 to change, 0 to remove, against version 0
";
    let files = files(&[("maker.toml", MAKER), ("packer.toml", PACKER)]);
    assert_eq!(planned(&test, &files).await, expect);
    assert_eq!(registry_version(test.hub.db()).await.unwrap(), 0, "a plan writes nothing");
}

#[tokio::test]
async fn applying_twice_changes_nothing() {
    let test = TestHub::start().await;
    let files = load(&story_partners()).unwrap();
    let again = plan(test.hub.db(), &files, Missing::Keep).await.unwrap();
    assert_eq!(again.to_string(), "no changes against version 1\n");
    assert_eq!(apply(test.hub.db(), again, test.stamp()).await.unwrap(), 1);
    assert_eq!(registry_version(test.hub.db()).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_stored_is_what_stood_in_the_files() {
    let test = TestHub::start().await;
    let registry = test.hub.registry();
    for file in load(&story_partners()).unwrap() {
        assert_eq!(**registry.party(&file.party.id).unwrap(), file.party);
        for agreement in &file.agreements {
            assert_eq!(**registry.agreement(&agreement.id).unwrap(), *agreement);
        }
    }
}

#[tokio::test]
async fn a_changed_field_is_shown_as_it_was_and_as_it_will_be() {
    let test = small_world().await;
    let check = async |file: &str, from: &str, to: &str, expect: &str| {
        let plan = planned(&test, &edited(file, from, to)).await;
        assert_eq!(
            plan,
            format!("{expect}\n0 to add, 1 to change, 0 to remove, against version 1\n")
        );
    };
    check(
        "packer.toml",
        "Packer GmbH",
        "Packer SE",
        "~ party packer\n    legal_name: Packer GmbH -> Packer SE",
    )
    .await;
    check(
        "packer.toml",
        "Hall 1",
        "Hall A",
        "~ site 9521002000115 of packer\n    name: Hall 1 -> Hall A",
    )
    .await;
    check(
        "maker.toml",
        "per_request = 1000",
        "",
        "~ agreement maker-packer of maker\n    quota.per_request: 1000 -> none",
    )
    .await;
    let until = "~ agreement maker-packer of maker\n    valid_until: 2034-01-01T00:00:00.000Z -> 2026-03-01T00:00:00.000Z";
    check("maker.toml", "2034-01-01", "2026-03-01", until).await;
    let serials = "~ product 09521001001014 of maker\n    serials.length: 12 -> 13";
    check(
        "maker.toml",
        "name = \"Product\"",
        "name = \"Product\"\nserials = { length = 13 }",
        serials,
    )
    .await;
    check(
        "packer.toml",
        "country = \"DE\"",
        "country = \"DE\"\nsuspended = true",
        "~ party packer: suspended, it may do nothing any more",
    )
    .await;
}

#[tokio::test]
async fn a_party_without_a_file_stays_until_it_is_asked_to_be_suspended() {
    let test = small_world().await;
    let alone = replaced(MAKER, &MAKER[MAKER.find("[[agreements]]").unwrap()..], "");
    let files = files(&[("maker.toml", &alone)]);
    let keep = plan(test.hub.db(), &files, Missing::Keep).await.unwrap();
    assert!(
        keep.to_string().contains("! party packer has no file: it stays as it is"),
        "{keep}"
    );
    let suspend = plan(test.hub.db(), &files, Missing::Suspend).await.unwrap();
    assert!(suspend.to_string().contains("~ party packer: suspended"), "{suspend}");
    apply(test.hub.db(), suspend, test.stamp()).await.unwrap();
    assert!(refresh(&test.hub).await.unwrap());
    let registry = test.hub.registry();
    let packer = registry.party(&"packer".parse().unwrap()).unwrap();
    assert!(!packer.active);
    assert_eq!(packer.legal_name, "Packer GmbH", "what it was stays");
    assert_eq!(
        registry.party_of_gln("9521002000016".parse().unwrap()),
        Some(&packer.id),
        "its GLN stays taken"
    );
    let again = plan(test.hub.db(), &files, Missing::Suspend).await.unwrap();
    assert!(again.is_empty(), "{again}");
}

#[tokio::test]
async fn a_suspended_party_gives_and_holds_nothing_until_it_is_back() {
    let test = small_world().await;
    let (packer, gtin, now) = (
        "packer".parse().unwrap(),
        "09521001001014".parse::<Gtin>().unwrap(),
        test.hub.now(),
    );
    let holds = || test.hub.registry().mandate(&packer, Power::Commission, gtin, now).is_some();
    let apply_edit = async |file: &str, flag: &str| {
        let plan = plan(
            test.hub.db(),
            &edited(file, "country", &format!("suspended = {flag}\ncountry")),
            Missing::Keep,
        )
        .await
        .unwrap();
        let text = plan.to_string();
        apply(test.hub.db(), plan, test.stamp()).await.unwrap();
        refresh(&test.hub).await.unwrap();
        text
    };
    assert!(holds());
    for (file, party) in [("packer.toml", "packer"), ("maker.toml", "maker")] {
        assert!(
            apply_edit(file, "true")
                .await
                .contains(&format!("~ party {party}: suspended"))
        );
        assert!(!holds(), "{party} is suspended");
        assert!(
            apply_edit(file, "false")
                .await
                .contains(&format!("~ party {party}: may act again"))
        );
        assert!(holds(), "{party} is back");
    }
}

#[tokio::test]
async fn what_a_party_without_a_file_claims_nobody_else_may() {
    let test = small_world().await;
    let thief = PACKER.replace("Packer GmbH", "Thief Ltd");
    let alone = replaced(MAKER, &MAKER[MAKER.find("[[agreements]]").unwrap()..], "");
    let found = problems(&test, &files(&[("maker.toml", &alone), ("thief.toml", &thief)])).await;
    let stored = "is that of party `packer`, which is stored and has no file here";
    let expect = [
        format!("3: GLN `9521002000016` {stored}"),
        format!("5: company prefix `9521002` {stored}"),
        format!("8: GLN `9521002000115` {stored}"),
    ];
    assert_eq!(found, expect);
}

#[tokio::test]
async fn a_gln_may_move_to_another_party_in_one_step() {
    let test = small_world().await;
    let maker = replaced(MAKER, "9521001000116", "9521001000123");
    let packer = format!("{PACKER}\n[[sites]]\ngln = \"9521001000116\"\nname = \"Bought plant\"\ncountry = \"CH\"\n");
    let moved = folder(&[("maker.toml", &maker), ("packer.toml", &packer)]);
    test.apply_partners(moved.path()).await;
    let gln = "9521001000116".parse().unwrap();
    assert_eq!(test.hub.registry().party_of_gln(gln).unwrap().as_str(), "packer");
}

#[tokio::test]
async fn an_agreement_stays_between_those_who_made_it() {
    let test = small_world().await;
    let other = replaced(PACKER, "9521002000016", "9521003000015")
        .replace("9521002000115", "9521003000114")
        .replace("\"9521002\"", "\"9521003\"");
    let maker = MAKER
        .replace("delegate = \"packer\"", "delegate = \"other\"")
        .replace("9521002000115", "9521003000114");
    let world = [
        ("maker.toml", maker.as_str()),
        ("packer.toml", PACKER),
        ("other.toml", other.as_str()),
    ];
    let found = problems(&test, &files(&world)).await;
    assert_eq!(
        found,
        ["17: agreement `maker-packer` is stored as one between `maker` and `packer`"]
    );
}

#[tokio::test]
async fn what_data_refers_to_is_not_removed() {
    let test = small_world().await;
    refer_to_everything(&test).await;
    let maker = r#"legal_name = "Maker AG"
roles = ["manufacturer"]
gln = "9521001000017"
country = "CH"
"#;
    let found = problems(&test, &files(&[("maker.toml", maker), ("packer.toml", PACKER)])).await;
    let refers = "is gone from the file, but data refers to it";
    let expect = [
        format!("0: GLN `9521001000116` {refers}"),
        format!("0: agreement `maker-packer` {refers}"),
        format!("0: company prefix `9521001` {refers}"),
        format!("0: product `09521001001014` {refers}"),
    ];
    assert_eq!(found, expect);
}

/// What only the services write otherwise; the rule is about rows, whoever wrote them.
async fn refer_to_everything(test: &TestHub) {
    let kind =
        "INSERT INTO thing_kind (no, prefix, gtin, lot, expiry, owner_id, disposition) VALUES ($1, $2, $3, '', '', '', '')";
    let thing = "INSERT INTO thing (epc, kind, last_at, serial) VALUES ($1, $2, 0, $3)";
    let id = |n: u128| sea_orm::Value::from(uuid::Uuid::from_u128(n));
    let kinds = [
        vec![1_i64.into(), "https://id.gs1.org/00/".into(), "".into()],
        vec![
            2_i64.into(),
            "https://id.gs1.org/01/09521001001014/21/".into(),
            "09521001001014".into(),
        ],
    ];
    let things = [
        vec![id(1), 1_i64.into(), "095210010000000017".into()],
        vec![id(2), 2_i64.into(), "A".into()],
    ];
    let pool = "INSERT INTO pool (id, owner_id, gtin, epoch, algorithm, alphabet, length, samples, next_index, cap, created_at)
                VALUES ($1, 'maker', '09521001001014', 1, 'ff1', '0123456789', 12, '[]', 0, 10, 0)";
    let allocation = "INSERT INTO allocation
        (id, pool_id, party_id, principal_id, agreement_id, gtin, request_key, request_hash, first_index, quantity, site, state, created_at)
        VALUES ($1, $2, 'packer', 'maker', 'maker-packer', '09521001001014', 'k', $3, 0, 5, '9521001000116', 'reserved', 0)";
    let written: Result<(), counterfoil::storage::StorageError> = test
        .hub
        .db()
        .write(move |tx| {
            Box::pin(async move {
                for values in kinds {
                    tx.execute("test", kind, values).await?;
                }
                for values in things {
                    tx.execute("test", thing, values).await?;
                }
                tx.execute("test", pool, vec![id(3)]).await?;
                tx.execute("test", allocation, vec![id(4), id(3), vec![0_u8].into()]).await?;
                Ok(())
            })
        })
        .await;
    written.unwrap();
}

#[tokio::test]
async fn what_nothing_refers_to_is_removed() {
    let test = small_world().await;
    let maker = replaced(MAKER, &MAKER[MAKER.find("prefixes").unwrap()..], "");
    let files = files(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
    let plan = plan(test.hub.db(), &files, Missing::Keep).await.unwrap();
    let expect = "\
- site 9521001000116 of maker: removed
- company prefix 9521001 of maker: removed
- product 09521001001014 of maker: removed
- agreement maker-packer of maker: removed
0 to add, 0 to change, 4 to remove, against version 1
";
    assert_eq!(plan.to_string(), expect);
    apply(test.hub.db(), plan, test.stamp()).await.unwrap();
    refresh(&test.hub).await.unwrap();
    assert_eq!(test.hub.registry().owner_of_gtin("09521001001014".parse().unwrap()), None);
}

#[tokio::test]
async fn data_that_came_in_since_the_plan_stops_a_removal() {
    let test = small_world().await;
    let maker = replaced(MAKER, &MAKER[MAKER.find("prefixes").unwrap()..], "");
    let files = files(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
    let plan = plan(test.hub.db(), &files, Missing::Keep).await.unwrap();
    refer_to_everything(&test).await;
    let refused = apply(test.hub.db(), plan, test.stamp()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Conflict, "{refused}");
    assert_eq!(registry_version(test.hub.db()).await.unwrap(), 1);
}

#[tokio::test]
async fn of_many_who_apply_at_once_one_wins_and_the_others_are_told() {
    let test = small_world().await;
    let mut plans = Vec::new();
    for number in 0..8 {
        let files = edited("packer.toml", "Hall 1", &format!("Hall {number}x"));
        plans.push(plan(test.hub.db(), &files, Missing::Keep).await.unwrap());
    }
    let mut applying = Vec::new();
    for plan in plans {
        let (db, stamp) = (test.hub.db().clone(), test.stamp());
        applying.push(tokio::spawn(async move { apply(&db, plan, stamp).await }));
    }
    let mut versions = Vec::new();
    for one in applying {
        match one.await.unwrap() {
            Ok(version) => versions.push(version),
            Err(refused @ ServiceError::Refused { .. }) => assert_eq!(refused.code(), Code::Conflict),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(versions, [2]);
    assert_eq!(registry_version(test.hub.db()).await.unwrap(), 2);
    assert_eq!(
        applied_entries(&test).await,
        2,
        "one entry for each applied plan, none for a refused one"
    );
}

async fn applied_entries(test: &TestHub) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM audit WHERE action = 'apply_partners' AND party_id = 'hub-operator'";
    test.hub
        .db()
        .query_one("test", sql, Vec::new())
        .await
        .unwrap()
        .unwrap()
        .try_get("", "n")
        .unwrap()
}

#[tokio::test]
async fn another_process_follows() {
    let test = small_world().await;
    let other = test.second().await;
    assert!(!refresh(&other).await.unwrap(), "nothing new yet");
    let (packer, gtin, now) = (
        "packer".parse().unwrap(),
        "09521001001014".parse::<Gtin>().unwrap(),
        test.hub.now(),
    );
    let mandate = |hub: &counterfoil::service::Hub| hub.registry().mandate(&packer, Power::Commission, gtin, now);
    assert!(matches!(mandate(&other), Some(Mandate::Under(_))));
    let ended = edited("maker.toml", "2034-01-01", "2026-03-01");
    assert!(micros("2026-03-01T00:00:00Z") < now);
    let plan = plan(test.hub.db(), &ended, Missing::Keep).await.unwrap();
    apply(test.hub.db(), plan, test.stamp()).await.unwrap();
    assert!(refresh(&other).await.unwrap());
    assert_eq!(mandate(&other), None);
    assert!(
        matches!(mandate(&test.hub), Some(Mandate::Under(_))),
        "a registry in hand stays what it was"
    );
}

#[tokio::test]
async fn the_operator_may_not_read_and_owns_nothing() {
    let test = TestHub::start().await;
    let registry = test.hub.registry();
    let operator = registry.party(&"hub-operator".parse().unwrap()).unwrap();
    assert_eq!((operator.products.len(), operator.prefixes.len()), (0, 0));
    assert_eq!(registry.agreements_of(&operator.id).count(), 0);
}

#[test]
fn the_folder_itself_may_be_wrong() {
    let empty = tempfile::tempdir().unwrap();
    let cause = |folder: &Path| load(folder).unwrap_err()[0].cause.clone();
    assert_eq!(cause(empty.path()), "the folder has no partner file");
    assert!(cause(&empty.path().join("nowhere")).starts_with("cannot read the folder"));
}
