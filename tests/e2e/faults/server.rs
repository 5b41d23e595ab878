//! PostgreSQL is restarted, its connections are cut, and an older state of it is put back, under two hubs.
//!
//! Each test has a cluster of its own. A hub whose COMMIT was cut off stops itself, since it cannot tell whether it took place;
//! like a service manager, the test starts it again.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::caller::{Answer, LINES};
use super::cluster::Cluster;
use super::disk::Coin;
use super::history::History;
use super::house::{House, HubProcess, Start};
use super::restore::{AFTER, EACH, asked, asked_soon, refused, twice, unexplained};
use super::workload::Shift;

const SIGABRT: i32 = 6;
const CALLERS: usize = 4;
/// One case after the other, until the server fails or so many are packed.
const ROUNDS: u64 = 25;

/// How often the server fails; every other time its connections are cut, else it crashes.
fn faults() -> u32 {
    std::env::var("COUNTERFOIL_TEST_SERVER_FAULTS")
        .map_or(8, |text| text.parse().expect("COUNTERFOIL_TEST_SERVER_FAULTS is a number"))
}

/// Settles with the first hub, and again with the one started in its place if it stops itself meanwhile: a hub that has met
/// a COMMIT that was cut off is still there for a moment, longer on a busy machine.
async fn settled(house: &House, mut hubs: [HubProcess; 2], history: &mut History, stopped: &mut u32) -> [HubProcess; 2] {
    loop {
        hubs = hubs.map(|hub| standing(house, hub, stopped));
        let before = history.wrong.clone();
        history.settle(house, &hubs[0]).await;
        if hubs[0].ended().is_none() {
            return hubs;
        }
        history.wrong = before;
    }
}

/// The hub, started again if it has stopped itself; it may have ended in no other way.
fn standing(house: &House, mut hub: HubProcess, stopped: &mut u32) -> HubProcess {
    let Some(ended) = hub.ended() else { return hub };
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended}\n{}", hub.words());
    *stopped += 1;
    house.start(Start::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_or_cuts_connections_loses_nothing_and_issues_nothing_twice() {
    let Some(cluster) = Cluster::start() else { return };
    let house = House::on_server(cluster.url()).await;
    let (shift, mut coin, began) = (Shift::new(23), Coin(23), Instant::now());
    let mut hubs = [house.start(Start::default()), house.start(Start::default())];
    let (mut history, mut stopped, mut cut) = (History::default(), 0, 0);
    for fault in 0..faults() {
        hubs = settled(&house, hubs, &mut history, &mut stopped).await;
        let work: Vec<_> = hubs.iter().map(|hub| shift.work(&house, hub, CALLERS, ROUNDS)).collect();
        tokio::time::sleep(Duration::from_micros(20_000 + coin.below(200_000))).await;
        if fault % 2 == 0 {
            for _ in 0..3 {
                cut += cluster.cut_connections().await;
                tokio::time::sleep(Duration::from_micros(coin.below(60_000))).await;
            }
        } else {
            cluster.crash();
            cluster.up();
        }
        for work in work {
            history.extend(work.await);
        }
    }
    let hub = house.start(Start::default());
    history.settle(&house, &hub).await;
    let wrong = history.check(&house, &hub).await;
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", hub.words());
    assert!(cut > 0, "no connection was there to be cut");
    eprintln!(
        "{} faults of the server in {:.0?}, {cut} connections cut, hubs stopped themselves {stopped} times; {} acknowledged calls, {} serials: \
         none lost, none twice",
        faults(),
        began.elapsed(),
        history.acknowledged(),
        history.serials()
    );
}

/// How an older state comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The files of the whole cluster.
    Cluster,
    /// The database alone, as a dump that is loaded; and the hub's data folder is new but for its keys.
    Database,
}

