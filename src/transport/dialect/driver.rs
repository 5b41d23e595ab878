//! From a canonical ask to numbers, for every dialect: asks the services, opens the numbers, lays them out in the words of a reply.
//!
//! It has no rule of its own. What a form cannot hold is found out before a number moves, with the numbers of a dry run.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::party::Actor;
use crate::domain::serial::form::{Form, FormError, SerialWriter};
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::{self, Allocation, SerialRange, SerialRequest, SerialStream};
use crate::service::{Code, Hub, ServiceError};
use crate::transport::numbers::{Layout, body, fitting, not_encodable, prefix_len, verify};

use super::message::{Answer, Ask, Handle, Refusal, Reply, Want};

/// Which allocation an answer is of.
static ALLOCATION: HeaderName = HeaderName::from_static("counterfoil-allocation");
/// On answers of dry runs: their numbers are never issued.
static DRY_RUN: HeaderName = HeaderName::from_static("counterfoil-dry-run");
/// How many numbers of a dry run are looked at before a request whose form may not hold all.
const TRIED: u64 = 256;

/// Whether numbers move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Real,
    Dry,
}

/// Numbers, if any, and what stands around them.
pub(super) struct Granted {
    pub(super) answer: Answer,
    numbers: Option<(SerialStream, SerialWriter)>,
}

impl Granted {
    /// The answer to the caller.
    pub(super) fn response(self, reply: Arc<dyn Reply>, mode: Mode) -> Response {
        let content_type = HeaderValue::from_static(reply.content_type());
        let id = HeaderValue::try_from(self.answer.handle.to_string());
        let body = match self.numbers {
            Some((numbers, writer)) => body(
                numbers,
                Written {
                    reply,
                    answer: self.answer,
                    writer,
                    spelled: String::new(),
                },
            ),
            None => Body::from(reply.head(&self.answer) + &reply.tail(&self.answer)),
        };
        let mut response = (StatusCode::OK, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        if mode == Mode::Dry {
            headers.insert(DRY_RUN.clone(), HeaderValue::from_static("true"));
        } else if let Ok(id) = id {
            headers.insert(ALLOCATION.clone(), id);
        }
        response
    }
}

/// A list of numbers in the words of a reply.
struct Written {
    reply: Arc<dyn Reply>,
    answer: Answer,
    writer: SerialWriter,
    spelled: String,
}

impl Layout for Written {
    fn head(&mut self) -> String {
        self.reply.head(&self.answer)
    }

    fn serial(&mut self, serial: &str, out: &mut String) -> Result<(), FormError> {
        self.spelled.clear();
        self.writer.write(serial, &mut self.spelled)?;
        self.reply.number(&self.answer, &self.spelled, out);
        Ok(())
    }

