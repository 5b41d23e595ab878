//! Holds events and documents of EPCIS 2.0.0 JSON against what the JSON Schema of the standard says, formats included.
//!
//! The shapes are those of the schema's definitions. Objects whose names are not closed take any further name that is a URI
//! (`prefix:name` is one); extensions themselves are not looked into.

use std::collections::HashSet;

use super::super::reading::{Reading, quoted};
use super::super::tree::{Kind, View};
use super::super::vocabulary::Vocabulary;
use super::super::vocabulary::measurement;
use super::datatype;
use crate::domain::finding::FindingCode;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Any,
    Text,
    Number,
    Boolean,
    Uri,
    Time,
    HexBinary,
    Offset,
    Unit,
    Version,
    Action,
    /// A bare term of the vocabulary, or a URI that is not the vocabulary's own.
    Term(Vocabulary),
    /// The same for types of measurements and alerts.
    Measurement,
    Alert,
    /// `@context`: a URI, an object, or an array of both.
    Context,
    /// One URI or an array of them.
    Uris,
    List(&'static Shape, Least, Distinct),
    Object(&'static Members),
}

/// The fewest items of a list.
type Least = usize;

/// Whether no item may stand twice.
type Distinct = bool;

/// Which names an object may have besides its properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Any,
    Uri,
    None,
}

#[derive(Debug)]
struct Members {
    properties: &'static [(&'static str, Shape)],
    required: &'static [&'static str],
    names: Names,
}

const URIS: Shape = Shape::List(&Shape::Uri, 0, false);
const DISTINCT: Shape = Shape::List(&Shape::Uri, 0, true);
const QUANTITIES: Shape = Shape::List(&Shape::Object(&QUANTITY), 0, false);
const TRANSACTIONS: Shape = Shape::List(&Shape::Object(&TRANSACTION), 0, false);
const SOME_TRANSACTIONS: Shape = Shape::List(&Shape::Object(&TRANSACTION), 1, false);
const STEP: Shape = Shape::Term(Vocabulary::BizStep);
const DISPOSITION: Shape = Shape::Term(Vocabulary::Disposition);
const DISPOSITIONS: Shape = Shape::List(&DISPOSITION, 1, true);
const ENDPOINT_TYPE: Shape = Shape::Term(Vocabulary::SourceDestType);

static QUANTITY: Members = Members {
    properties: &[("epcClass", Shape::Uri), ("quantity", Shape::Number), ("uom", Shape::Unit)],
    required: &["epcClass"],
    names: Names::None,
};
static TRANSACTION: Members = Members {
    properties: &[
        ("type", Shape::Term(Vocabulary::BizTransactionType)),
        ("bizTransaction", Shape::Uri),
    ],
    required: &["bizTransaction"],
    names: Names::None,
};
static SOURCE: Members = Members {
    properties: &[("type", ENDPOINT_TYPE), ("source", Shape::Uri)],
    required: &["type", "source"],
    names: Names::None,
};
static DESTINATION: Members = Members {
    properties: &[("type", ENDPOINT_TYPE), ("destination", Shape::Uri)],
    required: &["type", "destination"],
    names: Names::None,
};
static PLACE: Members = Members {
    properties: &[("id", Shape::Uri)],
    required: &["id"],
    names: Names::Any,
};
static PERSISTENT: Members = Members {
    properties: &[("set", DISPOSITIONS), ("unset", DISPOSITIONS)],
    required: &[],
    names: Names::None,
};
static ILMD: Members = Members {
    properties: &[],
    required: &[],
    names: Names::Uri,
};
static ERROR: Members = Members {
    properties: &[
        ("declarationTime", Shape::Time),
        ("reason", Shape::Term(Vocabulary::ErrorReason)),
        ("correctiveEventIDs", URIS),
    ],
    required: &["declarationTime"],
    names: Names::Uri,
};
static SENSOR_ELEMENT: Members = Members {
    properties: &[
        ("sensorMetadata", Shape::Object(&SENSOR_METADATA)),
        ("sensorReport", Shape::List(&Shape::Object(&SENSOR_REPORT), 1, false)),
    ],
    required: &["sensorReport"],
    names: Names::Uri,
};
static SENSOR_METADATA: Members = Members {
    properties: &[
        ("time", Shape::Time),
        ("deviceID", Shape::Uri),
        ("deviceMetadata", Shape::Uri),
        ("rawData", Shape::Uri),
        ("startTime", Shape::Time),
        ("endTime", Shape::Time),
        ("dataProcessingMethod", Shape::Uri),
        ("bizRules", Shape::Uri),
    ],
    required: &[],
    names: Names::Uri,
};
static SENSOR_REPORT: Members = Members {
    properties: &[
        ("type", Shape::Measurement),
        ("exception", Shape::Alert),
        ("deviceID", Shape::Uri),
        ("deviceMetadata", Shape::Uri),
        ("rawData", Shape::Uri),
        ("dataProcessingMethod", Shape::Uri),
        ("bizRules", Shape::Uri),
        ("time", Shape::Time),
        ("microorganism", Shape::Uri),
        ("chemicalSubstance", Shape::Uri),
        ("coordinateReferenceSystem", Shape::Uri),
        ("value", Shape::Number),
        ("component", Shape::Term(Vocabulary::Component)),
        ("stringValue", Shape::Text),
        ("booleanValue", Shape::Boolean),
        ("hexBinaryValue", Shape::HexBinary),
        ("uriValue", Shape::Uri),
        ("minValue", Shape::Number),
        ("maxValue", Shape::Number),
        ("meanValue", Shape::Number),
        ("sDev", Shape::Number),
        ("percRank", Shape::Number),
        ("percValue", Shape::Number),
        ("uom", Shape::Text),
    ],
    required: &["type"],
    names: Names::Uri,
};

