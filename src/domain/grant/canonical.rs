//! JSON in its one canonical form (RFC 8785), and moments as text in it.
//!
//! Numbers are whole and small here: fractions would need the number form of ECMAScript, and nothing that is signed has any.

use serde_json::Value;

/// The value in canonical form: members in the order of their UTF-16 code units, no white space, strings escaped only where they must be.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
        Value::Array(list) => {
            text.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
    }
}

/// A moment as RFC 3339 in UTC: microseconds would not fit a JSON number everywhere.
pub(super) mod moment {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::time::Micros;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(in crate::domain::grant) fn serialize<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&at.rfc3339())
    }

    pub(in crate::domain::grant) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        let text = String::deserialize(deserializer)?;
        Micros::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The same where there may be none.
pub(super) mod moments {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::time::Micros;

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::domain::grant) fn serialize<S: Serializer>(at: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&at.rfc3339()),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::domain::grant) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Micros>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let parsed = text.map(|text| Micros::parse(&text).map_err(serde::de::Error::custom));
        parsed.transpose()
    }
}
