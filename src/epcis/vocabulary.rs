//! CBV 2.0 terms and their spellings.
//!
//! A term has three spellings: the bare name (`shipping`, JSON), the Web URI (`https://ref.gs1.org/cbv/BizStep-shipping`)
//! and the URN of CBV 1.x (`urn:epcglobal:cbv:bizstep:shipping`). [`Vocabulary::read`] takes them all, `web_uri` and `urn` print.
//! A value of nobody's vocabulary is kept as it stands; only the caller decides what to make of it.

use crate::domain::event::{Content, Node, Term};

pub mod measurement;

/// One standard vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// `bizStep`
    BizStep,
    /// `disposition`, `persistentDisposition`
    Disposition,
    /// `bizTransaction/@type`
    BizTransactionType,
    /// `source/@type`, `destination/@type`
    SourceDestType,
    /// `errorDeclaration/reason`
    ErrorReason,
    /// `sensorReport/@component`
    Component,
}

/// What reading a term found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTerm {
    /// The term.
    pub term: Term,
    /// Whether CBV 2.0 has it, or it is a URI of another vocabulary.
    pub known: bool,
    /// Whether it was spelt in a way only leniency understands.
    pub corrected: bool,
}

const BIZ_STEPS: &[&str] = &[
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];
const DISPOSITIONS: &[&str] = &[
    "active",
    "available",
    "completeness_inferred",
    "completeness_verified",
    "conformant",
    "container_closed",
    "container_open",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "mismatch_class",
    "mismatch_instance",
    "mismatch_quantity",
    "needs_replacement",
    "no_pedigree_match",
    "non_conformant",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unavailable",
    "unknown",
];
const BIZ_TRANSACTION_TYPES: &[&str] = &[
    "bol",
    "cert",
    "desadv",
    "inv",
    "pedigree",
    "po",
    "poc",
    "prodorder",
    "recadv",
    "rma",
    "testprd",
    "testres",
    "upevt",
];
const SOURCE_DEST_TYPES: &[&str] = &["location", "owning_party", "possessing_party"];
const ERROR_REASONS: &[&str] = &["did_not_occur", "incorrect_data"];
const COMPONENTS: &[&str] = &[
    "altitude",
    "axial_distance",
    "azimuth",
    "easting",
    "elevation_angle",
    "height",
    "latitude",
    "longitude",
    "northing",
    "polar_angle",
    "spherical_radius",
    "x",
    "y",
    "z",
];

impl Vocabulary {
    /// Its bare names in CBV 2.0, sorted.
    #[must_use]
    pub const fn terms(self) -> &'static [&'static str] {
        match self {
            Self::BizStep => BIZ_STEPS,
            Self::Disposition => DISPOSITIONS,
            Self::BizTransactionType => BIZ_TRANSACTION_TYPES,
            Self::SourceDestType => SOURCE_DEST_TYPES,
            Self::ErrorReason => ERROR_REASONS,
            Self::Component => COMPONENTS,
        }
    }

    const fn web_name(self) -> &'static str {
        match self {
            Self::BizStep => "BizStep-",
            Self::Disposition => "Disp-",
            Self::BizTransactionType => "BTT-",
            Self::SourceDestType => "SDT-",
            Self::ErrorReason => "ER-",
            Self::Component => "Comp-",
        }
    }

    const fn urn_prefix(self) -> Option<&'static str> {
        match self {
            Self::BizStep => Some("urn:epcglobal:cbv:bizstep:"),
            Self::Disposition => Some("urn:epcglobal:cbv:disp:"),
            Self::BizTransactionType => Some("urn:epcglobal:cbv:btt:"),
            Self::SourceDestType => Some("urn:epcglobal:cbv:sdt:"),
            Self::ErrorReason => Some("urn:epcglobal:cbv:er:"),
            Self::Component => None,
        }
    }

    /// Whether CBV 2.0 has the bare name.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.terms().contains(&name)
    }

    /// Reads any spelling; `text` is trimmed by the caller.
    #[must_use]
    pub fn read(self, text: &str) -> ReadTerm {
        let bare = self.bare(text);
        if bare.contains(':') {
            return ReadTerm {
                term: Term(bare.into()),
                known: true,
                corrected: false,
            };
        }
        let fixed = correction(bare);
        let name = fixed.unwrap_or(bare);
        ReadTerm {
            term: Term(name.into()),
            known: self.terms().contains(&name),
            corrected: fixed.is_some(),
        }
    }

    /// The Web URI of a bare name; any other URI as it stands.
    #[must_use]
    pub fn web_uri(self, term: &str) -> String {
        if term.contains(':') {
            term.to_owned()
        } else {
            format!("https://ref.gs1.org/cbv/{}{term}", self.web_name())
        }
    }

    /// The CBV 1.x URN of a bare name; any other URI as it stands.
    #[must_use]
    pub fn urn(self, term: &str) -> String {
        match self.urn_prefix() {
            Some(prefix) if !term.contains(':') => format!("{prefix}{term}"),
            Some(_) | None => self.web_uri(term),
        }
    }

    fn bare(self, text: &str) -> &str {
        if let Some(name) = self.urn_prefix().and_then(|prefix| text.strip_prefix(prefix)) {
            return name.trim();
        }
        let local = [
            "https://ref.gs1.org/cbv/",
            "https://ns.gs1.org/cbv/",
            "https://ns.gs1.org/voc/",
            "cbv:",
        ]
        .iter()
        .find_map(|base| text.strip_prefix(base));
        local
            .and_then(|local| strip_prefix_ignoring_case(local, self.web_name()))
            .unwrap_or(text)
    }
}

