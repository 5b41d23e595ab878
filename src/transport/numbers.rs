//! The body of an answer that lists serial numbers, whatever the format or dialect: computed while it is sent, never whole in memory.
//!
//! It knows nothing of formats: a [`Layout`] says what stands before, around and behind the numbers.

use axum::body::{Body, Bytes};
use futures_util::stream;

use crate::domain::ids::AllocationId;
use crate::domain::party::{Actor, Registry};
use crate::domain::serial::form::{FormError, SerialWriter};
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::{SerialRange, SerialStream, serials_if};
use crate::service::{Code, Hub, ServiceError};

/// How a list of numbers is laid out.
pub(super) trait Layout: Send + 'static {
    /// What stands before the first.
    fn head(&mut self) -> String;

    /// Appends one number with all that stands around it.
    fn serial(&mut self, serial: &str, out: &mut String) -> Result<(), FormError>;

    /// What stands behind the last.
    fn tail(&mut self) -> String;
}

/// Where the body is.
enum Piece<L> {
    Head(SerialStream, L),
    Numbers(SerialStream, L),
    Tail(L),
    End,
}

/// The body in pieces, each computed off the threads that serve connections. An error ends it unfinished: its reader sees that the
/// list is not whole.
pub(super) fn body(numbers: SerialStream, layout: impl Layout) -> Body {
    let pieces = stream::try_unfold(Piece::Head(numbers, layout), |piece| async move {
        let next = match piece {
            Piece::Head(numbers, mut layout) => Some((layout.head(), Piece::Numbers(numbers, layout))),
            Piece::Numbers(numbers, layout) => {
                let work = move || chunk(numbers, layout);
                Some(tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)??)
            }
            Piece::Tail(mut layout) => Some((layout.tail(), Piece::End)),
            Piece::End => None,
        };
        Ok::<_, std::io::Error>(next.map(|(text, piece)| (Bytes::from(text), piece)))
    });
    Body::from_stream(pieces)
}

fn chunk<L: Layout>(mut numbers: SerialStream, mut layout: L) -> std::io::Result<(String, Piece<L>)> {
    let Some(serials) = numbers.next_chunk().map_err(std::io::Error::other)? else {
        return Ok((layout.tail(), Piece::End));
    };
    let mut text = String::with_capacity(serials.len() * 64);
    for serial in &serials {
        layout.serial(serial, &mut text).map_err(std::io::Error::other)?;
    }
    let rest = if numbers.remaining() == 0 {
        Piece::Tail(layout)
    } else {
        Piece::Numbers(numbers, layout)
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