// The header.
static ATTRIBUTE: Members = Members {
    properties: &[("id", Shape::Uri)],
    required: &["id"],
    names: Names::Any,
};
static VOCABULARY_ELEMENT: Members = Members {
    properties: &[
        ("id", Shape::Uri),
        ("attributes", Shape::List(&Shape::Object(&ATTRIBUTE), 0, false)),
        ("children", URIS),
    ],
    required: &["id"],
    names: Names::Any,
};
static VOCABULARY: Members = Members {
    properties: &[
        ("type", Shape::Uri),
        (
            "vocabularyElementList",
            Shape::List(&Shape::Object(&VOCABULARY_ELEMENT), 0, false),
        ),
    ],
    required: &["type"],
    names: Names::Any,
};
static MASTER_DATA: Members = Members {
    properties: &[("vocabularyList", Shape::List(&Shape::Object(&VOCABULARY), 0, false))],
    required: &[],
    names: Names::Any,
};
static HEADER: Members = Members {
    properties: &[("epcisMasterData", Shape::Object(&MASTER_DATA))],
    required: &[],
    names: Names::Uri,
};
static DOCUMENT: Members = Members {
    properties: &[
        ("@context", Shape::Context),
        ("id", Shape::Uri),
        ("type", Shape::Text),
        ("schemaVersion", Shape::Version),
        ("creationDate", Shape::Time),
        ("instanceIdentifier", Shape::Text),
        ("sender", Shape::Text),
        ("receiver", Shape::Text),
        ("epcisHeader", Shape::Object(&HEADER)),
        ("epcisBody", Shape::Any),
    ],
    required: &["@context", "type", "schemaVersion", "creationDate"],
    names: Names::Uri,
};
static QUERY_DOCUMENT: Members = Members {
    properties: &[
        ("@context", Shape::Context),
        ("id", Shape::Uri),
        ("type", Shape::Text),
        ("schemaVersion", Shape::Version),
        ("creationDate", Shape::Time),
        ("epcisBody", Shape::Any),
    ],
    required: &["@context", "type"],
    names: Names::Uri,
};

/// Fields that every event has.
const COMMON: &[(&str, Shape)] = &[
    ("@context", Shape::Context),
    ("type", Shape::Text),
    ("eventTime", Shape::Time),
    ("recordTime", Shape::Time),
    ("eventTimeZoneOffset", Shape::Offset),
    ("eventID", Shape::Uri),
    ("certificationInfo", Shape::Uris),
    ("errorDeclaration", Shape::Object(&ERROR)),
    ("bizStep", STEP),
    ("disposition", DISPOSITION),
    ("readPoint", Shape::Object(&PLACE)),
    ("bizLocation", Shape::Object(&PLACE)),
    ("bizTransactionList", TRANSACTIONS),
    ("sourceList", Shape::List(&Shape::Object(&SOURCE), 0, false)),
    ("destinationList", Shape::List(&Shape::Object(&DESTINATION), 0, false)),
    ("sensorElementList", Shape::List(&Shape::Object(&SENSOR_ELEMENT), 0, false)),
];
const PERSISTENT_DISPOSITION: (&str, Shape) = ("persistentDisposition", Shape::Object(&PERSISTENT));
/// The schema names the field for these types and forgets to say what it holds.
const ANY_DISPOSITION: (&str, Shape) = ("persistentDisposition", Shape::Any);

