//! Orders, counts and the budget of a call.

use counterfoil::config::settings::Limits;

use super::*;

#[tokio::test]
async fn orders_and_counts_hold_over_pages() {
    let test = TestHub::start().await;
    // Told backwards: the newest record is the oldest event.
    for number in (1..=6).rev() {
        label(&test, number, 1).await;
    }
    let packwell = test.actor("packwell");
    let ask = async |query: &str| {
        numbers(
            &test
                .get(&packwell, &format!("/epcis/events?{query}"))
                .await
                .expect(StatusCode::OK),
        )
    };
    assert_eq!(ask("orderBy=eventTime&orderDirection=ASC").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(ask("orderBy=eventTime").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(ask("orderBy=recordTime&orderDirection=ASC").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(ask("orderDirection=ASC").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(ask("orderBy=eventTime&orderDirection=DESC&eventCountLimit=1").await, [6]);
    let first = test
        .get(&packwell, "/epcis/events?orderBy=eventTime&eventCountLimit=3&perPage=2")
        .await
        .expect(StatusCode::OK);
    assert_eq!(numbers(&first), [6, 5]);
    let second = test
        .get(&packwell, &first.next_page().expect("a third event"))
        .await
        .expect(StatusCode::OK);
    assert_eq!((numbers(&second), second.next_page()), (vec![4], None));
    assert_eq!(ask("maxEventCount=6").await.len(), 6);
    assert_eq!(ask("maxEventCount=6&perPage=2").await.len(), 2);
    for query in [
        "maxEventCount=5",
        "maxEventCount=5&perPage=1",
        "maxEventCount=5&orderBy=ex:a",
        "maxEventCount=0&orderBy=eventTime",
    ] {
        let refused = test
            .get(&packwell, &format!("/epcis/events?{query}"))
            .await
            .expect(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(refused.json()["type"], "epcisException:QueryTooLargeException", "{query}");
    }
    // What the caller may not see does not count.
    let stranger = test
        .get(&test.actor("halden"), "/epcis/events?maxEventCount=0")
        .await
        .expect(StatusCode::OK);
    assert_eq!(stranger.event_ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_call_looks_at_so_many_events_and_no_more() {
    let limits = Limits {
        query_rows: 5,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    label(&test, 1, 12).await;
    let packwell = test.actor("packwell");
    // In an order of the database a page ends early, and the next goes on.
    for order in ["", "&orderBy=eventTime"] {
        let (mut path, mut seen, mut pages) = (Some(format!("/epcis/events?EQ_action=ADD&perPage=10{order}")), Vec::new(), 0);
        while let Some(here) = path {
            let page = test.get(&packwell, &here).await.expect(StatusCode::OK);
            assert!(numbers(&page).len() <= 5);
            seen.extend(numbers(&page));
            path = page.next_page();
            pages += 1;
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=12).collect::<Vec<u32>>(), "{order}");
        assert!(pages >= 3, "{pages}");
    }
    for wide in ["/epcis/events?orderBy=ex:a", "/epcis/events?maxEventCount=100", "/epcis/epcs"] {
        let refused = test.get(&packwell, wide).await.expect(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(refused.json()["type"], "epcisException:QueryTooComplexException", "{wide}");
    }
    // Narrow enough.
    test.get(&packwell, "/epcis/events?orderBy=ex:a&GE_eventTime=2026-03-01T08:10:00Z")
        .await
        .expect(StatusCode::OK);
}
