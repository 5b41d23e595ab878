//! Licences of parties: which authority allowed what to whom, from when to when (DSCSA section 581(2), EU 2001/83 articles 40 and 77).
//!
//! The hub knows what the partner files say and asks no register. Of a party in a role without any licence on record it says nothing.

use serde::{Deserialize, Serialize};

use crate::domain::time::Micros;

use super::{Party, Role};

/// One licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// The role that it allows.
    pub role: Role,
    /// Where it allows it, ISO 3166-1 alpha-2; none: in the country of the party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Who gave it.
    pub authority: String,
    /// Its number there.
    pub number: String,
    /// First moment.
    pub valid_from: Micros,
    /// First moment no longer; none: until it is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Micros>,
}

/// Whether a party was licensed for a role through a span of time: yes through all of it, no through all of it; `None` where it was for a part,
/// or where no licence for that role is on record. Licences that follow one another count as one.
#[must_use]
pub fn licensed(party: &Party, role: Role, (from, until): (Micros, Micros)) -> Option<bool> {
    let mut spans: Vec<(Micros, Micros)> = spans(party, role, None).collect();
    if spans.is_empty() {
        return None;
    }
    spans.sort_unstable();
    if !spans.iter().any(|(begin, end)| *begin < until && from < *end) {
        return Some(false);
    }
    let covered = spans.into_iter().fold(
        from,
        |reached, (begin, end)| if begin <= reached { reached.max(end) } else { reached },
    );
    (covered >= until).then_some(true)
}

/// From when to when the licences of a party for a role hold, in a country or anywhere.
fn spans<'a>(party: &'a Party, role: Role, country: Option<&'a str>) -> impl Iterator<Item = (Micros, Micros)> + 'a {
    let of = move |licence: &&Licence| {
        let here = licence.country.as_ref().unwrap_or(&party.country);
        licence.role == role && country.is_none_or(|country| country == here)
    };
    let span = |licence: &Licence| (licence.valid_from, licence.valid_until.unwrap_or(Micros::FOREVER));
    party.licences.iter().filter(of).map(span)
}

/// A licence that is asked for. Who has none on record does not hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Required {
    /// The role that it allows.
    pub role: Role,
    /// Where, ISO 3166-1 alpha-2; none: anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Required {
    /// From when to when a party holds it; the spans may overlap.
    pub fn spans<'a>(&'a self, party: &'a Party) -> impl Iterator<Item = (Micros, Micros)> + 'a {
        spans(party, self.role, self.country.as_deref())
    }

    /// Whether a party holds it at a moment.
    #[must_use]
    pub fn is_held_by(&self, party: &Party, at: Micros) -> bool {
        self.spans(party).any(|(from, until)| from <= at && at < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::party::tests::party;

    #[test]
    fn a_licence_is_for_a_role_in_a_country_from_one_moment_to_another() {
        let licence = |country: Option<&str>, until: Option<i64>| Licence {
            role: Role::Wholesaler,
            country: country.map(str::to_owned),
            authority: "BfArM".to_owned(),
            number: "1".to_owned(),
            valid_from: Micros(10),
            valid_until: until.map(Micros),
        };
        let mut halden = party("halden", "9521001000017", "9521001", None, true);
        let own = halden.country.clone();
        let check = |party: &Party, role, country: Option<&str>, at, expect| {
            let country = country.map(str::to_owned);
            let required = Required { role, country };
            assert_eq!(required.is_held_by(party, Micros(at)), expect, "{required:?} at {at}");
        };
        check(&halden, Role::Wholesaler, None, 15, false);
        halden.licences = vec![licence(None, Some(20)), licence(Some("FR"), None)];
        check(&halden, Role::Wholesaler, Some(&own), 9, false);
        check(&halden, Role::Wholesaler, Some(&own), 10, true);
        check(&halden, Role::Wholesaler, Some(&own), 19, true);
        check(&halden, Role::Wholesaler, Some(&own), 20, false);
        check(&halden, Role::Wholesaler, Some("FR"), 20, true);
        check(&halden, Role::Wholesaler, Some("XX"), 15, false);
        check(&halden, Role::Wholesaler, None, i64::MAX - 1, true);
        check(&halden, Role::Dispenser, None, 15, false);
    }

    #[test]
    fn a_span_is_judged_whole() {
        let licence = |role, from, until: Option<i64>| Licence {
            role,
            country: None,
            authority: "ANSM".to_owned(),
            number: "1".to_owned(),
            valid_from: Micros(from),
            valid_until: until.map(Micros),
        };
        let mut party = party("halden", "9521001000017", "9521001", None, true);
        let check = |party: &Party, from, until, expect| {
            let judged = licensed(party, Role::Wholesaler, (Micros(from), Micros(until)));
            assert_eq!(judged, expect, "{from} to {until}");
        };
        check(&party, 0, 10, None);
        party.licences = vec![licence(Role::Cmo, 0, None)];
        check(&party, 0, 10, None);
        party.licences = vec![
            licence(Role::Wholesaler, 40, None),
            licence(Role::Wholesaler, 10, Some(20)),
            licence(Role::Wholesaler, 15, Some(30)),
        ];
        check(&party, 10, 30, Some(true));
        check(&party, 29, 30, Some(true));
        check(&party, 40, i64::MAX, Some(true));
        check(&party, 10, 31, None);
        check(&party, 9, 11, None);
        check(&party, 25, 45, None);
        check(&party, 30, 40, Some(false));
        check(&party, 0, 10, Some(false));
    }
}
