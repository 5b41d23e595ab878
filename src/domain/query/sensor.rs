//! Clauses about sensor elements (EPCIS 2.0 clause 8.2.7.1, the parameters new in 2.0).
//!
//! Each clause looks for one value anywhere in the event: two clauses may be met by two reports, as the standard has it.

use super::field::{self, Compare};
use super::unit;
use crate::domain::event::{Event, Node};
use crate::domain::time::Micros;

/// A time of a sensor element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorTime {
    /// Of the metadata or of a report.
    Time,
    /// Of the metadata.
    Start,
    /// Of the metadata.
    End,
}

impl SensorTime {
    const fn local(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Start => "startTime",
            Self::End => "endTime",
        }
    }
}

/// A text of the metadata or of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorText {
    /// `type`: a measurement type, by its bare name
    Type,
    /// `deviceID`
    Device,
    /// `dataProcessingMethod`
    Method,
    /// `microorganism`
    Microorganism,
    /// `chemicalSubstance`
    Substance,
    /// `bizRules`
    Rules,
    /// `stringValue`
    Text,
    /// `booleanValue`
    Truth,
    /// `hexBinaryValue`; upper and lower case are one
    Hex,
    /// `uriValue`
    Uri,
}

impl SensorText {
    const fn local(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Device => "deviceID",
            Self::Method => "dataProcessingMethod",
            Self::Microorganism => "microorganism",
            Self::Substance => "chemicalSubstance",
            Self::Rules => "bizRules",
            Self::Text => "stringValue",
            Self::Truth => "booleanValue",
            Self::Hex => "hexBinaryValue",
            Self::Uri => "uriValue",
        }
    }

    fn same(self, held: &str, wanted: &str) -> bool {
        match self {
            Self::Type => bare(held) == bare(wanted),
            Self::Hex => held.eq_ignore_ascii_case(wanted),
            Self::Device
            | Self::Method
            | Self::Microorganism
            | Self::Substance
            | Self::Rules
            | Self::Text
            | Self::Truth
            | Self::Uri => held == wanted,
        }
    }
}

/// A number of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorNumber {
    /// `value`
    Value,
    /// `minValue`
    Min,
    /// `maxValue`
    Max,
    /// `meanValue`
    Mean,
    /// `sDev`: a difference, so that a unit's zero does not count
    Deviation,
    /// `percValue`
    PercentileValue,
    /// `percRank`, which has no unit
    PercentileRank,
}

impl SensorNumber {
    const fn local(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Min => "minValue",
            Self::Max => "maxValue",
            Self::Mean => "meanValue",
            Self::Deviation => "sDev",
            Self::PercentileValue => "percValue",
            Self::PercentileRank => "percRank",
        }
    }
}

/// What is asked of a number.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberTest {
    /// One of these.
    In(Vec<f64>),
    /// Lies so to it.
    Against(Compare, f64),
}

impl NumberTest {
    /// Whether `value` of unit `held` passes if the test is meant in `wanted`; a value without unit is in the unit asked for
    /// only where none is asked for.
    #[must_use]
    pub fn passes(&self, value: f64, held: Option<&str>, wanted: Option<&str>, difference: bool) -> bool {
        let (value, exact) = match (held, wanted) {
            (_, None) => (value, true),
            (None, Some(_)) => return false,
            (Some(held), Some(wanted)) => {
                let zero = if difference {
                    unit::convert(0.0, held, wanted)
                } else {
                    Some(0.0)
                };
                let Some((converted, zero)) = unit::convert(value, held, wanted).zip(zero) else {
                    return false;
                };
                (converted - zero, held == wanted)
            }
        };
        // A conversion rounds in the last digits: what differs by less is equal.
        let near =
            |bound: f64| value == bound || (!exact && (value - bound).abs() <= 1e-9 * value.abs().max(bound.abs()).max(1.0));
        let lies = |bound: f64| {
            if near(bound) {
                Some(std::cmp::Ordering::Equal)
            } else {
                value.partial_cmp(&bound)
            }
        };
        match self {
            Self::In(values) => values.iter().any(|wanted| near(*wanted)),
            Self::Against(compare, bound) => lies(*bound).is_some_and(|lies| compare.allows(lies)),
        }
    }
}

/// The metadata and the reports of all sensor elements.
fn parts<'a>(event: &'a Event, local: &'a str) -> impl Iterator<Item = &'a Node> {
    event
        .sensor_elements
        .iter()
        .flat_map(field::children)
        .filter(move |part| part.name.namespace.is_empty() && *part.name.local == *local)
}

fn all_parts(event: &Event) -> impl Iterator<Item = &Node> {
    parts(event, "sensorMetadata").chain(parts(event, "sensorReport"))
}

/// Whether a time of a sensor element lies so to the bound.
pub(super) fn has_time(event: &Event, which: SensorTime, compare: Compare, bound: Micros) -> bool {
    all_parts(event)
        .flat_map(|part| field::texts(part, which.local()))
        .filter_map(field::time)
        .any(|at| compare.allows(at.cmp(&bound)))
}

/// Whether a text of a sensor element is one of these.
pub(super) fn has_text(event: &Event, which: SensorText, values: &[Box<str>]) -> bool {
    all_parts(event)
        .flat_map(|part| field::texts(part, which.local()))
        .any(|held| values.iter().any(|wanted| which.same(held, wanted)))
}

/// Whether a number of a report passes, in the unit asked for.
pub(super) fn has_number(event: &Event, which: SensorNumber, unit: Option<&str>, test: &NumberTest) -> bool {
    parts(event, "sensorReport").any(|report| {
        let held = field::texts(report, "uom").next();
        let difference = which == SensorNumber::Deviation;
        field::texts(report, which.local())
            .filter_map(field::number)
            .any(|value| test.passes(value, held, unit, difference))
    })
}

/// The name of a measurement type in GS1's Web Vocabulary, without its namespace.
fn bare(text: &str) -> &str {
    let spellings = [
        "gs1:",
        "https://gs1.org/voc/",
        "https://ref.gs1.org/voc/",
        "https://www.gs1.org/voc/",
    ];
    spellings.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

/// The nodes that extensions of a part stand in.
pub(super) fn extended(event: &Event, part: super::SensorPart) -> Vec<&Node> {
    match part {
        super::SensorPart::Element => event.sensor_elements.iter().collect(),
        super::SensorPart::Metadata => parts(event, "sensorMetadata").collect(),
        super::SensorPart::Report => parts(event, "sensorReport").collect(),
    }
}