/// Fields of one type of event besides the common ones, and what it must have besides time and zone.
type Own = (&'static [(&'static str, Shape)], &'static [&'static str]);

const OBJECT: Own = (
    &[
        ("epcList", DISTINCT),
        ("quantityList", QUANTITIES),
        ("action", Shape::Action),
        ("ilmd", Shape::Object(&ILMD)),
        PERSISTENT_DISPOSITION,
    ],
    &["action"],
);
const AGGREGATION: Own = (
    &[
        ("parentID", Shape::Uri),
        ("childEPCs", URIS),
        ("childQuantityList", QUANTITIES),
        ("action", Shape::Action),
        ANY_DISPOSITION,
    ],
    &["action"],
);
const TRANSACTING: Own = (
    &[
        ("bizTransactionList", SOME_TRANSACTIONS),
        ("parentID", Shape::Uri),
        ("epcList", URIS),
        ("quantityList", QUANTITIES),
        ("action", Shape::Action),
        ANY_DISPOSITION,
    ],
    &["bizTransactionList", "action"],
);
const TRANSFORMATION: Own = (
    &[
        ("inputEPCList", DISTINCT),
        ("inputQuantityList", QUANTITIES),
        ("outputEPCList", DISTINCT),
        ("outputQuantityList", QUANTITIES),
        ("transformationID", Shape::Uri),
        ("ilmd", Shape::Object(&ILMD)),
        PERSISTENT_DISPOSITION,
    ],
    &[],
);
const ASSOCIATION: Own = (
    &[
        ("parentID", Shape::Uri),
        ("childEPCs", URIS),
        ("childQuantityList", QUANTITIES),
        ("action", Shape::Action),
        ANY_DISPOSITION,
    ],
    &["action", "parentID"],
);

fn own(kind: &str) -> Option<Own> {
    Some(match kind {
        "ObjectEvent" => OBJECT,
        "AggregationEvent" => AGGREGATION,
        "TransactionEvent" => TRANSACTING,
        "TransformationEvent" => TRANSFORMATION,
        "AssociationEvent" => ASSOCIATION,
        _ => return None,
    })
}

/// Holds an event against its schema.
pub(in crate::epcis) fn event(reading: &mut Reading<'_>, root: View<'_>, base: &str) {
    let Some(kind) = root.get("type") else {
        return no_type(reading, root, base);
    };
    let Some((properties, required)) = own(kind.value()) else {
        if !datatype::uri(kind.value()) {
            reading.find(
                FindingCode::SchemaValue,
                kind,
                base,
                format!("{} is no event type", quoted(kind.value())),
            );
        }
        return;
    };
    for member in root.members() {
        let name = member.local();
        let found = properties.iter().chain(COMMON).find(|(known, _)| *known == name);
        match found {
            Some((_, shape)) => value(reading, member, base, *shape),
            None => unknown(reading, member, base, Names::Uri),
        }
    }
    for name in ["eventTime", "eventTimeZoneOffset"].iter().chain(required) {
        missing(reading, root, base, name);
    }
    combination(reading, root, base, kind.value());
}

/// A document or event that does not say what it is.
fn no_type(reading: &mut Reading<'_>, root: View<'_>, base: &str) {
    match root.get("isA") {
        Some(draft) => reading.find(FindingCode::SchemaUnknown, draft, base, "`isA` must be `type`"),
        None => reading.find(FindingCode::SchemaMissing, root, base, "the schema asks for `type`"),
    }
}

/// What must stand together, by type (the `anyOf` of each type's definition).
fn combination(reading: &mut Reading<'_>, root: View<'_>, base: &str, kind: &str) {
    let has = |name: &str, least: usize| {
        let list = root.get(name).filter(|list| list.kind() == Kind::Array);
        list.is_some_and(|list| list.children().take(least.max(1)).count() >= least)
    };
    let delete = root.get("action").is_some_and(|action| action.value() == "DELETE") || root.get("action").is_none();
    let good = match kind {
        "ObjectEvent" => {
            has("epcList", 0) || has("quantityList", 1) || has("sensorElementList", 1) && root.get("readPoint").is_some()
        }
        "TransactionEvent" => delete || has("epcList", 0) || has("quantityList", 1),
        "AggregationEvent" | "AssociationEvent" => delete || has("childEPCs", 1) || has("childQuantityList", 1),
        "TransformationEvent" => {
            let input = has("inputEPCList", 1) || has("inputQuantityList", 1);
            let output = has("outputEPCList", 1) || has("outputQuantityList", 1);
            input && output || root.get("transformationID").is_some() && (input || output)
        }
        _ => true,
    };
    if !good {
        reading.find(
            FindingCode::SchemaMissing,
            root,
            base,
            "the schema asks for a list of what the event is about",
        );
    }
    let description = root.get("ilmd").filter(|_| kind == "ObjectEvent");
    let add = root.get("action").is_none_or(|action| action.value() == "ADD");
    if let Some(description) = description.filter(|_| !add) {
        reading.find(
            FindingCode::SchemaUnknown,
            description,
            base,
            "the schema has `ilmd` only with action ADD",
        );
    }
}

