//! Every document of the shared corpus goes through the hub: `POST /epcis/capture`, the job, `GET /epcis/events`, on
//! whichever database the run has.
//!
//! What a party may assert is no question of the corpus, so one party is made that holds every GLN, product and company prefix that
//! its documents name; a second one holds none of them and must not get in what claims them. Which documents the reader refuses, and
//! why, says `tests/corpus/refused.tsv`; see [`crate::corpus_documents`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use counterfoil::domain::event::{Action, Event, EventType};
use counterfoil::domain::gs1::{Epc, Gln, Gtin};
use counterfoil::epcis::{self, Document, MediaType, ParseLimits};
use counterfoil::service::capture::run_due;

use crate::corpus_documents::{KINDS, corpus, expected, manifest, media};
use crate::hub::{Answer, TestHub};

/// What tells events apart: the content, and whether it is said to be in error.
type Identity = ([u8; 32], Option<String>);

/// The party that may assert whatever the corpus says.
const HOLDER: &str = "corpus";
/// The party that holds nothing.
const STRANGER: &str = "stranger";
/// GLNs of no document of the corpus.
const HOLDER_GLN: &str = "9529999000019";
const STRANGER_GLN: &str = "9529999000026";

const RIGHTS: &[&str] = &["SENDER_MISMATCH", "LOCATION_NOT_YOURS", "PARTY_NOT_YOURS", "EPC_NOT_YOURS"];

/// What a document claims for whoever sends it.
#[derive(Default)]
struct Claims {
    glns: BTreeSet<Gln>,
    gtins: BTreeSet<Gtin>,
    /// First digits of company prefixes: as many as the shortest real one has, so that none begins another.
    prefixes: BTreeSet<String>,
    /// A giving or taking side without GLN: nobody can be recognised in it.
    nameless_side: bool,
}

impl Claims {
    fn of(document: &Document) -> Self {
        let mut claims = Self::default();
        claims
            .glns
            .extend(document.header.sender.iter().filter_map(epcis::Correspondent::gln));
        for parsed in &document.events {
            claims.event(&parsed.event);
        }
        claims
    }

