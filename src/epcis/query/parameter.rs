//! The parameters of `SimpleEventQuery` by name (EPCIS 2.0 clause 8.2.7.1): the fixed ones, then the families whose names
//! carry a type, a unit or the name of an extension field.

use super::comparison;
use super::name::{Prefixes, split_attribute};
use super::value::Values;
use crate::domain::event::{Action, EventType, Term};
use crate::domain::gs1::Epc;
use crate::domain::query::field::{Compare, FieldTest};
use crate::domain::query::order::OrderBy;
use crate::domain::query::sensor::{NumberTest, SensorNumber, SensorText, SensorTime};
use crate::domain::query::{
    AttributeTest, ClassField, Clause, EpcField, MasterField, PlaceField, SensorPart, Side, TermField, Within,
};
use crate::epcis::vocabulary::Vocabulary;
use crate::epcis::vocabulary::measurement;

/// What one parameter says.
pub(super) enum Part {
    Clause(Clause),
    /// `EXISTS_…=false`
    Nothing,
    OrderBy(OrderBy),
    Descending(bool),
    First(usize),
    AtMost(usize),
}

type Read<T> = Result<T, String>;

pub(super) fn read(name: &str, values: &Values, prefixes: &Prefixes) -> Read<Part> {
    if let Some(part) = about_the_answer(name, values, prefixes) {
        return part;
    }
    let Some((operator, rest)) = name.split_once('_') else {
        return if name == "eventType" {
            kinds(values).map(Part::Clause)
        } else {
            Err(unknown())
        };
    };
    let clause = match operator {
        "EQ" => equal(rest, values, prefixes),
        "GT" | "GE" | "LT" | "LE" => match comparison(operator) {
            Some(compare) => against(compare, rest, values, prefixes),
            None => Err(unknown()),
        },
        "MATCH" => matched(rest, values),
        "WD" => place(rest).map_or_else(|| Err(unknown()), |field| places(field, values, true)),
        "EXISTS" => {
            let clause = existing(rest, prefixes)?;
            return Ok(if values.presence()? {
                Part::Clause(clause)
            } else {
                Part::Nothing
            });
        }
        "HASATTR" => has_attribute(rest, values, prefixes),
        "EQATTR" => attribute(rest, values, prefixes),
        _ => Err(unknown()),
    };
    clause.map(Part::Clause)
}

fn unknown() -> String {
    "is no query parameter that is known here: see EPCIS 2.0 clause 8.2.7.1; names are case-sensitive".to_owned()
}

fn about_the_answer(name: &str, values: &Values, prefixes: &Prefixes) -> Option<Read<Part>> {
    let order_by = || match values.text()? {
        "eventTime" => Ok(OrderBy::EventTime),
        "recordTime" => Ok(OrderBy::RecordTime),
        other => prefixes
            .field(other)
            .map(OrderBy::Field)
            .ok_or_else(|| "is `eventTime`, `recordTime` or the name of an extension field, as `ex:field`".to_owned()),
    };
    let direction = || match values.text()? {
        "ASC" => Ok(false),
        "DESC" => Ok(true),
        _ => Err("is `ASC` or `DESC`".to_owned()),
    };
    match name {
        "orderBy" => Some(order_by().map(Part::OrderBy)),
        "orderDirection" => Some(direction().map(Part::Descending)),
        "eventCountLimit" => Some(values.count(1).map(Part::First)),
        "maxEventCount" => Some(values.count(0).map(Part::AtMost)),
        _ => None,
    }
}

fn kinds(values: &Values) -> Read<Clause> {
    let read = |text: &str| match text {
        "ObjectEvent" => Some(Some(EventType::Object)),
        "AggregationEvent" => Some(Some(EventType::Aggregation)),
        "TransactionEvent" => Some(Some(EventType::Transaction)),
        "TransformationEvent" => Some(Some(EventType::Transformation)),
        "AssociationEvent" => Some(Some(EventType::Association)),
        // A type of somebody's extension: there is none of it here.
        other => other.contains(':').then_some(None),
    };
    let kinds = values.read("it is one of the five event types, or the URI of another", read)?;
    Ok(Clause::Kind(kinds.into_iter().flatten().collect()))
}

