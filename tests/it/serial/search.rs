//! Look-ups again: what they cost, and numbers that were handed on or that stand in lists.

use counterfoil::domain::gs1::CompanyPrefix;
use counterfoil::domain::serial::life::SerialState;
use counterfoil::domain::serial::numbered::SsccSeries;
use counterfoil::domain::serial::rule::Source;
use counterfoil::service::serial::lookup::{Asked, Lookup, LookupAnswer, TOGETHER, lookup, lookup_all};
use serde_json::json;

use super::import::{csv, made, send, set_source, with_source};
use super::lookup::{FORGED, one};
use super::transfer::{SIGMAPACK, hand_on, with_packer};
use super::*;
use crate::story;

/// What a look-up finds of numbers of Auroxin, and by how many statements.
async fn counted(hub: &Hub, actor: &Actor, serials: &[String]) -> (Vec<LookupAnswer>, u64) {
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let before = hub.db().reads();
    let found = lookup(hub, actor, AUROXIN.parse().unwrap(), &serials).await.unwrap();
    let answers = found.iter().map(Lookup::answer).collect();
    (answers, hub.db().reads() - before)
}

#[tokio::test]
async fn one_statement_whoever_asks_and_whatever_there_is() {
    let test = TestHub::start().await;
    with_packer(&test);
    let serials = story::serials_for_packwell(&test, AUROXIN, 10).await;
    let units = story::sgtins(AUROXIN, &[&serials[0]]);
    let event = story::commission("2026-03-01T09:00:00Z", story::PACKWELL_HALL_1, &units, "L1");
    test.capture(&test.actor("packwell"), story::document(&[event])).await;
    hand_on(&test, "packwell", "t-1", json!({ "serials": serials[5..7] }), SIGMAPACK).await;
    let own = request(&test.hub, &test.actor("aurora"), wanted("own", 5)).await.unwrap();
    let auroras = numbers(&test, &own).await;
    // Commissioned, allocated, handed on, another party's, made up, and of a form that no pool has.
    let asked = [
        &serials[0],
        &serials[1],
        &serials[5],
        &auroras[0],
        &FORGED.to_owned(),
        &"no".to_owned(),
    ];
    one(&test, "aurora", FORGED).await;
    for party in ["aurora", "packwell", SIGMAPACK, "halden", "zenith", "hub-operator"] {
        let mut issued = 0;
        for serial in asked {
            let (answers, statements) = counted(&test.hub, &test.actor(party), std::slice::from_ref(serial)).await;
            assert_eq!(statements, 1, "{party}: {answers:?}");
            issued += usize::from(answers == [LookupAnswer::Issued]);
        }
        let expect = match party {
            "aurora" => 4,
            "packwell" => 3,
            SIGMAPACK => 1,
            _ => 0,
        };
        assert_eq!(issued, expect, "{party}");
    }
    // Of no product: there is nothing to ask for.
    let before = test.hub.db().reads();
    let nowhere = Asked {
        numbered: None,
        serial: "395210020000000017".to_owned(),
    };
    lookup_all(&test.hub, &test.actor("aurora"), vec![nowhere]).await.unwrap();
    assert_eq!(test.hub.db().reads(), before);
    // Of products that have no pool; of two products at once.
    let prefix: CompanyPrefix = "9521002".to_owned().try_into().unwrap();
    let sscc = Numbered::Logistic(SsccSeries::new(&prefix, 3).unwrap());
    for all in [
        vec![Asked::new(LUMIVAR.parse::<Gtin>().unwrap(), FORGED)],
        vec![
            Asked::new(sscc, "395210020000000017"),
            Asked::new(AUROXIN.parse::<Gtin>().unwrap(), FORGED),
        ],
    ] {
        let before = test.hub.db().reads();
        lookup_all(&test.hub, &test.actor("aurora"), all).await.unwrap();
        assert_eq!(test.hub.db().reads(), before + 1);
    }
}

