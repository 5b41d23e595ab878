//! The identifier vectors of the shared corpus: every row either holds or stands below with the reason why it need not;
//! and the lengths of GS1's own dictionary of application identifiers.
//!
//! The corpus lies beside the checkout (`../shared/corpus`); where it does not, the tests say so and pass.

use std::path::{Path, PathBuf};

use counterfoil::domain::gs1::{Epc, EpcClass, Scheme};

/// Rows that are wrong against the standard, or about something that is not asked of the hub: suite, URI, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // An SGLN extension of 0 says that there is no extension (Tag Data Standard clause 6.3.3), so there is no AI 254.
    ("to-gs1", "urn:epc:id:sgln:0614141.12345.0", "(414)0614141123452"),
    // A coupon class whose company prefix takes all twelve digits has a Digital Link as any other has.
    (
        "id-pattern",
        "urn:epc:idpat:sgcn:401234512345..*",
        "https://id.gs1.org/255/4012345123456",
    ),
];

/// Digital Links whose check digit is wrong in the vector itself; the hub refuses them.
const WRONG_CHECK_DIGITS: &[&str] = &[
    "http://example.de/gtin-8/01/97803111",
    "http://example.de/01/040123451234/cpv/344/lot/ABD",
];

fn exception(suite: &str, uri: &str) -> Option<&'static str> {
    EXCEPTIONS
        .iter()
        .find(|(of, what, _)| *of == suite && *what == uri)
        .map(|(_, _, instead)| *instead)
}

/// A file of the corpus, or nothing where there is no corpus.
fn corpus(file: &str) -> Option<String> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/corpus");
    if !folder.is_dir() {
        println!("skipped: there is no corpus at {}", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")))
}

/// The rows of a table without its heading.
fn rows(file: &str) -> Option<Vec<Vec<String>>> {
    let text = corpus(&format!("epc-vectors/{file}"))?;
    Some(
        text.lines()
            .skip(1)
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect(),
    )
}

/// What a URI is to the hub: canonical form, element string and whether it has a GS1 key.
struct Read {
    canonical: String,
    element_string: Option<String>,
    has_key: bool,
}

/// An EPC, or else a class.
fn read(uri: &str) -> Option<Read> {
    if let Ok(epc) = uri.parse::<Epc>() {
        assert_eq!(epc.as_captured(), uri);
        let has_key = epc.scheme() != Scheme::Uri;
        return Some(Read {
            canonical: epc.canonical().to_owned(),
            element_string: epc.element_string(),
            has_key,
        });
    }
    let class = uri.parse::<EpcClass>().ok()?;
    assert_eq!(class.as_captured(), uri);
    let element_string = class.element_string();
    Some(Read {
        canonical: class.canonical().to_owned(),
        has_key: element_string.is_some(),
        element_string,
    })
}

#[test]
fn digital_links_of_the_event_hash() {
    let Some(rows) = rows("epc_to_canonical_digital_link.hash-generator.MIT.tsv") else {
        return;
    };
    let mut wrong = Vec::new();
    for row in &rows {
        let [group, uri, expected] = row.as_slice() else {
            panic!("{row:?} does not have three columns")
        };
        let found = read(uri);
        let holds = match found.as_ref() {
            None => expected.starts_with("(none") || WRONG_CHECK_DIGITS.contains(&uri.as_str()),
            Some(found) if found.has_key => found.canonical == *expected,
            Some(_) => expected.starts_with("(none"),
        };
        if !holds {
            wrong.push(format!(
                "{group}: {uri} -> {:?} instead of {expected}",
                found.map(|found| found.canonical)
            ));
        }
    }
    println!("{} rows", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows.len(), 42);
}

#[test]
fn epc_uris() {
    let Some(rows) = rows("epc_uri_vectors.nedap-retail-epcpy.MIT.tsv") else {
        return;
    };
    let (mut wrong, mut exceptions) = (Vec::new(), 0);
    for row in &rows {
        let [suite, _, case, uri, expected, key, elements, ..] = row.as_slice() else {
            panic!("{row:?} is too short")
        };
        let found = read(uri);
        let valid = expected == "valid";
        let mut check = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{suite} {case}: {uri}: {what}"));
            }
        };
        if let Some(instead) = exception(suite, uri) {
            exceptions += 1;
            let held = found.is_some_and(|found| found.canonical == instead || found.element_string.as_deref() == Some(instead));
            check(held, instead);
            continue;
        }
        match suite.as_str() {
            "parse-pure-identity" | "all-schemes" => check(found.is_some() == valid, expected),
            // A row is invalid if it asks for a GTIN-8, -12 or -13, or for one binary encoding, of a URI that is itself good.
            "to-gs1" | "tag" => check(found.is_some(), "must be read"),
            // A row is invalid if no key follows from the pattern.
            "id-pattern" => check(
                found.as_ref().is_some_and(|found| found.has_key) == (valid && !key.ends_with('*')),
                expected,
            ),
            other => panic!("unknown suite {other}"),
        }
        let element_string = read(uri).and_then(|found| found.element_string);
        if valid && !elements.is_empty() {
            check(
                element_string.as_ref() == Some(elements),
                &format!("{element_string:?} instead of {elements}"),
            );
        }
        if valid && !key.is_empty() && !key.ends_with('*') {
            let digits = element_string.unwrap_or_default();
            let holds = digits.split_once(')').is_some_and(|(_, rest)| {
                // The zero before a GRAI is not part of it.
                rest.split('(').next() == Some(key) || rest.strip_prefix('0') == Some(key)
            });
            check(holds, &format!("{digits} instead of {key}"));
        }
    }
    println!("{} rows, {exceptions} exceptions", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((rows.len(), exceptions), (274, EXCEPTIONS.len()));
}

