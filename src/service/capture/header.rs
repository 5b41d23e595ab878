//! What stands above the events, made ready to be looked for: who to whom, master data, the transaction statement.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::guideline::{self, Guideline};
use crate::epcis::MediaType;
use crate::epcis::check::{MAX_TEXT_BYTES, is_long};
use crate::epcis::document::Header;
use crate::epcis::statement::{MasterElement, guideline_version, master_data, transaction_statement};
use crate::storage::document as store;

/// A header as it is stored.
pub(super) struct Kept {
    pub(super) header: store::Header,
    pub(super) elements: Vec<store::MasterElement>,
    /// Master data that contradict one another.
    pub(super) findings: Vec<Finding>,
}

pub(super) fn kept(header: &Header, media: MediaType) -> Kept {
    let elements = master_data(header);
    let statement = transaction_statement(header).map(|statement| store::Statement {
        affirmed: statement.affirmed,
        legal_notice: statement.legal_notice.map(String::from),
    });
    let named = |correspondent: &Option<crate::epcis::Correspondent>| correspondent.as_ref().map(|it| it.identifier.to_string());
    Kept {
        header: store::Header {
            sender: named(&header.sender),
            receiver: named(&header.receiver),
            instance_id: header.instance_id.as_deref().map(str::to_owned),
            statement,
        },
        findings: contradictions(&elements, media),
        elements: elements.into_iter().map(element).collect(),
    }
}

/// What is wrong with a header by the rules of a guideline. `ships`: an event of the document is a sale.
pub(super) fn held_against(rules: Guideline, (header, kept): (&Header, &Kept), media: MediaType, ships: bool) -> Vec<Finding> {
    let types: BTreeSet<&str> = kept
        .elements
        .iter()
        .flat_map(|element| &element.attributes)
        .filter(|(name, _)| name.ends_with("additionalTradeItemIdentificationTypeCode"))
        .map(|(_, value)| value.as_str())
        .collect();
    let types: Vec<&str> = types.into_iter().collect();
    let version = guideline_version(header);
    let above = guideline::Above {
        pointer: match media {
            MediaType::Xml => "//EPCISHeader",
            MediaType::Json => "/epcisHeader",
        },
        statement: kept.header.statement.as_ref().map(|statement| statement.affirmed),
        version: version.as_deref(),
        code_types: &types,
    };
    guideline::document(rules, &above, ships)
}

/// Identifiers of master data that are longer than what is looked for may be.
pub(super) fn too_long(kept: &Kept, media: MediaType) -> Option<Finding> {
    let mut named = kept
        .elements
        .iter()
        .flat_map(|element| element.children.iter().chain([&element.id]));
    let id = named.find(|id| is_long(id))?;
    let shown: String = id.chars().take(80).collect();
    let detail = format!("`{shown}…` is longer than {MAX_TEXT_BYTES} bytes");
    Some(Finding::new(FindingCode::TooLong, place_of(media), detail))
}

fn place_of(media: MediaType) -> &'static str {
    match media {
        MediaType::Xml => "//EPCISMasterData",
        MediaType::Json => "/epcisHeader/epcisMasterData",
    }
}

fn element(element: MasterElement) -> store::MasterElement {
    let attributes = element.attributes.into_iter();
    store::MasterElement {
        vocabulary: element.vocabulary.into(),
        id: element.id,
        attributes: attributes.map(|(name, value)| (name.into(), value.into())).collect(),
        children: element.children,
    }
}

/// An identifier may come more than once; what is said of it must be the same each time.
fn contradictions(elements: &[MasterElement], media: MediaType) -> Vec<Finding> {
    let pointer = place_of(media);
    let mut told = BTreeMap::<(&str, &str), BTreeSet<&str>>::new();
    let mut contradicted = BTreeSet::<(&str, &str)>::new();
    for element in elements {
        let mut here = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (name, value) in &element.attributes {
            here.entry(name).or_default().insert(value);
        }
        for (name, values) in here {
            let known = told.entry((&element.id, name)).or_insert_with(|| values.clone());
            if *known != values {
                contradicted.insert((&element.id, name));
            }
        }
    }
    let finding = |(id, name): (&str, &str)| {
        let (id, name): (String, String) = (id.chars().take(80).collect(), name.chars().take(80).collect());
        Finding::new(FindingCode::MasterDataConflict, pointer, format!("`{name}` of `{id}`"))
    };
    contradicted.into_iter().map(finding).collect()
}
