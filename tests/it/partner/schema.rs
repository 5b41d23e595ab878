//! `schema/partner.schema.json` says what the reader does: the same keys in the same places, the same words.

use std::collections::BTreeSet;

use counterfoil::config::partner::load;
use counterfoil::domain::finding::FindingCode;
use counterfoil::domain::lens::Class;
use counterfoil::domain::profile::Level;
use counterfoil::domain::serial::market::MARKETS;
use counterfoil::domain::serial::rule::Source;
use serde_json::Value;

use super::{MAKER, PACKER, folder, replaced};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/partner.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A file that has a table of every kind.
fn full() -> String {
    let product = "name = \"Product\"\nserials = { length = 12, source = \"brokered\", \
                   upstream = { url = \"https://l4.example\", ca = \"ca.pem\" } }";
    format!(
        "{}[agreements.replenish]
minimum = 100
[[sscc]]
prefix = \"9521001\"
extension_digits = \"0\"
[[issuers]]
file = \"ca.pem\"
\
         [[licences]]
role = \"manufacturer\"
authority = \"Swissmedic\"
number = \"1\"
valid_from = 2024-02-01
valid_until = 2034-02-01
         [[webhooks]]
origin = \"https://erp.example:8443\"
ca = \"ca.pem\"
[[grants]]
name = \"follow\"
grantee = \"packer\"
purpose = \"p\"
valid_from = 2026-01-01
valid_until = 2027-01-01
levels = {{ existence = \"full\" }}
scope = {{ lots = [\"L\"] }}
[[caps]]
name = \"no-places\"
levels = {{ where = \"country\" }}
[capture]
profile = \"strict\"
[capture.severity]
SCHEMA_ORDER = \"ignore\"
",
        replaced(MAKER, "name = \"Product\"", product)
    )
}

/// Fixes for the maker's file with one text replaced.
fn fixes(from: &str, to: &str) -> Vec<String> {
    let world = folder(&[("maker.toml", &replaced(&full(), from, to)), ("packer.toml", PACKER)]);
    load(world.path())
        .unwrap_err()
        .into_iter()
        .map(|problem| format!("{}; {}", problem.cause, problem.fix))
        .collect()
}

#[test]
fn the_keys_are_those_the_reader_knows() {
    let schema = schema();
    // A key nobody knows, put into each table: the fix lists those that are known.
    for (table, from, to) in [
        ("", "legal_name", "zzzzzzzz = 1\nlegal_name"),
        ("sites", "name = \"Plant\"", "zzzzzzzz = 1\nname = \"Plant\""),
        ("products", "gtin =", "zzzzzzzz = 1\ngtin ="),
        ("serials", "{ length", "{ zzzzzzzz = 1, length"),
        ("upstream", "{ url", "{ zzzzzzzz = 1, url"),
        ("sscc", "extension_digits", "zzzzzzzz = 1\nextension_digits"),
        ("agreements", "delegate", "zzzzzzzz = 1\ndelegate"),
        ("quota", "per_request", "zzzzzzzz = 1\nper_request"),
        ("approval", "above", "zzzzzzzz = 1\nabove"),
        ("replenish", "minimum", "zzzzzzzz = 1\nminimum"),
        ("issuers", "file =", "zzzzzzzz = 1\nfile ="),
        ("licences", "authority =", "zzzzzzzz = 1\nauthority ="),
        ("webhooks", "origin =", "zzzzzzzz = 1\norigin ="),
        ("grants", "grantee =", "zzzzzzzz = 1\ngrantee ="),
        ("levels", "{ existence", "{ zzzzzzzz = 1, existence"),
        ("scope", "{ lots", "{ zzzzzzzz = 1, lots"),
        ("caps", "name = \"no-places\"", "zzzzzzzz = 1\nname = \"no-places\""),
        ("capture", "profile =", "zzzzzzzz = 1\nprofile ="),
        ("severity", "SCHEMA_ORDER =", "zzzzzzzz = 1\nSCHEMA_ORDER ="),
    ] {
        let found = fixes(from, to);
        let listed = found
            .iter()
            .find_map(|fix| fix.split_once("zzzzzzzz")?.1.split_once(" has: "))
            .unwrap_or_else(|| panic!("{found:#?}"));
        let known: BTreeSet<&str> = listed.1.split(", ").collect();
        let object = if table.is_empty() { &schema } else { &schema["$defs"][table] };
        let described: BTreeSet<&str> = object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(described, known, "{table}");
        assert_eq!(object["additionalProperties"], false, "{table}");
    }
}

#[test]
fn the_required_keys_are_those_the_reader_misses() {
    let schema = schema();
    for (table, line) in [
        ("", "legal_name = \"Maker AG\"\n"),
        ("", "roles = [\"manufacturer\"]\n"),
        ("", "gln = \"9521001000017\"\n"),
        ("", "country = \"CH\"\n"),
        ("sites", "gln = \"9521001000116\"\n"),
        ("sites", "name = \"Plant\"\n"),
        ("products", "gtin = \"09521001001014\"\n"),
        ("products", "name = \"Product\"\n"),
        ("upstream", "url = \"https://l4.example\", "),
        ("upstream", ", ca = \"ca.pem\""),
        ("sscc", "prefix = \"9521001\"\n"),
        ("sscc", "extension_digits = \"0\"\n"),
        ("agreements", "id = \"maker-packer\"\n"),
        ("agreements", "delegate = \"packer\"\n"),
        ("agreements", "products = [\"09521001001014\"]\n"),
        ("agreements", "powers = [\"request_serials\", \"commission\"]\n"),
        ("agreements", "valid_from = 2024-01-01\n"),
        ("agreements", "valid_until = 2034-01-01\n"),
        ("approval", "above = 500\n"),
        ("issuers", "file = \"ca.pem\"\n"),
        ("licences", "role = \"manufacturer\"\n"),
        ("licences", "authority = \"Swissmedic\"\n"),
        ("licences", "number = \"1\"\n"),
        ("licences", "valid_from = 2024-02-01\n"),
        ("webhooks", "origin = \"https://erp.example:8443\"\n"),
        ("grants", "name = \"follow\"\n"),
        ("grants", "purpose = \"p\"\n"),
        ("grants", "valid_from = 2026-01-01\n"),
        ("grants", "valid_until = 2027-01-01\n"),
        ("caps", "name = \"no-places\"\n"),
    ] {
        let key = line.trim_start_matches(", ").split(' ').next().unwrap();
        let object = if table.is_empty() { &schema } else { &schema["$defs"][table] };
        assert!(object["required"].as_array().unwrap().contains(&key.into()), "{table}.{key}");
        let found = fixes(line, "");
        assert!(
            found.iter().any(|one| one.starts_with(&format!("`{key}` is missing"))),
            "{table}.{key}: {found:#?}"
        );
    }
}

#[test]
fn the_words_are_those_the_reader_takes() {
    let schema = schema();
    let words = |items: &Value| {
        items["items"]["enum"]
            .as_array()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let all = [
        ("[\"manufacturer\"]", words(&schema["properties"]["roles"])),
        (
            "[\"request_serials\", \"commission\"]",
            words(&schema["$defs"]["agreements"]["properties"]["powers"]),
        ),
    ];
    let rules = &schema["$defs"]["serials"]["properties"];
    let markets: Vec<&str> = rules["markets"]["items"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(markets, MARKETS.map(|market| market.code));
    let sources: Vec<&str> = rules["source"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(sources, Source::ALL.map(Source::as_str));
    for (from, words) in all {
        let maker = replaced(MAKER, from, &format!("[{words}]"));
        let world = folder(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
        assert!(load(world.path()).is_ok(), "{words}");
    }
}

#[test]
fn the_levels_are_those_of_the_classes() {
    let schema = schema();
    let properties = schema["$defs"]["levels"]["properties"].as_object().unwrap();
    assert_eq!(properties.len(), Class::ALL.len());
    for class in Class::ALL {
        let words = &properties[&format!("{class:?}").to_lowercase()]["enum"];
        let words: Vec<&str> = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words, class.levels(), "{class:?}");
        // Each is taken by the reader, under this name.
        for word in words {
            let level = format!(
                "levels = {{ existence = \"full\", {} = \"{word}\" }}",
                format!("{class:?}").to_lowercase()
            );
            let level = if class == Class::Existence {
                format!("levels = {{ when = \"exact\", existence = \"{word}\" }}")
            } else {
                level
            };
            let maker = replaced(&full(), "levels = { existence = \"full\" }", &level);
            let world = folder(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
            let known = match load(world.path()) {
                Ok(_) => true,
                Err(problems) => !problems
                    .iter()
                    .any(|problem| problem.cause.contains("level") || problem.cause.contains("unknown key")),
            };
            assert!(known, "{class:?} {word}");
        }
    }
}

#[test]
fn the_severities_are_those_the_reader_allows() {
    let schema = schema();
    let properties = schema["$defs"]["severity"]["properties"].as_object().unwrap();
    let (mut allowed, mut refused) = (0, 0);
    for code in FindingCode::ALL.iter().copied() {
        let words = properties[code.as_str()]["enum"].as_array().unwrap();
        for level in Level::ALL {
            let good = words.iter().any(|word| word == level.as_str());
            assert_eq!(good, code.allows(level), "{} {level}", code.as_str());
            *(if good { &mut allowed } else { &mut refused }) += 1;
        }
    }
    println!("{allowed} severities allowed, {refused} not");
    let found = fixes("SCHEMA_ORDER = \"ignore\"", "MALFORMED_DOCUMENT = \"warning\"");
    assert!(found.iter().any(|one| one.contains("cannot be `warning`")), "{found:#?}");
    let found = fixes("SCHEMA_ORDER = \"ignore\"", "SCHEMA_ORDER = \"fatal\"");
    assert!(
        found
            .iter()
            .any(|one| one.contains("use ignore, warning, error, critical or refusal")),
        "{found:#?}"
    );
    let found = fixes("profile = \"strict\"", "profile = \"stern\"");
    assert!(found.iter().any(|one| one.contains("use lenient or strict")), "{found:#?}");
}
