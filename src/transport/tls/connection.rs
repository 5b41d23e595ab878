//! One authenticated connection: HTTP/1.1 or HTTP/2, a check of the caller at each request, and its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::config::settings::Limits;
use crate::service::error::Code;

use super::super::problem::Problem;
use super::super::rest::socket::Standing;
use super::TlsServer;
use super::admission::{NotAdmitted, Peer};
use super::gather::Gathered;
use super::unread::Shared;
use super::watch::{Activity, Overdue, Watched};

/// How long a connection that was told to go may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves the connection to its end.
pub(super) async fn run(tls: TlsStream<TcpStream>, peer: Peer, server: &TlsServer, stop: CancellationToken) {
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let limits = server.admission.hub().limits();
    let activity = Activity::new(is_http2);
    let io = TokioIo::new(Gathered::new(Watched::new(tls, activity.clone()), is_http2));
    let peer = Arc::new(Mutex::new(peer));
    let service = service_fn({
        let (activity, stop) = (activity.clone(), stop.clone());
        // What goes on after its request, a WebSocket, asks the same again and again.
        let (admission, asked) = (Arc::clone(&server.admission), Arc::clone(&peer));
        let standing = Standing::new(move || {
            let mut peer = asked.lock().unwrap_or_else(PoisonError::into_inner);
            !stop.is_cancelled() && admission.admit(&mut peer).is_ok()
        });
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(standing.clone());
            answer(request, server.clone(), Arc::clone(&peer), activity.clone())
        }
    });
    let builder = builder(is_http2, limits);
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let _open = server.metrics.open_connection();
    let overdue = tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = stop.cancelled() => None,
        overdue = activity.watch(limits) => Some(overdue),
    };
    match overdue {
        // The caller of `serve` ends the wait.
        None => {
            connection.as_mut().graceful_shutdown();
            report(connection.await);
        }
        Some(Overdue::Idle) => {
            connection.as_mut().graceful_shutdown();
            if let Ok(ended) = tokio::time::timeout(FAREWELL, connection).await {
                report(ended);
            }
        }
        Some(Overdue::Header | Overdue::Blocked) => tracing::debug!(?overdue, "connection cut"),
    }
}

fn report(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        // Callers hang up; it is their right.
        tracing::debug!(%error, "connection ended");
    }
}

/// The protocol is known from the handshake (RFC 7301), so that nothing waits for a preface to guess it.
fn builder(is_http2: bool, limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Header and idle times are `Activity`'s.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(64)
        .max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(32 << 10)
        // Rapid reset (CVE-2023-44487): a caller that opens streams only to reset them is cut off.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}

/// One request: who is it, still? Then the router.
async fn answer(
    request: Request<Incoming>,
    server: TlsServer,
    peer: Arc<Mutex<Peer>>,
    activity: Activity,
) -> Result<Response, Infallible> {
    let running = activity.request();
    let admitted = server
        .admission
        .admit(&mut peer.lock().unwrap_or_else(PoisonError::into_inner));
    let (parts, body) = request.into_parts();
    let body = Shared::new(body);
    let response = match admitted {
        Ok(actor) => {
            let mut request = Request::from_parts(parts, body.body());
            request.extensions_mut().insert(actor);
            server.router.oneshot(request).await?
        }
        Err(refused) => {
            tracing::info!(reason = %refused, "request refused");
            refuse(parts.version, &refused)
        }
    };
    body.drain().await;
    Ok(response.map(|body| running.until_sent(body)))
}

fn refuse(version: Version, refused: &NotAdmitted) -> Response {
    let mut response = Problem::new(Code::Unauthenticated, refused.to_string()).into_response();
    if version < Version::HTTP_2 {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
