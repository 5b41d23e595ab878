//! Slices: whatever the event and whatever a mask leaves of it, what is shown is proved, and nothing else is.

use jsonwebtoken::jwk::JwkSet;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::event::{Action, CBV_MDA, Content, EventType};
use crate::domain::event::{BizTransaction, ErrorDeclaration, Location, Name, Node, Quantity, SourceDest, Term};
use crate::domain::gs1::{Epc, EpcClass};
use crate::domain::ids::EventKey;
use crate::domain::lens::outline::{Words, outline};
use crate::domain::lens::{
    Contents, Documents, Layer, Relations, Shown, Sight, Step, Viewer, When, Where, Who, mask, mask_layers,
};
use crate::domain::serial::key::MasterKey;
use crate::domain::serial::receipt::ReceiptKey;
use crate::domain::slice::{SliceKey, SliceTree, Statement};
use crate::epcis::properties::{event as any_event, said as content};
use crate::epcis::{MediaType, ParseLimits, parse};

const RECORDED: Micros = Micros(1_772_438_400_000_000);

fn words() -> Words {
    Words {
        month: Some("2026-03".to_owned()),
        country: Some("DE".to_owned()),
        role: Some("cmo".to_owned()),
    }
}

/// A hub that was told one event.
struct Hub {
    tree: SliceTree,
    jws: String,
    keys: JwkSet,
}

impl Hub {
    fn told(event: &Event) -> Self {
        let (master, key) = (MasterKey::new([5; 32]), EventKey::new(Uuid::from_u128(9)));
        let leaves = Said::whole(event, RECORDED, ("packwell", &["aurora"]), &words()).unwrap();
        let key = SliceKey::of(&master, key).unwrap();
        let tree = SliceTree::grow(&key, &leaves).unwrap();
        let signing = ReceiptKey::of(&master).unwrap();
        let jws = Statement::new(Some("hub-operator".parse().unwrap()), key.name(), tree.root())
            .sign(&signing)
            .unwrap();
        Self {
            tree,
            jws,
            keys: signing.key_set(),
        }
    }

    fn slice(&self, shown: &Event, parties: (Option<&str>, Option<&str>)) -> String {
        self.proved(&Said::new(shown, RECORDED, parties).unwrap())
    }

    fn proved(&self, said: &Said) -> String {
        let openings: Vec<Opening> = said
            .leaves()
            .iter()
            .map(|leaf| self.tree.open(leaf).unwrap_or_else(|| panic!("{leaf} was not committed to")))
            .collect();
        said.file(&openings, &self.jws)
    }
}

/// Sees things by the parity of their spelling.
struct Eyes(usize);

impl Viewer for Eyes {
    fn owns(&self, epc: &Epc) -> bool {
        (epc.canonical().len() + self.0).is_multiple_of(2)
    }
    fn owns_class(&self, class: &EpcClass) -> bool {
        (class.canonical().len() + self.0).is_multiple_of(2)
    }
    fn is_anothers(&self, epc: &Epc) -> bool {
        !self.owns(epc)
    }
    fn is_anothers_class(&self, class: &EpcClass) -> bool {
        !self.owns_class(class)
    }
    fn is_self(&self, id: &Epc) -> bool {
        (id.canonical().len() + self.0).is_multiple_of(3)
    }
    fn is_principal(&self, id: &Epc) -> bool {
        (id.canonical().len() + self.0).is_multiple_of(5)
    }
    fn is_anothers_document(&self, _: &str) -> bool {
        false
    }
}

/// A level of each class, by a number.
fn sight(mut number: u64) -> Sight {
    let mut pick = |count: usize| {
        let picked = number % count as u64;
        number /= count as u64;
        usize::try_from(picked).unwrap()
    };
    Sight {
        existence: Shown::Full,
        when: When::Exact,
        product: Shown::ALL[pick(2)],
        state: Shown::ALL[pick(2)],
        place: Where::ALL[pick(Where::ALL.len())],
        before: Who::ALL[pick(Who::ALL.len())],
        after: Who::ALL[pick(Who::ALL.len())],
        contents: Contents::ALL[pick(Contents::ALL.len())],
        documents: Documents::ALL[pick(Documents::ALL.len())],
        condition: Shown::ALL[pick(2)],
        raw: Shown::ALL[pick(2)],
        ..Sight::default()
    }
}

fn with_id(mut event: Event) -> Event {
    event.event_id.get_or_insert_with(|| "ni:///sha-256;00?ver=CBV2.0".into());
    event
}

fn epc(text: &str) -> Epc {
    text.parse().unwrap()
}

