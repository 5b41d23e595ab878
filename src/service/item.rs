//! One identified thing: unit, case or pallet.

use crate::domain::gs1::{Epc, EpcKey, Gtin};
use crate::domain::ids::PartyId;
use crate::domain::party::Actor;
use crate::domain::provenance::{self, Provenance, Standing, Trace};
use crate::domain::time::Micros;
use crate::storage::view;

use super::Hub;
use super::error::ServiceError;

/// A thing as the caller may see it.
#[derive(Debug, Clone)]
pub struct SeenItem {
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
    /// State, where the caller has the thing or owns the brand.
    pub disposition: Option<String>,
    /// Brand owner.
    pub manufacturer: Option<PartyId>,
    /// When it was commissioned, where the caller may know.
    pub commissioned_at: Option<Micros>,
    /// What it is in now, where the caller has it.
    pub parent: Option<Epc>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// One thing; `None` for one that is not known, or not to the caller.
pub async fn item(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<SeenItem>, ServiceError> {
    let Some(known) = known(hub, actor, key).await? else {
        return Ok(None);
    };
    let Known {
        trace,
        standing,
        provenance,
    } = known;
    let exact = standing.knows_making(&actor.party, &trace);
    let thing = trace.thing;
    Ok(Some(SeenItem {
        key: thing.key,
        epc: thing.epc,
        gtin: thing.gtin,
        lot: thing.lot,
        expiry: thing.expiry,
        disposition: provenance.disposition.clone(),
        manufacturer: provenance.manufacturer.clone(),
        commissioned_at: thing.made_at.filter(|_| exact),
        parent: thing.parent.filter(|_| standing.to == Micros::FOREVER),
        provenance,
    }))
}

/// A thing that the caller has to do with.
pub(super) struct Known {
    pub(super) trace: Trace,
    pub(super) standing: Standing,
    pub(super) provenance: Provenance,
}

/// The only way to a thing: whoever has no standing gets what one gets for a thing that is not known.
pub(super) async fn known(hub: &Hub, actor: &Actor, key: EpcKey) -> Result<Option<Known>, ServiceError> {
    let Some(trace) = view::trace::trace(hub.db(), key).await? else {
        return Ok(None);
    };
    let registry = hub.registry();
    let standing = trace.standing(&actor.party, &registry);
    let provenance = provenance::tell(&trace, &actor.party, &registry);
    Ok(standing.zip(provenance).map(|(standing, provenance)| Known {
        trace,
        standing,
        provenance,
    }))
}
