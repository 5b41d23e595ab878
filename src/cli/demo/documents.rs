//! The EPCIS documents that the demo's parties send, each in its own dialect.
//!
//! Written out by hand and not with the hub's own writers: what a partner's system sends is made by
//! somebody else, so the demo shows the hub reading what it did not write.

use std::fmt::Write as _;

use crate::domain::gs1::{Epc, Gln};
use crate::domain::time::Micros;

/// Which syntax a party's system speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Dialect {
    /// EPCIS 1.2 XML with EPC URNs.
    Xml12,
    /// EPCIS 2.0 XML with EPC URNs.
    Xml20,
    /// EPCIS 2.0 JSON-LD with GS1 Digital Links.
    Json20,
}

impl Dialect {
    /// What the document is sent as.
    pub(in crate::cli) fn content_type(self) -> &'static str {
        match self {
            Self::Xml12 | Self::Xml20 => "application/xml",
            Self::Json20 => "application/ld+json",
        }
    }

    /// For people.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Xml12 => "EPCIS 1.2 XML",
            Self::Xml20 => "EPCIS 2.0 XML",
            Self::Json20 => "EPCIS 2.0 JSON-LD",
        }
    }
}

/// One thing that happened at a line or a dock.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Happening {
    /// When.
    pub(in crate::cli) at: Micros,
    /// Where: the site's GLN.
    pub(in crate::cli) site: Gln,
    /// What.
    pub(in crate::cli) what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub(in crate::cli) enum What {
    /// Serial numbers became packs of a lot, or labels became logistic units (no lot).
    Commission {
        /// The things.
        epcs: Vec<Epc>,
        /// Lot number and expiry date (`xsd:date`) of packs.
        lot: Option<(String, String)>,
    },
    /// Children went into a parent.
    Pack {
        /// The container.
        parent: Epc,
        /// What went in.
        children: Vec<Epc>,
    },
    /// Everything came out of a parent.
    Unpack {
        /// The container.
        parent: Epc,
    },
    /// Handed over.
    Ship(Handover),
    /// Taken over.
    Receive(Handover),
}

/// Who gives what to whom.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Handover {
    /// Outermost things only.
    pub(in crate::cli) epcs: Vec<Epc>,
    /// Owner before and after.
    pub(in crate::cli) owner: (Gln, Gln),
    /// Who has it before and after.
    pub(in crate::cli) possessor: (Gln, Gln),
    /// Site before and after.
    pub(in crate::cli) location: (Gln, Gln),
    /// Despatch advice number of the giving side.
    pub(in crate::cli) despatch_advice: String,
}

/// Writes a document in a dialect. `prefix_len` knows the company prefixes, for the URNs.
pub(in crate::cli) fn write(
    dialect: Dialect,
    created: Micros,
    happenings: &[Happening],
    prefix_len: &dyn Fn(&str) -> Option<usize>,
) -> String {
    match dialect {
        Dialect::Xml12 | Dialect::Xml20 => xml(dialect, created, happenings, prefix_len),
        Dialect::Json20 => json(created, happenings),
    }
}

fn steps(what: &What) -> (&'static str, &'static str, &'static str) {
    match what {
        What::Commission { .. } => ("ADD", "commissioning", "active"),
        What::Pack { .. } => ("ADD", "packing", "in_progress"),
        What::Unpack { .. } => ("DELETE", "unpacking", "in_progress"),
        What::Ship(_) => ("OBSERVE", "shipping", "in_transit"),
        What::Receive(_) => ("OBSERVE", "receiving", "in_progress"),
    }
}

fn xml(dialect: Dialect, created: Micros, happenings: &[Happening], prefix_len: &dyn Fn(&str) -> Option<usize>) -> String {
    let (major, version) = if dialect == Dialect::Xml12 { (1, "1.2") } else { (2, "2.0") };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:{major}\" \
         xmlns:cbvmda=\"urn:epcglobal:cbv:mda\" schemaVersion=\"{version}\" creationDate=\"{created}\">\n<EPCISBody><EventList>\n"
    );
    for happening in happenings {
        xml_event(&mut out, dialect, happening, prefix_len);
    }
    out.push_str("</EventList></EPCISBody>\n</epcis:EPCISDocument>\n");
    out
}