/// A packing and a sale in one, with something of everything.
fn rich() -> Event {
    let node = |namespace: &str, local: &str, content: Content| Node {
        name: Name {
            namespace: namespace.into(),
            local: local.into(),
            prefix: "ex".into(),
        },
        attributes: Vec::new(),
        content,
    };
    let text = |text: &str| Content::Text(text.into());
    let mut event = Event::new(EventType::Object, Some(Action::Add), Micros(1_772_000_000_000_000), 60);
    event.event_id = Some("urn:uuid:1".into());
    event.epcs = (0..6).map(|n| epc(&format!("urn:epc:id:sgtin:0614141.107346.{n}"))).collect();
    event.quantities = ["10.50", "10.50", "3"]
        .map(|amount| Quantity {
            class: "urn:epc:class:lgtin:4054739.099914.L1".parse().unwrap(),
            quantity: Some(amount.into()),
            uom: Some("KGM".into()),
        })
        .to_vec();
    event.biz_step = Some(Term("commissioning".into()));
    event.disposition = Some(Term("active".into()));
    event.read_point = Some(Location {
        id: epc("urn:epc:id:sgln:0614141.00001.GATE"),
        extensions: vec![node("urn:x:", "dock", text("7"))],
    });
    event.biz_transactions = vec![BizTransaction {
        kind: Some(Term("po".into())),
        id: "urn:x:po1".into(),
    }];
    event.sources = vec![SourceDest {
        kind: Term("location".into()),
        id: epc("urn:epc:id:sgln:0614141.00002.RAMP"),
    }];
    event.error_declaration = Some(ErrorDeclaration {
        declaration_time: Micros(1_772_100_000_000_000),
        reason: Some(Term("incorrect_data".into())),
        corrective_event_ids: vec!["urn:uuid:2".into()],
        extensions: vec![node("urn:x:", "by", text("me"))],
    });
    event.ilmd = vec![
        node(CBV_MDA, "lotNumber", text("L1")),
        node("https://x.example/", "price", Content::Number("1.50".into())),
        node("https://x.example/", "price", Content::Number("2.50".into())),
    ];
    event.extensions = vec![node(
        "https://x.example/",
        "a/b~c",
        Content::Nodes(vec![node("urn:x:", "in", text("y"))]),
    )];
    event
}

#[test]
fn leaves_are_as_written() {
    let mut event = rich();
    event.epcs.truncate(1);
    event.error_declaration = None;
    let leaves = Said::new(&event, RECORDED, (Some("packwell"), None)).unwrap().leaves();
    let expect = [
        r#"["/asserter",0,"packwell"]"#,
        r#"["/event/action",0,"ADD"]"#,
        r#"["/event/bizStep",0,"commissioning"]"#,
        r#"["/event/bizTransactionList/-",0,{"bizTransaction":"urn:x:po1","type":"po"}]"#,
        r#"["/event/disposition",0,"active"]"#,
        r#"["/event/epcList/-",0,"https://id.gs1.org/01/10614141073464/21/0"]"#,
        r#"["/event/eventID",0,"urn:uuid:1"]"#,
        r#"["/event/eventTime",0,"2026-02-25T06:13:20.000Z"]"#,
        r#"["/event/eventTimeZoneOffset",0,"+01:00"]"#,
        r#"["/event/https:~1~1x.example~1a~1b~0c",0,{"urn:x:in":"y"}]"#,
        r#"["/event/ilmd/cbvmda:lotNumber",0,"L1"]"#,
        r#"["/event/ilmd/https:~1~1x.example~1price",0,[1.50,2.50]]"#,
        r#"["/event/quantityList/-",0,{"epcClass":"https://id.gs1.org/01/04054739999148/10/L1","quantity":10.50,"uom":"KGM"}]"#,
        r#"["/event/quantityList/-",0,{"epcClass":"https://id.gs1.org/01/04054739999148/10/L1","quantity":3,"uom":"KGM"}]"#,
        r#"["/event/quantityList/-",1,{"epcClass":"https://id.gs1.org/01/04054739999148/10/L1","quantity":10.50,"uom":"KGM"}]"#,
        r#"["/event/readPoint",0,{"id":"https://id.gs1.org/414/0614141000012/254/GATE","urn:x:dock":"7"}]"#,
        r#"["/event/recordTime",0,"2026-03-02T08:00:00.000Z"]"#,
        r#"["/event/sourceList/-",0,{"source":"https://id.gs1.org/414/0614141000029/254/RAMP","type":"location"}]"#,
        r#"["/event/type",0,"ObjectEvent"]"#,
    ];
    assert_eq!(leaves, expect, "{leaves:#?}");
}

