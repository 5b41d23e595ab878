//! Everything that is printed is valid under the ratified schemas: each document of the shared corpus that is taken in is
//! printed in each format, validated, and read again to the same events.
//!
//! The schemas lie in the corpus (`../shared/corpus`); XML is held against them by `xmllint`, JSON by Python's `jsonschema`.
//! Where one of the three is missing the test says so and passes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil::domain::event::Event;
use counterfoil::domain::time::Micros;
use counterfoil::epcis::{
    self, CbvFormat, Document, DocumentKind, EpcFormat, Format, MediaType, ParseLimits, Target, convert, hash, json, loss, xml,
};

use crate::corpus_documents::{KINDS, corpus, manifest, media};

/// A moment after the events of the corpus.
const CREATED: Micros = Micros(1_795_330_200_000_000);

const KINDS_OF_DOCUMENT: [DocumentKind<'static>; 2] = [
    DocumentKind::Document,
    DocumentKind::Query {
        name: "SimpleEventQuery",
        subscription: None,
    },
];
const EPC_FORMATS: [EpcFormat; 3] = [EpcFormat::NeverTranslates, EpcFormat::AlwaysDigitalLink, EpcFormat::AlwaysUrn];
const CBV_FORMATS: [CbvFormat; 3] = [CbvFormat::OfVersion, CbvFormat::AlwaysWebUri, CbvFormat::AlwaysUrn];

