//! Rules that an industry guideline adds to EPCIS: which are agreed with a party is data of its profile.
//!
//! | guideline | what it is |
//! |---|---|
//! | `gs1-us-r1.2` | GS1 US, Applying GS1 Standards for DSCSA and Traceability, Release 1.2 |
//! | `gs1-us-r1.3` | the same, Release 1.3: names its version in the header, and product codes by `US_FDA_NDC` |
//! | `eu-fmd` | Directive 2011/62/EU and Delegated Regulation (EU) 2016/161, in the EPCIS of GS1 in Europe |
//!
//! Each deviation is one finding, in the place that has to be changed. Nothing here asks for state, parties or permission: who the
//! named parties are is not known here. Lot and expiry at commissioning are asked for whatever the guideline.

use std::fmt;
use std::str::FromStr;

use super::event::{Action, Event, EventType, SourceDest};
use super::finding::{Finding, FindingCode};
use super::gs1::Gln;

/// A guideline that documents of a party follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guideline {
    /// GS1 US R1.2.
    UsR12,
    /// GS1 US R1.3.
    UsR13,
    /// EU FMD.
    EuFmd,
}

impl Guideline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::UsR12, Self::UsR13, Self::EuFmd];

    /// The word in a partner's file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsR12 => "gs1-us-r1.2",
            Self::UsR13 => "gs1-us-r1.3",
            Self::EuFmd => "eu-fmd",
        }
    }

    /// The release that a document names in its header, how product codes are named in it, and how in the other release.
    const fn release(self) -> Option<Release> {
        match self {
            Self::UsR12 => Some(Release {
                name: "R1.2",
                must_name: false,
                foreign_code: "US_FDA_NDC",
            }),
            Self::UsR13 => Some(Release {
                name: "R1.3",
                must_name: true,
                foreign_code: "FDA_NDC_11",
            }),
            Self::EuFmd => None,
        }
    }
}

struct Release {
    name: &'static str,
    must_name: bool,
    foreign_code: &'static str,
}

impl fmt::Display for Guideline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Guideline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|guideline| guideline.as_str() == text)
            .ok_or_else(|| format!("`{}` is no guideline", text.chars().take(40).collect::<String>()))
    }
}

/// What stands above the events, as far as guidelines have rules about it.
#[derive(Debug, Clone, Copy)]
pub struct Above<'a> {
    /// Where it stands.
    pub pointer: &'a str,
    /// Whether there is a transaction statement, and what it affirms.
    pub statement: Option<Option<bool>>,
    /// `guidelineVersion`.
    pub version: Option<&'a str>,
    /// Values of `additionalTradeItemIdentificationTypeCode` in the master data.
    pub code_types: &'a [&'a str],
}

/// What is wrong with a document, beside its events. `ships`: one of them is a sale.
#[must_use]
pub fn document(guideline: Guideline, above: &Above<'_>, ships: bool) -> Vec<Finding> {
    let Some(release) = guideline.release() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut find = |code, detail: String| findings.push(Finding::new(code, above.pointer, detail));
    match above.statement {
        None if ships => find(
            FindingCode::MissingStatement,
            "the document ships goods and has no transaction statement".to_owned(),
        ),
        Some(affirmed) if affirmed != Some(true) => find(
            FindingCode::StatementNotAffirmed,
            "the transaction statement does not affirm that the seller has complied".to_owned(),
        ),
        None | Some(_) => {}
    }
    match above.version {
        None if release.must_name => find(
            FindingCode::GuidelineVersion,
            format!("the header names no guideline version; {} is agreed", release.name),
        ),
        Some(version) if !version.trim().ends_with(release.name) => find(
            FindingCode::GuidelineVersion,
            format!(
                "the header names `{}`; {} is agreed",
                version.chars().take(80).collect::<String>(),
                release.name
            ),
        ),
        None | Some(_) => {}
    }
    if above.code_types.contains(&release.foreign_code) {
        let detail = format!("the master data name products by `{}`", release.foreign_code);
        find(FindingCode::NdcTypeMix, detail);
    }
    findings
}

/// Whether an event is the sale of goods, which a document of the US DSCSA goes with; a return is none.
#[must_use]
pub fn ships(event: &Event) -> bool {
    is_shipping(event) && event.disposition.as_ref().is_none_or(|term| term.as_str() != "returned")
}

fn is_shipping(event: &Event) -> bool {
    event.kind == EventType::Object && event.action == Some(Action::Observe) && event.step() == "shipping"
}

