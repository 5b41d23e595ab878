//! The SOAP cases of the shared corpus: the requests of the Fosstrak interoperability test with what each must be answered, and the
//! messages of FasTnT.
//!
//! The events of the test are captured in two steps, so that the record times that it asks about lie between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use axum::http::StatusCode;
use counterfoil::config::settings::Limits;
use counterfoil::domain::gs1::Gtin;
use counterfoil::domain::time::Micros;
use counterfoil::service::capture::run_due;
use counterfoil::service::subscription;

use crate::corpus_documents::corpus;
use crate::hub::TestHub;
use crate::query::subscription::receiver::Receiver;
use crate::soap::{EPCISQ, enveloped, result};

const PARTY: &str = "interop";

/// What the test leaves to the implementation, or asks of what this hub does not have.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("SE2", "a caller who may not ask: refused before, by TLS"),
    ("SE5", "the same"),
    ("SE74", "the same"),
];

/// Subscriptions whose deliveries the test expects.
const CALLBACKS: [&str; 2] = ["SE4", "SE8"];

fn interop(corpus: &Path) -> std::path::PathBuf {
    corpus.join("fosstrak-interop")
}

async fn hub(limits: Limits, receiver: &Receiver) -> TestHub {
    let test = TestHub::start_with(limits).await;
    let folder = test.folder().join("interop");
    fs::create_dir_all(&folder).unwrap();
    let mut file = "legal_name = \"Interop\"\nroles = [\"manufacturer\"]\ngln = \"0614141000005\"\ncountry = \"US\"\nprefixes = [\"0614141\", \"0614142\"]\n".to_owned();
    // Every item that the events name, from 0614141.107340 to 0614142.107349, with whichever check digit is theirs.
    for item in 7_340..7_350 {
        let prefix = if item < 7_345 { "0614141" } else { "0614142" };
        for digit in 0..10 {
            let gtin = format!("1{prefix}{item:05}{digit}");
            if gtin.parse::<Gtin>().is_ok() {
                write!(file, "[[products]]\ngtin = \"{gtin}\"\nname = \"Case\"\n").unwrap();
            }
        }
    }
    for origin in ["http://127.0.0.1:10000", "http://localhost:54805", &receiver.origin] {
        write!(file, "[[webhooks]]\norigin = \"{origin}\"\n").unwrap();
    }
    fs::write(folder.join(format!("{PARTY}.toml")), file).unwrap();
    test.apply_partners(&folder).await;
    test
}

