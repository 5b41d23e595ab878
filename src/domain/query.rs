//! What a query asks of an event, and whether an event answers it (EPCIS 2.0 clause 8.2.7.1, `SimpleEventQuery`).
//!
//! A query is a list of clauses that all must hold; within a clause one of its values is enough. It is held against the
//! event as its reader may see it, so that nothing can be found by what is hidden. Names of parameters are not known here:
//! `epcis` reads and prints them.

pub mod field;
mod matching;
pub mod order;
pub mod pattern;
pub mod schedule;
pub mod sensor;
pub mod unit;

use self::field::{Compare, FieldName, FieldTest};
use self::order::Order;
use self::pattern::{ClassPattern, EpcPattern};
use self::sensor::{NumberTest, SensorNumber, SensorText, SensorTime};
use super::event::{Action, Event, EventType, Term};
use super::gs1::Epc;
use super::time::Micros;

/// A query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// All must hold.
    pub clauses: Vec<Clause>,
    /// In which order the events are answered; none: newest record first.
    pub order: Option<Order>,
    /// How many.
    pub count: Count,
}

/// How many events are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Count {
    /// All, page by page.
    #[default]
    All,
    /// `eventCountLimit`: the first so many in the order asked for.
    First(usize),
    /// `maxEventCount`: none at all if there are more.
    AtMost(usize),
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause {
    /// `eventType`; empty where only types were named that the hub has none of.
    Kind(Vec<EventType>),
    /// `GE_eventTime`, `LT_eventTime`
    EventTime(Compare, Micros),
    /// `GE_recordTime`, `LT_recordTime`
    RecordTime(Compare, Micros),
    /// `EQ_action`
    Action(Vec<Action>),
    /// `EQ_bizStep` and its like.
    Term(TermField, Vec<Term>),
    /// `EQ_readPoint`, `WD_readPoint`, …
    Place {
        /// Which place.
        field: PlaceField,
        /// One of these.
        ids: Vec<Epc>,
        /// Or below one of these.
        descendants: bool,
    },
    /// `EQ_bizTransaction_…`
    Transaction {
        /// Of this type.
        kind: Term,
        /// One of these.
        ids: Vec<Box<str>>,
    },
    /// `EQ_source_…`, `EQ_destination_…`
    Endpoint {
        /// Which list.
        side: Side,
        /// Of this type.
        kind: Term,
        /// One of these.
        ids: Vec<Epc>,
    },
    /// `EQ_transformationID`
    Transformation(Vec<Box<str>>),
    /// `MATCH_epc` and its like.
    Epc(EpcField, Vec<EpcPattern>),
    /// `MATCH_epcClass` and its like.
    Class(ClassField, Vec<ClassPattern>),
    /// `EQ_quantity`, `GT_quantity_KGM`, …
    Quantity {
        /// In this unit; none: whatever the unit.
        unit: Option<Box<str>>,
        /// What is asked.
        test: NumberTest,
    },
    /// `EQ_eventID`
    EventId(Vec<Box<str>>),
    /// `EXISTS_errorDeclaration`
    DeclaresError,
    /// `GE_errorDeclaration_Time`, `LT_errorDeclaration_Time`
    DeclarationTime(Compare, Micros),
    /// `EQ_correctiveEventID`
    CorrectiveId(Vec<Box<str>>),
    /// `EXISTS_sensorElementList`
    HasSensors,
    /// `GE_time`, `LT_startTime`, …
    SensorTime(SensorTime, Compare, Micros),
    /// `EQ_deviceID` and its like.
    SensorText(SensorText, Vec<Box<str>>),
    /// `GE_value_CEL`, `LT_percRank`, …
    SensorNumber {
        /// Which number.
        field: SensorNumber,
        /// In this unit.
        unit: Option<Box<str>>,
        /// What is asked.
        test: NumberTest,
    },
    /// An extension field.
    Field {
        /// Where it stands.
        within: Within,
        /// Anywhere below the fields there, instead of being one of them.
        inner: bool,
        /// Its name.
        name: FieldName,
        /// What is asked of it.
        test: FieldTest,
    },
    /// `HASATTR_…`, `EQ_ATTR_…` of a standard field: an attribute of the master data of its value.
    MasterData {
        /// Which field.
        field: MasterField,
        /// Which attribute.
        test: AttributeTest,
    },
}

/// A field that holds a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermField {
    /// `bizStep`
    BizStep,
    /// `disposition`
    Disposition,
    /// `persistentDisposition/set`
    Set,
    /// `persistentDisposition/unset`
    Unset,
    /// `errorDeclaration/reason`
    ErrorReason,
}

/// A field that holds a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceField {
    /// `readPoint`
    ReadPoint,
    /// `bizLocation`
    BizLocation,
}

/// The two ends of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `sourceList`
    Source,
    /// `destinationList`
    Destination,
}

/// Lists of EPCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpcField {
    /// `epcList` or `childEPCs`
    Listed,
    /// `parentID`
    Parent,
    /// `inputEPCList`
    Input,
    /// `outputEPCList`
    Output,
    /// All of them.
    Any,
}

/// Lists of quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassField {
    /// `quantityList` or `childQuantityList`
    Listed,
    /// `inputQuantityList`
    Input,
    /// `outputQuantityList`
    Output,
    /// All of them.
    Any,
}

/// Where extension fields stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// In the event.
    Event,
    /// In its ILMD.
    Ilmd,
    /// In its error declaration.
    ErrorDeclaration,
    /// In a place.
    Place(PlaceField),
    /// In its sensor elements.
    Sensor(SensorPart),
}

/// Parts of a sensor element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorPart {
    /// The element itself.
    Element,
    /// `sensorMetadata`
    Metadata,
    /// `sensorReport`
    Report,
}

/// Fields whose values have master data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterField {
    /// `readPoint`
    ReadPoint,
    /// `bizLocation`
    BizLocation,
    /// `epcClass` of a quantity
    Class,
    /// `source`
    Source,
    /// `destination`
    Destination,
}

/// What is asked of master data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeTest {
    /// Has one of these.
    Has(Vec<Box<str>>),
    /// Has it with one of these values.
    Equals(Box<str>, Vec<Box<str>>),
}

/// An event as one reader sees it, with what the hub added.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Masked.
    pub event: &'a Event,
    /// `eventID` as sent, or the one the hub made.
    pub event_id: &'a str,
    /// When the hub took it.
    pub record_time: Micros,
}

/// What must be known beside the event: master data.
pub trait Knowledge {
    /// Whether a place is below another.
    fn is_below(&self, place: &Epc, above: &Epc) -> bool;
    /// The values of an attribute of the master data of an identifier (any URI); empty if it has none.
    fn attribute(&self, id: &str, attribute: &str) -> Vec<String>;
}

impl Query {
    /// Whether the event answers it.
    #[must_use]
    pub fn matches(&self, subject: Subject<'_>, knows: &impl Knowledge) -> bool {
        self.clauses.iter().all(|clause| clause.holds(subject, knows))
    }
}
