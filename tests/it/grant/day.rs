//! Grants that give so many readings a day: what counts, across processes, and what is told when they are used up.

use std::collections::BTreeMap;

use counterfoil::domain::query::Query;
use counterfoil::service::Hub;
use counterfoil::service::page::Page;
use counterfoil::service::subscription::{Window, cursor_now, next_batch};
use sea_orm::ConnectionTrait;

use super::condition::{TOTALS, refused, unlocked};
use super::explain::{event_of, explain};
use super::*;
use crate::hub::micros;
use crate::hub::newest;

/// How often each party has read, over all days.
async fn counted(test: &TestHub) -> BTreeMap<String, i64> {
    let sql = "SELECT party_id, CAST(SUM(uses) AS BIGINT) AS uses FROM grant_use GROUP BY party_id";
    let rows = test.hub.db().query("counting", sql, Vec::new()).await.expect("counts");
    let row = |row: &sea_orm::QueryResult| {
        (
            row.try_get("", "party_id").expect("a party"),
            row.try_get("", "uses").expect("a count"),
        )
    };
    rows.iter().map(row).collect()
}

async fn seen_on(hub: &Hub, test: &TestHub, party: &str) -> usize {
    let page = Page { first: 100, after: None };
    let found = newest(hub, &test.actor(party), page).await;
    found.expect("a page").rows.len()
}

#[tokio::test]
async fn a_day_has_so_many_readings_for_each_grantee_on_all_processes_together() {
    let test = TestHub::start().await;
    packed(&test).await;
    let both = json!({"granteeGln": null, "granteeRole": "WHOLESALER", "queriesPerDay": 3});
    given(&test, "halden", both).await;
    let second = test.second().await;
    assert_eq!(seen_on(&test.hub, &test, "halden").await, 3);
    assert_eq!(seen_on(&second, &test, "halden").await, 3);
    assert_eq!(seen_on(&test.hub, &test, "halden").await, 3);
    assert_eq!(seen_on(&second, &test, "halden").await, 0, "that was the last of the day");
    assert_eq!(seen_on(&test.hub, &test, "halden").await, 0);
    // What one party has used another has not; who has no such grant writes nothing.
    assert_eq!(seen_on(&test.hub, &test, "meridian").await, 3);
    for party in ["aurora", "packwell", "zenith", "cornerstone", "hub-operator"] {
        seen_on(&test.hub, &test, party).await;
    }
    let counts = counted(&test).await;
    assert_eq!(counts, BTreeMap::from([("halden".to_owned(), 3), ("meridian".to_owned(), 1)]));
    // A process that starts anew knows it too; the day ends at midnight UTC.
    test.set_time("2026-03-06T23:59:59Z");
    assert_eq!(seen_on(&test.second().await, &test, "halden").await, 0);
    test.set_time("2026-03-07T00:00:00Z");
    assert_eq!(seen_on(&second, &test, "halden").await, 3);
}

#[tokio::test]
async fn of_two_processes_one_gets_the_last_reading() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"queriesPerDay": 1})).await;
    let second = test.second().await;
    for day in 0..20 {
        let (one, other) = tokio::join!(seen_on(&test.hub, &test, "halden"), seen_on(&second, &test, "halden"));
        assert_eq!((one.min(other), one.max(other)), (0, 3), "day {day}");
        test.advance_seconds(86_400);
    }
    assert_eq!(counted(&test).await["halden"], 20);
}

