//! The verdict of the schema on every document of the corpus, in both profiles and both directions.
//!
//! What the published schemas say of each file (XSD, JSON Schema 2.0.0 with formats) stands in the manifest. A strict reader must
//! say the same. It may be stricter where rules of identifiers and events say no that no schema holds: those documents stand in
//! `refused.tsv`, by name and with the reason. A lenient reader takes everything else, with a finding where the schema minds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use counterfoil::domain::finding::{Class, Finding};
use counterfoil::domain::profile::{Base, Profile};
use counterfoil::epcis::{self, Document, ParseLimits};

use crate::corpus_documents::{KINDS, corpus, expected, media};

/// Documents on which the strict verdict is not the schema's, with the reason; each must be met.
const OTHERWISE: &[(&str, &str)] = &[(
    "openepcis-test-resources/2.0/EPCIS/JSON/Capture/Invalid/ObjectEvent_with_invalid_eventTime_format.json",
    "the schema has eventTime as a date-time, which 22-07-2026 is not; the manifest's validator does not check that format",
)];

fn read(corpus: &Path, path: &str, base: Base) -> Result<Document, Vec<Finding>> {
    let limits = ParseLimits {
        profile: Profile::new(base),
        ..ParseLimits::default()
    };
    epcis::parse(&fs::read(corpus.join(path)).unwrap()[..], media(path).unwrap(), &limits)
}

/// Path and verdict of every document that a schema was held against.
fn verdicts(corpus: &Path) -> Vec<(String, bool)> {
    let table = fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap();
    let rows = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let documents = rows.filter(|row| KINDS.contains(&row[5]) && media(row[0]).is_some());
    documents
        .filter(|row| !row[14].is_empty() || !row[15].is_empty())
        .map(|row| (row[0].to_owned(), ![row[14], row[15]].contains(&"invalid")))
        .collect()
}

#[test]
fn strict_says_what_the_schema_says() {
    let Some(corpus) = corpus() else { return };
    let refused = expected("refused.tsv");
    let (mut cases, mut taken, mut minded, mut stricter) = (0, 0, 0, 0);
    let (mut wrong, mut met) = (Vec::new(), 0);
    for (path, valid) in verdicts(&corpus) {
        cases += 1;
        let read = read(&corpus, &path, Base::Strict);
        let schema = |findings: &[Finding]| findings.iter().any(|finding| finding.code.class() == Class::Schema);
        let good = match &read {
            Ok(_) if valid => {
                taken += 1;
                true
            }
            Err(findings) if !valid && schema(findings) => {
                minded += 1;
                true
            }
            Err(findings) if refused.contains_key(&path) && (!valid || !schema(findings)) => {
                stricter += 1;
                true
            }
            Ok(_) | Err(_) => false,
        };
        let known = OTHERWISE.iter().any(|(other, _)| *other == path);
        met += usize::from(known && !good);
        if good == known {
            let shown = read.map_or_else(|findings| format!("{:?}", findings.first()), |_| "taken".to_owned());
            wrong.push(format!("{path}\n  valid {valid}: {shown}"));
        }
    }
    println!(
        "{cases} documents: {taken} valid and taken, {minded} invalid and refused for it, {stricter} refused by rules that no schema holds"
    );
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(met, OTHERWISE.len());
    assert_eq!(
        cases, 251,
        "the corpus has changed: look at what came or went, then correct the number"
    );
}

#[test]
fn lenient_takes_what_the_schema_minds_and_says_so() {
    let Some(corpus) = corpus() else { return };
    let refused = expected("refused.tsv");
    let (mut cases, mut told) = (0, 0);
    let (mut wrong, mut codes) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for (path, valid) in verdicts(&corpus) {
        cases += 1;
        match read(&corpus, &path, Base::Lenient) {
            Ok(document) => {
                let minded: Vec<_> = document
                    .findings
                    .iter()
                    .filter(|finding| finding.code.class() == Class::Schema)
                    .collect();
                told += usize::from(!minded.is_empty());
                minded
                    .iter()
                    .for_each(|finding| *codes.entry(finding.code.as_str()).or_default() += 1);
                if minded.is_empty() != valid || refused.contains_key(&path) {
                    wrong.push(format!("{path}\n  valid {valid}: {:?}", minded.first()));
                }
            }
            Err(findings) if !refused.contains_key(&path) => wrong.push(format!("{path}\n  refused: {:?}", findings.first())),
            Err(_) => {}
        }
    }
    println!("{cases} documents, {told} taken with findings of the schema: {codes:?}");
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(
        cases, 251,
        "the corpus has changed: look at what came or went, then correct the number"
    );
}