    fn event(&mut self, event: &Event) {
        let places = [&event.read_point, &event.biz_location];
        self.glns
            .extend(places.into_iter().flatten().filter_map(|place| place.id.gln()));
        let side = match event.step() {
            "shipping" | "void_shipping" => &event.sources[..],
            "receiving" => &event.destinations[..],
            _ => &[],
        };
        for end in side {
            match end.id.gln() {
                Some(gln) => drop(self.glns.insert(gln)),
                None => self.nameless_side = true,
            }
        }
        let named: Vec<&Epc> = match (event.kind, event.action) {
            (EventType::Object, Some(Action::Add)) => event.epcs.iter().collect(),
            (EventType::Object, Some(Action::Delete)) if event.step() == "decommissioning" => event.epcs.iter().collect(),
            (EventType::Aggregation, Some(Action::Add)) => event.parent.iter().collect(),
            (EventType::Transformation, _) => event.output_epcs.iter().collect(),
            _ => Vec::new(),
        };
        for epc in named {
            if let Some(gtin) = epc.gtin().filter(|_| epc.serial().is_some()) {
                self.prefixes.insert(gtin.as_str()[1..5].to_owned());
                self.gtins.insert(gtin);
            }
            if let Some(sscc) = epc.sscc() {
                self.prefixes.insert(sscc.as_str()[1..5].to_owned());
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.glns.extend(other.glns);
        self.gtins.extend(other.gtins);
        self.prefixes.extend(other.prefixes);
    }

    fn any(&self) -> bool {
        self.nameless_side || !(self.glns.is_empty() && self.gtins.is_empty() && self.prefixes.is_empty())
    }
}

/// One document of the corpus and what must become of it.
struct Case {
    path: String,
    bytes: Vec<u8>,
    content_type: &'static str,
    /// `Err`: the code of the refusal.
    read: Result<Document, String>,
}

fn cases(corpus: &Path) -> Vec<Case> {
    let refused = expected("refused.tsv");
    let paths = manifest(corpus).into_iter();
    let documents = paths.filter(|(path, kind)| KINDS.contains(&kind.as_str()) && media(path).is_some());
    documents
        .map(|(path, _)| {
            let bytes = fs::read(corpus.join(&path)).unwrap();
            let media = media(&path).unwrap();
            let read = match refused.get(&path) {
                Some(code) => Err(code.clone()),
                None => Ok(epcis::parse(&bytes[..], media, &ParseLimits::default())
                    .unwrap_or_else(|findings| panic!("{path}: {findings:?}"))),
            };
            let content_type = match path.rsplit('.').next().unwrap() {
                "xml" if path.len() % 2 == 0 => "text/xml; charset=utf-8",
                "xml" => "application/xml",
                "json" => "application/json",
                _ => "application/ld+json",
            };
            Case {
                path,
                bytes,
                content_type,
                read,
            }
        })
        .collect()
}

/// A hub with the two parties; the second answer is what the documents claim together.
async fn hub(cases: &[Case]) -> TestHub {
    let mut claims = Claims::default();
    for document in cases.iter().filter_map(|case| case.read.as_ref().ok()) {
        claims.add(Claims::of(document));
    }
    let mut file = format!(
        "legal_name = \"Holder of the corpus\"\nroles = [\"manufacturer\"]\ngln = \"{HOLDER_GLN}\"\ncountry = \"CH\"\nprefixes = {:?}\n",
        claims.prefixes.iter().collect::<Vec<_>>()
    );
    for gln in &claims.glns {
        write!(
            file,
            "\n[[sites]]\ngln = \"{gln}\"\nname = \"Place {gln}\"\ncountry = \"CH\"\n"
        )
        .unwrap();
    }
    for gtin in &claims.gtins {
        write!(file, "\n[[products]]\ngtin = \"{gtin}\"\nname = \"Product {gtin}\"\n").unwrap();
    }
    let test = TestHub::empty().await;
    let folder = test.folder().join("partner-config");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(format!("{HOLDER}.toml")), file).unwrap();
    let stranger = format!("legal_name = \"Stranger\"\nroles = [\"wholesaler\"]\ngln = \"{STRANGER_GLN}\"\ncountry = \"CH\"\n");
    fs::write(folder.join(format!("{STRANGER}.toml")), stranger).unwrap();
    test.apply_partners(&folder).await;
    println!(
        "the holder has {} GLNs, {} products, {} prefixes",
        claims.glns.len(),
        claims.gtins.len(),
        claims.prefixes.len()
    );
    test
}

async fn send(test: &TestHub, party: &str, case: &Case) -> Answer {
    let answer = test
        .post(&test.actor(party), "/epcis/capture", case.content_type, case.bytes.clone())
        .await;
    assert!(!answer.status.is_server_error(), "{}: {}", case.path, answer.text());
    answer
}

async fn rows(test: &TestHub) -> [i64; 4] {
    let sql = "SELECT (SELECT COUNT(*) FROM document), (SELECT COUNT(*) FROM capture_job),
                      (SELECT COUNT(*) FROM event), (SELECT COUNT(*) FROM finding)";
    let row = test
        .hub
        .db()
        .query_one("a test counts", sql, Vec::new())
        .await
        .unwrap()
        .unwrap();
    [0, 1, 2, 3].map(|index| row.try_get_by_index(index).unwrap())
}

/// Why a document is refused: the codes of a problem of this kind, or of its job.
async fn codes(test: &TestHub, party: &str, case: &Case, status: StatusCode) -> Vec<String> {
    let before = rows(test).await;
    let answer = send(test, party, case).await;
    let has_job = answer.status == StatusCode::ACCEPTED;
    if !has_job {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", case.path);
        assert_eq!(answer.json()["status"], status.as_u16(), "{}", case.path);
    }
    let (found, problem) = test.outcome(&test.actor(party), answer).await;
    assert_eq!(found, status, "{}: {problem:#}", case.path);
    let after = rows(test).await;
    assert_eq!(after[2..], before[2..], "{}", case.path);
    assert_eq!(after[1] > before[1], has_job, "{}", case.path);
    let errors = problem["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: {problem:#}", case.path));
    assert!(
        errors
            .iter()
            .all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty())),
        "{problem:#}"
    );
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect()
}

