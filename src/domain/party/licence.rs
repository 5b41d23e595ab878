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
    let mut spans: Vec<(Micros, Micros)> = party
        .licences
        .iter()
        .filter(|licence| licence.role == role)
        .map(|licence| (licence.valid_from, licence.valid_until.unwrap_or(Micros::FOREVER)))
        .collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::party::tests::party;

    #[test]
    fn a_span_is_judged_whole() {
        let licence = |role, from, until: Option<i64>| Licence {
            role,
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
