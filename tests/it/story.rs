//! EPCIS documents of the story, as a partner's system would write them: EPCIS 2.0 JSON-LD with GS1 Digital Links.
//!
//! Written out by hand and not with the hub's own writers, which are what the tests are about.

use serde_json::{Value, json};

use crate::hub::TestHub;

/// Auroxin 20 mg, 30 tablets: packed by packwell for aurora.
pub const AUROXIN: &str = "09521001001014";
/// A case of 24 of them.
pub const AUROXIN_CASE: &str = "59521001001019";
/// Lumivar: packed by sigmapack for aurora, digits only.
pub const LUMIVAR: &str = "09521001002011";
/// Zenithol: packed by packwell for zenith.
pub const ZENITHOL: &str = "09521008001017";

/// Where packwell packs for aurora.
pub const PACKWELL_HALL_1: &str = "9521002000115";
/// Where packwell packs for zenith.
pub const PACKWELL_HALL_2: &str = "9521002000122";
/// Northway's distribution centre.
pub const NORTHWAY_VENLO: &str = "9521004000113";
/// Meridian's warehouse.
pub const MERIDIAN_LYON: &str = "9521005000112";
/// The stranger's warehouse.
pub const HALDEN_HALMSTAD: &str = "9521006000111";

/// The GLN of a party's legal entity.
pub fn gln_of(test: &TestHub, party: &str) -> String {
    let id = party.parse().expect("a party id");
    test.hub.registry().party(&id).expect("a party of the story").gln.to_string()
}

/// A unit or a case.
pub fn sgtin(gtin: &str, serial: &str) -> String {
    format!("https://id.gs1.org/01/{gtin}/21/{serial}")
}

/// Several of them.
pub fn sgtins(gtin: &str, serials: &[&str]) -> Vec<String> {
    serials.iter().map(|serial| sgtin(gtin, serial)).collect()
}

/// A logistic unit numbered by packwell.
pub fn packwell_sscc(number: u32) -> String {
    let body = format!("09521002{number:09}");
    let sum: u32 = body.bytes().rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("https://id.gs1.org/00/{body}{}", (10 - sum % 10) % 10)
}

/// A location.
pub fn sgln(gln: &str) -> String {
    format!("https://id.gs1.org/414/{gln}")
}

/// A whole document.
pub fn document(events: &[Value]) -> String {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"cbvmda": "urn:epcglobal:cbv:mda:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T08:00:00Z",
        "epcisBody": {"eventList": events},
    })
    .to_string()
}

/// Packs of a lot come into being.
pub fn commission(at: &str, site: &str, epcs: &[String], lot: &str) -> Value {
    let mut event = object(at, site, "ADD", "commissioning", "active", epcs);
    event["ilmd"] = json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2029-06-30"});
    event
}

/// A label becomes a logistic unit.
pub fn commission_sscc(at: &str, site: &str, sscc: &str) -> Value {
    object(at, site, "ADD", "commissioning", "active", &[sscc.to_owned()])
}

/// Children go into a parent.
pub fn pack(at: &str, site: &str, parent: &str, children: &[String]) -> Value {
    aggregation(at, site, "ADD", "packing", parent, children)
}

/// Children come out of a parent; all of them if none is named.
pub fn unpack(at: &str, site: &str, parent: &str, children: &[String]) -> Value {
    aggregation(at, site, "DELETE", "unpacking", parent, children)
}

/// Who gives what to whom: party GLNs for owner and possessor, site GLNs for the place.
#[derive(Debug, Clone)]
pub struct Handover {
    pub epcs: Vec<String>,
    pub owner: (String, String),
    pub possessor: (String, String),
    pub place: (String, String),
}

/// The giving side says so.
pub fn ship(at: &str, handover: &Handover) -> Value {
    let mut event = object(at, &handover.place.0, "OBSERVE", "shipping", "in_transit", &handover.epcs);
    event.as_object_mut().expect("an event").remove("bizLocation");
    with_endpoints(event, handover)
}

/// The taking side says so.
pub fn receive(at: &str, handover: &Handover) -> Value {
    let event = object(at, &handover.place.1, "OBSERVE", "receiving", "in_progress", &handover.epcs);
    with_endpoints(event, handover)
}

fn object(at: &str, site: &str, action: &str, step: &str, disposition: &str, epcs: &[String]) -> Value {
    json!({
        "type": "ObjectEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "epcList": epcs, "action": action,
        "bizStep": step, "disposition": disposition, "readPoint": {"id": sgln(site)}, "bizLocation": {"id": sgln(site)},
    })
}

fn aggregation(at: &str, site: &str, action: &str, step: &str, parent: &str, children: &[String]) -> Value {
    json!({
        "type": "AggregationEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "parentID": parent, "childEPCs": children,
        "action": action, "bizStep": step, "disposition": "in_progress", "readPoint": {"id": sgln(site)}, "bizLocation": {"id": sgln(site)},
    })
}

fn with_endpoints(mut event: Value, handover: &Handover) -> Value {
    let pgln = |gln: &str| format!("https://id.gs1.org/417/{gln}");
    let list = |element: &str, owner: &str, possessor: &str, place: &str| {
        json!([
            {"type": "owning_party", element: pgln(owner)},
            {"type": "possessing_party", element: pgln(possessor)},
            {"type": "location", element: sgln(place)},
        ])
    };
    event["sourceList"] = list("source", &handover.owner.0, &handover.possessor.0, &handover.place.0);
    event["destinationList"] = list("destination", &handover.owner.1, &handover.possessor.1, &handover.place.1);
    event
}
