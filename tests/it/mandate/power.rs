//! What a delegate may do, for whom, where, and until when.

use axum::http::StatusCode;
use counterfoil::service::partner::refresh;
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, PACKWELL_HALL_1};

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
    (answer.status, answer.text().to_owned())
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
    let refused = router
        .post(&test.actor("packwell"), "/epcis/capture", "application/ld+json", late.clone())
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    let here = test
        .post(&test.actor("packwell"), "/epcis/capture", "application/ld+json", late)
        .await;
    assert_eq!(here.status, StatusCode::FORBIDDEN, "{}", here.text());
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