#[test]
fn any_changed_byte_is_noticed() {
    let event = rich();
    let hub = Hub::told(&event);
    let mut shown = mask(&event, Relations::BRAND_OWNER_AFTER.with(Relations::RECEIVER), &Eyes(0)).unwrap();
    shown.epcs.truncate(2);
    for list in [&mut shown.ilmd, &mut shown.extensions] {
        list.clear();
    }
    (shown.quantities, shown.disposition, shown.error_declaration) = (Vec::new(), None, None);
    let file = hub.slice(&shown, (Some("packwell"), None));
    let proved = verify(&file, &hub.keys).unwrap();
    assert_eq!(proved.beside, [("asserter", "packwell".to_owned())]);
    let path = |at: usize| {
        file[..at]
            .rfind("\"path\":\"")
            .map(|start| at - start - 8)
            .filter(|at| *at < 2_048)
    };
    // Of the paths, which are long, one character in a hundred.
    let looked_at = (0..file.len()).filter(|at| path(*at).is_none_or(|at| at.is_multiple_of(100)));
    for at in looked_at {
        let old = file.as_bytes()[at];
        let new = [b'A', b'z', b'0', b'"', b' ']
            .into_iter()
            .cycle()
            .skip(at % 5)
            .find(|new| *new != old)
            .unwrap();
        let mut bytes = file.clone().into_bytes();
        match at % 3 {
            0 => bytes[at] = new,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, new),
        }
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&changed, &hub.keys).is_err(), "byte {at}: {changed}");
    }
    assert!(verify(&format!("{file} "), &hub.keys).is_err());
}

/// A file with another value under a name of its object, or of its event.
fn changed(file: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value: serde_json::Value = serde_json::from_str(file).unwrap();
    change(&mut value);
    // The members of `serde_json` are sorted, and those of these tests have names in ASCII.
    value.to_string()
}

#[test]
fn it_says_what_does_not_fit() {
    let mut event = rich();
    // Digits that another program would write otherwise.
    event.quantities.clear();
    event.ilmd.truncate(1);
    let hub = Hub::told(&event);
    let mut shown = mask(&event, Relations::BUYER, &Eyes(0)).unwrap();
    shown.epcs.truncate(2);
    let file = hub.slice(&shown, (None, None));
    assert_eq!(changed(&file, |_| {}), file);
    let refused = |change: &dyn Fn(&mut serde_json::Value)| verify(&changed(&file, change), &hub.keys).unwrap_err().to_string();
    let check = |change: &dyn Fn(&mut serde_json::Value), expect: &str| {
        let said = refused(change);
        assert!(said.contains(expect), "{said}");
    };
    check(
        &|file| file["event"]["bizStep"] = "destroying".into(),
        "`/event/bizStep` is not proved: \"destroying\"",
    );
    check(
        &|file| file["event"]["epcList"][0] = "https://id.gs1.org/01/10614141073464/21/00".into(),
        "`/event/epcList/-` is not proved",
    );
    check(
        &|file| drop(file["event"]["epcList"].as_array_mut().unwrap().pop()),
        "something was added or taken away",
    );
    check(
        &|file| file["event"]["expiry"] = "2030".into(),
        "something was added or taken away",
    );
    check(
        &|file| file["asserter"] = "packwell".into(),
        "something was added or taken away",
    );
    check(
        &|file| drop(file["event"].as_object_mut().unwrap().remove("disposition")),
        "something was added or taken away",
    );
    check(
        &|file| file["event"]["epcList"] = file["event"]["epcList"][0].clone(),
        "added or taken away",
    );
    check(&|file| file["note"] = "x".into(), "`note` that no slice has");
    check(&|file| file["version"] = 3.into(), "`type` and `version`");
    check(
        &|file| file["event"]["@context"] = "https://evil.example/".into(),
        "`@context`",
    );
    check(&|file| file["proofs"][3]["salt"] = "x".into(), "`/proofs/3` has not the form");
    check(
        &|file| file["proofs"].as_array_mut().unwrap().swap(0, 1),
        "does not lead to the signed root",
    );
    let mut twice = file.replacen("{\"@context\":", "{\"@context\":[\"https://evil.example/\"],\"@context\":", 1);
    assert!(verify(&twice, &hub.keys).unwrap_err().to_string().contains("`@context`"));
    twice = file.replacen("\"version\":2}", "\"version\":2,\"version\":2}", 1);
    assert!(verify(&twice, &hub.keys).is_err());
    let spaced = file.replacen(",\"proofs\"", ", \"proofs\"", 1);
    assert!(verify(&spaced, &hub.keys).unwrap_err().to_string().contains("canonical JSON"));
    // What only stands where a schema demands something is no way to add anything.
    check(
        &|file| file["event"]["childEPCs"] = serde_json::json!([NONE]),
        "canonical JSON",
    );
    check(
        &|file| file["event"]["inputEPCList"] = serde_json::json!([]),
        "canonical JSON",
    );
    check(&|file| file["event"]["parentID"] = NONE.into(), "canonical JSON");
    for text in [
        "",
        "[]",
        "{}",
        "null",
        "{\"type\":\"counterfoil-slice\",\"version\":2}",
        "\u{feff}{}",
    ] {
        assert!(verify(text, &hub.keys).is_err(), "{text}");
    }
    assert!(verify(&"[".repeat(100_000), &hub.keys).is_err());
}

