//! What a conversion changes beyond the spelling: for each document, before it is printed.
//!
//! Nothing is left out but hints to XML parsers; the rest comes back when the hub reads its own print. But another system may
//! not find it where it stands: that is what is told here. What a reader ignored is among the findings of reading, not here.

use std::borrow::Cow;

use super::convert::Target;
use super::document::Document;
use super::escape::{self, Demand};
use super::format::SCHEMA_INSTANCE;
use super::header::business;
use super::header::form::Form;
use super::xml::Version;
use crate::domain::event::{Content, Event, EventType, MixedPart, Node};

/// Most losses told of one document.
const MOST: usize = 1000;

/// What kind of loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossCode {
    /// The format has no place for it: it stands in an extension that only a hub of this kind understands.
    Carried,
    /// It stands elsewhere in the document than it did.
    Moved,
    /// No URI where the format wants one: printed as a URI that means the text.
    Disguised,
    /// An XML attribute has become a JSON member like any other.
    AttributeAsMember,
    /// A JSON number or boolean has become text.
    TypeAsText,
    /// `xsi:type` and the like are left out: they name types that nobody declares in the result.
    SchemaHint,
    /// More losses than are told.
    Truncated,
}

impl LossCode {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carried => "CARRIED",
            Self::Moved => "MOVED",
            Self::Disguised => "DISGUISED",
            Self::AttributeAsMember => "ATTRIBUTE_AS_MEMBER",
            Self::TypeAsText => "TYPE_AS_TEXT",
            Self::SchemaHint => "SCHEMA_HINT",
            Self::Truncated => "LOSSES_TRUNCATED",
        }
    }
}

/// One loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its kind.
    pub code: LossCode,
    /// Where: the path of the field in the EPCIS 2.0 JSON binding, whatever the syntax.
    pub path: String,
    /// What happened, for people.
    pub reason: &'static str,
}

/// What printing the document in another format changes.
#[must_use]
pub fn losses(document: &Document, target: Target) -> Vec<Loss> {
    let mut found = Found {
        losses: Vec::new(),
        target,
    };
    found.header(document);
    for (index, parsed) in document.events.iter().enumerate() {
        found.event(&parsed.event, &format!("/epcisBody/eventList/{index}"));
    }
    found.losses
}

struct Found {
    losses: Vec<Loss>,
    target: Target,
}

impl Found {
    fn say(&mut self, code: LossCode, path: String, reason: &'static str) {
        if self.losses.len() < MOST {
            self.losses.push(Loss { code, path, reason });
        } else if self.losses.len() == MOST {
            self.losses.push(Loss {
                code: LossCode::Truncated,
                path: String::new(),
                reason: "there are more",
            });
        }
    }

    fn header(&mut self, document: &Document) {
        let form = Form::of(&document.header);
        let path = || "/epcisHeader".to_owned();
        if let Some(sbdh) = &form.sbdh {
            match self.target {
                Target::Json => {
                    let reason = "JSON has no Standard Business Document Header: it stands among the extensions of `epcisHeader`";
                    self.say(LossCode::Moved, path(), reason);
                }
                Target::Xml(_) if !business::fits_schema(sbdh) => {
                    let reason = "the schema refuses this Standard Business Document Header: it stands behind the body";
                    self.say(LossCode::Moved, path(), reason);
                }
                Target::Xml(_) => {}
            }
        }
        if !form.extensions.is_empty() && self.target == Target::Xml(Version::V2_0) {
            let reason = "the header of EPCIS 2.0 XML has no room for extensions: they stand behind the body";
            self.say(LossCode::Moved, path(), reason);
        }
        for node in document.header.master_data.iter().chain(&document.header.extensions) {
            self.node(node, &format!("/epcisHeader/{}", node.name.local));
        }
    }

