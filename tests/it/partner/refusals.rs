//! Each kind of mistake in a partner file: file, line, cause and fix.

use counterfoil::config::partner::load;

use super::{MAKER, PACKER, folder, replaced};

/// `file:line: cause` of each problem, and its fix.
fn found(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let folder = folder(files);
    let problems = load(folder.path()).expect_err("problems");
    let place = |file: &std::path::Path| file.strip_prefix(folder.path()).unwrap().display().to_string();
    problems
        .iter()
        .map(|one| (format!("{}:{}: {}", place(&one.file), one.line, one.cause), one.fix.clone()))
        .collect()
}

/// Changes one text of the maker's file and expects one problem.
#[track_caller]
fn check(from: &str, to: &str, expect: &str, fix: &str) {
    let maker = replaced(MAKER, from, to);
    let found = found(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].0.starts_with(&format!("maker.toml:{expect}")),
        "expected {expect}, found {}",
        found[0].0
    );
    assert!(found[0].1.contains(fix), "fix: {}", found[0].1);
}

#[test]
fn keys() {
    check(
        "country =",
        "contry = \"CH\"\ncountry =",
        "4: unknown key `contry` in the file",
        "did you mean `country`?",
    );
    check(
        "name = \"Plant\"",
        "name = \"Plant\"\ncolour = 1",
        "10: unknown key `colour` in `[[sites]]`",
        "it; `[[sites]]` has: gln, name, country",
    );
    check(
        "per_request = 1000",
        "per_week = 1000",
        "25: unknown key `per_week` in `quota`",
        "per_request, per_day, outstanding, total, lease_days",
    );
    check(
        "legal_name = \"Maker AG\"\n",
        "",
        "1: `legal_name` is missing in the file",
        "add `legal_name = ",
    );
    check(
        "name = \"Product\"\n",
        "",
        "12: `name` is missing in `[[products]]`",
        "add `name = ",
    );
    check(
        "country = \"CH\"",
        "country = \"CH\"\ncountry = \"CH\"",
        "5: not TOML: duplicate key",
        "toml.io",
    );
    check("gln = \"9521001000017\"", "gln = ", "3: not TOML: ", "toml.io");
}

#[test]
fn types() {
    check(
        "gln = \"9521001000017\"",
        "gln = 9521001000017",
        "3: `gln` holds a whole number, not a text in quotes",
        "gln = \"",
    );
    check(
        "prefixes = [\"9521001\"]",
        "prefixes = \"9521001\"",
        "5: `prefixes` holds a text, not a list",
        "prefixes = [",
    );
    check(
        "per_request = 1000",
        "per_request = \"1000\"",
        "25: `per_request` holds a text, not a whole number",
        "per_request = 50000",
    );
    check(
        "per_request = 1000",
        "per_request = 0",
        "25: `per_request` is `0`",
        "from 1 to",
    );
    check(
        "per_request = 1000",
        "per_request = -5",
        "25: `per_request` is `-5`",
        "from 1 to",
    );
    check(
        "valid_from = 2024-01-01",
        "valid_from = \"2024-01-01\"",
        "22: `valid_from` holds a text, not a date without quotes",
        "2024-01-01",
    );
    check(
        "valid_from = 2024-01-01",
        "valid_from = 2024-01-01T08:00:00",
        "22: `valid_from` is `2024-01-01T08:00:00`, which is no single",
        "zone",
    );
    check(
        "country = \"CH\"",
        "country = \"CH\"\nsuspended = \"no\"",
        "5: `suspended` holds a text, not `true` or `false`",
        "suspended = true",
    );
}

#[test]
fn values() {
    check(
        "\"manufacturer\"",
        "\"maker\"",
        "2: `roles`: `maker` is not known",
        "manufacturer, cmo, logistics",
    );
    check(
        "\"manufacturer\"",
        "\"cmo\", \"cmo\"",
        "2: `roles` names one thing twice",
        "once",
    );
    check("[\"manufacturer\"]", "[]", "2: `roles` is empty", "at least one");
    check("\"commission\"", "\"own\"", "21: `powers`: `own` is not known", "see_stock");
    check(
        "country = \"CH\"",
        "country = \"ch\"",
        "4: `country`: `ch` is no country code",
        "ISO 3166-1",
    );
    check("\"Maker AG\"", "\" \"", "1: `legal_name`: `` is no text of 1 to 200", "name");
    check(
        "id = \"maker-packer\"",
        "id = \"Maker/Packer\"",
        "17: `id`: `Maker/Packer` is not an agreement id",
        "a-z",
    );
    check(
        "2034-01-01",
        "2023-01-01",
        "23: `valid_until` is 2023-01-01T00:00:00.000Z, which is not after `valid_from` 2024",
        "later",
    );
    check(
        "2034-01-01",
        "2024-01-01",
        "23: `valid_until` is 2024-01-01T00:00:00.000Z, which is not after `valid_from` 2024",
        "later",
    );
}