/// Sends the events: those up to the receipt of the pallets at one time, the others later.
async fn capture(test: &TestHub, corpus: &Path) {
    let mut files: Vec<_> = fs::read_dir(interop(corpus).join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.insert(0, interop(corpus).join("masterdata/EPCIS10-MD-Capture.xml"));
    for (at, path) in files.iter().enumerate() {
        test.set_time(if at < 5 {
            "2006-06-25T05:10:04Z"
        } else {
            "2006-06-26T00:00:00Z"
        });
        let actor = test.actor(PARTY);
        let sent = test
            .post(&actor, "/epcis/capture", "application/xml", fs::read(path).unwrap())
            .await;
        let job = sent.expect(StatusCode::ACCEPTED).header("location").to_owned();
        while run_due(&test.hub).await.unwrap().is_some() {}
        let job = test.get(&actor, &job).await.json();
        assert_eq!(job["success"], true, "{}: {job:#}", path.display());
    }
    assert_eq!(files.len(), 9);
    test.set_time("2026-03-02T08:00:00Z");
}

/// How often which event stands in a result: its kind and time.
fn events(text: &str) -> BTreeMap<(String, i64), usize> {
    let mut found = BTreeMap::new();
    for kind in ["ObjectEvent", "AggregationEvent", "TransactionEvent", "QuantityEvent"] {
        for piece in text.split(&format!("<{kind}")).skip(1) {
            let time = piece.split("<eventTime>").nth(1).unwrap().split('<').next().unwrap();
            // What came as a quantity event is answered as the object event that has replaced it.
            let kind = if kind == "QuantityEvent" { "ObjectEvent" } else { kind };
            *found
                .entry((kind.to_owned(), Micros::parse(time.trim()).unwrap().0))
                .or_insert(0) += 1;
        }
    }
    found
}

/// The seat of the party by the contracts, which the test knows nothing of: it answers besides what was captured.
const SEAT: &str = "urn:epc:id:sgln:0614141.00000.0";

/// Ids of the elements of vocabularies in a result.
fn elements(text: &str) -> Vec<String> {
    let pieces = text.split("<VocabularyElement id=\"").skip(1);
    let mut ids: Vec<String> = pieces.map(|piece| piece.split('"').next().unwrap().to_owned()).collect();
    ids.retain(|id| id != SEAT);
    ids.sort();
    ids
}

/// The name of the first element of the query namespace in an expected response.
fn expected_name(text: &str) -> String {
    let rest = text.split("<epcisq:").nth(1).unwrap_or_else(|| panic!("{text}"));
    rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()
}

fn response_of(folder: &Path, request: &str) -> Option<String> {
    let (case, rest) = request.split_once("-Request")?;
    let number = rest
        .trim_start_matches('-')
        .split(['-', '.'])
        .next()
        .filter(|part| part.parse::<u32>().is_ok());
    let start = match number {
        Some(number) => format!("{case}-Response-{number}-"),
        None => format!("{case}-Response"),
    };
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(&start))
        .collect();
    names.sort();
    names.first().map(|name| fs::read_to_string(folder.join(name)).unwrap())
}

