//! End-to-end tests: a hub on loopback, real TLS, callers that misbehave. Few and slow against `tests/it`.
//!
//! Each refusal has a control beside it: the same call with the one thing put right gets through, or the same
//! defence taken away lets it pass, so that the test is known to be able to fail. Nothing sleeps: what must end is awaited.
#![expect(
    unreachable_pub,
    reason = "a test binary has no outside: `pub` means for the other modules here"
)]

mod attack;
mod caller;
mod faults;
mod graphql;
mod handshake;
mod hub;
mod list;
mod process;
mod resumption;
mod slow;
mod socket;
