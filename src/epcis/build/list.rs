//! The lists of an event: EPCs, quantities, business transactions, sources and destinations.

use std::collections::HashSet;

use super::super::document::Syntax;
use super::super::escape::NONE;
use super::super::reading::quoted;
use super::super::tree::{Kind, View};
use super::super::vocabulary::Vocabulary;
use super::Builder;
use crate::domain::event::{BizTransaction, Event, Quantity, SourceDest};
use crate::domain::finding::FindingCode;
use crate::domain::gs1::{Epc, EpcClass};

impl Builder<'_, '_> {
    pub(super) fn epcs(&mut self, field: View<'_>, slot: fn(&mut Event) -> &mut Vec<Epc>) {
        let mut found = std::mem::take(slot(&mut self.event));
        for item in self.list(field, "epc") {
            if says_none(item) {
                continue;
            }
            found.extend(self.epc(item));
        }
        let distinct = found.iter().collect::<HashSet<_>>().len();
        if distinct < found.len() {
            let detail = format!("names {} EPCs more than once; read as once", found.len() - distinct);
            self.find(FindingCode::RepeatedEpc, field, detail);
            let mut seen = HashSet::with_capacity(distinct);
            found.retain(|epc| seen.insert(epc.canonical().to_owned()));
        }
        *slot(&mut self.event) = found;
    }

    pub(super) fn quantities(&mut self, field: View<'_>, slot: fn(&mut Event) -> &mut Vec<Quantity>) {
        for item in self.list(field, "quantityElement") {
            let quantity = self.quantity(item);
            slot(&mut self.event).extend(quantity);
        }
    }

    fn quantity(&mut self, item: View<'_>) -> Option<Quantity> {
        let (mut class, mut quantity, mut uom) = (None, None, None);
        for child in item.members() {
            match child.local() {
                "epcClass" => class = self.uri(child),
                "quantity" => quantity = self.decimal(child),
                "uom" => uom = self.text(child).map(Into::into),
                other => self.find(
                    FindingCode::UnexpectedField,
                    child,
                    format!("{} is no field of a quantity", quoted(other)),
                ),
            }
        }
        let Some(class) = class else {
            if item.get("epcClass").is_none() {
                self.find(FindingCode::MissingField, item, "has no `epcClass`");
            }
            return None;
        };
        match class.parse() {
            Ok(class) => Some(Quantity { class, quantity, uom }),
            Err(error) => {
                let code = self.gs1_error(item, &class, &error);
                let class = self.opaque(code, item, EpcClass::opaque(&class))?;
                Some(Quantity { class, quantity, uom })
            }
        }
    }

    pub(super) fn biz_transactions(&mut self, field: View<'_>) {
        for item in self.list(field, "bizTransaction") {
            if says_none(item) || item.get("bizTransaction").is_some_and(says_none) {
                continue;
            }
            let kind = item
                .get("type")
                .and_then(|kind| self.term(kind, Vocabulary::BizTransactionType));
            if let Some(id) = self.own_value(item, "bizTransaction").and_then(|value| self.uri(value)) {
                self.event.biz_transactions.push(BizTransaction { kind, id });
            }
        }
    }

    pub(super) fn endpoints(&mut self, field: View<'_>, name: &str, slot: fn(&mut Event) -> &mut Vec<SourceDest>) {
        for item in self.list(field, name) {
            let Some(kind) = item.get("type") else {
                self.find(FindingCode::MissingField, item, "has no `type`");
                continue;
            };
            let kind = self.term(kind, Vocabulary::SourceDestType);
            let id = self.own_value(item, name).and_then(|value| self.epc(value));
            if let (Some(kind), Some(id)) = (kind, id) {
                slot(&mut self.event).push(SourceDest { kind, id });
            }
        }
    }

    /// The value beside a `type`: the text of the XML element, the member of the JSON object.
    fn own_value<'t>(&mut self, item: View<'t>, name: &str) -> Option<View<'t>> {
        if self.reading.syntax != Syntax::Json || item.kind() != Kind::Object {
            return Some(item);
        }
        for other in item
            .members()
            .filter(|member| !matches!(member.local(), "type" | "@context") && member.local() != name)
        {
            self.find(
                FindingCode::Ignored,
                other,
                format!("{} does not belong here; ignored", quoted(other.local())),
            );
        }
        let found = item.get(name);
        if found.is_none() {
            self.find(FindingCode::MissingField, item, format!("has no `{name}`"));
        }
        found
    }

    /// The elements of a list; in XML only those of the one name it may hold.
    fn list<'t>(&mut self, field: View<'t>, name: &str) -> Vec<View<'t>> {
        let mut items = field.items();
        match self.reading.syntax {
            Syntax::Xml1 | Syntax::Xml2 => items.retain(|item| {
                let good = item.local() == name;
                if !good {
                    self.find(
                        FindingCode::UnexpectedField,
                        *item,
                        format!("{} does not belong here", quoted(item.local())),
                    );
                }
                good
            }),
            Syntax::Json => {
                if !matches!(field.kind(), Kind::Array | Kind::Null) {
                    self.find(FindingCode::StructureCorrected, field, "must be an array");
                    items = vec![field];
                }
            }
        }
        items
    }
}

/// Whether an item stands only because a schema demands one.
fn says_none(item: View<'_>) -> bool {
    item.text().is_some_and(|text| text.trim() == NONE)
}
