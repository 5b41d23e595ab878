//! What each party saw of the same pack, side by side.

use serde_json::Value;

/// One column of the table.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whose view.
    pub(super) party: String,
    /// The `provenance` answer, null if it may see none.
    pub(super) provenance: Value,
}

/// The stations of the story, by the role of the party there.
const STATIONS: [(&str, &str); 4] = [
    ("CMO", "packed by"),
    ("LOGISTICS", "then had by"),
    ("WHOLESALER", "then had by"),
    ("DISPENSER", "then had by"),
];

/// A table of lines × parties. A station that a party does not see is a gap in its column.
pub(super) fn table(columns: &[Seen]) -> String {
    let found = |seen: &Seen| {
        if seen.provenance.is_null() {
            "not found".to_owned()
        } else {
            "found".to_owned()
        }
    };
    let mut lines: Vec<(&str, Vec<String>)> = vec![
        ("the pack is", columns.iter().map(found).collect()),
        ("lot", cells(columns, |provenance| text(&provenance["lot"]))),
        ("manufacturer", cells(columns, |provenance| text(&provenance["manufacturer"]))),
        ("bought from", cells(columns, |provenance| text(&provenance["previousOwner"]))),
        ("chain unbroken", cells(columns, |provenance| text(&provenance["unbroken"]))),
    ];
    lines.extend(STATIONS.map(|(role, name)| (name, cells(columns, |provenance| station(provenance, role)))));
    let heads: Vec<String> = columns.iter().map(|seen| seen.party.clone()).collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|(_, cells)| cells[column].chars().count())
            .chain([heads[column].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let row = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("  {name:<15} {}", cells.join("  ")).trim_end().to_owned() + "\n"
    };
    let mut out = row("", &heads);
    for (name, cells) in &lines {
        out.push_str(&row(name, cells));
    }
    out
}

fn cells(columns: &[Seen], read: impl Fn(&Value) -> String) -> Vec<String> {
    columns
        .iter()
        .map(|seen| {
            if seen.provenance.is_null() {
                "-".to_owned()
            } else {
                read(&seen.provenance)
            }
        })
        .collect()
}

/// `name or (role), country, month`: what is withheld is left out.
fn station(provenance: &Value, role: &str) -> String {
    let hops = provenance["hops"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(hop) = hops.iter().find(|hop| hop["role"] == role) else {
        return String::new();
    };
    let who = if hop["party"].is_null() {
        format!("(a {})", role.to_lowercase())
    } else {
        text(&hop["party"])
    };
    [who, text(&hop["country"]), text(&hop["month"])]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // The first word of the name is enough to tell the example parties apart.
        Value::Object(members) => members
            .get("legalName")
            .map(text)
            .unwrap_or_default()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
