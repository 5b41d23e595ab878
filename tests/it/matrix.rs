//! The caller matrix: what each caller gets of every field, by every mutation and at every route, held against a file that people read.
//!
//! One hub on which everything has happened and one with the same parties on which nothing has are asked the same by each caller
//! ([`root`], [`call`], [`scene`]); what the answers come to is written as a table, and the table must be `matrix/access.txt` to the byte.
//! `COUNTERFOIL_TEST_REGENERATE=1 cargo test --test it -- matrix` writes the file anew: its diff is what is to be reviewed.
//!
//! # Invariants
//! - Rows are made of the schema and of the router, so that a new field, mutation or route fails here until the file has it.
//! - What the scene does not reach stands in `matrix/exempt.txt` with a reason; an exemption that is not needed fails.
//! - To an outsider a thing of the scene, a thing of nobody, and the same question on a hub without the scene are answered alike, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil::domain::lens::Relations;
use counterfoil::transport::{graphql, http, operations};
use serde_json::Value;

use crate::hub::{Answer, TestHub};
use crate::worlds::schema::Schema;
use call::Wire;
use mutation::{graphql_types, outcome};
use root::Root;
use scene::{CALLERS, OUTSIDERS, Scene};
use table::Table;

mod call;
mod directory;
mod mutation;
mod place;
mod root;
mod scene;
mod seen;
mod table;

/// When both hubs are asked.
const NOW: &str = "2026-03-11T12:00:00Z";

const HEAD: &str = "\
Who gets what: every field, every mutation and every route, for each kind of caller.

This file is written by a test (tests/it/matrix.rs), which asks each of these questions as each caller and fails where an answer is not
as it stands here. Do not edit it: run `COUNTERFOIL_TEST_REGENERATE=1 cargo test --test it -- matrix` and review the diff.

A caller is a party, known by the certificate of one of its systems. There are no people, tokens, roles or scopes within a party yet, so
that every system of a party may do all that the party may.
";

const FIELDS: &str = "
FIELDS
For each record: what each caller gets of each field, next to who sees most of it.
  401     refused: no certificate
  full    the same value
  part    another value: coarser, fewer of several, or the caller's own instead
  -       nothing, where there is something
  absent  there is no such record for this caller
The line `answer` is about the record as such: `same` is the answer, to the byte, of a hub on which nothing has happened, `shown` another
one, a word in capitals the code of an error; of a list, `n of m` of those that the one who sees most sees, and `+k` more.
";

const MUTATIONS: &str = "
MUTATIONS
  done    it was done; otherwise the status of the payload, or the code of the refusal
";

const ROUTES: &str = "
ROUTES
The status; with `=` if the whole answer is, to the byte, that of a hub on which nothing has happened. Where several calls are made of one
route, each has a line. HEAD is answered as GET, but for one route that has its own.
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_gets_what_the_matrix_says() {
    let mut scene = Scene::play().await;
    every_relation_is_in(&scene).await;
    for hub in [&scene.test, &scene.empty] {
        hub.set_time(NOW);
    }
    scene.page().await;
    let mut matrix = Matrix {
        schema: Schema::committed(),
        scene,
        text: HEAD.to_owned(),
        covered: BTreeSet::new(),
        asked: 0,
    };
    matrix.callers();
    matrix.fields().await;
    matrix.mutations().await;
    matrix.routes().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/matrix/access.txt");
    if std::env::var_os("COUNTERFOIL_TEST_REGENERATE").is_some() {
        std::fs::write(path, &matrix.text).expect("the matrix written");
    }
    matrix.exemptions();
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (committed.lines().collect(), matrix.text.lines().collect());
    let gone: Vec<&&str> = old.difference(&new).collect();
    let come: Vec<&&str> = new.difference(&old).collect();
    assert!(
        committed == matrix.text,
        "who gets what has changed:\nnot so any more: {gone:#?}\nnow: {come:#?}"
    );
}

/// A relation of the policy that the scene does not have would be a column that says nothing. `LATER_OWNER` is never stored.
async fn every_relation_is_in(scene: &Scene) {
    let rows = scene
        .test
        .hub
        .db()
        .query("reading relations", "SELECT DISTINCT relations FROM event_party", Vec::new())
        .await;
    let rows = rows.expect("the relations");
    let all = rows.iter().fold(Relations::default(), |all, row| {
        all.with(Relations(row.try_get("", "relations").expect("bits")))
    });
    for (relation, name) in Relations::ALL {
        assert!(
            relation == Relations::LATER_OWNER || all.has(relation),
            "nobody in the scene is {name}"
        );
    }
}

struct Matrix {
    schema: Schema,
    scene: Scene,
    text: String,
    /// Fields, mutations and routes that were executed and showed something.
    covered: BTreeSet<String>,
    asked: u64,
}

/// One caller's answer on the hub with the scene, and on the one without.
struct Pair {
    there: Answer,
    nowhere: Answer,
}