#[tokio::test]
async fn what_was_used_up_is_told_to_who_used_it_and_looks_absent_otherwise() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = given(&test, "halden", json!({"queriesPerDay": 1, "scope": {"gtins": [AUROXIN]}})).await;
    let (event, other) = (
        event_of(&test, "aurora", "packing").await,
        event_of(&test, "zenith", "commissioning").await,
    );
    let about = json!({"gln": gln_of(&test, "halden"), "event": event});
    let one = "query ($event: ID!) { event(id: $event) { id } }";
    let own = explain(&test, "halden", json!({"event": event})).await;
    assert_eq!(
        (&own["shown"], counted(&test).await.len()),
        (&json!(true), 0),
        "to ask why counts for none"
    );
    let preview = "query ($gln: String!) { previewAs(partyGln: $gln) { nodes { id } } }";
    let seers = "query ($event: ID!) { whoCanSee(event: $event) { grants } }";
    let impact = "query ($input: ProposeGrantInput!) { grantImpact(input: $input) { gained { events } } }";
    let asides = async || {
        let aurora = test.actor("aurora");
        let previewed = test.graphql_data(&aurora, preview, about.clone()).await["previewAs"]["nodes"].clone();
        let seers = test.graphql_data(&aurora, seers, about.clone()).await["whoCanSee"].to_string();
        let input = json!({"input": grant_to(&test, "halden", json!({"queriesPerDay": 5, "scope": {"gtins": [AUROXIN]}}))});
        let impact = test.graphql_data(&aurora, impact, input).await["grantImpact"]["gained"]["events"].clone();
        let is_named = seers.contains(grant.as_str().expect("an id"));
        (previewed.as_array().map(Vec::len), is_named, impact)
    };
    assert_eq!(asides().await, (Some(2), true, json!(0)));
    assert_eq!(sees(&test, "halden").await.len(), 2);
    let absent = test
        .graphql(
            &test.actor("halden"),
            one,
            json!({"event": "evt_00000000000000000000000000000007"}),
        )
        .await;
    assert_eq!(
        test.graphql(&test.actor("halden"), one, json!({"event": event})).await,
        absent
    );
    let own = explain(&test, "halden", json!({"event": event})).await;
    assert_eq!(own["shown"], false);
    assert!(unlocked(&own).contains("used up"), "{own:#}");
    let theirs = explain(&test, "aurora", about.clone()).await;
    assert_eq!(theirs["classes"], own["classes"], "the two of a grant are told the same");
    assert_eq!(explain(&test, "halden", json!({"event": other})).await, Value::Null);
    assert_eq!(explain(&test, "zenith", json!({"event": event})).await, Value::Null);
    assert_eq!(asides().await, (Some(0), false, json!(2)));
    let diff =
        "query ($gln: String!) { accessDiff(partyGln: $gln, from: \"2026-03-06T12:00:05Z\", to: \"2026-03-07T12:00:00Z\") {
      gained { events } lost { events } } }";
    let diff = test.graphql_data(&test.actor("aurora"), diff, about.clone()).await["accessDiff"].clone();
    assert_eq!((&diff["gained"]["events"], &diff["lost"]["events"]), (&json!(2), &json!(0)));
    test.set_time("2026-03-07T00:00:00Z");
    let yesterday = json!({"event": event, "asOf": "2026-03-06T23:00:00Z"});
    assert_eq!(explain(&test, "halden", yesterday).await["shown"], false);
    assert_eq!(explain(&test, "halden", json!({"event": event})).await["shown"], true);
    assert_eq!(sees(&test, "halden").await.len(), 2);
}

#[tokio::test]
async fn a_reading_is_one_in_every_channel_and_what_is_ones_own_is_none() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"queriesPerDay": 1000})).await;
    let halden = test.actor("halden");
    let event = event_of(&test, "aurora", "packing").await;
    let soap = r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:q="urn:epcglobal:epcis-query:xsd:1">
      <soapenv:Body><q:Poll><queryName>SimpleEventQuery</queryName><params/></q:Poll></soapenv:Body></soapenv:Envelope>"#;
    let mut before = 0;
    let mut check = async |what: &str, readings: i64| {
        let now = counted(&test).await.get("halden").copied().unwrap_or(0);
        assert_eq!(now - before, readings, "{what}");
        before = now;
    };
    sees(&test, "halden").await;
    check("a list", 1).await;
    let page = test.get(&halden, "/epcis/events?perPage=1").await;
    check("a page", 1).await;
    test.get(&halden, &page.next_page().expect("a second page")).await;
    check("the next page", 1).await;
    let data = test
        .graphql_data(
            &halden,
            "query ($id: ID!) { event(id: $id) { eventId } }",
            json!({"id": event}),
        )
        .await;
    check("one event", 1).await;
    let id = data["event"]["eventId"]
        .as_str()
        .expect("an id")
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('?', "%3F");
    assert_eq!(test.get(&halden, &format!("/epcis/events/{id}")).await.status, 200);
    check("one event by its id", 1).await;
    assert_eq!(test.get(&halden, &format!("/epcis/events/{id}/slice")).await.status, 200);
    check("its slice", 1).await;
    assert!(test.get(&halden, "/epcis/bizSteps").await.text().contains("packing"));
    check("what events have in common", 1).await;
    assert_eq!(test.get(&halden, "/epcis/bizSteps/packing/events").await.event_ids().len(), 1);
    check("events of a step", 1).await;
    let totals = test.graphql_data(&halden, TOTALS, json!({})).await;
    assert!(totals.to_string().contains("packing"), "{totals}");
    check("totals", 1).await;
    let polled = test.post(&halden, "/epcis/soap", "text/xml", soap).await;
    assert!(polled.text().contains("packing"), "{}", polled.text());
    check("a poll", 1).await;
    // That there are too many is told of them as well.
    assert_eq!(test.get(&halden, "/epcis/events?maxEventCount=1").await.status, 413);
    check("too many", 1).await;
    assert_eq!(
        test.get(&halden, "/epcis/events?EQ_bizStep=destroying")
            .await
            .event_ids()
            .len(),
        0
    );
    check("a question that nothing answers", 0).await;
    // A grant for one who sees all of it anyway.
    given(
        &test,
        "packwell",
        json!({"queriesPerDay": 1000, "levels": levels(&FOLLOW[..4])}),
    )
    .await;
    assert_eq!(sees(&test, "packwell").await.len(), 4);
    assert_eq!(counted(&test).await.get("packwell"), None);
}

