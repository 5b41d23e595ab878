//! Serial numbers from the system of a manufacturer: an order, its numbers, and that they have arrived.
//!
//! | call | what it is |
//! |---|---|
//! | `POST {url}/serials/v1/allocations`, `Idempotency-Key` | the order; asked again with the same key it is the same order |
//! | `GET {url}/serials/v1/allocations/{id}/serials?format=jsonl` | its numbers, a line each |
//! | `POST {url}/serials/v1/allocations/{id}/confirm` | they have arrived |
//!
//! This hub's own interface, so that another hub can be the manufacturer's system. It does not look at the numbers: whether they are
//! good and free is decided where they are stored. No number stands in an error.

use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::Deserialize;

use crate::domain::ids::BrokerOrderId;
use crate::domain::serial::listed::SerialList;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::upstream::Upstream;
use crate::domain::time::Micros;

use super::{Outbound, SetupError, broken};

/// Largest answer to an order.
const ANSWER_BYTES: usize = 64 << 10;
/// Longest line of numbers; ours have about 60 bytes.
const LINE_BYTES: usize = 1_024;
/// Longest name of an order at the other system.
const NAME_LENGTH: usize = 100;

/// Why an order brought no numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be asked; the operator must mend something.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What became of the order is not known: ask again with the same key.
    #[error("the manufacturer's system {0}")]
    Later(String),
    /// It said no: nothing is ordered.
    #[error("the manufacturer's system refused the order: {0}")]
    Refused(String),
    /// It answered something else than the numbers that were ordered.
    #[error("the manufacturer's system answered wrongly: {0}")]
    Bad(String),
}

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Where.
    pub upstream: &'a Upstream,
    /// Its key.
    pub id: BrokerOrderId,
    /// What the numbers are for.
    pub numbered: Numbered,
    /// How many.
    pub quantity: u64,
    /// By which clock certificates are judged.
    pub now: Micros,
}

/// The numbers of an order.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// What the other system calls the order.
    pub upstream_id: String,
    /// As many numbers as were ordered.
    pub serials: SerialList,
}

#[derive(Deserialize)]
struct Answer {
    id: String,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    gtin: Option<String>,
    serial: String,
}

impl Outbound {
    /// Orders numbers and reads them, or reads those of the same order again.
    pub async fn order_serials(&self, order: Order<'_>) -> Result<Ordered, UpstreamError> {
        let client = self.client(&order.upstream.ca, order.upstream.identity.as_deref(), order.now)?;
        let token = self.token(order.upstream)?;
        let url = format!("{}/serials/v1/allocations", order.upstream.url);
        let body = serde_json::json!({ "gtin": order.numbered, "quantity": order.quantity });
        let request = client
            .post(&url)
            .header("idempotency-key", format!("\"{}\"", order.id))
            .header(header::ACCEPT, "application/json")
            .json(&body);
        let response = send(authorized(request, token.as_deref())).await?;
        let response = accepted(response).await?;
        let waits = response.status() == StatusCode::ACCEPTED;
        let answer: Answer =
            serde_json::from_slice(&whole(response).await?).map_err(|_| bad("its answer is no JSON object with an `id`"))?;
        if waits || answer.state.as_deref() == Some("pending") {
            return Err(UpstreamError::Later("has not approved the order yet".to_owned()));
        }
        if !is_name(&answer.id) {
            return Err(bad("the `id` of its answer cannot stand in an address"));
        }
        let url = format!("{url}/{}/serials?format=jsonl", answer.id);
        let request = client.get(&url).header(header::ACCEPT, "application/jsonl");
        let response = accepted(send(authorized(request, token.as_deref())).await?).await?;
        let serials = lines(response, order).await?;
        Ok(Ordered {
            upstream_id: answer.id,
            serials,
        })
    }

    /// Tells the other system that an order's numbers have arrived.
    pub async fn confirm_serials(&self, upstream: &Upstream, upstream_id: &str, now: Micros) -> Result<(), UpstreamError> {
        let client = self.client(&upstream.ca, upstream.identity.as_deref(), now)?;
        let token = self.token(upstream)?;
        let url = format!("{}/serials/v1/allocations/{upstream_id}/confirm", upstream.url);
        accepted(send(authorized(client.post(&url), token.as_deref())).await?).await?;
        Ok(())
    }

    fn token(&self, upstream: &Upstream) -> Result<Option<zeroize::Zeroizing<String>>, SetupError> {
        upstream.token.as_deref().map(|name| self.secret(name)).transpose()
    }
}

fn authorized(request: RequestBuilder, token: Option<&String>) -> RequestBuilder {
    match token {
        None => request,
        Some(token) => request.bearer_auth(token.trim()),
    }
}

async fn send(request: RequestBuilder) -> Result<Response, UpstreamError> {
    request.send().await.map_err(|error| later(&error))
}

