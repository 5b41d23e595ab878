//! `counterfoil schema …`: what the hub promises, as it is committed in `schema/`: the GraphQL schema, the problem types, the
//! catalogue of findings.

use std::fmt::Write as _;
use std::io::Write;

use clap::Subcommand;

use crate::domain::finding::{Class, FindingCode, Severity};
use crate::domain::profile::{Base, Level, Profile};
use crate::transport::{graphql, problem};

/// `counterfoil schema …`
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Print the GraphQL schema in the schema definition language.
    Print,
    /// Print the table of problem types and error codes as JSON.
    Problems,
    /// Print the catalogue of findings as a page of Markdown.
    Findings,
}

/// Runs the command.
pub fn run(command: SchemaCommand) -> std::io::Result<()> {
    match command {
        SchemaCommand::Print => print(&mut std::io::stdout().lock()),
        SchemaCommand::Findings => std::io::stdout().lock().write_all(findings().as_bytes()),
        SchemaCommand::Problems => std::io::stdout().lock().write_all(problem::table().as_bytes()),
    }
}

/// Writes the schema in the schema definition language.
pub fn print(out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(graphql::sdl().as_bytes())
}

/// The catalogue of findings as a page, as committed in `schema/findings.md`.
#[must_use]
pub fn findings() -> String {
    let mut page = FINDINGS.to_owned();
    let mut class = None;
    for code in FindingCode::ALL.iter().copied() {
        if class.replace(code.class()) != Some(code.class()) {
            let (title, what) = title(code.class());
            let _ = write!(
                page,
                "\n## {title}\n\n{what}\n\n| | code | lenient | strict | may be set to | cause | fix |\n"
            );
            page.push_str("|-|-|-|-|-|-|-|\n");
        }
        let by = |base| Profile::new(base).severity(code).map_or("ignore", Severity::as_str);
        let allowed: Vec<&str> = Level::ALL
            .into_iter()
            .filter(|level| code.allows(*level))
            .map(Level::as_str)
            .collect();
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {} | {} | {} | {} |",
            code.number(),
            code.as_str(),
            by(Base::Lenient),
            by(Base::Strict),
            allowed.join(", "),
            code.cause(),
            code.fix().replace('|', "\\|"),
        );
    }
    page
}

const FINDINGS: &str = "# Findings

What the hub can notice about a document, an event or a thing. Numbers and codes never change their meaning. `warning` and `error`
are stored beside what they are about; `refusal` stops the whole document.

A partner's file says how its documents are judged: `profile = \"lenient\"` or `\"strict\"` in `[capture]`, and the severity of single
codes in `[capture.severity]`.

This page is printed by `counterfoil schema findings`.
";

const fn title(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Form => ("Form", "The document cannot be read, or not whole."),
        Class::Schema => (
            "Schema",
            "The published schema of the document's version does not allow it; its meaning is beyond doubt.",
        ),
        Class::Rule => ("Rules", "Rules of EPCIS, CBV and GS1 identifiers that no schema holds."),
        Class::Right => ("Rights", "What a party may not say."),
        Class::State => (
            "State",
            "What does not fit what the hub knows of the goods; it clears by itself when that changes.",
        ),
        Class::Past => ("Past", "No longer given; met in what earlier releases noticed."),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_catalogue_is_current() {
        let committed = include_str!("../../schema/findings.md");
        assert_eq!(
            super::findings(),
            committed,
            "run `counterfoil schema findings > schema/findings.md`"
        );
    }

    #[test]
    fn the_committed_schema_is_current() {
        let mut printed = Vec::new();
        super::print(&mut printed).unwrap();
        let committed = include_str!("../../schema/counterfoil.graphql");
        assert_eq!(
            String::from_utf8(printed).unwrap(),
            committed,
            "run `counterfoil schema print > schema/counterfoil.graphql`"
        );
    }
}