/// All events that a party sees, each with what tells it apart.
async fn seen(test: &TestHub, party: &str, format: &str) -> HashMap<Identity, usize> {
    let actor = test.actor(party);
    let mut seen = HashMap::new();
    let mut next = Some("/epcis/events?perPage=100".to_owned());
    while let Some(path) = next {
        let request = Request::get(&path)
            .header("gs1-epc-format", format)
            .header(header::ACCEPT, "application/ld+json");
        let page = test
            .call(&actor, request.body(Body::empty()).unwrap())
            .await
            .expect(StatusCode::OK);
        let document = epcis::parse(&page.body[..], MediaType::Json, &ParseLimits::default())
            .unwrap_or_else(|findings| panic!("{path}: {findings:?}"));
        for parsed in &document.events {
            *seen.entry(identity(parsed)).or_insert(0) += 1;
        }
        let link = page.header("link");
        next = link
            .strip_prefix('<')
            .and_then(|link| Some(link.split_once('>')?.0.to_owned()));
    }
    seen
}

fn identity(parsed: &epcis::ParsedEvent) -> Identity {
    // Each declaration of an error counts for itself.
    let declaration = parsed.event.error_declaration.as_ref().map(|declaration| {
        let corrections: std::collections::BTreeSet<_> = declaration.corrective_event_ids.iter().collect();
        let mut extensions = parsed.event.clone();
        extensions.extensions.clone_from(&declaration.extensions);
        let extensions = epcis::hash::prehash(&extensions, &[]);
        format!(
            "{} {:?} {corrections:?} {extensions}",
            declaration.declaration_time, declaration.reason
        )
    });
    (parsed.hash, declaration)
}

#[tokio::test]
async fn every_document_goes_in_or_is_refused_with_its_reason() {
    let Some(corpus) = corpus() else { return };
    let cases = cases(&corpus);
    let test = hub(&cases).await;
    let holder = test.actor(HOLDER);
    let mut known: HashSet<Identity> = HashSet::new();
    let mut jobs: HashMap<&[u8], String> = HashMap::new();
    let (mut accepted, mut refused, mut unassertable, mut foreign) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for case in &cases {
        let document = match &case.read {
            Ok(document) => document,
            Err(code) => {
                let found = codes(&test, HOLDER, case, StatusCode::BAD_REQUEST).await;
                if !found.contains(code) {
                    wrong.push(format!("{}: expected {code}, found {found:?}", case.path));
                }
                refused += 1;
                continue;
            }
        };
        let claims = Claims::of(document);
        if claims.any() {
            let found = codes(&test, STRANGER, case, StatusCode::FORBIDDEN).await;
            assert!(
                found.iter().any(|code| RIGHTS.contains(&code.as_str())),
                "{}: {found:?}",
                case.path
            );
            foreign += 1;
        }
        let before = rows(&test).await;
        if claims.nameless_side {
            let found = codes(&test, HOLDER, case, StatusCode::FORBIDDEN).await;
            assert!(found.contains(&"PARTY_NOT_YOURS".to_owned()), "{}: {found:?}", case.path);
            unassertable += 1;
            continue;
        }
        let answer = send(&test, HOLDER, case).await;
        if answer.status != StatusCode::ACCEPTED {
            wrong.push(format!("{}: {}", case.path, answer.text()));
            continue;
        }
        let location = answer.header("location").to_owned();
        if let Some(first) = jobs.insert(&case.bytes, location.clone()) {
            assert_eq!(first, location, "{}: the same bytes are the same job", case.path);
        }
        while run_due(&test.hub).await.expect("a capture job").is_some() {}
        let job = test.get(&holder, &location).await.expect(StatusCode::OK).json();
        assert_eq!(
            (&job["running"], &job["success"]),
            (&false.into(), &true.into()),
            "{}: {job:#}",
            case.path
        );
        let new = document.events.iter().filter(|parsed| known.insert(identity(parsed))).count();
        let after = rows(&test).await;
        assert_eq!(
            after[2] - before[2],
            i64::try_from(new).unwrap(),
            "{}: events stored",
            case.path
        );
        let again = send(&test, HOLDER, case).await.expect(StatusCode::ACCEPTED);
        assert_eq!(again.header("location"), location, "{}", case.path);
        assert!(run_due(&test.hub).await.expect("a capture job").is_none(), "{}", case.path);
        assert_eq!(rows(&test).await, after, "{}: sent again", case.path);
        accepted += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for format in ["Never_Translates", "Always_GS1_Digital_Link", "Always_EPC_URN"] {
        let seen = seen(&test, HOLDER, format).await;
        let lost: Vec<_> = known.iter().filter(|event| !seen.contains_key(*event)).collect();
        let made: Vec<_> = seen.keys().filter(|event| !known.contains(*event)).collect();
        assert!(
            lost.is_empty() && made.is_empty(),
            "{format}: {} lost, {} made up",
            lost.len(),
            made.len()
        );
        assert!(seen.values().all(|count| *count == 1), "{format}: no event twice");
    }
    assert!(seen(&test, STRANGER, "Never_Translates").await.is_empty());
    println!(
        "{} documents: {accepted} captured with {} different events, {refused} refused, {unassertable} that nobody can assert, \
         {foreign} refused to a stranger",
        cases.len(),
        known.len()
    );
    assert_eq!(
        (accepted, known.len(), refused, unassertable, foreign),
        (212, 157, 83, 1, 203),
        "the corpus has changed: look at what came or went, then correct the numbers"
    );
}

/// The manifest's classes of equal events, by the hub's own count: whatever syntax came first, the others bring nothing new.
#[tokio::test]
async fn equal_events_in_other_syntaxes_are_stored_once() {
    let Some(corpus) = corpus() else { return };
    let cases = cases(&corpus);
    let by_path: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.path.as_str(), case)).collect();
    let deviations = expected("hash_deviations.tsv");
    let test = hub(&cases).await;
    let table = fs::read_to_string(corpus.join("EQUIVALENT_EVENTS.tsv")).unwrap();
    let (mut classes, mut repeats) = (0, 0);
    let mut sent: HashSet<&str> = HashSet::new();
    for line in table.lines().skip(1) {
        let members: Vec<(&str, &str)> = line
            .split('\t')
            .nth(2)
            .unwrap()
            .split_whitespace()
            .filter(|member| !deviations.contains_key(*member))
            .filter_map(|member| member.rsplit_once('#'))
            .collect();
        // Documents of one event say by the count alone whether it was known.
        let single = |path: &str| {
            by_path.get(path).copied().filter(|case| {
                case.read
                    .as_ref()
                    .is_ok_and(|document| document.events.len() == 1 && !Claims::of(document).nameless_side)
            })
        };
        let members: Vec<&Case> = members.iter().filter_map(|(path, _)| single(path)).collect();
        if members.len() < 2 || members.iter().any(|case| sent.contains(case.path.as_str())) {
            continue;
        }
        classes += 1;
        let mut declared = BTreeSet::new();
        for case in members {
            sent.insert(&case.path);
            let before = rows(&test).await;
            send(&test, HOLDER, case).await.expect(StatusCode::ACCEPTED);
            while run_due(&test.hub).await.expect("a capture job").is_some() {}
            let event = &case.read.as_ref().unwrap().events[0].event;
            let stored = rows(&test).await[2] - before[2];
            if declared.insert(event.error_declaration.is_some()) {
                // The generator's vectors tell some classes apart whose content is the same.
                assert!(stored <= 1, "{}", case.path);
            } else {
                assert_eq!(stored, 0, "{}", case.path);
                repeats += 1;
            }
        }
    }
    println!("{classes} classes, {repeats} events that were there already");
    assert_eq!(
        (classes, repeats),
        (24, 33),
        "the corpus has changed: look at what came or went, then correct the numbers"
    );
}