/// What of a body was met, by the names of the schema.
#[derive(Debug, Default)]
pub(in crate::epcis) struct Body {
    pub(in crate::epcis) event_list: bool,
    pub(in crate::epcis) query_results: bool,
    pub(in crate::epcis) query_name: bool,
    pub(in crate::epcis) results_body: bool,
    pub(in crate::epcis) result_list: bool,
}

/// Holds all of a document but its events against its schema.
pub(in crate::epcis) fn document(reading: &mut Reading<'_>, root: View<'_>, body: Option<&Body>) {
    let Some(kind) = root.get("type") else {
        return no_type(reading, root, "");
    };
    let query = kind.value() == "EPCISQueryDocument";
    let declared = if query { &QUERY_DOCUMENT } else { &DOCUMENT };
    members(reading, root, "", declared);
    let Some(body) = body else { return };
    let asked = if query {
        [
            ("queryResults", body.query_results),
            ("queryName", body.query_name),
            ("resultsBody", body.results_body),
            ("eventList", body.result_list),
        ]
    } else {
        [("eventList", body.event_list), ("", true), ("", true), ("", true)]
    };
    if let Some((name, _)) = asked.into_iter().find(|(_, found)| !found) {
        let detail = format!("the schema asks for `{name}` inside");
        reading.findings.push(crate::domain::finding::Finding::new(
            FindingCode::SchemaMissing,
            "/epcisBody",
            detail,
        ));
    }
}

fn members(reading: &mut Reading<'_>, object: View<'_>, base: &str, declared: &'static Members) {
    for member in object.members() {
        let found = declared.properties.iter().find(|(known, _)| *known == member.local());
        match found {
            Some((_, shape)) => value(reading, member, base, *shape),
            None => unknown(reading, member, base, declared.names),
        }
    }
    for name in declared.required {
        missing(reading, object, base, name);
    }
}

fn unknown(reading: &mut Reading<'_>, member: View<'_>, base: &str, names: Names) {
    let good = match names {
        Names::Any => true,
        Names::Uri => datatype::uri(member.local()),
        Names::None => false,
    };
    if !good {
        let detail = format!("the schema has no member {} here", quoted(member.local()));
        reading.find(FindingCode::SchemaUnknown, member, base, detail);
    }
}

fn missing(reading: &mut Reading<'_>, object: View<'_>, base: &str, name: &str) {
    if object.get(name).is_none() {
        reading.find(
            FindingCode::SchemaMissing,
            object,
            base,
            format!("the schema asks for `{name}`"),
        );
    }
}

fn value(reading: &mut Reading<'_>, view: View<'_>, base: &str, shape: Shape) {
    let kind = match shape {
        Shape::Any => return,
        Shape::Number => Kind::Number,
        Shape::Boolean => Kind::Bool,
        Shape::List(..) => Kind::Array,
        Shape::Object(_) => Kind::Object,
        Shape::Context | Shape::Uris if view.kind() == Kind::Array => Kind::Array,
        Shape::Context if view.kind() == Kind::Object => Kind::Object,
        Shape::Text
        | Shape::Uri
        | Shape::Time
        | Shape::HexBinary
        | Shape::Offset
        | Shape::Unit
        | Shape::Version
        | Shape::Action
        | Shape::Term(_)
        | Shape::Measurement
        | Shape::Alert
        | Shape::Context
        | Shape::Uris => Kind::Text,
    };
    if view.kind() != kind {
        return reading.find(FindingCode::SchemaKind, view, base, format!("must be {}", word(kind)));
    }
    match shape {
        Shape::Object(declared) => members(reading, view, base, declared),
        Shape::List(item, least, distinct) => list(reading, view, base, item, least, distinct),
        Shape::Uris if kind == Kind::Array => view.children().for_each(|item| value(reading, item, base, Shape::Uri)),
        Shape::Context if kind == Kind::Array => context(reading, view, base),
        Shape::Context if kind == Kind::Object => {}
        Shape::Any | Shape::Number | Shape::Boolean | Shape::Text => {}
        Shape::Uri
        | Shape::Time
        | Shape::HexBinary
        | Shape::Offset
        | Shape::Unit
        | Shape::Version
        | Shape::Action
        | Shape::Term(_)
        | Shape::Measurement
        | Shape::Alert
        | Shape::Context
        | Shape::Uris => {
            if let Some(expected) = mismatch(shape, view.value()) {
                reading.find(
                    FindingCode::SchemaValue,
                    view,
                    base,
                    format!("{} is no {expected}", quoted(view.value())),
                );
            }
        }
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::Text | Kind::Attribute => "a string",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
        Kind::Null => "null",
    }
}