#[tokio::test]
async fn to_guess_what_is_not_there_counts_too() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"queriesPerDay": 2, "fullIdentifier": true})).await;
    let of = async |serial: &str| {
        let variables = json!({"epc": story::sgtin(AUROXIN, serial)});
        let data = test.graphql_data(&test.actor("halden"), EVENTS, variables).await;
        data["events"]["edges"].as_array().expect("edges").len()
    };
    assert_eq!(sees(&test, "halden").await.len(), 0, "without a name nothing can be guessed");
    assert_eq!((of("UNIT1").await, of("UNIT8").await, of("UNIT2").await), (2, 0, 0));
    assert_eq!(counted(&test).await["halden"], 2);
    test.advance_seconds(86_400);
    assert_eq!(of("UNIT2").await, 2);
}

#[tokio::test]
async fn a_batch_is_one_reading_however_often_it_is_looked_for_or_sent() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"queriesPerDay": 2})).await;
    let (halden, query) = (test.actor("halden"), Query::default());
    let mut cursor = cursor_now(&test.hub, Some(micros("2026-01-01T00:00:00Z")))
        .await
        .expect("a place");
    let next = async |again: bool| {
        let window = Window {
            cursor,
            until: None,
            most: 1,
            again,
        };
        let batch = next_batch(&test.hub, &halden, &query, window).await.expect("a batch");
        batch.map(|batch| (batch.events.len(), batch.until))
    };
    let first = next(false).await.expect("the first");
    assert_eq!((first.0, next(true).await), (1, Some(first)));
    assert_eq!(counted(&test).await["halden"], 1);
    let (events, until) = next(false).await.expect("the same once more");
    assert_eq!((events, until), first);
    assert_eq!(counted(&test).await["halden"], 2);
    assert_eq!(next(true).await, Some(first), "the last of the day is sent until it is taken");
    let (events, until) = next(false).await.expect("how far it was looked");
    assert_eq!(
        (events, counted(&test).await["halden"]),
        (0, 2),
        "used up: the rest is passed over"
    );
    cursor = until;
    assert_eq!(
        next_batch(
            &test.hub,
            &halden,
            &query,
            Window {
                cursor,
                until: None,
                most: 1,
                again: false
            }
        )
        .await
        .expect("none")
        .map(|batch| batch.events.len()),
        None
    );
    test.advance_seconds(86_400);
    let late = story::commission("2026-03-07T06:00:00Z", PACKWELL_HALL_1, &units(&["UNIT7"]), "LOT1");
    test.capture(&test.actor("packwell"), story::document(&[late])).await;
    let window = Window {
        cursor,
        until: None,
        most: 5,
        again: false,
    };
    let batch = next_batch(&test.hub, &halden, &query, window)
        .await
        .expect("a batch")
        .expect("a batch");
    assert_eq!(batch.events.len(), 1, "what came since");
}

#[tokio::test]
async fn what_cannot_be_counted_is_not_told() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"queriesPerDay": 10})).await;
    let writer = test.hub.db().writer();
    // Readable, and nothing can be written to it.
    for sql in [
        "ALTER TABLE grant_use RENAME TO grant_used",
        "CREATE VIEW grant_use AS SELECT DISTINCT * FROM grant_used",
    ] {
        writer.execute_unprepared(sql).await.expect("a view");
    }
    let answer = test.graphql(&test.actor("halden"), EVENTS, json!({})).await;
    assert!(
        answer["errors"][0]["extensions"]["code"].is_string() && !answer.to_string().contains("UNIT1"),
        "{answer:#}"
    );
    assert_eq!(sees(&test, "aurora").await.len(), 3, "others go on");
    writer.execute_unprepared("DROP VIEW grant_use").await.expect("nothing");
    let answer = test.graphql(&test.actor("halden"), EVENTS, json!({})).await;
    assert!(
        answer["errors"][0]["extensions"]["code"].is_string() && !answer.to_string().contains("UNIT1"),
        "{answer:#}"
    );
}

#[tokio::test]
async fn a_number_of_readings_is_one_that_can_be_counted() {
    let test = TestHub::start().await;
    for bad in [json!(0), json!(-1), json!(1_000_001), json!(-2_147_483_648)] {
        assert_eq!(refused(&test, json!({"queriesPerDay": bad})).await, "BAD_INPUT", "{bad}");
    }
    for bad in [json!(9_223_372_036_854_775_808_u64), json!("3"), json!(1.5)] {
        assert_eq!(refused(&test, json!({"queriesPerDay": bad})).await, "INVALID_QUERY", "{bad}");
    }
}
