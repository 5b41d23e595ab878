//! The content models of EPCIS 1.2 and 2.0 XML and of the Standard Business Document Header 1.3.
//!
//! Transcribed from the standards: EPCIS 1.2 clause 9.5, EPCIS 2.0 clause 9.5, UN/CEFACT SBDH 1.3. Frames (document, body, event
//! list) stand here too, though the reader walks them itself.

use super::super::document::Syntax;
use super::datatype::Datatype;

/// Namespace of the Standard Business Document Header.
pub(in crate::epcis) const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";
/// Start of the namespaces of the query interface.
pub(in crate::epcis) const QUERY: &str = "urn:epcglobal:epcis-query:xsd:";

/// An attribute.
#[derive(Debug)]
pub(in crate::epcis) struct Attribute {
    pub(in crate::epcis) name: &'static str,
    pub(in crate::epcis) datatype: Datatype,
    pub(in crate::epcis) needed: bool,
}

/// An element's type.
#[derive(Debug)]
pub(in crate::epcis) struct Element {
    pub(in crate::epcis) attributes: &'static [Attribute],
    /// Whether any other attribute may stand too.
    pub(in crate::epcis) open: bool,
    /// Whether it is of the Standard Business Document Header.
    pub(in crate::epcis) header: bool,
    /// Whether it may say that it has no value (`xsi:nil`).
    pub(in crate::epcis) nillable: bool,
    pub(in crate::epcis) content: Content,
}

