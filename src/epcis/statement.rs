//! What a header says, taken out of the form it came in: master data (EPCIS 2.0 clause 10, CBV 2.0 clause 9), the statement of the
//! US DSCSA and the version of its guideline.
//!
//! Attributes that have a structure of their own are in the document alone.

use super::document::Header;
use super::escape::NONE;
use super::header::form::{Form, children};
use crate::domain::event::Node;
use crate::domain::gs1::{Epc, EpcClass};

/// `VocabularyElement`: what one identifier stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterElement {
    /// `type` of its vocabulary.
    pub vocabulary: Box<str>,
    /// The identifier in its canonical form ([`canonical_id`]).
    pub id: String,
    /// Name and value of each attribute, in the order sent.
    pub attributes: Vec<(Box<str>, Box<str>)>,
    /// Identifiers below it, in their canonical forms.
    pub children: Vec<String>,
}

/// `gs1ushc:dscsaTransactionStatement` (FD&C Act section 581(27), GS1 US implementation guideline).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionStatement {
    /// `affirmTransactionStatement`: `None` where it says neither true nor false.
    pub affirmed: Option<bool>,
    /// `legalNotice`, as sent.
    pub legal_notice: Option<Box<str>>,
}

/// The one form of an identifier, whatever its spelling: that of a thing, place or party, of a class, or the text as it stands.
#[must_use]
pub fn canonical_id(text: &str) -> String {
    let text = text.trim();
    if let Ok(class) = text.parse::<EpcClass>()
        && class.gtin().is_some()
    {
        return class.canonical().to_owned();
    }
    text.parse::<Epc>()
        .map_or_else(|_| text.to_owned(), |epc| epc.canonical().to_owned())
}

/// The master data of a header. What has no identifier is left out.
#[must_use]
pub fn master_data(header: &Header) -> Vec<MasterElement> {
    let mut found = Vec::new();
    for vocabulary in Form::of(header).vocabularies {
        for element in vocabulary.elements {
            if element.id.is_empty() || &*element.id == NONE {
                continue;
            }
            let attributes = element.attributes.iter().filter_map(|(name, value)| {
                let value = Node::text(&super::header::form::attribute(name, value))?.trim().into();
                Some((name.clone(), value))
            });
            found.push(MasterElement {
                vocabulary: vocabulary.kind.clone(),
                id: canonical_id(&element.id),
                attributes: attributes.collect(),
                children: element.children.iter().map(|child| canonical_id(child)).collect(),
            });
        }
    }
    found
}

/// The transaction statement of a header, if it has one.
#[must_use]
pub fn transaction_statement(header: &Header) -> Option<TransactionStatement> {
    let form = Form::of(header);
    let node = find(&form.extensions, "dscsaTransactionStatement")?;
    let parts = children(node);
    let part = |local: &str| {
        let part = parts.iter().find(|part| &*part.name.local == local)?;
        part.text().map(str::trim).filter(|text| !text.is_empty())
    };
    Some(TransactionStatement {
        affirmed: part("affirmTransactionStatement").and_then(|text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }),
        legal_notice: part("legalNotice").map(Into::into),
    })
}

/// `gs1ushc:guidelineVersion` of a header, as sent.
#[must_use]
pub fn guideline_version(header: &Header) -> Option<Box<str>> {
    let form = Form::of(header);
    let text = find(&form.extensions, "guidelineVersion")?.text()?.trim();
    Some(text.into())
}

/// An extension of that name, whatever namespace its sender has for it.
fn find<'a>(nodes: &'a [Node], local: &str) -> Option<&'a Node> {
    nodes
        .iter()
        .find(|node| &*node.name.local == local && !node.name.namespace.is_empty())
}