fn later(error: &reqwest::Error) -> UpstreamError {
    UpstreamError::Later(broken(error).to_owned())
}

/// The answer, if it is one. A refusal means that nothing was ordered; what may pass is asked again.
async fn accepted(response: Response) -> Result<Response, UpstreamError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let in_flight = status == StatusCode::CONFLICT && response.headers().contains_key(header::RETRY_AFTER);
    let told = format!("answered {}", status.as_u16());
    match status {
        _ if in_flight => Err(UpstreamError::Later(told)),
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        | StatusCode::GONE
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let code = whole(response).await.ok().and_then(|body| problem_code(&body));
            Err(UpstreamError::Refused(
                code.map_or_else(|| told.clone(), |code| format!("{told}, {code}")),
            ))
        }
        _ if status.is_redirection() => Err(bad("it redirects, which is not followed")),
        // Not let in (401, 403), too many (429), failing (5xx): none of them says that the order was not taken.
        _ => Err(UpstreamError::Later(told)),
    }
}

/// The last word of a problem's `type` (RFC 9457 clause 3.1.1), if it is a plain one.
fn problem_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        r#type: String,
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    let code = problem.r#type.rsplit([':', '/']).next()?;
    let plain = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (plain && (1..=60).contains(&code.len())).then(|| code.to_owned())
}

/// A small body.
async fn whole(response: Response) -> Result<Vec<u8>, UpstreamError> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| later(&error))?;
        if body.len() + piece.len() > ANSWER_BYTES {
            return Err(bad("its answer is too large"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The numbers, as many as were ordered: more than that is never read.
async fn lines(response: Response, order: Order<'_>) -> Result<SerialList, UpstreamError> {
    let (mut list, mut rest) = (SerialList::default(), Vec::new());
    let gtin = order.numbered.to_string();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        rest.extend_from_slice(&piece.map_err(|error| later(&error))?);
        let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in rest[..end].split(|byte| *byte == b'\n') {
            add(&mut list, line, &gtin, order.quantity)?;
        }
        rest.drain(..end);
        if rest.len() > LINE_BYTES {
            return Err(bad("a line of its list is too long"));
        }
    }
    add(&mut list, &rest, &gtin, order.quantity)?;
    if list.len() as u64 == order.quantity {
        Ok(list)
    } else {
        Err(bad(&format!(
            "{} numbers were ordered and {} came",
            order.quantity,
            list.len()
        )))
    }
}

fn add(list: &mut SerialList, line: &[u8], gtin: &str, quantity: u64) -> Result<(), UpstreamError> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    let line: Line = serde_json::from_slice(line).map_err(|_| bad("a line of its list is no JSON object with a `serial`"))?;
    if line.gtin.is_some_and(|named| named != gtin) {
        return Err(bad("its list has a number of another product"));
    }
    if list.len() as u64 >= quantity {
        return Err(bad("it sent more numbers than were ordered"));
    }
    list.push(&line.serial);
    Ok(())
}

fn is_name(id: &str) -> bool {
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    plain && (1..=NAME_LENGTH).contains(&id.len())
}

fn bad(what: &str) -> UpstreamError {
    UpstreamError::Bad(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line_and_no_further_than_ordered() {
        let read = |text: &str, quantity| {
            let mut list = SerialList::default();
            text.split('\n')
                .try_for_each(|line| add(&mut list, line.as_bytes(), "09521001001014", quantity))
                .map(|()| list.iter().map(str::to_owned).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        let two = "{\"gtin\":\"09521001001014\",\"serial\":\"A1\"}\r\n{\"serial\":\"A2\"}\n\n";
        assert_eq!(read(two, 2).unwrap(), ["A1", "A2"]);
        assert!(read(two, 1).unwrap_err().contains("more numbers"));
        assert!(
            read("{\"gtin\":\"09521001002011\",\"serial\":\"A1\"}", 1)
                .unwrap_err()
                .contains("another product")
        );
        let garbage = read("<html>SECRET1</html>", 1).unwrap_err();
        assert!(garbage.contains("no JSON") && !garbage.contains("SECRET1"));
    }

    #[test]
    fn of_a_problem_only_a_plain_word_is_repeated() {
        let code = |kind: &str| problem_code(serde_json::json!({ "type": kind }).to_string().as_bytes());
        assert_eq!(
            code("urn:counterfoil:problem:QUOTA_EXCEEDED").as_deref(),
            Some("QUOTA_EXCEEDED")
        );
        assert_eq!(code("https://l4.example/problems/no-stock").as_deref(), Some("no-stock"));
        assert_eq!(code("about:<script>"), None);
        assert_eq!(problem_code(b"no"), None);
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        assert!(is_name("alc_0190"));
        for bad in ["", "..", "a/b", "a?b", "a%2f", &"x".repeat(101)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
