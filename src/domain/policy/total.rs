//! What grants let be counted, besides what they show of single events.
//!
//! A grant counts if neither the possession of things nor a lot is among what it asks for; a cap that lowers it keeps out whatever the cap
//! touches. Both are narrower than what is shown of single events, never wider.

use super::Policy;
use crate::domain::grant::{CapHeld, Grant};
use crate::domain::lens::{Contents, Sight, Where};
use crate::domain::party::Party;
use crate::domain::time::Micros;

/// How a grant counts for somebody.
#[derive(Debug)]
pub struct Counting<'a> {
    /// Whether it shows the events that it lets be counted; if not they are told in totals of several parties alone.
    pub shows: bool,
    /// Whether all things of an event count that its grantor sees, and not only the viewer's own.
    pub whole: bool,
    /// Whether it shows in which country.
    pub placed: bool,
    /// Only events of these spans of time, which may overlap; none: of any.
    pub times: Option<Vec<(Micros, Micros)>>,
    /// Caps that keep events out.
    pub caps: Vec<&'a CapHeld>,
}

impl Policy {
    /// How a grant that is in force and meant for the viewer counts; none if it lets nothing be counted.
    #[must_use]
    pub fn counting(&self, grant: &Grant, viewer: &Party, at: Micros) -> Option<Counting<'_>> {
        let (levels, conditions) = (grant.levels, &grant.conditions);
        let shows = levels.shows_event();
        let counts = match shows {
            // It was refused when it was proposed.
            true => conditions.least_contributors.is_none(),
            false => levels.shows_totals(),
        };
        let holds = conditions.role.is_none_or(|role| viewer.roles.contains(&role));
        if !counts || !holds || !grant.counts_in_totals() {
            return None;
        }
        let caps = self
            .caps
            .iter()
            .filter(|held| held.holds_at(at) && held.cap.means(&viewer.id));
        Some(Counting {
            shows,
            whole: !shows || levels.contents >= Contents::Handed,
            placed: matches!(levels.place, Where::Country | Where::Site | Where::ReadPoint),
            times: conditions.licence.as_ref().map(|licence| licence.spans(viewer).collect()),
            caps: caps.filter(|held| is_lowered(levels, held.cap.levels)).collect(),
        })
    }
}

/// Whether a cap takes something from what is counted.
fn is_lowered(given: Sight, cap: Sight) -> bool {
    let left = given.meet(cap);
    let counted = |sight: Sight| (sight.existence, sight.when, sight.place, sight.contents);
    match given.shows_event() {
        true => counted(left) != counted(given),
        false => !left.shows_totals(),
    }
}