/// What is wrong with an event. `wrapper`: what stands in its syntax between the event and its lists of sources and destinations.
#[must_use]
pub fn event(guideline: Guideline, event: &Event, pointer: &str, wrapper: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_shipping(event) {
        if event.biz_location.is_some() {
            let detail = "the goods leave the place: they are expected nowhere until they are received";
            findings.push(Finding::new(
                FindingCode::BizLocationOnShipping,
                format!("{pointer}/bizLocation"),
                detail,
            ));
        }
        for (list, name) in [(&event.sources, "sourceList"), (&event.destinations, "destinationList")] {
            let missing: Vec<&str> = needed(guideline)
                .iter()
                .copied()
                .filter(|kind| party(list, kind).is_none())
                .collect();
            if !missing.is_empty() {
                let detail = format!("no {} in {name}", missing.join(" and no "));
                findings.push(Finding::new(
                    FindingCode::MissingSourceDestination,
                    format!("{pointer}{wrapper}/{name}"),
                    detail,
                ));
            }
        }
    }
    findings.extend(documents(event, pointer));
    findings
}

/// Which ends of a shipment must be named.
const fn needed(guideline: Guideline) -> &'static [&'static str] {
    match guideline {
        Guideline::UsR12 | Guideline::UsR13 => &["owning_party", "location"],
        Guideline::EuFmd => &["possessing_party"],
    }
}

fn party<'a>(list: &'a [SourceDest], kind: &str) -> Option<&'a SourceDest> {
    list.iter().find(|end| end.kind.as_str() == kind)
}

/// Business documents are named by the GLN of who issued them (CBV 2.0 clause 8.5): orders by the buyer's, despatch advices and
/// invoices by the seller's.
fn documents(event: &Event, pointer: &str) -> Vec<Finding> {
    let owner = |list: &[SourceDest]| party(list, "owning_party").and_then(|end| end.id.gln());
    let (seller, buyer) = (owner(&event.sources), owner(&event.destinations));
    let mut findings = Vec::new();
    for document in &event.biz_transactions {
        let Some(rest) = document.id.strip_prefix("urn:epcglobal:cbv:bt:") else {
            continue;
        };
        let place = format!("{pointer}/bizTransactionList");
        let shown: String = document.id.chars().take(80).collect();
        let Some(issuer) = rest.split(':').next().and_then(|gln| gln.parse::<Gln>().ok()) else {
            let detail = format!("`{shown}` begins with no GLN");
            findings.push(Finding::new(FindingCode::BizTransactionGln, place, detail));
            continue;
        };
        let (side, expected) = match document.kind.as_ref().map(|kind| kind.as_str()) {
            Some("po") => ("buyer", buyer),
            Some("desadv" | "inv") => ("seller", seller),
            Some(_) | None => continue,
        };
        if expected.is_some_and(|expected| expected != issuer) {
            let detail = format!("`{shown}` is not named by the GLN of the {side}");
            findings.push(Finding::new(FindingCode::BizTransactionOwner, place, detail));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for guideline in Guideline::ALL {
            assert_eq!(guideline.as_str().parse(), Ok(guideline));
        }
        assert!("gs1-us".parse::<Guideline>().is_err());
    }

    fn codes(findings: &[Finding]) -> Vec<FindingCode> {
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_header_is_held_against_the_release_that_is_agreed() {
        let good = Above {
            pointer: "/epcisHeader",
            statement: Some(Some(true)),
            version: Some("GS1 US DSCSA R1.3"),
            code_types: &["US_FDA_NDC"],
        };
        let check = |guideline, above: Above<'_>, ships, expect: &[FindingCode]| {
            assert_eq!(codes(&document(guideline, &above, ships)), expect, "{guideline} {above:?}");
        };
        check(Guideline::UsR13, good, true, &[]);
        check(
            Guideline::UsR12,
            good,
            true,
            &[FindingCode::GuidelineVersion, FindingCode::NdcTypeMix],
        );
        check(Guideline::EuFmd, Above { statement: None, ..good }, true, &[]);
        for statement in [Some(Some(false)), Some(None)] {
            check(
                Guideline::UsR13,
                Above { statement, ..good },
                false,
                &[FindingCode::StatementNotAffirmed],
            );
        }
        check(
            Guideline::UsR13,
            Above { statement: None, ..good },
            true,
            &[FindingCode::MissingStatement],
        );
        check(Guideline::UsR13, Above { statement: None, ..good }, false, &[]);
        check(
            Guideline::UsR13,
            Above { version: None, ..good },
            true,
            &[FindingCode::GuidelineVersion],
        );
        let old = Above {
            version: None,
            code_types: &["FDA_NDC_11"],
            ..good
        };
        check(Guideline::UsR12, old, true, &[]);
        check(
            Guideline::UsR13,
            Above {
                version: good.version,
                ..old
            },
            true,
            &[FindingCode::NdcTypeMix],
        );
    }
}
