//! EPCIS documents of the story, as a partner's system would write them: EPCIS 2.0 JSON-LD with GS1 Digital Links.
//!
//! Written out by hand and not with the hub's own writers, which are what the tests are about.

use counterfoil::domain::gs1::Gtin;
use counterfoil::service::serial::{SerialRequest, request};
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
    sscc("9521002", number)
}

/// A logistic unit numbered under a company prefix of seven digits.
pub fn sscc(prefix: &str, number: u32) -> String {
    let body = format!("0{prefix}{number:09}");
    let sum: u32 = body
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
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

/// Any event about things.
pub fn object(at: &str, site: &str, action: &str, step: &str, disposition: &str, epcs: &[String]) -> Value {
    json!({
        "type": "ObjectEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "epcList": epcs, "action": action,
        "bizStep": step, "disposition": disposition, "readPoint": {"id": sgln(site)}, "bizLocation": {"id": sgln(site)},
    })
}

/// Any event about a container.
pub fn aggregation(at: &str, site: &str, action: &str, step: &str, parent: &str, children: &[String]) -> Value {
    json!({
        "type": "AggregationEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00", "parentID": parent, "childEPCs": children,
        "action": action, "bizStep": step, "disposition": "in_progress", "readPoint": {"id": sgln(site)}, "bizLocation": {"id": sgln(site)},
    })
}

/// With who gives what to whom.
pub fn with_endpoints(mut event: Value, handover: &Handover) -> Value {
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

/// Serial numbers for packwell, which acts for the owner of the product.
pub async fn serials_for_packwell(test: &TestHub, gtin: &str, quantity: u64) -> Vec<String> {
    let packwell = test.actor("packwell");
    let wanted = SerialRequest::new(gtin.parse::<Gtin>().expect("a GTIN"), quantity, format!("story-{gtin}"));
    let granted = request(&test.hub, &packwell, wanted).await.expect("an allocation");
    let list = test
        .get(&packwell, &format!("/serials/v1/allocations/{}/serials", granted.id))
        .await;
    let rows = list.text().lines().skip(1);
    rows.map(|row| row.split_once(',').expect("two columns").1.to_owned())
        .collect()
}

/// Where the goods of the story are once it is told.
#[derive(Debug, Clone)]
pub struct Told {
    /// Two units in the case.
    pub units: Vec<String>,
    /// One that was taken out again and stayed at packwell.
    pub left_behind: String,
    /// In the pallet.
    pub case: String,
    /// At meridian.
    pub pallet: String,
}

/// The whole story: packwell packs and ships, northway receives and ships, meridian receives. Each job with its asserter.
pub async fn tell(test: &TestHub) -> (Told, Vec<(&'static str, Value)>) {
    let serials = serials_for_packwell(test, AUROXIN, 3).await;
    let mut units: Vec<String> = serials.iter().map(|serial| sgtin(AUROXIN, serial)).collect();
    let case = sgtin(AUROXIN_CASE, &serials_for_packwell(test, AUROXIN_CASE, 1).await[0]);
    let pallet = packwell_sscc(1);
    let gln = |party: &str| gln_of(test, party);
    let to_northway = Handover {
        epcs: vec![pallet.clone()],
        owner: (gln("aurora"), gln("aurora")),
        possessor: (gln("packwell"), gln("northway")),
        place: (PACKWELL_HALL_1.to_owned(), NORTHWAY_VENLO.to_owned()),
    };
    let to_meridian = Handover {
        epcs: vec![pallet.clone()],
        owner: (gln("aurora"), gln("meridian")),
        possessor: (gln("northway"), gln("meridian")),
        place: (NORTHWAY_VENLO.to_owned(), MERIDIAN_LYON.to_owned()),
    };
    let site = PACKWELL_HALL_1;
    let packed = [
        commission("2026-03-01T08:00:00Z", site, &units, "LOT-1"),
        commission("2026-03-01T08:05:00Z", site, std::slice::from_ref(&case), "LOT-1"),
        commission_sscc("2026-03-01T08:10:00Z", site, &pallet),
        pack("2026-03-01T09:00:00Z", site, &case, &units),
        unpack("2026-03-01T09:05:00Z", site, &case, &units[2..]),
        pack("2026-03-01T09:10:00Z", site, &pallet, std::slice::from_ref(&case)),
        ship("2026-03-01T12:00:00Z", &to_northway),
    ];
    let left_behind = units.remove(2);
    let mut jobs = Vec::new();
    for (party, events) in [
        ("packwell", packed.to_vec()),
        (
            "northway",
            vec![
                receive("2026-03-01T16:00:00Z", &to_northway),
                ship("2026-03-01T20:00:00Z", &to_meridian),
            ],
        ),
        ("meridian", vec![receive("2026-03-02T06:00:00Z", &to_meridian)]),
    ] {
        jobs.push((party, test.capture(&test.actor(party), document(&events)).await));
    }
    (
        Told {
            units,
            left_behind,
            case,
            pallet,
        },
        jobs,
    )
}

#[tokio::test]
async fn the_story_is_captured_without_a_finding() {
    let test = TestHub::start().await;
    let (_, jobs) = tell(&test).await;
    for ((party, job), events) in jobs.iter().zip([7, 2, 1]) {
        assert_eq!(
            (&job["success"], &job["eventsStored"]),
            (&json!(true), &json!(events)),
            "{party}: {job:#}"
        );
        assert_eq!(
            (&job["errors"], &job["findings"]),
            (&json!([]), &json!({})),
            "{party}: {job:#}"
        );
    }
}

#[tokio::test]
async fn its_products_and_places_are_those_of_the_parties() {
    let test = TestHub::start().await;
    let registry = test.hub.registry();
    for (gtin, owner) in [
        (AUROXIN, "aurora"),
        (AUROXIN_CASE, "aurora"),
        (LUMIVAR, "aurora"),
        (ZENITHOL, "zenith"),
    ] {
        assert_eq!(
            registry.owner_of_gtin(gtin.parse().unwrap()).map(|party| party.as_str()),
            Some(owner),
            "{gtin}"
        );
    }
    for (gln, party) in [
        (PACKWELL_HALL_1, "packwell"),
        (PACKWELL_HALL_2, "packwell"),
        (NORTHWAY_VENLO, "northway"),
        (MERIDIAN_LYON, "meridian"),
        (HALDEN_HALMSTAD, "halden"),
    ] {
        assert_eq!(
            registry.site(gln.parse().unwrap()).map(|(party, _)| party.as_str()),
            Some(party),
            "{gln}"
        );
    }
}
