//! Requests that wait for one product are committed together.

use counterfoil::config::settings::Limits;
use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn two_hundred_requests_at_once_take_few_commits() {
    let test = TestHub::start().await;
    granted(&test, "opens-the-pool", 1).await;
    let before = test.hub.serial_writer().counts();
    let actor = test.actor("packwell");
    let answers = join_all((0..200).map(|i| request(&test.hub, &actor, wanted(&format!("order-{i}"), 1 + i % 7)))).await;
    let counts = test.hub.serial_writer().counts();
    assert_eq!(counts.requests - before.requests, 200);
    let commits = counts.transactions - before.transactions;
    assert!(commits <= 20, "{commits} commits for 200 requests");
    let granted: Vec<Allocation> = answers.into_iter().map(Result::unwrap).collect();
    let mut serials = HashSet::new();
    for allocation in &granted {
        serials.extend(numbers(&test, allocation).await);
    }
    let total: u64 = granted.iter().map(|allocation| allocation.quantity).sum();
    assert_eq!(serials.len() as u64, total);
}

#[tokio::test]
async fn a_refusal_in_a_batch_touches_nobody_else() {
    let test = TestHub::start().await;
    amend(&test.hub, |_| (), |agreement| agreement.quota.total = Some(100));
    let actor = test.actor("packwell");
    // 10 fit; each of these keys twice; every third asks for more than there ever is.
    let wanted = |i: u64| wanted(&format!("order-{}", i / 2), if (i / 2).is_multiple_of(3) { 101 } else { 10 });
    let answers = join_all((0..60).map(|i| request(&test.hub, &actor, wanted(i)))).await;
    let mut granted = HashSet::new();
    for (i, pair) in answers.chunks(2).enumerate() {
        match (&pair[0], &pair[1]) {
            (Ok(first), Ok(second)) => {
                assert_eq!(first, second);
                granted.insert(first.id);
            }
            (Err(first), Err(second)) => {
                assert_eq!(
                    (first.code(), second.code()),
                    (Code::QuotaExceeded, Code::QuotaExceeded),
                    "{i}"
                );
            }
            mixed => panic!("{mixed:?}"),
        }
    }
    assert_eq!(granted.len(), 10);
}

#[tokio::test]
async fn one_key_with_two_bodies_in_one_batch_is_one_allocation() {
    let test = TestHub::start().await;
    let actor = test.actor("packwell");
    let answers = join_all((0..10).map(|i| request(&test.hub, &actor, wanted("order-1", 5 + i % 2)))).await;
    let codes: Vec<Option<Code>> = answers
        .iter()
        .map(|answer| answer.as_ref().err().map(ServiceError::code))
        .collect();
    assert_eq!(codes, [None, Some(Code::KeyReused)].repeat(5));
}

#[tokio::test]
async fn a_full_queue_says_so_and_nothing_is_lost() {
    let test = TestHub::start_with(Limits {
        waiting_serial_requests: 3,
        ..Limits::default()
    })
    .await;
    granted(&test, "opens-the-pool", 1).await;
    let actor = test.actor("packwell");
    let answers = join_all((0..20).map(|i| request(&test.hub, &actor, wanted(&format!("order-{i}"), 1)))).await;
    let full = answers
        .iter()
        .filter(|answer| matches!(answer, Err(error) if error.code() == Code::Unavailable))
        .count();
    let granted = answers.iter().filter(|answer| answer.is_ok()).count();
    // Three wait, and those that were taken from the queue before it was full.
    assert_eq!(full + granted, 20);
    assert!(granted >= 3 && full >= 10, "{granted} were granted");
    for i in 0..20 {
        request(&test.hub, &actor, wanted(&format!("order-{i}"), 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_changes_nothing() {
    let test = TestHub::start().await;
    granted(&test, "opens-the-pool", 1).await;
    let (hub, actor) = (test.hub.clone(), test.actor("packwell"));
    let call = tokio::spawn(async move { request(&hub, &actor, wanted("order-1", 5)).await });
    // It is in the queue, and gone before it is answered.
    while test.hub.serial_writer().counts().requests == 1 {
        tokio::task::yield_now().await;
    }
    call.abort();
    test.hub.serial_writer().drained().await;
    let before = test.hub.serial_writer().counts();
    let found = granted(&test, "order-1", 5).await;
    let page = counterfoil::service::page::Page { first: 10, after: None };
    let all = allocations(&test.hub, &test.actor("packwell"), None, page).await.unwrap();
    assert_eq!(all.rows.iter().filter(|(_, row)| row.id == found.id).count(), 1);
    assert_eq!(all.rows.len(), 2);
    assert_eq!(test.hub.serial_writer().counts().requests, before.requests + 1);
}
