//! Who gets numbers, how many, and what a retry gets.

use counterfoil::domain::ids::AgreementId;
use counterfoil::service::page::Page;
use counterfoil::service::serial::AllocationState;

use super::*;

#[tokio::test]
async fn a_packager_gets_numbers_in_the_name_of_the_owner() {
    let test = TestHub::start().await;
    let granted = granted(&test, "order-1", 25).await;
    assert_eq!(
        (granted.party.as_str(), granted.principal.as_str(), granted.quantity),
        ("packwell", "aurora", 25)
    );
    assert_eq!(
        granted.agreement.as_ref().map(AgreementId::as_str),
        Some("aurora-packwell-2024")
    );
    assert_eq!(granted.state, AllocationState::Reserved);
    let serials: HashSet<_> = numbers(&test, &granted).await.into_iter().collect();
    assert_eq!(serials.len(), 25);
    let rule = &test
        .hub
        .registry()
        .product(granted.numbered.gtin().unwrap())
        .unwrap()
        .1
        .serials
        .clone();
    assert!(
        serials
            .iter()
            .all(|serial| serial.len() == usize::from(rule.length) && serial.chars().all(|c| rule.alphabet.contains(c)))
    );
}

#[tokio::test]
async fn an_owner_gets_numbers_of_its_own_product_and_an_agreement_of_its_own_changes_nothing() {
    let test = TestHub::start().await;
    let own = request(&test.hub, &test.actor("aurora"), wanted("own-1", 3)).await.unwrap();
    assert_eq!(
        (own.party.as_str(), own.principal.as_str(), own.agreement.as_ref()),
        ("aurora", "aurora", None)
    );
    let named = SerialRequest {
        agreement: Some("aurora-packwell-2024".parse().unwrap()),
        ..wanted("own-2", 3)
    };
    assert_eq!(
        refusal(request(&test.hub, &test.actor("aurora"), named).await).0,
        Code::NoAgreement
    );
}

#[tokio::test]
async fn a_retry_gets_the_same_allocation_whatever_happened_since() {
    let test = TestHub::start().await;
    let first = granted(&test, "order-1", 25).await;
    let serials = numbers(&test, &first).await;
    test.set_time("2035-01-01T00:00:00Z");
    let second = test.second().await;
    for hub in [&test.hub, &second] {
        let again = request(hub, &test.actor("packwell"), wanted("order-1", 25)).await.unwrap();
        assert_eq!(
            (again.id, again.quantity, again.created_at),
            (first.id, first.quantity, first.created_at)
        );
        assert_eq!(numbers(&test, &again).await, serials);
    }
    assert_eq!(
        refusal(request(&test.hub, &test.actor("packwell"), wanted("order-2", 25)).await).0,
        Code::NoAgreement
    );
}

#[tokio::test]
async fn a_key_with_another_body_is_refused_and_a_key_of_another_party_is_another_key() {
    let test = TestHub::start().await;
    let first = granted(&test, "order-1", 25).await;
    let others = [
        wanted("order-1", 26),
        SerialRequest {
            lot: Some("L1".to_owned()),
            ..wanted("order-1", 25)
        },
        SerialRequest {
            numbered: LUMIVAR.parse().unwrap(),
            ..wanted("order-1", 25)
        },
        SerialRequest {
            site: Some("9521002000115".parse().unwrap()),
            ..wanted("order-1", 25)
        },
        SerialRequest {
            agreement: first.agreement.clone(),
            ..wanted("order-1", 25)
        },
    ];
    for other in others {
        let (code, text) = refusal(request(&test.hub, &test.actor("packwell"), other).await);
        assert_eq!((code, code.status()), (Code::KeyReused, 422));
        assert!(text.contains(&first.id.to_string()), "{text}");
    }
    let owners = request(&test.hub, &test.actor("aurora"), wanted("order-1", 25))
        .await
        .unwrap();
    assert_ne!(owners.id, first.id);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let test = TestHub::start().await;
    let check = async |wanted: SerialRequest, expect: &str| {
        let (code, text) = refusal(request(&test.hub, &test.actor("packwell"), wanted).await);
        assert_eq!(code, Code::BadInput);
        assert!(text.contains(expect), "{text}");
    };
    check(wanted("k", 0), "1 to 1000000").await;
    check(wanted("k", 1_000_001), "1 to 1000000").await;
    check(wanted("k", u64::MAX), "1 to 1000000").await;
    check(wanted("", 1), "idempotency key").await;
    check(wanted("a\nb", 1), "idempotency key").await;
    check(wanted(&"k".repeat(201), 1), "idempotency key").await;
    check(
        SerialRequest {
            lot: Some(String::new()),
            ..wanted("k", 1)
        },
        "lot",
    )
    .await;
    check(
        SerialRequest {
            lot: Some("L".repeat(21)),
            ..wanted("k", 1)
        },
        "lot",
    )
    .await;
    check(
        SerialRequest {
            lot: Some("LÖT".to_owned()),
            ..wanted("k", 1)
        },
        "lot",
    )
    .await;
}

