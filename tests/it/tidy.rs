//! Rules of the house that no compiler checks, read from the source text.
//!
//! - A module names only modules of a lower rank; the ranks are those of the map in `src/lib.rs`.
//! - Every file opens with `//!` and says what it is for.
//! - Only `storage` (and the migrations) knows the database; only `app` reads the clock and makes random bytes.
//! - The map in `src/lib.rs` lists every top-level module, and no other.
//!
//! Comments and strings name nothing; what a macro of another crate expands to is not seen.
//! The last test plants one breach of each rule and looks whether it is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Words that only some files may use, and why.
struct Reserved {
    words: &'static [&'static str],
    to: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        words: &["sea_orm", "sqlx"],
        to: &["src/storage"],
        why: "only storage knows the database",
    },
    Reserved {
        words: &[
            "SystemTime::now",
            "OffsetDateTime::now_utc",
            "OffsetDateTime::now_local",
            "UtcDateTime::now",
        ],
        to: &["src/app"],
        why: "the clock is a parameter: take the time from the hub",
    },
    Reserved {
        words: &["rand::", "OsRng", "thread_rng", "getrandom", "Uuid::new_v4", "Uuid::now_v7"],
        to: &["src/app"],
        why: "randomness is a parameter: take it from the hub",
    },
];

/// One source file: its path from the root of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

type Ranks = BTreeMap<String, u8>;

