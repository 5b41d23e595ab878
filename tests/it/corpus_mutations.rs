//! Valid documents of the corpus, each changed in one place: the strict reader says of them what the schema says, and what the most
//! lenient reader takes is printed as the schemas want it.
//!
//! The changes are such as a schema can mind: elements and attributes taken out, doubled, moved, renamed or emptied, values
//! replaced. `xmllint` holds each of them against the ratified schemas; where it or the corpus is missing the test says so and passes.
//! `COUNTERFOIL_TEST_MUTATIONS` is how many there are; the dice give the same ones in every run.

use std::fs;
use std::path::Path;
use std::process::Command;

use counterfoil::domain::finding::{Class, Finding};
use counterfoil::domain::profile::{Base, Profile};
use counterfoil::domain::time::Micros;
use counterfoil::epcis::convert::{Target, write};
use counterfoil::epcis::xml::Version;
use counterfoil::epcis::{self, CbvFormat, Document, DocumentKind, EpcFormat, Format, MediaType, ParseLimits};

use crate::corpus_documents::{KINDS, corpus, manifest, media};
use crate::corpus_schemas::{schemas, works};
use crate::fuzz::Dice;

/// How many in each run of the tests.
const MUTATIONS: usize = 300;
/// Documents larger than this take long and show nothing that the others do not.
const BYTES: usize = 12_000;

/// Values that may stand where another stood.
const VALUES: [&str; 22] = [
    "",
    " ",
    "x",
    "0",
    "-1",
    "1.5",
    "1e3",
    "true",
    "ADD",
    "add",
    "OBSERVE",
    "2026-03-01",
    "2026-03-01T08:00:00",
    "2026-03-01T08:00:00Z",
    "2026-02-30T08:00:00Z",
    "+01:00",
    "+25:00",
    "urn:x:y",
    "http://[",
    "a b",
    "%zz",
    "12345678901234567890",
];

/// A piece of markup: its place in the text, and the element it is of.
#[derive(Debug, Clone, Copy)]
struct Tag {
    from: usize,
    to: usize,
    kind: TagKind,
    /// The end of the element that it begins.
    end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Open,
    Close,
    Empty,
}

