//! Capture: what is sent becomes one event whatever the syntax, state that does not depend on the order of arrival, and
//! findings; what may not be said leaves nothing.

use axum::http::StatusCode;
use counterfoil::service::capture::run_due;
use sea_orm::Value as Bind;
use serde_json::{Value, json};

use crate::hub::{Answer, TestHub};
use crate::story::{self, Handover};

mod condition;
mod correction;
mod guideline;
mod header;
mod identity;
mod lease;
mod length;
mod order;
mod packed;
mod pieces;
mod proceed;
mod race;
mod refusal;
mod single;
mod state;
mod submission;

const JSON: &str = "application/ld+json";
const SITE: &str = story::PACKWELL_HALL_1;

/// Sends events as a party.
async fn send(test: &TestHub, party: &str, events: &[Value]) -> Answer {
    test.post(&test.actor(party), "/epcis/capture", JSON, story::document(events))
        .await
}

/// Runs every job that is due.
async fn settle(test: &TestHub) {
    while run_due(&test.hub).await.expect("a job runs").is_some() {}
}

/// Sends events that are taken, and captures them: the job.
async fn capture(test: &TestHub, party: &str, events: &[Value]) -> Value {
    let answer = send(test, party, events).await.expect(StatusCode::ACCEPTED);
    settle(test).await;
    let job = test
        .get(&test.actor(party), answer.header("location"))
        .await
        .expect(StatusCode::OK)
        .json();
    assert_eq!(job["running"], false, "{job}");
    assert_eq!(job["success"], true, "{job}");
    job
}

/// Rows of a query, each as one line of text.
async fn lines(test: &TestHub, sql: &str, binds: Vec<Bind>) -> Vec<String> {
    let rows = test
        .hub
        .db()
        .query("a test looks", sql, binds)
        .await
        .expect("a query of the test");
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).expect("a line"))
        .collect()
}

/// How many rows a table has.
async fn count(test: &TestHub, table: &str) -> i64 {
    let row = test
        .hub
        .db()
        .query_one("a test counts", &format!("SELECT COUNT(*) FROM {table}"), Vec::new())
        .await
        .expect("a count");
    row.expect("one row").try_get_by_index(0).expect("a number")
}

/// Open findings, as `CODE epc`, in order.
async fn findings(test: &TestHub) -> Vec<String> {
    let sql = "SELECT code || ' ' || COALESCE(epc, '-') AS line FROM finding WHERE cleared_at IS NULL ORDER BY line";
    lines(test, sql, Vec::new()).await
}

/// Open findings of one code.
async fn found(test: &TestHub, code: &str) -> Vec<String> {
    let found = findings(test).await;
    found
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("{code} ")))
        .map(str::to_owned)
        .collect()
}

/// What is directly in a container at a moment.
async fn contents(test: &TestHub, parent: &str, at: &str) -> Vec<String> {
    let sql = "SELECT c.uri AS line FROM containment n JOIN item p ON p.epc = n.parent JOIN item c ON c.epc = n.child
               WHERE p.uri = $1 AND n.from_time <= $2 AND $2 < n.until_time ORDER BY line";
    lines(test, sql, vec![parent.into(), crate::hub::micros(at).0.into()]).await
}

/// From packwell to northway; aurora stays the owner.
fn to_northway(test: &TestHub, epcs: &[String]) -> Handover {
    let gln = |party| story::gln_of(test, party);
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln("aurora"), gln("aurora")),
        possessor: (gln("packwell"), gln("northway")),
        place: (SITE.to_owned(), story::NORTHWAY_VENLO.to_owned()),
    }
}

/// From northway to meridian, sold by aurora.
fn to_meridian(test: &TestHub, epcs: &[String]) -> Handover {
    let gln = |party| story::gln_of(test, party);
    Handover {
        epcs: epcs.to_vec(),
        owner: (gln("aurora"), gln("meridian")),
        possessor: (gln("northway"), gln("meridian")),
        place: (story::NORTHWAY_VENLO.to_owned(), story::MERIDIAN_LYON.to_owned()),
    }
}

fn units(serials: &[&str]) -> Vec<String> {
    story::sgtins(story::AUROXIN, serials)
}

fn case(serial: &str) -> String {
    story::sgtin(story::AUROXIN_CASE, serial)
}

/// Relations of a party to events, as `biz_step relations`, in the order of event time.
async fn concerns(test: &TestHub, party: &str) -> Vec<String> {
    let sql = "SELECT e.biz_step || ' ' || p.relations AS line FROM event_party p JOIN event e ON e.id = p.event_id
               WHERE p.party_id = $1 ORDER BY e.event_time, e.event_id";
    lines(test, sql, vec![party.into()]).await
}

/// The same event with its id and an error declaration.
fn in_error(event: &Value) -> Value {
    let mut event = event.clone();
    event["errorDeclaration"] = json!({"declarationTime": "2026-03-02T07:59:00Z", "reason": "did_not_occur"});
    event
}
