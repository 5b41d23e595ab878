//! Sixty-four impatient callers on one pool, over two hub processes on one PostgreSQL.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{RwLock, Semaphore};

use super::caller::{Answer, Caller, LINES};
use super::house::{House, Start};
use super::restore::unexplained;

const CALLERS: usize = 64;
const REQUESTS: usize = 5;

/// Each request is sent to both hubs, twice to one of them: one allocation, and no serial in two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_over_two_hubs_get_no_serial_twice() {
    let Some(house) = House::on_postgres().await else { return };
    let hubs = [house.start(Start::default()), house.start(Start::default())];
    let line = LINES[0];
    // One client a hub: a crowd of programs on a few machines.
    let clients = [house.caller(&line, &hubs[0]), house.caller(&line, &hubs[1])];
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let clients = clients.clone();
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for request in 0..REQUESTS {
                    let key = format!("crowd-{caller}-{request}");
                    let ask = |hub: usize| clients[hub].request_serials(&line, 1 + (caller % 7) as u64, &key);
                    let (first, other, again) = tokio::join!(ask(caller % 2), ask((caller + 1) % 2), ask(caller % 2));
                    let ids: HashSet<String> = [first, other, again]
                        .into_iter()
                        .map(|answer| acknowledged(&key, answer))
                        .collect();
                    assert_eq!(ids.len(), 1, "{key} was given {ids:?}");
                    for id in ids {
                        numbers.extend(acknowledged(&key, clients[caller % 2].serials(&id).await));
                    }
                }
                numbers
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a caller"));
    }
    let asked: usize = (0..CALLERS).map(|caller| (1 + caller % 7) * REQUESTS).sum();
    let distinct: HashSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (asked, asked), "serials given twice");
    drop(hubs);
    house.tear_down().await;
}

const TIMES: usize = 1_000;
const QUANTITY: u64 = 25;

/// Asks until there is an answer, of whichever hub is there.
async fn persistent(callers: Arc<RwLock<[Caller; 2]>>, which: usize) -> String {
    for _ in 0..400 {
        let caller = callers.read().await[which].clone();
        match caller.request_serials(&LINES[0], QUANTITY, "the one key").await {
            Answer::Acknowledged(path) => return path,
            Answer::Refused(why) => panic!("refused: {why}"),
            Answer::Unknown(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
    panic!("no answer")
}

/// The same key a thousand times at once, over two hubs (or one on SQLite), one of which is killed in the middle.
async fn one_key(house: House, two: bool) {
    let first = house.start(Start::default());
    let second = two.then(|| house.start(Start::default()));
    let other = second.as_ref().unwrap_or(&first);
    let callers = Arc::new(RwLock::new([house.caller(&LINES[0], &first), house.caller(&LINES[0], other)]));
    let answered = Arc::new(Semaphore::new(0));
    let tasks: Vec<_> = (0..TIMES)
        .map(|which| {
            let (callers, answered) = (Arc::clone(&callers), Arc::clone(&answered));
            tokio::spawn(async move {
                let path = persistent(callers, which % 2).await;
                answered.add_permits(1);
                path
            })
        })
        .collect();
    let _some = answered.acquire_many(TIMES as u32 / 20).await.expect("answers");
    first.kill();
    let again = house.start(Start::default());
    {
        let mut callers = callers.write().await;
        callers[0] = house.caller(&LINES[0], &again);
        if !two {
            callers[1] = callers[0].clone();
        }
    }
    let mut paths = HashSet::new();
    for task in tasks {
        paths.insert(task.await.expect("an answer"));
    }
    assert_eq!(paths.len(), 1, "one key was given {paths:?}");
    let caller = callers.read().await[0].clone();
    for path in paths {
        let numbers = acknowledged("the one key", caller.serials(&path).await);
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len() as u64, QUANTITY);
    }
    // Another key begins where the one ended, and nothing is unexplained.
    let next = acknowledged("another key", caller.request_serials(&LINES[0], 1, "another key").await);
    acknowledged("another key", caller.serials(&next).await);
    assert_eq!(unexplained(&house).await, 0);
    drop((again, second));
    house.tear_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_a_thousand_times_over_two_hubs_and_a_kill_is_one_allocation() {
    if let Some(house) = House::on_postgres().await {
        one_key(house, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_a_thousand_times_and_a_kill_is_one_allocation_on_sqlite() {
    one_key(House::on_sqlite().await, false).await;
}

fn acknowledged<T: std::fmt::Debug>(key: &str, answer: Answer<T>) -> T {
    match answer {
        Answer::Acknowledged(value) => value,
        other => panic!("{key}: {other:?}"),
    }
}
