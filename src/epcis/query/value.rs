//! Values of parameters: the texts of a URL, or JSON with its types. Errors say what would have been right; whoever
//! asks adds the name of the parameter.

use crate::domain::query::field::{self, Value};
use crate::domain::time::Micros;

/// Most values of one parameter.
pub(super) const VALUES: usize = 1_000;

/// What a parameter was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    all: Vec<Literal>,
    form: Form,
}

/// How it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In a URL: all is text, and one value looks like a list of one.
    Spelt,
    /// A JSON array.
    List,
    /// A JSON value that is none.
    Single,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Text(String),
    Number(String),
    Truth(bool),
    Null,
}

impl Values {
    /// Of a URL.
    #[must_use]
    pub fn spelt(text: &str) -> Self {
        Self {
            all: text
                .split('|')
                .take(VALUES + 1)
                .map(|part| Literal::Text(part.trim().to_owned()))
                .collect(),
            form: Form::Spelt,
        }
    }

    /// Texts of a list that is one, or of one value.
    pub(super) fn listed(texts: &[String]) -> Self {
        Self {
            all: texts
                .iter()
                .take(VALUES + 1)
                .map(|text| Literal::Text(text.trim().to_owned()))
                .collect(),
            form: Form::Spelt,
        }
    }

    /// The same parameter once more.
    pub(super) fn join(&mut self, more: Self) {
        let room = (VALUES + 1).saturating_sub(self.all.len());
        self.all.extend(more.all.into_iter().take(room));
    }

