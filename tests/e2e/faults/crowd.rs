//! Sixty-four impatient callers on one pool, over two hub processes on one PostgreSQL.

use std::collections::HashSet;

use super::caller::{Answer, LINES};
use super::house::{House, Start};

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

fn acknowledged<T: std::fmt::Debug>(key: &str, answer: Answer<T>) -> T {
    match answer {
        Answer::Acknowledged(value) => value,
        other => panic!("{key}: {other:?}"),
    }
}
