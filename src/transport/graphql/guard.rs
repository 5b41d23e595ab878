//! What is refused before a GraphQL document is validated or run, in time linear to its length.
//!
//! The library's own limits are checked on the expanded document, by walking it: a few hundred bytes of fragments that
//! spread each other eight times a level keep it busy for hours. Here each fragment is counted once.
//!
//! Knows the document's shape, not the schema: cost per field is the schema's `limit_complexity`.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Pos, Positioned};

use crate::config::settings::Limits;

/// Deepest nesting of brackets of any kind: the parser recurses once a bracket, on the stack.
const MAX_NESTING: usize = 64;

/// Why a document is not run. Its text never repeats the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefused {
    /// Does not parse.
    #[error("the query does not parse")]
    Syntax(Vec<Pos>),
    /// A fragment that spreads itself, directly or through others.
    #[error("a fragment spreads itself")]
    Cycle,
    /// More of something than a limit allows.
    #[error("the query has {what} of more than {limit}: ask for less, or in several requests")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Parses a document and holds its shape against the limits.
pub fn parse(query: &str, limits: &Limits) -> Result<ExecutableDocument, QueryRefused> {
    at_most("a length in bytes", query.len(), limits.graphql_query_bytes)?;
    let shape = lex(query);
    at_most("a nesting of brackets", shape.nesting, MAX_NESTING)?;
    // Parsing is linear too, but a thousand times slower than this.
    at_most("fragment spreads", shape.spreads, limits.graphql_spreads)?;
    let document = parse_query(query).map_err(|error| QueryRefused::Syntax(positions(&error)))?;
    check(&document, limits)?;
    Ok(document)
}

fn positions(error: &parser::Error) -> Vec<Pos> {
    error.positions().take(1).collect()
}

fn at_most(what: &'static str, count: usize, limit: usize) -> Result<(), QueryRefused> {
    if count > limit {
        Err(QueryRefused::TooMuch { what, limit })
    } else {
        Ok(())
    }
}

/// What can be counted before parsing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shape {
    /// Deepest nesting of brackets.
    nesting: usize,
    /// Spreads of named fragments.
    spreads: usize,
}

/// Counts outside strings and comments. Where a string does not end on its line, it ends there, so that a stray quote
/// hides nothing.
fn lex(query: &str) -> Shape {
    let bytes = query.as_bytes();
    let (mut shape, mut depth, mut at) = (Shape::default(), 0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                shape.nesting = shape.nesting.max(depth);
                1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'#' => bytes[at..]
                .iter()
                .position(|byte| matches!(byte, b'\n' | b'\r'))
                .unwrap_or(bytes.len() - at),
            b'"' => string_length(&bytes[at..]),
            b'.' if bytes[at..].starts_with(b"...") => {
                shape.spreads += usize::from(spreads_a_name(&bytes[at + 3..]));
                3
            }
            _ => 1,
        };
    }
    shape
}

/// Whether three dots before this spread a fragment, and do not open one in place (`on`, `@`, `{`).
fn spreads_a_name(after: &[u8]) -> bool {
    let start = after
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b','));
    let rest = start.map_or(&[][..], |start| &after[start..]);
    let name = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    name > 0 && &rest[..name] != b"on"
}

/// Length of the string that begins here, quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let is_block = bytes.starts_with(b"\"\"\"");
    let mut at = if is_block { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if is_block && bytes[at..].starts_with(b"\\\"\"\"") => at += 4,
            b'\\' if !is_block && !matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => at += 2,
            b'"' if is_block && bytes[at..].starts_with(b"\"\"\"") => return at + 3,
            b'"' if !is_block => return at + 1,
            b'\n' | b'\r' if !is_block => return at,
            _ => at += 1,
        }
    }
    if is_block { 3 } else { bytes.len() }
}

/// What a selection comes to with its fragments filled in. Saturating: a bomb is larger than a `usize`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    fields: usize,
    depth: usize,
    /// Fields at its own level.
    width: usize,
}

fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), QueryRefused> {
    let mut written = Written::default();
    for operation in document.operations.iter().map(|(_, operation)| &operation.node) {
        written.directives += operation.directives.len();
        written.add(&operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        written.directives += fragment.node.directives.len();
        written.add(&fragment.node.selection_set.node);
    }
    at_most("fragment spreads", written.spreads, limits.graphql_spreads)?;
    at_most("directives", written.directives, limits.graphql_directives)?;

    let mut fragments = Fragments {
        document,
        known: HashMap::new(),
    };
    let mut fields = 0_usize;
    // Validation walks every definition, used or not: all of them count.
    for name in document.fragments.keys() {
        fields = fields.saturating_add(fragments.cost_of(name)?.fields);
    }
    for (_, operation) in document.operations.iter() {
        let cost = fragments.cost(&operation.node.selection_set)?;
        fields = fields.saturating_add(cost.fields);
        at_most("a depth", cost.depth, limits.graphql_depth)?;
        match operation.node.ty {
            OperationType::Mutation => at_most("mutations", cost.width, limits.graphql_mutations)?,
            OperationType::Query | OperationType::Subscription => {}
        }
    }
    at_most("fields", fields, limits.graphql_fields)
}

/// What stands in the document, before anything is filled in.
#[derive(Debug, Default)]
struct Written {
    spreads: usize,
    directives: usize,
}

impl Written {
    fn add(&mut self, selection: &SelectionSet) {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => {
                    self.directives += field.node.directives.len();
                    self.add(&field.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.spreads += 1;
                    self.directives += spread.node.directives.len();
                }
                Selection::InlineFragment(inline) => {
                    self.directives += inline.node.directives.len();
                    self.add(&inline.node.selection_set.node);
                }
            }
        }
    }
}

struct Fragments<'a> {
    document: &'a ExecutableDocument,
    /// `None` while it is being counted: met again, it spreads itself.
    known: HashMap<&'a Name, Option<Cost>>,
}

