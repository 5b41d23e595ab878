//! The content models of EPCIS 1.2 and 2.0 XML and of the Standard Business Document Header 1.3.
//!
//! Transcribed from the standards: EPCIS 1.2 clause 9.5, EPCIS 2.0 clause 9.5, UN/CEFACT SBDH 1.3. Frames (document, body, event
//! list) stand here too, though the reader walks them itself.

use super::super::document::Syntax;
use super::datatype::Datatype;
use event::{
    AGGREGATION_1, AGGREGATION_2, ASSOCIATION_2, OBJECT_1, OBJECT_2, QUANTITY_EVENT_1, TRANSACTION_1, TRANSACTION_2,
    TRANSFORMATION_1, TRANSFORMATION_2,
};
use heading::{EPCIS_HEADER_1, EPCIS_HEADER_2};

pub(in crate::epcis) use event::event;
pub(in crate::epcis) use heading::{HEADER, VOCABULARIES};

mod event;
mod heading;

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