impl Pair {
    fn is_same(&self) -> bool {
        plain(&self.there) == plain(&self.nowhere)
    }
}

fn plain(answer: &Answer) -> (u16, Vec<(String, String)>, &[u8]) {
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (answer.status.as_u16(), headers.collect(), &answer.body)
}

impl Matrix {
    fn callers(&mut self) {
        self.text.push_str("\nCALLERS\n");
        for (column, party, what) in CALLERS {
            let party = if party.is_empty() {
                String::new()
            } else {
                format!("{party}, ")
            };
            self.text.push_str(&format!("  {column:<10} {party}{what}\n"));
        }
    }

    /// Asks both hubs; to an outsider they, and a question about nothing, must answer the same.
    async fn ask(&mut self, column: &str, wire: &Wire) -> Pair {
        self.asked += 1;
        let seed = self.asked;
        let call = async |test: &TestHub, wire: &Wire, seed: u64| {
            test.reseed(seed);
            let request = wire.request();
            if column == "anonymous" {
                test.call_anonymous(request).await
            } else {
                test.call(&self.scene.actor(column), request).await
            }
        };
        let nothing = wire.of_nothing(&self.scene).filter(|_| OUTSIDERS.contains(&column));
        let nobodys = match &nothing {
            Some(nothing) => Some(call(&self.scene.test, nothing, seed + (1 << 40)).await),
            None => None,
        };
        let pair = Pair {
            nowhere: call(&self.scene.empty, wire, seed).await,
            there: call(&self.scene.test, wire, seed).await,
        };
        let title = format!("{} {} {}", wire.method, wire.path, wire.body);
        if OUTSIDERS.contains(&column) {
            let (there, nowhere) = (pair.there.text(), pair.nowhere.text());
            assert!(
                pair.is_same(),
                "{column} is answered otherwise because of the scene: {title}\n{there}\n{nowhere}"
            );
        }
        if let Some(nobodys) = nobodys {
            let of_nothing = self.scene.of_nothing(pair.there.text());
            let nobodys = (nobodys.status, nobodys.text());
            assert_eq!(
                (pair.there.status, of_nothing.as_str()),
                nobodys,
                "{column} can tell a thing from none: {title}"
            );
        }
        pair
    }

    async fn fields(&mut self) {
        self.text.push_str(FIELDS);
        let mut asked = BTreeSet::new();
        for root in root::roots(&self.scene) {
            asked.insert(root.name().to_owned());
            self.root(&root).await;
        }
        for field in self.schema.fields("Query") {
            assert!(
                asked.contains(&field.name),
                "no question about Query.{}: add one to matrix/root.rs",
                field.name
            );
        }
        assert!(
            self.schema.fields("Subscription").is_empty(),
            "subscriptions are not in the matrix"
        );
    }

    async fn root(&mut self, root: &Root) {
        let of = self
            .schema
            .fields("Query")
            .iter()
            .find(|field| field.name == root.name())
            .expect("a root field")
            .of
            .clone();
        let selection = match of.as_str() {
            "Node" => "__typename id".to_owned(),
            of => self.schema.selection(of),
        };
        let declared = if root.declared.is_empty() {
            String::new()
        } else {
            format!("({})", root.declared)
        };
        let query = format!("query {declared} {{ {} {{ {selection} }} }}", root.field);
        let mut pairs = Vec::new();
        for (column, ..) in CALLERS {
            pairs.push(self.ask(column, &Wire::graphql(&query, &root.variables)).await);
        }
        let whole = CALLERS
            .iter()
            .position(|(column, ..)| *column == root.whole)
            .expect("a column");
        let seen = seen::Seen::new(
            &self.schema,
            (root.name(), &of),
            &pairs.iter().map(|pair| (&pair.there, pair.is_same())).collect::<Vec<_>>(),
            whole,
        );
        self.covered.extend(seen.covered());
        self.covered.insert(format!("Query.{}", root.name()));
        let mut table = Table::new(CALLERS.map(|(column, ..)| column));
        table.row(seen.answers(), "answer");
        for (cells, fields) in seen.rows() {
            table.row(cells, &fields.join(" "));
        }
        self.text.push_str(&format!(
            "\nQuery.{}: {} (whole: {})\n{}",
            root.field,
            root.title,
            root.whole,
            table.text()
        ));
        if of == "AccessExplanation" && root.name() == "explainAccess" && !root.field.contains("partyGln") {
            self.levels(&pairs);
        }
    }

    /// The level of each class, as each caller is told that it has.
    fn levels(&mut self, pairs: &[Pair]) {
        let mut of_class: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((column, ..), pair) in CALLERS.iter().zip(pairs) {
            let body = if pair.there.status == 200 {
                pair.there.json()
            } else {
                Value::Null
            };
            for class in body["data"]["explainAccess"]["classes"].as_array().into_iter().flatten() {
                let level = format!("{column}: {}", class["level"].as_str().unwrap_or("?"));
                of_class
                    .entry(class["class"].to_string().replace('"', ""))
                    .or_default()
                    .push(level);
            }
        }
        self.text
            .push_str("  levels of the commissioning by data class, for those who see it:\n");
        for (class, levels) in of_class {
            self.text.push_str(&format!("    {class:<15} {}\n", levels.join(", ")));
        }
    }

