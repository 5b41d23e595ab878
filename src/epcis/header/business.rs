//! Whether a Standard Business Document Header is one by its schema (UN/CEFACT SBDH 1.3): order, occurrence, types.
//!
//! One that is not cannot stand where EPCIS XML has its place. `Manifest` and `BusinessScope` are not looked into.

use super::super::format::SCHEMA_INSTANCE;
use super::form::{SBDH, children};
use crate::domain::event::{Content, Node};
use crate::domain::time::Micros;

/// Whether the schema of the SBDH takes it where the header has its place.
pub(in crate::epcis) fn fits_schema(sbdh: &Node) -> bool {
    let names: Vec<&str> = children(sbdh).iter().map(|child| &*child.name.local).collect();
    let told = |local: &str| names.iter().filter(|name| **name == local).count();
    let order = [
        "HeaderVersion",
        "Sender",
        "Receiver",
        "DocumentIdentification",
        "Manifest",
        "BusinessScope",
    ];
    let parts = in_order(&names, &order)
        && told("HeaderVersion") == 1
        && told("Sender") >= 1
        && told("Receiver") >= 1
        && told("DocumentIdentification") == 1;
    parts
        && is_branch(sbdh)
        && children(sbdh).into_iter().all(|child| match &*child.name.local {
            "HeaderVersion" => is_leaf(child),
            "Sender" | "Receiver" => partner_fits(child),
            "DocumentIdentification" => identification_fits(child),
            _ => true,
        })
}

fn partner_fits(partner: &Node) -> bool {
    let parts = children(partner);
    let contact_order = [
        "Contact",
        "EmailAddress",
        "FaxNumber",
        "TelephoneNumber",
        "ContactTypeIdentifier",
    ];
    is_branch(partner)
        && parts.iter().enumerate().all(|(index, part)| match &*part.name.local {
            "Identifier" if index == 0 => {
                let known = part
                    .attributes
                    .iter()
                    .all(|(name, _)| name.namespace.is_empty() && &*name.local == "Authority");
                known && part.attributes.len() <= 1 && is_text(part) && &*part.name.namespace == SBDH
            }
            "ContactInformation" if index > 0 => {
                let names: Vec<&str> = children(part).iter().map(|child| &*child.name.local).collect();
                let once = names.windows(2).all(|pair| pair[0] != pair[1]);
                is_branch(part)
                    && once
                    && names.first() == Some(&"Contact")
                    && in_order(&names, &contact_order)
                    && children(part).into_iter().all(is_leaf)
            }
            _ => false,
        })
        && !parts.is_empty()
}

fn identification_fits(identification: &Node) -> bool {
    let parts = children(identification);
    let names: Vec<&str> = parts
        .iter()
        .map(|child| &*child.name.local)
        .filter(|name| *name != "MultipleType")
        .collect();
    let all: Vec<&str> = parts.iter().map(|child| &*child.name.local).collect();
    let order = [
        "Standard",
        "TypeVersion",
        "InstanceIdentifier",
        "Type",
        "MultipleType",
        "CreationDateAndTime",
    ];
    is_branch(identification)
        && names == ["Standard", "TypeVersion", "InstanceIdentifier", "Type", "CreationDateAndTime"]
        && in_order(&all, &order)
        && all.len() <= 6
        && parts.into_iter().all(|part| {
            is_leaf(part)
                && match &*part.name.local {
                    "MultipleType" => matches!(part.text().map(str::trim), Some("true" | "false" | "0" | "1")),
                    "CreationDateAndTime" => part.text().is_some_and(|text| is_date_time(text.trim())),
                    _ => true,
                }
        })
}

fn in_order(names: &[&str], order: &[&str]) -> bool {
    let places: Option<Vec<usize>> = names
        .iter()
        .map(|name| order.iter().position(|known| known == name))
        .collect();
    places.is_some_and(|places| places.is_sorted())
}

fn is_text(node: &Node) -> bool {
    match node.content {
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => true,
        Content::Nodes(_) | Content::Mixed(_) => false,
    }
}

fn is_leaf(node: &Node) -> bool {
    is_text(node) && has_no_attributes(node) && &*node.name.namespace == SBDH
}

fn is_branch(node: &Node) -> bool {
    matches!(node.content, Content::Nodes(_)) && has_no_attributes(node) && &*node.name.namespace == SBDH
}

fn has_no_attributes(node: &Node) -> bool {
    node.attributes.iter().all(|(name, _)| &*name.namespace == SCHEMA_INSTANCE)
}

/// `xsd:dateTime`, whose zone may be missing.
fn is_date_time(text: &str) -> bool {
    let zoned = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    let shaped = text.as_bytes().get(10) == Some(&b'T') && text.len() >= 19;
    let text = if zoned { text.to_owned() } else { format!("{text}Z") };
    shaped && Micros::parse(&text).is_ok()
}
