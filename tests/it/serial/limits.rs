//! What an agreement allows, and what a refusal says is left.

use counterfoil::domain::agreement::Quota;
use counterfoil::domain::serial::numbered::Numbered;
use counterfoil::storage::serial::account::{self, AccountKey, Settlement};

use super::*;

fn quota(hub: &Hub, change: impl Fn(&mut Quota)) {
    amend(hub, |_| (), |agreement| change(&mut agreement.quota));
}

async fn refused(test: &TestHub, wanted: SerialRequest) -> (Code, String) {
    refusal(request(&test.hub, &test.actor("packwell"), wanted).await)
}

/// Says of so many numbers of packwell's that they were used.
async fn settle(test: &TestHub, count: i64) {
    let key = AccountKey {
        party: "packwell".parse().unwrap(),
        numbered: AUROXIN.parse::<Numbered>().unwrap(),
        agreement: Some("aurora-packwell-2024".parse().unwrap()),
    };
    let (change, now) = (
        Settlement {
            settled: count,
            used: count,
        },
        test.hub.now(),
    );
    let written = test
        .hub
        .db()
        .write(move |tx| Box::pin(async move { account::settle(tx, &key, change, now).await }));
    written.await.unwrap();
}

#[tokio::test]
async fn a_day_has_a_limit_and_ends_at_midnight_utc() {
    let test = TestHub::start().await;
    quota(&test.hub, |quota| quota.per_day = Some(100));
    test.set_time("2026-03-02T23:59:59Z");
    granted(&test, "1", 60).await;
    let (code, text) = refused(&test, wanted("2", 41)).await;
    assert_eq!((code, code.as_str()), (Code::DailyLimit, "DAILY_LIMIT"));
    assert!(
        text.contains("of the 100 a day") && text.contains("40 are left until midnight UTC"),
        "{text}"
    );
    granted(&test, "2", 40).await;
    assert_eq!(refused(&test, wanted("3", 1)).await.0, Code::DailyLimit);
    test.set_time("2026-03-03T00:00:00Z");
    granted(&test, "3", 100).await;
}

#[tokio::test]
async fn what_is_outstanding_has_a_limit_until_it_is_used() {
    let test = TestHub::start().await;
    quota(&test.hub, |quota| quota.outstanding = Some(100));
    granted(&test, "1", 90).await;
    let (code, text) = refused(&test, wanted("2", 11)).await;
    assert_eq!((code, code.as_str()), (Code::OutstandingLimit, "OUTSTANDING_LIMIT"));
    assert!(
        text.contains("allows 100") && text.contains("10 more can be issued"),
        "{text}"
    );
    settle(&test, 50).await;
    granted(&test, "2", 60).await;
    // An event was taken back.
    settle(&test, -1).await;
    let (_, text) = refused(&test, wanted("3", 1)).await;
    assert!(text.contains("0 more can be issued"), "{text}");
}

#[tokio::test]
async fn some_numbers_are_given_instead_of_none_only_if_that_is_asked_for() {
    let test = TestHub::start().await;
    quota(&test.hub, |quota| quota.total = Some(100));
    let part = |key: &str, quantity| SerialRequest {
        partial_ok: true,
        ..wanted(key, quantity)
    };
    let whole = request(&test.hub, &test.actor("packwell"), part("1", 70)).await.unwrap();
    assert_eq!((whole.quantity, whole.asked), (70, None));
    assert_eq!(refused(&test, wanted("2", 31)).await.0, Code::QuotaExceeded);
    let some = request(&test.hub, &test.actor("packwell"), part("2", 31)).await.unwrap();
    assert_eq!((some.quantity, some.asked), (30, Some(31)));
    assert_eq!(numbers(&test, &some).await.len(), 30);
    assert_eq!(refused(&test, part("3", 1)).await.0, Code::QuotaExceeded);
    // The same key and body is the same part; without the flag it is another request.
    let again = request(&test.hub, &test.actor("packwell"), part("2", 31)).await.unwrap();
    assert_eq!((again.id, again.quantity, again.asked), (some.id, 30, Some(31)));
    assert_eq!(refused(&test, wanted("2", 31)).await.0, Code::KeyReused);
}

#[tokio::test]
async fn numbers_are_leased_for_the_days_of_the_agreement() {
    let test = TestHub::start().await;
    assert_eq!(granted(&test, "1", 1).await.expires_at, None);
    quota(&test.hub, |quota| quota.lease_days = Some(30));
    let leased = granted(&test, "2", 1).await;
    assert_eq!(leased.expires_at, Some(crate::hub::micros("2026-04-01T08:00:00Z")));
    // An own product has no agreement and no lease.
    let own = request(&test.hub, &test.actor("aurora"), wanted("3", 1)).await.unwrap();
    assert_eq!(own.expires_at, None);
}

#[tokio::test]
async fn the_account_says_what_was_issued_and_is_of_one_agreement_and_product() {
    let test = TestHub::start().await;
    granted(&test, "1", 7).await;
    granted(&test, "2", 8).await;
    granted(&test, "2", 8).await;
    settle(&test, 4).await;
    let account = async |party: &str, agreement: Option<&str>| {
        let key = AccountKey {
            party: party.parse().unwrap(),
            numbered: AUROXIN.parse().unwrap(),
            agreement: agreement.map(|id| id.parse().unwrap()),
        };
        let found = account::of(test.hub.db(), &key, test.hub.now().day()).await.unwrap();
        (found.issued, found.settled, found.issued_today, found.outstanding())
    };
    assert_eq!(account("packwell", Some("aurora-packwell-2024")).await, (15, 4, 15, 11));
    assert_eq!(account("packwell", None).await, (0, 0, 0, 0));
    assert_eq!(account("aurora", None).await, (0, 0, 0, 0));
    test.advance_seconds(86_400);
    assert_eq!(account("packwell", Some("aurora-packwell-2024")).await, (15, 4, 0, 11));
}