/// Element order is the schema's: `xsd:sequence` is strict, and 1.2 wraps what came later in `extension`.
fn xml_event(out: &mut String, dialect: Dialect, happening: &Happening, prefix_len: &dyn Fn(&str) -> Option<usize>) {
    let urn = |epc: &Epc| epc.to_urn(prefix_len).unwrap_or_else(|| epc.canonical().to_owned());
    let list = |name: &str, epcs: &[Epc]| {
        let inner: String = epcs.iter().map(|epc| format!("<epc>{}</epc>", urn(epc))).collect();
        format!("<{name}>{inner}</{name}>")
    };
    let (action, step, disposition) = steps(&happening.what);
    let (kind, what) = match &happening.what {
        What::Commission { epcs, .. } => ("ObjectEvent", list("epcList", epcs)),
        What::Ship(handover) | What::Receive(handover) => ("ObjectEvent", list("epcList", &handover.epcs)),
        What::Pack { parent, children } => (
            "AggregationEvent",
            format!("<parentID>{}</parentID>{}", urn(parent), list("childEPCs", children)),
        ),
        What::Unpack { parent } => (
            "AggregationEvent",
            format!("<parentID>{}</parentID><childEPCs/>", urn(parent)),
        ),
    };
    let site = urn(&Epc::from_gln(happening.site));
    let _ = write!(
        out,
        "<{kind}><eventTime>{}</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>{what}<action>{action}</action>\
         <bizStep>urn:epcglobal:cbv:bizstep:{step}</bizStep><disposition>urn:epcglobal:cbv:disp:{disposition}</disposition>\
         <readPoint><id>{site}</id></readPoint>",
        happening.at
    );
    if !matches!(happening.what, What::Ship(_)) {
        let _ = write!(out, "<bizLocation><id>{site}</id></bizLocation>");
    }
    let wrap = |inner: String| {
        if dialect == Dialect::Xml12 {
            format!("<extension>{inner}</extension>")
        } else {
            inner
        }
    };
    match &happening.what {
        What::Commission { lot: Some((lot, expiry)), .. } => out.push_str(&wrap(format!(
            "<ilmd><cbvmda:lotNumber>{lot}</cbvmda:lotNumber><cbvmda:itemExpirationDate>{expiry}</cbvmda:itemExpirationDate></ilmd>"
        ))),
        What::Ship(handover) | What::Receive(handover) => {
            let _ = write!(
                out,
                "<bizTransactionList><bizTransaction type=\"urn:epcglobal:cbv:btt:desadv\">urn:epcglobal:cbv:bt:{}:{}</bizTransaction></bizTransactionList>",
                handover.possessor.0, handover.despatch_advice
            );
            out.push_str(&wrap(xml_endpoints(handover, &urn)));
        }
        What::Commission { lot: None, .. } | What::Pack { .. } | What::Unpack { .. } => {}
    }
    let _ = writeln!(out, "</{kind}>");
}

fn xml_endpoints(handover: &Handover, urn: &dyn Fn(&Epc) -> String) -> String {
    let mut out = String::new();
    for (list, element, side) in [("sourceList", "source", 0), ("destinationList", "destination", 1)] {
        let _ = write!(out, "<{list}>");
        for (kind, pair) in endpoints(handover) {
            let gln = if side == 0 { pair.0 } else { pair.1 };
            let _ = write!(
                out,
                "<{element} type=\"urn:epcglobal:cbv:sdt:{kind}\">{}</{element}>",
                urn(&Epc::from_gln(gln))
            );
        }
        let _ = write!(out, "</{list}>");
    }
    out
}

fn endpoints(handover: &Handover) -> [(&'static str, (Gln, Gln)); 3] {
    [
        ("owning_party", handover.owner),
        ("possessing_party", handover.possessor),
        ("location", handover.location),
    ]
}

fn json(created: Micros, happenings: &[Happening]) -> String {
    let events: Vec<_> = happenings.iter().map(json_event).collect();
    serde_json::json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"cbvmda": "urn:epcglobal:cbv:mda:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": created.rfc3339(),
        "epcisBody": {"eventList": events},
    })
    .to_string()
}

fn json_event(happening: &Happening) -> serde_json::Value {
    let uris = |epcs: &[Epc]| epcs.iter().map(|epc| epc.canonical().to_owned()).collect::<Vec<_>>();
    let site = Epc::from_gln(happening.site).canonical().to_owned();
    let (action, step, disposition) = steps(&happening.what);
    let mut event = serde_json::json!({
        "eventTime": happening.at.rfc3339(), "eventTimeZoneOffset": "+00:00",
        "action": action, "bizStep": step, "disposition": disposition, "readPoint": {"id": site},
    });
    let mut set = |name: &str, value: serde_json::Value| event[name] = value;
    if !matches!(happening.what, What::Ship(_)) {
        set("bizLocation", serde_json::json!({"id": site}));
    }
    match &happening.what {
        What::Commission { epcs, lot } => {
            set("type", "ObjectEvent".into());
            set("epcList", uris(epcs).into());
            if let Some((lot, expiry)) = lot {
                set(
                    "ilmd",
                    serde_json::json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": expiry}),
                );
            }
        }
        What::Pack { parent, children } => {
            set("type", "AggregationEvent".into());
            set("parentID", parent.canonical().into());
            set("childEPCs", uris(children).into());
        }
        What::Unpack { parent } => {
            set("type", "AggregationEvent".into());
            set("parentID", parent.canonical().into());
            set("childEPCs", serde_json::json!([]));
        }
        What::Ship(handover) | What::Receive(handover) => {
            set("type", "ObjectEvent".into());
            set("epcList", uris(&handover.epcs).into());
            let desadv = format!("urn:epcglobal:cbv:bt:{}:{}", handover.possessor.0, handover.despatch_advice);
            set(
                "bizTransactionList",
                serde_json::json!([{"type": "desadv", "bizTransaction": desadv}]),
            );
            for (list, element, side) in [("sourceList", "source", 0), ("destinationList", "destination", 1)] {
                let ends = endpoints(handover).map(|(kind, pair)| {
                    let gln = if side == 0 { pair.0 } else { pair.1 };
                    serde_json::json!({"type": kind, element: Epc::from_gln(gln).canonical()})
                });
                set(list, serde_json::json!(ends));
            }
        }
    }
    event
}