fn equal(rest: &str, values: &Values, prefixes: &Prefixes) -> Read<Clause> {
    if let Some(clause) = equal_fixed(rest, values) {
        return clause;
    }
    if let Some(rest) = rest.strip_prefix("ATTR_") {
        return attribute(rest, values, prefixes);
    }
    if let Some(kind) = rest.strip_prefix("bizTransaction_") {
        return Ok(Clause::Transaction {
            kind: term_name(Vocabulary::BizTransactionType, kind)?,
            ids: uris(values)?,
        });
    }
    for (head, side) in [("source_", Side::Source), ("destination_", Side::Destination)] {
        if let Some(kind) = rest.strip_prefix(head) {
            return Ok(Clause::Endpoint {
                side,
                kind: term_name(Vocabulary::SourceDestType, kind)?,
                ids: identifiers(values)?,
            });
        }
    }
    if let Some(number) = number(rest) {
        return Ok(number.clause(NumberTest::In(values.numbers()?)));
    }
    field(rest, prefixes, FieldTest::In(values.equal()?))
}

fn equal_fixed(rest: &str, values: &Values) -> Option<Read<Clause>> {
    let term = |field, vocabulary| terms(field, vocabulary, values);
    let sensor = |field, texts: Read<Vec<Box<str>>>| texts.map(|texts| Clause::SensorText(field, texts));
    let clause = match rest {
        "action" => actions(values),
        "bizStep" => term(TermField::BizStep, Vocabulary::BizStep),
        "disposition" => term(TermField::Disposition, Vocabulary::Disposition),
        "persistentDisposition_set" => term(TermField::Set, Vocabulary::Disposition),
        "persistentDisposition_unset" => term(TermField::Unset, Vocabulary::Disposition),
        "errorReason" => term(TermField::ErrorReason, Vocabulary::ErrorReason),
        "readPoint" => places(PlaceField::ReadPoint, values, false),
        "bizLocation" => places(PlaceField::BizLocation, values, false),
        "transformationID" => texts(values).map(Clause::Transformation),
        "eventID" => uris(values).map(Clause::EventId),
        "correctiveEventID" | "correctiveEventIDs" => uris(values).map(Clause::CorrectiveId),
        "type" => sensor(SensorText::Type, measurement_types(values)),
        "deviceID" => sensor(SensorText::Device, uris(values)),
        "dataProcessingMethod" => sensor(SensorText::Method, uris(values)),
        "microorganism" => sensor(SensorText::Microorganism, uris(values)),
        "chemicalSubstance" => sensor(SensorText::Substance, uris(values)),
        "bizRules" => sensor(SensorText::Rules, uris(values)),
        "stringValue" => sensor(SensorText::Text, texts(values)),
        "booleanValue" => sensor(SensorText::Truth, values.truth().map(|truth| vec![truth.to_string().into()])),
        "hexBinaryValue" => sensor(SensorText::Hex, hex(values)),
        "uriValue" => sensor(SensorText::Uri, uris(values)),
        _ => return None,
    };
    Some(clause)
}

fn against(compare: Compare, rest: &str, values: &Values, prefixes: &Prefixes) -> Read<Clause> {
    let ge_or_lt = matches!(compare, Compare::GreaterOrEqual | Compare::Less);
    match rest {
        "eventTime" if ge_or_lt => return Ok(Clause::EventTime(compare, values.time()?)),
        "recordTime" if ge_or_lt => return Ok(Clause::RecordTime(compare, values.time()?)),
        "errorDeclaration_Time" | "errorDeclarationTime" if ge_or_lt => {
            return Ok(Clause::DeclarationTime(compare, values.time()?));
        }
        "time" if ge_or_lt => return Ok(Clause::SensorTime(SensorTime::Time, compare, values.time()?)),
        "startTime" if ge_or_lt => return Ok(Clause::SensorTime(SensorTime::Start, compare, values.time()?)),
        "endTime" if ge_or_lt => return Ok(Clause::SensorTime(SensorTime::End, compare, values.time()?)),
        _ => {}
    }
    if let Some(number) = number(rest) {
        return Ok(number.clause(NumberTest::Against(compare, values.number()?)));
    }
    field(rest, prefixes, FieldTest::Against(compare, values.bound()?))
}

