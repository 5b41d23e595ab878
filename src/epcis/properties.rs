//! Properties: whatever an event holds, each writer's print of it is read again to the same event.

use proptest::prelude::*;

use super::*;
use crate::domain::event::{
    Action, BizTransaction, Content, ErrorDeclaration, Event, EventType, Location, MixedPart, Name, Node, PersistentDisposition,
    Quantity, SourceDest, Term,
};
use crate::domain::gs1::Epc;
use crate::domain::time::Micros;

/// Text with what markup, URIs and XML make trouble of; trimmed, because fields of the standard are.
fn text() -> BoxedStrategy<Box<str>> {
    "([a-zA-Z0-9:/%&<>\"'\\]#_. äß\u{1}\u{B}\t]|_x0001_|_x005F_|]]>){1,10}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("a field that is empty is absent", |text| !text.is_empty())
        .prop_map(Into::into)
        .boxed()
}

fn uri() -> BoxedStrategy<Box<str>> {
    prop_oneof![
        Just("urn:epc:id:sgln:0614141.00001.0".into()),
        Just("https://example.com/a b/%zz".into()),
        text().prop_map(|text| format!("urn:x:{text}").into()),
        text(),
    ]
    .boxed()
}

fn name() -> BoxedStrategy<Name> {
    let local = prop_oneof![
        "[a-z][a-zA-Z]{0,4}",
        "[a-z0-9 %ä_.-]{1,5}".prop_map(|name| name.trim().to_owned())
    ];
    let namespace = prop_oneof![
        Just(("urn:a:", "a")),
        Just(("http://example.com/ns", "a")),
        Just(("http://example.com/other#", "xml")),
        Just(("urn:epcglobal:cbv:mda", "cbvmda")),
        Just(("", "")),
    ];
    (namespace, local)
        .prop_filter("a name has letters", |(_, local)| !local.is_empty())
        .prop_map(|((namespace, prefix), local)| Name {
            namespace: namespace.into(),
            local: local.into(),
            prefix: prefix.into(),
        })
        .boxed()
}

/// A node whose name no field of the standard has.
fn node() -> BoxedStrategy<Node> {
    let leaf = prop_oneof![
        Just(Content::Empty),
        text().prop_map(Content::Text),
        Just(Content::Number("12.5".into())),
        any::<bool>().prop_map(Content::Bool),
    ];
    // XML has no two of one name.
    let attributes = || prop::option::of((name(), text())).prop_map(|found| found.into_iter().collect::<Vec<_>>());
    let leaf = (name(), attributes(), leaf).prop_map(|(name, attributes, content)| Node {
        name,
        attributes,
        content,
    });
    let tree = leaf.prop_recursive(3, 12, 3, move |inner| {
        let nodes = prop::collection::vec(inner.clone(), 1..3).prop_map(Content::Nodes);
        let mixed = (text(), inner.clone(), text(), prop::option::of(inner)).prop_map(|(before, node, after, last)| {
            let parts = [MixedPart::Text(before), MixedPart::Node(node), MixedPart::Text(after)];
            Content::Mixed(parts.into_iter().chain(last.map(MixedPart::Node)).collect())
        });
        (name(), prop_oneof![nodes, mixed]).prop_map(|(name, content)| Node {
            name,
            attributes: Vec::new(),
            content,
        })
    });
    tree.prop_map(|mut node| {
        node.name.local = format!("x{}", node.name.local).into();
        node
    })
    .boxed()
}

fn nodes() -> BoxedStrategy<Vec<Node>> {
    prop::collection::vec(node(), 0..3).boxed()
}

fn term() -> BoxedStrategy<Term> {
    prop_oneof![
        Just("shipping"),
        Just("po"),
        Just("owning_party"),
        Just("no_such_term"),
        Just("with space"),
        Just("urn:example:term"),
        Just("urn:epcglobal:cbv:odd:term"),
    ]
    .prop_map(|term| Term(term.into()))
    .boxed()
}

fn epc() -> BoxedStrategy<Epc> {
    let known = prop_oneof![
        Just("urn:epc:id:sgtin:0614141.107346.2017".to_owned()),
        Just("https://id.gs1.org/01/10614141073464/21/2018".to_owned()),
        "[A-Za-z0-9]{1,8}".prop_map(|serial| format!("urn:epc:id:sgtin:0614141.107346.{serial}")),
        text().prop_map(|text| format!("urn:example:{text}")),
    ];
    known
        .prop_filter_map("an identifier", |text| text.parse::<Epc>().ok())
        .boxed()
}

fn location() -> BoxedStrategy<Option<Location>> {
    prop::option::of((epc(), nodes()).prop_map(|(id, extensions)| Location { id, extensions })).boxed()
}

