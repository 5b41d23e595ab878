//! A document on its way in: from the connection to the object store, piece by piece, never whole in memory.
//!
//! What is compressed is unpacked on its way, and is from then on the document that it would be without: limits, name and replay
//! are those of the unpacked bytes.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::storage::object::{Incoming, ObjectError, Received};

use super::{Code, Hub, ServiceError, object_failed};

/// Pieces that wait for the disk.
const WAITING: usize = 8;
/// How many bytes may come out of one that came in. EPCIS with consecutive serial numbers comes to 50.
const RATIO: u64 = 200;
/// Up to this size the ratio does not matter.
const FREE: u64 = 4 << 20;

/// How the body of a request is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// `Content-Encoding: gzip` (RFC 1952, several members included).
    Gzip,
}

enum Piece {
    Bytes(bytes::Bytes),
    End,
}

/// Why no more is taken.
enum Fault {
    Object(ObjectError),
    /// Not gzip, or cut off.
    Gzip,
    /// Unpacks to far more than it is.
    Bomb,
}

impl From<ObjectError> for Fault {
    fn from(error: ObjectError) -> Self {
        Self::Object(error)
    }
}

/// A document of which pieces arrive. Dropped before its end it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    pieces: mpsc::Sender<Piece>,
    writer: JoinHandle<Result<Option<Received>, Fault>>,
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Object(_) => "Object",
            Self::Gzip => "Gzip",
            Self::Bomb => "Bomb",
        })
    }
}

impl Upload {
    /// Begins; past `limits.document_bytes` the next call answers [`Code::TooLarge`].
    pub fn begin(hub: &Hub, coding: Coding) -> Result<Self, ServiceError> {
        let name = hub.new_id(hub.now()).simple().to_string();
        let incoming = hub
            .objects()
            .receive(&name, hub.limits().document_bytes)
            .map_err(object_failed)?;
        let (pieces, mut arriving) = mpsc::channel(WAITING);
        // The disk may wait: beside the threads that serve connections.
        let writer = tokio::task::spawn_blocking(move || match coding {
            Coding::Identity => plain(&mut arriving, incoming),
            Coding::Gzip => unpacked(&mut arriving, incoming),
        });
        Ok(Self { pieces, writer })
    }

    /// Appends a piece; false if no more are taken, and then [`Upload::finish`] says why.
    pub async fn push(&mut self, piece: bytes::Bytes) -> bool {
        self.pieces.send(Piece::Bytes(piece)).await.is_ok()
    }

    /// The rest will not come. Returns when nothing is left of it; dropping it leaves that to a moment later.
    pub async fn abandon(self) {
        drop(self.pieces);
        // What was written is dropped with the answer, whichever it is.
        let _ = self.writer.await;
    }

    /// All pieces are here.
    pub async fn finish(self) -> Result<Received, ServiceError> {
        // Fails if the writer ended before: its answer says why.
        let _ = self.pieces.send(Piece::End).await;
        match self.writer.await {
            Ok(Ok(Some(received))) => Ok(received),
            Ok(Ok(None)) => Err(ServiceError::Internal("an upload ended without its end".to_owned())),
            Ok(Err(Fault::Object(ObjectError::TooLarge { limit_bytes }))) => Err(too_large(limit_bytes)),
            Ok(Err(Fault::Object(ObjectError::Io(error)))) => Err(object_failed(error)),
            Ok(Err(Fault::Gzip)) => Err(ServiceError::refused(
                Code::BadInput,
                "the body is not gzip, or not all of it arrived: pack it again, or send it without Content-Encoding",
            )),
            Ok(Err(Fault::Bomb)) => Err(ServiceError::refused(
                Code::TooLarge,
                format!("the body unpacks to more than {RATIO} times its size: send it without Content-Encoding"),
            )),
            Err(error) => Err(ServiceError::Internal(format!(
                "an upload was not written to its end: {error}"
            ))),
        }
    }
}

/// The answer to a document that is larger than the limit.
#[must_use]
pub fn too_large(limit_bytes: u64) -> ServiceError {
    ServiceError::refused(
        Code::TooLarge,
        format!("the document is larger than {limit_bytes} bytes: send it in parts"),
    )
}

/// The document, if its end arrived.
fn plain(arriving: &mut mpsc::Receiver<Piece>, mut incoming: Incoming) -> Result<Option<Received>, Fault> {
    while let Some(piece) = arriving.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => incoming.write(&bytes)?,
            Piece::End => return Ok(Some(incoming.finish())),
        }
    }
    Ok(None)
}

/// The same of one that is packed.
fn unpacked(arriving: &mut mpsc::Receiver<Piece>, incoming: Incoming) -> Result<Option<Received>, Fault> {
    let mut decoder = MultiGzDecoder::new(Unpacked {
        incoming,
        packed: 0,
        size: 0,
        fault: None,
    });
    while let Some(piece) = arriving.blocking_recv() {
        let done = match &piece {
            Piece::Bytes(bytes) => {
                let unpacked = decoder.get_mut();
                unpacked.packed = unpacked.packed.saturating_add(bytes.len() as u64);
                decoder.write_all(bytes)
            }
            Piece::End => decoder.try_finish(),
        };
        if done.is_err() {
            return Err(decoder.get_mut().fault.take().unwrap_or(Fault::Gzip));
        }
        if matches!(piece, Piece::End) {
            let unpacked = decoder.finish().map_err(|_| Fault::Gzip)?;
            return Ok(Some(unpacked.incoming.finish()));
        }
    }
    Ok(None)
}

/// What comes out of a decoder.
struct Unpacked {
    incoming: Incoming,
    /// Bytes that went in.
    packed: u64,
    /// Bytes that came out.
    size: u64,
    /// Why no more is taken: the decoder's own error does not say.
    fault: Option<Fault>,
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        let fault = if self.size > FREE && self.size / RATIO > self.packed {
            Some(Fault::Bomb)
        } else {
            self.incoming.write(bytes).err().map(Fault::Object)
        };
        match fault {
            None => Ok(bytes.len()),
            Some(fault) => {
                self.fault = Some(fault);
                Err(io::Error::other("no more is taken"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
