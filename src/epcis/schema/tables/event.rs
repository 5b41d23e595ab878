//! The content models of events: EPCIS 1.2 clause 9.5, EPCIS 2.0 clause 9.5.

use super::{
    ACTION, Content, Element, INT, LOCALS, OTHER, OTHERS, STAMP, TEXT, TIME, URI, amount, any, closed, element, may, need, one,
    open, opt, some,
};
use crate::epcis::document::Syntax;
use crate::epcis::schema::datatype::Datatype;

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
pub(super) static OBJECT_1: Element = open(&[
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
pub(super) static AGGREGATION_1: Element = open(&[
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
pub(super) static QUANTITY_EVENT_1: Element = open(&[
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
pub(super) static TRANSACTION_1: Element = open(&[
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
pub(super) static TRANSFORMATION_1: Element = open(&[
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
pub(super) static OBJECT_2: Element = open(&[
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
pub(super) static AGGREGATION_2: Element = open(&[
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
pub(super) static TRANSACTION_2: Element = open(&[
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
pub(super) static TRANSFORMATION_2: Element = open(&[
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
pub(super) static ASSOCIATION_2: Element = open(&[
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
