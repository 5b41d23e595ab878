//! Every EPCIS document of the shared corpus is read: accepted, or refused with the code that `tests/corpus/refused.tsv` names.
//!
//! The corpus lies beside the checkout (`../shared/corpus`); where it does not, the tests say so and pass. Nothing of it is
//! copied here: our own files hold only paths, expected codes and reasons.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use counterfoil::domain::event::{Content, Event, Name};
use counterfoil::domain::finding::Finding;
use counterfoil::domain::time::Micros;
use counterfoil::epcis::{self, CbvFormat, Document, DocumentKind, EpcFormat, Format, MediaType, ParseLimits, hash, json, xml};

/// Kinds of `MANIFEST.tsv` that are documents or events.
pub const KINDS: &[&str] = &[
    "doc",
    "doc-1.2-xml",
    "doc-2.0-json",
    "doc-2.0-xml",
    "doc-and-query",
    "doc-dscsa",
    "doc-food",
    "doc-healthcare-ext",
    "doc-profile",
    "hash-vector",
    "sanitise-vector",
];

/// The folder of the corpus, where it is.
pub fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/corpus");
    if !folder.is_dir() {
        println!("skipped: there is no corpus at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The media type by the name of the file; `None` for what is no document.
pub fn media(path: &str) -> Option<MediaType> {
    match path.rsplit('.').next() {
        Some("xml") => Some(MediaType::Xml),
        Some("json" | "jsonld") => Some(MediaType::Json),
        Some(_) | None => None,
    }
}

/// Path and kind of every file of the corpus.
pub fn manifest(corpus: &Path) -> Vec<(String, String)> {
    let table = fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    rows.map(|row| (row[0].clone(), row[5].clone())).collect()
}

fn read(corpus: &Path, path: &str) -> Result<Document, Vec<Finding>> {
    let bytes = fs::read(corpus.join(path)).unwrap();
    epcis::parse(&bytes[..], media(path).unwrap(), &ParseLimits::default())
}

/// Rows of one of our own tables: path and what is expected of it; the rest of the row is the reason.
pub fn expected(file: &str) -> BTreeMap<String, String> {
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(file)).unwrap();
    let rows = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row.len() > 1)
        .map(|row| (row[0].to_owned(), row[1].to_owned()))
        .collect()
}

#[test]
fn every_document_is_accepted_or_refused_for_the_expected_reason() {
    let Some(corpus) = corpus() else { return };
    let expected = expected("refused.tsv");
    let (mut accepted, mut refused, mut events) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (path, kind) in manifest(&corpus) {
        if !KINDS.contains(&kind.as_str()) || media(&path).is_none() {
            continue;
        }
        let want = expected.get(&path).map(String::as_str);
        match read(&corpus, &path) {
            Ok(document) => {
                accepted += 1;
                events += document.events.len();
                if let Some(want) = want {
                    wrong.push(format!("{path}: accepted, expected {want}"));
                }
            }
            Err(findings) => {
                refused += 1;
                let first = findings
                    .iter()
                    .find(|finding| finding.refuses())
                    .expect("a refused document says why");
                if want != Some(first.code.as_str()) {
                    wrong.push(format!("{path}\t{}\t{} {}", first.code.as_str(), first.pointer, first.detail));
                }
            }
        }
    }
    println!(
        "{} documents: {accepted} accepted with {events} events, {refused} refused",
        accepted + refused
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refused, expected.len(), "each row of refused.tsv is met");
    assert_eq!(
        (accepted, events),
        (213, 394),
        "the corpus has changed: look at what came or went, then correct the numbers"
    );
}

