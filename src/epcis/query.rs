//! Parameters of EPCIS queries to [`Query`]: of a URL (EPCIS 2.0 clause 12.7) and of a JSON query document
//! (`query-schema.json`).
//!
//! An allow-list: a name, a value or a combination that is not known is refused, with the name of the parameter. To pass
//! over one would answer more than was asked for. Where artefacts of the standard spell a name in two ways, both are taken
//! (`EQ_ATTR_…` and `EQATTR_…`, `GE_errorDeclaration_Time` and `GE_errorDeclarationTime`).
//!
//! What it deliberately does not know: pages, tokens and headers, which are of the binding.

mod name;
mod parameter;
mod value;

use self::parameter::Part;
use crate::domain::query::field::Compare;
use crate::domain::query::order::{Order, OrderBy};
use crate::domain::query::{Clause, Count, Query};

pub use self::name::Prefixes;
pub use self::value::Values;

/// Most parameters in one query.
pub const PARAMETERS: usize = 100;

/// A parameter that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}` {detail}")]
pub struct Wrong {
    /// Its name, cut and made visible.
    pub parameter: String,
    /// What is wrong with it and what to do.
    pub detail: String,
}

impl Wrong {
    fn new(parameter: &str, detail: impl Into<String>) -> Self {
        let parameter = parameter.chars().filter(|c| !c.is_control()).take(120).collect();
        Self {
            parameter,
            detail: detail.into(),
        }
    }
}

/// Reads the parameters of a URL, paging left out. A list may be parted by `|`, or its name be repeated.
///
/// # Errors
/// The first parameter that cannot be taken.
pub fn of_url(parameters: &[(String, String)], prefixes: &Prefixes) -> Result<Query, Wrong> {
    let mut gathered: Vec<(&str, Values)> = Vec::new();
    for (name, text) in parameters {
        let spelt = Values::spelt(text);
        match gathered.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.join(spelt),
            None => gathered.push((name, spelt)),
        }
    }
    read(gathered.iter().map(|(name, values)| (*name, values)), prefixes)
}

/// A JSON query document: its members in the order sent, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Document(Vec<(String, serde_json::Value)>);

impl Document {
    /// The query. No URL of its `@context` is fetched.
    ///
    /// # Errors
    /// The first parameter that cannot be taken.
    pub fn query(&self) -> Result<Query, Wrong> {
        let mut prefixes = Prefixes::default();
        for (_, context) in self.0.iter().filter(|(name, _)| name == "@context") {
            prefixes
                .declare_context(context)
                .map_err(|detail| Wrong::new("@context", detail))?;
        }
        let mut gathered = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, _)| name != "@context") {
            let values = Values::typed(value).map_err(|detail| Wrong::new(name, detail))?;
            gathered.push((name.as_str(), values));
        }
        read(gathered.iter().map(|(name, values)| (*name, values)), &prefixes)
    }
}

impl serde::Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> serde::Deserialize<'de> for Document {
    /// A member that stands twice is refused: two readers would not take the same one.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Document;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object whose members are parameters of a query")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut members: Vec<(String, serde_json::Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    if members.len() > PARAMETERS || members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("a parameter stands twice, or there are too many"));
                    }
                    members.push((name, value));
                }
                Ok(Document(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A query that is asked again and again, as it was given: a JSON document, or parameters with their texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// A JSON query document.
    Document(Document),
    /// Names and texts, as of an XML message.
    Texts(Vec<(String, Vec<String>)>),
}

impl Standing {
    /// The query.
    ///
    /// # Errors
    /// The first parameter that cannot be taken.
    pub fn query(&self) -> Result<Query, Wrong> {
        match self {
            Self::Document(document) => document.query(),
            Self::Texts(parameters) => of_texts(parameters),
        }
    }

    /// For storage: an object, or a list.
    ///
    /// # Errors
    /// Never, unless memory ends.
    pub fn to_text(&self) -> serde_json::Result<String> {
        match self {
            Self::Document(document) => serde_json::to_string(document),
            Self::Texts(parameters) => serde_json::to_string(parameters),
        }
    }

    /// From storage.
    ///
    /// # Errors
    /// It is neither.
    pub fn of_text(text: &str) -> serde_json::Result<Self> {
        if text.starts_with('[') {
            serde_json::from_str(text).map(Self::Texts)
        } else {
            serde_json::from_str(text).map(Self::Document)
        }
    }
}

/// Reads parameters whose values are texts, as in an XML message: a list is a list, whatever is in its texts.
///
/// # Errors
/// The first parameter that cannot be taken.
pub fn of_texts(parameters: &[(String, Vec<String>)]) -> Result<Query, Wrong> {
    let mut gathered: Vec<(&str, Values)> = Vec::new();
    for (name, texts) in parameters {
        if gathered.iter().any(|(known, _)| known == name) {
            return Err(Wrong::new(name, "stands twice"));
        }
        gathered.push((name, Values::listed(texts)));
    }
    read(gathered.iter().map(|(name, values)| (*name, values)), &Prefixes::default())
}

fn read<'a>(given: impl Iterator<Item = (&'a str, &'a Values)>, prefixes: &Prefixes) -> Result<Query, Wrong> {
    let mut draft = Draft::default();
    for (at, (name, values)) in given.enumerate() {
        if at == PARAMETERS {
            return Err(Wrong::new(name, format!("is more than {PARAMETERS} parameters in")));
        }
        let part = parameter::read(name, values, prefixes).map_err(|detail| Wrong::new(name, detail))?;
        draft.take(part);
    }
    draft.finish()
}

/// A query of which not all parameters have been read.
#[derive(Default)]
struct Draft {
    clauses: Vec<Clause>,
    order_by: Option<OrderBy>,
    descending: Option<bool>,
    first: Option<usize>,
    at_most: Option<usize>,
}

impl Draft {
    fn take(&mut self, part: Part) {
        match part {
            Part::Clause(clause) => self.clauses.push(clause),
            Part::Nothing => {}
            Part::OrderBy(by) => self.order_by = Some(by),
            Part::Descending(descending) => self.descending = Some(descending),
            Part::First(count) => self.first = Some(count),
            Part::AtMost(count) => self.at_most = Some(count),
        }
    }

    fn finish(self) -> Result<Query, Wrong> {
        let count = match (self.first, self.at_most) {
            (Some(_), Some(_)) => {
                return Err(Wrong::new(
                    "eventCountLimit",
                    "and `maxEventCount` exclude one another: leave one of them out",
                ));
            }
            (Some(_), None) if self.order_by.is_none() => {
                return Err(Wrong::new(
                    "eventCountLimit",
                    "needs `orderBy`: without it, which events are the first is not said",
                ));
            }
            (Some(count), None) => Count::First(count),
            (None, Some(count)) => Count::AtMost(count),
            (None, None) => Count::All,
        };
        // The direction alone is one of the order that the hub answers in anyway.
        let by = self.order_by.or_else(|| self.descending.map(|_| OrderBy::RecordTime));
        let order = by.map(|by| Order {
            by,
            descending: self.descending.unwrap_or(true),
        });
        Ok(Query {
            clauses: self.clauses,
            order,
            count,
        })
    }
}

/// How the five comparisons are spelt.
fn comparison(text: &str) -> Option<Compare> {
    match text {
        "GT" => Some(Compare::Greater),
        "GE" => Some(Compare::GreaterOrEqual),
        "LT" => Some(Compare::Less),
        "LE" => Some(Compare::LessOrEqual),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
