//! The content models of what stands above the events: master data, and the Standard Business Document Header 1.3.

use super::{
    Content, Element, LOCALS, LOCALS_CLOSED, OTHER, TEXT, TIME, URI, any, closed, element, head, header, may, need, one, open,
    opt, simple, some,
};
use crate::epcis::schema::datatype::Datatype;

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
pub(super) static EPCIS_HEADER_1: Element = open(&[
    head("StandardBusinessDocumentHeader", &HEADER, true, false),
    opt("extension", &HEADER_EXTENSION),
    OTHER,
]);
pub(super) static EPCIS_HEADER_2: Element = open(&[
    head("StandardBusinessDocumentHeader", &HEADER, false, false),
    opt("extension", &HEADER_EXTENSION),
]);
