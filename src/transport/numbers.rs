//! The body of an answer that lists serial numbers, whatever the format or dialect: computed while it is sent, never whole in memory.
//!
//! It knows nothing of formats: a [`Layout`] says what stands before, around and behind the numbers.

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::sync::mpsc;

use crate::domain::ids::AllocationId;
use crate::domain::party::{Actor, Registry};
use crate::domain::serial::form::{FormError, SerialWriter};
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::{SerialRange, SerialStream, serials_if};
use crate::service::{Code, Hub, ServiceError};

/// Room for a chunk in most formats.
const CHUNK_BYTES: usize = 256 << 10;

/// How a list of numbers is laid out.
pub(super) trait Layout: Send + 'static {
    /// What stands before the first.
    fn head(&mut self) -> String;

    /// Appends one number with all that stands around it.
    fn serial(&mut self, serial: &str, out: &mut String) -> Result<(), FormError>;

    /// What stands behind the last.
    fn tail(&mut self) -> String;
}

/// How many pieces may be computed and not sent yet: enough that neither side waits for the other at every piece.
const AHEAD: usize = 4;

/// What comes behind a piece.
enum Rest<L> {
    Numbers(SerialStream, L),
    Tail(L),
    Nothing,
}

/// A piece; none behind the last.
type Piece = std::io::Result<Option<Bytes>>;

/// The body in pieces, each computed off the threads that serve connections, and few ahead of what is sent. An error ends it
/// unfinished: its reader sees that the list is not whole.
pub(super) fn body(numbers: SerialStream, layout: impl Layout) -> Body {
    let (pieces, computed) = mpsc::channel(AHEAD);
    tokio::spawn(compute(numbers, layout, pieces));
    Body::from_stream(stream::try_unfold(computed, |mut computed| async move {
        // The last word is always that there is no more: without it, whoever computes has gone.
        let piece: Option<Piece> = computed.recv().await;
        let next = piece.ok_or_else(|| std::io::Error::other("the list was not computed to its end"))??;
        Ok::<_, std::io::Error>(next.map(|text| (text, computed)))
    }))
}

/// Computes pieces until all are sent, or the caller goes away.
async fn compute<L: Layout>(numbers: SerialStream, mut layout: L, pieces: mpsc::Sender<Piece>) {
    let head = layout.head();
    let mut next = Ok((head, Rest::Numbers(numbers, layout)));
    loop {
        let (text, rest) = match next {
            Ok(computed) => computed,
            Err(error) => {
                let _gone = pieces.send(Err(error)).await;
                return;
            }
        };
        // An empty DATA frame says nothing, and HTTP/2 clients end a connection that has had too many of them.
        if !text.is_empty() && pieces.send(Ok(Some(Bytes::from(text)))).await.is_err() {
            return;
        }
        next = match rest {
            Rest::Numbers(numbers, layout) => {
                let ahead = pieces.clone();
                let computed = tokio::task::spawn_blocking(move || chunks(numbers, layout, &ahead)).await;
                computed.map_err(std::io::Error::other).flatten()
            }
            Rest::Tail(mut layout) => Ok((layout.tail(), Rest::Nothing)),
            Rest::Nothing => {
                // Whoever left needs no end.
                let _gone = pieces.send(Ok(None)).await;
                return;
            }
        };
    }
}

/// Computes and sends pieces as long as there is room for them; the first that there is no room for comes back. A slow caller holds no
/// thread.
fn chunks<L: Layout>(
    mut numbers: SerialStream,
    mut layout: L,
    pieces: &mpsc::Sender<Piece>,
) -> std::io::Result<(String, Rest<L>)> {
    loop {
        let (text, rest) = chunk(numbers, layout)?;
        match (rest, pieces.try_reserve()) {
            (Rest::Numbers(more, same), Ok(room)) => {
                room.send(Ok(Some(Bytes::from(text))));
                (numbers, layout) = (more, same);
            }
            (rest, _) => return Ok((text, rest)),
        }
    }
}

fn chunk<L: Layout>(mut numbers: SerialStream, mut layout: L) -> std::io::Result<(String, Rest<L>)> {
    let mut text = String::with_capacity(CHUNK_BYTES);
    let mut written = Ok(());
    let there_are = numbers.with_chunk(|serial| {
        if written.is_ok() {
            written = layout.serial(serial, &mut text);
        }
    });
    written.map_err(std::io::Error::other)?;
    if !there_are.map_err(std::io::Error::other)? {
        return Ok((layout.tail(), Rest::Nothing));
    }
    let rest = if numbers.remaining() == 0 {
        Rest::Tail(layout)
    } else {
        Rest::Numbers(numbers, layout)
    };
    Ok((text, rest))
}

/// The numbers of an allocation, if each of them can be written so; nothing is noted as fetched otherwise.
pub(super) async fn fitting(
    hub: &Hub,
    actor: &Actor,
    id: AllocationId,
    (range, writer): (SerialRange, SerialWriter),
) -> Result<SerialStream, ServiceError> {
    serials_if(hub, actor, id, range, fits(writer)).await
}

/// Whether each number can be written so.
pub(super) fn fits(writer: SerialWriter) -> impl FnOnce(SerialStream) -> Result<(), ServiceError> + Send + 'static {
    move |numbers| {
        if writer.is_narrow() {
            verify(numbers, &writer)
        } else {
            Ok(())
        }
    }
}

/// Refuses numbers that cannot be written so.
pub(super) fn verify(mut numbers: SerialStream, writer: &SerialWriter) -> Result<(), ServiceError> {
    while let Some(serials) = numbers.next_chunk()? {
        for serial in &serials {
            writer.verify(serial).map_err(not_encodable)?;
        }
    }
    Ok(())
}

/// Digits of the company prefix that a GTIN begins with, as far as a party of the hub holds it.
pub(super) fn prefix_len(registry: &Registry, numbered: &Numbered) -> Option<usize> {
    let (_, length) = registry.holder_of_prefix(numbered.gtin()?.prefix_digits())?;
    Some(length)
}

/// Says what does not fit and what to do, without the number.
pub(super) fn not_encodable(error: FormError) -> ServiceError {
    let code = match error {
        FormError::Prefix | FormError::Tag(_) => Code::NotEncodable,
        FormError::Kind => Code::BadInput,
    };
    ServiceError::refused(
        code,
        format!("{error}: ask for another format; the numbers stay as they are, none is lost"),
    )
}