/// The parts of one `sensorElement`.
#[derive(Debug, Default)]
pub(super) struct SensorParts<'n> {
    /// `sensorMetadata`, of which there should be one at most.
    pub(super) metadata: Vec<&'n Node>,
    /// `sensorReport`
    pub(super) reports: Vec<&'n Node>,
    /// Extensions.
    pub(super) rest: Vec<&'n Node>,
}

/// Tells the parts of a sensor element apart.
pub(super) fn sensor_parts(element: &Node) -> SensorParts<'_> {
    let mut parts = SensorParts::default();
    if let Content::Nodes(inside) = &element.content {
        for part in inside {
            match &*part.name.local {
                "sensorMetadata" if part.name.namespace.is_empty() => parts.metadata.push(part),
                "sensorReport" if part.name.namespace.is_empty() => parts.reports.push(part),
                _ => parts.rest.push(part),
            }
        }
    }
    parts
}

/// Misspellings met so often that their meaning is beyond doubt.
fn correction(bare: &str) -> Option<&'static str> {
    match bare {
        "decomissioning" | "decommisioning" | "decomisioning" => Some("decommissioning"),
        "comissioning" | "commisioning" => Some("commissioning"),
        _ => None,
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one_term() {
        let check = |text: &str| {
            assert_eq!(
                Vocabulary::BizStep.read(text),
                ReadTerm {
                    term: Term("shipping".into()),
                    known: true,
                    corrected: false
                }
            )
        };
        check("shipping");
        check("urn:epcglobal:cbv:bizstep:shipping");
        check("https://ref.gs1.org/cbv/BizStep-shipping");
        check("https://ns.gs1.org/voc/Bizstep-shipping");
        check("cbv:BizStep-shipping");
    }

    #[test]
    fn foreign_and_unknown_values_are_kept() {
        let foreign = Vocabulary::Disposition.read("https://example.com/disp/odd");
        assert_eq!((foreign.term.as_str(), foreign.known), ("https://example.com/disp/odd", true));
        let unknown = Vocabulary::Disposition.read("in_transport");
        assert_eq!((unknown.term.as_str(), unknown.known), ("in_transport", false));
        let misspelt = Vocabulary::BizStep.read("urn:epcglobal:cbv:bizstep:decomissioning");
        assert_eq!(
            (misspelt.term.as_str(), misspelt.known, misspelt.corrected),
            ("decommissioning", true, true)
        );
    }

    #[test]
    fn prints_both_forms() {
        assert_eq!(Vocabulary::SourceDestType.urn("location"), "urn:epcglobal:cbv:sdt:location");
        assert_eq!(Vocabulary::Component.urn("x"), "https://ref.gs1.org/cbv/Comp-x");
        assert_eq!(Vocabulary::BizTransactionType.web_uri("po"), "https://ref.gs1.org/cbv/BTT-po");
    }

    #[test]
    fn the_lists_have_the_length_of_cbv() {
        assert_eq!(
            (
                BIZ_STEPS.len(),
                DISPOSITIONS.len(),
                BIZ_TRANSACTION_TYPES.len(),
                COMPONENTS.len()
            ),
            (41, 33, 13, 14)
        );
    }
}