fn list(reading: &mut Reading<'_>, view: View<'_>, base: &str, item: &'static Shape, least: usize, distinct: bool) {
    let (mut count, mut seen, mut twice) = (0, HashSet::new(), false);
    for child in view.children() {
        count += 1;
        value(reading, child, base, *item);
        twice |= distinct && child.kind() == Kind::Text && !seen.insert(child.value());
    }
    if count < least {
        reading.find(
            FindingCode::SchemaEmptyList,
            view,
            base,
            "the schema asks for at least one item",
        );
    }
    if twice {
        reading.find(FindingCode::SchemaRepeated, view, base, "the schema allows each item once");
    }
}

fn context(reading: &mut Reading<'_>, view: View<'_>, base: &str) {
    let (mut seen, mut twice) = (HashSet::new(), false);
    for child in view.children() {
        value(reading, child, base, Shape::Context);
        twice |= child.kind() == Kind::Text && !seen.insert(child.value());
    }
    if twice {
        reading.find(FindingCode::SchemaRepeated, view, base, "the schema allows each item once");
    }
}

/// What the text of a value should be and is not.
fn mismatch(shape: Shape, text: &str) -> Option<&'static str> {
    let foreign = |starts: &[&str]| datatype::uri(text) && !starts.iter().any(|start| text.starts_with(start));
    let (good, expected) = match shape {
        Shape::Uri | Shape::Context | Shape::Uris => (datatype::uri(text), "URI"),
        Shape::Time => (datatype::rfc3339(text), "time of RFC 3339 with its zone"),
        Shape::HexBinary => (
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "text of hexadecimal digits",
        ),
        Shape::Offset => (offset(text), "offset such as +01:00"),
        Shape::Unit => (
            matches!(text.len(), 2..=3) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            "unit of two or three capital letters and digits",
        ),
        Shape::Version => (version(text), "version such as 2.0"),
        Shape::Action => (matches!(text, "ADD" | "OBSERVE" | "DELETE"), "ADD, OBSERVE or DELETE"),
        Shape::Term(vocabulary) => (
            vocabulary.terms().contains(&text)
                || foreign(&["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"]),
            "bare term of CBV 2.0, and no URI of another vocabulary",
        ),
        Shape::Measurement => (
            measurement::is_bare(text) || foreign(VOC),
            "measurement type of GS1, and no URI of another vocabulary",
        ),
        Shape::Alert => (
            matches!(text, "ALARM_CONDITION" | "ERROR_CONDITION") || foreign(VOC),
            "alert type of GS1, and no URI of another vocabulary",
        ),
        Shape::Any | Shape::Text | Shape::Number | Shape::Boolean | Shape::List(..) | Shape::Object(_) => (true, ""),
    };
    (!good).then_some(expected)
}

/// GS1's own web vocabulary, whose types are sent bare.
const VOC: &[&str] = &[
    "http://gs1.org/voc/",
    "https://gs1.org/voc/",
    "http://www.gs1.org/voc/",
    "https://www.gs1.org/voc/",
];

fn offset(text: &str) -> bool {
    let bytes = text.as_bytes();
    let &[b'+' | b'-', h1, h2, b':', m1, m2] = bytes else {
        return false;
    };
    let hours = h1.is_ascii_digit() && h2.is_ascii_digit() && (h1 == b'0' || h1 == b'1' && h2 <= b'3');
    hours && (b'0'..=b'5').contains(&m1) && m2.is_ascii_digit() || &text[1..] == "14:00"
}

fn version(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