fn existing(rest: &str, prefixes: &Prefixes) -> Read<Clause> {
    match rest {
        "errorDeclaration" => Ok(Clause::DeclaresError),
        "sensorElementList" => Ok(Clause::HasSensors),
        _ => field(rest, prefixes, FieldTest::Exists),
    }
}

fn matched(rest: &str, values: &Values) -> Read<Clause> {
    let epc = |field| {
        let wanted = "it is no EPC and no pattern of EPCs";
        Ok(Clause::Epc(field, values.read(wanted, |text| text.parse().ok())?))
    };
    let class = |field| {
        let wanted = "it is no class of EPCs and no pattern of classes";
        Ok(Clause::Class(field, values.read(wanted, |text| text.parse().ok())?))
    };
    match rest {
        "epc" => epc(EpcField::Listed),
        "parentID" => epc(EpcField::Parent),
        "inputEPC" => epc(EpcField::Input),
        "outputEPC" => epc(EpcField::Output),
        "anyEPC" => epc(EpcField::Any),
        "epcClass" => class(ClassField::Listed),
        "inputEPCClass" => class(ClassField::Input),
        "outputEPCClass" => class(ClassField::Output),
        "anyEPCClass" => class(ClassField::Any),
        _ => Err(unknown()),
    }
}

fn place(name: &str) -> Option<PlaceField> {
    match name {
        "readPoint" => Some(PlaceField::ReadPoint),
        "bizLocation" => Some(PlaceField::BizLocation),
        _ => None,
    }
}

fn places(field: PlaceField, values: &Values, descendants: bool) -> Read<Clause> {
    Ok(Clause::Place {
        field,
        ids: identifiers(values)?,
        descendants,
    })
}

/// A number of a quantity or sensor report, and its unit.
struct Number<'a> {
    of: NumberOf,
    unit: Option<&'a str>,
}

enum NumberOf {
    Quantity,
    Sensor(SensorNumber),
}

impl Number<'_> {
    fn clause(self, test: NumberTest) -> Clause {
        let unit = self.unit.map(Into::into);
        match self.of {
            NumberOf::Quantity => Clause::Quantity { unit, test },
            NumberOf::Sensor(field) => Clause::SensorNumber { field, unit, test },
        }
    }
}

/// `quantity`, `quantity_KGM`, `value_CEL`, `percRank`.
fn number(rest: &str) -> Option<Number<'_>> {
    let is_unit =
        |unit: &str| (2..=4).contains(&unit.len()) && unit.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let sensor = |name| match name {
        "value" => Some(SensorNumber::Value),
        "minValue" => Some(SensorNumber::Min),
        "maxValue" => Some(SensorNumber::Max),
        "meanValue" => Some(SensorNumber::Mean),
        "sDev" => Some(SensorNumber::Deviation),
        "percValue" => Some(SensorNumber::PercentileValue),
        _ => None,
    };
    let (of, unit) = match rest.split_once('_') {
        None if rest == "quantity" => (NumberOf::Quantity, None),
        None if rest == "percRank" => (NumberOf::Sensor(SensorNumber::PercentileRank), None),
        None => return None,
        Some(("quantity", unit)) if is_unit(unit) => (NumberOf::Quantity, Some(unit)),
        Some((name, unit)) if is_unit(unit) => (NumberOf::Sensor(sensor(name)?), Some(unit)),
        Some(_) => return None,
    };
    Some(Number { of, unit })
}

