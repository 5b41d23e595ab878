//! After a restore no number moves in any process until the operator has confirmed how far they had gone.
//!
//! What a restore looks like on the disk is for the end-to-end tests; here the database goes back under a hub, or says that it is
//! another, and several processes watch each other.

use counterfoil::service::serial::floor::{Confirmation, Keeper, confirm, hold, standing};
use tokio::task::JoinSet;

use super::*;

/// A process as `serve` starts it.
async fn watched(test: &TestHub, hub: Hub) -> (Hub, Keeper) {
    let keeper = Keeper::open(&hub, test.folder(), true).await.unwrap();
    (hub, keeper)
}

async fn ask(hub: &Hub, test: &TestHub, key: &str) -> Result<Allocation, Code> {
    request(hub, &test.actor("packwell"), wanted(key, 10))
        .await
        .map_err(|error| error.code())
}

async fn run(test: &TestHub, sql: &'static str) {
    let done = test.hub.db().write(move |tx| {
        Box::pin(async move {
            tx.execute("what a restore does", sql, Vec::new()).await?;
            Ok::<_, ServiceError>(())
        })
    });
    done.await.unwrap();
}

async fn counted(test: &TestHub, sql: &str) -> i64 {
    let row = test.hub.db().query_one("counting", sql, Vec::new()).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

/// Counter values that are neither in an allocation nor burnt.
const UNEXPLAINED: &str = "SELECT CAST(SUM(p.next_index - (SELECT COALESCE(SUM(COALESCE(a.span, a.quantity)), 0) FROM allocation a WHERE a.pool_id = p.id)
    - (SELECT COALESCE(SUM(b.quantity), 0) FROM burnt b WHERE b.pool_id = p.id)) AS BIGINT) FROM pool p";

fn all(count: u64) -> Confirmation {
    Confirmation {
        advance_all: Some(count),
        ..Confirmation::default()
    }
}

/// Takes the last allocation back, as the restore of a copy from before it does.
const BACK: [&str; 2] = [
    "UPDATE pool SET next_index = next_index - 10",
    "DELETE FROM allocation WHERE request_key = 'lost'",
];

#[tokio::test]
async fn a_counter_that_goes_back_under_a_running_hub_holds_all_processes() {
    let test = TestHub::start().await;
    let (one, mut keeper) = watched(&test, test.hub.clone()).await;
    let (two, mut other) = watched(&test, test.second().await).await;
    let first = ask(&one, &test, "first").await.unwrap();
    let lost = numbers(&test, &ask(&one, &test, "lost").await.unwrap()).await;
    for sql in BACK {
        run(&test, sql).await;
    }
    assert_eq!(ask(&one, &test, "next").await, Err(Code::FloorUnconfirmed));
    assert_eq!(ask(&one, &test, "first").await, Ok(first), "what is known is answered");
    keeper.follow(&one).await.unwrap();
    // The other process has not looked yet: the row tells it in the transaction.
    assert_eq!(ask(&two, &test, "next").await, Err(Code::FloorUnconfirmed));
    other.follow(&two).await.unwrap();
    let seen = standing(&one, test.folder()).await.unwrap();
    let (_, why) = seen.row.unwrap().held.unwrap();
    assert!(why.contains("`09521001001014/1` was at 20 and is at 10"), "{why}");

    // Whoever confirms less than the process has itself seen is not believed: it holds again.
    let operator = test.actor("hub-operator");
    confirm(&one, &operator, test.folder(), all(9)).await.unwrap();
    keeper.follow(&one).await.unwrap();
    assert_eq!(ask(&one, &test, "next").await, Err(Code::FloorUnconfirmed));
    confirm(&one, &operator, test.folder(), all(1)).await.unwrap();
    keeper.follow(&one).await.unwrap();
    let next = numbers(&test, &ask(&one, &test, "next").await.unwrap()).await;
    assert!(next.iter().all(|serial| !lost.contains(serial)));
}

