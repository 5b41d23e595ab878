//! Conditions of things, case by case, and what holds for any facts in any order and at any moment.

use proptest::prelude::*;

use super::super::tests::{any_fact, epc, facts, pack, party, said, ship_to, things};
use super::super::{Deed, EpcKey, Fact, FindingCode, Micros, Outcome, Thing, fold, fold_for};
use super::*;
use std::collections::{BTreeSet, HashMap};

fn disposed(mut fact: Fact, disposition: &str) -> Fact {
    fact.says.disposition = Some(disposition.into());
    fact
}

fn lasting(mut fact: Fact, set: &[&str], unset: &[&str]) -> Fact {
    let arcs = |terms: &[&str]| terms.iter().map(|term| Arc::from(*term)).collect();
    (fact.says.set, fact.says.unset) = (arcs(set), arcs(unset));
    fact
}

fn of_lot(mut fact: Fact, lot: Option<&str>, expiry: Option<&str>) -> Fact {
    (fact.says.lot, fact.says.expiry) = (lot.map(Arc::from), expiry.map(Arc::from));
    fact
}

fn unpack(parent: usize) -> Deed {
    Deed::Unpack {
        parent: epc(parent),
        all: true,
    }
}

fn standing(facts: &[Fact], of: usize) -> Standing {
    fold_for(&things(), facts.to_vec(), epc(of)).1.unwrap()
}

fn disposition(facts: &[Fact], of: usize) -> Option<(String, bool)> {
    let disposition = standing(facts, of).disposition?;
    Some((disposition.term.to_string(), disposition.inferred))
}

fn found(facts: &[Fact]) -> Vec<(EpcKey, FindingCode)> {
    let outcome = fold(&things(), facts.to_vec());
    outcome.misfits.iter().map(|misfit| (misfit.epc, misfit.code)).collect()
}

/// Day by day from the first of January 2026, so that dates can be compared.
fn on_day(mut fact: Fact, day: i64) -> Fact {
    fact.at = Micros::parse("2026-01-01T12:00:00Z").unwrap().plus_seconds(day * 86_400);
    fact
}

#[test]
fn what_is_said_of_a_pallet_holds_for_what_is_in_it_until_it_leaves() {
    let facts = [
        disposed(said(1, 0, Deed::Commission, &[0, 1, 4, 5]), "active"),
        disposed(said(2, 0, pack(4), &[0]), "in_progress"),
        said(3, 0, pack(5), &[4]),
        disposed(said(4, 0, Deed::Use, &[5]), "returned"),
        disposed(said(5, 0, Deed::Use, &[5]), "container_open"),
        said(6, 0, unpack(5), &[]),
        disposed(said(7, 0, Deed::Use, &[5]), "damaged"),
        disposed(said(8, 0, Deed::Use, &[0]), "conformant"),
    ];
    assert_eq!(disposition(&facts[..3], 0), Some(("in_progress".to_owned(), false)));
    for until in 4..=7 {
        assert_eq!(
            disposition(&facts[..until], 0),
            Some(("returned".to_owned(), true)),
            "{until}"
        );
        assert_eq!(
            disposition(&facts[..until], 4),
            Some(("returned".to_owned(), true)),
            "{until}"
        );
    }
    assert_eq!(disposition(&facts, 0), Some(("conformant".to_owned(), false)));
    assert_eq!(disposition(&facts, 1), Some(("active".to_owned(), false)));
    // Put in later: what was said before is not said of it.
    let later = [&facts[..4], &[said(5, 0, pack(5), &[1])]].concat();
    assert_eq!(disposition(&later, 1), Some(("active".to_owned(), false)));
}

