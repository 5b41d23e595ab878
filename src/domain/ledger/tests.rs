//! The ledger, case by case, and what holds for any facts in any order.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

pub(super) fn epc(n: usize) -> EpcKey {
    EpcKey(Uuid::from_u128(n as u128))
}

pub(super) fn party(n: usize) -> PartyId {
    ["maker", "carrier", "buyer", "stranger"][n % 4].parse().unwrap()
}

pub(super) fn said(at: usize, by: usize, deed: Deed, epcs: &[usize]) -> Fact {
    let event = EventKey::new(Uuid::from_u128(1_000 + at as u128));
    Fact {
        event,
        at: Micros(at as i64),
        by: party(by),
        principal: None,
        deed,
        says: Says::default(),
        epcs: epcs.iter().copied().map(epc).collect(),
    }
}

pub(super) fn ship_to(sender: usize, receiver: usize) -> Deed {
    Deed::Ship(Handover {
        sender: party(sender),
        receiver: Taker::Party(party(receiver)),
        sellers: vec![party(sender)],
        buyer: Some(party(receiver)),
    })
}

pub(super) fn pack(parent: usize) -> Deed {
    Deed::Pack { parent: epc(parent) }
}

fn makers(owner: usize) -> Option<Arc<Makers>> {
    let delegates = Vec::new();
    let owner = party(owner);
    Some(Arc::new(Makers { owner, delegates }))
}

pub(super) fn things() -> HashMap<EpcKey, Thing> {
    let thing = |n| {
        if n < 4 {
            Thing {
                kind: Kind::Item,
                owner: Some(party(0)),
                makers: makers(0),
                stakes: Vec::new(),
                unseen: BTreeSet::new(),
                contested: false,
            }
        } else {
            Thing {
                kind: Kind::Logistic,
                owner: None,
                makers: makers(if n == 5 { 3 } else { 0 }),
                stakes: Vec::new(),
                unseen: BTreeSet::new(),
                contested: false,
            }
        }
    };
    (0..7).map(|n| (epc(n), thing(n))).collect()
}

fn codes(facts: &[Fact]) -> Vec<FindingCode> {
    fold(&things(), facts.to_vec())
        .misfits
        .iter()
        .map(|misfit| misfit.code)
        .collect()
}

#[test]
fn contents_change_hands_with_their_container() {
    let facts = [
        said(1, 0, Deed::Commission, &[0, 1, 5]),
        said(2, 0, pack(5), &[0, 1]),
        said(3, 0, ship_to(0, 1), &[5]),
        said(4, 1, Deed::Receive, &[5]),
        said(
            5,
            1,
            Deed::Unpack {
                parent: epc(5),
                all: true,
            },
            &[],
        ),
        said(6, 1, ship_to(1, 2), &[0]),
        said(7, 2, Deed::Receive, &[0]),
    ];
    let outcome = fold(&things(), facts.to_vec());
    assert_eq!(outcome.misfits, []);
    let received: Vec<_> = outcome
        .moved
        .iter()
        .map(|moved| (moved.epc, moved.received.map(|(at, _)| at.0)))
        .collect();
    assert_eq!(received, [(epc(5), Some(4)), (epc(0), Some(7))]);
    let stakes = outcome.stakes[&epc(5)].iter();
    let stakes: Vec<_> = stakes
        .map(|stake| (stake.owner.clone(), stake.from.0, stake.until.0))
        .collect();
    assert_eq!(stakes, [(party(0), 2, 5)]);
    assert_eq!(outcome.named[&facts[5].event], [(epc(0), true)]);
}

#[test]
fn what_is_not_held_is_not_handed_over() {
    let made = said(1, 0, Deed::Commission, &[0]);
    assert_eq!(
        codes(&[made.clone(), said(2, 3, ship_to(3, 2), &[0])]),
        [FindingCode::NoCustody]
    );
    assert_eq!(
        codes(&[made.clone(), said(2, 3, pack(5), &[0])]),
        [FindingCode::NoCustody, FindingCode::NotCommissioned]
    );
    assert_eq!(
        codes(&[made.clone(), said(2, 3, Deed::Receive, &[0])]),
        [FindingCode::ReceivedWithoutShipment]
    );
    assert_eq!(codes(&[made.clone(), said(2, 3, Deed::End, &[0])]), [FindingCode::NoCustody]);
    assert_eq!(
        codes(&[made, said(2, 0, ship_to(0, 2), &[0]), said(3, 0, ship_to(0, 3), &[0])]),
        [FindingCode::NoCustody]
    );
}

#[test]
fn whoever_packs_what_does_not_exist_yet_has_no_hold_on_it() {
    let facts = [
        said(1, 3, Deed::Commission, &[5]),
        said(2, 3, pack(5), &[0]),
        said(3, 0, Deed::Commission, &[0]),
        said(4, 0, pack(6), &[0]),
    ];
    let outcome = fold(&things(), facts.to_vec());
    let stay = outcome.intervals[&epc(0)].last().unwrap();
    assert_eq!((stay.parent, stay.until), (epc(6), Micros::FOREVER));
}

