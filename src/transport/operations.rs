//! The operations port: is it alive, is it ready, how is it doing. Plain HTTP for the operator's own network.
//!
//! Shows no partner data and takes no input.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::service::Hub;
use crate::service::certificate::Revocations;

use super::metrics::Metrics;
use super::route::{Routes, get};

/// How long the database may take to show that it is there.
const PROBE: Duration = Duration::from_secs(2);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether a worker still runs. Cheap to clone; all clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Alive(Arc<AtomicBool>);

impl Alive {
    /// Says whether it runs.
    pub fn set(&self, runs: bool) {
        self.0.store(runs, Ordering::Release);
    }

    /// Whether it runs.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the port tells of.
#[derive(Debug, Clone)]
pub struct Operations {
    /// The hub.
    pub hub: Hub,
    /// Read for readiness: the same query that the hub itself depends on.
    pub revocations: Revocations,
    /// Counters.
    pub metrics: Metrics,
    /// The workers by name.
    pub workers: Vec<(&'static str, Alive)>,
    /// Set once the hub is told to stop.
    pub stop: CancellationToken,
}

#[derive(Debug, serde::Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, operations: Operations, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(operations))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// `/healthz`, `/readyz`, `/metrics`.
pub fn router(operations: Operations) -> Router {
    routes().into_router().with_state(operations)
}

/// All that the operations port answers, to whomever reaches it.
pub fn routes() -> Routes<Operations> {
    Routes::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// 200 if a caller would be served, else 503 with what is missing. The schema is checked before there is a port at all.
async fn ready(State(operations): State<Operations>) -> Response {
    let database = tokio::time::timeout(PROBE, operations.revocations.refresh(&operations.hub)).await;
    let mut checks = vec![
        Check {
            name: "database",
            ok: matches!(database, Ok(Ok(()))),
        },
        Check {
            name: "not_stopping",
            ok: !operations.stop.is_cancelled(),
        },
    ];
    checks.extend(operations.workers.iter().map(|(name, alive)| Check { name, ok: alive.get() }));
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(serde_json::json!({ "ready": ready, "checks": checks }))).into_response()
}

async fn metrics(State(operations): State<Operations>) -> Response {
    operations.metrics.serial_writer(operations.hub.serial_writer().counts());
    operations.metrics.registry_version(operations.hub.registry().version());
    match operations.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
