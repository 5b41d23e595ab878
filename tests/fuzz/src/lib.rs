//! What is done with arbitrary bytes: read as each of the things that partners send, and held against what must be true of
//! whatever was read. A target fails by panicking.
//!
//! The same functions are run by `cargo fuzz`, guided by coverage, and by the integration tests, on mutated seeds. Nothing
//! here knows where the bytes come from.

use std::str::FromStr;

use counterfoil::domain::event::Event;
use counterfoil::domain::gs1::{Epc, EpcClass, read_element_string};
use counterfoil::domain::profile::{Base, Profile};
use counterfoil::epcis::query::{self, Prefixes};
use counterfoil::epcis::{self, Document, MediaType, ParseLimits};

/// A target, by name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 7] = [
    ("xml", xml),
    ("json", json),
    ("epc", epc),
    ("class", class),
    ("digital_link", digital_link),
    ("element_string", element_string),
    ("query", query),
];

/// A document in XML.
pub fn xml(data: &[u8]) {
    document(data, MediaType::Xml);
}

/// A document in JSON.
pub fn json(data: &[u8]) {
    document(data, MediaType::Json);
}

/// What strict takes, lenient takes; findings are few and name a place; what is taken can be stored and read again.
fn document(data: &[u8], media: MediaType) {
    let read = |base| {
        let limits = ParseLimits {
            profile: Profile::new(base),
            events: 1_000,
            findings_per_code: 10,
            ..ParseLimits::default()
        };
        epcis::parse(data, media, &limits)
    };
    let (strict, lenient) = (read(Base::Strict), read(Base::Lenient));
    assert!(strict.is_err() || lenient.is_ok(), "strict takes what lenient refuses");
    match lenient {
        Ok(document) => taken(&document),
        Err(findings) => {
            assert!(findings.iter().any(|finding| finding.refuses()), "refused for nothing");
            assert!(findings.len() < 2_000, "{} findings", findings.len());
        }
    }
}

fn taken(document: &Document) {
    for parsed in &document.events {
        let text = serde_json::to_string(&parsed.event).expect("an event can be written");
        let mut stored = serde_json::Deserializer::from_str(&text);
        stored.disable_recursion_limit();
        let again: Option<Event> = stored.into_iter().next().and_then(Result::ok);
        assert_eq!(again.as_ref(), Some(&parsed.event), "an event is read as it was stored");
        for (_, epc) in parsed.event.roles() {
            spelt(epc);
        }
    }
}

/// An EPC.
pub fn epc(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(epc) = text.parse::<Epc>() {
        spelt(&epc);
    }
    if let Some(epc) = Epc::opaque(text) {
        assert!(!epc.canonical().is_empty());
    }
}

/// Every spelling of a thing is that thing.
fn spelt(epc: &Epc) {
    let canonical = epc.canonical();
    if let Ok(again) = Epc::from_str(canonical) {
        assert_eq!(again.key(), epc.key(), "`{canonical}` is another thing");
        assert_eq!(again.canonical(), canonical, "`{canonical}` is not its own canonical form");
    }
    if let Some(urn) = epc.to_urn(|_| Some(7)) {
        let again = Epc::from_str(&urn);
        assert_eq!(again.map(|epc| epc.key()), Ok(epc.key()), "`{urn}` is not `{canonical}`");
    }
    // A serial that holds `(21)` cannot be told from two elements in brackets.
    if let Some(text) = epc.element_string().filter(|_| !canonical.contains("%28")) {
        // Only units and logistic units are read out of one.
        let again = read_element_string(&text).map(|epc| epc.key());
        assert!(again.is_none_or(|key| key == epc.key()), "`{text}` is not `{canonical}`");
    }
    let _ = (epc.gtin(), epc.serial(), epc.sscc(), epc.gln());
}

/// A class.
pub fn class(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(class) = text.parse::<EpcClass>() else { return };
    let canonical = class.canonical();
    let again = EpcClass::from_str(canonical).map(|class| class.canonical().to_owned());
    assert_eq!(again.as_deref(), Ok(canonical), "`{canonical}` is not its own canonical form");
    if let Some(urn) = class.to_urn(|_| Some(7)) {
        let again = EpcClass::from_str(&urn).map(|class| class.canonical().to_owned());
        assert_eq!(again.as_deref(), Ok(canonical), "`{urn}` is not `{canonical}`");
    }
    let _ = (class.gtin(), class.lot(), class.element_string());
}

/// A Digital Link: the bytes are its path.
pub fn digital_link(data: &[u8]) {
    let link = [b"https://id.gs1.org/".as_slice(), data].concat();
    epc(&link);
    class(&link);
}

/// An element string.
pub fn element_string(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(epc) = read_element_string(text) {
        spelt(&epc);
    }
}

/// Parameters of a query: of a URL, not decoded, with a header of prefixes after a line end; and as a JSON document.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (url, header) = text.split_once('\n').unwrap_or((text, ""));
    let prefixes = Prefixes::of_header(header).unwrap_or_default();
    let pairs: Vec<(String, String)> = url
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let _ = query::of_url(&pairs, &prefixes);
    if let Ok(document) = serde_json::from_str::<query::Document>(text) {
        let _ = document.query();
        let written = serde_json::to_string(&document).expect("a query can be written");
        assert_eq!(
            serde_json::from_str::<query::Document>(&written).ok(),
            Some(document),
            "{written}"
        );
    }
}
