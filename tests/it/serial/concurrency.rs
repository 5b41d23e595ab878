//! Many callers at once, on two hub processes over one database.

use tokio::task::JoinSet;

use super::*;

/// Runs `count` calls at once, alternately on two hub processes.
async fn at_once<T, F, W>(test: &TestHub, count: usize, call: W) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
    W: Fn(Hub, usize) -> F,
{
    let hubs = [test.hub.clone(), test.second().await];
    let mut calls = JoinSet::new();
    for i in 0..count {
        calls.spawn(call(hubs[i % 2].clone(), i));
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_with_retries_never_get_a_number_twice() {
    let test = TestHub::start().await;
    let (packwell, aurora) = (test.actor("packwell"), test.actor("aurora"));
    let granted = at_once(&test, 64, |hub, caller| {
        let actor = if caller % 4 == 0 { aurora.clone() } else { packwell.clone() };
        async move {
            let mut granted = Vec::new();
            for order in 0..3 {
                let wanted = wanted(
                    &format!("caller-{caller}-order-{order}"),
                    1 + (caller as u64 * 7 + order) % 40,
                );
                let first = request(&hub, &actor, wanted.clone()).await.unwrap();
                let retry = request(&hub, &actor, wanted).await.unwrap();
                assert_eq!(first, retry);
                granted.push(first);
            }
            granted
        }
    })
    .await;
    let granted: Vec<Allocation> = granted.into_iter().flatten().collect();
    assert_eq!(granted.len(), 64 * 3);
    let total: u64 = granted.iter().map(|allocation| allocation.quantity).sum();
    let mut serials = HashSet::new();
    for allocation in &granted {
        serials.extend(numbers(&test, allocation).await);
    }
    assert_eq!(serials.len() as u64, total);
    // And none was burnt: the counter stands where the last allocation ends.
    assert_eq!(counter(&test).await, total);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_two_hundred_times_at_once_is_one_allocation() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let granted = at_once(&test, 200, |hub, _| {
        let actor = packwell.clone();
        async move { request(&hub, &actor, wanted("order-1", 50)).await.unwrap().id }
    })
    .await;
    assert_eq!(granted.into_iter().collect::<HashSet<_>>().len(), 1);
    assert_eq!(counter(&test).await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_for_two_products_at_once_is_one_allocation_and_one_refusal() {
    let test = TestHub::start().await;
    let aurora = test.actor("aurora");
    for round in 0..10 {
        // The second process is a new one with the same seed: at the same moment it would make the same ids again.
        test.advance_seconds(1);
        let answers = at_once(&test, 8, |hub, caller| {
            let gtin = [AUROXIN, LUMIVAR][caller / 2 % 2].parse().unwrap();
            let (actor, wanted) = (
                aurora.clone(),
                SerialRequest {
                    numbered: gtin,
                    ..wanted(&format!("order-{round}"), 5)
                },
            );
            async move {
                request(&hub, &actor, wanted)
                    .await
                    .map(|allocation| allocation.id)
                    .map_err(|error| error.code())
            }
        })
        .await;
        let granted: HashSet<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(granted.len(), 1, "{answers:?}");
        assert_eq!(
            answers.iter().filter(|answer| **answer == Err(Code::KeyReused)).count(),
            4,
            "{answers:?}"
        );
    }
    assert_eq!(counter(&test).await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_holds_however_many_ask_at_once() {
    let test = TestHub::start().await;
    let packwell = test.actor("packwell");
    let answers = at_once(&test, 40, |hub, caller| {
        amend(&hub, |_| (), |agreement| agreement.quota.total = Some(100));
        let actor = packwell.clone();
        async move {
            request(&hub, &actor, wanted(&format!("order-{caller}"), 7))
                .await
                .map_err(|error| error.code())
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 14);
    assert!(
        answers
            .iter()
            .all(|answer| !matches!(answer, Err(code) if *code != Code::QuotaExceeded))
    );
    assert_eq!(counter(&test).await, 98);
}

/// How many numbers the counters have given out.
async fn counter(test: &TestHub) -> u64 {
    let sql = "SELECT CAST(SUM(next_index) AS BIGINT) AS n FROM pool";
    let row = test
        .hub
        .db()
        .query_one("reading the counters", sql, Vec::new())
        .await
        .unwrap()
        .unwrap();
    row.try_get::<i64>("", "n").unwrap() as u64
}

/// The control of all of these: a counter that is read and then written gives numbers twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn control_a_counter_that_is_read_and_then_written_issues_twice() {
    let test = TestHub::start().await;
    granted(&test, "makes the pool", 1).await;
    let firsts = at_once(&test, 64, |hub, _| async move {
        let row = hub
            .db()
            .query_one("reading the counter", "SELECT next_index FROM pool", Vec::new());
        let first: i64 = row.await.unwrap().unwrap().try_get("", "next_index").unwrap();
        let work = hub.db().write(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE pool SET next_index = $1";
                tx.execute("writing the counter", sql, vec![(first + 1).into()]).await?;
                Ok::<_, ServiceError>(())
            })
        });
        work.await.unwrap();
        first
    })
    .await;
    let distinct: HashSet<_> = firsts.iter().collect();
    assert!(
        distinct.len() < firsts.len(),
        "nothing was read twice: the tests above cannot fail"
    );
}
