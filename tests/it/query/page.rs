//! Pages: each event once, whoever writes; tokens of one caller and one list, for a time.

use super::*;

#[tokio::test]
async fn a_token_is_refused_when_it_is_foreign_expired_ended_or_none() {
    let test = TestHub::start().await;
    label(&test, 1, 4).await;
    let packwell = test.actor("packwell");
    let page = test.get(&packwell, "/epcis/events?perPage=1").await.expect(StatusCode::OK);
    let second = page.next_page().expect("a next page");
    assert_eq!(
        page.header("gs1-next-page-token-expires"),
        "2026-03-02T09:00:04.000Z".replace(":04", ":00")
    );
    test.get(&packwell, &second).await.expect(StatusCode::OK);
    let refused = async |actor: &str, path: &str, says: &str| {
        let answer = test.get(&test.actor(actor), path).await.expect(StatusCode::BAD_REQUEST);
        assert_eq!(named_in(&answer), "nextPageToken", "{path}");
        assert!(answer.text().contains(says), "{}", answer.text());
    };
    refused("aurora", &second, "none of this list").await;
    refused(
        "packwell",
        &second.replace("events?", "events?EQ_action=ADD&"),
        "none of this list",
    )
    .await;
    refused(
        "packwell",
        &second.replace("/events?", "/eventTypes/ObjectEvent/events?"),
        "none of this list",
    )
    .await;
    refused("packwell", "/epcis/events?nextPageToken=AAAA", "none of this list").await;
    let third = test.get(&packwell, &second).await.next_page().expect("a third page");
    let token = third.rsplit('=').next().expect("a token").to_owned();
    let end = async |actor: &str, token: &str| {
        let request = Request::delete(format!("/epcis/nextPageToken/{token}"));
        test.call(&test.actor(actor), request.body(Body::empty()).expect("a request"))
            .await
    };
    // What another ends is another's.
    end("aurora", &token).await.expect(StatusCode::NO_CONTENT);
    test.get(&packwell, &third).await.expect(StatusCode::OK);
    end("packwell", &token).await.expect(StatusCode::NO_CONTENT);
    end("packwell", "AAAA").await.expect(StatusCode::NOT_FOUND);
    refused("packwell", &third, "was ended").await;
    test.advance_seconds(3_600);
    refused("packwell", &second, "has expired").await;
    end("packwell", &token).await.expect(StatusCode::NOT_FOUND);
}

/// In each order, while others are captured between the pages.
#[tokio::test]
async fn each_event_is_on_one_page_in_every_order() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    label(&test, 1, 9).await;
    let mut late = 100;
    for order in [
        "",
        "orderBy=recordTime&orderDirection=ASC&",
        "orderBy=recordTime&",
        "orderBy=eventTime&orderDirection=ASC&",
        "orderBy=eventTime&",
        "orderBy=ex:none&",
    ] {
        let (mut path, mut seen) = (Some(format!("/epcis/events?{order}perPage=4")), Vec::new());
        while let Some(here) = path {
            let page = test.get(&packwell, &here).await.expect(StatusCode::OK);
            seen.extend(numbers(&page));
            path = page.next_page();
            if late < 130 {
                late += 1;
                label(&test, late, 1).await;
            }
        }
        let distinct: BTreeSet<u32> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len(), "{order}: an event stood on two pages");
        assert!(
            (1..=9).all(|number| distinct.contains(&number)),
            "{order}: an event stood on no page"
        );
        if order.contains("recordTime") && order.contains("ASC") {
            assert!(seen.is_sorted(), "records follow their commits: {seen:?}");
        }
    }
}

/// Who asks for what is newer than the last that it saw gets each event once, whichever transaction was slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn record_times_follow_the_commits() {
    use counterfoil::domain::time::Micros;
    use counterfoil::storage::record;
    use std::sync::Arc;
    use tokio::sync::Notify;

    let test = TestHub::start().await;
    label(&test, 1, 1).await;
    let now = test.hub.now();
    let (stamped, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (db, stamped, go) = (test.hub.db().clone(), stamped.clone(), go.clone());
        tokio::spawn(async move {
            db.write::<Micros, counterfoil::service::ServiceError, _>(move |tx| {
                Box::pin(async move {
                    let at = record::stamp(tx, now).await?;
                    stamped.notify_one();
                    go.notified().await;
                    Ok(at)
                })
            })
            .await
        })
    };
    stamped.notified().await;
    // It began later and says an earlier time; it cannot be stamped before the slow one has ended.
    let fast = {
        let db = test.hub.db().clone();
        tokio::spawn(async move {
            let begun = Micros(now.0 - 1_000);
            db.write::<Micros, counterfoil::service::ServiceError, _>(move |tx| {
                Box::pin(async move { Ok(record::stamp(tx, begun).await?) })
            })
            .await
        })
    };
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!fast.is_finished(), "a later stamp overtook an earlier one");
    go.notify_one();
    let slow = slow.await.expect("ends").expect("stamped");
    let fast = fast.await.expect("ends").expect("stamped");
    assert!(slow < fast, "{slow} {fast}");
    // What is captured after that, at a clock that stands still, is later again.
    label(&test, 2, 2).await;
    let packwell = test.actor("packwell");
    let after = escaped(&Micros(fast.0 + 1).rfc3339());
    let new = test
        .get(
            &packwell,
            &format!("/epcis/events?GE_recordTime={after}&orderBy=recordTime&orderDirection=ASC"),
        )
        .await;
    assert_eq!(numbers(&new.expect(StatusCode::OK)), [2, 3]);
    let before = test.get(&packwell, &format!("/epcis/events?LT_recordTime={after}")).await;
    assert_eq!(numbers(&before.expect(StatusCode::OK)), [1]);
}

/// A span of record times that was read is closed: nothing is recorded in it any more.
#[tokio::test]
async fn spans_of_record_time_part_the_events() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let (mut from, mut seen) = ("2026-01-01T00:00:00.000Z".to_owned(), Vec::new());
    for round in 0..6_u32 {
        label(&test, round * 3 + 1, 3).await;
        // The clock stands still in every other round: what comes next is begun at the very end of the span.
        test.advance_seconds(i64::from(round % 2));
        let until = test.hub.now().rfc3339();
        let path = format!(
            "/epcis/events?GE_recordTime={}&LT_recordTime={}",
            escaped(&from),
            escaped(&until)
        );
        seen.extend(numbers(&test.get(&packwell, &path).await.expect(StatusCode::OK)));
        from = until;
    }
    let rest = test
        .get(&packwell, &format!("/epcis/events?GE_recordTime={}", escaped(&from)))
        .await;
    seen.extend(numbers(&rest.expect(StatusCode::OK)));
    seen.sort_unstable();
    assert_eq!(seen, (1..=18).collect::<Vec<u32>>());
}
