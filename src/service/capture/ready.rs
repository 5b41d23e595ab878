//! Documents that were checked before their sender was answered, for the jobs that capture them a moment later: not read a second time.
//!
//! Only a shortcut: what is not here, because the process is another one, or there was no room, or the contracts changed meanwhile, is read
//! and judged by its job.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::domain::ids::CaptureId;

use super::check::Whole;

/// Bytes of documents that are kept at most; in memory each is several times as large.
const ROOM_BYTES: u64 = 8 << 20;

struct Ready {
    job: CaptureId,
    /// The version of the contracts by which it was judged.
    registry: i64,
    bytes: u64,
    checked: Whole,
}

/// Those of one hub.
#[derive(Default)]
pub(in crate::service) struct Kept(Mutex<VecDeque<Ready>>);

impl Kept {
    /// Keeps a document for its job. The oldest make room; their jobs wait for something, or run elsewhere.
    pub(super) fn keep(&self, job: CaptureId, (registry, bytes): (i64, u64), checked: Whole) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Ready {
            job,
            registry,
            bytes,
            checked,
        });
        while kept.iter().map(|ready| ready.bytes).sum::<u64>() > ROOM_BYTES {
            kept.pop_front();
        }
    }

    /// Hands it out, once, if it would be judged the same now.
    pub(super) fn take(&self, job: CaptureId, registry: i64) -> Option<Whole> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|ready| ready.job == job)?;
        let ready = kept.remove(place)?;
        (ready.registry == registry).then_some(ready.checked)
    }
}
