//! Caps, by which an owner lowers what is granted; emergencies, by which a brand owner raises it for a time.

use serde::{Deserialize, Serialize};

use super::{Places, Scope, canonical};
use crate::domain::event::Event;
use crate::domain::gs1::Gtin;
use crate::domain::ids::{CapId, EmergencyId, PartyId};
use crate::domain::lens::Sight;
use crate::domain::time::Micros;

/// At most so much of an owner's data by any grant, its own or that of a delegate. It never lowers what a party sees by its own relations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Its id.
    pub id: CapId,
    /// What it is called in the partner file of its owner; none of one that was set otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose data; who set it.
    pub owner: PartyId,
    /// For these parties; empty: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grantees: Vec<PartyId>,
    /// Of what.
    pub scope: Scope,
    /// The highest levels, class by class: without existence a grant shows no event, but what it adds to events that its grantee sees without it
    /// is limited by the other classes.
    pub levels: Sight,
}

impl Cap {
    /// Whether it limits what a party gets.
    #[must_use]
    pub fn means(&self, party: &PartyId) -> bool {
        self.grantees.is_empty() || self.grantees.contains(party)
    }

    /// Whether an event falls under it: one thing is enough.
    #[must_use]
    pub fn touches(&self, event: &Event, places: &dyn Places) -> bool {
        self.scope.admits(event, places) && (!self.scope.chooses_things() || names(event, &self.scope, places))
    }
}

/// A cap with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapHeld {
    /// The cap.
    pub cap: Cap,
    /// Since when.
    pub set_at: Micros,
    /// Until when, if it was lifted.
    pub ended_at: Option<Micros>,
}

impl CapHeld {
    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, at: Micros) -> bool {
        self.set_at <= at && self.ended_at.is_none_or(|end| at < end)
    }
}

/// A recall or a suspicion: for a time, whoever has to do with the goods sees where they are and how they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// Its id.
    pub id: EmergencyId,
    /// The brand owner that declared it.
    pub owner: PartyId,
    /// Product.
    pub gtin: Gtin,
    /// Lots; empty: all of the product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// First moment.
    #[serde(with = "canonical::moment")]
    pub from: Micros,
    /// First moment no longer.
    #[serde(with = "canonical::moment")]
    pub until: Micros,
}

impl Emergency {
    /// Whether an event names goods that are affected.
    #[must_use]
    pub fn affects(&self, event: &Event, places: &dyn Places) -> bool {
        let scope = Scope {
            gtins: vec![self.gtin],
            lots: self.lots.clone(),
            ..Scope::default()
        };
        names(event, &scope, places)
    }
}

/// An emergency with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyHeld {
    /// The emergency.
    pub emergency: Emergency,
    /// When it was declared.
    pub declared_at: Micros,
    /// When its owner ended it before its time.
    pub ended_at: Option<Micros>,
}

impl EmergencyHeld {
    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, at: Micros) -> bool {
        let declared = self.declared_at.max(self.emergency.from);
        declared <= at && at < self.emergency.until && self.ended_at.is_none_or(|end| at < end)
    }
}

fn names(event: &Event, scope: &Scope, places: &dyn Places) -> bool {
    let quantities = event
        .quantities
        .iter()
        .chain(&event.input_quantities)
        .chain(&event.output_quantities);
    event.roles().any(|(_, epc)| scope.covers(epc, places))
        || quantities.into_iter().any(|quantity| scope.covers_class(&quantity.class))
}
