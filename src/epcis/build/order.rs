//! Whether the elements of an XML event stand in the order and the place that its schema gives.
//!
//! Order carries no meaning, and partners' systems write any: it is noticed once a document and changes nothing.

use super::super::document::Syntax;
use super::super::tree::View;
use super::Builder;
use crate::domain::event::EventType;
use crate::domain::finding::FindingCode;

impl Builder<'_, '_> {
    /// Notes the first element of the document that is out of order, or not where its schema has it.
    pub(super) fn order(&mut self, container: View<'_>) {
        if self.reading.told_order {
            return;
        }
        let Some(sequence) = sequence(self.reading.syntax, self.event.kind, container) else {
            return;
        };
        let mut furthest = 0;
        for child in container.members() {
            let place = if self.is_foreign(child) {
                Some(sequence.len())
            } else {
                sequence.iter().position(|name| *name == child.local())
            };
            let detail = match place {
                Some(place) if place >= furthest => {
                    furthest = place;
                    continue;
                }
                Some(_) => "stands after what it must stand before",
                // Nobody's element: noticed as an extension.
                None if !STANDARD.contains(&child.local()) => continue,
                None => "does not stand here in the schema of this version",
            };
            self.reading.told_order = true;
            return self.find(
                FindingCode::LenientlyRead,
                child,
                format!("`{}` {detail}; reported once", child.local()),
            );
        }
    }

    fn is_foreign(&self, child: View<'_>) -> bool {
        child.namespace() != 0
            && !self
                .reading
                .namespaces
                .uri(child.namespace())
                .starts_with("urn:epcglobal:epcis")
    }
}

macro_rules! sequences {
    ($($name:ident = [$($element:literal)*];)*) => { $(const $name: &[&str] = &[$($element),*];)* };
}

sequences! {
    // Every element that an event of some type and version has, in no order.
    STANDARD = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo"
        "baseExtension" "epcList" "childEPCs" "parentID" "inputEPCList" "inputQuantityList" "outputEPCList"
        "outputQuantityList" "transformationID" "action" "bizStep" "disposition" "readPoint" "bizLocation"
        "bizTransactionList" "quantityList" "childQuantityList" "sourceList" "destinationList" "sensorElementList"
        "persistentDisposition" "ilmd" "epcClass" "quantity" "extension"];
    // EPCIS 1.2 and 2.0, XSD: the base type, then that of the event.
    OBJECT_1 = ["eventTime" "recordTime" "eventTimeZoneOffset" "baseExtension" "epcList" "action" "bizStep" "disposition"
        "readPoint" "bizLocation" "bizTransactionList" "extension"];
    AGGREGATION_1 = ["eventTime" "recordTime" "eventTimeZoneOffset" "baseExtension" "parentID" "childEPCs" "action" "bizStep"
        "disposition" "readPoint" "bizLocation" "bizTransactionList" "extension"];
    QUANTITY_1 = ["eventTime" "recordTime" "eventTimeZoneOffset" "baseExtension" "epcClass" "quantity" "bizStep" "disposition"
        "readPoint" "bizLocation" "bizTransactionList" "extension"];
    TRANSACTION_1 = ["eventTime" "recordTime" "eventTimeZoneOffset" "baseExtension" "bizTransactionList" "parentID" "epcList"
        "action" "bizStep" "disposition" "readPoint" "bizLocation" "extension"];
    TRANSFORMATION_1 = ["eventTime" "recordTime" "eventTimeZoneOffset" "baseExtension" "inputEPCList" "inputQuantityList"
        "outputEPCList" "outputQuantityList" "transformationID" "bizStep" "disposition" "readPoint" "bizLocation"
        "bizTransactionList" "sourceList" "destinationList" "ilmd" "extension"];
    BASE_EXTENSION_1 = ["eventID" "errorDeclaration" "extension"];
    OBJECT_EXTENSION_1 = ["quantityList" "sourceList" "destinationList" "ilmd" "extension"];
    AGGREGATION_EXTENSION_1 = ["childQuantityList" "sourceList" "destinationList" "extension"];
    TRANSACTION_EXTENSION_1 = ["quantityList" "sourceList" "destinationList" "extension"];
    OBJECT_2 = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo" "baseExtension"
        "epcList" "action" "bizStep" "disposition" "readPoint" "bizLocation" "bizTransactionList" "quantityList" "sourceList"
        "destinationList" "sensorElementList" "persistentDisposition" "ilmd" "extension"];
    AGGREGATION_2 = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo"
        "baseExtension" "parentID" "childEPCs" "action" "bizStep" "disposition" "readPoint" "bizLocation" "bizTransactionList"
        "childQuantityList" "sourceList" "destinationList" "sensorElementList" "persistentDisposition" "extension"];
    TRANSACTION_2 = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo"
        "baseExtension" "bizTransactionList" "parentID" "epcList" "action" "bizStep" "disposition" "readPoint" "bizLocation"
        "quantityList" "sourceList" "destinationList" "sensorElementList" "persistentDisposition" "extension"];
    TRANSFORMATION_2 = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo"
        "baseExtension" "inputEPCList" "inputQuantityList" "outputEPCList" "outputQuantityList" "transformationID" "bizStep"
        "disposition" "readPoint" "bizLocation" "bizTransactionList" "sourceList" "destinationList" "sensorElementList"
        "persistentDisposition" "ilmd" "extension"];
    ASSOCIATION_2 = ["eventTime" "recordTime" "eventTimeZoneOffset" "eventID" "errorDeclaration" "certificationInfo"
        "baseExtension" "parentID" "childEPCs" "childQuantityList" "action" "bizStep" "disposition" "readPoint" "bizLocation"
        "bizTransactionList" "sourceList" "destinationList" "sensorElementList" "persistentDisposition" "extension"];
}

/// What an element holds, in order; behind it stand elements of other namespaces. `None` where anything goes.
fn sequence(syntax: Syntax, kind: EventType, container: View<'_>) -> Option<&'static [&'static str]> {
    let within = container.parent().map_or("", View::local);
    match (syntax, container.local()) {
        (Syntax::Json, _) | (Syntax::Xml2, "baseExtension" | "extension") => None,
        (Syntax::Xml1, "baseExtension") => Some(BASE_EXTENSION_1),
        (Syntax::Xml1, "extension") if matches!(within, "extension" | "baseExtension" | "QuantityEvent") => None,
        (Syntax::Xml1, "extension") => match kind {
            EventType::Object => Some(OBJECT_EXTENSION_1),
            EventType::Aggregation => Some(AGGREGATION_EXTENSION_1),
            EventType::Transaction => Some(TRANSACTION_EXTENSION_1),
            EventType::Transformation | EventType::Association => None,
        },
        (Syntax::Xml1, "QuantityEvent") => Some(QUANTITY_1),
        (Syntax::Xml1, _) => match kind {
            EventType::Object => Some(OBJECT_1),
            EventType::Aggregation => Some(AGGREGATION_1),
            EventType::Transaction => Some(TRANSACTION_1),
            EventType::Transformation => Some(TRANSFORMATION_1),
            // EPCIS 1.2 has no such event: nothing says how it is ordered.
            EventType::Association => None,
        },
        (Syntax::Xml2, _) => Some(match kind {
            EventType::Object => OBJECT_2,
            EventType::Aggregation => AGGREGATION_2,
            EventType::Transaction => TRANSACTION_2,
            EventType::Transformation => TRANSFORMATION_2,
            EventType::Association => ASSOCIATION_2,
        }),
    }
}