#[test]
fn check_digits() {
    let digit = "GS1 General Specifications 7.9";
    for (from, to, line) in [
        ("9521001000017", "9521001000018", "3: `gln`: "),
        ("9521001000116", "9521001000117", "8: `gln`: "),
        ("\"09521001001014\"\nname", "\"09521001001015\"\nname", "13: `gtin`: "),
        ("sites = [\"9521002000115\"]", "sites = [\"9521002000116\"]", "20: `sites`: "),
    ] {
        let maker = replaced(MAKER, from, to);
        let found = found(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
        assert!(
            found[0].0.starts_with(&format!("maker.toml:{line}")) && found[0].0.contains("check digit"),
            "{found:#?}"
        );
        assert!(found[0].1.contains(digit), "{found:#?}");
        assert_eq!(
            found.len(),
            1,
            "what follows from a mistake is not a mistake of its own: {found:#?}"
        );
    }
    check("[\"9521001\"]", "[\"95\"]", "5: `prefixes`: ", "GS1 company prefix");
}

#[test]
fn serial_rules() {
    let rule = |rule: &str| format!("name = \"Product\"\nserials = {{ {rule} }}");
    let product = "name = \"Product\"";
    check(
        product,
        &rule("alphabet = \"0123 \""),
        "15: `alphabet` has ` `, which no GS1 serial number may have",
        "digits",
    );
    check(product, &rule("alphabet = \"01230\""), "15: `alphabet` has `0` twice", "once");
    check(
        product,
        &rule("alphabet = \"abcDEF\""),
        "15: `alphabet` mixes capital and small letters",
        "one case",
    );
    check(product, &rule("alphabet = \"7\""), "15: `alphabet` has fewer than two", "two");
    check(product, &rule("length = 21"), "15: `length` is `21`", "from 1 to 20");
    check(
        product,
        &rule("alphabet = \"0123456789\", length = 5"),
        "15: 5 characters of 10 make 100000 serial numbers",
        "longer",
    );
    check(
        product,
        &rule("length = 5, density = 900000000000"),
        "15: one in 900000000000 of 24300000 serial",
        "smaller",
    );
    check(product, &rule("density = 0"), "15: `density` is `0`", "from 1");
}

#[test]
fn serial_rules_of_markets_and_sources() {
    let table = |rule: &str| format!("name = \"Product\"\n[products.serials]\n{rule}\n");
    let refused = |rule: &str, expect: &str, fix: &str| check("name = \"Product\"\n", &table(rule), expect, fix);
    refused(
        "length = 12\nmarkets = [\"eu\"]\ndensity = 5000",
        "18: market `eu` asks for at most one in 10000 possible serials (regulation (EU) 2016/161, article 4)",
        "density = 10000",
    );
    refused(
        "source = \"sequential\"\nfirst = 1\nlast = 99\nmarkets = [\"us\", \"eu\"]",
        "16: market `eu` asks for randomised serials",
        "permutation",
    );
    refused(
        "markets = [\"ru\"]",
        "15: market `ru` asks for serials of 13 characters",
        "length = 13",
    );
    refused("markets = [\"gb\"]", "16: `markets`: `gb` is no market", "eu, us, ru");
    refused("markets = [\"eu\", \"eu\"]", "16: `markets` names one thing twice", "once");
    refused(
        "source = \"random\"",
        "16: `source`: `random` is no source",
        "permutation, sequential",
    );
    refused(
        "source = \"sequential\"",
        "16: a sequential range has a first and a last number",
        "first = 1",
    );
    refused(
        "source = \"sequential\"\nfirst = 1",
        "17: a range has a first and a last",
        "give both",
    );
    refused(
        "first = 1\nlast = 9",
        "16: `first` and `last` are the ends of a sequential range",
        "sequential",
    );
    refused(
        "source = \"sequential\"\nfirst = 10\nlast = 9",
        "18: 10 to 9 is no range",
        "greater `last`",
    );
    refused(
        "source = \"sequential\"\nfirst = 1\nlast = 9\nlength = 4\nno_leading_zero = true",
        "17: with 4 digits the number 1 begins with `0`",
        "variable_length",
    );
    refused("sgtin_96 = true", "16: an SGTIN-96 tag holds digits only", "0123456789");
    refused(
        "alphabet = \"0123456789\"\nlength = 13\nsgtin_96 = true",
        "17: an SGTIN-96 tag holds numbers up to 274877906943, and `length` is 13",
        "12 or less",
    );
    refused("variable_length = true", "16: `variable_length` needs numbers", "sgtin_96");
    refused(
        "exclude = \"0\"",
        "16: `exclude` has `0`, which the alphabet does not have",
        "alphabet",
    );
    refused(
        "banned_words = [\"A\"]",
        "16: `banned_words` has `A`, which no serial",
        "2 to 20",
    );
}

#[test]
fn ntins_and_series_of_ssccs() {
    let product = "name = \"Product\"\n";
    check(
        product,
        "name = \"Product\"\nntin = true\n",
        "15: `09521001001014` lies under a company prefix of `maker`: it is a GTIN",
        "remove `ntin`",
    );
    check(
        "name = \"Product\"\n",
        "name = \"Product\"\n\n[[products]]\ngtin = \"04150123456782\"\nname = \"PZN 12345678\"\n",
        "17: GTIN `04150123456782` lies under none of this party's company prefixes",
        "ntin = true",
    );
    let series = |table: &str| format!("[[sscc]]\n{table}\n\n[[agreements]]");
    let refused = |table: &str, expect: &str, fix: &str| check("[[agreements]]", &series(table), expect, fix);
    refused(
        "prefix = \"9521009\"\nextension_digits = \"0\"",
        "17: `9521009` is none of this party's company prefixes",
        "who holds a prefix",
    );
    refused(
        "prefix = \"9521001\"\nextension_digits = \"00\"",
        "16: SSCC series `9521001:0` is claimed a second time",
        "once",
    );
    refused(
        "prefix = \"9521001\"\nextension_digits = \"x\"",
        "18: `extension_digits` is `x`",
        "digits 0 to 9",
    );
    refused(
        "prefix = \"9521001\"\nextension_digits = \"0\"\nfirst = 1000000000",
        "19: `first` is `1000000000`",
        "from 0 to 999999999",
    );
    refused(
        "prefix = \"9521001\"\nextension_digits = \"0\"\nfirst = 9\nlast = 8",
        "20: 9 to 8 is no range",
        "greater `last`",
    );
    check(
        "powers = ",
        "sscc_prefixes = [\"9521001\"]\npowers = ",
        "21: no `[[sscc]]` of this file is for prefix `9521001`",
        "add a `[[sscc]]`",
    );
}

#[test]
fn claims() {
    let claimed = |from: &str, to: &str, line: &str, fix: &str| {
        let found = found(&[("maker.toml", MAKER), ("packer.toml", &replaced(PACKER, from, to))]);
        assert_eq!(
            found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(),
            [format!("packer.toml:{line}")]
        );
        assert!(found[0].1.contains(fix), "{found:#?}");
    };
    let gln = "3: GLN `9521001000017` is claimed a second time: first in maker.toml:3";
    claimed("9521002000016", "9521001000017", gln, "belongs to one party");
    let prefix = "5: company prefix `9521001` is claimed a second time: first in maker.toml:5";
    claimed("\"9521002\"", "\"9521001\"", prefix, "here or there");
    let longer = "5: company prefix `952100199` begins with company prefix `9521001` of maker.toml:5";
    claimed("\"9521002\"", "\"952100199\"", longer, "twice");
    check(
        "[\"9521001\"]",
        "[\"9521001\", \"9521009\", \"9521001\"]",
        "5: company prefix `9521001` is claimed a second time",
        "",
    );
    let twin = "[[products]]\ngtin = \"09521001001014\"\nname = \"Twin\"\n\n[[agreements]]";
    check(
        "[[agreements]]",
        twin,
        "17: GTIN `09521001001014` is claimed a second time: first in maker.toml:13",
        "one brand owner",
    );
    check(
        "[\"9521001\"]",
        "[\"9521009\"]",
        "13: GTIN `09521001001014` lies under none of this party's company prefixes",
        "add the prefix",
    );
}

#[test]
fn a_legal_entity_may_share_its_gln_with_one_of_its_sites() {
    let maker = replaced(MAKER, "9521001000116", "9521001000017");
    let world = folder(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
    assert!(load(world.path()).is_ok());
}

#[test]
fn references() {
    check(
        "delegate = \"packer\"",
        "delegate = \"pecker\"",
        "18: delegate `pecker` has no file",
        "add `pecker.toml`",
    );
    check(
        "delegate = \"packer\"",
        "delegate = \"maker\"",
        "18: `delegate` is the principal itself",
        "another party",
    );
    check(
        "products = [\"09521001001014\"]",
        "products = [\"09521002001013\"]",
        "19: product `09521002001013` is none of this party's",
        "[[products]]",
    );
    check(
        "sites = [\"9521002000115\"]",
        "sites = [\"9521001000116\"]",
        "20: site `9521001000116` is none of `packer`'s",
        "packer.toml",
    );
    let twice = format!("{MAKER}{}", &MAKER[MAKER.find("\n[[agreements]]").unwrap()..]);
    let found = found(&[("maker.toml", &twice), ("packer.toml", PACKER)]);
    assert_eq!(
        found[0].0,
        "maker.toml:30: agreement `maker-packer` is claimed a second time: first in maker.toml:17"
    );
}

#[test]
fn issuers() {
    let issuer = |file: &str, expect: &str, fix: &str| {
        let maker = format!("{MAKER}\n[[issuers]]\nfile = \"{file}\"\n");
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let world = [
            ("maker.toml", maker.as_str()),
            ("packer.toml", PACKER),
            ("key.pem", key),
            ("empty.pem", "no certificate"),
        ];
        let found = found(&world);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].0.starts_with(&format!("maker.toml:30: issuer `{file}`: {expect}")),
            "{found:#?}"
        );
        assert!(found[0].1.contains(fix), "{found:#?}");
        assert!(
            !found[0].0.contains("AAAA") && !found[0].1.contains("AAAA"),
            "a key is never repeated"
        );
    };
    issuer("../ca.pem", "the file is not named relative to this folder", "without `..`");
    issuer("/etc/passwd", "the file is not named relative to this folder", "without `..`");
    issuer("nowhere.pem", "cannot read the file", "put the CA's certificate");
    issuer("empty.pem", "the file holds no certificate", "BEGIN CERTIFICATE");
    issuer("key.pem", "the file holds a private key", "replace the key");
}