/// What an element holds.
#[derive(Debug)]
pub(in crate::epcis) enum Content {
    Simple(Datatype),
    /// In this order.
    Sequence(&'static [Particle]),
    /// Any of them, as often as one likes.
    Choice(&'static [Particle]),
    /// One of them, once.
    One(&'static [Particle]),
    /// Text and elements of any kind.
    Anything,
}

/// A place in a content model.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) struct Particle {
    pub(in crate::epcis) term: Term,
    pub(in crate::epcis) needed: bool,
    pub(in crate::epcis) many: bool,
}

/// What stands in it.
#[derive(Debug, Clone, Copy)]
pub(in crate::epcis) enum Term {
    /// An element without namespace.
    Local(&'static str, &'static Element),
    /// An element of the Standard Business Document Header.
    Header(&'static str, &'static Element),
    /// An element of the query interface.
    Query(&'static str, &'static Element),
    /// Anything of another namespace.
    Other,
    /// Anything without namespace.
    Local0,
}

const fn part(term: Term, needed: bool, many: bool) -> Particle {
    Particle { term, needed, many }
}
const fn one(name: &'static str, declared: &'static Element) -> Particle {
    part(Term::Local(name, declared), true, false)
}
const fn opt(name: &'static str, declared: &'static Element) -> Particle {
    part(Term::Local(name, declared), false, false)
}
const fn any(name: &'static str, declared: &'static Element) -> Particle {
    part(Term::Local(name, declared), false, true)
}
const fn some(name: &'static str, declared: &'static Element) -> Particle {
    part(Term::Local(name, declared), true, true)
}
const fn head(name: &'static str, declared: &'static Element, needed: bool, many: bool) -> Particle {
    part(Term::Header(name, declared), needed, many)
}
/// Elements of other namespaces, behind all else.
const OTHER: Particle = part(Term::Other, false, true);

const fn need(name: &'static str, datatype: Datatype) -> Attribute {
    Attribute {
        name,
        datatype,
        needed: true,
    }
}
const fn may(name: &'static str, datatype: Datatype) -> Attribute {
    Attribute {
        name,
        datatype,
        needed: false,
    }
}

const fn element(attributes: &'static [Attribute], open: bool, content: Content) -> Element {
    Element {
        attributes,
        open,
        header: false,
        nillable: false,
        content,
    }
}
const fn simple(datatype: Datatype) -> Element {
    element(&[], false, Content::Simple(datatype))
}
/// A sequence that takes any attribute.
const fn open(particles: &'static [Particle]) -> Element {
    element(&[], true, Content::Sequence(particles))
}
/// A sequence without attributes.
const fn closed(particles: &'static [Particle]) -> Element {
    element(&[], false, Content::Sequence(particles))
}
const fn header(content: Content) -> Element {
    Element {
        attributes: &[],
        open: false,
        header: true,
        nillable: false,
        content,
    }
}

const fn amount(datatype: Datatype) -> Element {
    Element {
        attributes: &[],
        open: false,
        header: false,
        nillable: true,
        content: Content::Simple(datatype),
    }
}

static TEXT: Element = simple(Datatype::Text);
static URI: Element = simple(Datatype::AnyUri);
static TIME: Element = simple(Datatype::DateTime);
static STAMP: Element = simple(Datatype::DateTimeStamp);
static ACTION: Element = simple(Datatype::Action);
static INT: Element = simple(Datatype::Int);

// Wrappers that a later version may fill: anything without namespace, or of another one.
static LOCALS: Element = open(&[part(Term::Local0, true, true)]);
static LOCALS_CLOSED: Element = closed(&[part(Term::Local0, true, true)]);
static OTHERS: Element = open(&[part(Term::Other, true, true)]);

// Lists.
static EPCS: Element = closed(&[any("epc", &TEXT)]);
static AMOUNT_1: Element = amount(Datatype::Decimal);
static AMOUNT_2: Element = amount(Datatype::Double);
static QUANTITY_1: Element = closed(&[one("epcClass", &URI), opt("quantity", &AMOUNT_1), opt("uom", &TEXT)]);
static QUANTITY_2: Element = closed(&[one("epcClass", &URI), opt("quantity", &AMOUNT_2), opt("uom", &TEXT)]);
static QUANTITIES_1: Element = closed(&[any("quantityElement", &QUANTITY_1)]);
static QUANTITIES_2: Element = closed(&[any("quantityElement", &QUANTITY_2)]);
static TRANSACTION: Element = element(&[may("type", Datatype::AnyUri)], false, Content::Simple(Datatype::AnyUri));
static TRANSACTIONS: Element = closed(&[some("bizTransaction", &TRANSACTION)]);
static ENDPOINT: Element = element(&[need("type", Datatype::AnyUri)], false, Content::Simple(Datatype::AnyUri));
static SOURCES: Element = closed(&[some("source", &ENDPOINT)]);
static DESTINATIONS: Element = closed(&[some("destination", &ENDPOINT)]);
static PLACE: Element = closed(&[one("id", &URI), opt("extension", &LOCALS), OTHER]);
static ILMD: Element = open(&[opt("extension", &LOCALS), OTHER]);
static PERSISTENT: Element = closed(&[any("unset", &URI), any("set", &URI)]);
static CORRECTIVE: Element = closed(&[any("correctiveEventID", &URI)]);
static ERROR_1: Element = open(&[
    one("declarationTime", &TIME),
    opt("reason", &URI),
    opt("correctiveEventIDs", &CORRECTIVE),
    opt("extension", &LOCALS),
    OTHER,
]);
static ERROR_2: Element = element(
    &[],
    true,
    Content::Choice(&[
        any("declarationTime", &STAMP),
        any("reason", &URI),
        any("correctiveEventIDs", &CORRECTIVE),
        any("extension", &LOCALS),
        OTHER,
    ]),
);

// Sensors, of 2.0 alone.
static SENSOR_METADATA: Element = element(
    &[
        may("time", Datatype::DateTimeStamp),
        may("deviceID", Datatype::AnyUri),
        may("deviceMetadata", Datatype::AnyUri),
        may("rawData", Datatype::AnyUri),
        may("startTime", Datatype::DateTimeStamp),
        may("endTime", Datatype::DateTimeStamp),
        may("bizRules", Datatype::AnyUri),
        may("dataProcessingMethod", Datatype::AnyUri),
    ],
    true,
    Content::Simple(Datatype::Text),
);
static SENSOR_REPORT: Element = element(
    &[
        may("type", Datatype::AnyUri),
        may("value", Datatype::Double),
        may("component", Datatype::AnyUri),
        may("stringValue", Datatype::Text),
        may("booleanValue", Datatype::Boolean),
        may("hexBinaryValue", Datatype::HexBinary),
        may("uriValue", Datatype::AnyUri),
        may("uom", Datatype::Text),
        may("minValue", Datatype::Double),
        may("maxValue", Datatype::Double),
        may("sDev", Datatype::Double),
        may("chemicalSubstance", Datatype::AnyUri),
        may("microorganism", Datatype::AnyUri),
        may("deviceID", Datatype::AnyUri),
        may("deviceMetadata", Datatype::AnyUri),
        may("rawData", Datatype::AnyUri),
        may("time", Datatype::DateTimeStamp),
        may("meanValue", Datatype::Double),
        may("percRank", Datatype::Double),
        may("percValue", Datatype::Double),
        may("dataProcessingMethod", Datatype::AnyUri),
        may("coordinateReferenceSystem", Datatype::AnyUri),
        may("exception", Datatype::AnyUri),
    ],
    true,
    Content::Simple(Datatype::Text),
);
static SENSOR_ELEMENT: Element = closed(&[
    opt("sensorMetadata", &SENSOR_METADATA),
    some("sensorReport", &SENSOR_REPORT),
    opt("extension", &LOCALS),
    OTHER,
]);
static SENSORS: Element = closed(&[some("sensorElement", &SENSOR_ELEMENT), opt("extension", &LOCALS)]);

// Events of 1.2: what 1.1 and 1.2 added stands in `extension` and `baseExtension`.
static BASE_1: Element = open(&[
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_1),
    opt("extension", &LOCALS),
]);
static OBJECT_EXTENSION_1: Element = open(&[
    opt("quantityList", &QUANTITIES_1),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("ilmd", &ILMD),
    opt("extension", &LOCALS),
]);
static AGGREGATION_EXTENSION_1: Element = open(&[
    opt("childQuantityList", &QUANTITIES_1),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("extension", &LOCALS),
]);
static TRANSACTION_EXTENSION_1: Element = open(&[
    opt("quantityList", &QUANTITIES_1),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("extension", &LOCALS),
]);
static OBJECT_1: Element = open(&[
    one("eventTime", &TIME),
    opt("recordTime", &TIME),
    one("eventTimeZoneOffset", &TEXT),
    opt("baseExtension", &BASE_1),
    one("epcList", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("extension", &OBJECT_EXTENSION_1),
    OTHER,
]);
static AGGREGATION_1: Element = open(&[
    one("eventTime", &TIME),
    opt("recordTime", &TIME),
    one("eventTimeZoneOffset", &TEXT),
    opt("baseExtension", &BASE_1),
    opt("parentID", &URI),
    one("childEPCs", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("extension", &AGGREGATION_EXTENSION_1),
    OTHER,
]);
static QUANTITY_EVENT_1: Element = open(&[
    one("eventTime", &TIME),
    opt("recordTime", &TIME),
    one("eventTimeZoneOffset", &TEXT),
    opt("baseExtension", &BASE_1),
    one("epcClass", &URI),
    one("quantity", &INT),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("extension", &LOCALS),
    OTHER,
]);
static TRANSACTION_1: Element = open(&[
    one("eventTime", &TIME),
    opt("recordTime", &TIME),
    one("eventTimeZoneOffset", &TEXT),
    opt("baseExtension", &BASE_1),
    one("bizTransactionList", &TRANSACTIONS),
    opt("parentID", &URI),
    one("epcList", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("extension", &TRANSACTION_EXTENSION_1),
    OTHER,
]);
static TRANSFORMATION_1: Element = open(&[
    one("eventTime", &TIME),
    opt("recordTime", &TIME),
    one("eventTimeZoneOffset", &TEXT),
    opt("baseExtension", &BASE_1),
    opt("inputEPCList", &EPCS),
    opt("inputQuantityList", &QUANTITIES_1),
    opt("outputEPCList", &EPCS),
    opt("outputQuantityList", &QUANTITIES_1),
    opt("transformationID", &URI),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("ilmd", &ILMD),
    opt("extension", &LOCALS),
    OTHER,
]);

// Events of 2.0.
static OBJECT_2: Element = open(&[
    one("eventTime", &STAMP),
    opt("recordTime", &STAMP),
    one("eventTimeZoneOffset", &TEXT),
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_2),
    opt("certificationInfo", &URI),
    opt("baseExtension", &OTHERS),
    opt("epcList", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("quantityList", &QUANTITIES_2),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("sensorElementList", &SENSORS),
    opt("persistentDisposition", &PERSISTENT),
    opt("ilmd", &ILMD),
    opt("extension", &OTHERS),
    OTHER,
]);
static AGGREGATION_2: Element = open(&[
    one("eventTime", &STAMP),
    opt("recordTime", &STAMP),
    one("eventTimeZoneOffset", &TEXT),
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_2),
    opt("certificationInfo", &URI),
    opt("baseExtension", &OTHERS),
    opt("parentID", &URI),
    opt("childEPCs", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("childQuantityList", &QUANTITIES_2),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("sensorElementList", &SENSORS),
    opt("persistentDisposition", &PERSISTENT),
    opt("extension", &OTHERS),
    OTHER,
]);
static TRANSACTION_2: Element = open(&[
    one("eventTime", &STAMP),
    opt("recordTime", &STAMP),
    one("eventTimeZoneOffset", &TEXT),
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_2),
    opt("certificationInfo", &URI),
    opt("baseExtension", &OTHERS),
    one("bizTransactionList", &TRANSACTIONS),
    opt("parentID", &URI),
    opt("epcList", &EPCS),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("quantityList", &QUANTITIES_2),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("sensorElementList", &SENSORS),
    opt("persistentDisposition", &PERSISTENT),
    opt("extension", &OTHERS),
    OTHER,
]);
static TRANSFORMATION_2: Element = open(&[
    one("eventTime", &STAMP),
    opt("recordTime", &STAMP),
    one("eventTimeZoneOffset", &TEXT),
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_2),
    opt("certificationInfo", &URI),
    opt("baseExtension", &OTHERS),
    opt("inputEPCList", &EPCS),
    opt("inputQuantityList", &QUANTITIES_2),
    opt("outputEPCList", &EPCS),
    opt("outputQuantityList", &QUANTITIES_2),
    opt("transformationID", &URI),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("sensorElementList", &SENSORS),
    opt("persistentDisposition", &PERSISTENT),
    opt("ilmd", &ILMD),
    opt("extension", &OTHERS),
    OTHER,
]);
static ASSOCIATION_2: Element = open(&[
    one("eventTime", &STAMP),
    opt("recordTime", &STAMP),
    one("eventTimeZoneOffset", &TEXT),
    opt("eventID", &URI),
    opt("errorDeclaration", &ERROR_2),
    opt("certificationInfo", &URI),
    opt("baseExtension", &OTHERS),
    one("parentID", &URI),
    opt("childEPCs", &EPCS),
    opt("childQuantityList", &QUANTITIES_2),
    one("action", &ACTION),
    opt("bizStep", &URI),
    opt("disposition", &URI),
    opt("readPoint", &PLACE),
    opt("bizLocation", &PLACE),
    opt("bizTransactionList", &TRANSACTIONS),
    opt("sourceList", &SOURCES),
    opt("destinationList", &DESTINATIONS),
    opt("sensorElementList", &SENSORS),
    opt("persistentDisposition", &PERSISTENT),
    opt("extension", &OTHERS),
    OTHER,
]);

/// The declaration of an event; `None` where the version has none of that name.
pub(in crate::epcis) fn event(syntax: Syntax, local: &str) -> Option<&'static Element> {
    match (syntax, local) {
        (Syntax::Xml1, "ObjectEvent") => Some(&OBJECT_1),
        (Syntax::Xml1, "AggregationEvent") => Some(&AGGREGATION_1),
        (Syntax::Xml1, "QuantityEvent") => Some(&QUANTITY_EVENT_1),
        (Syntax::Xml1, "TransactionEvent") => Some(&TRANSACTION_1),
        (Syntax::Xml1, "TransformationEvent") => Some(&TRANSFORMATION_1),
        (Syntax::Xml2, "ObjectEvent") => Some(&OBJECT_2),
        (Syntax::Xml2, "AggregationEvent") => Some(&AGGREGATION_2),
        (Syntax::Xml2, "TransactionEvent") => Some(&TRANSACTION_2),
        (Syntax::Xml2, "TransformationEvent") => Some(&TRANSFORMATION_2),
        (Syntax::Xml2, "AssociationEvent") => Some(&ASSOCIATION_2),
        (Syntax::Xml1 | Syntax::Xml2 | Syntax::Json, _) => None,
    }
}

// Master data.
static ATTRIBUTE: Element = element(&[need("id", Datatype::AnyUri)], true, Content::Anything);
static CHILDREN: Element = open(&[any("id", &URI)]);
static VOCABULARY_ELEMENT: Element = element(
    &[need("id", Datatype::AnyUri)],
    true,
    Content::Sequence(&[
        any("attribute", &ATTRIBUTE),
        opt("children", &CHILDREN),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static VOCABULARY_ELEMENTS: Element = closed(&[some("VocabularyElement", &VOCABULARY_ELEMENT)]);
static VOCABULARY: Element = element(
    &[need("type", Datatype::AnyUri)],
    true,
    Content::Sequence(&[
        opt("VocabularyElementList", &VOCABULARY_ELEMENTS),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
/// `VocabularyList`, of the header and of master data documents.
pub(in crate::epcis) static VOCABULARIES: Element = closed(&[any("Vocabulary", &VOCABULARY)]);
static MASTER_DATA: Element = closed(&[one("VocabularyList", &VOCABULARIES), opt("extension", &LOCALS_CLOSED)]);

// The Standard Business Document Header.
static IDENTIFICATION: Element = Element {
    attributes: &[may("Authority", Datatype::Text)],
    open: false,
    header: true,
    nillable: false,
    content: Content::Simple(Datatype::Text),
};
static CONTACT: Element = header(Content::Sequence(&[
    head("Contact", &TEXT, true, false),
    head("EmailAddress", &TEXT, false, false),
    head("FaxNumber", &TEXT, false, false),
    head("TelephoneNumber", &TEXT, false, false),
    head("ContactTypeIdentifier", &TEXT, false, false),
]));
static PARTNER: Element = header(Content::Sequence(&[
    head("Identifier", &IDENTIFICATION, true, false),
    head("ContactInformation", &CONTACT, false, true),
]));
static BOOLEAN: Element = simple(Datatype::Boolean);
static INTEGER: Element = simple(Datatype::Integer);
static DOCUMENT_IDENTIFICATION: Element = header(Content::Sequence(&[
    head("Standard", &TEXT, true, false),
    head("TypeVersion", &TEXT, true, false),
    head("InstanceIdentifier", &TEXT, true, false),
    head("Type", &TEXT, true, false),
    head("MultipleType", &BOOLEAN, false, false),
    head("CreationDateAndTime", &TIME, true, false),
]));
static MANIFEST_ITEM: Element = header(Content::Sequence(&[
    head("MimeTypeQualifierCode", &TEXT, true, false),
    head("UniformResourceIdentifier", &URI, true, false),
    head("Description", &TEXT, false, false),
    head("LanguageCode", &TEXT, false, false),
]));
static MANIFEST: Element = header(Content::Sequence(&[
    head("NumberOfItems", &INTEGER, true, false),
    head("ManifestItem", &MANIFEST_ITEM, true, true),
]));
static CORRELATION: Element = header(Content::Sequence(&[
    head("RequestingDocumentCreationDateTime", &TIME, false, false),
    head("RequestingDocumentInstanceIdentifier", &TEXT, false, false),
    head("ExpectedResponseDateTime", &TIME, false, false),
]));
static SERVICE_TRANSACTION: Element = Element {
    attributes: &[
        may("TypeOfServiceTransaction", Datatype::ServiceTransaction),
        may("IsNonRepudiationRequired", Datatype::Text),
        may("IsAuthenticationRequired", Datatype::Text),
        may("IsNonRepudiationOfReceiptRequired", Datatype::Text),
        may("IsIntegrityCheckRequired", Datatype::Text),
        may("IsApplicationErrorResponseRequested", Datatype::Text),
        may("TimeToAcknowledgeReceipt", Datatype::Text),
        may("TimeToAcknowledgeAcceptance", Datatype::Text),
        may("TimeToPerform", Datatype::Text),
        may("Recurrence", Datatype::Text),
    ],
    open: false,
    header: true,
    nillable: false,
    content: Content::Sequence(&[]),
};
static SERVICE: Element = header(Content::Sequence(&[
    head("BusinessServiceName", &TEXT, false, false),
    head("ServiceTransaction", &SERVICE_TRANSACTION, false, false),
]));
// `ScopeInformation` is abstract: these two stand for it, in any order.
static SCOPE: Element = header(Content::Sequence(&[
    head("Type", &TEXT, true, false),
    head("InstanceIdentifier", &TEXT, true, false),
    head("Identifier", &TEXT, false, false),
    head("CorrelationInformation", &CORRELATION, false, true),
    head("BusinessService", &SERVICE, false, true),
    head("CorrelationInformation", &CORRELATION, false, true),
]));
static SCOPES: Element = header(Content::Sequence(&[head("Scope", &SCOPE, false, true)]));
/// `StandardBusinessDocumentHeader`.
pub(in crate::epcis) static HEADER: Element = header(Content::Sequence(&[
    head("HeaderVersion", &TEXT, true, false),
    head("Sender", &PARTNER, true, true),
    head("Receiver", &PARTNER, true, true),
    head("DocumentIdentification", &DOCUMENT_IDENTIFICATION, true, false),
    head("Manifest", &MANIFEST, false, false),
    head("BusinessScope", &SCOPES, false, false),
]));
static HEADER_EXTENSION: Element = open(&[opt("EPCISMasterData", &MASTER_DATA), opt("extension", &LOCALS)]);
static EPCIS_HEADER_1: Element = open(&[
    head("StandardBusinessDocumentHeader", &HEADER, true, false),
    opt("extension", &HEADER_EXTENSION),
    OTHER,
]);
static EPCIS_HEADER_2: Element = open(&[
    head("StandardBusinessDocumentHeader", &HEADER, false, false),
    opt("extension", &HEADER_EXTENSION),
]);

// Frames.
static EVENT_WRAPPER_1: Element = element(
    &[],
    false,
    Content::One(&[any("TransformationEvent", &TRANSFORMATION_1), any("extension", &LOCALS)]),
);
static EVENTS_1: Element = element(
    &[],
    false,
    Content::Choice(&[
        any("ObjectEvent", &OBJECT_1),
        any("AggregationEvent", &AGGREGATION_1),
        any("QuantityEvent", &QUANTITY_EVENT_1),
        any("TransactionEvent", &TRANSACTION_1),
        any("extension", &EVENT_WRAPPER_1),
        OTHER,
    ]),
);
static EVENTS_2: Element = element(
    &[],
    true,
    Content::Choice(&[
        any("ObjectEvent", &OBJECT_2),
        any("AggregationEvent", &AGGREGATION_2),
        any("TransformationEvent", &TRANSFORMATION_2),
        any("TransactionEvent", &TRANSACTION_2),
        any("AssociationEvent", &ASSOCIATION_2),
        any("extension", &OTHERS),
    ]),
);
const DOCUMENT: &[Attribute] = &[
    need("schemaVersion", Datatype::Decimal),
    need("creationDate", Datatype::DateTime),
];
/// The other messages of the query interface, which hold no events.
static ASKED: Element = element(&[], true, Content::Anything);
const fn query(name: &'static str, declared: &'static Element) -> Particle {
    part(Term::Query(name, declared), true, false)
}
static BODY_1: Element = open(&[opt("EventList", &EVENTS_1), opt("extension", &LOCALS), OTHER]);
static RESULTS_BODY_1: Element = element(
    &[],
    false,
    Content::One(&[any("EventList", &EVENTS_1), any("VocabularyList", &VOCABULARIES)]),
);
static RESULTS_1: Element = closed(&[
    one("queryName", &TEXT),
    opt("subscriptionID", &TEXT),
    one("resultsBody", &RESULTS_BODY_1),
    opt("extension", &LOCALS),
    OTHER,
]);
static QUERY_BODY_1: Element = element(
    &[],
    false,
    Content::One(&[
        query("QueryResults", &RESULTS_1),
        query("GetQueryNames", &ASKED),
        query("GetQueryNamesResult", &ASKED),
        query("Subscribe", &ASKED),
        query("SubscribeResult", &ASKED),
        query("Unsubscribe", &ASKED),
        query("UnsubscribeResult", &ASKED),
        query("GetSubscriptionIDs", &ASKED),
        query("GetSubscriptionIDsResult", &ASKED),
        query("Poll", &ASKED),
        query("GetStandardVersion", &ASKED),
        query("GetStandardVersionResult", &ASKED),
        query("GetVendorVersion", &ASKED),
        query("GetVendorVersionResult", &ASKED),
        query("DuplicateNameException", &ASKED),
        query("InvalidURIException", &ASKED),
        query("NoSuchNameException", &ASKED),
        query("NoSuchSubscriptionException", &ASKED),
        query("DuplicateSubscriptionException", &ASKED),
        query("QueryParameterException", &ASKED),
        query("QueryTooLargeException", &ASKED),
        query("QueryTooComplexException", &ASKED),
        query("SubscriptionControlsException", &ASKED),
        query("SubscribeNotPermittedException", &ASKED),
        query("SecurityException", &ASKED),
        query("ValidationException", &ASKED),
        query("ImplementationException", &ASKED),
    ]),
);
static BODY_2: Element = open(&[opt("EventList", &EVENTS_2), opt("extension", &LOCALS), OTHER]);
static RESULTS_BODY_2: Element = element(
    &[],
    false,
    Content::One(&[any("EventList", &EVENTS_2), any("VocabularyList", &VOCABULARIES)]),
);
static RESULTS_2: Element = closed(&[
    one("queryName", &TEXT),
    opt("subscriptionID", &TEXT),
    one("resultsBody", &RESULTS_BODY_2),
    opt("extension", &LOCALS),
    OTHER,
]);
static QUERY_BODY_2: Element = element(
    &[],
    false,
    Content::One(&[
        query("QueryResults", &RESULTS_2),
        query("GetQueryNames", &ASKED),
        query("GetQueryNamesResult", &ASKED),
        query("Subscribe", &ASKED),
        query("SubscribeResult", &ASKED),
        query("Unsubscribe", &ASKED),
        query("UnsubscribeResult", &ASKED),
        query("GetSubscriptionIDs", &ASKED),
        query("GetSubscriptionIDsResult", &ASKED),
        query("Poll", &ASKED),
        query("GetStandardVersion", &ASKED),
        query("GetStandardVersionResult", &ASKED),
        query("GetVendorVersion", &ASKED),
        query("GetVendorVersionResult", &ASKED),
        query("DuplicateNameException", &ASKED),
        query("InvalidURIException", &ASKED),
        query("NoSuchNameException", &ASKED),
        query("NoSuchSubscriptionException", &ASKED),
        query("DuplicateSubscriptionException", &ASKED),
        query("QueryParameterException", &ASKED),
        query("QueryTooLargeException", &ASKED),
        query("QueryTooComplexException", &ASKED),
        query("SubscriptionControlsException", &ASKED),
        query("SubscribeNotPermittedException", &ASKED),
        query("SecurityException", &ASKED),
        query("ValidationException", &ASKED),
        query("ImplementationException", &ASKED),
    ]),
);
static MASTER_BODY: Element = open(&[opt("VocabularyList", &VOCABULARIES), opt("extension", &LOCALS), OTHER]);
static DOCUMENT_1: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_1),
        one("EPCISBody", &BODY_1),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static DOCUMENT_2: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_2),
        one("EPCISBody", &BODY_2),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static QUERY_DOCUMENT_1: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_1),
        one("EPCISBody", &QUERY_BODY_1),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static QUERY_DOCUMENT_2: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_2),
        one("EPCISBody", &QUERY_BODY_2),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static MASTER_DOCUMENT_1: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_1),
        one("EPCISBody", &MASTER_BODY),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);
static MASTER_DOCUMENT_2: Element = element(
    DOCUMENT,
    true,
    Content::Sequence(&[
        opt("EPCISHeader", &EPCIS_HEADER_2),
        one("EPCISBody", &MASTER_BODY),
        opt("extension", &LOCALS),
        OTHER,
    ]),
);

/// The declaration of a root element.
pub(in crate::epcis) fn document(syntax: Syntax, local: &str) -> Option<&'static Element> {
    match (syntax, local) {
        (Syntax::Xml1, "EPCISDocument") => Some(&DOCUMENT_1),
        (Syntax::Xml2, "EPCISDocument") => Some(&DOCUMENT_2),
        (Syntax::Xml1, "EPCISQueryDocument") => Some(&QUERY_DOCUMENT_1),
        (Syntax::Xml2, "EPCISQueryDocument") => Some(&QUERY_DOCUMENT_2),
        (Syntax::Xml1, "EPCISMasterDataDocument") => Some(&MASTER_DOCUMENT_1),
        (Syntax::Xml2, "EPCISMasterDataDocument") => Some(&MASTER_DOCUMENT_2),
        (Syntax::Xml1 | Syntax::Xml2 | Syntax::Json, _) => None,
    }
}
