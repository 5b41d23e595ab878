//! What stands above the events: who sends to whom, master data, transaction statements.
//!
//! Read and kept, not judged: whether the sender is the party of the certificate is for capture to say.

use super::build::{extensions, nodes};
use super::document::{Correspondent, Header, Syntax};
use super::reading::Reading;
use super::tree::{Kind, View};

/// Takes in an XML `EPCISHeader`.
pub(super) fn xml(reading: &mut Reading<'_>, element: View<'_>, base: &str, header: &mut Header) {
    for child in element.members() {
        match child.local() {
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
    let text = view.text()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
