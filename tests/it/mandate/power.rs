//! What a delegate may do, for whom, where, and until when.

use axum::http::StatusCode;
use counterfoil::service::partner::refresh;
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, Handover, LUMIVAR, NORTHWAY_VENLO, PACKWELL_HALL_1, PACKWELL_HALL_2};

/// Sends a document; the status, and the codes of what refuses it.
async fn sent(test: &TestHub, party: &str, events: &[Value]) -> (StatusCode, String) {
    let answer = test
        .post(
            &test.actor(party),
            "/epcis/capture",
            "application/ld+json",
            story::document(events),
        )
        .await;
    let (status, told) = test.outcome(&test.actor(party), answer).await;
    (status, told.to_string())
}

/// The shipped parties with one file changed.
async fn changed(test: &TestHub, file: &str, change: impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(crate::hub::story_partners()).expect("the parties") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        let text = std::fs::read_to_string(&path).expect("a text");
        let text = if name == file { change(&text) } else { text };
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    test.apply_partners(folder.path()).await;
}

#[tokio::test]
async fn whoever_may_act_at_some_sites_says_at_which() {
    let test = TestHub::start().await;
    let made = |serial: &str| {
        story::commission(
            "2026-03-01T06:00:00Z",
            PACKWELL_HALL_1,
            &story::sgtins(AUROXIN, &[serial]),
            "L",
        )
    };
    let mut nowhere = made("N1");
    for field in ["readPoint", "bizLocation"] {
        nowhere.as_object_mut().expect("an event").remove(field);
    }
    let (status, text) = sent(&test, "packwell", &[nowhere]).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    assert!(text.contains("LOCATION_NOT_YOURS") && text.contains("aurora"), "{text}");
    assert!(!text.contains("zenith"), "{text}");
    assert_eq!(sent(&test, "packwell", &[made("N2")]).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn when_a_mandate_ends_new_acts_stop_and_old_ones_stay_readable() {
    let test = TestHub::start().await;
    test.set_time("2026-03-02T08:00:00Z");
    let made = |at: &str, serial: &str| story::commission(at, PACKWELL_HALL_1, &story::sgtins(AUROXIN, &[serial]), "L");
    test.capture(
        &test.actor("packwell"),
        story::document(&[made("2026-03-01T06:00:00Z", "OLD")]),
    )
    .await;
    // The principal's file ends the agreement; another process of the hub follows by itself.
    let other = test.second().await;
    changed(&test, "aurora.toml", |text| {
        text.replace("valid_until = 2034-01-01", "valid_until = 2026-03-02T00:00:00Z")
    })
    .await;
    assert!(
        refresh(&other).await.expect("the registry"),
        "the other process sees the change"
    );
    let late = story::document(&[made("2026-03-02T07:00:00Z", "NEW")]);
    let router = test.router_of(other);
    let packwell = test.actor("packwell");
    let refused = router
        .post(&packwell, "/epcis/capture", "application/ld+json", late.clone())
        .await;
    let (status, told) = test.outcome(&packwell, refused).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told:#}");
    let here = test.post(&packwell, "/epcis/capture", "application/ld+json", late).await;
    let (status, told) = test.outcome(&packwell, here).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told:#}");
    let asked = test
        .post(
            &test.actor("packwell"),
            "/serials/v1/allocations",
            "application/json",
            json!({"gtin": AUROXIN, "quantity": 5}).to_string(),
        )
        .await;
    assert!(asked.status.is_client_error(), "{}", asked.text());
    for party in ["packwell", "aurora"] {
        let query = "{ events { nodes { principal { legalName } epcs { nodes { epc } } } } }";
        let seen = test.graphql_data(&test.actor(party), query, json!({})).await.to_string();
        assert!(seen.contains("/21/OLD") && seen.contains("Aurora"), "{party}: {seen}");
    }
}

#[tokio::test]
async fn each_limit_of_a_mandate_is_refused_by_name() {
    let test = TestHub::start().await;
    test.set_time("2026-03-10T12:00:00Z");
    let (ours, others) = (story::sgtins(AUROXIN, &["P1"]), story::sgtins(LUMIVAR, &["P2"]));
    let at = "2026-03-01T06:00:00Z";
    let gln = |party: &str| story::gln_of(&test, party);
    let handover = |epcs: &[String], from: &str, to: &str, places: (&str, &str)| Handover {
        epcs: epcs.to_vec(),
        owner: (gln("aurora"), gln("aurora")),
        possessor: (gln(from), gln(to)),
        place: (places.0.to_owned(), places.1.to_owned()),
    };
    let on = |epcs: &[String]| handover(epcs, "packwell", "northway", (PACKWELL_HALL_1, NORTHWAY_VENLO));
    let back = |epcs: &[String]| handover(epcs, "northway", "packwell", (NORTHWAY_VENLO, PACKWELL_HALL_1));
    let cases = [
        // Powers.
        (
            "northway",
            story::commission(at, NORTHWAY_VENLO, &ours, "L"),
            "EPC_NOT_YOURS",
            "no agreement lets you",
        ),
        (
            "packwell",
            story::receive(at, &back(&ours)),
            "PARTY_NOT_YOURS",
            "a principal that lets you do this",
        ),
        // Products.
        (
            "packwell",
            story::commission(at, PACKWELL_HALL_1, &others, "L"),
            "EPC_NOT_YOURS",
            "no agreement lets you",
        ),
        (
            "packwell",
            story::ship(at, &on(&others)),
            "EPC_NOT_YOURS",
            "of a product that your agreement with aurora does not let you hand over",
        ),
        // Sites.
        (
            "packwell",
            story::commission(at, PACKWELL_HALL_2, &ours, "L"),
            "LOCATION_NOT_YOURS",
            "no site at which your agreement with aurora lets you act",
        ),
        // Dates.
        (
            "packwell",
            story::commission("2023-12-31T23:59:59Z", PACKWELL_HALL_1, &ours, "L"),
            "EPC_NOT_YOURS",
            "no agreement lets you",
        ),
    ];
    for (party, event, code, why) in cases {
        let (status, text) = sent(&test, party, std::slice::from_ref(&event)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{event:#}: {text}");
        assert!(text.contains(code) && text.contains(why), "{event:#}: {text}");
        assert!(!text.contains("zenith") && !text.contains("9521008"), "{text}");
    }
    // Within all of them.
    let made = story::commission(at, PACKWELL_HALL_1, &ours, "L");
    assert_eq!(sent(&test, "packwell", &[made]).await.0, StatusCode::ACCEPTED);
    assert_eq!(
        sent(&test, "packwell", &[story::ship(at, &on(&ours))]).await.0,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn an_early_time_does_not_revive_a_mandate_and_another_one_does() {
    let test = TestHub::start().await;
    test.set_time("2026-03-01T08:00:00Z");
    let made = |serial: &str| {
        let event = story::commission(
            "2026-03-01T06:00:00Z",
            PACKWELL_HALL_1,
            &story::sgtins(AUROXIN, &[serial]),
            "L",
        );
        [event]
    };
    let told = made("TOLD");
    assert_eq!(sent(&test, "packwell", &told).await.0, StatusCode::ACCEPTED);
    let ended = |text: &str| text.replacen("valid_until = 2034-01-01", "valid_until = 2026-03-02T00:00:00Z", 1);
    changed(&test, "aurora.toml", ended).await;
    assert_eq!(sent(&test, "packwell", &made("BEFORE")).await.0, StatusCode::ACCEPTED);
    test.set_time("2026-03-02T00:00:00Z");
    let (status, text) = sent(&test, "packwell", &made("AFTER")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    assert!(
        text.contains("EPC_NOT_YOURS")
            && text.contains("your agreement with aurora held when this happened and ended at 2026-03-02T00:00:00"),
        "{text}"
    );
    // A document that was told in time, sent again, is the same document.
    assert_eq!(sent(&test, "packwell", &told).await.0, StatusCode::ACCEPTED);
    // A new contract: what was done under the old one can be told under it.
    let renewed = |text: &str| {
        format!(
            "{}\n[[agreements]]\nid = \"aurora-packwell-2026\"\ndelegate = \"packwell\"\nproducts = [\"{AUROXIN}\"]\n\
             powers = [\"commission\"]\nvalid_from = 2026-03-02\nvalid_until = 2034-01-01\n",
            ended(text)
        )
    };
    changed(&test, "aurora.toml", renewed).await;
    assert_eq!(sent(&test, "packwell", &made("AFTER")).await.0, StatusCode::ACCEPTED);
}
