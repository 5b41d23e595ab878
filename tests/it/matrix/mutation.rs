//! How a mutation is asked for, and what it came to.

use serde_json::Value;

use crate::hub::Answer;

/// Declarations of the variables of a mutation, from the committed schema.
pub fn graphql_types(mutation: &str, arguments: &[String]) -> String {
    let schema = include_str!("../../../schema/counterfoil.graphql");
    let (_, body) = schema.split_once("type Mutation {").expect("mutations");
    let (_, body) = body.split_once(&format!("\t{mutation}(")).expect("the mutation");
    let (body, _) = body.split_once("): ").expect("its arguments");
    let of = |name: &String| {
        let (_, rest) = body.split_once(&format!("\n\t\t{name}: ")).expect("the argument");
        let of = rest
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches(',')
            .split(" = ")
            .next()
            .unwrap_or_default()
            .to_owned();
        format!("${name}: {of}")
    };
    arguments.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// What a mutation came to, and its payload.
pub fn outcome(answer: &Answer, field: &str) -> (String, Value) {
    if answer.status == 401 {
        return ("401".to_owned(), Value::Null);
    }
    let body = answer.json();
    if let Some(code) = body["errors"][0]["extensions"]["code"].as_str() {
        return (code.to_owned(), Value::Null);
    }
    let payload = body["data"][field].clone();
    let cell = match payload["status"].as_str() {
        None | Some("ALLOCATED" | "TRANSFERRED" | "ROTATED" | "CLOSED" | "PENDING_APPROVAL") => "done".to_owned(),
        Some(status) => status.to_owned(),
    };
    (cell, payload)
}
