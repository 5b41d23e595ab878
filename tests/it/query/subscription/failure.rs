//! Receivers that fail, and processes that die: nothing is lost, nothing is delivered by two at once.

use super::*;

#[tokio::test]
async fn what_is_not_taken_is_sent_again_with_the_same_id() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 1).await;
    let mut ids = BTreeSet::new();
    for (at, status) in (10..).zip([500, 404, 401, 302, 429]) {
        world.receiver.set(Mood::Status(status));
        world.work().await;
        let got = world.receiver.got();
        assert_eq!(got.len(), 1, "{status}: once, then it waits");
        ids.insert(got[0].header("webhook-id").to_owned());
        let shown = world.shown(&path).await;
        assert!(
            shown["lastError"].as_str().expect("a cause").contains(&status.to_string()),
            "{shown}"
        );
        // What comes meanwhile comes afterwards.
        label(&world.test, at, 1).await;
        world.work().await;
        assert!(world.receiver.got().is_empty(), "it waits");
        world.test.advance_seconds(3_600);
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    world.receiver.set(Mood::Redirects);
    world.work().await;
    assert_eq!(world.receiver.got().len(), 1, "no redirect is followed");
    world.test.advance_seconds(3_600);
    world.receiver.set(Mood::Takes);
    world.work().await;
    let got = world.receiver.got();
    assert!(ids.contains(got[0].header("webhook-id")));
    assert_eq!(got[0].numbers(), [1]);
    assert_eq!(got[1].numbers().len(), 5);
    let shown = world.shown(&path).await;
    assert_eq!((&shown["failures"], shown.get("lastError")), (&json!(0), None));
}

#[tokio::test]
async fn a_receiver_gets_smaller_deliveries_if_it_asks_for_them() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 9).await;
    world.receiver.set(Mood::AtMost(2));
    world.work().await;
    let got = world.receiver.got();
    let taken: Vec<u32> = got.iter().filter(|got| got.taken).flat_map(|got| got.numbers()).collect();
    assert_eq!(taken, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let refused = got.iter().filter(|got| !got.taken).count();
    assert!((2..12).contains(&refused), "{refused}");
    let ids: BTreeSet<&str> = got
        .iter()
        .filter(|got| got.taken)
        .map(|got| got.header("webhook-id"))
        .collect();
    assert_eq!(ids.len(), got.len() - refused, "each delivery has its own id");
    // One event that is too large is a failure like any other: it is not left out.
    label(&world.test, 10, 1).await;
    world.receiver.set(Mood::AtMost(0));
    world.work().await;
    assert_eq!(world.receiver.got().len(), 1);
    world.test.advance_seconds(60);
    world.receiver.set(Mood::Takes);
    world.work().await;
    assert_eq!(world.receiver.taken(), [10]);
}

#[tokio::test]
async fn a_large_delivery_is_parted_before_it_is_sent() {
    let world = World::start_with(Limits {
        delivery_bytes: 2_000,
        ..Limits::default()
    })
    .await;
    world.stream().await;
    label(&world.test, 1, 7).await;
    world.work().await;
    let got = world.receiver.got();
    assert!(got.len() > 2 && got.iter().all(|got| got.body.len() <= 2_000));
    assert_eq!(
        got.iter().flat_map(|got| got.numbers()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7]
    );
}

