//! Answers that are ready at the same moment leave an HTTP/2 connection together.
//!
//! Each is a task of its own that wakes the connection, which would go at once and send that answer alone: a TLS record, a call of the
//! system and a packet each. Where hundreds wait for one commit that is most of the work. So what is to be sent is kept until the
//! tasks that are ready besides have had their turn, once; a connection that nobody else waits with loses nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Sent without waiting for more: what a TLS record holds (RFC 8446, section 5.1).
const FULL: usize = 16 << 10;

/// A stream whose writes are gathered until they are flushed.
#[derive(Debug)]
pub(super) struct Gathered<S> {
    stream: S,
    kept: Vec<u8>,
    /// How much of it is gone.
    sent: usize,
    /// Whether there are others on this connection who may have something to send.
    is_shared: bool,
    /// Whether they have had their turn since the last flush.
    has_yielded: bool,
}

impl<S> Gathered<S> {
    /// `is_shared`: HTTP/2. An answer of HTTP/1 is alone on its connection and waits for nobody.
    pub(super) fn new(stream: S, is_shared: bool) -> Self {
        Self {
            stream,
            is_shared,
            kept: Vec::new(),
            sent: 0,
            has_yielded: false,
        }
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Hands over all that is kept.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.kept.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.kept.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.kept.len() + bytes.len() > FULL {
            ready!(self.poll_send(cx))?;
        }
        if bytes.len() >= FULL {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.kept.len() + length > FULL {
            ready!(self.poll_send(cx))?;
        }
        if length >= FULL {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        for slice in slices {
            self.kept.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_shared && !self.kept.is_empty() && !self.has_yielded {
            self.has_yielded = true;
            // Asks for another turn, which comes after those that are waiting for theirs.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_send(cx))?;
        self.has_yielded = false;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Counts the writes that reach it.
    #[derive(Default)]
    struct Counted {
        writes: Vec<usize>,
        bytes: Vec<u8>,
        /// Takes so many at a time.
        most: usize,
    }

    impl AsyncWrite for Counted {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.most);
            self.writes.push(taken);
            self.bytes.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn counted(most: usize) -> Counted {
        Counted {
            most,
            ..Counted::default()
        }
    }

    #[tokio::test]
    async fn what_is_written_before_a_flush_goes_as_one() {
        let mut stream = Gathered::new(counted(usize::MAX), true);
        for part in [&b"one "[..], b"two ", b"three"] {
            stream.write_all(part).await.unwrap();
        }
        assert_eq!(stream.stream.writes, [0; 0]);
        stream.flush().await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(
            (stream.stream.writes.as_slice(), stream.stream.bytes.as_slice()),
            (&[13][..], &b"one two three"[..])
        );
    }

    /// The one flush takes what others write in the turn that it gives them; and it gives one, not more.
    #[tokio::test]
    async fn a_flush_lets_others_go_first_once() {
        let mut stream = Gathered::new(counted(usize::MAX), true);
        stream.write_all(b"one").await.unwrap();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_pending());
        assert!(Pin::new(&mut stream).poll_write(&mut cx, b" two").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
        assert_eq!(stream.stream.writes, [7]);
        assert!(
            Pin::new(&mut stream).poll_flush(&mut cx).is_ready(),
            "nothing to send: nobody is waited for"
        );
    }

    #[tokio::test]
    async fn any_sizes_in_any_order_arrive_as_they_were_written() {
        let mut stream = Gathered::new(counted(1_000), true);
        let mut expected = Vec::new();
        for (turn, size) in [1, FULL, 3, FULL - 1, 2, 3 * FULL, 0, 700, FULL - 700, 1]
            .into_iter()
            .enumerate()
        {
            let part = vec![turn as u8; size];
            stream.write_all(&part).await.unwrap();
            expected.extend(part);
        }
        stream.shutdown().await.unwrap();
        assert!(stream.stream.bytes == expected);
    }

    #[tokio::test]
    async fn what_comes_in_is_passed_through() {
        let (mut other, this) = tokio::io::duplex(64);
        let mut stream = Gathered::new(this, true);
        other.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        stream.read_exact(&mut read).await.unwrap();
        stream.write_all(&read).await.unwrap();
        stream.flush().await.unwrap();
        other.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
    }
}