#[test]
fn a_persistent_disposition_survives_others_until_it_is_unset() {
    let facts = [
        said(1, 0, Deed::Commission, &[0, 5]),
        said(2, 0, pack(5), &[0]),
        lasting(said(3, 0, Deed::Use, &[5]), &["recalled", "completeness_verified"], &[]),
        said(4, 0, unpack(5), &[]),
        disposed(said(5, 0, Deed::Use, &[0]), "in_progress"),
        lasting(said(6, 0, Deed::Use, &[0]), &["recalled"], &[]),
        lasting(said(7, 0, Deed::Use, &[5]), &[], &["recalled"]),
        lasting(said(8, 0, Deed::Use, &[0]), &[], &["recalled"]),
    ];
    let terms = |until: usize, of| -> Vec<(String, bool)> {
        let lasting = standing(&facts[..until], of).lasting;
        lasting
            .iter()
            .map(|condition| (condition.term.to_string(), condition.inferred))
            .collect()
    };
    let both = |recalled_inferred| {
        vec![
            ("completeness_verified".to_owned(), true),
            ("recalled".to_owned(), recalled_inferred),
        ]
    };
    assert_eq!(terms(5, 0), both(true));
    assert_eq!(
        terms(7, 0),
        both(false),
        "unset of the pallet that it left is not unset of it"
    );
    assert_eq!(terms(8, 0), both(true)[..1]);
    assert_eq!(terms(8, 5), [("completeness_verified".to_owned(), false)]);
}

#[test]
fn the_first_lot_is_kept_and_a_blank_is_filled() {
    let first = |lot, expiry| of_lot(said(1, 0, Deed::Commission, &[0]), lot, expiry);
    let again = |lot, expiry| of_lot(said(2, 0, Deed::Commission, &[0]), lot, expiry);
    let told = |facts: &[Fact]| {
        let standing = standing(facts, 0);
        (
            standing.lot.map(|lot| lot.to_string()),
            standing.expiry.map(|expiry| expiry.to_string()),
        )
    };
    let text = |text: &str| Some(text.to_owned());
    let mismatch = |facts: &[Fact]| found(facts).contains(&(epc(0), FindingCode::LotMismatch));
    let differ = [first(Some("A"), Some("2030-01-01")), again(Some("B"), Some("2030-01-01"))];
    assert_eq!((told(&differ), mismatch(&differ)), ((text("A"), text("2030-01-01")), true));
    let blank = [first(Some("A"), None), again(None, Some("2030-01-01"))];
    assert_eq!((told(&blank), mismatch(&blank)), ((text("A"), text("2030-01-01")), false));
    let half = [first(Some("A"), None), again(Some("B"), Some("2030-01-01"))];
    assert_eq!((told(&half), mismatch(&half)), ((text("A"), text("2030-01-01")), true));
    // Who has nothing to do with the thing is not told whether its lot was right, and fills nothing.
    let stranger = of_lot(said(2, 3, Deed::Commission, &[0]), Some("B"), Some("2030-01-01"));
    let facts = [first(Some("A"), None), stranger];
    assert_eq!((told(&facts), mismatch(&facts)), ((text("A"), None), false));
}

#[test]
fn what_should_not_be_shipped_is_found_itself_and_inside() {
    let made = |expiry| of_lot(on_day(said(1, 0, Deed::Commission, &[0, 1, 5]), 0), Some("A"), Some(expiry));
    let packed = on_day(said(2, 0, pack(5), &[0, 1]), 1);
    let shipped = |disposition| disposed(on_day(said(9, 0, ship_to(0, 1), &[5]), 9), disposition);
    let all = |code| vec![(epc(0), code), (epc(1), code), (epc(5), code)];
    let of = |facts: &[Fact]| found(facts);
    assert_eq!(
        of(&[made("2026-01-10"), packed.clone(), shipped("in_transit")]),
        [],
        "to the end of its day"
    );
    assert_eq!(
        of(&[made("2026-01-09"), packed.clone(), shipped("in_transit")]),
        all(FindingCode::ExpiredShipped)
    );
    for (date, disposition) in [
        ("260109", "in_transit"),
        ("2026-1-9xx", "in_transit"),
        ("2026-01-09", "returned"),
    ] {
        assert_eq!(
            of(&[made(date), packed.clone(), shipped(disposition)]),
            [],
            "{date} {disposition}"
        );
    }
    let fresh = made("2030-01-01");
    let recalled = disposed(on_day(said(3, 0, Deed::Use, &[0]), 3), "recalled");
    let story = [fresh.clone(), packed.clone(), recalled.clone(), shipped("in_transit")];
    assert_eq!(of(&story), [(epc(0), FindingCode::RecalledShipped)]);
    let released = disposed(on_day(said(4, 0, Deed::Use, &[0]), 4), "conformant");
    assert_eq!(
        of(&[fresh.clone(), packed.clone(), recalled, released, shipped("in_transit")]),
        []
    );
    let lasts = lasting(on_day(said(3, 0, Deed::Use, &[1]), 3), &["recalled"], &[]);
    let other = disposed(on_day(said(4, 0, Deed::Use, &[1]), 4), "conformant");
    assert_eq!(
        of(&[fresh.clone(), packed.clone(), lasts, other, shipped("in_transit")]),
        [(epc(1), FindingCode::RecalledShipped)]
    );
    let ended = on_day(said(3, 0, Deed::End, &[1]), 3);
    assert_eq!(
        of(&[fresh.clone(), packed, ended.clone(), shipped("in_transit")]),
        [(epc(1), FindingCode::EndedShipped)]
    );
    let alone = on_day(said(9, 0, ship_to(0, 1), &[1]), 9);
    assert_eq!(of(&[fresh, ended, alone]), [(epc(1), FindingCode::EndedShipped)]);
}