#[tokio::test]
async fn a_subscription_that_fails_too_long_is_disabled_and_can_be_resumed() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 2).await;
    world.receiver.set(Mood::Status(503));
    world.work().await;
    for _ in 0..200 {
        world.test.advance_seconds(3_600);
        world.work().await;
    }
    let tries = world.receiver.got().len();
    assert!((100..=200).contains(&tries), "{tries}");
    let shown = world.shown(&path).await;
    assert_eq!(shown["active"], false, "{shown}");
    assert!(
        shown["disabledReason"].as_str().expect("a reason").contains("168 hours"),
        "{shown}"
    );
    world.receiver.set(Mood::Takes);
    world.test.advance_seconds(86_400);
    world.work().await;
    assert!(world.receiver.got().is_empty(), "disabled is disabled");
    let packwell = world.test.actor("packwell");
    let stranger = world.test.actor("zenith");
    let resume = format!("{path}/resume");
    world
        .test
        .post(&stranger, &resume, "application/json", "")
        .await
        .expect(StatusCode::NOT_FOUND);
    let resumed = world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::OK);
    assert_eq!(resumed.json()["active"], true);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1, 2], "nothing is lost");
    // 410 ends it at once.
    label(&world.test, 3, 1).await;
    world.receiver.set(Mood::Status(410));
    world.work().await;
    let shown = world.shown(&path).await;
    assert!(shown["disabledReason"].as_str().expect("a reason").contains("410"), "{shown}");
    let log = world
        .test
        .graphql_data(&packwell, "{ auditEntries(first: 50) { nodes { action } } }", json!({}))
        .await;
    let actions = log.to_string().to_ascii_lowercase();
    for action in ["subscribe", "disable_subscription", "resume_subscription"] {
        assert!(actions.contains(action), "{action}: {actions}");
    }
}

#[tokio::test]
async fn two_processes_never_deliver_the_same_at_the_same_time() {
    let world = World::start_with(Limits {
        delivery_events: 3,
        ..Limits::default()
    })
    .await;
    for _ in 0..3 {
        world.stream().await;
    }
    let second = world.test.second().await;
    label(&world.test, 1, 20).await;
    let (one, other) = (world.test.hub.clone(), second);
    tokio::join!(work(&one), work(&other), work(&one), work(&other));
    let got = world.receiver.got();
    let ids: BTreeSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), got.len(), "each once");
    let mut numbers: Vec<u32> = got.iter().flat_map(|got| got.numbers()).collect();
    numbers.sort_unstable();
    let expect: Vec<u32> = (1..=20).flat_map(|number| [number; 3]).collect();
    assert_eq!(numbers, expect);
}

/// The last document there is has more events than a delivery: the rest does not wait for another document.
#[tokio::test]
async fn the_rest_of_a_document_comes_without_another() {
    let world = World::start_with(Limits {
        delivery_events: 2,
        ..Limits::default()
    })
    .await;
    world.stream().await;
    label_in_one(&world.test, 1, 5).await;
    world.work().await;
    assert_eq!(world.receiver.taken(), [1, 2, 3, 4, 5]);
    world.work().await;
    assert_eq!(world.receiver.taken(), [0; 0], "nothing is left, and nothing comes twice");
}

#[tokio::test]
async fn a_process_that_dies_while_it_delivers_loses_nothing() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 2).await;
    world.receiver.set(Mood::Hangs);
    let dying = world.test.second().await;
    let running = tokio::spawn(async move { work(&dying).await });
    world.receiver.reached().await;
    running.abort();
    assert!(running.await.is_err());
    // It had been sent and is not known to have been taken; more has come since.
    label(&world.test, 3, 1).await;
    world.receiver.set(Mood::Takes);
    let before = world.receiver.got();
    world.work().await;
    assert!(world.receiver.got().is_empty(), "its lease still runs");
    world.test.advance_seconds(120);
    world.work().await;
    let after = world.receiver.got();
    assert_eq!(after[0].header("webhook-id"), before[0].header("webhook-id"));
    assert_eq!(after[0].numbers(), before[0].numbers());
    assert_eq!(after.iter().flat_map(|got| got.numbers()).collect::<Vec<_>>(), [1, 2, 3]);
    // A process that is alone knows at once that nobody holds anything.
    label(&world.test, 4, 1).await;
    drop(subscription::take(&world.test.hub, &[]).await.expect("a turn"));
    world.work().await;
    assert!(world.receiver.got().is_empty());
    subscription::release_all(&world.test.hub).await.expect("released");
    world.work().await;
    assert_eq!(world.receiver.taken(), [4]);
}
