//! `counterfoil schema print`: the GraphQL schema, as committed in `schema/counterfoil.graphql`.

use std::io::Write;

use crate::transport::graphql;

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
        assert_eq!(String::from_utf8(printed).unwrap(), committed, "run `counterfoil schema print > schema/counterfoil.graphql`");
    }
}