/// Issues, copies, issues more, puts the copy back; all numbers that were issued.
async fn restored(cluster: &Cluster, house: &House, way: Way, start: Start<'_>) -> Vec<String> {
    let hub = house.start(start);
    let mut issued = asked(&house.caller(&LINES[0], &hub), "before").await;
    end(hub, start);
    match way {
        Way::Cluster => {
            cluster.down();
            cluster.back_up();
            cluster.up();
        }
        Way::Database => house.copy_database(&["CREATE DATABASE {copy} TEMPLATE {live}"]).await,
    }
    let hub = house.start(start);
    for key in AFTER {
        issued.extend(asked(&house.caller(&LINES[0], &hub), key).await);
    }
    end(hub, start);
    match way {
        Way::Cluster => {
            cluster.down();
            cluster.restore();
            cluster.up();
        }
        Way::Database => {
            let put_back = ["DROP DATABASE {live} WITH (FORCE)", "ALTER DATABASE {copy} RENAME TO {live}"];
            house.copy_database(&put_back).await;
            std::fs::remove_file(house.data().join("serial-witness.json")).expect("a witness");
        }
    }
    issued
}

/// In good order; the control has none.
fn end(hub: HubProcess, start: Start<'_>) {
    if start.trusting { hub.kill() } else { hub.stop() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_state_of_the_server_issues_nothing_again_and_without_the_check_it_does() {
    let Some(cluster) = Cluster::start() else { return };
    for way in [Way::Cluster, Way::Database] {
        let house = House::on_server(cluster.url()).await;
        let mut issued = restored(&cluster, &house, way, Start::default()).await;
        let hubs = [house.start(Start::default()), house.start(Start::default())];
        for hub in &hubs {
            refused(&house.caller(&LINES[0], hub), AFTER[0]).await;
        }
        let (status, text) = house.told(&["serials", "floor", "confirm", "--advance-all", "30"]);
        assert_eq!(status, Some(0), "{way:?}: {text}");
        for (hub, key) in hubs.iter().zip(AFTER) {
            issued.extend(asked_soon(&house.caller(&LINES[0], hub), key).await);
        }
        assert_eq!(
            (issued.len(), twice(&issued), unexplained(&house).await),
            (60, 0, 0),
            "{way:?}"
        );
        drop(hubs);

        let control = House::on_server(cluster.url()).await;
        let trusting = Start {
            trusting: true,
            ..Start::default()
        };
        let mut issued = restored(&cluster, &control, way, trusting).await;
        let hub = control.start(trusting);
        issued.extend(asked(&control.caller(&LINES[0], &hub), "fresh").await);
        assert_eq!(
            twice(&issued),
            EACH as usize,
            "{way:?}: without the check nothing was issued twice"
        );
    }
}

/// A standby that takes over may not have everything: hubs that go on with it are held without a restart of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_under_a_running_hub_is_noticed() {
    let Some(cluster) = Cluster::start() else { return };
    let house = House::on_server(cluster.url()).await;
    let hub = house.start(Start::default());
    let caller = house.caller(&LINES[0], &hub);
    let mut issued = asked(&caller, "before").await;
    cluster.down();
    cluster.take_over();
    let mut hub = standing(&house, hub, &mut 0);
    let mut caller = house.caller(&LINES[0], &hub);
    for _ in 0..100 {
        match caller.request_serials(&LINES[0], EACH, "fresh").await {
            // Its connections are of the server that is gone; or it has just stopped itself.
            Answer::Unknown(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                hub = standing(&house, hub, &mut 0);
                caller = house.caller(&LINES[0], &hub);
            }
            Answer::Acknowledged(_) => panic!("numbers were issued on another timeline"),
            Answer::Refused(_) => break,
        }
    }
    refused(&caller, "fresh").await;
    assert_eq!(asked(&caller, "before").await, issued);
    assert_eq!(
        house.told(&["serials", "floor", "confirm", "--nothing-was-issued"]).0,
        Some(0)
    );
    issued.extend(asked_soon(&caller, "fresh").await);
    assert_eq!((twice(&issued), hub.ended()), (0, None));
}
