//! `counterfoil schema print`: the GraphQL schema, as committed in `schema/counterfoil.graphql`.

use std::io::Write;

use clap::Subcommand;

use crate::transport::{graphql, problem};

/// `counterfoil schema …`
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Print the GraphQL schema in the schema definition language.
    Print,
    /// Print the table of problem types and error codes as JSON.
    Problems,
}

/// Runs the command.
pub fn run(command: SchemaCommand) -> std::io::Result<()> {
    match command {
        SchemaCommand::Print => print(&mut std::io::stdout().lock()),
        SchemaCommand::Problems => std::io::stdout().lock().write_all(problem::table().as_bytes()),
    }
}

/// Writes the schema in the schema definition language.
pub fn print(out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(graphql::sdl().as_bytes())
}

#[cfg(test)]
mod tests {
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