impl<'a> Fragments<'a> {
    /// INVARIANT: recursion is bounded by the number of spreads, which is checked before.
    fn cost_of(&mut self, name: &'a Name) -> Result<Cost, QueryRefused> {
        match self.known.get(name) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(QueryRefused::Cycle),
            None => {}
        }
        // One that is not there is refused by validation.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Cost::default());
        };
        self.known.insert(name, None);
        let cost = self.cost(&fragment.node.selection_set)?;
        self.known.insert(name, Some(cost));
        Ok(cost)
    }

    fn cost(&mut self, selection: &'a Positioned<SelectionSet>) -> Result<Cost, QueryRefused> {
        let mut sum = Cost::default();
        for item in &selection.node.items {
            let cost = match &item.node {
                Selection::Field(field) => {
                    let below = self.cost(&field.node.selection_set)?;
                    Cost {
                        fields: below.fields.saturating_add(1),
                        depth: below.depth + 1,
                        width: 1,
                    }
                }
                Selection::FragmentSpread(spread) => self.cost_of(&spread.node.fragment_name.node)?,
                Selection::InlineFragment(inline) => self.cost(&inline.node.selection_set)?,
            };
            sum.fields = sum.fields.saturating_add(cost.fields);
            sum.width = sum.width.saturating_add(cost.width);
            sum.depth = sum.depth.max(cost.depth);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn check(query: &str, expect: Result<(), &str>) {
        let refused = parse(query, &Limits::default());
        match expect {
            Ok(()) => assert!(refused.is_ok(), "{query}: {refused:?}"),
            Err(what) => {
                let text = refused.unwrap_err().to_string();
                assert!(text.contains(what) && text.len() <= 300, "{text}");
            }
        }
    }

    #[test]
    fn ordinary_queries_pass() {
        check("{ party { name } }", Ok(()));
        check("query A { a } query B { b }", Ok(()));
        check(
            "{ a(text: \"{{{{ \\\" [[[[\") # ((((\n b(block: \"\"\"{{{ \\\"\"\" [[[\"\"\") }",
            Ok(()),
        );
        check(
            "{ ...F } fragment F on Query { a { ...G } b { ...G } } fragment G on T { c d }",
            Ok(()),
        );
    }

    /// Each level spreads the next one eight times.
    fn bomb(levels: usize) -> String {
        let mut text = "{...f0}".to_owned();
        for level in 0..levels {
            let spreads = format!("...f{}", level + 1).repeat(8);
            text.push_str(&format!("fragment f{level} on Query{{{spreads}}}"));
        }
        text.push_str(&format!("fragment f{levels} on Query{{__typename}}"));
        text
    }

    #[test]
    fn a_fragment_bomb_costs_what_it_is_long() {
        let count_all = Limits {
            graphql_spreads: usize::MAX,
            ..Limits::default()
        };
        for levels in [5, 6, 8, 20] {
            let started = Instant::now();
            assert_eq!(
                parse(&bomb(levels), &count_all).unwrap_err(),
                QueryRefused::TooMuch {
                    what: "fields",
                    limit: 1_000
                }
            );
            assert!(
                started.elapsed() < Duration::from_secs(1),
                "{levels} levels took {:?}",
                started.elapsed()
            );
        }
        check(&bomb(6), Err("fields"));
        check(&bomb(20), Err("fragment spreads"));
    }

    #[test]
    fn counts_spreads_but_not_fragments_in_place() {
        let spreads = |query: &str| lex(query).spreads;
        assert_eq!(spreads("{ ...A ... B ...,\nC }"), 3);
        assert_eq!(
            spreads("{ ...on T { a } ... on T { a } ... @skip(if: true) { a } ... { a } }"),
            0
        );
        assert_eq!(spreads("{ ...only a(x: \"...A\") # ...B\n }"), 1);
    }

    #[test]
    fn refuses_each_shape_by_name() {
        check(&format!("{{{}}}", "a ".repeat(1_001)), Err("fields"));
        let aliases: String = (0..1_001).map(|n| format!("a{n}: a ")).collect();
        check(&format!("{{{aliases}}}"), Err("fields"));
        check(&format!("{{a {}}}", "@skip(if: true) ".repeat(51)), Err("directives"));
        check(&format!("{}a{}", "{a".repeat(17), "}".repeat(17)), Err("depth"));
        check(&format!("{}a{}", "{a".repeat(10_000), "}".repeat(10_000)), Err("nesting"));
        check(
            &format!("{{a(x: {}{})}}", "[".repeat(15_000), "]".repeat(15_000)),
            Err("nesting"),
        );
        check(&"#".repeat(70_000), Err("length"));
        check(
            "{ ...A } fragment A on Query { ...B } fragment B on Query { a { ...A } }",
            Err("spreads itself"),
        );
        check("{ a } fragment A on Query { ...A }", Err("spreads itself"));
        check(&format!("mutation {{{}}}", "a ".repeat(11)), Err("mutations"));
        check(
            &format!("mutation {{ ...M }} fragment M on Mutation {{{}}}", "a ".repeat(11)),
            Err("mutations"),
        );
        check("{ canary", Err("does not parse"));
    }

    #[test]
    fn a_stray_quote_hides_no_bracket() {
        let deep = "{a".repeat(100);
        for start in ["\"\n", "\"\\\n", "\"\"\"", "#\r"] {
            assert!(lex(&format!("{start}{deep}")).nesting >= 99, "{start:?}");
        }
        assert_eq!(lex("\"\\").nesting, 0);
    }

    #[test]
    fn says_where_but_not_what() {
        let refused = parse("{ a\n  canary4711(", &Limits::default()).unwrap_err();
        assert!(matches!(&refused, QueryRefused::Syntax(at) if at.len() == 1));
        assert!(!refused.to_string().contains("canary"));
    }
}