/// The tags of a text without comments, sections and instructions in the body.
fn tags(text: &str) -> Vec<Tag> {
    let (mut tags, mut open): (Vec<Tag>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(from) = text[at..].find('<').map(|found| at + found) {
        let Some(to) = text[from..].find('>').map(|found| from + found + 1) else {
            break;
        };
        at = to;
        let tag = &text[from..to];
        if tag.starts_with("<?") || tag.starts_with("<!") {
            continue;
        }
        let kind = match tag {
            tag if tag.starts_with("</") => TagKind::Close,
            tag if tag.ends_with("/>") => TagKind::Empty,
            _ => TagKind::Open,
        };
        if kind == TagKind::Close
            && let Some(index) = open.pop()
        {
            tags[index].end = to;
        }
        if kind == TagKind::Open {
            open.push(tags.len());
        }
        tags.push(Tag { from, to, kind, end: to });
    }
    tags
}

/// The text changed in one place; the root stays.
fn changed(text: &str, random: &mut Dice) -> Option<(String, &'static str)> {
    let tags = tags(text);
    let elements: Vec<Tag> = tags
        .iter()
        .skip(1)
        .filter(|tag| tag.kind != TagKind::Close)
        .copied()
        .collect();
    if elements.is_empty() {
        return None;
    }
    let one = elements[random.below(elements.len())];
    let other = elements[random.below(elements.len())];
    let whole = &text[one.from..one.end];
    let replaced = |from: usize, to: usize, with: &str| format!("{}{with}{}", &text[..from], &text[to..]);
    let name_end = one.from + 1 + text[one.from + 1..one.to].find([' ', '>', '/', '\n', '\t', '\r'])?;
    let name = &text[one.from + 1..name_end];
    let (mutant, what) = match random.below(9) {
        0 => (replaced(one.from, one.end, ""), "taken out"),
        1 => (replaced(one.from, one.from, whole), "doubled"),
        2 if other.from >= one.end || other.end <= one.from => {
            let (a, b) = if one.from < other.from { (one, other) } else { (other, one) };
            if b.from < a.end {
                return None;
            }
            let swapped = [
                &text[..a.from],
                &text[b.from..b.end],
                &text[a.end..b.from],
                &text[a.from..a.end],
                &text[b.end..],
            ];
            (swapped.concat(), "swapped")
        }
        3 => {
            let renamed = format!("x{}", name.replace(':', "_"));
            let inner = whole.replacen(name, &renamed, 1);
            let inner = match inner.rfind("</") {
                Some(close) if one.kind == TagKind::Open => format!("{}</{renamed}>", &inner[..close]),
                _ => inner,
            };
            (replaced(one.from, one.end, &inner), "renamed")
        }
        4 | 5 if one.kind == TagKind::Open && !text[one.to..one.end].contains("</x") => {
            let close = one.from + whole.rfind("</")?;
            let is_leaf = !text[one.to..close].contains('<');
            let value = VALUES[random.below(VALUES.len())];
            if !is_leaf {
                return None;
            }
            (replaced(one.to, close, value), "another value")
        }
        6 => (replaced(name_end, name_end, " surplus=\"1\""), "an attribute more"),
        7 => {
            let attribute = text[one.from..one.to].find('"').map(|quote| one.from + quote + 1)?;
            let end = attribute + text[attribute..one.to].find('"')?;
            (
                replaced(attribute, end, VALUES[random.below(VALUES.len())]),
                "another value of an attribute",
            )
        }
        8 if one.kind == TagKind::Open => (replaced(one.to, one.to, "text"), "text"),
        _ => return None,
    };
    Some((mutant, what))
}

fn read(text: &str) -> Result<Document, Vec<Finding>> {
    read_as(text.as_bytes(), MediaType::Xml, Profile::new(Base::Strict))
}

fn read_as(bytes: &[u8], media: MediaType, profile: Profile) -> Result<Document, Vec<Finding>> {
    let limits = ParseLimits {
        profile,
        ..ParseLimits::default()
    };
    epcis::parse(bytes, media, &limits)
}

/// A JSON document changed in one place, inside its events.
fn changed_json(text: &str, random: &mut Dice) -> Option<String> {
    let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut places = Vec::new();
    pointers(&document, String::new(), &mut places);
    places.retain(|place| place.contains("/eventList/"));
    if places.is_empty() {
        return None;
    }
    let place = &places[random.below(places.len())];
    let (parent, key) = place.rsplit_once('/')?;
    let value = VALUES[random.below(VALUES.len())];
    let value = match random.below(4) {
        0 => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
        _ => serde_json::Value::from(value),
    };
    match (random.below(5), document.pointer_mut(parent)?) {
        (0, serde_json::Value::Object(members)) => drop(members.remove(key)),
        (1, serde_json::Value::Array(items)) => items.push(items.first()?.clone()),
        (2, serde_json::Value::Object(members)) => drop(members.insert("surplus".to_owned(), value)),
        (_, serde_json::Value::Object(members)) => *members.get_mut(key)? = value,
        (_, serde_json::Value::Array(items)) => *items.get_mut(key.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(document.to_string())
}

fn pointers(value: &serde_json::Value, here: String, all: &mut Vec<String>) {
    let inside: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        serde_json::Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inside.into_iter().filter(|(key, _)| !key.contains(['/', '~'])) {
        pointers(value, format!("{here}/{key}"), all);
    }
    all.push(here);
}

/// Documents in XML that the schema of their version and the strict reader take, with that schema. The verdict of the manifest is not
/// enough: for some documents it is that of another publisher's edition of the schema.
fn valid(corpus: &Path, (schemas, folder): (&Path, &Path)) -> Vec<(String, String, &'static str)> {
    let mut documents = Vec::new();
    for (path, _) in manifest(corpus)
        .into_iter()
        .filter(|(path, kind)| KINDS.contains(&kind.as_str()) && media(path) == Some(MediaType::Xml))
    {
        let Ok(text) = fs::read_to_string(corpus.join(&path)) else {
            continue;
        };
        if text.len() > BYTES || text.contains("<!") || text.contains("EPCISMasterDataDocument") || read(&text).is_err() {
            continue;
        }
        let is_2 = text.contains("epcis:xsd:2") || text.contains("epcis-query:xsd:2");
        documents.push((path, text, if is_2 { "v2/all.xsd" } else { "v1/all.xsd" }));
    }
    documents.sort();
    for version in VERSIONS {
        let of_version: Vec<&str> = documents
            .iter()
            .filter(|document| document.2 == version)
            .map(|document| document.1.as_str())
            .collect();
        let mut good = judged(&schemas.join(version), folder, &of_version)
            .into_iter()
            .map(|verdict| verdict.is_ok());
        documents.retain(|document| document.2 != version || good.next() == Some(true));
    }
    documents
}

const VERSIONS: [&str; 2] = ["v1/all.xsd", "v2/all.xsd"];

/// What `xmllint` says of each of these texts: the first thing that it minds.
fn judged(schema: &Path, folder: &Path, texts: &[&str]) -> Vec<Result<(), String>> {
    let mut verdicts = Vec::new();
    for batch in texts.chunks(500) {
        let files: Vec<_> = (0..batch.len())
            .map(|index| folder.join(format!("document{index}.xml")))
            .collect();
        for (file, text) in files.iter().zip(batch) {
            fs::write(file, text).unwrap();
        }
        let mut judge = Command::new("xmllint");
        let said = judge
            .args(["--noout", "--nonet", "--schema"])
            .arg(schema)
            .args(&files)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        for file in &files {
            let name = file.display().to_string();
            let good = said.lines().any(|line| line.strip_prefix(&name) == Some(" validates"));
            let minded = || {
                said.lines()
                    .find_map(|line| line.strip_prefix(&name))
                    .unwrap_or("not well-formed")
                    .to_owned()
            };
            verdicts.push(if good { Ok(()) } else { Err(minded()) });
        }
    }
    verdicts
}

#[test]
fn a_strict_reader_says_of_changed_documents_what_the_schema_says() {
    let Some(corpus) = corpus() else { return };
    if !works(Command::new("xmllint").arg("--version")) {
        println!("skipped: there is no xmllint");
        return;
    }
    let count = std::env::var("COUNTERFOIL_TEST_MUTATIONS")
        .ok()
        .map_or(MUTATIONS, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let schemas = schemas(&corpus, folder.path());
    let documents = valid(&corpus, (&schemas, folder.path()));
    assert!(documents.len() > 20, "{} valid documents", documents.len());
    let mut random = Dice(2026);
    let mut mutants = Vec::new();
    while mutants.len() < count {
        let (path, text, schema) = &documents[random.below(documents.len())];
        if let Some((mutant, what)) = changed(text, &mut random) {
            mutants.push((path, what, *schema, mutant));
        }
    }
    let (mut wrong, mut invalid, mut by_rules) = (Vec::new(), 0, 0);
    for version in VERSIONS {
        let of_version: Vec<_> = mutants.iter().filter(|mutant| mutant.2 == version).collect();
        let texts: Vec<&str> = of_version.iter().map(|mutant| mutant.3.as_str()).collect();
        let verdicts = judged(&schemas.join(version), folder.path(), &texts);
        for ((path, what, _, mutant), schema) in of_version.into_iter().zip(verdicts) {
            invalid += usize::from(schema.is_err());
            let strict = read(mutant);
            let by_schema = |finding: &&Finding| matches!(finding.code.class(), Class::Schema | Class::Form);
            let first = strict.as_ref().err().map(|findings| findings.iter().find(by_schema));
            let agrees = match first {
                None => schema.is_ok(),
                // Rules that no schema holds refuse more; whether a schema minds what they refuse is not asked then.
                Some(None) => {
                    by_rules += 1;
                    true
                }
                Some(Some(_)) => schema.is_err(),
            };
            if !agrees {
                wrong.push(format!("{path}, {what}\n  schema: {schema:?}\n  strict: {first:?}"));
            }
        }
    }
    println!(
        "{count} changes of {} documents: {invalid} invalid, {by_rules} refused by rules that no schema holds, {} told otherwise",
        documents.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(invalid > count / 4, "{invalid} of {count} are invalid");
}

/// What is emitted is valid, whatever was taken in. The judges are `xmllint` and `jsonschema`: our own reader takes disguises off
/// before it looks.
#[test]
fn whatever_the_most_lenient_reader_takes_is_printed_as_the_schemas_want_it() {
    let Some(corpus) = corpus() else { return };
    if !works(Command::new("xmllint").arg("--version")) || !works(Command::new("python3").args(["-c", "import jsonschema"])) {
        println!("skipped: there is no xmllint, or no python3 with jsonschema");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let schemas = schemas(&corpus, folder.path());
    let (taken, count) = taken(&corpus);
    let printed = |target| -> Vec<String> {
        let format = Format {
            document: DocumentKind::Document,
            epc: EpcFormat::NeverTranslates,
            cbv: CbvFormat::OfVersion,
            created: Micros(0),
            prefix_len: &|_| None,
        };
        let print = |(_, _, document): &(String, String, Document)| {
            let mut out = Vec::new();
            write(&mut out, document, Micros(0), &format, target).expect("memory is enough");
            String::from_utf8(out).expect("UTF-8")
        };
        taken.iter().map(print).collect()
    };
    let mut wrong = Vec::new();
    let mut minded = |verdicts: Vec<Result<(), String>>, what: &str, printed: &[String]| {
        for (((path, mutant, _), verdict), printed) in taken.iter().zip(verdicts).zip(printed) {
            if let Err(why) = verdict {
                wrong.push(format!("{path} as {what}: {why}\n{mutant}\n{printed}"));
            }
        }
    };
    for (version, schema, what) in [
        (Version::V1_2, VERSIONS[0], "XML 1.2"),
        (Version::V2_0, VERSIONS[1], "XML 2.0"),
    ] {
        let texts = printed(Target::Xml(version));
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        minded(judged(&schemas.join(schema), folder.path(), &borrowed), what, &texts);
    }
    let texts = printed(Target::Json);
    minded(judged_json(&corpus, &texts), "JSON", &texts);
    println!("{count} changes: {} taken in, {} printed wrong", taken.len(), wrong.len());
    assert!(taken.len() > count / 4, "{} of {count} are taken in", taken.len());
    let first: Vec<&str> = wrong.iter().take(10).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), first.join("\n"));
}

/// Changed documents that the most lenient reader takes: where from, as sent, and as read; and how many there were.
fn taken(corpus: &Path) -> (Vec<(String, String, Document)>, usize) {
    let count = std::env::var("COUNTERFOIL_TEST_MUTATIONS")
        .ok()
        .map_or(MUTATIONS, |text| text.parse().expect("a number"));
    let mut documents = Vec::new();
    for (path, _) in manifest(corpus)
        .into_iter()
        .filter(|(_, kind)| KINDS.contains(&kind.as_str()))
    {
        let (Some(media), Ok(text)) = (media(&path), fs::read_to_string(corpus.join(&path))) else {
            continue;
        };
        if text.len() <= BYTES && read_as(text.as_bytes(), media, Profile::taken_in()).is_ok() {
            documents.push((path, media, text));
        }
    }
    documents.sort_by(|one, other| one.0.cmp(&other.0));
    let mut random = Dice(2027);
    let (mut taken, mut made) = (Vec::new(), 0);
    while made < count {
        let (path, media, text) = &documents[random.below(documents.len())];
        let mutant = match media {
            MediaType::Xml => changed(text, &mut random).map(|(mutant, _)| mutant),
            MediaType::Json => changed_json(text, &mut random),
        };
        let Some(mutant) = mutant else { continue };
        made += 1;
        if let Ok(document) = read_as(mutant.as_bytes(), *media, Profile::taken_in()) {
            taken.push((path.clone(), mutant, document));
        }
    }
    (taken, made)
}

fn judged_json(corpus: &Path, texts: &[String]) -> Vec<Result<(), String>> {
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in texts.iter().enumerate() {
        fs::write(folder.path().join(format!("{index}.json")), text).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/validate.py");
    let schema = corpus.join("ratified-schemas/Communication/Json/Schemas/epcis2_0.json");
    let said = Command::new("python3")
        .arg(script)
        .arg(schema)
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut verdicts = vec![Ok(()); texts.len()];
    for line in said.lines() {
        let (name, what) = line.split_once('\t').expect("a name and what is wrong");
        let index: usize = name.trim_end_matches(".json").parse().expect("an index");
        verdicts[index] = Err(what.to_owned());
    }
    verdicts
}
