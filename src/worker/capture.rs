//! Runs capture jobs.
pub async fn run(hub: crate::service::Hub, stop: tokio_util::sync::CancellationToken) { let _ = hub; stop.cancelled().await }
