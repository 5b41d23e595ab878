//! One identified thing.

use std::sync::Arc;

use async_graphql::{ID, Object};

use crate::domain::gs1::EpcKey;
use crate::domain::party::Registry;
use crate::service::item::SeenItem;

use super::party::PartyName;
use super::provenance::Provenance;
use super::scalar::DateTime;
use super::thing::ThingName;

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

    /// When it was commissioned, where the caller may know.
    async fn commissioned_at(&self) -> Option<DateTime> {
        self.seen.commissioned_at.map(DateTime)
    }

    /// State by its CBV name, where the caller has the thing or owns the brand.
    async fn disposition(&self) -> Option<&str> {
        self.seen.disposition.as_deref()
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

    /// What it is in now, while the caller may know.
    async fn parent(&self) -> Option<ThingName> {
        self.seen.parent.as_ref().map(ThingName::from)
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