/// What the published schemas said of each file (XSD, JSON Schema 2.0.0) stands in the manifest.
#[test]
fn what_a_schema_refuses_is_never_taken_without_a_word() {
    let Some(corpus) = corpus() else { return };
    let table = fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    let (mut noticed, mut silent, mut stricter) = (0, Vec::new(), BTreeMap::<String, usize>::new());
    for line in table.lines().skip(1) {
        let row: Vec<&str> = line.split('\t').collect();
        if !KINDS.contains(&row[5]) || media(row[0]).is_none() {
            continue;
        }
        let verdicts = [row[14], row[15]];
        match read(&corpus, row[0]) {
            Ok(document) if verdicts.contains(&"invalid") && document.findings.is_empty() => silent.push(row[0].to_owned()),
            Ok(_) if verdicts.contains(&"invalid") => noticed += 1,
            Err(findings) if verdicts.contains(&"valid") => {
                let first = findings.iter().find(|finding| finding.refuses()).unwrap();
                *stricter.entry(first.code.as_str().to_owned()).or_default() += 1;
            }
            Ok(_) | Err(_) => {}
        }
    }
    println!(
        "{noticed} documents against their schema are read with a finding; refused although their schema lets them pass: {stricter:?}"
    );
    assert_eq!(silent, [""; 0]);
    assert_eq!(
        noticed, 32,
        "the corpus has changed: look at what came or went, then correct the number"
    );
    // Schemas know no check digits, lengths of keys or calendars, and forbid neither DOCTYPE nor queries.
    let expected = [
        ("DTD_FORBIDDEN", 2),
        ("INVALID_CHECK_DIGIT", 5),
        ("INVALID_EPC_URI", 9),
        ("INVALID_TIME", 1),
        ("UNKNOWN_DOCUMENT_TYPE", 4),
    ];
    let stricter: Vec<(&str, usize)> = stricter.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(stricter, expected);
}

#[test]
fn nothing_in_the_corpus_makes_a_reader_panic() {
    let Some(corpus) = corpus() else { return };
    let mut read_as = 0;
    for (path, _) in manifest(&corpus) {
        let bytes = fs::read(corpus.join(&path)).unwrap();
        for media in [MediaType::Xml, MediaType::Json] {
            let _ = epcis::parse(&bytes[..], media, &ParseLimits::default());
            read_as += 1;
        }
    }
    println!("{read_as} readings");
}

#[test]
fn every_hash_vector_is_reproduced() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("hash-generator/tests/examples");
    let (mut files, mut hashes) = (0, 0);
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(media) = media(&name) else { continue };
        let stem = name.rsplit_once('.').unwrap().0;
        let Ok(vector) = fs::read_to_string(folder.join(format!("{stem}.hashes"))) else {
            continue;
        };
        let document = epcis::parse(&fs::read(folder.join(&name)).unwrap()[..], media, &ParseLimits::default());
        let document = document.unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
        let ignored = ignored_fields(&document);
        let ours = document
            .events
            .iter()
            .map(|parsed| hash::prehash(&parsed.event, &ignored))
            .collect::<Vec<_>>();
        let theirs: Vec<&str> = vector.split_whitespace().collect();
        files += 1;
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (prehash, want) in ours.iter().zip(theirs) {
            hashes += 1;
            if sha256_id(prehash) != want {
                wrong.push(format!("{name}: {want}\n  {prehash}"));
            }
        }
    }
    println!("{hashes} hashes of {files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((files, hashes), (24, 34));
}

/// The generator lets a document say which event fields are no content of its own; the hub itself never heeds it.
fn ignored_fields(document: &Document) -> Vec<Name> {
    let mut ignored = Vec::new();
    for node in document
        .header
        .extensions
        .iter()
        .filter(|node| &*node.name.local == "ignoreFields")
    {
        match &node.content {
            Content::Nodes(inside) => ignored.extend(inside.iter().map(|field| field.name.clone())),
            Content::Text(text) => {
                let (prefix, local) = text.split_once(':').unwrap();
                let namespace = match prefix {
                    "repository-x" => "https://repository-x.example.com/",
                    "example" => "https://ns.example.com/epcis/",
                    other => panic!("prefix {other}"),
                };
                ignored.push(Name {
                    namespace: namespace.into(),
                    local: local.into(),
                    prefix: prefix.into(),
                });
            }
            other => panic!("{other:?}"),
        }
    }
    ignored
}

fn sha256_id(prehash: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, prehash.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash::event_id(&hash)
}