#[tokio::test]
async fn whoever_has_no_agreement_gets_one_answer_whether_the_product_exists_or_not() {
    let test = TestHub::start().await;
    let unknown = "09521001009997";
    let text = async |party: &str, wanted: SerialRequest| {
        let gtin = wanted.numbered.to_string();
        let (code, text) = refusal(request(&test.hub, &test.actor(party), wanted).await);
        assert_eq!(code, Code::NoAgreement);
        text.replace(&gtin, "GTIN")
    };
    let of = |gtin: &str| SerialRequest {
        numbered: gtin.parse().unwrap(),
        ..wanted("k", 1)
    };
    let expect = text("halden", of(unknown)).await;
    // A stranger; a manufacturer with products of its own; a 3PL whose agreement has other powers; a packager of other products.
    for party in ["halden", "zenith", "northway", "sigmapack"] {
        assert_eq!(text(party, of(AUROXIN)).await, expect, "{party}");
    }
    let packwell = |change: SerialRequest| text("packwell", change);
    assert_eq!(packwell(of(LUMIVAR)).await, expect);
    // A site that the agreement leaves out, a site of somebody else, a site that is not there, an agreement of somebody else.
    for site in ["9521002000122", "9521001000116", "9521002000139"] {
        assert_eq!(
            packwell(SerialRequest {
                site: Some(site.parse().unwrap()),
                ..of(AUROXIN)
            })
            .await,
            expect,
            "{site}"
        );
    }
    for agreement in ["aurora-sigmapack-2024", "no-such-agreement"] {
        assert_eq!(
            packwell(SerialRequest {
                agreement: Some(agreement.parse().unwrap()),
                ..of(AUROXIN)
            })
            .await,
            expect,
            "{agreement}"
        );
    }
    let covered = SerialRequest {
        site: Some("9521002000115".parse().unwrap()),
        ..of(AUROXIN)
    };
    assert!(request(&test.hub, &test.actor("packwell"), covered).await.is_ok());
}

#[tokio::test]
async fn an_agreement_holds_from_its_first_moment_to_before_its_last() {
    let test = TestHub::start().await;
    let check = async |time: &str, expect: Result<(), Code>| {
        test.set_time(time);
        let answer = request(&test.hub, &test.actor("packwell"), wanted(time, 1)).await;
        assert_eq!(answer.map(|_| ()).map_err(|error| error.code()), expect, "{time}");
    };
    check("2023-12-31T23:59:59.999999Z", Err(Code::NoAgreement)).await;
    check("2024-01-01T00:00:00Z", Ok(())).await;
    check("2033-12-31T23:59:59.999999Z", Ok(())).await;
    check("2034-01-01T00:00:00Z", Err(Code::NoAgreement)).await;
}

