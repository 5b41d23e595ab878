//! Request bodies that were answered before they were read.
//!
//! An answer that overtakes the body breaks things: HTTP/1.1 has to close the connection, and some HTTP/2 clients take it for
//! an error. So what is left of a small body is read and thrown away before the answer goes out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

/// What is read of a body that nobody wanted: a client that sends a little too much still reads why it was refused.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A body of which a second hand is kept.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// For the one who answers.
    pub(super) fn body(&self) -> Body {
        Body::new(self.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Incoming) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what is left, if it is little and comes soon.
    pub(super) async fn drain(self) {
        let mut left = DRAIN_BYTES;
        let mut this = self;
        let drain = async {
            while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut this).poll_frame(cx)).await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
        };
        // What does not come in time is not waited for.
        let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.with(|body| {
            if body.is_end_stream() {
                Poll::Ready(None)
            } else {
                Pin::new(body).poll_frame(cx)
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
