//! What the hub knows of single serial numbers.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use crate::domain::party::Registry;
use crate::service::serial::lookup::{self, Asked, Issued, Lookup, Unreadable};

use super::allocation::Allocation;
use super::life::SerialState;
use super::party::PartyName;
use super::scalar::DateTime;

/// A serial number to look up.
#[derive(Debug, Clone, InputObject)]
pub struct SerialLookupInput {
    /// What it is for: a GTIN, or company prefix and extension digit of SSCCs as `9521002:3`. Not needed where the text says it itself.
    pub gtin: Option<String>,
    /// The serial number; without `gtin` an EPC URN, a GS1 Digital Link, an element string or the 18 digits of an SSCC.
    pub serial: String,
}

/// What a look-up comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LookupAnswer {
    /// It was not issued; somebody commissioned it all the same. For the brand owner alone.
    Foreign,
    /// It was issued, and the caller may know to whom.
    Issued,
    /// It was never issued, or it is none of the caller's business: the two are not told apart.
    NotIssued,
    /// The text is no number: `reason` says why.
    NotUnderstood,
}

/// A commissioning of a number by a party that did not have it.
#[derive(Debug, Clone, SimpleObject)]
pub struct ForeignUse {
    /// When the hub recorded it.
    at: DateTime,
    /// In which lot; empty if the event named none.
    lot: String,
    /// By whom.
    party: Option<PartyName>,
}

/// The last time that a number was handed on.
#[derive(Debug, Clone, SimpleObject)]
pub struct NumberTransfer {
    /// When.
    at: DateTime,
    /// GLN of the site it was for.
    site: Option<String>,
    /// To whom.
    to: Option<PartyName>,
}

/// What the hub knows of one serial number, as far as the caller may see it.
#[derive(Debug, Clone, SimpleObject)]
pub struct SerialLookup {
    /// The block it is of; null for a party that has the number by transfer, to which the block's terms are not shown.
    allocation: Option<Allocation>,
    /// Global id of the block.
    allocation_id: Option<ID>,
    /// In one word.
    answer: LookupAnswer,
    /// When its pack was commissioned, if it was and the event is known.
    commissioned_at: Option<DateTime>,
    /// Commissionings by parties that did not have the number; for the brand owner alone.
    foreign: Vec<ForeignUse>,
    /// What it is for; null where that is not known.
    gtin: Option<String>,
    /// Who has it.
    holder: Option<PartyName>,
    /// When it was issued, or came to a party that has it by transfer.
    issued_at: Option<DateTime>,
    /// The lot that it is in.
    lot: Option<String>,
    /// Why the text is no number.
    reason: Option<String>,
    /// Until when no other pack may have this number (EU 2016/161 article 4); null while it was not used.
    reuse_banned_until: Option<DateTime>,
    /// The serial number; the text of the call where it was not understood.
    serial: String,
    /// What became of it; null for a party that handed it on.
    state: Option<SerialState>,
    /// The last time that it was handed on.
    transfer: Option<NumberTransfer>,
}

impl SerialLookup {
    /// Of a text that is no number.
    #[must_use]
    pub fn unreadable(serial: String, why: Unreadable) -> Self {
        let mut nothing = Self::blank(None, serial);
        nothing.answer = LookupAnswer::NotUnderstood;
        nothing.reason = Some(why.to_string());
        nothing
    }

    /// With names.
    #[must_use]
    pub fn of(registry: &Arc<Registry>, lookup: Lookup) -> Self {
        let answer = match lookup.answer() {
            lookup::LookupAnswer::Foreign => LookupAnswer::Foreign,
            lookup::LookupAnswer::Issued => LookupAnswer::Issued,
            lookup::LookupAnswer::NotIssued => LookupAnswer::NotIssued,
        };
        let Asked { numbered, serial } = lookup.asked;
        let foreign = lookup.foreign.into_iter().map(|one| ForeignUse {
            at: DateTime(one.at),
            party: PartyName::of(registry, &one.party),
            lot: one.lot,
        });
        let known = Self {
            answer,
            foreign: foreign.collect(),
            ..Self::blank(numbered.map(|numbered| numbered.to_string()), serial)
        };
        match lookup.issued {
            Some(issued) => known.with(registry, *issued),
            None => known,
        }
    }

    fn with(self, registry: &Arc<Registry>, issued: Issued) -> Self {
        Self {
            allocation: issued.terms.map(|terms| Allocation {
                allocation: Arc::unwrap_or_clone(terms),
                registry: Arc::clone(registry),
            }),
            allocation_id: Some(ID(issued.allocation.to_string())),
            commissioned_at: issued.commissioned_at.map(DateTime),
            holder: PartyName::of(registry, &issued.holder),
            issued_at: Some(DateTime(issued.at)),
            lot: issued.lot,
            reuse_banned_until: issued.reuse_banned_until.map(DateTime),
            state: issued.state.map(SerialState::of),
            transfer: issued.transferred.map(|transfer| NumberTransfer {
                at: DateTime(transfer.at),
                site: transfer.site.map(|site| site.to_string()),
                to: PartyName::of(registry, &transfer.to),
            }),
            ..self
        }
    }

    fn blank(gtin: Option<String>, serial: String) -> Self {
        Self {
            allocation: None,
            allocation_id: None,
            answer: LookupAnswer::NotIssued,
            commissioned_at: None,
            foreign: Vec::new(),
            gtin,
            holder: None,
            issued_at: None,
            lot: None,
            reason: None,
            reuse_banned_until: None,
            serial,
            state: None,
            transfer: None,
        }
    }
}