    /// Of a JSON document.
    pub(super) fn typed(value: &serde_json::Value) -> Result<Self, String> {
        let literal = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => Ok(Literal::Text(text.trim().to_owned())),
            serde_json::Value::Number(number) => Ok(Literal::Number(number.to_string())),
            serde_json::Value::Bool(truth) => Ok(Literal::Truth(*truth)),
            serde_json::Value::Null => Ok(Literal::Null),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                Err("is no text, number or truth value, and no list of them".to_owned())
            }
        };
        match value {
            serde_json::Value::Array(items) => Ok(Self {
                all: items.iter().take(VALUES + 1).map(literal).collect::<Result<_, _>>()?,
                form: Form::List,
            }),
            other => Ok(Self {
                all: vec![literal(other)?],
                form: Form::Single,
            }),
        }
    }

    /// One or more texts.
    pub(super) fn texts(&self) -> Result<Vec<&str>, String> {
        let wanted = "is a list of texts, none of them empty";
        let mut texts = Vec::new();
        for literal in self.list(wanted)? {
            match literal {
                Literal::Text(text) if !text.is_empty() => texts.push(text.as_str()),
                Literal::Text(_) | Literal::Number(_) | Literal::Truth(_) | Literal::Null => return Err(wanted.to_owned()),
            }
        }
        Ok(texts)
    }

    /// One or more, each of which `read` takes.
    pub(super) fn read<T>(&self, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
        let texts = self.texts()?;
        let one = |text: &str| read(text).ok_or_else(|| format!("has the value `{}`: {wanted}", short(text)));
        texts.into_iter().map(one).collect()
    }

    fn list(&self, wanted: &str) -> Result<&[Literal], String> {
        if self.form == Form::Single || self.all.is_empty() {
            return Err(wanted.to_owned());
        }
        if self.all.len() > VALUES {
            return Err(format!("has more than {VALUES} values"));
        }
        Ok(&self.all)
    }

    fn single(&self, wanted: &str) -> Result<&Literal, String> {
        match (self.form, self.all.as_slice()) {
            (Form::Spelt | Form::Single, [one]) => Ok(one),
            (Form::Spelt, _) => Err(format!("has more than one value: {wanted}")),
            (Form::List | Form::Single, _) => Err(wanted.to_owned()),
        }
    }

    /// One text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self.single("is one text")? {
            Literal::Text(text) if !text.is_empty() => Ok(text),
            Literal::Text(_) | Literal::Number(_) | Literal::Truth(_) | Literal::Null => Err("is one text".to_owned()),
        }
    }

    /// One time with its zone.
    pub(super) fn time(&self) -> Result<Micros, String> {
        let wanted = "is one time: write it as 2026-11-22T06:50:00Z, or with another zone";
        match self.single(wanted)? {
            Literal::Text(text) => parse_time(text).ok_or_else(|| wanted.to_owned()),
            Literal::Number(_) | Literal::Truth(_) | Literal::Null => Err(wanted.to_owned()),
        }
    }

    /// One number.
    pub(super) fn number(&self) -> Result<f64, String> {
        self.number_of(self.single("is one number")?)
    }

    /// One or more numbers.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        let all = self.list("is a list of numbers")?;
        all.iter().map(|literal| self.number_of(literal)).collect()
    }

    fn number_of(&self, literal: &Literal) -> Result<f64, String> {
        let read = match (literal, self.form) {
            (Literal::Number(text), _) | (Literal::Text(text), Form::Spelt) => field::number(text),
            (Literal::Text(_) | Literal::Truth(_) | Literal::Null, _) => None,
        };
        read.ok_or_else(|| "has a value that is no number".to_owned())
    }

    /// One whole number from `least`.
    pub(super) fn count(&self, least: usize) -> Result<usize, String> {
        let wanted = format!("is one whole number from {least}");
        let read = match (self.single(&wanted)?, self.form) {
            (Literal::Number(text), _) | (Literal::Text(text), Form::Spelt) => text.parse::<usize>().ok(),
            (Literal::Text(_) | Literal::Truth(_) | Literal::Null, _) => None,
        };
        read.filter(|count| *count >= least).ok_or(wanted)
    }

    /// `true` or `false`.
    pub(super) fn truth(&self) -> Result<bool, String> {
        let wanted = "is `true` or `false`";
        match (self.single(wanted)?, self.form) {
            (Literal::Truth(truth), _) => Ok(*truth),
            (Literal::Text(text), Form::Spelt) if text == "true" => Ok(true),
            (Literal::Text(text), Form::Spelt) if text == "false" => Ok(false),
            (Literal::Text(_) | Literal::Number(_) | Literal::Null, _) => Err(wanted.to_owned()),
        }
    }

    /// Of `EXISTS_…`: the standard's artefacts have no value, a truth value or a number that may be null. `false` asks nothing.
    pub(super) fn presence(&self) -> Result<bool, String> {
        let wanted = "has no value, or `true`; `false` asks nothing";
        match self.single(wanted)? {
            Literal::Null => Ok(true),
            Literal::Truth(truth) => Ok(*truth),
            Literal::Number(text) | Literal::Text(text) => match text.as_str() {
                "" | "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(wanted.to_owned()),
            },
        }
    }

    /// What an extension field may be equal to: texts, one number, or one time.
    pub(super) fn equal(&self) -> Result<Vec<Value>, String> {
        if self.form == Form::Single {
            return Ok(vec![self.bound()?]);
        }
        Ok(self.texts()?.into_iter().map(|text| Value::Text(text.into())).collect())
    }

    /// What an extension field is compared with: a number, a time or a date.
    pub(super) fn bound(&self) -> Result<Value, String> {
        let wanted = "is compared with one number, time or date: 12.5, 2026-11-22T06:50:00Z, 2026-11-22";
        let read = match (self.single(wanted)?, self.form) {
            (Literal::Number(text), _) => field::number(text).map(Value::Number),
            (Literal::Text(text), Form::Spelt) => field::number(text).map(Value::Number).or_else(|| time_or_date(text)),
            (Literal::Text(text), Form::Single | Form::List) => time_or_date(text),
            (Literal::Truth(_) | Literal::Null, _) => None,
        };
        read.ok_or_else(|| wanted.to_owned())
    }
}

fn time_or_date(text: &str) -> Option<Value> {
    parse_time(text).or_else(|| field::time(text)).map(Value::Time)
}

/// In a URL, `+` of a zone that was not escaped reads as a space.
fn parse_time(text: &str) -> Option<Micros> {
    Micros::parse(text)
        .or_else(|_| Micros::parse(&text.replacen(' ', "+", 1)))
        .ok()
        .filter(|_| text.contains('T'))
}

pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