/// `[INNER_][ILMD_|…]ex:field`.
fn field(rest: &str, prefixes: &Prefixes, test: FieldTest) -> Read<Clause> {
    const WITHIN: [(&str, Within); 7] = [
        ("ILMD_", Within::Ilmd),
        ("ERROR_DECLARATION_", Within::ErrorDeclaration),
        ("SENSORELEMENT_", Within::Sensor(SensorPart::Element)),
        ("SENSORMETADATA_", Within::Sensor(SensorPart::Metadata)),
        ("SENSORREPORT_", Within::Sensor(SensorPart::Report)),
        ("readPoint_", Within::Place(PlaceField::ReadPoint)),
        ("bizLocation_", Within::Place(PlaceField::BizLocation)),
    ];
    let (inner, rest) = match rest.strip_prefix("INNER_") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let found = WITHIN
        .iter()
        .find_map(|(head, within)| rest.strip_prefix(head).map(|rest| (*within, rest)));
    let (within, rest) = found.unwrap_or((Within::Event, rest));
    let name = prefixes.field(rest).ok_or_else(unknown)?;
    Ok(Clause::Field {
        within,
        inner,
        name,
        test,
    })
}

fn master_field(name: &str) -> Option<MasterField> {
    match name {
        "readPoint" => Some(MasterField::ReadPoint),
        "bizLocation" => Some(MasterField::BizLocation),
        "epcClass" => Some(MasterField::Class),
        "source" => Some(MasterField::Source),
        "destination" => Some(MasterField::Destination),
        _ => None,
    }
}

fn has_attribute(rest: &str, values: &Values, prefixes: &Prefixes) -> Read<Clause> {
    let names = texts(values)?;
    match master_field(rest) {
        Some(field) => Ok(Clause::MasterData {
            field,
            test: AttributeTest::Has(names),
        }),
        None => field(rest, prefixes, FieldTest::HasAttribute(names)),
    }
}

fn attribute(rest: &str, values: &Values, prefixes: &Prefixes) -> Read<Clause> {
    let (name, attribute) = split_attribute(rest).ok_or_else(unknown)?;
    let wanted = texts(values)?;
    match master_field(name) {
        Some(field) => Ok(Clause::MasterData {
            field,
            test: AttributeTest::Equals(attribute.into(), wanted),
        }),
        None => field(name, prefixes, FieldTest::Attribute(attribute.into(), wanted)),
    }
}

fn actions(values: &Values) -> Read<Clause> {
    let read = |text: &str| match text {
        "ADD" => Some(Action::Add),
        "OBSERVE" => Some(Action::Observe),
        "DELETE" => Some(Action::Delete),
        _ => None,
    };
    values.read("it is ADD, OBSERVE or DELETE", read).map(Clause::Action)
}

fn terms(field: TermField, vocabulary: Vocabulary, values: &Values) -> Read<Clause> {
    let wanted = "it is no term of CBV 2.0, and no URI";
    let read = |text: &str| Some(vocabulary.read(text)).filter(|read| read.known && !read.corrected);
    let terms = values.read(wanted, read)?;
    Ok(Clause::Term(field, terms.into_iter().map(|read| read.term).collect()))
}

/// The type in the name of a parameter.
fn term_name(vocabulary: Vocabulary, text: &str) -> Read<Term> {
    let read = vocabulary.read(text);
    if read.known && !read.corrected && !text.is_empty() {
        Ok(read.term)
    } else {
        Err("names a type that CBV 2.0 has not, and that is no URI".to_owned())
    }
}

fn identifiers(values: &Values) -> Read<Vec<Epc>> {
    values.read("it is no identifier: an EPC URN, a GS1 Digital Link or another URI", |text| {
        text.parse().ok()
    })
}

fn texts(values: &Values) -> Read<Vec<Box<str>>> {
    Ok(values.texts()?.into_iter().map(Into::into).collect())
}

fn uris(values: &Values) -> Read<Vec<Box<str>>> {
    let is_uri = |text: &str| {
        text.split_once(':')
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
    };
    values.read("it is no URI", |text| is_uri(text).then(|| text.into()))
}

fn hex(values: &Values) -> Read<Vec<Box<str>>> {
    let is_hex = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    values.read("it is no hexadecimal number of whole bytes", |text| {
        is_hex(text).then(|| text.into())
    })
}

fn measurement_types(values: &Values) -> Read<Vec<Box<str>>> {
    values.read("it is no measurement type of GS1, and no URI", |text| {
        measurement::is_known(text).then(|| text.into())
    })
}