#[tokio::test]
async fn the_interoperability_requests_are_answered_as_expected() {
    let Some(corpus) = corpus() else { return };
    let receiver = Receiver::start().await;
    let test = hub(Limits::default(), &receiver).await;
    capture(&test, &corpus).await;
    // Two cases ask for limits that an implementation may have.
    let narrow = hub(
        Limits {
            query_rows: 50,
            ..Limits::default()
        },
        &receiver,
    )
    .await;
    capture(&narrow, &corpus).await;
    let small = hub(
        Limits {
            poll_events: 50,
            ..Limits::default()
        },
        &receiver,
    )
    .await;
    capture(&small, &corpus).await;
    let folder = interop(&corpus).join("queries/webservice");
    let mut requests: Vec<String> = fs::read_dir(folder.join("requests"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    requests.sort();
    let (mut run, mut excepted, mut wrong) = (0, 0, Vec::new());
    for request in &requests {
        let case = request.split('-').nth(2).unwrap();
        let text = fs::read_to_string(folder.join("requests").join(request)).unwrap();
        let expect = response_of(&folder.join("responses"), request).unwrap_or_else(|| panic!("{request}: nothing is expected"));
        let text = text.replace("http://127.0.0.1:8899/", &format!("{}/{case}", receiver.origin));
        let world = match case {
            "SE49" => &narrow,
            "SE50" => &small,
            _ => &test,
        };
        let answer = world
            .post(&world.actor(PARTY), "/epcis/soap", "text/xml", enveloped(&text))
            .await;
        let found = result(&answer);
        let is_callback = CALLBACKS.contains(&case);
        let name = if is_callback {
            "SubscribeResult".to_owned()
        } else {
            expected_name(&expect)
        };
        let content = |text: &str| (events(text), elements(text));
        let same = found == name && (is_callback || content(answer.text()) == content(&expect));
        if EXCEPTIONS.iter().any(|(known, _)| known == &case) {
            excepted += 1;
            if same {
                wrong.push(format!("{request}: no exception is needed"));
            }
            continue;
        }
        run += 1;
        if !same {
            let count = |text: &str| events(text).values().sum::<usize>();
            wrong.push(format!(
                "{request}: expected {name} of {}, found {found} of {}: {}",
                count(&expect),
                count(answer.text()),
                answer.text().chars().take(600).collect::<String>()
            ));
        }
    }
    test.set_time("2026-03-02T09:00:00Z");
    while subscription::run_due(&test.hub).await.unwrap() {}
    for case in CALLBACKS {
        let got = receiver.got_at(&format!("/{case}"));
        let expect = response_of(&folder.join("responses"), &format!("Test-EPCIS10-{case}-Request.xml")).unwrap();
        let found: Vec<&str> = got.iter().map(|got| std::str::from_utf8(&got.body).unwrap()).collect();
        let is_named = |text: &str| text.contains(&format!("<subscriptionID>Query{case}<"));
        if found.len() != 1 || events(found[0]) != events(&expect) || !is_named(found[0]) {
            wrong.push(format!("{case}: delivered {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!(
        "interoperability: {run} requests answered as expected, {excepted} excepted, of {}",
        requests.len()
    );
    assert_eq!((requests.len(), run, excepted), (62, 59, 3));
}

#[tokio::test]
async fn messages_of_another_repository_are_understood() {
    let Some(corpus) = corpus() else { return };
    let test = hub(Limits::default(), &Receiver::start().await).await;
    let root = corpus.join("fastnt-louisaxel/epcis");
    let bare = "v1_2/Communication/Resources";
    let cases = [
        ("Requests/Queries/GetQueryNames.xml".to_owned(), "GetQueryNamesResult"),
        (
            "Requests/Queries/GetStandardVersion.xml".to_owned(),
            "GetStandardVersionResult",
        ),
        ("Requests/Queries/GetVendorVersion.xml".to_owned(), "GetVendorVersionResult"),
        ("Requests/Queries/Poll.xml".to_owned(), "QueryResults"),
        ("Requests/Queries/Subscribe.xml".to_owned(), "SubscribeResult"),
        ("Requests/Queries/Subscribe.xml".to_owned(), "DuplicateSubscriptionException"),
        (
            "Requests/Queries/ListSubscriptionIDs.xml".to_owned(),
            "GetSubscriptionIDsResult",
        ),
        (format!("{bare}/Queries/GetSubscriptionIDs.xml"), "GetSubscriptionIDsResult"),
        (format!("{bare}/Queries/Unsubscribe.xml"), "UnsubscribeResult"),
        (format!("{bare}/Queries/Unsubscribe.xml"), "NoSuchSubscriptionException"),
        (format!("{bare}/Queries/GetQueryNames.xml"), "GetQueryNamesResult"),
        (format!("{bare}/Queries/GetStandardVersion.xml"), "GetStandardVersionResult"),
        (format!("{bare}/Queries/GetVendorVersion.xml"), "GetVendorVersionResult"),
        (format!("{bare}/Queries/InvalidQuery.xml"), "ValidationException"),
        (format!("{bare}/Requests/InvalidRequest.xml"), "ValidationException"),
    ];
    for (path, expect) in &cases {
        let bytes = fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let bytes = if path.starts_with(bare) {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.trim_start_matches('\u{FEFF}');
            let text = text.split_once("?>").map_or(text, |(_, rest)| rest);
            enveloped(text).into_bytes()
        } else {
            bytes
        };
        let answer = test
            .post(&test.actor(PARTY), "/epcis/soap", "text/xml; charset=utf-8", bytes)
            .await;
        assert_eq!(result(&answer), *expect, "{path}: {}", answer.text());
        if *expect == "GetSubscriptionIDsResult" {
            assert!(
                answer.text().contains("<string>TestSubscription</string>"),
                "{}",
                answer.text()
            );
        }
    }
    println!("messages of another repository: {} answered", cases.len());
    assert_eq!(cases.len(), 15);
    assert!(EPCISQ.starts_with("urn:epcglobal"));
}
