//! What must be true besides scope and dates: in every channel, in every explanation, and in what is taken at all.

use super::explain::{class, event_of, explain};
use super::*;
use crate::hub::story_partners;

pub const TOTALS: &str = "{ eventTotals(filter: {fromMonth: \"2026-03\", toMonth: \"2026-03\"}) { nodes { bizStep units } } }";

/// The story's files, with more in that of one party.
async fn rewritten(test: &TestHub, party: &str, more: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(story_partners()).expect("the story") {
        let path = entry.expect("a file").path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else {
            continue;
        };
        let mut text = std::fs::read_to_string(&path).expect("a text");
        if name.to_string_lossy() == format!("{party}.toml") {
            text.push_str(more);
        }
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    test.apply_partners(folder.path()).await;
}

fn licence(members: &str) -> String {
    format!("\n[[licences]]\nrole = \"wholesaler\"\nauthority = \"Läkemedelsverket\"\nnumber = \"5.9.1\"\n{members}\n")
}

/// One unit more, at a moment.
async fn commissioned(test: &TestHub, at: &str, serial: &str) {
    let event = story::commission(at, PACKWELL_HALL_1, &units(&[serial]), "LOT1");
    test.capture(&test.actor("packwell"), story::document(&[event])).await;
    test.advance_seconds(1);
}

/// The code of what is answered to a proposal of aurora's.
pub async fn refused(test: &TestHub, more: Value) -> String {
    let mutation = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id } } }";
    let variables = json!({"input": grant_to(test, "halden", more)});
    let answer = test.graphql(&test.actor("aurora"), mutation, variables).await;
    let error = &answer["errors"][0];
    error["extensions"]["code"]
        .as_str()
        .map_or_else(|| format!("{error}"), str::to_owned)
}

