//! One EPCIS event in the form the hub keeps, whichever syntax it came in (EPCIS 2.0 clause 7).
//!
//! All five event types share this one shape: the fields a type does not have are empty. What a type
//! must have is checked by [`super::finding`]'s rules at capture, not by this type, because an event
//! that breaks a rule must still be shown to the partner who sent it.
//!
//! What it deliberately does not hold: `recordTime` (the hub's own), who sent it, and which document
//! it stood in. Those are facts about the capture and live beside it.

use serde::{Deserialize, Serialize};

use super::gs1::{Epc, EpcClass};
use super::time::Micros;

/// EPCIS 2.0 event types; a 1.x `QuantityEvent` becomes an [`EventType::Object`] with a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// `ObjectEvent`
    Object,
    /// `AggregationEvent`
    Aggregation,
    /// `TransactionEvent`
    Transaction,
    /// `TransformationEvent`
    Transformation,
    /// `AssociationEvent`
    Association,
}

/// EPCIS 2.0 clause 7.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Created or associated now.
    Add,
    /// Seen; no change of state.
    Observe,
    /// Gone, or taken apart.
    Delete,
}

/// A CBV term by its bare name (`shipping`), or any other URI as it stands.
///
/// `urn:epcglobal:cbv:bizstep:shipping`, `https://ref.gs1.org/cbv/BizStep-shipping` and `shipping`
/// are one term; `epcis` parses and prints the spellings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub Box<str>);

impl Term {
    /// The bare CBV name, or the URI where it is none of CBV's.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Which of the five.
    pub kind: EventType,
    /// Absent on transformations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// When it happened, in UTC, to the microsecond.
    pub event_time: Micros,
    /// `eventTimeZoneOffset` as minutes east of UTC; for display, it does not shift `event_time`.
    pub offset_minutes: i16,
    /// `eventID` as sent. Not unique: an error declaration repeats it (EPCIS 2.0 clause 7.4.1.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Box<str>>,
    /// Says that an earlier event with the same content was in error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_declaration: Option<ErrorDeclaration>,
    /// `certificationInfo` URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certification_info: Vec<Box<str>>,

    /// `parentID` of an aggregation, association or transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Epc>,
    /// `epcList`, or `childEPCs` of an aggregation or association.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epcs: Vec<Epc>,
    /// `quantityList`, or `childQuantityList`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<Quantity>,
    /// `inputEPCList` of a transformation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_epcs: Vec<Epc>,
    /// `inputQuantityList` of a transformation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_quantities: Vec<Quantity>,
    /// `outputEPCList` of a transformation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_epcs: Vec<Epc>,
    /// `outputQuantityList` of a transformation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_quantities: Vec<Quantity>,
    /// `transformationID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformation_id: Option<Box<str>>,

    /// `bizStep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_step: Option<Term>,
    /// `disposition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Term>,
    /// `persistentDisposition` (2.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_disposition: Option<PersistentDisposition>,
    /// `readPoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_point: Option<Location>,
    /// `bizLocation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_location: Option<Location>,
    /// `bizTransactionList`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub biz_transactions: Vec<BizTransaction>,
    /// `sourceList`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceDest>,
    /// `destinationList`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<SourceDest>,
    /// `sensorElementList` (2.0), kept as nodes: the hub passes sensor data on and does not reckon with it yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensor_elements: Vec<Node>,
    /// Children of `ilmd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ilmd: Vec<Node>,
    /// User extensions at event level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Node>,
}