/// The greatest length that the dictionary gives the last component of an application identifier, such as 20 for
/// `21 X..20` and 16 for `8003 ? N1,zero N13,csum,gcppos1 [X..16]`.
fn last_length(dictionary: &str, ai: &str) -> usize {
    let row = dictionary
        .lines()
        .find(|line| line.split_whitespace().next() == Some(ai))
        .unwrap_or_else(|| panic!("the dictionary has no AI {ai}"));
    let length = |word: &str| {
        word.trim_matches(['[', ']'])
            .split_once("..")?
            .1
            .split([',', ']'])
            .next()?
            .parse()
            .ok()
    };
    row.split_whitespace()
        .filter_map(length)
        .next()
        .unwrap_or_else(|| panic!("AI {ai} has no variable length: {row}"))
}

#[test]
fn lengths_of_the_dictionary() {
    let Some(dictionary) = corpus("gs1-syntax-dictionary/gs1-syntax-dictionary.txt") else {
        return;
    };
    // What stands before the component in a Digital Link, and how many of its characters are part of it already.
    let links = [
        ("21", "01/09506000134352/21/", 0),
        ("235", "01/09506000134352/235/", 0),
        ("10", "01/09506000134352/10/", 0),
        ("254", "414/9506000134352/254/", 0),
        ("253", "253/9506000134352", 0),
        ("255", "255/9506000134352", 0),
        ("8003", "8003/09506000134352", 0),
        ("8004", "8004/950600", 6),
        ("401", "401/950600", 6),
        ("8010", "8010/950600", 6),
        ("8011", "8010/950600A/8011/", 0),
    ];
    for (ai, before, counted) in links {
        let longest = last_length(&dictionary, ai) - counted;
        let read = |digits: usize| format!("https://id.gs1.org/{before}{}", "1".repeat(digits)).parse::<EpcClass>();
        assert!(read(longest).is_ok(), "AI {ai} with {longest} characters");
        let refused = read(longest + 1).map(|class| class.canonical().to_owned());
        assert!(refused.is_err(), "AI {ai} with {} characters: {refused:?}", longest + 1);
    }
    println!("{} application identifiers", links.len());
}
