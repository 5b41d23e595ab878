//! Scalars beyond those of the language.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::time::Micros;

/// A moment in RFC 3339, in UTC when the hub writes it: `2026-11-22T06:50:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub Micros);

/// A moment in RFC 3339, in UTC when the hub writes it: `2026-11-22T06:50:00.000Z`.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        Micros::parse(text)
            .map(Self)
            .map_err(|_| InputValueError::custom("a time is written as RFC 3339 says: 2026-11-22T06:50:00Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.rfc3339())
    }
}

/// A whole number of up to 53 bits, which `Int` cannot hold and every JSON reader can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Long(pub u64);

/// A whole number from 0 to 9007199254740991: more than `Int` can hold, and not more than every JSON reader can.
#[Scalar]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_u64().filter(|number| *number <= MAX),
            Value::Null
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::List(_)
            | Value::Object(_) => None,
        };
        number
            .map(Self)
            .ok_or_else(|| InputValueError::custom("a Long is a whole number from 0 to 9007199254740991"))
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.min(MAX).into())
    }
}

const MAX: u64 = (1 << 53) - 1;
