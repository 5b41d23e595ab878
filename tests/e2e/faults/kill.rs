//! kill -9 at random moments of allocation and capture, again and again.
//!
//! `COUNTERFOIL_TEST_KILLS` says how often (200 if it is not set; `tests/run kill 1000` sets it). After so many kills without a
//! failure the chance of one is below 3 / kills, at 95 % confidence.

use std::time::{Duration, Instant};

use super::disk::Coin;
use super::history::History;
use super::house::{House, Start};
use super::workload::Shift;

const CALLERS: usize = 4;
/// After so many kills everything is checked, and on SQLite begun afresh: the check reads all there is.
const CHECK_EVERY: u32 = 50;

fn kills() -> u32 {
    std::env::var("COUNTERFOIL_TEST_KILLS").map_or(200, |text| text.parse().expect("COUNTERFOIL_TEST_KILLS is a number"))
}

/// A seed that is printed, so that a run can be had again.
fn seed() -> u64 {
    let fresh = || uuid::Uuid::new_v4().as_u64_pair().0 >> 32;
    std::env::var("COUNTERFOIL_TEST_SEED")
        .map_or_else(|_| fresh(), |text| text.parse().expect("COUNTERFOIL_TEST_SEED is a number"))
}

/// One series of kills over one data folder, and the check.
async fn series(house: &House, kills: u32, seed: u64) -> History {
    let shift = Shift::new(seed);
    let mut coin = Coin(seed);
    let mut history = History::default();
    for _ in 0..kills {
        let hub = house.start(Start::default());
        history.settle(house, &hub).await;
        let moment = Duration::from_micros(2_000 + coin.below(300_000));
        let work = shift.work(house, &hub, CALLERS, u64::MAX);
        tokio::pin!(work);
        let idle = tokio::time::timeout(moment, &mut work).await;
        assert!(
            idle.is_err(),
            "the lines stopped before the kill: {:#?}\n{}",
            idle.map(|history| history.wrong),
            hub.words()
        );
        hub.kill();
        history.extend(work.await);
    }
    let hub = house.start(Start::default());
    history.settle(house, &hub).await;
    let wrong = history.check(house, &hub).await;
    assert!(
        wrong.is_empty(),
        "COUNTERFOIL_TEST_SEED={seed}, {kills} kills: {wrong:#?}\n{}",
        hub.words()
    );
    history
}

fn report(what: &str, kills: u32, histories: &[History], began: Instant) {
    let sum = |count: fn(&History) -> usize| histories.iter().map(count).sum::<usize>();
    let (acknowledged, serials) = (sum(History::acknowledged), sum(History::serials));
    let each = began.elapsed() / kills.max(1);
    eprintln!(
        "{what}: {kills} kills ({each:.0?} each), {acknowledged} acknowledged calls, {serials} serials: none lost, none twice"
    );
}

/// The hub on SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_sqlite_it_loses_nothing_and_issues_nothing_twice() {
    let (template, began, seed) = (House::on_sqlite().await, Instant::now(), seed());
    let mut histories = Vec::new();
    let mut left = kills();
    while left > 0 {
        let now = left.min(CHECK_EVERY);
        let house = template.copy();
        histories.push(series(&house, now, seed.wrapping_add(u64::from(left) << 20)).await);
        left -= now;
    }
    report("SQLite", kills(), &histories, began);
}

/// The hub on PostgreSQL, a quarter as often: the database is another process and lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_postgres_it_loses_nothing_and_issues_nothing_twice() {
    let Some(house) = House::on_postgres().await else { return };
    let (began, kills) = (Instant::now(), kills().div_ceil(4));
    let history = series(&house, kills, seed()).await;
    report("PostgreSQL", kills, &[history], began);
    house.tear_down().await;
}