#[tokio::test]
async fn burnt_numbers_are_counted_and_never_issued() {
    let test = TestHub::start().await;
    let (one, mut keeper) = watched(&test, test.hub.clone()).await;
    let (two, mut other) = watched(&test, test.second().await).await;
    ask(&one, &test, "first").await.unwrap();
    let lost = numbers(&test, &ask(&one, &test, "lost").await.unwrap()).await;
    for sql in BACK {
        run(&test, sql).await;
    }
    let operator = test.actor("hub-operator");
    assert!(hold(&one, Some(&operator), "rolled back by hand").await.unwrap());
    assert!(!hold(&two, None, "and again").await.unwrap());
    for (hub, keeper) in [(&one, &mut keeper), (&two, &mut other)] {
        assert_eq!(ask(hub, &test, "next").await, Err(Code::FloorUnconfirmed));
        keeper.follow(hub).await.unwrap();
    }
    let confirmed = confirm(&one, &operator, test.folder(), all(15)).await.unwrap();
    assert_eq!((confirmed.burnt[0].first_index, confirmed.burnt[0].quantity), (10, 15));
    for (hub, keeper) in [(&one, &mut keeper), (&two, &mut other)] {
        keeper.follow(hub).await.unwrap();
        assert!(hub.floor().held().is_none());
    }
    let next = numbers(&test, &ask(&two, &test, "lost").await.unwrap()).await;
    assert!(next.iter().all(|serial| !lost.contains(serial)));
    assert_eq!(counted(&test, UNEXPLAINED).await, 0);
    assert_eq!(
        counted(&test, "SELECT COUNT(*) FROM burnt WHERE reason LIKE '%restored%'").await,
        1
    );
    let audit = "SELECT COUNT(*) FROM audit WHERE action IN ('hold_serials', 'confirm_serials') AND party_id = 'hub-operator'";
    assert_eq!(counted(&test, audit).await, 2);
    // A pool that the restored database does not know begins behind what may have been issued from it.
    let lumivar = SerialRequest::new(LUMIVAR.parse::<Gtin>().unwrap(), 1, "lumivar");
    request(&one, &test.actor("aurora"), lumivar).await.unwrap();
    assert_eq!(
        counted(&test, "SELECT next_index FROM pool WHERE gtin <> '09521001001014'").await,
        16
    );
    assert_eq!(counted(&test, UNEXPLAINED).await, 0);
}

#[tokio::test]
async fn a_server_that_is_another_is_noticed_in_the_transaction() {
    let test = TestHub::start().await;
    let (hub, mut keeper) = watched(&test, test.hub.clone()).await;
    ask(&hub, &test, "first").await.unwrap();
    let other = "UPDATE serial_floor SET identity = 'timeline=00000009;database=1;table=1'";
    run(&test, other).await;
    if hub.db().has_one_process() {
        // A file cannot change under its hub.
        assert!(ask(&hub, &test, "next").await.is_ok());
        return;
    }
    assert_eq!(ask(&hub, &test, "next").await, Err(Code::FloorUnconfirmed));
    keeper.follow(&hub).await.unwrap();
    assert_eq!(
        counted(&test, "SELECT COUNT(*) FROM serial_floor WHERE held_at IS NOT NULL").await,
        1
    );
    let operator = test.actor("hub-operator");
    let nothing = Confirmation {
        nothing_was_issued: true,
        ..Confirmation::default()
    };
    confirm(&hub, &operator, test.folder(), nothing).await.unwrap();
    keeper.follow(&hub).await.unwrap();
    assert!(ask(&hub, &test, "next").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_hold_returns_no_number_moves_any_more() {
    let test = TestHub::start().await;
    let (one, _keeper) = watched(&test, test.hub.clone()).await;
    let two = test.second().await;
    ask(&one, &test, "pool").await.unwrap();
    let mut calls = JoinSet::new();
    for caller in 0..32 {
        let (hub, actor) = ([&one, &two][caller % 2].clone(), test.actor("packwell"));
        calls.spawn(async move {
            for order in 0..50 {
                let asked = request(&hub, &actor, wanted(&format!("{caller}-{order}"), 1)).await;
                if let Err(error) = asked {
                    return Some(error.code());
                }
            }
            None
        });
    }
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    hold(&one, None, "now").await.unwrap();
    let at_hold = counted(&test, "SELECT next_index FROM pool").await;
    let ended = calls.join_all().await;
    assert_eq!(counted(&test, "SELECT next_index FROM pool").await, at_hold);
    assert!(
        ended.iter().flatten().all(|code| *code == Code::FloorUnconfirmed),
        "{ended:?}"
    );
    assert!(ended.iter().flatten().count() > 0, "the hold came too late to show anything");
    assert_eq!(counted(&test, UNEXPLAINED).await, 0);
}
