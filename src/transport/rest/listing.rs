//! Lists of the EPCIS binding in pages: parameters of the URL, `perPage`, `nextPageToken`, `Link` and
//! `GS1-Next-Page-Token-Expires` (EPCIS 2.0 clause 12.5).
//!
//! A token is of one caller and one query: the path, all parameters but those of paging, and what prefixes stand for.

use axum::Json;
use axum::extract::Query as UriQuery;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::domain::party::Actor;
use crate::epcis::query::{Prefixes, Wrong};
use crate::service::query::position::{self, Token};
use crate::service::query::wrong;
use crate::service::{Hub, ServiceError};

use super::paging::PER_PAGE;

static EXPIRES: HeaderName = HeaderName::from_static("gs1-next-page-token-expires");
static EXTENSIONS: HeaderName = HeaderName::from_static("gs1-extensions");

/// The parameters of a URL in the order sent.
pub(super) type Parameters = Result<UriQuery<Vec<(String, String)>>, QueryRejection>;

/// The same, or why they cannot be read.
pub(super) fn pairs(parameters: Parameters) -> Result<Vec<(String, String)>, ServiceError> {
    let unreadable = |_| refuse("the query string", "cannot be read: is a `%` left unescaped?");
    Ok(parameters.map_err(unreadable)?.0)
}

/// What a URL asks for.
pub(super) struct Asked {
    /// All parameters but those of paging.
    pub(super) parameters: Vec<(String, String)>,
    /// What prefixes stand for.
    pub(super) prefixes: Prefixes,
    /// Most rows, within the limit of the hub.
    pub(super) per_page: usize,
    /// Where the page begins.
    token: Option<String>,
    path: String,
    /// The parameters as they stand in the link to the next page.
    query: String,
    /// What a token is bound to.
    list: String,
}

impl Asked {
    /// Reads what every list understands.
    pub(super) fn read(hub: &Hub, path: &str, headers: &HeaderMap, parameters: Parameters) -> Result<Self, ServiceError> {
        let all = pairs(parameters)?;
        let declared = extensions(headers)?;
        let prefixes = Prefixes::of_header(&declared).map_err(|detail| refuse("GS1-Extensions", &detail))?;
        let (mut per_page, mut token, mut parameters) = (None, None, Vec::new());
        for (name, value) in all {
            let slot = match name.as_str() {
                "perPage" => &mut per_page,
                "nextPageToken" => &mut token,
                _ => {
                    parameters.push((name, value));
                    continue;
                }
            };
            if slot.replace(value).is_some() {
                return Err(refuse(&name, "is there twice"));
            }
        }
        let rows = per_page.map_or(Some(PER_PAGE), |text: String| text.parse().ok());
        let rows = rows.filter(|rows| *rows > 0);
        let per_page = rows.ok_or_else(|| refuse("perPage", "is a whole number from 1"))?;
        let spelt: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", percent(name), percent(value)))
            .collect();
        let query = spelt.join("&");
        Ok(Self {
            per_page: per_page.min(hub.limits().page),
            list: format!("{path}?{query} {declared}"),
            path: path.to_owned(),
            parameters,
            prefixes,
            token,
            query,
        })
    }

    /// Refuses parameters where the list has none but those of paging.
    pub(super) fn no_parameters(&self) -> Result<(), ServiceError> {
        match self.parameters.first() {
            Some((name, _)) => Err(refuse(
                name,
                "is no parameter of this list: it takes `perPage` and `nextPageToken`",
            )),
            None => Ok(()),
        }
    }

    /// The position in the token, if there is one.
    pub(super) async fn after(&self, hub: &Hub, actor: &Actor) -> Result<Option<Vec<u8>>, ServiceError> {
        match &self.token {
            Some(token) => position::open(hub, actor, &self.list, token).await.map(Some),
            None => Ok(None),
        }
    }

    /// The name behind which a list by name begins.
    pub(super) async fn after_name(&self, hub: &Hub, actor: &Actor) -> Result<String, ServiceError> {
        let after = self.after(hub, actor).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&after).into_owned())
    }

    /// A page of such a list, as it is shown.
    pub(super) fn page<T>(
        &self,
        (hub, actor): (&Hub, &Actor),
        (found, has_more): (&[T], bool),
        name: impl Fn(&T) -> &str,
        shown: impl Fn(&T) -> Result<serde_json::Value, ServiceError>,
    ) -> Result<Response, ServiceError> {
        let last = found.last().filter(|_| has_more);
        let headers = last.map(|last| self.next(hub, actor, name(last).as_bytes())).transpose()?;
        let shown: Vec<_> = found.iter().map(shown).collect::<Result<_, _>>()?;
        Ok((headers.unwrap_or_default(), Json(shown)).into_response())
    }

    /// The headers that lead to the next page.
    pub(super) fn next(&self, hub: &Hub, actor: &Actor, position: &[u8]) -> Result<HeaderMap, ServiceError> {
        let Token { text, expires_at } = position::seal(hub, actor, &self.list, position);
        let separator = if self.query.is_empty() { "" } else { "&" };
        let (path, query, rows) = (&self.path, &self.query, self.per_page);
        let link = format!("<{path}?{query}{separator}perPage={rows}&nextPageToken={text}>; rel=\"next\"");
        let value = |text: String| {
            HeaderValue::try_from(text).map_err(|error| ServiceError::Internal(format!("a header of the next page: {error}")))
        };
        Ok(
            [(header::LINK, value(link)?), (EXPIRES.clone(), value(expires_at.rfc3339())?)]
                .into_iter()
                .collect(),
        )
    }
}

/// All `GS1-Extensions` headers, comma between.
fn extensions(headers: &HeaderMap) -> Result<String, ServiceError> {
    let texts = headers.get_all(&EXTENSIONS).iter().map(HeaderValue::to_str);
    let all: Result<Vec<&str>, _> = texts.collect();
    all.map(|all| all.join(","))
        .map_err(|_| refuse("GS1-Extensions", "is no text in ASCII"))
}

/// A parameter that cannot be taken.
pub(super) fn refuse(parameter: &str, detail: &str) -> ServiceError {
    wrong(&Wrong {
        parameter: parameter.chars().filter(|c| !c.is_control()).take(120).collect(),
        detail: detail.to_owned(),
    })
}

/// For a link: all but the unreserved characters of RFC 3986.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
