//! Partner configuration: what is refused, what a plan says, what applying does.

use counterfoil::config::partner::load;
use counterfoil::service::partner::{Missing, apply, plan};

use crate::hub::{TestHub, story_partners};

#[tokio::test]
async fn applying_twice_changes_nothing() {
    let test = TestHub::start().await;
    let files = load(&story_partners()).unwrap();
    let again = plan(test.hub.db(), &files, Missing::Keep).await.unwrap();
    assert_eq!(again.to_string(), "no changes against version 1\n");
    assert_eq!(apply(test.hub.db(), again, test.stamp()).await.unwrap(), 1);
}
