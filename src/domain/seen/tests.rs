//! What words come to: by hand, word for word.

use super::*;
use crate::domain::event::{ErrorDeclaration, SourceDest, Term};
use crate::domain::party::{Party, Role};
use crate::domain::profile::Profile;

const AURORA: &str = "9521321000001";
const NORTHWAY: &str = "9521323000009";
const MERIDIAN: &str = "9521324000008";

fn registry() -> Registry {
    let party = |name: &str, role, gln: &str| Party {
        id: id(name),
        legal_name: name.to_uppercase(),
        roles: vec![role],
        gln: gln.parse().unwrap(),
        country: "DE".to_owned(),
        sites: Vec::new(),
        prefixes: Vec::new(),
        sscc: Vec::new(),
        products: Vec::new(),
        issuers: Vec::new(),
        capture: Profile::default(),
        licences: Vec::new(),
        webhooks: Vec::new(),
        active: true,
    };
    let parties = vec![
        party("aurora", Role::Manufacturer, AURORA),
        party("northway", Role::Logistics, NORTHWAY),
        party("meridian", Role::Wholesaler, MERIDIAN),
    ];
    Registry::new(1, parties, Vec::new())
}

fn id(text: &str) -> PartyId {
    text.parse().unwrap()
}

fn epc(serial: &str) -> Epc {
    format!("https://id.gs1.org/01/09521321000018/21/{serial}").parse().unwrap()
}

fn key(number: u8) -> EventKey {
    EventKey::new(uuid::Uuid::from_u128(u128::from(number)))
}

/// Said by aurora at a time that is its number, and seen whole.
fn word(number: u8, kind: EventType, action: Action, step: &str, things: &[&str]) -> Word {
    let mut event = Event::new(kind, Some(action), Micros(i64::from(number)), 0);
    event.biz_step = Some(Term(step.into()));
    event.disposition = Some(Term(format!("after {step}").into()));
    event.epcs = things.iter().map(|thing| epc(thing)).collect();
    Word {
        key: key(number),
        event_id: format!("event-{number}"),
        recorded: Micros(i64::from(number)),
        voided: false,
        granted: true,
        teller: Some(id("aurora")),
        sight: Sight::FULL,
        event,
    }
}

fn object(number: u8, action: Action, step: &str, things: &[&str]) -> Word {
    word(number, EventType::Object, action, step, things)
}

fn packing(number: u8, action: Action, parent: &str, things: &[&str]) -> Word {
    let mut word = word(number, EventType::Aggregation, action, "packing", things);
    word.event.parent = Some(epc(parent));
    word
}

fn shipping(number: u8, to: Option<&str>, buyer: Option<&str>, things: &[&str]) -> Word {
    let mut word = object(number, Action::Observe, "shipping", things);
    let end = |kind: &str, gln: &str| SourceDest {
        kind: Term(kind.into()),
        id: format!("https://id.gs1.org/417/{gln}").parse().unwrap(),
    };
    word.event.sources = vec![end("owning_party", AURORA), end("possessing_party", AURORA)];
    word.event.destinations = buyer.map(|gln| end("owning_party", gln)).into_iter().collect();
    word.event.destinations.extend(to.map(|gln| end("possessing_party", gln)));
    word
}

fn all(words: Vec<Word>) -> Words {
    Words::counting(words, Micros::FOREVER, Micros::FOREVER)
}

fn told(words: Vec<Word>, thing_name: &str) -> Option<Told> {
    thing(&all(words), epc(thing_name).key(), &registry())
}

fn name(known: &Option<(PartyId, Micros)>) -> &str {
    known.as_ref().map_or("-", |(party, _)| party.as_str())
}

