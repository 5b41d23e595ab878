//! Events that say of nothing what they are about: what the JSON schema demands all the same.

use crate::domain::event::{Action, Event, EventType};

/// What stands where the schema demands to know what an event is about, and the event does not say.
pub(super) enum Nothing {
    /// An empty `epcList`.
    Empty,
    /// These lists, holding a URI that says there is none: only what was left out for a reader comes to this.
    Marked(&'static [&'static str]),
}

/// Which lists must be printed although the event has nothing for them.
pub(super) fn nothing_named(event: &Event) -> Option<Nothing> {
    let bare = event.epcs.is_empty() && event.quantities.is_empty();
    let sensed = !event.sensor_elements.is_empty() && event.read_point.is_some();
    let deletes = event.action == Some(Action::Delete);
    let no_input = event.input_epcs.is_empty() && event.input_quantities.is_empty();
    let no_output = event.output_epcs.is_empty() && event.output_quantities.is_empty();
    match event.kind {
        EventType::Object if bare && !sensed => Some(Nothing::Empty),
        EventType::Transaction if bare && !deletes => Some(Nothing::Empty),
        EventType::Aggregation | EventType::Association if bare && !deletes => Some(Nothing::Marked(&["childEPCs"])),
        EventType::Transformation => match (no_input, no_output, event.transformation_id.is_some()) {
            (true, true, true) => Some(Nothing::Marked(&["inputEPCList"])),
            (true, true, false) => Some(Nothing::Marked(&["inputEPCList", "outputEPCList"])),
            (true, false, false) => Some(Nothing::Marked(&["inputEPCList"])),
            (false, true, false) => Some(Nothing::Marked(&["outputEPCList"])),
            (true, false, true) | (false, true, true) | (false, false, _) => None,
        },
        EventType::Object | EventType::Transaction | EventType::Aggregation | EventType::Association => None,
    }
}