#[test]
fn a_module_names_only_modules_of_a_lower_rank() {
    let ranks = ranks_of_the_map();
    report(
        sources("src")
            .iter()
            .flat_map(|source| upward_names(source, &ranks))
            .collect(),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let folders = ["src", "migrations/src", "tests"];
    report(
        folders
            .iter()
            .flat_map(|folder| sources(folder))
            .filter_map(|source| missing_opening(&source))
            .collect(),
    );
}

#[test]
fn database_clock_and_randomness_have_one_place_each() {
    report(sources("src").iter().flat_map(reserved_words).collect());
}

#[test]
fn the_map_lists_every_module() {
    let lib = read("src/lib.rs");
    let ranks = ranks_of_the_map();
    let mut modules: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    modules.sort_unstable();
    assert_eq!(
        modules,
        ranks.keys().map(String::as_str).collect::<Vec<_>>(),
        "src/lib.rs: modules and rows of the map differ"
    );
    assert!(
        read("README.md").contains("src/lib.rs"),
        "README.md: say that the map is in `src/lib.rs`"
    );
}

#[test]
fn a_breach_of_each_rule_is_found() {
    let ranks = ranks_of_the_map();
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let found = |path: &str, text: &str| upward_names(&source(path, text), &ranks);
    assert_eq!(
        found(
            "src/domain/planted.rs",
            "//! x\nuse crate::domain::ids;\nuse crate::storage::Db;\n"
        ),
        ["src/domain/planted.rs:3: `domain` (rank 0) names `storage` (rank 2); a module names only modules of a lower rank"]
    );
    for upward in [
        "use crate::{domain::ids, service::{hub, page}};",
        "fn f() { crate::service::hub::x() }",
        "use super::super::service::Hub;",
        "use crate::worker;",
        "macro_rules! m { () => { $crate::service::x() } }",
        "use crate\n    ::service::Hub;",
        "use crate::config::settings;",
    ] {
        assert_eq!(found("src/epcis/planted.rs", upward).len(), 1, "{upward}");
    }
    for fine in [
        "use crate::{domain::ids, epcis::document};",
        "//! [`crate::service`]\n// crate::service\n/* /* */ crate::service */",
        "const TEXT: &str = \"crate::service\"; const RAW: &str = r#\"\"crate::service\"#; const C: char = '\"'; use crate::domain;",
        "fn f<'a>(x: &'a str) -> char { '\\'' }",
        "use super::service_name;",
    ] {
        assert_eq!(found("src/epcis/planted.rs", fine), Vec::<String>::new(), "{fine}");
    }
    assert!(found("src/main.rs", "use crate::cli;").is_empty());
    assert!(missing_opening(&source("src/x.rs", "use std::fmt;\n")).is_some());
    assert!(missing_opening(&source("src/x.rs", "//! What it is for.\n")).is_none());
    for reserved in [
        "use sea_orm::DbErr;",
        "let now = SystemTime::now();",
        "let r = rand::random();",
        "let id = Uuid::new_v4();",
    ] {
        assert_eq!(
            reserved_words(&source("src/service/planted.rs", reserved)).len(),
            1,
            "{reserved}"
        );
    }
    assert!(reserved_words(&source("src/storage/planted.rs", "use sea_orm::DbErr;")).is_empty());
    assert!(reserved_words(&source("src/app.rs", "SystemTime::now()")).is_empty());
    assert!(
        reserved_words(&source(
            "src/service/planted.rs",
            "fn operand() { grand::x(); SystemRandom.fill() } // sqlx"
        ))
        .is_empty()
    );
}

fn report(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All `.rs` files below a folder.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let shown = path
                    .strip_prefix(root())
                    .unwrap_or(&path)
                    .display()
                    .to_string()
                    .replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
                found.push(Source { path: shown, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "{folder}: no sources");
    found
}

/// The rows ``//! | [`module`] | rank | … |`` of `src/lib.rs`.
fn ranks_of_the_map() -> Ranks {
    let row = |line: &str| {
        let (module, rest) = line.strip_prefix("//! | [`")?.split_once("`] | ")?;
        Some((module.to_owned(), rest.split_once(' ')?.0.parse().ok()?))
    };
    read("src/lib.rs").lines().filter_map(row).collect()
}

fn missing_opening(source: &Source) -> Option<String> {
    let opened = source.text.lines().next().is_some_and(|line| line.starts_with("//! "));
    (!opened).then(|| format!("{}:1: open the file with `//!` and what it is for", source.path))
}

fn reserved_words(source: &Source) -> Vec<String> {
    let code = code_only(&source.text);
    let mut breaches = Vec::new();
    for reserved in RESERVED {
        if reserved
            .to
            .iter()
            .any(|place| source.path.starts_with(&format!("{place}/")) || source.path == format!("{place}.rs"))
        {
            continue;
        }
        for word in reserved.words {
            for at in occurrences(&code, word) {
                breaches.push(format!("{}:{}: `{word}`: {}", source.path, line_of(&code, at), reserved.why));
            }
        }
    }
    breaches
}

/// Where a module names an equal or a better.
fn upward_names(source: &Source, ranks: &Ranks) -> Vec<String> {
    let modules = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    let own = modules.split('/').next().unwrap_or_default();
    // `lib` and `main` have no rank.
    let Some(rank) = ranks.get(own) else { return Vec::new() };
    let code = code_only(&source.text);
    let mut names = Vec::new();
    for at in occurrences(&code, "crate") {
        names.extend(children(&code[at + "crate".len()..]).into_iter().map(|name| (at, name)));
    }
    let depth = modules.split('/').count();
    for at in occurrences(&code, "super") {
        // Only the first of a chain is looked at; as many as the file is deep lead to the root.
        if code[..at].trim_end().ends_with("::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut steps = 0;
        while let Some(after) = rest.trim_start().strip_prefix("super") {
            steps += 1;
            rest = after.trim_start().strip_prefix("::").unwrap_or_default();
        }
        if steps >= depth {
            names.extend(children(&format!("::{rest}")).into_iter().map(|name| (at, name)));
        }
    }
    names.sort_unstable();
    let upward = |(at, name): (usize, String)| {
        let other = ranks.get(&name).filter(|other| name != own && *other >= rank)?;
        let line = line_of(&code, at);
        let path = &source.path;
        Some(format!(
            "{path}:{line}: `{own}` (rank {rank}) names `{name}` (rank {other}); a module names only modules of a lower rank"
        ))
    };
    names.into_iter().filter_map(upward).collect()
}

/// The names directly behind `crate` in `crate::a::b` and `crate::{a::b, c::{d, e}}`.
fn children(after: &str) -> Vec<String> {
    let Some(path) = after.trim_start().strip_prefix("::") else {
        return Vec::new();
    };
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 0_usize, 0_usize);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// Where the word stands, not as part of a longer one.
fn occurrences(code: &str, word: &str) -> Vec<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| {
        let before = code[..*at].chars().next_back().is_some_and(part);
        let after = word.ends_with(part) && code[at + word.len()..].starts_with(part);
        !before && !after
    };
    code.match_indices(word).map(|(at, _)| at).filter(whole).collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The text with comments, strings and characters blanked, line for line.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' if !code.ends_with(|c: char| c.is_alphanumeric() && c != 'b' || c == '_') => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    code
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

/// A character, not a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, after))) => {
            let from = at + after.len_utf8();
            text[from..].find('\'').map_or(0, |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