#[test]
fn nothing_is_told_where_no_granted_word_names_the_thing() {
    let words = || {
        vec![
            object(1, Action::Add, "commissioning", &["A"]),
            packing(2, Action::Add, "CASE", &["A"]),
        ]
    };
    assert!(told(words(), "A").is_some());
    assert!(told(words(), "CASE").is_some(), "it is named as what the pack is in");
    assert_eq!(told(words(), "B"), None);
    let related = words().into_iter().map(|word| Word { granted: false, ..word }).collect();
    assert_eq!(told(related, "A"), None);
    let mut of_another = words();
    of_another[0].granted = false;
    of_another[1] = object(2, Action::Observe, "storing", &["B"]);
    assert_eq!(told(of_another, "A"), None);
}

#[test]
fn the_last_word_counts_in_the_order_of_what_happened() {
    let words = vec![
        object(3, Action::Observe, "storing", &["A"]),
        object(1, Action::Add, "commissioning", &["A"]),
    ];
    let told = told(words, "A").unwrap();
    assert_eq!(told.disposition, Some(("after storing".to_owned(), false)));
    assert_eq!((told.commissioned_at, told.last_at), (Some(Micros(1)), Micros(3)));
}

#[test]
fn what_is_said_of_a_container_goes_for_its_contents_while_they_are_in_it() {
    let (case, pack) = ("CASE", &["A"]);
    let words = |more: Vec<Word>| {
        let mut words = vec![
            object(1, Action::Add, "commissioning", pack),
            object(2, Action::Observe, "inspecting", &[case]),
            packing(3, Action::Add, case, pack),
        ];
        words.extend(more);
        told(words, "A").unwrap()
    };
    let inside = words(vec![object(4, Action::Observe, "storing", &[case])]);
    assert_eq!(inside.disposition, Some(("after storing".to_owned(), true)));
    assert_eq!(inside.parent, Some(epc(case)));
    let ended = words(vec![object(4, Action::Observe, "destroying", &[case])]);
    assert_eq!(ended.disposition, Some(("after packing".to_owned(), false)));
    let out = words(vec![
        packing(4, Action::Delete, case, &[]),
        object(5, Action::Observe, "storing", &[case]),
    ]);
    assert_eq!(out.parent, None);
    assert_eq!(out.disposition, Some(("after packing".to_owned(), false)));
    // Packed elsewhere: it was taken out, whether or not that is seen.
    let moved = words(vec![packing(4, Action::Add, "OTHER", pack)]);
    assert_eq!(moved.parent, Some(epc("OTHER")));
}

#[test]
fn custody_goes_with_the_goods_and_is_not_known_where_the_taker_is_not() {
    let made = || object(1, Action::Add, "commissioning", &["A"]);
    let after = |word: Word| told(vec![made(), word], "A").unwrap();
    assert_eq!(name(&told(vec![made()], "A").unwrap().custodian), "aurora");
    let sold = after(shipping(2, Some(NORTHWAY), Some(MERIDIAN), &["A"]));
    assert_eq!((name(&sold.custodian), name(&sold.owner)), ("northway", "meridian"));
    let hops: Vec<_> = sold.provenance.hops.iter().filter_map(|hop| hop.party.clone()).collect();
    assert_eq!(hops, [id("aurora"), id("northway")]);
    assert!(sold.provenance.unbroken);
    // The same, seen without who took it.
    let mut masked = shipping(2, None, None, &["A"]);
    masked.sight.after = Who::Nothing;
    let unknown = after(masked);
    assert_eq!((name(&unknown.custodian), name(&unknown.owner)), ("-", "-"));
    assert_eq!(unknown.provenance.hops.len(), 2);
    // Nobody was named: it stays where it is.
    assert_eq!(name(&after(shipping(2, None, None, &["A"])).custodian), "aurora");
}