#[test]
fn the_end_of_a_container_is_that_of_its_contents_only_where_it_is_said_so() {
    let story = |deed: Deed| {
        [
            said(1, 0, Deed::Commission, &[0, 4, 5]),
            said(2, 0, pack(4), &[0]),
            said(3, 0, pack(5), &[4]),
            disposed(said(4, 0, deed, &[5]), "inactive"),
            said(5, 0, Deed::Use, &[0]),
        ]
    };
    assert_eq!(found(&story(Deed::End)), []);
    assert_eq!(
        (standing(&story(Deed::End), 0).ended, disposition(&story(Deed::End), 0)),
        (false, None)
    );
    let whole = story(Deed::EndWithContents);
    assert_eq!(found(&whole), [(epc(0), FindingCode::AfterEndOfLife)]);
    assert!(standing(&whole, 0).ended && standing(&whole, 4).ended);
    assert_eq!(disposition(&whole, 0), Some(("inactive".to_owned(), true)));
}

/// Facts of any kind that say anything.
fn telling() -> impl Strategy<Value = Vec<Fact>> {
    prop::collection::vec((any_fact(), 0usize..6), 1..40).prop_map(|random| {
        let (kinds, words): (Vec<_>, Vec<usize>) = random.into_iter().unzip();
        let mut facts = facts(&kinds);
        for (fact, word) in facts.iter_mut().zip(words) {
            *fact = match word {
                0 => disposed(fact.clone(), "recalled"),
                1 => disposed(fact.clone(), "in_progress"),
                2 => lasting(fact.clone(), &["recalled"], &[]),
                3 => lasting(fact.clone(), &[], &["recalled"]),
                4 => of_lot(fact.clone(), Some("A"), None),
                _ => of_lot(fact.clone(), Some("B"), Some("1969-01-01")),
            };
            if word == 5 && fact.deed == Deed::VoidShip {
                fact.deed = Deed::EndWithContents;
            }
        }
        facts
    })
}

/// As they stand in the database: whoever first owns a thing is known from the begin on.
fn stored(facts: &[Fact]) -> HashMap<EpcKey, Thing> {
    let owners = fold(&things(), facts.to_vec()).owners;
    let mut things = things();
    for (epc, thing) in &mut things {
        thing.owner = owners.get(epc).cloned();
        thing.contested = true;
    }
    things
}

/// A thing, and all it was ever said to be put into or taken out of, and so on.
fn reach(facts: &[Fact], of: EpcKey) -> BTreeSet<EpcKey> {
    let mut reach = BTreeSet::from([of]);
    loop {
        let parents: Vec<EpcKey> = facts
            .iter()
            .filter(|fact| fact.epcs.iter().any(|epc| reach.contains(epc)))
            .filter_map(|fact| match &fact.deed {
                Deed::Pack { parent } | Deed::Unpack { parent, .. } => Some(*parent),
                _ => None,
            })
            .collect();
        let before = reach.len();
        reach.extend(parents);
        if reach.len() == before {
            return reach;
        }
    }
}

