//! Keys and known answers: with the wrong ones nothing is issued.

use std::sync::Arc;

use counterfoil::config::settings::Limits;
use counterfoil::domain::serial::key::MasterKey;
use counterfoil::domain::time::Micros;
use counterfoil::service::hub::{Clock, HubParts, Random};
use counterfoil::service::page::Page;
use counterfoil::service::serial::verify_pools;
use counterfoil::storage::object::ObjectStore;

use super::*;

/// A hub on the same database with another master key.
async fn with_other_key(test: &TestHub) -> Hub {
    struct Still(Micros);
    impl Clock for Still {
        fn now(&self) -> Micros {
            self.0
        }
    }
    struct Nines;
    impl Random for Nines {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(9);
        }
    }
    let registry = counterfoil::storage::party::load_registry(test.hub.db()).await.unwrap();
    Hub::new(HubParts {
        db: test.hub.db().clone(),
        objects: ObjectStore::open(test.folder().join("other")).unwrap(),
        master_key: MasterKey::new([8; 32]),
        clock: Arc::new(Still(test.hub.now())),
        random: Arc::new(Nines),
        outbound: test.hub.outbound().clone(),
        limits: Limits::default(),
        registry,
    })
}

#[tokio::test]
async fn with_the_wrong_master_key_nothing_is_issued_and_start_up_says_why() {
    let test = TestHub::start().await;
    assert_eq!(verify_pools(&test.hub).await.unwrap(), 0);
    granted(&test, "1", 5).await;
    assert_eq!(verify_pools(&test.second().await).await.unwrap(), 1);
    let other = with_other_key(&test).await;
    let (code, text) = refusal(verify_pools(&other).await);
    assert_eq!(code, Code::Internal);
    assert!(
        text.contains("the master key does not open the serial key of `aurora`"),
        "{text}"
    );
    assert_eq!(
        refusal(request(&other, &test.actor("packwell"), wanted("2", 5)).await).0,
        Code::Internal
    );
    // Another product of the same owner has no pool yet: its key must not be made anew.
    let lumivar = SerialRequest {
        numbered: LUMIVAR.parse().unwrap(),
        ..wanted("3", 5)
    };
    assert_eq!(
        refusal(request(&other, &test.actor("sigmapack"), lumivar).await).0,
        Code::Internal
    );
    assert!(
        allocations(&other, &test.actor("aurora"), None, Page { first: 9, after: None })
            .await
            .unwrap()
            .rows
            .len()
            == 1
    );
}

#[tokio::test]
async fn a_pool_that_would_give_other_numbers_is_not_used() {
    let test = TestHub::start().await;
    granted(&test, "1", 5).await;
    test.hub
        .db()
        .write(|tx| {
            Box::pin(async move {
                // Two characters of the alphabet change places, as a wrong restore or a changed renderer would have it.
                let sql = "UPDATE pool SET alphabet = '32' || SUBSTR(alphabet, 3)";
                tx.execute("spoiling a pool", sql, Vec::new())
                    .await
                    .map_err(ServiceError::from)
            })
        })
        .await
        .unwrap();
    let fresh = test.second().await;
    let (_, text) = refusal(verify_pools(&fresh).await);
    assert!(text.contains("does not give the serial numbers it gave"), "{text}");
}