#[test]
fn equal_events_have_equal_hashes_whatever_their_syntax() {
    let Some(corpus) = corpus() else { return };
    let deviations = expected("hash_deviations.tsv");
    let table = fs::read_to_string(corpus.join("EQUIVALENT_EVENTS.tsv")).unwrap();
    let mut documents: BTreeMap<String, Option<Document>> = BTreeMap::new();
    let (mut classes, mut members, mut met) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        classes += 1;
        let mut hashes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for member in columns[2].split_whitespace() {
            let (path, index) = member.rsplit_once('#').unwrap();
            let document = documents.entry(path.to_owned()).or_insert_with(|| read(&corpus, path).ok());
            let Some(event) = document
                .as_ref()
                .and_then(|document| document.events.get(index.parse::<usize>().unwrap()))
            else {
                continue;
            };
            if deviations.contains_key(member) {
                met += 1;
                continue;
            }
            members += 1;
            hashes.entry(hash::prehash(&event.event, &[])).or_default().push(member);
        }
        if hashes.len() > 1 {
            wrong.push(format!(
                "{}:\n{}",
                columns[0],
                hashes
                    .iter()
                    .map(|(text, members)| format!("  {members:?}\n    {text}"))
                    .collect::<Vec<_>>()
                    .join("\n")
            ));
        }
    }
    println!("{members} events in {classes} classes of equal content, {met} known deviations");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(met, deviations.len(), "each row of hash_deviations.tsv is met");
}

#[test]
fn different_spellings_of_one_event_have_one_hash() {
    let Some(corpus) = corpus() else { return };
    let folder = "hash-generator/tests/expected_equal";
    let mut spread = BTreeMap::new();
    for entry in fs::read_dir(corpus.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let document = read(&corpus, &format!("{folder}/{name}")).unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
        let hashes: std::collections::BTreeSet<[u8; 32]> = document.events.iter().map(|parsed| parsed.hash).collect();
        spread.insert(name, (document.events.len(), hashes.len()));
    }
    println!("{spread:?}");
    let several: Vec<_> = spread
        .iter()
        .filter(|(_, (_, hashes))| *hashes > 1)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(several, [""; 0]);
    assert_eq!(spread.len(), 7);
}

#[test]
fn every_accepted_event_survives_being_printed_as_json() {
    let Some(corpus) = corpus() else { return };
    survives(
        &corpus,
        MediaType::Json,
        |_| true,
        |out, events, format| json::write_events(out, events, format),
    );
}

#[test]
fn every_accepted_event_survives_being_printed_as_xml_2() {
    let Some(corpus) = corpus() else { return };
    survives(
        &corpus,
        MediaType::Xml,
        |_| true,
        |out, events, format| xml::write_events(out, events, format, xml::Version::V2_0),
    );
}

#[test]
fn every_accepted_event_survives_being_printed_as_xml_1() {
    let Some(corpus) = corpus() else { return };
    survives(
        &corpus,
        MediaType::Xml,
        |_| true,
        |out, events, format| xml::write_events(out, events, format, xml::Version::V1_2),
    );
}

type Write = fn(&mut Vec<u8>, Vec<(&Event, Micros)>, &Format<'_>) -> std::io::Result<()>;

fn survives(corpus: &Path, media: MediaType, fits: fn(&Event) -> bool, write: Write) {
    let kinds = [
        DocumentKind::Document,
        DocumentKind::Query {
            name: "SimpleEventQuery",
            subscription: None,
        },
    ];
    let mut count = 0;
    let mut wrong = Vec::new();
    for (path, kind) in manifest(corpus) {
        if !KINDS.contains(&kind.as_str()) || self::media(&path).is_none() {
            continue;
        }
        let Ok(document) = read(corpus, &path) else { continue };
        let events: Vec<&Event> = document
            .events
            .iter()
            .map(|parsed| &parsed.event)
            .filter(|event| fits(event))
            .collect();
        for document in kinds {
            let format = Format {
                document,
                epc: EpcFormat::NeverTranslates,
                cbv: CbvFormat::OfVersion,
                created: Micros(0),
                prefix_len: &|_| None,
            };
            let mut out = Vec::new();
            write(
                &mut out,
                events.iter().map(|event| (*event, Micros(1_000))).collect(),
                &format,
            )
            .unwrap();
            let before: Vec<String> = events.iter().map(|event| hash::prehash(event, &[])).collect();
            match epcis::parse(&out[..], media, &ParseLimits::default()) {
                Err(findings) => wrong.push(format!("{path}: {:?}", findings.first())),
                Ok(again) => {
                    let after: Vec<String> = again.events.iter().map(|parsed| hash::prehash(&parsed.event, &[])).collect();
                    count += after.len();
                    if before != after {
                        wrong.push(format!("{path}:\n  {before:?}\n  {after:?}"));
                    }
                }
            }
        }
    }
    println!("{count} events printed and read again");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 350, "{count}");
}
