//! The real clock and the real randomness; everything else is given one.

use aws_lc_rs::rand::{SecureRandom, SystemRandom as Source};

use crate::domain::time::Micros;
use crate::service::hub::{Clock, Random, new_id};

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        Micros::from_datetime(time::OffsetDateTime::now_utc())
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        if Source::new().fill(buffer).is_err() {
            // Guessable keys and serial numbers are worse than no hub.
            tracing::error!("the operating system gives no randomness; stopping");
            std::process::abort();
        }
    }
}

/// A fresh id, for a command that opens no hub.
#[must_use]
pub fn fresh_id(at: Micros) -> uuid::Uuid {
    new_id(&SystemRandom, at)
}
