//! CBV 2.0 event hash (clause 8.9): the same content has the same hash, whatever syntax, order, zone or spelling it came in.
//!
//! Excluded by the standard: `recordTime`, `eventID`, `errorDeclaration`, comments. Where the standard's text and the
//! published vectors differ (order of sources and destinations, place of sensors), the vectors are followed; `parentID`
//! comes after `epcList` as the standard says. Schema hints (`xsi:type`) are left out: JSON cannot carry them.
//!
//! It is a key for finding duplicates and a name for events without an id, never a reason to refuse a partner's id.

mod node;

use aws_lc_rs::digest;

use super::format::{action_name, offset, type_name};
use super::vocabulary::Vocabulary;
use crate::domain::event::{Event, EventType, Location, Name, Quantity, SourceDest};
use crate::domain::gs1::Epc;
use crate::domain::time::Micros;

/// The hash of the event's content.
#[must_use]
pub fn event_hash(event: &Event) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, prehash(event, &[]).as_bytes()).as_ref());
    hash
}

/// The event id of an event that came without one: `ni:///sha-256;<hex>?ver=CBV2.0`.
#[must_use]
pub fn event_id(hash: &[u8; 32]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("ni:///sha-256;{hex}?ver=CBV2.0")
}

/// The text that is hashed. `ignored` are extensions at event level that a document declares as not its content.
#[must_use]
pub fn prehash(event: &Event, ignored: &[Name]) -> String {
    let mut text = String::with_capacity(512 + 64 * (event.epcs.len() + event.input_epcs.len() + event.output_epcs.len()));
    when(event, &mut text);
    what(event, &mut text);
    why_and_where(event, &mut text);
    if !event.sensor_elements.is_empty() {
        text.push_str("sensorElementList");
        push_sorted(event.sensor_elements.iter().map(node::sensor_element), &mut text);
    }
    // What the canonical order of the reference does not place is sorted by its text.
    let mut rest = Vec::new();
    biz_transactions(event, &mut rest);
    endpoints("sourceList", "source", &event.sources, &mut rest);
    endpoints("destinationList", "destination", &event.destinations, &mut rest);
    if !event.ilmd.is_empty() {
        rest.push(format!("ilmd{}", node::all(&event.ilmd)));
    }
    let is_ignored = |name: &Name| {
        ignored
            .iter()
            .any(|other| other.namespace == name.namespace && other.local == name.local)
    };
    rest.extend(
        event
            .extensions
            .iter()
            .filter(|extension| !is_ignored(&extension.name))
            .filter_map(node::one),
    );
    rest.sort_unstable();
    text.extend(rest);
    text
}

fn when(event: &Event, text: &mut String) {
    text.push_str("eventType=");
    text.push_str(type_name(event.kind));
    push("eventTime", &milliseconds(event.event_time), text);
    push("eventTimeZoneOffset", &offset(event.offset_minutes), text);
    push_sorted(
        event
            .certification_info
            .iter()
            .map(|uri| format!("certificationInfo={}", node::canonical(uri))),
        text,
    );
}

fn what(event: &Event, text: &mut String) {
    let has_children = matches!(event.kind, EventType::Aggregation | EventType::Association);
    if !has_children {
        epcs("epcList", &event.epcs, text);
    }
    if let Some(parent) = &event.parent {
        push("parentID", parent.canonical(), text);
    }
    epcs("inputEPCList", &event.input_epcs, text);
    if has_children {
        epcs("childEPCs", &event.epcs, text);
    }
    quantities(
        if has_children { "childQuantityList" } else { "quantityList" },
        &event.quantities,
        text,
    );
    quantities("inputQuantityList", &event.input_quantities, text);
    epcs("outputEPCList", &event.output_epcs, text);
    quantities("outputQuantityList", &event.output_quantities, text);
}

fn why_and_where(event: &Event, text: &mut String) {
    if let Some(action) = event.action {
        push("action", action_name(action), text);
    }
    if let Some(id) = &event.transformation_id {
        push("transformationID", &node::canonical(id), text);
    }
    if let Some(step) = &event.biz_step {
        push("bizStep", &Vocabulary::BizStep.web_uri(step.as_str()), text);
    }
    if let Some(disposition) = &event.disposition {
        push("disposition", &Vocabulary::Disposition.web_uri(disposition.as_str()), text);
    }
    if let Some(persistent) = &event.persistent_disposition {
        text.push_str("persistentDisposition");
        let spelt = |name: &'static str| {
            move |term: &crate::domain::event::Term| format!("{name}={}", Vocabulary::Disposition.web_uri(term.as_str()))
        };
        push_sorted(persistent.set.iter().map(spelt("set")), text);
        push_sorted(persistent.unset.iter().map(spelt("unset")), text);
    }
    location("readPoint", event.read_point.as_ref(), text);
    location("bizLocation", event.biz_location.as_ref(), text);
}

fn push(name: &str, value: &str, text: &mut String) {
    text.push_str(name);
    text.push('=');
    text.push_str(value);
}

fn push_sorted(values: impl Iterator<Item = String>, text: &mut String) {
    let mut values: Vec<String> = values.collect();
    values.sort_unstable();
    text.extend(values);
}

fn epcs(name: &str, list: &[Epc], text: &mut String) {
    if list.is_empty() {
        return;
    }
    let mut canonical: Vec<&str> = list.iter().map(Epc::canonical).collect();
    canonical.sort_unstable();
    text.push_str(name);
    for epc in canonical {
        push("epc", epc, text);
    }
}

fn quantities(name: &str, list: &[Quantity], text: &mut String) {
    if list.is_empty() {
        return;
    }
    text.push_str(name);
    let spelt = list.iter().map(|quantity| {
        let mut spelt = format!("quantityElementepcClass={}", quantity.class.canonical());
        if let Some(amount) = &quantity.quantity {
            push("quantity", amount, &mut spelt);
        }
        if let Some(uom) = &quantity.uom {
            push("uom", uom, &mut spelt);
        }
        spelt
    });
    push_sorted(spelt, text);
}

fn location(name: &str, location: Option<&Location>, text: &mut String) {
    if let Some(location) = location {
        text.push_str(name);
        push("id", location.id.canonical(), text);
        text.push_str(&node::all(&location.extensions));
    }
}

fn biz_transactions(event: &Event, rest: &mut Vec<String>) {
    if event.biz_transactions.is_empty() {
        return;
    }
    let mut text = "bizTransactionList".to_owned();
    let spelt = event.biz_transactions.iter().map(|transaction| {
        let mut spelt = String::new();
        if let Some(kind) = &transaction.kind {
            push("type", &Vocabulary::BizTransactionType.web_uri(kind.as_str()), &mut spelt);
        }
        push("bizTransaction", &node::canonical(&transaction.id), &mut spelt);
        spelt
    });
    push_sorted(spelt, &mut text);
    rest.push(text);
}

fn endpoints(list: &str, name: &str, endpoints: &[SourceDest], rest: &mut Vec<String>) {
    if endpoints.is_empty() {
        return;
    }
    let mut text = list.to_owned();
    let spelt = endpoints.iter().map(|endpoint| {
        format!(
            "type={}{name}={}",
            Vocabulary::SourceDestType.web_uri(endpoint.kind.as_str()),
            endpoint.id.canonical()
        )
    });
    push_sorted(spelt, &mut text);
    rest.push(text);
}

/// UTC to the millisecond, the fourth decimal rounded half up.
fn milliseconds(time: Micros) -> String {
    Micros((time.0.saturating_add(500)).div_euclid(1_000) * 1_000).rfc3339()
}
