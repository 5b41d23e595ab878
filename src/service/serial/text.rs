//! What texts may be that come with a request: keys, lots, lines, reasons.

use crate::domain::serial::space::in_charset_82;
use crate::service::error::{Code, ServiceError};

/// Longest idempotency key, in characters.
const KEY_LENGTH: usize = 200;
/// Longest batch or lot number: AI (10), GS1 General Specifications clause 3.4.1.
const LOT_LENGTH: usize = 20;
/// Longest name of a line, in characters.
const SHORT_LENGTH: usize = 60;
/// Longest reason, in characters.
const REASON_LENGTH: usize = 500;

fn refuse(detail: String) -> Result<(), ServiceError> {
    Err(ServiceError::refused(Code::BadInput, detail))
}

/// An idempotency key, if there is one.
pub(super) fn key(key: Option<&str>) -> Result<(), ServiceError> {
    match key {
        Some(key) if !(1..=KEY_LENGTH).contains(&key.chars().count()) || key.chars().any(char::is_control) => refuse(format!(
            "the idempotency key must have 1 to {KEY_LENGTH} characters and no control characters"
        )),
        Some(_) | None => Ok(()),
    }
}

/// A lot, if one is named.
pub(in crate::service) fn lot(lot: Option<&str>) -> Result<(), ServiceError> {
    match lot {
        Some(lot) if !(1..=LOT_LENGTH).contains(&lot.chars().count()) || !lot.chars().all(in_charset_82) => {
            let lot: String = lot.chars().take(LOT_LENGTH).collect();
            refuse(format!(
                "the lot `{lot}` is none: 1 to {LOT_LENGTH} characters of GS1 character set 82 (AI 10)"
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// A short name, if there is one.
pub(in crate::service) fn short(what: &str, text: Option<&str>) -> Result<(), ServiceError> {
    within(what, text, SHORT_LENGTH)
}

/// A reason, if there is one.
pub(in crate::service) fn reason(text: Option<&str>) -> Result<(), ServiceError> {
    within("reason", text, REASON_LENGTH)
}

fn within(what: &str, text: Option<&str>, most: usize) -> Result<(), ServiceError> {
    match text {
        Some(text) if !(1..=most).contains(&text.chars().count()) || text.chars().any(char::is_control) => {
            refuse(format!("`{what}` has 1 to {most} characters and no control characters"))
        }
        Some(_) | None => Ok(()),
    }
}
