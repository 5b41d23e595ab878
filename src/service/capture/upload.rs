//! A document on its way in: from the connection to the object store, piece by piece, never whole in memory.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::storage::object::{Incoming, ObjectError, Received};

use super::{Code, Hub, ServiceError, object_failed};

/// Pieces that wait for the disk.
const WAITING: usize = 8;

enum Piece {
    Bytes(bytes::Bytes),
    End,
}

/// A document of which pieces arrive. Dropped before its end it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    pieces: mpsc::Sender<Piece>,
    writer: JoinHandle<Result<Option<Received>, ObjectError>>,
}

impl Upload {
    /// Begins; past `limits.document_bytes` the next call answers [`Code::TooLarge`].
    pub fn begin(hub: &Hub) -> Result<Self, ServiceError> {
        let name = hub.new_id(hub.now()).simple().to_string();
        let mut incoming = hub
            .objects()
            .receive(&name, hub.limits().document_bytes)
            .map_err(object_failed)?;
        let (pieces, mut arriving) = mpsc::channel(WAITING);
        // The disk may wait: beside the threads that serve connections.
        let writer = tokio::task::spawn_blocking(move || {
            write(&mut arriving, &mut incoming).map(|whole| whole.then(|| incoming.finish()))
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
            Ok(Err(ObjectError::TooLarge { limit_bytes })) => Err(too_large(limit_bytes)),
            Ok(Err(ObjectError::Io(error))) => Err(object_failed(error)),
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

/// Whether the end arrived.
fn write(arriving: &mut mpsc::Receiver<Piece>, incoming: &mut Incoming) -> Result<bool, ObjectError> {
    while let Some(piece) = arriving.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => incoming.write(&bytes)?,
            Piece::End => return Ok(true),
        }
    }
    Ok(false)
}