#[test]
fn json_is_valid_under_the_ratified_schema() {
    let Some(corpus) = corpus() else { return };
    let schema = corpus.join("ratified-schemas/Communication/Json/Schemas/epcis2_0.json");
    if !works(Command::new("python3").args(["-c", "import jsonschema"])) {
        println!("skipped: there is no python3 with jsonschema");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut printed = Printed::default();
    for (path, whole) in documents(&corpus) {
        let events = events(&whole);
        let out = converted(&whole, Target::Json);
        printed.reread(&path, MediaType::Json, &events, &out);
        let name = printed.name(&path);
        fs::write(folder.path().join(format!("{name}.json")), out).unwrap();
        for document in KINDS_OF_DOCUMENT {
            for epc in EPC_FORMATS {
                let format = format(document, epc, CbvFormat::OfVersion);
                let mut out = Vec::new();
                json::write_events(&mut out, listed(&events), &format).unwrap();
                printed.reread(&path, MediaType::Json, &events, &out);
                let name = printed.name(&path);
                fs::write(folder.path().join(format!("{name}.json")), out).unwrap();
            }
        }
        for event in &events {
            let mut out = Vec::new();
            let format = format(DocumentKind::Document, EpcFormat::AlwaysDigitalLink, CbvFormat::OfVersion);
            json::write_event(&mut out, event, CREATED, &format).unwrap();
            let name = printed.name(&path);
            fs::write(folder.path().join(format!("{name}.json")), out).unwrap();
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/validate.py");
    fs::write(folder.path().join("broken.json"), r#"{"type":"EPCISDocument"}"#).unwrap();
    let output = Command::new("python3")
        .arg(script)
        .arg(schema)
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("broken.json\t"), "the validator takes everything");
    for line in said.lines().filter(|line| !line.starts_with("broken.json")) {
        let (name, what) = line.split_once('\t').unwrap();
        printed.wrong(name.trim_end_matches(".json"), what);
    }
    printed.judge("JSON-LD 2.0", 1885);
}

#[test]
fn xml_2_is_valid_under_the_ratified_schemas() {
    xml(xml::Version::V2_0, 4047);
}

#[test]
fn xml_1_is_valid_under_the_ratified_schemas() {
    xml(xml::Version::V1_2, 4047);
}

fn xml(version: xml::Version, count: usize) {
    let Some(corpus) = corpus() else { return };
    if !works(Command::new("xmllint").arg("--version")) {
        println!("skipped: there is no xmllint");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let schemas = schemas(&corpus, folder.path());
    let mut printed = Printed::default();
    let mut files = Vec::new();
    for (path, whole) in documents(&corpus) {
        let events = events(&whole);
        let out = converted(&whole, Target::Xml(version));
        printed.reread(&path, MediaType::Xml, &events, &out);
        let file = folder.path().join(format!("{}.xml", printed.name(&path)));
        fs::write(&file, out).unwrap();
        files.push(file);
        for document in KINDS_OF_DOCUMENT {
            for (epc, cbv) in EPC_FORMATS.iter().flat_map(|epc| CBV_FORMATS.map(|cbv| (*epc, cbv))) {
                let format = format(document, epc, cbv);
                let mut out = Vec::new();
                xml::write_events(&mut out, listed(&events), &format, version).unwrap();
                printed.reread(&path, MediaType::Xml, &events, &out);
                let file = folder.path().join(format!("{}.xml", printed.name(&path)));
                fs::write(&file, out).unwrap();
                files.push(file);
            }
        }
    }
    let schema = schemas.join(match version {
        xml::Version::V1_2 => "v1/all.xsd",
        xml::Version::V2_0 => "v2/all.xsd",
    });
    let broken = folder.path().join("broken.xml");
    fs::write(&broken, r#"<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2"/>"#).unwrap();
    let mut judge = Command::new("xmllint");
    let judge = judge.args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(&broken);
    assert!(!works(judge), "the validator takes everything");
    for batch in files.chunks(500) {
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(&schema)
            .args(batch)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let lines = said.lines().filter(|line| !line.ends_with(" validates"));
        for line in lines {
            let name = line
                .rsplit_once(".xml")
                .map_or("", |(path, _)| path.split(".xml").next().unwrap_or(path));
            printed.wrong(name.rsplit('/').next().unwrap_or(""), line);
        }
    }
    printed.judge("XML", count);
}

/// What was printed, and what is wrong with it.
#[derive(Default)]
struct Printed {
    sources: Vec<String>,
    wrong: BTreeMap<String, String>,
    reread: usize,
}

impl Printed {
    /// A file name for the next document.
    fn name(&mut self, path: &str) -> String {
        self.sources.push(path.to_owned());
        format!("{:05}", self.sources.len() - 1)
    }

    fn wrong(&mut self, name: &str, what: &str) {
        let source = name.parse::<usize>().ok().and_then(|index| self.sources.get(index)).cloned();
        let source = source.unwrap_or_else(|| name.to_owned());
        self.wrong.entry(source).or_insert_with(|| what.to_owned());
    }

    /// The events that come out are those that went in.
    fn reread(&mut self, path: &str, media: MediaType, events: &[Event], out: &[u8]) {
        let before: Vec<String> = events.iter().map(content).collect();
        match epcis::parse(out, media, &ParseLimits::default()) {
            Err(findings) => {
                let first = findings.iter().find(|finding| finding.refuses());
                self.wrong.entry(path.to_owned()).or_insert_with(|| format!("{first:?}"));
            }
            Ok(again) => {
                self.reread += again.events.len();
                let after: Vec<String> = again.events.iter().map(|parsed| content(&parsed.event)).collect();
                if before != after {
                    self.wrong
                        .entry(path.to_owned())
                        .or_insert_with(|| format!("before {before:?}\n  after  {after:?}"));
                }
            }
        }
    }

    fn judge(&self, what: &str, count: usize) {
        println!(
            "{what}: {} documents printed and validated, {} events read again",
            self.sources.len(),
            self.reread
        );
        let wrong: Vec<String> = self.wrong.iter().map(|(path, what)| format!("{path}: {what}")).collect();
        assert!(wrong.is_empty(), "{} of the corpus:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(
            self.sources.len(),
            count,
            "the corpus has changed: look at what came or went, then correct the number"
        );
    }
}

/// The content of an event with what its hash leaves out.
fn content(event: &Event) -> String {
    let declaration = event.error_declaration.as_ref();
    format!(
        "{} {:?} {:?}",
        hash::prehash(event, &[]),
        event.event_id,
        declaration.map(|found| (
            found.declaration_time,
            &found.reason,
            &found.corrective_event_ids,
            found.extensions.len()
        ))
    )
}

/// Every document of the corpus that is taken in.
fn documents(corpus: &Path) -> Vec<(String, Document)> {
    let mut documents = Vec::new();
    for (path, kind) in manifest(corpus) {
        let Some(media) = media(&path).filter(|_| KINDS.contains(&kind.as_str())) else {
            continue;
        };
        let bytes = fs::read(corpus.join(&path)).unwrap();
        if let Ok(document) = epcis::parse(&bytes[..], media, &ParseLimits::default()) {
            documents.push((path, document));
        }
    }
    documents
}

fn events(document: &Document) -> Vec<Event> {
    document.events.iter().map(|parsed| parsed.event.clone()).collect()
}

/// The whole document in another format, header and all.
fn converted(document: &Document, target: Target) -> Vec<u8> {
    let format = format(DocumentKind::Document, EpcFormat::NeverTranslates, CbvFormat::OfVersion);
    let mut out = Vec::new();
    convert::write(&mut out, document, CREATED, &format, target).unwrap();
    out
}

/// Expanded name of the Standard Business Document Header.
const BUSINESS_HEADER: &str =
    "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}StandardBusinessDocumentHeader";

/// What stands above the events, in one form whatever the syntax.
fn header(document: &Document) -> serde_json::Value {
    let format = format(DocumentKind::Document, EpcFormat::NeverTranslates, CbvFormat::OfVersion);
    let mut out = Vec::new();
    json::write_document(&mut out, &document.header, std::iter::empty(), &format).unwrap();
    let mut shown: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let declared = shown.as_object_mut().unwrap().remove("@context").unwrap();
    let prefixes = declared
        .as_array()
        .unwrap()
        .iter()
        .filter_map(serde_json::Value::as_object)
        .flatten();
    let prefixes: BTreeMap<String, String> = prefixes
        .map(|(prefix, namespace)| (prefix.clone(), namespace.as_str().unwrap().to_owned()))
        .collect();
    expanded(&shown, &prefixes)
}

/// Names by their namespaces, whichever prefix they had, and plain values as text.
fn expanded(value: &serde_json::Value, prefixes: &BTreeMap<String, String>) -> serde_json::Value {
    match value {
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(key, inside)| {
                let (prefix, local) = key.split_once(':').unwrap_or(("", key));
                let name = prefixes
                    .get(prefix)
                    .map_or_else(|| key.clone(), |namespace| format!("{{{namespace}}}{local}"));
                (name, expanded(inside, prefixes))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        serde_json::Value::Array(items) => items.iter().map(|item| expanded(item, prefixes)).collect(),
        serde_json::Value::Number(number) => number.to_string().into(),
        serde_json::Value::Bool(value) => value.to_string().into(),
        serde_json::Value::Null | serde_json::Value::String(_) => value.clone(),
    }
}

#[test]
fn conversions_keep_everything() {
    let Some(corpus) = corpus() else { return };
    let (xml_1, xml_2) = (Target::Xml(xml::Version::V1_2), Target::Xml(xml::Version::V2_0));
    let ways: [&[Target]; 5] = [
        &[xml_2, xml_1],
        &[xml_1, xml_2],
        &[Target::Json, xml_1],
        &[xml_2, Target::Json],
        &[xml_1, Target::Json, xml_2],
    ];
    let (mut count, mut wrong, mut told) = (0, Vec::new(), BTreeMap::<&str, usize>::new());
    for (path, original) in documents(&corpus) {
        let sent: Vec<String> = events(&original).iter().map(content).collect();
        for way in ways {
            let mut document = None;
            for target in way {
                let from = document.as_ref().unwrap_or(&original);
                for loss in loss::losses(from, *target) {
                    *told.entry(loss.code.as_str()).or_default() += 1;
                }
                let media = if *target == Target::Json {
                    MediaType::Json
                } else {
                    MediaType::Xml
                };
                let out = converted(from, *target);
                match epcis::parse(&out[..], media, &ParseLimits::default()) {
                    Ok(read) => document = Some(read),
                    Err(found) => {
                        let why = found.iter().find(|finding| finding.refuses());
                        wrong.push(format!("{path} {way:?}: {why:?}"));
                        break;
                    }
                }
            }
            let Some(last) = document else { continue };
            count += 1;
            let came: Vec<String> = events(&last).iter().map(content).collect();
            let (before, mut after) = (header(&original), header(&last));
            if before["epcisHeader"][BUSINESS_HEADER].is_null() {
                // Made of what JSON says in its place, or because 1.2 must have one.
                if let Some(header) = after.get_mut("epcisHeader").and_then(serde_json::Value::as_object_mut) {
                    header.remove(BUSINESS_HEADER);
                    if header.is_empty() {
                        after.as_object_mut().unwrap().remove("epcisHeader");
                    }
                }
            }
            if sent != came {
                wrong.push(format!("{path} {way:?}:\n  {sent:?}\n  {came:?}"));
            } else if before != after {
                wrong.push(format!("{path} {way:?}:\n  {before}\n  {after}"));
            }
        }
    }
    println!("{count} conversions of whole documents and back, losses told: {told:?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 1065);
}

fn listed(events: &[Event]) -> impl Iterator<Item = (&Event, Micros)> {
    events.iter().map(|event| (event, CREATED))
}

fn format(document: DocumentKind<'static>, epc: EpcFormat, cbv: CbvFormat) -> Format<'static> {
    Format {
        document,
        epc,
        cbv,
        created: CREATED,
        prefix_len: &|_| Some(7),
    }
}

pub fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The schemas in a folder of their own, naming each other by file: they are never fetched.
pub fn schemas(corpus: &Path, folder: &Path) -> PathBuf {
    let from = corpus.join("ratified-schemas/Communication/Xml/Schemas");
    let to = folder.join("schemas");
    for part in ["shared", "v1", "v2"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for entry in fs::read_dir(from.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let local = [
                (
                    "https://ref.gs1.org/standards/epcis/2.0.0/epcglobal.xsd",
                    "../shared/EPCglobal.xsd",
                ),
                (
                    "https://ref.gs1.org/standards/epcis/2.0.0/epcglobal-epcis.xsd",
                    "EPCglobal-epcis-2_0.xsd",
                ),
                (
                    "https://ref.gs1.org/standards/epcis/2.0.0/StandardBusinessDocumentHeader.xsd",
                    "../shared/StandardBusinessDocumentHeader.xsd",
                ),
                ("./EPCglobal.xsd", "../shared/EPCglobal.xsd"),
                (
                    "./StandardBusinessDocumentHeader.xsd",
                    "../shared/StandardBusinessDocumentHeader.xsd",
                ),
            ];
            let text = local.iter().fold(text, |text, (there, here)| text.replace(there, here));
            fs::write(to.join(part).join(path.file_name().unwrap()), text).unwrap();
        }
    }
    for (part, number, file) in [("v1", 1, "1_2"), ("v2", 2, "2_0")] {
        let all = format!(
            r#"<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<xsd:import namespace="urn:epcglobal:epcis:xsd:{number}" schemaLocation="EPCglobal-epcis-{file}.xsd"/>
<xsd:import namespace="urn:epcglobal:epcis-query:xsd:{number}" schemaLocation="EPCglobal-epcis-query-{file}.xsd"/>
</xsd:schema>"#
        );
        fs::write(to.join(part).join("all.xsd"), all).unwrap();
    }
    to
}