fn sensor_element() -> BoxedStrategy<Node> {
    let field = |local: &'static str, content: Content| Node {
        name: Name {
            namespace: "".into(),
            local: local.into(),
            prefix: "".into(),
        },
        attributes: Vec::new(),
        content,
    };
    let kind = prop_oneof![
        Just("Temperature"),
        Just("NoSuchType"),
        Just("urn:example:type"),
        Just("with space")
    ];
    let kind = kind.prop_map(move |kind| field("type", Content::Text(kind.into())));
    let value = prop_oneof![
        Just(Content::Number("26.5".into())),
        text().prop_map(Content::Text),
        Just(Content::Text("2026-03-01T08:00:00Z".into()))
    ];
    let other = (
        prop::sample::select(vec!["value", "time", "deviceID", "stringValue", "booleanValue", "odd"]),
        value,
    )
        .prop_map(move |(local, value)| field(local, value));
    let report = (prop::option::of(kind), other, nodes()).prop_map(move |(kind, other, extra)| {
        field(
            "sensorReport",
            Content::Nodes(kind.into_iter().chain([other]).chain(extra).collect()),
        )
    });
    (prop::collection::vec(report, 1..3), nodes())
        .prop_map(move |(reports, extra)| {
            let mut element = field("sensorElement", Content::Empty);
            element.content = Content::Nodes(reports.into_iter().chain(extra).collect());
            element
        })
        .boxed()
}

prop_compose! {
    pub(super) fn event()(
        kind in prop::sample::select(vec![EventType::Object, EventType::Aggregation, EventType::Transaction, EventType::Association]),
        event_time in 0_i64..2_000_000_000_000,
        offset_minutes in -840_i16..=840,
        event_id in prop::option::of(uri()),
        certification_info in prop::collection::vec(uri(), 0..3),
        parent in epc(),
        epcs in prop::collection::vec(epc(), 1..4),
        steps in (prop::option::of(term()), prop::option::of(term()), prop::option::of((term(), term()))),
        places in (location(), location()),
        biz_transactions in prop::collection::vec((prop::option::of(term()), uri()), 1..3),
        sources in prop::collection::vec((term(), epc()), 0..2),
        declaration in prop::option::of((prop::option::of(term()), prop::collection::vec(uri(), 0..2), nodes())),
        sensor_elements in prop::collection::vec(sensor_element(), 0..2),
        ilmd in nodes(),
        extensions in nodes(),
    ) -> Event {
        let mut event = Event::new(kind, Some(Action::Add), Micros(event_time * 1_000), offset_minutes);
        event.event_id = event_id;
        event.certification_info = certification_info;
        if kind != EventType::Object {
            event.parent = Some(parent);
        }
        let mut seen = std::collections::HashSet::new();
        event.epcs = epcs.into_iter().filter(|epc| seen.insert(epc.clone())).collect();
        event.quantities = vec![Quantity {
            class: "urn:epc:class:lgtin:4054739.099914.20160711".parse().unwrap(),
            quantity: Some("3.25".into()),
            uom: Some("KGM".into()),
        }];
        let (step, disposition, persistent) = steps;
        event.biz_step = step;
        event.disposition = disposition;
        event.persistent_disposition = persistent.map(|(set, unset)| PersistentDisposition {
            // What is set and unset at once is refused.
            unset: Some(unset).filter(|unset| *unset != set).into_iter().collect(),
            set: vec![set],
        });
        (event.read_point, event.biz_location) = places;
        event.biz_transactions = biz_transactions.into_iter().map(|(kind, id)| BizTransaction { kind, id }).collect();
        event.sources = sources.into_iter().map(|(kind, id)| SourceDest { kind, id }).collect();
        event.error_declaration = declaration.map(|(reason, corrective_event_ids, extensions)| ErrorDeclaration {
            declaration_time: Micros(1_000_000),
            reason,
            corrective_event_ids,
            extensions,
        });
        event.sensor_elements = sensor_elements;
        if kind == EventType::Object {
            event.ilmd = ilmd;
        }
        event.extensions = extensions;
        event
    }
}

/// The content, and what the hash leaves out.
pub(super) fn said(event: &Event) -> String {
    let declaration = event.error_declaration.as_ref();
    let extensions = declaration.map(|declaration| {
        let mut bearer = Event::new(EventType::Object, None, Micros(0), 0);
        bearer.extensions = declaration.extensions.clone();
        hash::prehash(&bearer, &[])
    });
    let declared = declaration.map(|found| (&found.reason, &found.corrective_event_ids));
    format!(
        "{} {:?} {declared:?} {extensions:?}",
        hash::prehash(event, &[]),
        event.event_id
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_event_survives_every_writer(event in event()) {
        let format = Format {
            document: DocumentKind::Document,
            epc: EpcFormat::NeverTranslates,
            cbv: CbvFormat::OfVersion,
            created: Micros(0),
            prefix_len: &|_| None,
        };
        for target in [Target::Json, Target::Xml(xml::Version::V2_0), Target::Xml(xml::Version::V1_2)] {
            let mut out = Vec::new();
            let events = [(&event, Micros(0))];
            let media = match target {
                Target::Json => {
                    json::write_events(&mut out, events, &format).unwrap();
                    MediaType::Json
                }
                Target::Xml(version) => {
                    xml::write_events(&mut out, events, &format, version).unwrap();
                    MediaType::Xml
                }
            };
            let again = parse(&out[..], media, &ParseLimits::default());
            let again = again.unwrap_or_else(|findings| panic!("{target:?} {findings:?}\n{}", String::from_utf8_lossy(&out)));
            prop_assert_eq!(said(&event), said(&again.events[0].event), "{:?}\n{}", target, String::from_utf8_lossy(&out));
        }
    }
}