impl Event {
    /// An event with nothing but the fields every event has.
    #[must_use]
    pub fn new(kind: EventType, action: Option<Action>, event_time: Micros, offset_minutes: i16) -> Self {
        Self {
            kind,
            action,
            event_time,
            offset_minutes,
            event_id: None,
            error_declaration: None,
            certification_info: Vec::new(),
            parent: None,
            epcs: Vec::new(),
            quantities: Vec::new(),
            input_epcs: Vec::new(),
            input_quantities: Vec::new(),
            output_epcs: Vec::new(),
            output_quantities: Vec::new(),
            transformation_id: None,
            biz_step: None,
            disposition: None,
            persistent_disposition: None,
            read_point: None,
            biz_location: None,
            biz_transactions: Vec::new(),
            sources: Vec::new(),
            destinations: Vec::new(),
            sensor_elements: Vec::new(),
            ilmd: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// The bare name of the business step, `""` if none.
    #[must_use]
    pub fn step(&self) -> &str {
        self.biz_step.as_ref().map_or("", Term::as_str)
    }

    /// `cbvmda:lotNumber` of the ILMD, trimmed.
    #[must_use]
    pub fn lot(&self) -> Option<&str> {
        self.ilmd_text(CBV_MDA, "lotNumber")
    }

    /// `cbvmda:itemExpirationDate` of the ILMD, as sent (`xsd:date`).
    #[must_use]
    pub fn expiry(&self) -> Option<&str> {
        self.ilmd_text(CBV_MDA, "itemExpirationDate")
    }

    fn ilmd_text(&self, namespace: &str, local: &str) -> Option<&str> {
        let node = self
            .ilmd
            .iter()
            .find(|node| &*node.name.namespace == namespace && &*node.name.local == local)?;
        node.text().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Every EPC the event names, with the part it plays.
    pub fn roles(&self) -> impl Iterator<Item = (EpcRole, &Epc)> {
        let listed = match self.kind {
            EventType::Aggregation | EventType::Association => EpcRole::Child,
            EventType::Object | EventType::Transaction | EventType::Transformation => EpcRole::Object,
        };
        let all = |role, epcs| <[Epc]>::iter(epcs).map(move |epc| (role, epc));
        self.parent
            .iter()
            .map(|epc| (EpcRole::Parent, epc))
            .chain(all(listed, &self.epcs))
            .chain(all(EpcRole::Input, &self.input_epcs))
            .chain(all(EpcRole::Output, &self.output_epcs))
    }
}

/// Namespace of the CBV master data attributes that pharma puts in ILMD.
pub const CBV_MDA: &str = "urn:epcglobal:cbv:mda";

/// The part an EPC plays in an event. The number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum EpcRole {
    /// In `epcList`.
    Object = 0,
    /// `parentID`.
    Parent = 1,
    /// In `childEPCs`.
    Child = 2,
    /// In `inputEPCList`.
    Input = 3,
    /// In `outputEPCList`.
    Output = 4,
}

/// EPCIS 2.0 clause 7.4.1.4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorDeclaration {
    /// When the error was declared.
    pub declaration_time: Micros,
    /// `did_not_occur` or `incorrect_data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Term>,
    /// Events that say what really happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrective_event_ids: Vec<Box<str>>,
    /// User extensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Node>,
}

/// An amount of a class of things: `quantityElement`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// GTIN class, lot class, or any class URI.
    pub class: EpcClass,
    /// The decimal as sent, without trailing zeros; absent where only the class is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Box<str>>,
    /// UN/ECE Recommendation 20 unit; absent means "each".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uom: Option<Box<str>>,
}

/// A read point or business location.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// SGLN, or any URI.
    pub id: Epc,
    /// User extensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Node>,
}

/// A business document the event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BizTransaction {
    /// `po`, `desadv`, `inv`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Term>,
    /// `urn:epcglobal:cbv:bt:<gln>:<id>`, GDTI or any URI.
    pub id: Box<str>,
}

/// One endpoint of a transfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceDest {
    /// `owning_party`, `possessing_party` or `location`.
    pub kind: Term,
    /// PGLN, SGLN or any URI.
    pub id: Epc,
}

/// Conditions that stay until they are unset (2.0).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistentDisposition {
    /// Now true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Term>,
    /// No longer true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<Term>,
}

/// A name with its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// Namespace URI; empty for an un-namespaced name (seen from SAP).
    #[serde(rename = "ns", default, skip_serializing_if = "str::is_empty")]
    pub namespace: Box<str>,
    /// Local name.
    pub local: Box<str>,
    /// The prefix it came with: a preference when printed, never part of the identity.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub prefix: Box<str>,
}

/// An extension element, kept whole: XML element or JSON member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// XML attributes (or JSON-LD `@…` keys), in the order sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(Name, Box<str>)>,
    /// What it contains.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub content: Content,
}

impl Node {
    /// The text of a node that holds nothing else.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) | Content::Number(text) => Some(text),
            Content::Bool(true) => Some("true"),
            Content::Bool(false) => Some("false"),
            Content::Empty | Content::Nodes(_) | Content::Mixed(_) => None,
        }
    }
}

/// The inside of a [`Node`]. Numbers and booleans are told apart so that JSON comes back as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Nothing: `<a/>` or `null`.
    #[default]
    Empty,
    /// Character data.
    Text(Box<str>),
    /// A JSON number, in the digits it came in.
    Number(Box<str>),
    /// A JSON boolean.
    Bool(bool),
    /// Child elements only. A JSON array is its elements repeated under one name.
    Nodes(Vec<Node>),
    /// Text between elements.
    Mixed(Vec<MixedPart>),
}

impl Content {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// One part of mixed content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MixedPart {
    /// Character data.
    Text(Box<str>),
    /// An element.
    Node(Node),
}

impl MixedPart {
    /// The element, if it is one.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            Self::Text(_) => None,
        }
    }

    /// The character data, if it is that.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Node(_) => None,
        }
    }
}
