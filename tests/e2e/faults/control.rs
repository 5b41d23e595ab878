//! The control: a hub like any other but for `PRAGMA synchronous = OFF`.
//!
//! The shipped binary cannot be told to lose data, so this test binary serves in its place, put together by the same
//! composition root.

use counterfoil::app::{Start, start_with};
use counterfoil::config::settings::{Settings, Sources};

/// Set for every hub of these tests; the settings pass over `COUNTERFOIL_TEST_…`.
pub(crate) const ON: &str = "COUNTERFOIL_TEST_CONTROL";
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
    let start = Start {
        sqlite_synchronous: "OFF",
        ..Start::new(settings)
    };
    let _hub = start_with(start).await.expect("a hub");
    std::future::pending::<()>().await;
}
