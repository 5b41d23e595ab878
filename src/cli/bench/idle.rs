//! What a call costs before anything is done for it: the same TLS and HTTP, and nothing behind them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::service::certificate::Revocations;
use crate::transport::metrics::Metrics;
use crate::transport::tls::admission::Admission;
use crate::transport::tls::{self, TlsServer};

use super::ground::Ground;
use super::load::{Rate, rate};

/// A call that is made over and over.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// By a system of this party.
    pub(super) party: String,
    /// A POST there.
    pub(super) path: &'static str,
    /// With this body.
    pub(super) body: serde_json::Value,
}

/// Callers of a server that answers `{}` to the call: so many of them, with so many calls under way each.
pub(super) async fn nothing_over_tls(
    ground: &Ground,
    call: &Call,
    (clients, each): (usize, usize),
    time: Duration,
) -> anyhow::Result<Rate> {
    let (hub, authority) = (ground.running.hub().clone(), ground.running.authority());
    let names = ["localhost".to_owned()];
    let admission = Arc::new(Admission::new(hub.clone(), authority, Revocations::default())?);
    let config = tls::server_config(&admission, &authority.issue_server(&names, hub.now())?)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let router = Router::new().route(call.path, post(async || axum::Json(serde_json::json!({}))));
    let stop = CancellationToken::new();
    let server = TlsServer {
        config,
        admission,
        router,
        metrics: Metrics::default(),
    };
    let serving = tokio::spawn(tls::serve(listener, server, stop.clone()));
    let files = ground.certificate(&call.party).await?;
    let callers: Vec<_> = (0..clients)
        .map(|_| ground.caller_at(&call.party, &files, port))
        .collect::<anyhow::Result<_>>()?;
    let (callers, call) = (Arc::new(callers), Arc::new(call.clone()));
    let measured = rate(clients * each, time, move |worker, turn| {
        let (callers, call) = (Arc::clone(&callers), Arc::clone(&call));
        async move {
            callers[worker % clients]
                .post(call.path, &format!("idle-{worker}-{turn}"), &call.body)
                .await
                .map(drop)
        }
    });
    let measured = measured.await;
    stop.cancel();
    serving.await?;
    measured
}