    async fn mutations(&mut self) {
        self.text.push_str(MUTATIONS);
        let mut table = Table::new(CALLERS.map(|(column, ..)| column));
        let mut idle = Vec::new();
        for field in self.schema.fields("Mutation").to_vec() {
            let arguments: Vec<String> = field.arguments.iter().map(|(name, _)| name.clone()).collect();
            let declared = graphql_types(&field.name, &arguments);
            let passed: Vec<String> = arguments.iter().map(|name| format!("{name}: ${name}")).collect();
            let selection = self.schema.selection(&field.of);
            let query = format!(
                "mutation ({declared}) {{ {}({}) {{ {selection} }} }}",
                field.name,
                passed.join(", ")
            );
            let mut cells = Vec::new();
            for (column, ..) in CALLERS {
                let mut variables = call::variables(&self.scene, &field.name, column).await;
                if let Some(members) = variables.as_object_mut() {
                    members.retain(|name, _| arguments.contains(name));
                }
                let pair = self.ask(column, &Wire::graphql(&query, &variables)).await;
                let (cell, shown) = outcome(&pair.there, &field.name);
                let mut found = BTreeSet::new();
                seen::covering(&self.schema, &field.of, &shown, &mut found);
                self.covered.extend(found);
                cells.push(cell);
            }
            self.covered.insert(format!("Mutation.{}", field.name));
            idle.extend((!cells.iter().any(|cell| cell == "done")).then(|| format!("{} {cells:?}", field.name)));
            table.row(cells, &field.name);
        }
        assert!(idle.is_empty(), "nobody can do what these are for: {idle:#?}");
        self.text.push_str(&table.text());
    }

    async fn routes(&mut self) {
        self.text.push_str(ROUTES);
        let known = http::routes(graphql::build(self.scene.test.hub.clone())).into_table();
        let mut rows = BTreeMap::new();
        for call in call::calls(&self.scene) {
            assert!(
                known
                    .iter()
                    .any(|route| route.path == call.route && route.method == call.method),
                "{} {} is no route",
                call.method,
                call.route
            );
            let mut cells = Vec::new();
            for (column, ..) in CALLERS {
                let wire = call.wire(&self.scene, column);
                let pair = self.ask(column, &wire).await;
                let same = if pair.is_same() { "=" } else { "" };
                cells.push(format!("{}{same}", pair.there.status.as_u16()));
                if call.method == "GET" && !call.route.ends_with("{id}/serials") {
                    let head = self.ask(column, &Wire { method: "HEAD", ..wire }).await;
                    assert_eq!(head.there.status, pair.there.status, "HEAD {} as {column}", call.route);
                }
            }
            let name = format!("{:<7} {}", call.method, call.route);
            self.covered.insert(format!("{} {}", call.method, call.route));
            let name = if call.variant.is_empty() {
                name
            } else {
                format!("{name} ({})", call.variant)
            };
            rows.insert((call.route, call.method, call.variant), (cells, name));
        }
        let mut table = Table::new(CALLERS.map(|(column, ..)| column));
        for (cells, name) in rows.into_values() {
            table.row(cells, &name);
        }
        self.text.push_str(&table.text());
    }

    /// What was not reached, and nothing else, is exempt.
    fn exemptions(&mut self) {
        let mut all: BTreeSet<String> = BTreeSet::new();
        let structural = |object: &str| object.ends_with("Connection") || object.ends_with("Edge") || object == "PageInfo";
        for (object, fields) in &self.schema.0 {
            if structural(object) || object == "Node" {
                continue;
            }
            all.extend(fields.iter().map(|field| format!("{object}.{}", field.name)));
        }
        let machine = http::routes(graphql::build(self.scene.test.hub.clone())).into_table();
        let routes = machine
            .iter()
            .chain(&operations::routes().into_table())
            .map(|route| format!("{} {}", route.method, route.path))
            .collect::<Vec<_>>();
        all.extend(routes);
        let missing: BTreeSet<&str> = all.difference(&self.covered).map(String::as_str).collect();
        let exempt: BTreeMap<&str, &str> = include_str!("matrix/exempt.txt")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("`{line}` has no reason")))
            .collect();
        assert!(
            exempt.values().all(|reason| reason.len() > 20),
            "an exemption needs a reason: {exempt:#?}"
        );
        let named: BTreeSet<&str> = exempt.keys().copied().collect();
        let uncovered: Vec<&&str> = missing.difference(&named).collect();
        assert!(
            uncovered.is_empty(),
            "not reached by the scene, and not exempt: {uncovered:#?}"
        );
        let needless: Vec<&&str> = named.difference(&missing).collect();
        assert!(needless.is_empty(), "exempt, but reached or not there: {needless:#?}");
    }
}
