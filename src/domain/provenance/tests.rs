//! The story of one pack, told to each party.

use super::*;
use crate::domain::gs1::Epc;
use crate::domain::ids::{EmergencyId, ShipmentId};
use crate::domain::party::licence::Licence;

/// Day of November 2026.
fn day(day: u8) -> Micros {
    Micros::parse(&format!("2026-11-{day:02}T12:00:00Z")).unwrap()
}

fn id(text: &str) -> PartyId {
    text.parse().unwrap()
}

fn registry() -> Registry {
    let party = |name: &str, role, country: &str, gln: &str| Party {
        id: id(name),
        legal_name: name.to_uppercase(),
        roles: vec![role],
        gln: gln.parse().unwrap(),
        country: country.to_owned(),
        sites: Vec::new(),
        prefixes: Vec::new(),
        sscc: Vec::new(),
        products: Vec::new(),
        issuers: Vec::new(),
        capture: crate::domain::profile::Profile::default(),
        licences: Vec::new(),
        webhooks: Vec::new(),
        active: true,
    };
    let parties = vec![
        party("aurora", Role::Manufacturer, "DE", "9521321000001"),
        party("packwell", Role::Cmo, "PL", "9521322000000"),
        party("northway", Role::Logistics, "NL", "9521323000009"),
        party("meridian", Role::Wholesaler, "FR", "9521324000008"),
        party("corner", Role::Dispenser, "ES", "9521325000007"),
        party("halden", Role::Wholesaler, "FR", "9521326000006"),
    ];
    Registry::new(1, parties, Vec::new())
}

/// The event of a day.
fn event(day: u8) -> EventKey {
    EventKey::new(uuid::Uuid::from_u128(1_000 + u128::from(day)))
}

fn handover(from: &str, to: &str, deal: Option<(&str, &str)>, shipped: u8, received: Option<u8>) -> Handover {
    Handover {
        id: ShipmentId::new(uuid::Uuid::from_u128(u128::from(shipped))),
        event: event(shipped),
        sender: id(from),
        receiver: Some(id(to)),
        seller: deal.map(|(seller, _)| id(seller)),
        also: Vec::new(),
        buyer: deal.map(|(_, buyer)| id(buyer)),
        from: None,
        to: None,
        left: true,
        shipped_at: day(shipped),
        received_at: received.map(day),
    }
}

/// Packed by packwell for aurora, stored at northway, sold to meridian, sold on to corner.
fn story() -> Trace {
    let epc: Epc = "https://id.gs1.org/01/09521321000018/21/A1".parse().unwrap();
    let thing = Thing {
        key: epc.key(),
        epc,
        gtin: None,
        lot: Some("L1".to_owned()),
        expiry: Some("2028-01-31".to_owned()),
        owner: Some(id("aurora")),
        made_by: Some(event(1)),
        maker: Some(id("packwell")),
        made_at: Some(day(1)),
        made_where: None,
        disposition: Some("in_progress".to_owned()),
        parent: None,
        share: None,
    };
    let handovers = vec![
        handover("packwell", "northway", None, 2, Some(3)),
        handover("northway", "meridian", Some(("aurora", "meridian")), 5, Some(6)),
        handover("meridian", "corner", Some(("meridian", "corner")), 8, Some(9)),
    ];
    Trace { thing, handovers }
}

/// One line a viewer: hops as `role country name time`, then what else is told.
fn told(trace: &Trace, viewer: &str) -> String {
    let Some(answer) = tell(trace, &id(viewer), &registry(), &Named::default()) else {
        return "nothing".to_owned();
    };
    let hops: Vec<String> = answer
        .hops
        .iter()
        .map(|hop| {
            let name = hop.party.as_ref().map_or("-", PartyId::as_str);
            let time = hop
                .at
                .map_or_else(|| hop.month.clone().unwrap_or_default(), |at| at.rfc3339()[..10].to_owned());
            let silent = if hop.silent { " silent" } else { "" };
            format!(
                "{:?} {} {name} {time}{silent}",
                hop.role.unwrap(),
                hop.country.as_deref().unwrap_or("-")
            )
        })
        .collect();
    let previous = answer.previous_owner.as_ref().map_or("-", PartyId::as_str);
    let state = answer.disposition.as_deref().unwrap_or("-");
    format!(
        "{} | from {previous} | {state} | {}",
        hops.join(", "),
        if answer.unbroken { "unbroken" } else { "broken" }
    )
}

