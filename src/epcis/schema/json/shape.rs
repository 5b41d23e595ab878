//! The shapes of EPCIS 2.0.0 JSON: the definitions of its schema as tables.

use crate::epcis::vocabulary::Vocabulary;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
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
pub(super) type Least = usize;

/// Whether no item may stand twice.
pub(super) type Distinct = bool;

/// Which names an object may have besides its properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Any,
    Uri,
    None,
}

#[derive(Debug)]
pub(super) struct Members {
    pub(super) properties: &'static [(&'static str, Shape)],
    pub(super) required: &'static [&'static str],
    pub(super) names: Names,
}

pub(super) const URIS: Shape = Shape::List(&Shape::Uri, 0, false);
pub(super) const DISTINCT: Shape = Shape::List(&Shape::Uri, 0, true);
pub(super) const QUANTITIES: Shape = Shape::List(&Shape::Object(&QUANTITY), 0, false);
pub(super) const TRANSACTIONS: Shape = Shape::List(&Shape::Object(&TRANSACTION), 0, false);
pub(super) const SOME_TRANSACTIONS: Shape = Shape::List(&Shape::Object(&TRANSACTION), 1, false);
pub(super) const STEP: Shape = Shape::Term(Vocabulary::BizStep);
pub(super) const DISPOSITION: Shape = Shape::Term(Vocabulary::Disposition);
pub(super) const DISPOSITIONS: Shape = Shape::List(&DISPOSITION, 1, true);
pub(super) const ENDPOINT_TYPE: Shape = Shape::Term(Vocabulary::SourceDestType);

pub(super) static QUANTITY: Members = Members {
    properties: &[("epcClass", Shape::Uri), ("quantity", Shape::Number), ("uom", Shape::Unit)],
    required: &["epcClass"],
    names: Names::None,
};
pub(super) static TRANSACTION: Members = Members {
    properties: &[
        ("type", Shape::Term(Vocabulary::BizTransactionType)),
        ("bizTransaction", Shape::Uri),
    ],
    required: &["bizTransaction"],
    names: Names::None,
};
pub(super) static SOURCE: Members = Members {
    properties: &[("type", ENDPOINT_TYPE), ("source", Shape::Uri)],
    required: &["type", "source"],
    names: Names::None,
};
pub(super) static DESTINATION: Members = Members {
    properties: &[("type", ENDPOINT_TYPE), ("destination", Shape::Uri)],
    required: &["type", "destination"],
    names: Names::None,
};
pub(super) static PLACE: Members = Members {
    properties: &[("id", Shape::Uri)],
    required: &["id"],
    names: Names::Any,
};
pub(super) static PERSISTENT: Members = Members {
    properties: &[("set", DISPOSITIONS), ("unset", DISPOSITIONS)],
    required: &[],
    names: Names::None,
};
pub(super) static ILMD: Members = Members {
    properties: &[],
    required: &[],
    names: Names::Uri,
};
pub(super) static ERROR: Members = Members {
    properties: &[
        ("declarationTime", Shape::Time),
        ("reason", Shape::Term(Vocabulary::ErrorReason)),
        ("correctiveEventIDs", URIS),
    ],
    required: &["declarationTime"],
    names: Names::Uri,
};
pub(super) static SENSOR_ELEMENT: Members = Members {
    properties: &[
        ("sensorMetadata", Shape::Object(&SENSOR_METADATA)),
        ("sensorReport", Shape::List(&Shape::Object(&SENSOR_REPORT), 1, false)),
    ],
    required: &["sensorReport"],
    names: Names::Uri,
};
pub(super) static SENSOR_METADATA: Members = Members {
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
pub(super) static SENSOR_REPORT: Members = Members {
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
pub(super) static ATTRIBUTE: Members = Members {
    properties: &[("id", Shape::Uri)],
    required: &["id"],
    names: Names::Any,
};
pub(super) static VOCABULARY_ELEMENT: Members = Members {
    properties: &[
        ("id", Shape::Uri),
        ("attributes", Shape::List(&Shape::Object(&ATTRIBUTE), 0, false)),
        ("children", URIS),
    ],
    required: &["id"],
    names: Names::Any,
};
pub(super) static VOCABULARY: Members = Members {
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
pub(super) static MASTER_DATA: Members = Members {
    properties: &[("vocabularyList", Shape::List(&Shape::Object(&VOCABULARY), 0, false))],
    required: &[],
    names: Names::Any,
};
pub(super) static HEADER: Members = Members {
    properties: &[("epcisMasterData", Shape::Object(&MASTER_DATA))],
    required: &[],
    names: Names::Uri,
};
pub(super) static DOCUMENT: Members = Members {
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
pub(super) static QUERY_DOCUMENT: Members = Members {
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
pub(super) const COMMON: &[(&str, Shape)] = &[
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
pub(super) const PERSISTENT_DISPOSITION: (&str, Shape) = ("persistentDisposition", Shape::Object(&PERSISTENT));
/// The schema names the field for these types and forgets to say what it holds.
pub(super) const ANY_DISPOSITION: (&str, Shape) = ("persistentDisposition", Shape::Any);

/// Fields of one type of event besides the common ones, and what it must have besides time and zone.
pub(super) type Own = (&'static [(&'static str, Shape)], &'static [&'static str]);

pub(super) const OBJECT: Own = (
    &[
        ("epcList", DISTINCT),
        ("quantityList", QUANTITIES),
        ("action", Shape::Action),
        ("ilmd", Shape::Object(&ILMD)),
        PERSISTENT_DISPOSITION,
    ],
    &["action"],
);
pub(super) const AGGREGATION: Own = (
    &[
        ("parentID", Shape::Uri),
        ("childEPCs", URIS),
        ("childQuantityList", QUANTITIES),
        ("action", Shape::Action),
        ANY_DISPOSITION,
    ],
    &["action"],
);
pub(super) const TRANSACTING: Own = (
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
pub(super) const TRANSFORMATION: Own = (
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
pub(super) const ASSOCIATION: Own = (
    &[
        ("parentID", Shape::Uri),
        ("childEPCs", URIS),
        ("childQuantityList", QUANTITIES),
        ("action", Shape::Action),
        ANY_DISPOSITION,
    ],
    &["action", "parentID"],
);

pub(super) fn own(kind: &str) -> Option<Own> {
    Some(match kind {
        "ObjectEvent" => OBJECT,
        "AggregationEvent" => AGGREGATION,
        "TransactionEvent" => TRANSACTING,
        "TransformationEvent" => TRANSFORMATION,
        "AssociationEvent" => ASSOCIATION,
        _ => return None,
    })
}