    fn event(&mut self, event: &Event, path: &str) {
        let carried = "EPCIS 1.2 has no such field: it stands in an extension";
        let old = self.target == Target::Xml(Version::V1_2);
        if old && event.kind == EventType::Association {
            self.say(
                LossCode::Carried,
                path.to_owned(),
                "EPCIS 1.2 has no association events: it stands in an extension",
            );
        }
        if old && event.persistent_disposition.is_some() {
            self.say(LossCode::Carried, format!("{path}/persistentDisposition"), carried);
        }
        if old && !event.sensor_elements.is_empty() {
            self.say(LossCode::Carried, format!("{path}/sensorElementList"), carried);
        }
        if old && !event.certification_info.is_empty() {
            self.say(LossCode::Carried, format!("{path}/certificationInfo"), carried);
        } else if self.target != Target::Json && event.certification_info.len() > 1 {
            let reason = "EPCIS 2.0 XML has room for one: the others stand in an extension";
            self.say(LossCode::Carried, format!("{path}/certificationInfo"), reason);
        }
        self.uris(event, path);
        let named = [("sensorElementList", &event.sensor_elements), ("ilmd", &event.ilmd)];
        for (field, nodes) in named {
            nodes
                .iter()
                .for_each(|node| self.node(node, &format!("{path}/{field}/{}", node.name.local)));
        }
        event
            .extensions
            .iter()
            .for_each(|node| self.node(node, &format!("{path}/{}", node.name.local)));
        let places = [("readPoint", &event.read_point), ("bizLocation", &event.biz_location)];
        for (field, place) in places {
            let inside = place.iter().flat_map(|place| &place.extensions);
            inside.for_each(|node| self.node(node, &format!("{path}/{field}/{}", node.name.local)));
        }
        let declared = event.error_declaration.iter().flat_map(|declaration| &declaration.extensions);
        declared.for_each(|node| self.node(node, &format!("{path}/errorDeclaration/{}", node.name.local)));
    }

    fn uris(&mut self, event: &Event, path: &str) {
        let demand = match self.target {
            Target::Json => Demand::Absolute,
            Target::Xml(_) => Demand::Reference,
        };
        let one = |field, value: &Option<Box<str>>| value.clone().map(|value| (field, value));
        let single = [
            one("eventID", &event.event_id),
            one("transformationID", &event.transformation_id),
        ];
        let documents = event
            .biz_transactions
            .iter()
            .map(|document| ("bizTransactionList", document.id.clone()));
        let certified = event.certification_info.iter().map(|uri| ("certificationInfo", uri.clone()));
        let corrective = event
            .error_declaration
            .iter()
            .flat_map(|declaration| &declaration.corrective_event_ids);
        let corrective = corrective.map(|id| ("errorDeclaration/correctiveEventIDs", id.clone()));
        let all: Vec<_> = single
            .into_iter()
            .flatten()
            .chain(documents)
            .chain(certified)
            .chain(corrective)
            .collect();
        for (field, value) in all {
            if matches!(escape::uri(&value, demand), Cow::Owned(_)) {
                self.say(
                    LossCode::Disguised,
                    format!("{path}/{field}"),
                    "is no URI: printed as one that means the text",
                );
            }
        }
    }

    /// Attributes, types and hints of a node and all inside, each kind once.
    fn node(&mut self, node: &Node, path: &str) {
        let mut kinds = [false; 3];
        look(node, &mut kinds);
        let [hint, attribute, typed] = kinds;
        if hint {
            let reason = "a hint to XML parsers is left out: nobody declares its type in the result";
            self.say(LossCode::SchemaHint, path.to_owned(), reason);
        }
        if attribute && self.target == Target::Json {
            self.say(
                LossCode::AttributeAsMember,
                path.to_owned(),
                "an XML attribute has become a member",
            );
        }
        if typed && self.target != Target::Json {
            self.say(
                LossCode::TypeAsText,
                path.to_owned(),
                "a JSON number or boolean has become text",
            );
        }
    }
}

fn look(node: &Node, kinds: &mut [bool; 3]) {
    let [hint, attribute, typed] = kinds;
    *hint |= node.attributes.iter().any(|(name, _)| &*name.namespace == SCHEMA_INSTANCE);
    *attribute |= node
        .attributes
        .iter()
        .any(|(name, _)| &*name.namespace != SCHEMA_INSTANCE && !name.local.starts_with('@'));
    *typed |= matches!(node.content, Content::Number(_) | Content::Bool(_));
    match &node.content {
        Content::Nodes(nodes) => nodes.iter().for_each(|node| look(node, kinds)),
        Content::Mixed(parts) => parts.iter().filter_map(MixedPart::node).for_each(|node| look(node, kinds)),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) => {}
    }
}
