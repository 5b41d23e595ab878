//! One identified thing.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use crate::domain::gs1::EpcKey;
use crate::domain::party::Registry;
use crate::domain::seen as told;
use crate::service::item::SeenItem;

use super::party::PartyName;
use super::provenance::Provenance;
use super::scalar::DateTime;
use super::thing::ThingName;

/// By what something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Basis {
    /// The caller has something to do with it.
    Relations,
    /// Grants show the caller events of it: it is what those say, and `explainAccess` explains each of them.
    Grants,
    /// Both: what the caller has to do with it stands, and grants add to that.
    Both,
}

impl From<told::Basis> for Basis {
    fn from(basis: told::Basis) -> Self {
        match basis {
            told::Basis::Relations => Self::Relations,
            told::Basis::Grants => Self::Grants,
            told::Basis::Both => Self::Both,
        }
    }
}

/// A unit, case or pallet, as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct Item {
    /// The thing under the lens.
    pub seen: SeenItem,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

impl Item {
    /// Prefix of its global id.
    pub const PREFIX: &'static str = "itm_";

    /// The global id of a key.
    #[must_use]
    pub fn global_id(key: EpcKey) -> ID {
        ID(format!("{}{}", Self::PREFIX, key.0.simple()))
    }
}

/// A unit, case or pallet, as far as the caller may see it.
#[Object]
impl Item {
    /// Global id.
    pub async fn id(&self) -> ID {
        Self::global_id(self.seen.key)
    }

    /// The moment of which it is told: the one asked for, or the last that the caller may know of.
    async fn as_of(&self) -> DateTime {
        DateTime(self.seen.as_of)
    }

    /// By what it is told.
    async fn basis(&self) -> Basis {
        Basis::from(self.seen.basis)
    }

    /// When it was commissioned, where the caller may know.
    async fn commissioned_at(&self) -> Option<DateTime> {
        self.seen.commissioned_at.map(DateTime)
    }

    /// Who has it, where the caller may know: whoever took it last, or its maker.
    async fn custodian(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.custodian.as_ref()?)
    }

    /// State by its CBV name, where the caller has the thing, owns the brand, or is granted it: what was last said of it, or of something that
    /// it was in.
    async fn disposition(&self) -> Option<&str> {
        self.seen.disposition.as_deref()
    }

    /// The state is inferred: it was said of something that the thing is or was in; null where the caller may not know that.
    async fn disposition_inferred(&self) -> Option<bool> {
        self.seen.disposition_inferred
    }

    /// Expiry date, as said at commissioning.
    async fn expiry(&self) -> Option<&str> {
        self.seen.expiry.as_deref()
    }

    /// Lot, as said at commissioning.
    async fn lot(&self) -> Option<&str> {
        self.seen.lot.as_deref()
    }

    /// Brand owner.
    async fn manufacturer(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.manufacturer.as_ref()?)
    }

    /// Who owns it, where the caller may know: whoever bought it last, or the brand owner.
    async fn owner(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.owner.as_ref()?)
    }

    /// What it is in then, while the caller may know.
    async fn parent(&self) -> Option<ThingName> {
        self.seen.parent.as_ref().map(ThingName::from)
    }

    /// What is true of it until it is unset, by CBV names, where the caller has the thing, owns the brand, or is granted it.
    async fn persistent_dispositions(&self) -> &[String] {
        &self.seen.persistent_dispositions
    }

    /// Where it comes from.
    async fn provenance(&self) -> Provenance {
        Provenance::of(&self.registry, self.seen.provenance.clone())
    }

    /// Its identifiers.
    async fn thing(&self) -> ThingName {
        ThingName::from(&self.seen.epc)
    }
}
