//! Serial numbers by permutation: a serial is `render(FF1_K(i))`, where `i` is a counter and `K` a key of owner, product and epoch.
//! Where no market asks for unguessable numbers it can be the counter itself ([`generator`]); numbers that others make stand in lists.
//!
//! Uniqueness holds by construction (FF1 is a bijection of the number space, allocations are disjoint slices of the counter), nobody
//! without the key can guess a number, a block of a million numbers is one small row, and "was it issued, to whom" is a decryption
//! and a search. What it deliberately does not do: keep numbers, count, or know who may have them; that is `service::serial`.
//!
//! # Invariants
//! - The algorithm is data: a pool names it, each computed pool keeps known answers, and a pool whose answers differ is not used.
//! - At most one in `density` possible numbers of a space is ever issued (EU 2016/161 art. 4: 10,000).
//! - Keys are never printed and never leave the hub.

pub mod alert;
pub mod allocation;
pub mod book;
pub mod capacity;
pub mod ff1;
pub mod floor;
pub mod forecast;
pub mod form;
mod generator;
pub mod key;
pub mod life;
pub mod limits;
pub mod listed;
pub mod lookup;
pub mod lot;
pub mod market;
pub mod merkle;
pub mod numbered;
pub mod pool;
pub mod receipt;
pub mod rule;
pub mod space;
pub mod table;
pub mod trial;
pub mod upstream;

use super::ids::{PartyId, PoolId};
use numbered::Numbered;

/// Why serial numbers cannot be made: a fault of the hub's settings or data, never of a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// The rule of a product makes no usable number space.
    #[error("serial rule: {0}")]
    Rule(String),
    /// Older epochs issued as many numbers as the rule allows.
    #[error("no serial number of `{numbered}` is left under its rule: give it longer serial numbers, or a larger alphabet")]
    Exhausted {
        /// Of what.
        numbered: Numbered,
    },
    /// The owner's key does not open.
    #[error(
        "the master key does not open the serial key of `{owner}`: start the hub with the master key that this database was made with"
    )]
    WrongMasterKey {
        /// Whose key.
        owner: PartyId,
    },
    /// A stored key is not of a form that this version of the hub writes.
    #[error("the stored serial key of `{owner}` has an unknown form: was it written by a later version of the hub?")]
    KeyForm {
        /// Whose key.
        owner: PartyId,
    },
    /// The crypto library refused; it does so for no input of ours.
    #[error("the crypto library failed while {0}")]
    Crypto(&'static str),
    /// A pool of another algorithm.
    #[error("{pool} was made with algorithm `{algorithm}`, which this version of the hub does not have")]
    Algorithm {
        /// Which pool.
        pool: PoolId,
        /// What it names.
        algorithm: String,
    },
    /// The known answers of a pool come out otherwise: numbers made now could repeat numbers that were issued.
    #[error(
        "{pool} does not give the serial numbers it gave when it was made; issuing from it could repeat numbers, so it is not used"
    )]
    KnownAnswers {
        /// Which pool.
        pool: PoolId,
    },
}
