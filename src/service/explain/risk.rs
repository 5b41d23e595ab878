//! What a grant would let be known in totals: figures of the caller's newest events, and how many of them are of few.
//!
//! Judged by what the caller itself may know: whose events the others are that a figure is told together with is not among it.

use std::collections::BTreeMap;

use crate::domain::grant::Grant;
use crate::domain::gs1::Gtin;
use crate::domain::ids::PartyId;
use crate::domain::inference::Shares;
use crate::domain::lens::Relations;
use crate::domain::party::{Actor, Registry};
use crate::domain::time::Month;
use crate::domain::total::{Cell, country, distinct, named};
use crate::service::Hub;
use crate::service::total::rules;
use crate::storage::view::event::EventRow;

/// Of a grant that lets events be counted and does not show them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Risk {
    /// Figures (month, country, step and product) that it would let be reckoned with.
    pub figures: usize,
    /// Those of fewer parties than a figure must be of, or of which one has too large a part: they are told with what others grant, or not
    /// at all.
    pub of_few: usize,
}

/// None of a grant that shows the events, or nothing of them. `rows` are events that the grantee does not see.
pub(super) fn risk<'a>(hub: &Hub, actor: &Actor, grant: &Grant, rows: impl Iterator<Item = &'a EventRow>) -> Option<Risk> {
    if grant.levels.shows_event() || !grant.levels.shows_totals() || !grant.counts_in_totals() {
        return None;
    }
    let registry = hub.registry();
    let mut figures: BTreeMap<Cell, Shares> = BTreeMap::new();
    for row in rows.filter(|row| !row.voided && row.event.error_declaration.is_none()) {
        for (cell, units) in cells(&registry, &actor.party, grant, row) {
            *figures
                .entry(cell)
                .or_default()
                .entry(teller(&actor.party, row).clone())
                .or_default() += units;
        }
    }
    let rules = rules(hub).with_least(grant.contributors());
    Some(Risk {
        figures: figures.len(),
        of_few: figures.values().filter(|shares| !rules.admits(shares)).count(),
    })
}

/// For whom an event is told, as far as the party may know.
fn teller<'a>(party: &'a PartyId, row: &'a EventRow) -> &'a PartyId {
    let known = row
        .principal
        .as_ref()
        .filter(|principal| *principal == party || row.asserter == *party);
    known.unwrap_or(&row.asserter)
}

fn cells(registry: &Registry, party: &PartyId, grant: &Grant, row: &EventRow) -> Vec<(Cell, u64)> {
    let (event, scope) = (&row.event, &grant.scope);
    let tellers: Vec<&PartyId> = std::iter::once(&row.asserter).chain(&row.principal).collect();
    let country = country(event, registry, &tellers);
    let is_there = scope.countries.is_empty() || country.is_some_and(|country| scope.countries.iter().any(|one| one == country));
    if !is_there || !scope.may_cover(event) {
        return Vec::new();
    }
    let whole = row.relations.has(Relations::ASSERTER);
    let is_own = |gtin: Gtin| registry.owner_of_gtin(gtin) == Some(party);
    let in_scope = |gtin: &Option<Gtin>| {
        (whole || gtin.is_some_and(is_own)) && (scope.gtins.is_empty() || gtin.is_some_and(|gtin| scope.gtins.contains(&gtin)))
    };
    let things = distinct(event.roles().map(|(role, epc)| ((role, epc.key()), (role, epc))));
    let counted = named(event, things)
        .into_iter()
        .filter(|(gtin, units)| *units > 0 && in_scope(gtin));
    let cell = |gtin| Cell {
        month: Month::of(event.event_time),
        gtin,
        country: country.map(str::to_owned),
        step: event.step().to_owned(),
    };
    counted.map(|(gtin, units)| (cell(gtin), units)).collect()
}