#[test]
fn each_party_is_told_its_part_of_the_story() {
    let check = |viewer: &str, expect: &str| assert_eq!(told(&story(), viewer), expect, "{viewer}");
    check("halden", "nothing");
    check(
        "corner",
        "Cmo PL - 2026-11, Logistics NL - 2026-11, Wholesaler FR meridian 2026-11, Dispenser ES corner 2026-11-09 | from meridian | in_progress | unbroken",
    );
    check(
        "meridian",
        "Cmo PL - 2026-11, Logistics NL northway 2026-11, Wholesaler FR meridian 2026-11-06, Dispenser ES corner 2026-11-09 | from aurora | - | unbroken",
    );
    check(
        "northway",
        "Logistics NL northway 2026-11-03, Wholesaler FR meridian 2026-11-06 | from - | - | unbroken",
    );
    check(
        "packwell",
        "Cmo PL packwell 2026-11-01, Logistics NL northway 2026-11-03 | from - | - | unbroken",
    );
    check(
        "aurora",
        "Cmo PL packwell 2026-11-01, Logistics NL northway 2026-11-03, Wholesaler FR meridian 2026-11-06 | from - | in_progress | unbroken",
    );
}

#[test]
fn a_taker_that_never_said_so_is_marked() {
    let mut trace = story();
    trace.handovers[1].received_at = None;
    assert!(told(&trace, "corner").contains("Wholesaler FR meridian 2026-11 silent"));
    assert!(told(&trace, "corner").ends_with("broken"));
}

#[test]
fn a_gap_breaks_the_chain_for_those_who_may_know_of_it() {
    let mut trace = story();
    trace.handovers[2].sender = id("halden");
    assert!(told(&trace, "corner").ends_with("| broken"));
    assert!(
        told(&trace, "aurora").ends_with("| unbroken"),
        "after its sale the manufacturer learns nothing"
    );
}

#[test]
fn what_comes_later_changes_nothing_for_those_before() {
    let (now, mut before) = (story(), story());
    before.handovers.pop();
    for viewer in ["packwell", "northway", "aurora"] {
        assert_eq!(told(&now, viewer), told(&before, viewer), "{viewer}");
    }
    let (late, early) = (
        now.standing(&id("aurora"), &registry()),
        before.standing(&id("aurora"), &registry()),
    );
    assert_eq!(late, early);
}

#[test]
fn the_inside_is_known_from_the_taking_to_the_giving_away() {
    let window = |viewer: &str| {
        let standing = story().standing(&id(viewer), &registry()).unwrap();
        (standing.from, standing.to, standing.handled)
    };
    assert_eq!(window("packwell"), (Micros::MIN, day(2), true));
    assert_eq!(window("northway"), (day(2), day(5), true));
    assert_eq!(window("meridian"), (day(5), day(8), true));
    assert_eq!(window("corner"), (day(8), Micros::FOREVER, true));
    // It sold what it never had: of what else was in it, it knows nothing.
    assert_eq!(window("aurora"), (Micros::MIN, day(5), false));
}

#[test]
fn who_has_and_who_owns_it_is_told_as_far_as_the_viewer_goes() {
    let keepers = |trace: &Trace, viewer: &str| {
        let (viewer, registry) = (id(viewer), registry());
        let standing = trace.standing(&viewer, &registry)?;
        let name = |party: Option<PartyId>| party.map_or("-".to_owned(), |party| party.to_string());
        let owner = owner(trace, &standing, &viewer, &registry);
        Some(format!("{} {}", name(custodian(trace, &standing, &viewer)), name(owner)))
    };
    for (viewer, expected) in [
        ("aurora", Some("meridian meridian")),
        ("packwell", Some("northway aurora")),
        ("northway", Some("meridian -")),
        ("meridian", Some("corner corner")),
        ("corner", Some("corner corner")),
        ("halden", None),
    ] {
        assert_eq!(keepers(&story(), viewer).as_deref(), expected, "{viewer}");
    }
    // Kept, and not yet sold: the keeper is not told that it was not.
    let kept = story().until(day(4));
    assert_eq!(keepers(&kept, "northway").as_deref(), Some("northway -"));
    assert_eq!(keepers(&kept, "aurora").as_deref(), Some("northway aurora"));
    assert_eq!(keepers(&kept, "meridian"), None);
    let on_the_way = story().until(day(2));
    assert_eq!(on_the_way.handovers[0].received_at, None);
}

