//! What can be granted at all, whichever way a grant comes to the hub.

use std::ops::RangeInclusive;

use super::{Grant, Grantee, Scope, Signers};
use crate::domain::lens::Sight;
use crate::domain::party::is_country;

/// Longest purpose, legal basis or reason, in characters.
pub const TEXT: usize = 1_000;
/// Most entries of one list of a scope.
pub const ENTRIES: usize = 1_000;
/// Longest a grant can be valid, in days: as long as transaction data is kept, and longer than any contract runs.
pub const LONGEST_DAYS: i64 = 3_660;
/// Most readings of a day that a grant can be limited to.
pub const QUERIES: u32 = 1_000_000;
/// How many contributors a grant can ask for: one is none, and no figure is of more parties than a hub has.
pub const CONTRIBUTORS: RangeInclusive<u32> = 2..=1_000;
/// Longest entry of a scope, in bytes.
const ENTRY_BYTES: usize = 200;

/// Why something cannot be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantFault {
    /// It ends before it begins.
    #[error("the grant must end after it begins")]
    Dates,
    /// Too long.
    #[error("a grant is valid for {LONGEST_DAYS} days at the most: propose it anew then")]
    TooLong,
    /// To who gives.
    #[error("a party cannot grant to itself: name another as grantee")]
    ToItself,
    /// Nobody can sign for a role.
    #[error("a grant to a role is signed by its grantor alone: nobody can sign for all")]
    RoleSigns,
    /// No level.
    #[error("`levels` gives nothing: name a class and its level")]
    Nothing,
    /// No purpose, or a text that is too long.
    #[error("`purpose` is needed, and texts have {TEXT} characters at the most")]
    Purpose,
    /// A country: of the grantees, of the scope, or of the licence that it asks for.
    #[error("countries are named by two capital letters (ISO 3166-1 alpha-2), such as `CH`")]
    Country,
    /// None, or more than are counted.
    #[error("the queries of a day are 1 to {QUERIES}: leave the number out for a grant without an end of them")]
    Queries,
    /// Fewer than two contributors, or more than a hub has.
    #[error("the least contributors are {} to {}: leave the number out for that of the hub", CONTRIBUTORS.start(), CONTRIBUTORS.end())]
    Contributors,
    /// It asks for several contributors and opens single events, or none in totals.
    #[error(
        "a grant that asks for several contributors lets events be counted in totals and opens none of them: give it EXISTENCE, PRODUCT and STATE in full, WHEN from `month` and WHERE from `country`, no CONTAINMENT with `exact` times, no lots and no `fullIdentifier`; or leave the number out"
    )]
    NotAnonymous,
    /// A list of the scope.
    #[error("a list of the scope has {ENTRIES} entries at the most")]
    Entries,
    /// An entry of it.
    #[error("an entry of the scope is empty or has more than {ENTRY_BYTES} bytes")]
    Entry,
}

impl Grant {
    /// Whether it can be granted, as far as it says so itself.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), GrantFault> {
        if self.valid_until <= self.valid_from {
            return Err(GrantFault::Dates);
        }
        if self.valid_until > self.valid_from.plus_seconds(LONGEST_DAYS * 86_400) {
            return Err(GrantFault::TooLong);
        }
        match (&self.grantee, self.signers) {
            (Grantee::Party(grantee), _) if *grantee == self.grantor => return Err(GrantFault::ToItself),
            (Grantee::Role { .. }, Signers::Both) => return Err(GrantFault::RoleSigns),
            (Grantee::Party(_), Signers::Grantor | Signers::Both) | (Grantee::Role { .. }, Signers::Grantor) => {}
        }
        if self.levels == Sight::default() {
            return Err(GrantFault::Nothing);
        }
        let texts = [Some(&self.purpose), self.legal_basis.as_ref()];
        if self.purpose.trim().is_empty() || texts.into_iter().flatten().any(|text| text.chars().count() > TEXT) {
            return Err(GrantFault::Purpose);
        }
        let of_grantees = match &self.grantee {
            Grantee::Role { country, .. } => country.as_ref(),
            Grantee::Party(_) => None,
        };
        let of_licence = self.conditions.licence.as_ref().and_then(|licence| licence.country.as_ref());
        if !of_grantees.into_iter().chain(of_licence).all(|country| is_country(country)) {
            return Err(GrantFault::Country);
        }
        if self
            .conditions
            .queries_per_day
            .is_some_and(|most| !(1..=QUERIES).contains(&most))
        {
            return Err(GrantFault::Queries);
        }
        if let Some(least) = self.conditions.least_contributors {
            if !CONTRIBUTORS.contains(&least) {
                return Err(GrantFault::Contributors);
            }
            if self.levels.shows_event() || !self.levels.shows_totals() || !self.counts_in_totals() {
                return Err(GrantFault::NotAnonymous);
            }
        }
        self.scope.check()
    }
}

impl Scope {
    /// Whether its lists are such as can be kept.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), GrantFault> {
        let lists = [
            self.gtins.len(),
            self.lots.len(),
            self.sites.len(),
            self.biz_steps.len(),
            self.countries.len(),
        ];
        if lists.into_iter().any(|entries| entries > ENTRIES) {
            return Err(GrantFault::Entries);
        }
        let texts = self.lots.iter().chain(&self.biz_steps).chain(&self.countries);
        if texts.into_iter().any(|text| text.is_empty() || text.len() > ENTRY_BYTES) {
            return Err(GrantFault::Entry);
        }
        if !self.countries.iter().all(|country| is_country(country)) {
            return Err(GrantFault::Country);
        }
        Ok(())
    }
}