pub fn unlocked(explanation: &Value) -> String {
    class(explanation, "WHERE")["blockedBy"][0]["unlockedBy"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_licence_is_held_when_the_event_happens_and_one_that_lapsed_leaves_the_old_readable() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = given(
        &test,
        "halden",
        json!({"licensedAs": "WHOLESALER", "scope": {"gtins": [AUROXIN]}}),
    )
    .await;
    let (halden, aurora) = (test.actor("halden"), test.actor("aurora"));
    let event = event_of(&test, "aurora", "packing").await;
    let asked = json!({"gln": gln_of(&test, "halden"), "event": event});
    // None on record.
    assert_eq!(sees(&test, "halden").await, [""; 0]);
    let why = explain(&test, "aurora", asked.clone()).await;
    assert_eq!(why["shown"], false);
    assert!(unlocked(&why).contains("a licence as wholesaler"), "{why:#}");
    assert_eq!(explain(&test, "halden", json!({"event": event})).await, Value::Null);
    // From the third of March: what was packed on the second stays closed.
    rewritten(&test, "halden", &licence("valid_from = 2026-03-03\nvalid_until = 2026-03-05")).await;
    assert_eq!(sees(&test, "halden").await, [""; 0]);
    for (at, serial) in [
        ("2026-03-03T00:00:00Z", "UNIT3"),
        ("2026-03-04T23:59:59Z", "UNIT4"),
        ("2026-03-05T00:00:00Z", "UNIT5"),
    ] {
        commissioned(&test, at, serial).await;
    }
    let held = ["commissioning UNIT3 in -", "commissioning UNIT4 in -"];
    assert_eq!(sees(&test, "halden").await, held);
    // A month on it has long lapsed.
    test.set_time("2026-04-06T12:00:00Z");
    assert_eq!(sees(&test, "halden").await, held);
    assert_eq!(test.get(&halden, "/epcis/events").await.event_ids().len(), 2);
    let totals = test.graphql_data(&halden, TOTALS, json!({})).await;
    assert_eq!(
        totals["eventTotals"]["nodes"],
        json!([{"bizStep": "commissioning", "units": 2}])
    );
    let preview = "query ($gln: String!) { previewAs(partyGln: $gln) { nodes { id } } }";
    let previewed = test.graphql_data(&aurora, preview, asked.clone()).await;
    assert_eq!(previewed["previewAs"]["nodes"].as_array().map(Vec::len), Some(2));
    let diff =
        "query ($gln: String!) { accessDiff(partyGln: $gln, from: \"2026-03-01T00:00:00Z\", to: \"2026-04-01T00:00:00Z\") {
      gained { events } } }";
    let diff = test.graphql_data(&aurora, diff, asked.clone()).await;
    assert_eq!(diff["accessDiff"]["gained"]["events"], 2);
    let seers = "query ($event: ID!) { whoCanSee(event: $event) { grants } }";
    let mut seen_by_grant = 0;
    for step in ["commissioning", "packing"] {
        let event = event_of(&test, "aurora", step).await;
        let seers = test.graphql_data(&aurora, seers, json!({"event": event})).await;
        seen_by_grant += usize::from(seers.to_string().contains(grant.as_str().expect("an id")));
    }
    // The newest commissioning is of the day on which the licence had ended.
    assert_eq!(seen_by_grant, 0);
    let impact = "query ($input: ProposeGrantInput!) { grantImpact(input: $input) { gained { events } } }";
    for (more, events) in [
        (json!({"licensedAs": "WHOLESALER", "levels": levels(&FOLLOW[..5])}), 0),
        (json!({"licensedAs": "DISPENSER"}), 0),
    ] {
        let input = json!({"input": grant_to(&test, "halden", more)});
        let impact = test.graphql_data(&aurora, impact, input).await;
        assert_eq!(impact["grantImpact"]["gained"]["events"], events);
    }
    // On the other process too, and as the words of the grant have it.
    let second = test.second().await;
    let page = counterfoil::service::page::Page { first: 100, after: None };
    let there = crate::hub::newest(&second, &halden, page).await;
    assert_eq!(there.expect("a page").rows.len(), 2);
    let words = "query ($id: ID!) { grant(id: $id) { licensedAs licensedIn text } }";
    let words = test.graphql_data(&halden, words, json!({"id": grant})).await["grant"].clone();
    assert_eq!(
        (&words["licensedAs"], &words["licensedIn"]),
        (&json!("WHOLESALER"), &Value::Null)
    );
    let text = words["text"].as_str().expect("a text");
    assert!(text.contains(r#""conditions":{"licence":{"role":"wholesaler"}}"#), "{text}");
}

#[tokio::test]
async fn a_licence_is_of_a_country_that_of_its_holder_if_it_names_none() {
    let test = TestHub::start().await;
    packed(&test).await;
    let since = "valid_from = 2024-01-01";
    let check = async |country: &str, events: usize| {
        let more = json!({"licensedAs": "WHOLESALER", "licensedIn": country});
        let grant = given(&test, "halden", more).await;
        assert_eq!(sees(&test, "halden").await.len(), events, "{country}");
        end(&test, "aurora", &grant).await;
    };
    rewritten(&test, "halden", &licence(since)).await;
    check("SE", 3).await;
    check("DE", 0).await;
    check("XX", 0).await;
    rewritten(&test, "halden", &licence(&format!("country = \"DE\"\n{since}"))).await;
    check("SE", 0).await;
    check("DE", 3).await;
    // A licence is for the role that it names.
    given(&test, "halden", json!({"licensedAs": "DISPENSER"})).await;
    assert_eq!(sees(&test, "halden").await, [""; 0]);
    for bad in [
        json!({"licensedAs": "WHOLESALER", "licensedIn": "Sweden"}),
        json!({"licensedAs": "WHOLESALER", "licensedIn": "se"}),
        json!({"licensedAs": "WHOLESALER", "licensedIn": ""}),
        json!({"licensedIn": "SE"}),
    ] {
        assert_eq!(refused(&test, bad.clone()).await, "BAD_INPUT", "{bad}");
    }
}
