//! Questions about every root field of the schema.

use serde_json::{Value, json};

use super::scene::{CLOSED_LOT, LOT, SHARED, Scene, TARNOL};
use crate::story::{self, AUROXIN};

/// A root field of the schema with arguments about the scene.
pub struct Root {
    /// Name in the file; the field is its first word.
    pub title: String,
    /// Variables with their types.
    pub declared: &'static str,
    /// The field with its arguments.
    pub field: &'static str,
    pub variables: Value,
    /// Who sees all of it: what others see is held against what this caller does.
    pub whole: &'static str,
}

impl Root {
    pub fn name(&self) -> &str {
        self.field.split('(').next().unwrap_or_default()
    }
}

/// Every root field, some about several records.
pub fn roots(scene: &Scene) -> Vec<Root> {
    let root = |title: &str, (declared, field), whole, variables| Root {
        title: title.to_owned(),
        declared,
        field,
        variables,
        whole,
    };
    let none = || json!({});
    let grantee = story::gln_of(&scene.test, "fjord");
    let lists = [
        (
            "events(first: 25)",
            "events of which any party sees all that it sees at all",
            "owner",
        ),
        (
            "eventTotals(first: 50)",
            "things by month, country, step and product",
            "packer",
        ),
        ("agreements(first: 25)", "agreements", "owner"),
        ("allocations(first: 25)", "serial numbers given out", "packer"),
        ("auditEntries(first: 100)", "acts", "owner"),
        ("findings(first: 25)", "what the hub noticed", "packer"),
        ("grants(first: 25, side: GIVEN)", "grants given", "owner"),
        ("grants(first: 25, side: RECEIVED)", "grants received", "grantee"),
        ("pendingAllocations(first: 25)", "requests that wait", "owner"),
        ("serialAlerts(first: 25)", "low stocks", "owner"),
        ("serialExceptions(first: 25)", "impossible reports", "owner"),
        ("serialImports(first: 25)", "lists of numbers", "owner"),
        ("serialPools(first: 25)", "pools of numbers", "owner"),
        ("serialStock(first: 25)", "stocks", "owner"),
        ("serialTransfers(first: 25)", "numbers handed on", "packer"),
        ("shipments(first: 25)", "handovers", "owner"),
        ("me", "the caller itself", "owner"),
    ];
    let mut roots: Vec<Root> = lists
        .into_iter()
        .map(|(field, title, whole)| root(title, ("", field), whole, none()))
        .collect();
    let by_id = ("$id: ID!", "event(id: $id)");
    for (index, (title, id, _)) in scene.events.iter().enumerate() {
        let whole = ["packer", "packer", "packer", "packer", "packer", "store", "later", "packer"][index];
        roots.push(root(title, by_id, whole, json!({"id": id})));
    }
    let epc = |epc: &str| json!({"epc": epc});
    roots.extend([
        root("a document with all its events", ("$id: ID!", "captureJob(id: $id)"), "packer", json!({"id": scene.job})),
        root("a refused document", ("$id: ID!", "captureJob(id: $id)"), "store", json!({"id": scene.refused_job})),
        root("a pack that was sold twice", ("$epc: String!", "item(epc: $epc)"), "later", epc(&scene.units[0])),
        root("a pack while it was stored", ("$epc: String!", "item(epc: $epc, asOf: \"2026-03-03T12:00:00Z\")"), "owner", epc(&scene.units[0])),
        root("a pack that was sold twice", ("$epc: String!", "provenance(epc: $epc)"), "owner", epc(&scene.units[0])),
        root(
            "a recalled pack of the manufacturer beside the owner",
            ("$epc: String!", "provenance(epc: $epc)"),
            "beside",
            epc(&story::sgtin(TARNOL, SHARED)),
        ),
        root("the pallet as each last had it", ("$epc: String!", "container(epc: $epc)"), "owner", epc(&scene.pallet)),
        root("an explanation that the owner was given", ("$id: ID!", "decision(id: $id)"), "owner", json!({"id": scene.decision})),
        root(
            "how the grantee's sight of the caller's events changed",
            ("$gln: String!", "accessDiff(from: \"2026-03-01T00:00:00Z\", partyGln: $gln, to: \"2026-03-11T00:00:00Z\")"),
            "owner",
            json!({"gln": grantee}),
        ),
        root(
            "numbers that could be asked for",
            ("$input: RequestSerialsInput!", "dryRunSerials(input: $input)"),
            "packer",
            json!({"input": {"gtin": AUROXIN, "quantity": 5000, "idempotencyKey": "k"}}),
        ),
        root("the caller's part of the commissioning", ("$id: ID!", "eventSlice(id: $id)"), "packer", json!({"id": scene.events[0].1})),
        root("how a pack that was sold twice was made", ("$epcs: [String!]!", "eventSlices(epcs: $epcs)"), "packer", json!({"epcs": [scene.units[0]]})),
        root(
            "why the caller sees the commissioning",
            ("$event: ID!", "explainAccess(event: $event)"),
            "packer",
            json!({"event": scene.events[0].1}),
        ),
        root(
            "why the grantee sees the packing",
            ("$event: ID!, $gln: String", "explainAccess(event: $event, partyGln: $gln)"),
            "owner",
            json!({"event": scene.events[1].1, "gln": grantee}),
        ),
        root("a grant of the owner to the grantee", ("$id: ID!", "grant(id: $id)"), "owner", json!({"id": scene.grant})),
        root(
            "what a grant to the later owner would show",
            ("$input: ProposeGrantInput!", "grantImpact(input: $input)"),
            "owner",
            json!({"input": {"granteeGln": story::gln_of(&scene.test, "cornerstone"), "levels": [{"class": "EXISTENCE", "level": "full"},
                {"class": "WHEN", "level": "exact"}, {"class": "CONTAINMENT", "level": "as asserted"}], "purpose": "p", "validUntil": "2027-01-01T00:00:00Z"}}),
        ),
        root(
            "what a grant of totals to the later owner would let it know",
            ("$input: ProposeGrantInput!", "grantImpact(input: $input)"),
            "owner",
            json!({"input": {"granteeGln": story::gln_of(&scene.test, "cornerstone"), "levels": [{"class": "EXISTENCE", "level": "full"},
                {"class": "PRODUCT", "level": "full"}, {"class": "STATE", "level": "full"}, {"class": "WHEN", "level": "month"},
                {"class": "WHERE", "level": "country"}], "purpose": "p", "validUntil": "2027-01-01T00:00:00Z"}}),
        ),
        root("the lot, at each level", ("$gtin: String!, $lot: String!", "lotLedger(gtin: $gtin, lot: $lot)"), "owner", json!({"gtin": AUROXIN, "lot": LOT})),
        root("a closed lot", ("$gtin: String!, $lot: String!", "lotLedger(gtin: $gtin, lot: $lot)"), "owner", json!({"gtin": AUROXIN, "lot": CLOSED_LOT})),
        root(
            "the lot, one level",
            ("$gtin: String!, $lot: String!", "lotReconciliation(gtin: $gtin, lot: $lot)"),
            "owner",
            json!({"gtin": AUROXIN, "lot": LOT}),
        ),
        root("the owner's events through the grantee's eyes", ("$gln: String!", "previewAs(first: 25, partyGln: $gln)"), "owner", json!({"gln": grantee})),
        root("how long the pool lasts", ("$gtin: String!", "serialForecast(gtin: $gtin)"), "owner", json!({"gtin": AUROXIN})),
        root(
            "a commissioned number, one that was handed on, one that nobody gave out",
            ("$numbers: [SerialLookupInput!]!", "serialLookup(numbers: $numbers)"),
            "owner",
            json!({"numbers": [{"gtin": AUROXIN, "serial": scene.serials[0]}, {"gtin": AUROXIN, "serial": scene.serials[16]},
                {"gtin": AUROXIN, "serial": "FOREIGN23456"}, {"serial": "?"}]}),
        ),
        root("the commissioning", ("$event: ID!", "whoCanSee(event: $event)"), "owner", json!({"event": scene.events[0].1})),
    ]);
    let nodes = [
        ("an event", scene.events[0].1.clone(), "packer"),
        ("an allocation", scene.allocation.clone(), "packer"),
        ("a capture job", scene.job.clone(), "packer"),
        ("a grant", scene.grant.clone(), "owner"),
        ("the owner", "pty_aurora".to_owned(), "owner"),
        ("the packer", "pty_packwell".to_owned(), "owner"),
    ];
    for (title, id, whole) in nodes {
        roots.push(root(title, ("$id: ID!", "node(id: $id)"), whole, json!({"id": id})));
    }
    roots
}
