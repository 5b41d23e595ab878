//! What stands above the events: who sends to whom, master data, transaction statements.
//!
//! Read and kept, not judged: whether the sender is the party of the certificate is for capture to say.

pub(super) mod business;
pub(super) mod form;

use super::build::{extensions, nodes};
use super::document::{Correspondent, Header, Syntax};
use super::escape::NONE;
use super::reading::Reading;
use super::tree::{Kind, View};

/// Takes in an XML `EPCISHeader`.
pub(super) fn xml(reading: &mut Reading<'_>, element: View<'_>, base: &str, header: &mut Header) {
    for child in element.members() {
        // A prefix that stands for no namespace: an extension that only has the name of something else.
        let disguised = child.namespace() == 0 && !child.prefix().is_empty();
        match child.local() {
            _ if disguised => nodes(reading, child, base, &mut header.extensions),
            "StandardBusinessDocumentHeader" => {
                header.sender = child.get("Sender").and_then(correspondent);
                header.receiver = child.get("Receiver").and_then(correspondent);
                let identification = child.get("DocumentIdentification");
                header.instance_id = identification.and_then(|found| text_of(found, "InstanceIdentifier"));
                nodes(reading, child, base, &mut header.extensions);
            }
            "EPCISMasterData" => master_data(reading, child, base, header),
            "extension" if child.namespace() == 0 => xml(reading, child, base, header),
            _ => nodes(reading, child, base, &mut header.extensions),
        }
    }
}

/// Takes in the members of a JSON document other than its body.
pub(super) fn json(reading: &mut Reading<'_>, root: View<'_>, header: &mut Header) {
    for member in root.members() {
        match member.local() {
            "@context" | "type" | "isA" | "id" | "schemaVersion" | "creationDate" | "epcisBody" => {}
            "sender" => header.sender = plain(member),
            "receiver" => header.receiver = plain(member),
            "instanceIdentifier" => header.instance_id = member.text().map(|text| text.trim().into()),
            "epcisHeader" => {
                for child in member.members() {
                    if child.local() == "epcisMasterData" {
                        master_data(reading, child, "", header);
                    } else {
                        extensions(reading, child, "", &mut header.extensions);
                    }
                }
            }
            _ => extensions(reading, member, "", &mut header.extensions),
        }
    }
}

/// Takes sender, receiver and number out of a business header that stands among the extensions, where its own place had none.
pub(super) fn complete(header: &mut Header) {
    let Some(sbdh) = form::Form::of(header).sbdh else { return };
    let part = |local: &str| form::children(&sbdh).into_iter().find(|part| &*part.name.local == local);
    let partner = |local: &str| {
        let identifier = form::children(part(local)?)
            .into_iter()
            .find(|part| &*part.name.local == "Identifier")?;
        let authority = identifier.attributes.iter().find(|(name, _)| &*name.local == "Authority");
        Some(Correspondent {
            authority: authority.map(|(_, value)| value.trim().into()),
            identifier: said(identifier.text()?)?,
        })
    };
    for (slot, found) in [
        (&mut header.sender, partner("Sender")),
        (&mut header.receiver, partner("Receiver")),
    ] {
        let same = |old: &Correspondent| found.as_ref().is_none_or(|found| found.identifier == old.identifier);
        // JSON says the identifier alone; who gave it stands here.
        if slot.as_ref().is_none_or(same) {
            *slot = found.or_else(|| slot.take());
        }
    }
    let identification = part("DocumentIdentification").map(form::children).unwrap_or_default();
    let number = identification
        .into_iter()
        .find(|part| &*part.name.local == "InstanceIdentifier");
    if header.instance_id.is_none() {
        header.instance_id = number.and_then(|number| said(number.text()?));
    }
}

fn master_data(reading: &mut Reading<'_>, element: View<'_>, base: &str, header: &mut Header) {
    for child in element.members() {
        let list = matches!(child.local(), "VocabularyList" | "vocabularyList");
        if list && reading.syntax != Syntax::Json {
            child
                .members()
                .for_each(|vocabulary| nodes(reading, vocabulary, base, &mut header.master_data));
        } else if list {
            nodes(reading, child, base, &mut header.master_data);
        } else if child.local() == "extension" && child.kind() == Kind::Object {
            master_data(reading, child, base, header);
        } else {
            nodes(reading, child, base, &mut header.extensions);
        }
    }
}

fn correspondent(partner: View<'_>) -> Option<Correspondent> {
    let identifier = partner.get("Identifier")?;
    let authority = identifier.get("Authority").map(|authority| authority.value().trim().into());
    Some(Correspondent {
        authority,
        identifier: text_without_attributes(identifier)?,
    })
}

fn plain(member: View<'_>) -> Option<Correspondent> {
    Some(Correspondent {
        authority: None,
        identifier: text_without_attributes(member)?,
    })
}

fn text_of(element: View<'_>, local: &str) -> Option<Box<str>> {
    element.get(local).and_then(text_without_attributes)
}

fn text_without_attributes(view: View<'_>) -> Option<Box<str>> {
    said(&view.text()?)
}

/// The text, unless it is empty or stands only because a schema demands one.
fn said(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    (!text.is_empty() && text != NONE).then(|| text.into())
}