/// Whether something else that was ever inside one of the things was received by itself. That says of the container that it arrived, and
/// is not said of the container. The same holds of the owner of a container, which is known by its contents: a thing and its containers
/// are enough for what holds nothing itself.
fn arrived_by_contents(facts: &[Fact], things: &BTreeSet<EpcKey>) -> bool {
    let mut inside = things.clone();
    loop {
        let contents: Vec<EpcKey> = facts
            .iter()
            .filter(|fact| matches!(&fact.deed, Deed::Pack { parent } if inside.contains(parent)))
            .flat_map(|fact| fact.epcs.iter().copied())
            .collect();
        let before = inside.len();
        inside.extend(contents);
        if inside.len() == before {
            break;
        }
    }
    let received = facts.iter().filter(|fact| fact.deed == Deed::Receive);
    received
        .flat_map(|fact| &fact.epcs)
        .any(|epc| inside.contains(epc) && !things.contains(epc))
}

fn names_any(fact: &Fact, things: &BTreeSet<EpcKey>) -> bool {
    let parent = match &fact.deed {
        Deed::Pack { parent } | Deed::Unpack { parent, .. } => Some(parent),
        _ => None,
    };
    fact.epcs.iter().chain(parent).any(|epc| things.contains(epc))
}

/// What the outcome says of some things.
fn about(outcome: &Outcome, of: &BTreeSet<EpcKey>) -> impl PartialEq + std::fmt::Debug + use<> {
    let stays: Vec<_> = of
        .iter()
        .map(|epc| outcome.intervals.get(epc).cloned().unwrap_or_default())
        .collect();
    let moved: Vec<_> = outcome
        .moved
        .iter()
        .filter(|moved| of.contains(&moved.epc))
        .cloned()
        .collect();
    let born: Vec<_> = of.iter().map(|epc| outcome.commissioned.get(epc).copied()).collect();
    (stays, moved, born)
}

proptest! {
    #[test]
    fn conditions_do_not_depend_on_the_order_of_arrival(facts in telling(), seed in any::<u64>()) {
        let things = stored(&facts);
        let mut arrived = facts.clone();
        arrived.sort_by_key(|fact| (fact.at.0 as u64).wrapping_mul(seed | 1));
        for of in 0..7 {
            let (there, here) = (fold_for(&things, facts.clone(), epc(of)), fold_for(&things, arrived.clone(), epc(of)));
            prop_assert_eq!(there.1, here.1);
            prop_assert_eq!(there.0.attributes, here.0.attributes);
            prop_assert_eq!(there.0.misfits, here.0.misfits);
        }
    }

    #[test]
    fn a_thing_and_its_containers_are_enough_to_know_how_it_stood_at_any_moment(facts in telling(), moment in 0i64..42) {
        let things = stored(&facts);
        let until: Vec<Fact> = facts.iter().filter(|fact| fact.at.0 <= moment).cloned().collect();
        for of in 0..7 {
            let (whole, expected) = fold_for(&things, until.clone(), epc(of));
            let reach = reach(&until, epc(of));
            let holds = facts.iter().any(|fact| matches!(fact.deed, Deed::Pack { parent } if parent == epc(of)));
            if holds || arrived_by_contents(&until, &reach) {
                continue;
            }
            let near: HashMap<EpcKey, Thing> = things.iter().filter(|(epc, _)| reach.contains(epc)).map(|(epc, thing)| (*epc, thing.clone())).collect();
            let told: Vec<Fact> = until.iter().filter(|fact| names_any(fact, &reach)).cloned().collect();
            let (part, standing) = fold_for(&near, told, epc(of));
            prop_assert_eq!(expected, standing, "{}", of);
            prop_assert_eq!(about(&whole, &reach), about(&part, &reach));
        }
    }

    #[test]
    fn what_a_stranger_says_changes_the_condition_of_nothing(mut facts in telling()) {
        facts.retain(|fact| fact.by != party(3) || fact.deed != Deed::Commission);
        let given = |fact: &Fact| matches!(&fact.deed, Deed::Ship(handover) if handover.receiver.party() == Some(&party(3)));
        facts.retain(|fact| !given(fact));
        for fact in &mut facts {
            fact.at = Micros(fact.at.0 + 1);
        }
        facts.insert(0, Fact { at: Micros(0), ..said(999, 0, Deed::Commission, &[0, 1, 2, 3, 4, 5, 6]) });
        let things = stored(&facts);
        let without: Vec<Fact> = facts.iter().filter(|fact| fact.by != party(3)).cloned().collect();
        for of in 0..7 {
            prop_assert_eq!(fold_for(&things, facts.clone(), epc(of)).1, fold_for(&things, without.clone(), epc(of)).1);
        }
    }
}
