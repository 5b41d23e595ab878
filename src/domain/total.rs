//! What an event counts for in totals: how many things of which product it names, and in which country.
//!
//! Counted is what an event names: a pallet is one thing of no product, whatever is on it. The container that something is done to is not
//! counted.

use std::collections::BTreeMap;

use super::event::{EpcRole, Event};
use super::gs1::{Epc, Gtin};
use super::ids::PartyId;
use super::party::Registry;
use super::time::Month;

/// Most months of one question.
pub const MONTHS: i64 = 12;

/// Which figure it is: by month, country, business step and product. There are no other edges, and none that a caller can choose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Calendar month in UTC.
    pub month: Month,
    /// None: things of no product, such as logistic units.
    pub gtin: Option<Gtin>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// As stored; empty where the event has none.
    pub step: String,
}

/// A figure that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Which.
    pub cell: Cell,
    /// How many things.
    pub units: u64,
    /// To which multiple it was rounded, if the caller does not see the events.
    pub rounded_to: Option<u64>,
}

/// How many things of each product an event names; none stands for no product. A product that is only what others are in, or whose amount is
/// not said in whole pieces, is there with 0.
#[must_use]
pub fn named<'a>(event: &Event, named: impl Iterator<Item = (EpcRole, &'a Epc)>) -> BTreeMap<Option<Gtin>, u64> {
    let mut units = BTreeMap::new();
    for (role, epc) in named {
        *units.entry(epc.gtin()).or_default() += u64::from(role != EpcRole::Parent);
    }
    let quantities = [&event.quantities, &event.input_quantities, &event.output_quantities];
    for quantity in quantities.into_iter().flatten() {
        let pieces = quantity.quantity.as_deref().filter(|_| quantity.uom.is_none());
        let of: &mut u64 = units.entry(quantity.class.gtin()).or_default();
        *of = of.saturating_add(pieces.and_then(|text| text.parse().ok()).unwrap_or(0));
    }
    units
}

/// The country of an event: that of the read point, or else of the business location, where it is a site of one of these parties. Who names
/// the site of somebody else learns nothing of it by a total.
#[must_use]
pub fn country<'a>(event: &Event, registry: &'a Registry, tellers: &[&PartyId]) -> Option<&'a str> {
    let places = [&event.read_point, &event.biz_location].into_iter().flatten();
    let mut countries = places.filter_map(|place| {
        let (owner, site) = registry.site(place.id.gln()?)?;
        tellers.contains(&owner).then_some(site.country.as_str())
    });
    countries.next()
}

/// Distinct things of a list that may name one twice.
pub fn distinct<K: Ord, T>(named: impl Iterator<Item = (K, T)>) -> impl Iterator<Item = T> {
    let mut named: Vec<(K, T)> = named.collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named.dedup_by(|(one, _), (other, _)| one == other);
    named.into_iter().map(|(_, thing)| thing)
}
