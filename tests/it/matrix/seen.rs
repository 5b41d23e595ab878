//! What each caller saw of a record, field by field, next to who sees most of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::hub::Answer;
use crate::worlds::schema::Schema;

/// Values by the path of their field.
type Values = BTreeMap<String, Vec<Value>>;

/// One caller's.
enum Got {
    /// Without a certificate.
    Refused,
    /// An error.
    Error(String),
    /// Nothing is there.
    Nothing(bool),
    /// The fields of what is there; of a list, of the records that are in the whole one.
    Some { values: Values, answer: String },
}

pub struct Seen {
    got: Vec<Got>,
    whole: usize,
    covered: BTreeSet<String>,
}

impl Seen {
    /// Of answers to one root field, each with whether it is that of a hub without the scene; `whole` is who sees most.
    pub fn new(schema: &Schema, (field, of): (&str, &str), answers: &[(&Answer, bool)], whole: usize) -> Self {
        let value = |answer: &Answer| answer.json()["data"][field].clone();
        let most = records(&value(answers[whole].0)).map(|records| records.iter().map(key).collect::<BTreeSet<_>>());
        let object = of.strip_suffix("Connection").unwrap_or(of);
        let mut covered = BTreeSet::new();
        let got = answers.iter().map(|(answer, same)| {
            if answer.status == 401 {
                return Got::Refused;
            }
            let body = answer.json();
            if let Some(code) = body["errors"][0]["extensions"]["code"].as_str() {
                return Got::Error(if *same { code.to_owned() } else { format!("{code}*") });
            }
            let value = value(answer);
            covering(schema, object, &value, &mut covered);
            let (shown, answer) = match (records(&value), &most) {
                (Some(found), Some(most)) => {
                    let total = found.len();
                    let mut shared: Vec<Value> = found.into_iter().filter(|record| most.contains(&key(record))).collect();
                    shared.sort_by_key(key);
                    let further = match total - shared.len() {
                        0 => String::new(),
                        further => format!("+{further}"),
                    };
                    let answer = format!("{} of {}{further}", shared.len(), most.len());
                    (Value::Array(shared), answer)
                }
                _ => (value.clone(), if *same { "same" } else { "shown" }.to_owned()),
            };
            if shown.is_null()
                || shown.as_array().is_some_and(Vec::is_empty) && answer.starts_with("0 of") && !answer.contains('+')
            {
                return Got::Nothing(*same);
            }
            let mut values = Values::new();
            flat(schema, object, &shown, "", &mut values);
            Got::Some { values, answer }
        });
        Self {
            got: got.collect(),
            whole,
            covered,
        }
    }

    /// Fields of objects that had a value for somebody.
    pub fn covered(&self) -> BTreeSet<String> {
        self.covered.clone()
    }

    /// The cells of the line about the answer as such.
    pub fn answers(&self) -> Vec<String> {
        let cell = |got: &Got| match got {
            Got::Refused => "401".to_owned(),
            Got::Error(code) => code.clone(),
            Got::Nothing(true) => "same".to_owned(),
            Got::Nothing(false) => "nothing".to_owned(),
            Got::Some { answer, .. } => answer.clone(),
        };
        self.got.iter().map(cell).collect()
    }

    /// Cells with the fields that have them, in the order of the fields.
    pub fn rows(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let Some(Got::Some { values: whole, .. }) = self.got.get(self.whole) else {
            return Vec::new();
        };
        let mut paths: BTreeSet<&String> = whole.keys().collect();
        for got in &self.got {
            if let Got::Some { values, .. } = got {
                paths.extend(values.keys());
            }
        }
        let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for path in paths {
            let most = whole.get(path);
            let cell = |got: &Got| match got {
                Got::Refused => "401".to_owned(),
                Got::Error(_) | Got::Nothing(_) => "absent".to_owned(),
                Got::Some { values, .. } => match (values.get(path), most) {
                    (None, _) => "-",
                    (mine, most) if mine == most => "full",
                    (Some(_), _) => "part",
                }
                .to_owned(),
            };
            let cells: Vec<String> = self.got.iter().map(cell).collect();
            match rows.iter_mut().find(|(same, _)| *same == cells) {
                Some((_, fields)) => fields.push(path.clone()),
                None => rows.push((cells, vec![path.clone()])),
            }
        }
        rows
    }
}