    fn tail(&mut self) -> String {
        self.reply.tail(&self.answer)
    }
}

/// What an ask is answered.
pub(super) async fn grant(hub: &Hub, actor: &Actor, ask: Ask, mode: Mode) -> Result<Granted, Refusal> {
    let unknown = || Refusal::new(Code::NotFound, Code::NotFound.title());
    match (ask, mode) {
        (Ask::Numbers(want), Mode::Real) => {
            let (writer, range_welcome) = (writer(hub, &want.numbered, want.form)?, want.range_welcome);
            let allocation = request(hub, actor, (want, &writer)).await?;
            fetched(hub, actor, (allocation, writer, range_welcome)).await
        }
        (Ask::Create(want), Mode::Real) => {
            let writer = writer(hub, &want.numbered, want.form)?;
            let allocation = request(hub, actor, (want, &writer)).await?;
            Ok(without_numbers(hub, &allocation))
        }
        (Ask::Numbers(want), Mode::Dry) => dry(hub, actor, want).await,
        (Ask::Create(want), Mode::Dry) => Ok(Granted {
            numbers: None,
            ..dry(hub, actor, want).await?
        }),
        (Ask::Fetch(Handle::Allocation(id), form), Mode::Real) => {
            let allocation = serial::allocation(hub, actor, id).await?.ok_or_else(unknown)?;
            let writer = writer(hub, &allocation.numbered, form)?;
            fetched(hub, actor, (allocation, writer, false)).await
        }
        (Ask::Fetch(Handle::Dry(numbered, quantity), form), Mode::Dry) => {
            let want = Want {
                form,
                ..Want::new(numbered, quantity)
            };
            dry(hub, actor, want).await
        }
        (Ask::Confirm(Handle::Allocation(id)), Mode::Real) => {
            let allocation = serial::confirm(hub, actor, id).await?;
            Ok(without_numbers(hub, &allocation))
        }
        (Ask::Confirm(Handle::Dry(numbered, quantity)), Mode::Dry) => Ok(Granted {
            answer: Answer {
                handle: Handle::Dry(numbered, quantity),
                numbered,
                quantity,
                range: None,
                at: hub.now(),
            },
            numbers: None,
        }),
        (Ask::Fetch(..) | Ask::Confirm(_), Mode::Real | Mode::Dry) => Err(unknown()),
    }
}

/// What writes the numbers, if they can be written so at all.
fn writer(hub: &Hub, numbered: &Numbered, form: Form) -> Result<SerialWriter, Refusal> {
    let writer = SerialWriter::new(form, numbered, prefix_len(&hub.registry(), numbered));
    Ok(writer.map_err(not_encodable)?)
}

/// The canonical request.
pub(super) fn canonical(want: &Want) -> SerialRequest {
    SerialRequest {
        lot: want.lot.clone(),
        site: want.site,
        line: want.line.clone(),
        documents: want.documents.clone(),
        ..SerialRequest::new(want.numbered, want.quantity, want.key.clone().unwrap_or_default())
    }
}

async fn request(hub: &Hub, actor: &Actor, (want, writer): (Want, &SerialWriter)) -> Result<Allocation, Refusal> {
    if writer.is_narrow() {
        try_form(hub, actor, &want, writer).await?;
    }
    let wanted = canonical(&want);
    // One that waits for approval is refused where its numbers are read.
    match &want.key {
        Some(_) => Ok(serial::request(hub, actor, wanted).await?),
        None => Ok(serial::request_again(hub, actor, wanted, &want.alike).await?),
    }
}

/// Refuses a form that the product's numbers do not fit, while nothing has moved. Another refusal is left to the request itself.
async fn try_form(hub: &Hub, actor: &Actor, want: &Want, writer: &SerialWriter) -> Result<(), Refusal> {
    let mut wanted = canonical(want);
    wanted.quantity = wanted.quantity.min(TRIED);
    if wanted.idempotency_key.is_empty() {
        wanted.idempotency_key = "form".to_owned();
    }
    match serial::dry_run(hub, actor, &wanted).await {
        Ok(dry_run) => Ok(verify(dry_run.numbers, writer)?),
        Err(ServiceError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn fetched(
    hub: &Hub,
    actor: &Actor,
    (allocation, writer, range_welcome): (Allocation, SerialWriter, bool),
) -> Result<Granted, Refusal> {
    let numbers = fitting(hub, actor, allocation.id, (SerialRange::default(), writer.clone())).await?;
    let (range, numbers) = ranged((numbers, &writer), range_welcome).await?;
    Ok(Granted {
        answer: Answer {
            handle: Handle::Allocation(allocation.id),
            numbered: allocation.numbered,
            quantity: allocation.quantity,
            range,
            at: hub.now(),
        },
        numbers: numbers.map(|numbers| (numbers, writer)),
    })
}

fn without_numbers(hub: &Hub, allocation: &Allocation) -> Granted {
    Granted {
        answer: Answer {
            handle: Handle::Allocation(allocation.id),
            numbered: allocation.numbered,
            quantity: allocation.quantity,
            range: None,
            at: hub.now(),
        },
        numbers: None,
    }
}

async fn dry(hub: &Hub, actor: &Actor, want: Want) -> Result<Granted, Refusal> {
    let writer = writer(hub, &want.numbered, want.form)?;
    let mut wanted = canonical(&want);
    if wanted.idempotency_key.is_empty() {
        wanted.idempotency_key = "dry".to_owned();
    }
    let dry_run = serial::dry_run(hub, actor, &wanted).await?;
    if writer.is_narrow() {
        verify(dry_run.numbers.clone(), &writer)?;
    }
    let (range, numbers) = ranged((dry_run.numbers, &writer), want.range_welcome).await?;
    Ok(Granted {
        answer: Answer {
            handle: Handle::Dry(want.numbered, want.quantity),
            numbered: want.numbered,
            quantity: want.quantity,
            range,
            at: hub.now(),
        },
        numbers: numbers.map(|numbers| (numbers, writer)),
    })
}

type Ranged = (Option<(String, String)>, Option<SerialStream>);

/// The ends of the range if the numbers are one and it is welcome; the numbers themselves otherwise.
async fn ranged((numbers, writer): (SerialStream, &SerialWriter), welcome: bool) -> Result<Ranged, Refusal> {
    if !welcome {
        return Ok((None, Some(numbers)));
    }
    let (looked_at, writer) = (numbers.clone(), writer.clone());
    let found = tokio::task::spawn_blocking(move || range(looked_at, &writer)).await;
    match found.map_err(|error| ServiceError::Internal(error.to_string()))? {
        Some(range) => Ok((Some(range), None)),
        None => Ok((None, Some(numbers))),
    }
}

/// First and last number if each is the one before and one more. One number of a product alone is a list: nothing says that it
/// belongs to a range.
fn range(mut numbers: SerialStream, writer: &SerialWriter) -> Option<(String, String)> {
    let is_trade = numbers.numbered().gtin().is_some();
    if is_trade && numbers.remaining() < 2 {
        return None;
    }
    // The last digit of an SSCC is a check digit.
    let value = |serial: &str| -> Option<u128> {
        let digits = if is_trade { serial } else { serial.get(..17)? };
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| all)
    };
    let (mut first, mut last, mut next) = (None, String::new(), None);
    while let Some(serials) = numbers.next_chunk().ok()? {
        for serial in serials {
            let found = value(&serial)?;
            if next.is_some_and(|next| next != found) || (first.is_some() && serial.len() != last.len()) {
                return None;
            }
            next = Some(found + 1);
            first.get_or_insert_with(|| serial.clone());
            last = serial;
        }
    }
    let spelled = |serial: &str| {
        let mut text = String::new();
        writer.write(serial, &mut text).ok().map(|()| text)
    };
    Some((spelled(&first?)?, spelled(&last)?))
}
