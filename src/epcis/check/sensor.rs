//! Rules of sensor elements: what one must hold, what it may not hold twice, which names it knows (EPCIS 2.0 clause 7.3.7).
//!
//! Sensor data decides nothing in the hub, so only an element that says nothing is refused.

use super::Say;
use crate::domain::event::{Content, Event, Node};
use crate::domain::finding::FindingCode;
use crate::epcis::vocabulary::Vocabulary;
use crate::epcis::vocabulary::measurement::{self, METADATA_FIELDS, REPORT_FIELDS};

/// Fields that stand in the metadata or in the report, never in both (test conformance requirement 53).
const EITHER: &[&str] = &["time", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod"];

pub(super) fn sensors(event: &Event, say: &mut Say<'_>) {
    for element in &event.sensor_elements {
        let metadata = parts(element, "sensorMetadata");
        let reports = parts(element, "sensorReport");
        if reports.is_empty() {
            say(
                FindingCode::MissingField,
                "sensorElementList",
                "a sensor element has at least one `sensorReport`",
            );
        }
        if reports.iter().any(|report| !is_named(report)) {
            let detail = "a `sensorReport` has neither `type` nor `exception`";
            say(FindingCode::SensorData, "sensorElementList", detail);
        }
        // Seen in reports too, although the standard has it in the metadata alone.
        let report_fields = [REPORT_FIELDS, &["bizRules"]].concat();
        let groups: [(&[&Node], &[&str]); 3] = [
            (&[element], ELEMENT),
            (&metadata, METADATA_FIELDS),
            (&reports, &report_fields),
        ];
        for (nodes, fields) in groups {
            for unknown in nodes.iter().flat_map(|node| unknown_parts(node, fields)) {
                let shown: String = unknown.name.local.chars().take(80).collect();
                let detail = format!("`{shown}` is no field of a sensor element and has no namespace; kept");
                say(FindingCode::SensorData, "sensorElementList", &detail);
            }
        }
        let types = reports.iter().flat_map(|report| parts(report, "type"));
        for unknown in types
            .filter_map(Node::text)
            .filter(|text| !measurement::is_known(text.trim()))
        {
            let shown: String = unknown.trim().chars().take(80).collect();
            let detail = format!("`{shown}` is no measurement type of GS1, and no URI");
            say(FindingCode::UnknownVocabulary, "sensorElementList", &detail);
        }
        let components = reports.iter().flat_map(|report| parts(report, "component"));
        for unknown in components
            .filter_map(Node::text)
            .filter(|text| !Vocabulary::Component.read(text).known)
        {
            let shown: String = unknown.trim().chars().take(80).collect();
            let detail = format!("`{shown}` is no component of CBV 2.0, and no URI");
            say(FindingCode::UnknownVocabulary, "sensorElementList", &detail);
        }
        for field in EITHER {
            let has = |nodes: &[&Node]| nodes.iter().any(|node| !parts(node, field).is_empty());
            // GS1's own examples break it; the report, being nearer, is plainly meant.
            if has(&metadata) && has(&reports) {
                let detail = format!("`{field}` stands in both sensorMetadata and sensorReport; the report's holds");
                say(FindingCode::SensorData, "sensorElementList", &detail);
            }
        }
    }
}

/// Whether a report says what was measured, or what went wrong (EPCIS 2.0 clause 7.3.7.2).
fn is_named(report: &Node) -> bool {
    ["type", "exception"].iter().any(|field| !parts(report, field).is_empty())
}

/// Fields of a sensor element, of its metadata and of its reports (EPCIS 2.0 clause 7.3.7).
const ELEMENT: &[&str] = &["sensorMetadata", "sensorReport", "extension"];

fn unknown_parts<'a>(node: &'a Node, fields: &[&str]) -> Vec<&'a Node> {
    match &node.content {
        Content::Nodes(inside) => inside
            .iter()
            .filter(|part| {
                part.name.namespace.is_empty() && !part.name.local.starts_with('@') && !fields.contains(&&*part.name.local)
            })
            .collect(),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_) => Vec::new(),
    }
}

fn parts<'a>(node: &'a Node, local: &str) -> Vec<&'a Node> {
    match &node.content {
        Content::Nodes(inside) => inside
            .iter()
            .filter(|part| part.name.namespace.is_empty() && *part.name.local == *local)
            .collect(),
        Content::Empty | Content::Text(_) | Content::Number(_) | Content::Bool(_) | Content::Mixed(_) => Vec::new(),
    }
}