#[test]
fn a_hop_is_licensed_through_what_of_its_time_may_be_known() {
    let licence = |from: Micros, until: Micros| Licence {
        country: None,
        role: Role::Logistics,
        authority: "IGJ".to_owned(),
        number: "1".to_owned(),
        valid_from: from,
        valid_until: Some(until),
    };
    let with = |licences: Vec<Licence>| {
        let known = registry();
        let mut parties: Vec<Party> = known.parties().map(|party| Party::clone(party)).collect();
        let northway = parties.iter_mut().find(|party| party.id == id("northway")).unwrap();
        northway.licences = licences;
        Registry::new(2, parties, Vec::new())
    };
    let judged = |registry: &Registry, viewer: &str| {
        let told = tell(&story(), &id(viewer), registry, &Named::default()).unwrap();
        let hop = told.hops.iter().find(|hop| hop.role == Some(Role::Logistics)).unwrap();
        (hop.at.is_some(), hop.licence_valid)
    };
    // Northway took the pack on the third. Corner may know the month, northway the moment.
    let check = |from: Micros, until: Micros, month: Option<bool>, moment: Option<bool>| {
        let registry = with(vec![licence(from, until)]);
        assert_eq!(judged(&registry, "corner"), (false, month), "{from} to {until}");
        assert_eq!(judged(&registry, "northway"), (true, moment), "{from} to {until}");
    };
    let (begin, end) = day(3).month_bounds();
    check(begin, end, Some(true), Some(true));
    check(day(2), end, None, Some(true));
    check(day(4), end, None, Some(false));
    check(begin, day(3), None, Some(false));
    check(end, Micros::FOREVER, Some(false), Some(false));
    assert_eq!(judged(&registry(), "corner"), (false, None));
}

#[test]
fn what_is_declared_of_a_lot_is_told_while_it_holds() {
    let gtin: Gtin = "09521321000018".parse().unwrap();
    let mut thing = story().thing;
    thing.gtin = Some(gtin);
    let declared = |lots: &[&str], from: u8, ended: Option<u8>| EmergencyHeld {
        emergency: Emergency {
            id: EmergencyId::new(uuid::Uuid::from_u128(u128::from(from))),
            owner: id("aurora"),
            gtin,
            lots: lots.iter().map(|lot| (*lot).to_owned()).collect(),
            reason: format!("since {from}"),
            from: day(from),
            until: day(20),
        },
        declared_at: day(from),
        ended_at: ended.map(day),
    };
    let all = [
        declared(&["L1", "L2"], 5, None),
        declared(&["L2"], 3, None),
        declared(&[], 4, Some(10)),
    ];
    let told = |thing: &Thing, at: u8| -> Vec<String> {
        recalls((thing.gtin, thing.lot.as_deref()), &all, day(at))
            .into_iter()
            .map(|recall| recall.reason)
            .collect()
    };
    assert_eq!(told(&thing, 3), Vec::<String>::new());
    assert_eq!(told(&thing, 9), ["since 4", "since 5"]);
    assert_eq!(told(&thing, 10), ["since 5"]);
    assert_eq!(told(&thing, 20), Vec::<String>::new());
    thing.lot = None;
    assert_eq!(told(&thing, 9), ["since 4"]);
    thing.gtin = None;
    assert_eq!(told(&thing, 9), Vec::<String>::new());
}

/// Sold by northway, who keeps and ships it, as of several who sell on one pallet; what is left of the deals, as `seller>buyer`.
fn deals(sales: &[(&[&str], Option<&str>)], first: Option<&str>, viewer: Option<&str>) -> String {
    let mut trace = story();
    trace.handovers.truncate(sales.len());
    for (handover, (sellers, buyer)) in trace.handovers.iter_mut().zip(sales) {
        handover.sender = id("northway");
        handover.seller = sellers.first().map(|seller| id(seller));
        handover.also = sellers.iter().skip(1).map(|seller| id(seller)).collect();
        handover.buyer = buyer.map(id);
    }
    let name = |party: &Option<PartyId>| party.as_ref().map_or("-".to_owned(), PartyId::to_string);
    let left = trace.with_own_deals(first.map(id), viewer.map(id).as_ref()).handovers;
    let told: Vec<String> = left
        .iter()
        .map(|handover| format!("{}>{}", name(&handover.seller), name(&handover.buyer)))
        .collect();
    told.join(" ")
}

