//! What is told of an event to a party that may know the month and not the moment: words that fit many events, and of its things its own.
//!
//! An EPCIS event has an exact time, so this is none any more: it stands in no document and in no list of events, only in slices, where each
//! word is proved. It deliberately shows no id of the event and no moment of its recording: both would tell the time.

use std::collections::HashSet;

use crate::domain::event::Event;
use crate::domain::gs1::Epc;

use super::mask::mask_payload;
use super::planted::{Leak, leaks};
use super::{Shown, Sight, When, Where, Who};

/// An event's time, place and teller in words that fit many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Month of the event time in UTC, `2026-11`.
    pub month: Option<String>,
    /// ISO 3166-1 alpha-2 country where it happened.
    pub country: Option<String>,
    /// What kind of party told it.
    pub role: Option<String>,
}

impl Words {
    /// Those of them that a sight shows.
    #[must_use]
    pub fn at(self, sight: &Sight) -> Self {
        Self {
            month: self.month.filter(|_| sight.when >= When::Month),
            country: self.country.filter(|_| sight.place >= Where::Country),
            role: self.role.filter(|_| sight.before >= Who::Role),
        }
    }
}

/// What such a sight leaves of an event, of these things alone: what was done with them, and what was said of them. Its time is none to be
/// shown. `None` where the sight shows not even the month, or the event names none of the things but as what others were put into.
#[must_use]
pub fn outline(event: &Event, sight: &Sight, things: &HashSet<Epc>) -> Option<Event> {
    if sight.existence == Shown::Nothing || sight.when == When::Nothing {
        return None;
    }
    let mut shown = Event {
        event_id: None,
        error_declaration: None,
        parent: None,
        quantities: Vec::new(),
        input_quantities: Vec::new(),
        output_quantities: Vec::new(),
        transformation_id: None,
        read_point: None,
        biz_location: None,
        biz_transactions: Vec::new(),
        sources: Vec::new(),
        destinations: Vec::new(),
        ..event.clone()
    };
    for list in [&mut shown.epcs, &mut shown.input_epcs, &mut shown.output_epcs] {
        list.retain(|epc| things.contains(epc) || leaks(Leak::SliceOfSiblings));
    }
    mask_payload(&mut shown, sight);
    let named = shown.epcs.len() + shown.input_epcs.len() + shown.output_epcs.len();
    (named > 0).then_some(shown)
}