#[test]
fn file_names_and_encodings() {
    let name = found(&[("maker.toml", MAKER), ("packer.toml", PACKER), ("Old Packer.toml", "")]);
    assert_eq!(
        name[0].0,
        "Old Packer.toml:0: the file name is no party id: `Old Packer` is not a party id: 2 to 40 of a-z, 0-9 and inner hyphens"
    );
    let world = folder(&[("maker.toml", MAKER), ("packer.toml", PACKER)]);
    std::fs::write(world.path().join("latin.toml"), b"legal_name = \"M\xfcller\"").unwrap();
    let problems = load(world.path()).unwrap_err();
    assert!(problems[0].cause.contains("cannot read the file"), "{problems:?}");
}

#[test]
fn all_problems_of_all_files_are_found_at_once() {
    let maker = replaced(
        &replaced(MAKER, "\"CH\"\nprefixes", "\"Switzerland\"\nprefixes"),
        "\"commission\"",
        "\"comission\"",
    );
    let packer = replaced(PACKER, "9521002000016", "9521001000017").replace("roles", "rolls");
    let found = found(&[("maker.toml", &maker), ("packer.toml", &packer)]);
    let places: Vec<&str> = found.iter().map(|one| one.0.as_str()).collect();
    let expect = [
        "maker.toml:4: `country`: `Switzerland` is no country code",
        "maker.toml:21: `powers`: `comission` is not known",
        "packer.toml:1: `roles` is missing in the file",
        "packer.toml:2: unknown key `rolls` in the file",
        "packer.toml:3: GLN `9521001000017` is claimed a second time: first in maker.toml:3",
    ];
    assert_eq!(places, expect);
}

#[test]
fn what_somebody_wrote_is_cut_short() {
    let long = "x".repeat(10_000);
    let maker = replaced(MAKER, "\"manufacturer\"", &format!("\"{long}\""));
    let found = found(&[("maker.toml", &maker), ("packer.toml", PACKER)]);
    assert!(found[0].0.len() < 200, "{}", found[0].0.len());
}