/// The records of a list; none of what is no list.
fn records(value: &Value) -> Option<Vec<Value>> {
    let nodes = value.get("nodes").unwrap_or(value);
    nodes.as_array().cloned()
}

/// What makes a record the same one for two callers.
fn key(record: &Value) -> String {
    if let Some(id) = record["id"].as_str() {
        return id.to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = [
        &record["gtin"],
        &record["serial"],
        &record["role"],
        &record["party"]["gln"],
        &record["root"],
    ];
    names.map(text).join(" ")
}

/// Every leaf that has a value, by its path below the record.
fn flat(schema: &Schema, object: &str, value: &Value, path: &str, values: &mut Values) {
    match value {
        Value::Null => {}
        Value::Array(list) => list.iter().for_each(|one| flat(schema, object, one, path, values)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| *name != "__typename") {
                let Some(field) = schema.fields(object).iter().find(|field| field.name == *name) else {
                    continue;
                };
                let inner = field.of.strip_suffix("Connection");
                let (of, value) = match inner {
                    Some(of) => (of, &value["nodes"]),
                    None => (field.of.as_str(), value),
                };
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flat(schema, of, value, &path, values);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => values.entry(path.to_owned()).or_default().push(value.clone()),
    }
}

/// Which fields of which objects have a value here. A list that is empty has none.
pub fn covering(schema: &Schema, object: &str, value: &Value, covered: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|one| covering(schema, object, one, covered)),
        Value::Object(fields) => {
            if let Some(nodes) = fields.get("nodes").filter(|_| fields.contains_key("pageInfo")) {
                let of = object.strip_suffix("Connection").unwrap_or(object);
                return covering(schema, of, nodes, covered);
            }
            for (name, value) in fields.iter().filter(|(name, _)| *name != "__typename") {
                let Some(field) = schema.fields(object).iter().find(|field| field.name == *name) else {
                    continue;
                };
                let nodes = field.of.ends_with("Connection").then(|| &value["nodes"]);
                let is_there = !nodes.unwrap_or(value).is_null() && !nodes.unwrap_or(value).as_array().is_some_and(Vec::is_empty);
                if is_there {
                    covered.insert(format!("{object}.{name}"));
                }
                covering(schema, &field.of, value, covered);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_cell_says_what_the_caller_got() {
        let answer = |status: u16, body: Value| Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        };
        let item = |item: Value| answer(200, json!({"data": {"item": item}}));
        let answers = [
            item(json!({"id": "itm_1", "lot": "L1", "expiry": "2029", "owner": {"gln": "1"}, "disposition": null})),
            item(json!({"id": "itm_1", "lot": "L2", "expiry": null, "owner": null, "disposition": "active"})),
            item(Value::Null),
            answer(401, json!({})),
            answer(200, json!({"data": null, "errors": [{"extensions": {"code": "NOT_FOUND"}}]})),
        ];
        let pairs: Vec<(&Answer, bool)> = answers.iter().zip([false, false, true, true, false]).collect();
        let seen = Seen::new(&Schema::committed(), ("item", "Item"), &pairs, 0);
        assert_eq!(seen.answers(), ["shown", "shown", "same", "401", "NOT_FOUND*"]);
        let rows: BTreeMap<String, Vec<String>> = seen
            .rows()
            .into_iter()
            .flat_map(|(cells, fields)| fields.into_iter().map(move |field| (field, cells.clone())))
            .collect();
        let expect = [
            ("disposition", ["-", "part"]),
            ("expiry", ["full", "-"]),
            ("id", ["full", "full"]),
            ("lot", ["full", "part"]),
            ("owner.gln", ["full", "-"]),
        ];
        assert_eq!(rows.len(), expect.len(), "{rows:#?}");
        for (field, [whole, other]) in expect {
            assert_eq!(rows[field], [whole, other, "absent", "401", "absent"], "{field}");
        }
        assert!(seen.covered().contains("Item.disposition") && !seen.covered().contains("Item.parent"));
    }
}
