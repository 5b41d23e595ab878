//! A thing as somebody may see it: by what it has to do with the thing, by what grants open of it, or by both.
//!
//! The answer by relation stands; grants add what it does not say, and who has or owns the thing where their events tell of a later handover.

use crate::domain::gs1::{Epc, EpcKey, Gtin};
use crate::domain::ids::PartyId;
use crate::domain::provenance::Provenance;
use crate::domain::time::Micros;

use super::Told;

/// By what something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The caller has something to do with it.
    Relations,
    /// Grants show the caller events of it.
    Grants,
    /// Both.
    Both,
}

/// A thing as the caller may see it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its key.
    pub key: EpcKey,
    /// Its identifier.
    pub epc: Epc,
    /// GTIN-14, if it is of a product.
    pub gtin: Option<Gtin>,
    /// Lot.
    pub lot: Option<String>,
    /// Expiry, as sent.
    pub expiry: Option<String>,
    /// The moment that it is told for: the one asked for, or the last that the caller may know of.
    pub as_of: Micros,
    /// By what it is told.
    pub basis: Basis,
    /// State, where the caller may know.
    pub disposition: Option<String>,
    /// Whether the state was said of something that it is or was in, where the caller may know that.
    pub disposition_inferred: Option<bool>,
    /// What is true of it until somebody says otherwise, by name, where the caller may know.
    pub persistent_dispositions: Vec<String>,
    /// Who has it, as far as the caller may know.
    pub custodian: Option<PartyId>,
    /// Who owns it, as far as the caller may know.
    pub owner: Option<PartyId>,
    /// Brand owner.
    pub manufacturer: Option<PartyId>,
    /// When it was commissioned, where the caller may know.
    pub commissioned_at: Option<Micros>,
    /// What it is in, where the caller may know.
    pub parent: Option<Epc>,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Item {
    /// By grants alone.
    #[must_use]
    pub fn granted(key: EpcKey, told: Told) -> Self {
        let (disposition, inferred) = told.disposition.unzip();
        let name = |known: Option<(PartyId, Micros)>| known.map(|(party, _)| party);
        Self {
            key,
            gtin: told.epc.gtin(),
            epc: told.epc,
            lot: told.provenance.lot.clone(),
            expiry: told.provenance.expiry.clone(),
            as_of: told.last_at,
            basis: Basis::Grants,
            disposition,
            disposition_inferred: inferred,
            persistent_dispositions: told.lasting,
            custodian: name(told.custodian),
            owner: name(told.owner),
            manufacturer: told.provenance.manufacturer.clone(),
            commissioned_at: told.commissioned_at,
            parent: told.parent,
            provenance: told.provenance,
        }
    }

    /// With what grants add.
    #[must_use]
    pub fn and_granted(mut self, told: Told) -> Self {
        let later = |known: Option<PartyId>, told: Option<(PartyId, Micros)>| match (known, told) {
            (Some(_), Some((party, at))) if at > self.as_of => Some(party),
            (known, told) => known.or(told.map(|(party, _)| party)),
        };
        (self.custodian, self.owner) = (
            later(self.custodian.take(), told.custodian.clone()),
            later(self.owner.take(), told.owner.clone()),
        );
        let granted = Self::granted(self.key, told);
        if self.disposition.is_none() {
            self.provenance.disposition.clone_from(&granted.disposition);
            (self.disposition, self.disposition_inferred) = (granted.disposition, granted.disposition_inferred);
        }
        if self.persistent_dispositions.is_empty() {
            self.persistent_dispositions = granted.persistent_dispositions;
        }
        self.lot = self.lot.or(granted.lot);
        self.expiry = self.expiry.or(granted.expiry);
        self.manufacturer = self.manufacturer.or(granted.manufacturer);
        self.commissioned_at = self.commissioned_at.or(granted.commissioned_at);
        self.parent = self.parent.or(granted.parent);
        self.as_of = self.as_of.max(granted.as_of);
        self.basis = Basis::Both;
        self
    }
}