#[test]
fn a_proof_of_another_event_proves_nothing_here() {
    let (one, mut other) = (rich(), rich());
    other.biz_step = Some(Term("packing".into()));
    let (hub, there) = (Hub::told(&one), Hub::told(&other));
    let file = hub.slice(&one, (None, None));
    let signature = format!("\"signature\":\"{}\"", there.jws);
    let mixed = file.replacen(&format!("\"signature\":\"{}\"", hub.jws), &signature, 1);
    assert_ne!(mixed, file);
    assert!(matches!(verify(&mixed, &hub.keys), Err(SliceError::Unproved { at: 0, .. })));
}

#[test]
fn the_size_of_a_slice_is_that_of_what_it_shows() {
    let few = rich();
    let mut many = rich();
    many.epcs
        .extend((100..110).map(|n| epc(&format!("urn:epc:id:sgtin:0614141.107346.{n}"))));
    many.biz_transactions.clear();
    many.extensions.clear();
    let mut shown = mask(&few, Relations::RECEIVER, &Eyes(0)).unwrap();
    shown.epcs.truncate(3);
    shown.biz_transactions.clear();
    let [one, other] = [&few, &many].map(|whole| Hub::told(whole).slice(&shown, (None, None)));
    assert_eq!(one.len(), other.len());
    // But for the hashes it is the same.
    let blank = |file: &str| {
        changed(file, |file| {
            file["signature"] = "".into();
            for proof in file["proofs"].as_array_mut().unwrap() {
                proof["path"] = "".into();
            }
        })
    };
    assert_ne!(one, other);
    assert_eq!(blank(&one), blank(&other));
}

#[test]
fn what_a_slice_hides_is_nowhere_in_it() {
    let event = rich();
    let hub = Hub::told(&event);
    let mut shown = mask(&event, Relations::RECEIVER, &Eyes(1)).unwrap();
    shown.epcs.truncate(1);
    let file = hub.slice(&shown, (None, None));
    let said: serde_json::Value = serde_json::from_str(&file).unwrap();
    let members: Vec<&String> = said.as_object().unwrap().keys().collect();
    assert_eq!(members, ["event", "proofs", "signature", "type", "version"]);
    let said = said["event"].to_string();
    for hidden in [
        "21/1",
        "21/5",
        "po1",
        "GATE",
        "RAMP",
        "x.example",
        "packwell",
        "aurora",
        "dock",
    ] {
        assert!(!said.contains(hidden), "{hidden}");
    }
    // Nor is a hash that a guess could be held against: of a leaf without its salt.
    for leaf in Said::whole(&event, RECORDED, ("packwell", &["aurora"]), &words()).unwrap() {
        let bare = base64::Engine::encode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            crate::domain::serial::merkle::leaf_hash(leaf.as_bytes()),
        );
        assert!(!file.contains(&bare));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_a_mask_leaves_is_proved(event in any_event(), eyes in 0_usize..30, relations in 0_i64..256, levels in any::<u64>(), more in any::<u64>(), cut in any::<prop::sample::Index>()) {
        let event = with_id(event);
        let hub = Hub::told(&event);
        let eyes = Eyes(eyes);
        let step = |number| Step { sight: sight(number), viewer: &eyes, things: None };
        let (own, granted) = ([step(levels)], [step(more), step(levels)]);
        let layers = [Layer { steps: &own }, Layer { steps: &granted }];
        let views = [Some(event.clone()), mask(&event, Relations(relations), &eyes), mask_layers(&event, &layers)];
        for shown in views.into_iter().flatten() {
            let file = hub.slice(&shown, (Some("packwell"), None));
            let proved = verify(&file, &hub.keys).map_err(|error| TestCaseError::fail(format!("{error}: {file}")))?;
            let things = shown.roles().count() + shown.quantities.len() + shown.input_quantities.len() + shown.output_quantities.len();
            prop_assert_eq!(proved.things, things);
            let at = cut.index(file.len());
            if let (Some(less), true) = (file.get(..at), at > 0) {
                let rest = file[at..].chars().next().map_or(0, char::len_utf8);
                let less = format!("{less}{}", &file[at + rest..]);
                prop_assert!(verify(&less, &hub.keys).is_err());
            }
        }
    }

    #[test]
    fn the_event_of_a_slice_says_what_the_masked_event_says(event in any_event(), relations in 0_i64..256) {
        let event = with_id(event);
        let hub = Hub::told(&event);
        let Some(shown) = mask(&event, Relations(relations), &Eyes(1)) else { return Ok(()) };
        // Names of extensions are put together with their namespaces: only these do not come apart again.
        prop_assume!(shown.extensions.is_empty() && shown.ilmd.iter().all(|node| &*node.name.namespace == CBV_MDA && node.text().is_some() && node.attributes.is_empty()));
        prop_assume!(shown.sensor_elements.is_empty() && shown.read_point.iter().chain(&shown.biz_location).all(|place| place.extensions.is_empty()));
        prop_assume!(shown.error_declaration.as_ref().is_none_or(|declaration| declaration.extensions.is_empty()));
        // A thing without a name is asked for by the reader.
        prop_assume!(!shown.epcs.is_empty() && (shown.kind != EventType::Transaction || !shown.biz_transactions.is_empty()));
        prop_assume!(shown.kind != EventType::Association || shown.parent.is_some());
        let file: serde_json::Value = serde_json::from_str(&hub.slice(&shown, (None, None))).unwrap();
        let document = serde_json::json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-02T08:00:00Z",
            "epcisBody": {"eventList": [file["event"]]},
        });
        let again = parse(document.to_string().as_bytes(), MediaType::Json, &ParseLimits::default());
        let again = again.map_err(|findings| TestCaseError::fail(format!("{findings:?}\n{document}")))?;
        prop_assert_eq!(content(&again.events[0].event), content(&shown), "{}", document);
    }
}