#[test]
fn of_a_sale_nothing_is_told_by_one_side_of_it() {
    let sides = |before: Who, after: Who| {
        let mut word = shipping(2, Some(NORTHWAY), Some(MERIDIAN), &["A"]);
        (word.sight.before, word.sight.after) = (before, after);
        if before < Who::Name {
            word.event.sources.clear();
        }
        if after < Who::Name {
            word.event.destinations.clear();
        }
        let shipped = shipped(&word, &Words::default(), &registry()).unwrap();
        (shipped.seller.is_some(), shipped.buyer.is_some())
    };
    assert_eq!(sides(Who::Name, Who::Name), (true, true));
    assert_eq!(sides(Who::Name, Who::Nothing), (false, false));
    assert_eq!(sides(Who::Nothing, Who::Name), (false, false));
}

#[test]
fn what_was_taken_back_or_declared_wrong_did_not_happen() {
    let made = || object(1, Action::Add, "commissioning", &["A"]);
    let back = told(
        vec![
            made(),
            shipping(2, Some(NORTHWAY), Some(MERIDIAN), &["A"]),
            object(3, Action::Observe, "void_shipping", &["A"]),
        ],
        "A",
    )
    .unwrap();
    assert_eq!((name(&back.custodian), name(&back.owner)), ("aurora", "-"));
    assert_eq!(back.provenance.hops.len(), 1);
    let wrong = || {
        let mut wrong = object(2, Action::Observe, "storing", &["A"]);
        wrong.voided = true;
        let mut declared = wrong.clone();
        (declared.key, declared.recorded, declared.voided) = (key(9), Micros(9), false);
        declared.event.error_declaration = Some(ErrorDeclaration {
            declaration_time: Micros(9),
            reason: None,
            corrective_event_ids: Vec::new(),
            extensions: Vec::new(),
        });
        vec![made(), wrong, declared]
    };
    let known = |at: i64| {
        let words = Words::counting(wrong(), Micros::FOREVER, Micros(at));
        thing(&words, epc("A").key(), &registry()).unwrap().disposition.unwrap().0
    };
    assert_eq!(known(8), "after storing", "nobody had said so yet");
    assert_eq!(known(9), "after commissioning");
    // Whoever does not see the declaration sees that the event is void.
    let unseen = wrong().into_iter().take(2).collect();
    assert_eq!(told(unseen, "A").unwrap().disposition.unwrap().0, "after commissioning");
}

#[test]
fn contents_are_told_outermost_first_and_only_what_is_in_the_container() {
    let words = all(vec![
        packing(1, Action::Add, "CASE", &["A", "B"]),
        packing(2, Action::Add, "PALLET", &["CASE"]),
        packing(3, Action::Delete, "CASE", &["B"]),
        packing(4, Action::Add, "OTHER", &["C"]),
    ]);
    let inside = contents(&words, epc("PALLET").key());
    let rows: Vec<_> = inside.iter().map(|row| (row.depth, row.epc.clone())).collect();
    assert_eq!(rows, [(1, epc("CASE")), (2, epc("A"))]);
}

#[test]
fn a_receipt_counts_for_what_was_shipped_before_it() {
    let ship = shipping(5, Some(NORTHWAY), None, &["A", "B"]);
    let state = |others: Vec<Word>| {
        let shipped = shipped(&ship, &all(others), &registry()).unwrap();
        (shipped.state.as_str(), shipped.received_at)
    };
    assert_eq!(state(Vec::new()), ("in_transit", None));
    assert_eq!(
        state(vec![object(7, Action::Observe, "receiving", &["B"])]),
        ("received", Some(Micros(7)))
    );
    assert_eq!(
        state(vec![object(3, Action::Observe, "receiving", &["B"])]),
        ("in_transit", None)
    );
    assert_eq!(
        state(vec![object(7, Action::Observe, "receiving", &["C"])]),
        ("in_transit", None)
    );
    assert_eq!(
        state(vec![object(7, Action::Observe, "void_shipping", &["A"])]),
        ("voided", None)
    );
    assert_eq!(
        shipped(&object(1, Action::Observe, "storing", &["A"]), &Words::default(), &registry()),
        None
    );
}
