//! Counterfoil: an exchange hub for serialized medicines.
//!
//! Manufacturers have their medicines packed by contract packagers (CMOs), moved by 3PLs, sold by
//! wholesalers. The hub gives out the serial numbers, takes in what became of them (GS1 EPCIS), and
//! shows each party exactly what it may see.
//!
//! # The way of a request
//!
//! ```text
//!  certificate            agreement, relation         one transaction              after commit
//!  ───────────▶ Actor ───────────────────▶ decision ──────────────▶ rows + audit ──────────────▶ workers
//!   transport              service                      storage
//! ```
//!
//! GraphQL, the EPCIS binding and the downloads are views on the same [`service`] functions; none has
//! a rule of its own about who may see what.
//!
//! # The map
//!
//! A module names only modules of a lower rank; equals do not see each other. `tests/it/tidy.rs` reads
//! the `use` lines and fails where that is broken. One noun has one file name in every layer: what
//! `domain/serial.rs` reckons, `storage/serial.rs` keeps, `service/serial.rs` decides and
//! `transport/rest/serial.rs` answers.
//!
//! | module | rank | what it is for |
//! |---|---|---|
//! | [`domain`] | 0 | pure: identifiers, events, agreements, serial numbers, containment and whose the contents are, handovers, provenance, the lens, grants and the policy that decides by them, what the events that somebody sees say of things, slices of events with their proof, exception reports, totals and what may be inferred from them |
//! | [`epcis`] | 1 | EPCIS 1.2 / 2.0 XML and 2.0 JSON-LD to and from domain events; the CBV event hash |
//! | [`config`] | 1 | settings of the hub, configuration of its partners |
//! | [`storage`] | 2 | the only place that knows the database (SQLite or PostgreSQL) and the object store |
//! | [`outbound`] | 2 | the only place that calls systems of partners: serial numbers that a manufacturer's own system makes, events for subscribers |
//! | [`service`] | 3 | use cases: who may, one transaction, domain, storage, audit |
//! | [`transport`] | 4 | TLS and identity, HTTP, REST, GraphQL, problem types |
//! | [`worker`] | 4 | loops that call services: capture jobs, following the contracts, the supply of serial numbers, deliveries to subscribers, the past of new grants |
//! | [`app`] | 5 | composition root: settings to running hub, and its shutdown |
//! | [`cli`] | 6 | `serve`, `demo`, `migrate`, `partner`, `certificate`, `audit`, `receipt`, `schema`, `bench` |
//!
//! `migrations/` is a crate of its own and never imports this one.
//!
//! # What must be true, always
//!
//! 1. **No serial is issued twice**, under any concurrency, crash or retry. A serial is
//!    `render(FF1_K(i))` and `i` comes from one conditional statement ([`storage::serial`]).
//! 2. **What was acknowledged is never lost; what was not leaves no trace that counts.** Answers follow
//!    the commit; an error from COMMIT ends the process ([`storage::db`]).
//! 3. **Nobody learns anything that the lens does not give**, not even existence ([`domain::lens`], [`domain::policy`]):
//!    denied and absent answer alike.
//! 4. **Replaying any message is harmless**: requests by their idempotency key, documents by their
//!    bytes, events by their hash.
//! 5. **What is absent here**: no reading of the clock and no randomness outside [`app`]; no SQL outside
//!    [`storage`]; no serial numbers or documents in logs; no session resumption in TLS.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod epcis;
pub mod outbound;
pub mod service;
pub mod storage;
pub mod transport;
pub mod worker;