#[test]
fn in_words_an_event_is_proved_without_its_time() {
    let event = rich();
    let hub = Hub::told(&event);
    let sight = crate::domain::lens::sight(Relations::LATER_OWNER);
    let mine: std::collections::HashSet<_> = event.epcs.iter().take(1).cloned().collect();
    let shown = outline(&event, &sight, &mine).unwrap();
    let file = hub.proved(&Said::in_words(&shown, &words().at(&sight)).unwrap());
    let proved = verify(&file, &hub.keys).unwrap();
    let told: Vec<(&str, &str)> = proved.beside.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(told, [("country", "DE"), ("month", "2026-03"), ("role", "cmo")]);
    assert_eq!(proved.things, 1);
    let said: serde_json::Value = serde_json::from_str(&file).unwrap();
    let members: Vec<&str> = said["event"].as_object().unwrap().keys().map(String::as_str).collect();
    for hidden in [
        "eventID",
        "eventTime",
        "recordTime",
        "readPoint",
        "bizLocation",
        "sourceList",
        "bizTransactionList",
    ] {
        assert!(!members.contains(&hidden), "{hidden} in {members:?}");
    }
    for (from, to) in [("\"DE\"", "\"FR\""), ("2026-03", "2026-04"), ("\"cmo\"", "\"wholesaler\"")] {
        let error = verify(&file.replace(from, to), &hub.keys).unwrap_err();
        assert!(matches!(error, SliceError::Unproved { .. }), "{from}: {error}");
    }
    assert_eq!(outline(&event, &sight, &std::collections::HashSet::new()), None);
    assert_eq!(
        outline(&event, &crate::domain::lens::sight(Relations::BRAND_OWNER_AFTER), &mine),
        None,
        "who may not know the month is told nothing"
    );
}

/// A file of before there were words, made by the hub of that time.
#[test]
fn a_file_of_the_first_form_is_still_proved() {
    let [file, keys] = ["slice-v1.jsonl", "slice-v1-keys.json"].map(|name| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus/slice")
            .join(name);
        std::fs::read_to_string(path).unwrap()
    });
    let keys: JwkSet = serde_json::from_str(&keys).unwrap();
    let file = file.trim_end();
    let proved = verify(file, &keys).unwrap();
    assert_eq!((proved.statement.version, proved.things), (1, 4));
    let error = verify(&file.replace("\"version\":1", "\"version\":2"), &keys).unwrap_err();
    assert!(matches!(error, SliceError::Form(_)), "{error}");
}