#[test]
fn a_shipment_is_taken_back_only_before_it_is_received_and_by_its_sender() {
    let (made, shipped) = (said(1, 0, Deed::Commission, &[0]), said(2, 0, ship_to(0, 1), &[0]));
    let void = |by| said(4, by, Deed::VoidShip, &[0]);
    assert_eq!(
        codes(&[made.clone(), shipped.clone(), void(0), said(5, 0, ship_to(0, 2), &[0])]),
        []
    );
    assert_eq!(codes(&[made.clone(), shipped.clone(), void(3)]), [FindingCode::NoCustody]);
    assert_eq!(
        codes(&[made, shipped, said(3, 1, Deed::Receive, &[0]), void(0)]),
        [FindingCode::NoCustody]
    );
}

pub(super) fn any_fact() -> impl Strategy<Value = (usize, usize, Vec<usize>, usize)> {
    (0usize..7, 0usize..4, prop::collection::vec(0usize..7, 1..4), 0usize..7)
}

pub(super) fn facts(random: &[(usize, usize, Vec<usize>, usize)]) -> Vec<Fact> {
    let deed = |kind: usize, by: usize, other: usize| match kind {
        0 => Deed::Commission,
        1 | 2 => pack(other),
        3 => Deed::Unpack {
            parent: epc(other),
            all: other.is_multiple_of(2),
        },
        4 => ship_to(by, other % 4),
        5 => Deed::Receive,
        _ => Deed::VoidShip,
    };
    random
        .iter()
        .enumerate()
        .map(|(at, (kind, by, epcs, other))| said(at, *by, deed(*kind, *by, *other), epcs))
        .collect()
}

proptest! {
    #[test]
    fn the_order_of_arrival_plays_no_part(random in prop::collection::vec(any_fact(), 1..40), seed in any::<u64>()) {
        let facts = facts(&random);
        let mut arrived = facts.clone();
        arrived.sort_by_key(|fact| (fact.at.0 as u64).wrapping_mul(seed | 1));
        let (expected, outcome) = (fold(&things(), facts), fold(&things(), arrived));
        prop_assert_eq!(expected.intervals, outcome.intervals);
        prop_assert_eq!(expected.moved, outcome.moved);
        prop_assert_eq!(expected.misfits, outcome.misfits);
        prop_assert_eq!(expected.named, outcome.named);
    }

    #[test]
    fn what_a_stranger_says_moves_nothing_of_others(random in prop::collection::vec(any_fact(), 1..40)) {
        // Parties 0 to 2 act and name one another; party 3 says anything, but commissions nothing.
        let all: Vec<Fact> = facts(&random).into_iter().filter(|fact| fact.by != party(3) || fact.deed != Deed::Commission).collect();
        let named = |fact: &Fact| !matches!(&fact.deed, Deed::Ship(handover) if handover.receiver == Taker::Party(party(3)));
        let mut all: Vec<Fact> = all.into_iter().filter(named).collect();
        // Everything exists from the begin on, so that nothing can be claimed by being first.
        for fact in &mut all {
            fact.at = Micros(fact.at.0 + 1);
        }
        all.insert(0, Fact { at: Micros(0), ..said(999, 0, Deed::Commission, &[0, 1, 2, 3, 4, 5, 6]) });
        let without: Vec<Fact> = all.iter().filter(|fact| fact.by != party(3)).cloned().collect();
        let (with, without) = (fold(&things(), all), fold(&things(), without));
        prop_assert_eq!(with.intervals, without.intervals);
        prop_assert_eq!(with.moved, without.moved);
    }

    #[test]
    fn what_a_stranger_says_is_found_alike_whatever_exists(random in prop::collection::vec(any_fact(), 1..40)) {
        let mut all = facts(&random);
        // Party 3 commissions nothing, may not (5 is of its prefix), and nobody gives it anything.
        let foreign = |epc: &EpcKey| *epc != self::epc(5);
        all.retain(|fact| fact.by != party(3) || fact.deed != Deed::Commission);
        all.retain(|fact| !matches!(&fact.deed, Deed::Ship(handover) if fact.by != party(3) && handover.receiver == Taker::Party(party(3))));
        all.retain(|fact| !matches!(&fact.deed, Deed::Pack { parent } | Deed::Unpack { parent, .. } if !foreign(parent)));
        all.iter_mut().for_each(|fact| fact.epcs.retain(foreign));
        let alone: Vec<Fact> = all.iter().filter(|fact| fact.by == party(3)).cloned().collect();
        let of_stranger = |facts: Vec<Fact>| -> Vec<Misfit> {
            let told: HashSet<EventKey> = alone.iter().map(|fact| fact.event).collect();
            fold(&things(), facts).misfits.into_iter().filter(|misfit| told.contains(&misfit.event)).collect()
        };
        let (with, without) = (of_stranger(all), of_stranger(alone.clone()));
        let once: HashSet<(EventKey, EpcKey)> = with.iter().map(|misfit| (misfit.event, misfit.epc)).collect();
        prop_assert_eq!(once.len(), with.len());
        prop_assert_eq!(with, without);
    }
}