/// Whatever else lies in the corpus (schemas, contexts, SOAP, templates, messages) is answered, and never by a fault of the hub.
#[tokio::test]
async fn nothing_in_the_corpus_is_answered_with_a_fault() {
    let Some(corpus) = corpus() else { return };
    let test = TestHub::start().await;
    let actor = test.actor("packwell");
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    let mut paths = 0;
    for (path, kind) in manifest(&corpus) {
        if KINDS.contains(&kind.as_str()) && media(&path).is_some() {
            continue;
        }
        paths += 1;
        let bytes = fs::read(corpus.join(&path)).unwrap();
        let types = ["application/xml", "application/ld+json", "application/soap+xml", "text/plain"];
        for content_type in types {
            let answer = test.post(&actor, "/epcis/capture", content_type, bytes.clone()).await;
            let status = answer.status.as_u16();
            *answers.entry(status).or_default() += 1;
            assert!((200..500).contains(&status), "{path} as {content_type}: {}", answer.text());
            if status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            }
            if matches!(content_type, "application/soap+xml" | "text/plain") {
                assert_eq!(status, 415, "{path} as {content_type}");
            }
        }
    }
    while run_due(&test.hub).await.expect("a capture job").is_some() {}
    println!("{paths} other files: {answers:?}");
    assert!(paths > 300, "{paths}");
}
