//! A line that asks again takes no second block, and gets a new one when it is time.

use counterfoil::config::settings::Limits;
use counterfoil::service::serial::commissioned;

use super::*;

const DAY: i64 = 86_400;

/// SNX, with or without a work order.
async fn ask(test: &TestHub, actor: &Actor, asked: &Asked) -> Vec<String> {
    let answer = test
        .post(actor, "/soap/snx/snrequest", XML, snx(asked))
        .await
        .expect(StatusCode::OK);
    let numbers = between(answer.text(), "<SerialNo>", "</SerialNo>");
    assert!(!numbers.is_empty(), "{}", answer.text());
    numbers.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn asked_again_within_the_window_a_line_gets_the_same_numbers() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    for (id, window) in [("WO-1", DAY), ("", 300)] {
        let first = ask(&test, &line, &Asked::new(5, id)).await;
        let before = moved(&test).await;
        test.advance_seconds(window - 1);
        assert_eq!(ask(&test, &line, &Asked::new(5, id)).await, first, "{id}");
        assert_eq!(moved(&test).await, before);
        test.advance_seconds(1);
        let next = ask(&test, &line, &Asked::new(5, id)).await;
        assert!(next.iter().all(|number| !first.contains(number)), "{id}");
        assert_eq!(ask(&test, &line, &Asked::new(5, id)).await, next, "{id}");
    }
}

#[tokio::test]
async fn what_differs_is_another_request() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let first = ask(&test, &line, &Asked::new(5, "WO-1")).await;
    let others = [
        Asked::new(5, "WO-2"),
        Asked::new(4, "WO-1"),
        Asked::new(5, ""),
        Asked {
            site: "9521002000115".to_owned(),
            ..Asked::new(5, "WO-1")
        },
    ];
    for other in &others {
        assert!(ask(&test, &line, other).await.iter().all(|number| !first.contains(number)));
    }
    let second_line = Actor {
        system: "line-2".to_owned(),
        ..line.clone()
    };
    assert!(
        ask(&test, &second_line, &Asked::new(5, "WO-1"))
            .await
            .iter()
            .all(|number| !first.contains(number))
    );
    assert_eq!(ask(&test, &line, &Asked::new(5, "WO-1")).await, first);
}

#[tokio::test]
async fn numbers_that_are_in_use_are_not_given_again() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let first = ask(&test, &line, &Asked::new(5, "WO-1")).await;
    let serial = first[0][18..].to_owned();
    let (hub, party) = (test.hub.clone(), line.party.clone());
    let work = test.hub.db().write(move |tx| {
        Box::pin(async move { commissioned(tx, &hub, &party, AUROXIN.parse().unwrap(), "L1", &[&serial]).await })
    });
    work.await.unwrap();
    let next = ask(&test, &line, &Asked::new(5, "WO-1")).await;
    assert!(next.iter().all(|number| !first.contains(number)));
}

#[tokio::test]
async fn confirmed_numbers_are_not_given_again() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let create = async || {
        let answer = test
            .post(&line, "/dialects/frequentz", XML, frequentz_create(&Asked::new(5, "r")))
            .await;
        between(answer.expect(StatusCode::OK).text(), "<tag:requestId>", "</tag:requestId>")[0].to_owned()
    };
    let first = create().await;
    assert_eq!(create().await, first);
    for operation in ["getTagsRequest", "confirmTagsRequest"] {
        let message = frequentz(operation, &format!("<t:requestId>{first}</t:requestId>"));
        test.post(&line, "/dialects/frequentz", XML, message)
            .await
            .expect(StatusCode::OK);
    }
    assert_ne!(create().await, first);
}

#[tokio::test]
async fn turned_off_every_message_is_a_request() {
    let limits = Limits {
        reask_minutes: 0,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let line = test.actor("packwell");
    let first = ask(&test, &line, &Asked::new(5, "WO-1")).await;
    assert_ne!(ask(&test, &line, &Asked::new(5, "WO-1")).await, first);
    // The other switch is another one.
    let first = ask(&test, &line, &Asked::new(5, "")).await;
    assert_eq!(ask(&test, &line, &Asked::new(5, "")).await, first);
}

#[tokio::test]
async fn the_same_message_many_times_at_once_over_two_processes_is_one_block() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let second = test.router_of(test.second().await);
    for generation in 0..2 {
        let asked = Asked::new(5, "WO-1");
        let asks = (0..16).map(|i| {
            let (test, line, second, message) = (&test, &line, &second, snx(&asked));
            async move {
                let answer = if i % 2 == 0 {
                    test.post(line, "/soap/snx/snrequest", XML, message).await
                } else {
                    second.post(line, "/soap/snx/snrequest", XML, message).await
                };
                answer.expect(StatusCode::OK).header("counterfoil-allocation").to_owned()
            }
        });
        let mut ids = futures_util::future::join_all(asks).await;
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1, "generation {generation}: {ids:?}");
        test.advance_seconds(DAY);
    }
}