#[tokio::test]
async fn quotas_and_density_are_limits() {
    let test = TestHub::start().await;
    amend(
        &test.hub,
        |party| {
            for product in party
                .products
                .iter_mut()
                .filter(|product| product.gtin.to_string() == AUROXIN)
            {
                // 10^6 / 10,000 = 100 numbers.
                (product.serials.alphabet, product.serials.length) = ("0123456789".to_owned(), 6);
            }
        },
        |agreement| (agreement.quota.per_request, agreement.quota.total) = (Some(40), Some(90)),
    );
    granted(&test, "1", 40).await;
    granted(&test, "2", 30).await;
    let refused =
        async |party: &str, key: &str, quantity| refusal(request(&test.hub, &test.actor(party), wanted(key, quantity)).await);
    let (code, text) = refused("packwell", "3", 41).await;
    assert_eq!(code, Code::QuotaExceeded);
    assert!(text.contains("allows 40 in one request"), "{text}");
    let (code, text) = refused("packwell", "3", 21).await;
    assert_eq!(code, Code::QuotaExceeded);
    assert!(text.contains("20 are left"), "{text}");
    assert_eq!(refused("aurora", "3", 31).await.0, Code::PoolExhausted);
    // A refusal took no numbers and no key.
    assert_eq!(granted(&test, "3", 20).await.quantity, 20);
    assert_eq!(
        request(&test.hub, &test.actor("aurora"), wanted("3", 10))
            .await
            .unwrap()
            .quantity,
        10
    );
    assert_eq!(refused("aurora", "4", 1).await.0, Code::PoolExhausted);
}

#[tokio::test]
async fn a_party_finds_its_allocations_and_those_in_its_name() {
    let test = TestHub::start().await;
    let mut ids = Vec::new();
    for key in ["1", "2", "3", "4", "5"] {
        test.advance_seconds(1);
        ids.push(granted(&test, key, 1).await.id);
    }
    test.advance_seconds(1);
    ids.push(request(&test.hub, &test.actor("aurora"), wanted("own", 1)).await.unwrap().id);
    ids.reverse();
    let list = async |party: &str, gtin: &str| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = Page { first: 2, after };
            let page = allocations(&test.hub, &test.actor(party), Some(gtin.parse().unwrap()), page)
                .await
                .unwrap();
            after = page.rows.last().map(|(cursor, _)| *cursor);
            found.extend(page.rows.into_iter().map(|(_, row)| row.id));
            if !page.has_next {
                return found;
            }
        }
    };
    assert_eq!(list("aurora", AUROXIN).await, ids);
    assert_eq!(list("packwell", AUROXIN).await, ids[1..]);
    assert_eq!(list("aurora", LUMIVAR).await, []);
    for stranger in ["sigmapack", "zenith", "halden", "hub-operator"] {
        assert_eq!(list(stranger, AUROXIN).await, [], "{stranger}");
        assert_eq!(
            allocation(&test.hub, &test.actor(stranger), ids[1]).await.unwrap(),
            None,
            "{stranger}"
        );
    }
    assert!(allocation(&test.hub, &test.actor("aurora"), ids[1]).await.unwrap().is_some());
}

#[tokio::test]
async fn requests_and_refusals_are_audited_without_numbers() {
    let test = TestHub::start().await;
    let granted = granted(&test, "order-1", 5).await;
    let serials = numbers(&test, &granted).await;
    let _ = request(&test.hub, &test.actor("halden"), wanted("order-1", 5))
        .await
        .unwrap_err();
    let sql = "SELECT party_id, principal_id, action, outcome, object, detail FROM audit WHERE action LIKE '%serials' ORDER BY id, action DESC";
    let rows = test.hub.db().query("reading the audit", sql, Vec::new()).await.unwrap();
    let text = |i: usize, name: &str| rows[i].try_get::<Option<String>>("", name).unwrap().unwrap_or_default();
    let mut told: Vec<_> = (0..rows.len())
        .map(|i| {
            ["party_id", "principal_id", "action", "outcome"]
                .map(|name| text(i, name))
                .join(" ")
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "halden  request_serials refused",
            "packwell aurora download_serials done",
            "packwell aurora request_serials done"
        ]
    );
    let everything: String = (0..rows.len()).map(|i| text(i, "object") + &text(i, "detail")).collect();
    assert!(serials.iter().all(|serial| !everything.contains(serial)));
}
