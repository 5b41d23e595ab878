//! What a connection is doing, seen from its bytes and its requests, so that it can be cut when it does nothing.
//!
//! hyper's own header time-out also runs while a connection is idle and not at all for HTTP/2; this one tells half a
//! header from an idle connection and from a caller that does not read its answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;

/// Shared by the stream, the requests and the watcher of one connection.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    state: Arc<Mutex<State>>,
    is_http2: bool,
}

#[derive(Debug)]
struct State {
    requests: usize,
    /// Since when nothing is asked.
    idle_since: Instant,
    /// Since when there is a part of a request's header, HTTP/1 only.
    header_since: Option<Instant>,
    /// Since when the other end takes no bytes.
    blocked_since: Option<Instant>,
}

/// Why a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing asked for too long: told to go, politely.
    Idle,
    /// Half a header for too long.
    Header,
    /// The answer is not read.
    Blocked,
}

impl Activity {
    pub(super) fn new(is_http2: bool) -> Self {
        let state = State {
            requests: 0,
            idle_since: Instant::now(),
            header_since: None,
            blocked_since: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            is_http2,
        }
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request has all its headers.
    pub(super) fn request(&self) -> RunningRequest {
        self.update(|state| {
            state.requests += 1;
            state.header_since = None;
        });
        RunningRequest(self.clone())
    }

    fn received(&self) {
        if !self.is_http2 {
            self.update(|state| {
                if state.requests == 0 {
                    state.header_since.get_or_insert_with(Instant::now);
                }
            });
        }
    }

    fn wrote(&self, blocked: bool) {
        self.update(|state| match blocked {
            true => _ = state.blocked_since.get_or_insert_with(Instant::now),
            false => state.blocked_since = None,
        });
    }

    fn overdue(&self, limits: &Limits, now: Instant) -> Option<Overdue> {
        let idle = Duration::from_millis(limits.idle_timeout_ms);
        let header = Duration::from_millis(limits.header_timeout_ms);
        let over = |since: Option<Instant>, limit| since.is_some_and(|since| now.duration_since(since) >= limit);
        self.update(|state| {
            if over(state.header_since, header) {
                Some(Overdue::Header)
            } else if over(state.blocked_since, idle) {
                Some(Overdue::Blocked)
            } else if state.requests == 0 && over(Some(state.idle_since), idle) {
                Some(Overdue::Idle)
            } else {
                None
            }
        })
    }

    /// Returns when the connection is overdue.
    pub(super) async fn watch(&self, limits: &Limits) -> Overdue {
        let shortest = limits.idle_timeout_ms.min(limits.header_timeout_ms);
        let mut tick = tokio::time::interval(Duration::from_millis((shortest / 4).clamp(10, 1_000)));
        loop {
            let now = tick.tick().await;
            if let Some(overdue) = self.overdue(limits, now) {
                return overdue;
            }
        }
    }
}

/// A request that is being answered; it is until the last byte of its answer is handed over.
#[derive(Debug)]
pub(super) struct RunningRequest(Activity);

impl RunningRequest {
    /// Ties it to the answer's body.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(SentBody { body, _request: self })
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.0.update(|state| {
            state.requests -= 1;
            state.idle_since = Instant::now();
        });
    }
}

struct SentBody {
    body: Body,
    _request: RunningRequest,
}

impl hyper::body::Body for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that reports what it does.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    activity: Activity,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.wrote(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.wrote(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.activity.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            idle_timeout_ms: 60_000,
            header_timeout_ms: 10_000,
            ..Limits::default()
        }
    }

    fn after(activity: &Activity, seconds: u64) -> Option<Overdue> {
        activity.overdue(&limits(), Instant::now() + Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn an_idle_connection_has_longer_than_half_a_header() {
        let activity = Activity::new(false);
        assert_eq!(after(&activity, 59), None);
        assert_eq!(after(&activity, 61), Some(Overdue::Idle));
        activity.received();
        assert_eq!(after(&activity, 9), None);
        assert_eq!(after(&activity, 11), Some(Overdue::Header));
    }

    #[tokio::test]
    async fn a_running_request_is_neither() {
        let activity = Activity::new(false);
        activity.received();
        let running = activity.request();
        activity.received();
        assert_eq!(after(&activity, 600), None);
        activity.wrote(true);
        assert_eq!(after(&activity, 61), Some(Overdue::Blocked));
        activity.wrote(false);
        drop(running);
        assert_eq!(after(&activity, 59), None);
        assert_eq!(after(&activity, 61), Some(Overdue::Idle));
    }

    #[tokio::test]
    async fn frames_of_http2_are_no_half_header() {
        let activity = Activity::new(true);
        activity.received();
        assert_eq!(after(&activity, 11), None);
        assert_eq!(after(&activity, 61), Some(Overdue::Idle));
    }
}
