//! Page tokens: where a page ended, for whom, of which list, and until when.
//!
//! A token is a position and no right: each page is read under the caller's own. It is of one caller and one query, expires,
//! and can be ended before that. Its seal is a fingerprint and not a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::service::page::fingerprint;
use crate::service::{Hub, ServiceError};
use crate::storage::named_query as store;

/// Bytes of the time and of the seal behind a position.
const TIME: usize = 8;
const SEAL: usize = 8;

/// Where a page of events ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The time that the list is ordered by, in microseconds; zero where it is not.
    pub at: i64,
    /// The last event.
    pub id: Uuid,
    /// How many events the pages so far had.
    pub returned: usize,
}

impl Position {
    /// As bytes of a token.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let returned = u64::try_from(self.returned).unwrap_or(u64::MAX);
        [&self.at.to_be_bytes()[..], self.id.as_bytes(), &returned.to_be_bytes()].concat()
    }

    /// From the bytes of a token.
    ///
    /// # Errors
    /// They are none of an event list.
    pub fn read(bytes: &[u8]) -> Result<Self, ServiceError> {
        let position = || {
            let (at, rest) = bytes.split_first_chunk::<8>()?;
            let (id, rest) = rest.split_first_chunk::<16>()?;
            let returned = u64::from_be_bytes(rest.try_into().ok()?);
            Some(Self {
                at: i64::from_be_bytes(*at),
                id: Uuid::from_bytes(*id),
                returned: usize::try_from(returned).ok()?,
            })
        };
        position().ok_or_else(foreign)
    }
}

/// A token and its end.
#[derive(Debug)]
pub struct Token {
    /// As handed out.
    pub text: String,
    /// It cannot be used from then on.
    pub expires_at: Micros,
}

/// The token for a position in a list.
#[must_use]
pub fn seal(hub: &Hub, actor: &Actor, list: &str, position: &[u8]) -> Token {
    let expires_at = hub.now().plus_seconds(i64::from(hub.limits().page_token_seconds));
    let mut bytes = position.to_vec();
    bytes.extend(expires_at.0.to_be_bytes());
    let seal = fingerprint(actor, list, &bytes);
    bytes.extend(seal);
    Token {
        text: URL_SAFE_NO_PAD.encode(bytes),
        expires_at,
    }
}

/// The position in a token that was made for the same caller and list.
///
/// # Errors
/// Malformed or of another caller or list, which cannot be told apart; expired; ended.
pub async fn open(hub: &Hub, actor: &Actor, list: &str, text: &str) -> Result<Vec<u8>, ServiceError> {
    let parts = Parts::read(text)?;
    if fingerprint(actor, list, &parts.sealed()) != parts.seal {
        return Err(foreign());
    }
    if parts.expires_at <= hub.now() {
        return Err(refused("has expired: ask for the first page again"));
    }
    if store::is_ended(hub.db(), &actor.party, &parts.seal).await? {
        return Err(refused("was ended: ask for the first page again"));
    }
    Ok(parts.position)
}

/// Ends a token before its time; one that cannot be used any more is none.
pub async fn end(hub: &Hub, actor: &Actor, text: &str) -> Result<(), ServiceError> {
    let parts = Parts::read(text).map_err(|_| ServiceError::not_found())?;
    let (now, latest) = (hub.now(), i64::from(hub.limits().page_token_seconds));
    // Of a list that is not said here: only its form and its time can be judged.
    if parts.expires_at <= now || parts.expires_at > now.plus_seconds(latest) {
        return Err(ServiceError::not_found());
    }
    let party = actor.party.clone();
    hub.db()
        .write(move |tx| Box::pin(async move { Ok(store::end_token(tx, &party, &parts.seal, parts.expires_at, now).await?) }))
        .await
}

struct Parts {
    position: Vec<u8>,
    expires_at: Micros,
    seal: [u8; SEAL],
}

impl Parts {
    fn read(text: &str) -> Result<Self, ServiceError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
        let (rest, seal) = bytes.split_last_chunk::<SEAL>().ok_or_else(foreign)?;
        let (position, time) = rest.split_last_chunk::<TIME>().ok_or_else(foreign)?;
        Ok(Self {
            position: position.to_vec(),
            expires_at: Micros(i64::from_be_bytes(*time)),
            seal: *seal,
        })
    }

    fn sealed(&self) -> Vec<u8> {
        [self.position.as_slice(), &self.expires_at.0.to_be_bytes()].concat()
    }
}

fn foreign() -> ServiceError {
    refused("is none of this list's: use one that a page of it returned to you")
}

/// The event that the page ended with cannot be seen any more.
pub(super) fn gone() -> ServiceError {
    refused("points to what is no longer there: ask for the first page again")
}

fn refused(detail: &str) -> ServiceError {
    super::wrong(&crate::epcis::query::Wrong {
        parameter: "nextPageToken".to_owned(),
        detail: detail.to_owned(),
    })
}
