//! Which serial numbers a body is about: those it names, or a part of an allocation.

use crate::service::serial::Subject;
use crate::service::{Code, ServiceError};

/// The members of a body that say so. Reports and transfers have them beside their own.
pub(super) struct Named {
    pub(super) serials: Option<Vec<String>>,
    pub(super) allocation: Option<String>,
    pub(super) after: u64,
    pub(super) limit: Option<u64>,
    pub(super) unused: bool,
}

impl Named {
    /// One of the two; `noun` is what the body is, for who mixed them.
    pub(super) fn subject(self, noun: &str) -> Result<Subject, ServiceError> {
        let Self {
            serials,
            allocation,
            after,
            limit,
            unused,
        } = self;
        match (serials, allocation) {
            (Some(serials), None) if after == 0 && limit.is_none() && !unused => Ok(Subject::Serials(serials)),
            (None, Some(id)) => Ok(Subject::Allocation {
                id: id.parse().map_err(|_| ServiceError::not_found())?,
                after,
                limit,
                unused,
            }),
            (_, _) => {
                let detail = format!("a {noun} names either `serials`, or an `allocation` with `after`, `limit` and `unused`");
                Err(ServiceError::refused(Code::BadInput, detail))
            }
        }
    }
}
