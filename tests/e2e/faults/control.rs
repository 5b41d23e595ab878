//! The controls: a hub like any other but for `PRAGMA synchronous = OFF`, or for its trust in restored data, and histories
//! that are not true.
//!
//! The shipped binary cannot be told to lose data or to issue numbers twice, so this test binary serves in its place, put together by the same
//! composition root.

use counterfoil::app::{Start, start_with};
use counterfoil::config::settings::{Settings, Sources};
use sea_orm::ConnectionTrait;

use super::history::History;
use super::house::{House, Start as Hub};
use super::workload::Shift;

/// Set for every hub of these tests; the settings pass over `COUNTERFOIL_TEST_…`.
pub(crate) const ON: &str = "COUNTERFOIL_TEST_CONTROL";
/// `PRAGMA synchronous = OFF`.
pub(crate) const WITHOUT_SYNC: &str = "COUNTERFOIL_TEST_CONTROL_WITHOUT_SYNC";
/// A database that may have been restored is trusted.
pub(crate) const TRUSTING: &str = "COUNTERFOIL_TEST_CONTROL_TRUSTING";
/// Runs [`the_control_hub`] alone.
pub(crate) const ARGUMENTS: [&str; 3] = ["--exact", "faults::control::the_control_hub", "--nocapture"];

/// This test binary.
pub(crate) fn program() -> String {
    std::env::current_exe().expect("this test").display().to_string()
}

/// Not a test: the process that a house starts as its control. Without its variable it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_hub() {
    if std::env::var_os(ON).is_none() {
        return;
    }
    let settings = Settings::load(Sources {
        environment: std::env::vars().collect(),
        ..Sources::default()
    })
    .expect("settings");
    let mut start = Start::new(settings);
    if std::env::var_os(WITHOUT_SYNC).is_some() {
        start.sqlite_synchronous = "OFF";
    }
    start.distrusts_restores = std::env::var_os(TRUSTING).is_none();
    let hub = start_with(start).await.expect("a hub");
    // As the binary's log says it.
    println!("machine_addr={} ", hub.machine_addr);
    std::future::pending::<()>().await;
}

/// The check that all fault tests rest on notices what it is there to notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_notices_loss_and_duplicates() {
    let house = House::on_sqlite().await;
    let hub = house.start(Hub::default());
    let truth = Shift::new(3).work(&house, &hub, 2, 2).await;
    let wrong = async |doctor: fn(&mut History)| {
        let mut history = truth.clone();
        doctor(&mut history);
        history.check(&house, &hub).await
    };
    assert_eq!(wrong(|_| {}).await, Vec::<String>::new());
    type Falsified = (fn(&mut History), &'static str);
    let doctored: [Falsified; 5] = [
        (
            |history| history.requests[0].allocation = Some("/serials/v1/allocations/alc_0/serials".to_owned()),
            "is lost",
        ),
        (
            |history| history.requests[0].allocation = history.requests[1].allocation.clone(),
            "was given to",
        ),
        (
            |history| history.requests[0].serials.as_mut().expect("serials").reverse(),
            "has other numbers",
        ),
        (|history| drop(history.requests.pop()), "FROM allocation"),
        (|history| history.captures[0].document.events[0].push('0'), "is there 0 times"),
    ];
    for (doctor, expect) in doctored {
        let wrong = wrong(doctor).await;
        assert!(
            wrong.iter().any(|what| what.contains(expect)),
            "{expect} is not among {wrong:#?}"
        );
    }
    // And what no history tells: a number that nobody has and nothing explains, and blocks that overlap.
    let tables: [(&str, &str); 2] = [
        (
            "UPDATE pool SET next_index = next_index + 1",
            "FROM pool p WHERE p.next_index <>",
        ),
        ("UPDATE allocation SET span = quantity + 1000", "JOIN allocation b"),
    ];
    for (sql, expect) in tables {
        let db = house.database().await;
        db.execute_unprepared(sql).await.expect("falsified");
        db.close().await.expect("closed");
        let wrong = wrong(|_| {}).await;
        assert!(
            wrong.iter().any(|what| what.contains(expect)),
            "{expect} is not among {wrong:#?}"
        );
    }
}
