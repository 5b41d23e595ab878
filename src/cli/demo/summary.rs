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

/// A table of lines × parties.
pub(super) fn table(columns: &[Seen]) -> String {
    let lines: Vec<(&str, Vec<String>)> = vec![
        ("sees the pack", columns.iter().map(|seen| if seen.provenance.is_null() { "not found".into() } else { "yes".into() }).collect()),
        ("lot", cells(columns, |p| text(&p["lot"]))),
        ("manufacturer", cells(columns, |p| text(&p["manufacturer"]))),
        ("previous owner", cells(columns, |p| text(&p["previousOwner"]))),
        ("unbroken", cells(columns, |p| text(&p["unbroken"]))),
        ("hops", cells(columns, |p| p["hops"].as_array().map_or_else(String::new, |hops| hops.len().to_string()))),
        ("hop 1", hop(columns, 0)),
        ("hop 2", hop(columns, 1)),
        ("hop 3", hop(columns, 2)),
        ("hop 4", hop(columns, 3)),
    ];
    let heads: Vec<String> = columns.iter().map(|seen| seen.party.clone()).collect();
    let width = |column: usize| lines.iter().map(|(_, cells)| cells[column].chars().count()).chain([heads[column].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let row = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {name:<15} {}", cells.join("  ")).trim_end().to_owned() + "\n"
    };
    let mut out = row("", &heads);
    for (name, cells) in lines.iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())) {
        out.push_str(&row(name, cells));
    }
    out
}

fn cells(columns: &[Seen], read: impl Fn(&Value) -> String) -> Vec<String> {
    columns.iter().map(|seen| if seen.provenance.is_null() { "-".to_owned() } else { read(&seen.provenance) }).collect()
}

/// `name or role, country, month`: what is withheld is left out.
fn hop(columns: &[Seen], index: usize) -> Vec<String> {
    columns
        .iter()
        .map(|seen| {
            let hop = &seen.provenance["hops"][index];
            if hop.is_null() {
                return String::new();
            }
            let who = if hop["party"].is_null() { format!("({})", text(&hop["role"]).to_lowercase()) } else { text(&hop["party"]) };
            [who, text(&hop["country"]), text(&hop["month"])].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) => members.get("legalName").or_else(|| members.get("id")).map(text).unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