#[tokio::test]
async fn many_numbers_take_one_statement_more_for_their_bitmaps() {
    let test = TestHub::start().await;
    let mut serials = Vec::new();
    for key in ["1", "2", "3"] {
        serials.extend(numbers(&test, &granted(&test, key, 100).await).await);
    }
    one(&test, "aurora", FORGED).await;
    let (few, all) = (&serials[..TOGETHER], serials.as_slice());
    assert!(all.len() > few.len());
    for party in ["aurora", "packwell", "halden"] {
        let issued = party != "halden";
        for (asked, statements) in [(few, 1), (all, 1 + u64::from(issued))] {
            let (answers, took) = counted(&test.hub, &test.actor(party), asked).await;
            assert_eq!(took, statements, "{party}: {}", asked.len());
            let expect = if issued {
                LookupAnswer::Issued
            } else {
                LookupAnswer::NotIssued
            };
            assert!(answers.iter().all(|answer| *answer == expect), "{party}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn what_another_process_issued_is_known_at_once() {
    let test = TestHub::start().await;
    let aurora = test.actor("aurora");
    granted(&test, "1", 3).await;
    one(&test, "aurora", FORGED).await;
    let second = test.second().await;
    // The counter moved elsewhere.
    let more = request(&second, &test.actor("packwell"), wanted("2", 3)).await.unwrap();
    let more = numbers(&test, &more).await;
    assert_eq!(counted(&test.hub, &aurora, &more).await, (vec![LookupAnswer::Issued; 3], 1));
    // A pool was opened elsewhere: it is learnt, and then known.
    amend(
        &second,
        |party| party.products.iter_mut().for_each(|product| product.serials.length = 13),
        |_| {},
    );
    let longer = request(&second, &test.actor("packwell"), wanted("3", 3)).await.unwrap();
    let longer = numbers(&test, &longer).await;
    assert_eq!(longer[0].len(), 13);
    let both = [more, longer].concat();
    assert_eq!(counted(&test.hub, &aurora, &both).await.0, [LookupAnswer::Issued; 6]);
    assert_eq!(counted(&test.hub, &aurora, &both).await, (vec![LookupAnswer::Issued; 6], 1));
    assert_eq!(
        counted(&test.hub, &test.actor("halden"), &both).await,
        (vec![LookupAnswer::NotIssued; 6], 1)
    );
}

#[tokio::test]
async fn giver_taker_and_owner_are_told_of_a_transfer_what_is_theirs() {
    let test = TestHub::start().await;
    with_packer(&test);
    let granted = granted(&test, "1", 10).await;
    let serials = numbers(&test, &granted).await;
    test.set_time("2026-03-03T08:00:00Z");
    hand_on(&test, "packwell", "t-1", json!({ "serials": serials[2..6] }), SIGMAPACK).await;
    let handed = test.hub.now();
    test.set_time("2026-03-04T08:00:00Z");
    hand_on(&test, SIGMAPACK, "t-2", json!({ "serials": serials[5..6] }), "packwell").await;
    let back = test.hub.now();
    let told = async |party: &str, at: usize| one(&test, party, &serials[at]).await.issued;
    let check = async |party: &str, at: usize, holder: &str, (terms, state): (bool, bool), (since, last)| {
        let issued = told(party, at).await.unwrap_or_else(|| panic!("{party}: {at}"));
        assert_eq!(
            (issued.allocation, issued.holder.as_str()),
            (granted.id, holder),
            "{party}: {at}"
        );
        assert_eq!((issued.terms.is_some(), issued.at), (terms, since), "{party}: {at}");
        assert_eq!(issued.state, state.then_some(SerialState::Allocated), "{party}: {at}");
        let transferred = issued.transferred.map(|last| (last.to.as_str().to_owned(), last.at));
        assert_eq!(transferred, last, "{party}: {at}");
    };
    let (given, to) = (granted.created_at, |party: &str, at| Some((party.to_owned(), at)));
    check("aurora", 3, SIGMAPACK, (true, true), (given, to(SIGMAPACK, handed))).await;
    check("packwell", 3, SIGMAPACK, (true, false), (given, to(SIGMAPACK, handed))).await;
    check(SIGMAPACK, 3, SIGMAPACK, (false, true), (handed, to(SIGMAPACK, handed))).await;
    // Handed back: who had it on the way sees that, and no more.
    check("aurora", 5, "packwell", (true, true), (given, to("packwell", back))).await;
    check("packwell", 5, "packwell", (true, true), (given, to("packwell", back))).await;
    check(SIGMAPACK, 5, "packwell", (false, false), (handed, to("packwell", back))).await;
    // Never handed on.
    check("packwell", 8, "packwell", (true, true), (given, None)).await;
    let forged = |serial: &str| Lookup::never_issued(Asked::new(AUROXIN.parse::<Gtin>().unwrap(), serial));
    for (party, at) in [(SIGMAPACK, 8), ("zenith", 3), ("zenith", 8), ("halden", 5)] {
        assert_eq!(one(&test, party, &serials[at]).await, forged(&serials[at]), "{party}: {at}");
    }
}

#[tokio::test]
async fn numbers_of_a_list_are_found_once_they_were_given_out() {
    let test = with_source(Source::Imported).await;
    with_packer(&test);
    let list = made("QRT", 20);
    let answer = send(&test, "aurora", "list-1", "text/csv", csv(&list)).await;
    answer.expect(StatusCode::CREATED);
    let drawn = granted(&test, "1", 12).await;
    assert_eq!(numbers(&test, &drawn).await, list[..12]);
    hand_on(&test, "packwell", "t-1", json!({ "serials": list[4..6] }), SIGMAPACK).await;
    one(&test, "aurora", FORGED).await;
    let asked: Vec<String> = [&list[0], &list[4], &list[12], &list[19]]
        .into_iter()
        .cloned()
        .chain(["QRTAAAXXXX9X".to_owned(), "NUL\0".to_owned()])
        .collect();
    let answers = async |party: &str, issued: [bool; 6]| {
        let expect = issued.map(|issued| {
            if issued {
                LookupAnswer::Issued
            } else {
                LookupAnswer::NotIssued
            }
        });
        assert_eq!(
            counted(&test.hub, &test.actor(party), &asked).await,
            (expect.to_vec(), 1),
            "{party}"
        );
        for (serial, expect) in asked.iter().zip(expect) {
            let alone = counted(&test.hub, &test.actor(party), std::slice::from_ref(serial)).await;
            assert_eq!(alone, (vec![expect], 1), "{party}: {serial}");
        }
    };
    answers("aurora", [true, true, false, false, false, false]).await;
    answers("packwell", [true, true, false, false, false, false]).await;
    answers(SIGMAPACK, [false, true, false, false, false, false]).await;
    answers("halden", [false; 6]).await;
    let issued = one(&test, "aurora", &list[4]).await.issued.unwrap();
    assert_eq!((issued.allocation, issued.holder.as_str()), (drawn.id, SIGMAPACK));
    // Computed numbers beside the list.
    set_source(&test, Source::Permutation);
    let computed = numbers(&test, &granted(&test, "2", 3).await).await;
    let both = [&computed[..], &list[..3]].concat();
    for party in ["aurora", "packwell"] {
        let (found, _) = counted(&test.hub, &test.actor(party), &both).await;
        assert_eq!(found, [LookupAnswer::Issued; 6], "{party}");
    }
    let (found, statements) = counted(&test.hub, &test.actor("zenith"), &both).await;
    assert_eq!((found, statements), (vec![LookupAnswer::NotIssued; 6], 1));
}