#[test]
fn a_sale_counts_for_what_its_seller_owned() {
    let check = |sales: &[(&[&str], Option<&str>)], expect: &str| assert_eq!(deals(sales, Some("aurora"), None), expect);
    check(&[(&["aurora"], Some("meridian"))], "aurora>meridian");
    check(&[(&["halden"], Some("meridian"))], "->-");
    check(&[(&["halden"], None)], "->-");
    // Whoever bought it can sell it; who sold it no longer can.
    check(
        &[(&["aurora"], Some("meridian")), (&["meridian"], Some("corner"))],
        "aurora>meridian meridian>corner",
    );
    check(
        &[(&["aurora"], Some("meridian")), (&["aurora"], Some("corner"))],
        "aurora>meridian ->-",
    );
    check(&[(&["halden"], Some("meridian")), (&["meridian"], Some("corner"))], "->- ->-");
    // To somebody outside: nobody on the hub owns it any more, but who has it may have bought it.
    check(&[(&["aurora"], None), (&["halden"], Some("corner"))], "aurora>- ->-");
    check(
        &[(&["aurora"], None), (&["northway"], Some("corner"))],
        "aurora>- northway>corner",
    );
    // Nobody says whose sale it is.
    check(
        &[(&[], Some("meridian")), (&["meridian"], Some("corner"))],
        "->meridian meridian>corner",
    );
    // Several sell what is theirs, in whatever order they are named.
    check(&[(&["halden", "aurora"], Some("meridian"))], "aurora>meridian");
    check(&[(&["aurora", "halden"], Some("meridian"))], "aurora>meridian");
    // Where nobody knows whose it is, everybody can; and of one's part of a unit one's own deals stay.
    assert_eq!(deals(&[(&["halden"], Some("meridian"))], None, None), "halden>meridian");
    assert_eq!(
        deals(&[(&["halden"], Some("meridian"))], Some("aurora"), Some("meridian")),
        "halden>meridian"
    );
}

#[test]
fn selling_something_else_on_the_pallet_gives_no_standing() {
    let mut trace = story();
    trace.handovers[1].seller = Some(id("halden"));
    let trace = trace.with_own_deals(Some(id("aurora")), None);
    assert_eq!(told(&trace, "halden"), "nothing");
    assert_eq!(trace.standing(&id("halden"), &registry()), None);
    // Who took it over knows what it did, and from whom it did not buy.
    assert!(
        told(&trace, "meridian").contains("| from - |"),
        "{}",
        told(&trace, "meridian")
    );
    assert!(told(&trace, "aurora").contains("meridian"), "{}", told(&trace, "aurora"));
}

#[test]
fn a_grant_names_hops_that_the_viewer_knows_of_and_adds_none() {
    let (trace, registry) = (story(), registry());
    let viewer = id("corner");
    let bare = tell(&trace, &viewer, &registry, &Named::default()).unwrap();
    let unnamed: Vec<usize> = (0..bare.hops.len())
        .filter(|index| bare.hops[*index].party.is_none())
        .collect();
    assert!(!unnamed.is_empty(), "{:?}", bare.hops);
    // The event by which the goods came to the store names the store; that it names somebody else tells nothing of this hop.
    let stored = trace.handovers[0].event;
    let granted = Named::of([(stored, id("northway")), (stored, id("meridian"))]);
    let told = tell(&trace, &viewer, &registry, &granted).unwrap();
    assert_eq!(told.hops.len(), bare.hops.len());
    let changed: Vec<usize> = (0..bare.hops.len())
        .filter(|index| told.hops[*index] != bare.hops[*index])
        .collect();
    assert_eq!(changed.len(), 1);
    let (hop, before) = (&told.hops[changed[0]], &bare.hops[changed[0]]);
    assert_eq!(hop.party, Some(id("northway")));
    assert_eq!(
        Hop {
            party: None,
            ..hop.clone()
        },
        *before,
        "the name, and nothing else of it"
    );
    let all = Named::of([(trace.thing.made_by.unwrap(), id("packwell")), (stored, id("northway"))]);
    assert_eq!(
        tell(&trace, &id("halden"), &registry, &all),
        None,
        "who has nothing to do with it gets nothing"
    );
}
