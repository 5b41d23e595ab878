//! Whose subscriptions are, where they may deliver to, and what is no subscription.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let world = World::start().await;
    let dest = format!("{}/hook", world.receiver.origin);
    let check = async |body: Value, status: StatusCode, kind: &str| {
        let answer = world.ask("packwell", &body).await.expect(status).json();
        let told = answer["type"].as_str().expect("a type").to_owned();
        assert!(told.ends_with(kind), "{body}: {answer}");
    };
    let bad = StatusCode::BAD_REQUEST;
    check(json!({ "dest": dest }), bad, ":SubscriptionControlsException").await;
    check(
        json!({ "dest": dest, "stream": false }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    check(
        json!({ "dest": dest, "stream": true, "schedule": { "hour": "1" } }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    for schedule in [
        json!({}),
        json!({ "second": "61" }),
        json!({ "hour": "24" }),
        json!({ "month": "2", "dayOfMonth": "30" }),
    ] {
        check(
            json!({ "dest": dest, "schedule": schedule }),
            bad,
            ":SubscriptionControlsException",
        )
        .await;
    }
    check(
        json!({ "dest": dest, "stream": true, "initialRecordTime": "yesterday" }),
        bad,
        ":SubscriptionControlsException",
    )
    .await;
    check(json!({ "dest": dest, "schedule": { "seconds": "1" } }), bad, "BAD_INPUT").await;
    check(json!({ "dest": dest, "stream": true, "secret": "x" }), bad, "BAD_INPUT").await;
    check(
        json!({ "dest": dest, "stream": true, "signatureToken": "" }),
        bad,
        "BAD_INPUT",
    )
    .await;
    for dest in [
        "htto://127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://events.example/",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data",
        "https://user@127.0.0.1/",
        "",
    ] {
        check(json!({ "dest": dest, "stream": true }), bad, ":InvalidURIException").await;
    }
    // A host that begins like the one that is allowed is another.
    check(
        json!({ "dest": format!("{}.example/", world.receiver.origin), "stream": true }),
        bad,
        ":InvalidURIException",
    )
    .await;
    let (packwell, zenith) = (world.test.actor("packwell"), world.test.actor("zenith"));
    let body = json!({ "dest": dest, "stream": true }).to_string();
    let none = world
        .test
        .post(
            &packwell,
            "/epcis/queries/none/subscriptions",
            "application/json",
            body.clone(),
        )
        .await;
    assert_eq!(
        none.expect(StatusCode::NOT_FOUND).json()["type"],
        "epcisException:NoSuchNameException"
    );
    let other = world.test.post(&zenith, LIST, "application/json", body.clone()).await;
    assert_eq!(
        other.expect(StatusCode::NOT_FOUND).json()["type"],
        "epcisException:NoSuchNameException"
    );
    let text = world.test.post(&packwell, LIST, "text/plain", body).await;
    text.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let few = World::start_with(Limits {
        subscriptions_per_party: 1,
        ..Limits::default()
    })
    .await;
    few.stream().await;
    let dest = format!("{}/x", few.receiver.origin);
    few.ask("packwell", &json!({ "dest": dest, "stream": true }))
        .await
        .expect(StatusCode::CONFLICT);
    world
        .keep("packwell", "first", json!({ "orderBy": "eventTime", "eventCountLimit": 3 }))
        .await;
    let body = json!({ "dest": dest, "stream": true }).to_string();
    let first = world
        .test
        .post(&packwell, "/epcis/queries/first/subscriptions", "application/json", body)
        .await;
    assert_eq!(
        first.expect(bad).json()["type"],
        "epcisException:SubscribeNotPermittedException"
    );
}

#[tokio::test]
async fn subscriptions_are_their_partys_own() {
    let world = World::start().await;
    let mut paths = vec![world.stream().await, world.stream().await];
    paths.sort();
    let packwell = world.test.actor("packwell");
    let aurora = world.test.actor("aurora");
    let listed = world.test.get(&packwell, LIST).await.expect(StatusCode::OK).json();
    let ids: Vec<String> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{LIST}/{}", one["subscriptionID"].as_str().expect("an id")))
        .collect();
    assert_eq!(ids, paths);
    let page = world
        .test
        .get(&packwell, &format!("{LIST}?perPage=1"))
        .await
        .expect(StatusCode::OK);
    let rest = world
        .test
        .get(&packwell, &page.next_page().expect("more"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (rest.json()[0]["subscriptionID"].clone(), rest.next_page()),
        (listed[1]["subscriptionID"].clone(), None)
    );
    // Aurora has a query of that name, and no subscription.
    assert_eq!(world.test.get(&aurora, LIST).await.expect(StatusCode::OK).json(), json!([]));
    let foreign = world.test.get(&aurora, &paths[0]).await.expect(StatusCode::NOT_FOUND);
    let absent = world
        .test
        .get(&aurora, &format!("{LIST}/none"))
        .await
        .expect(StatusCode::NOT_FOUND);
    assert_eq!(foreign.text(), absent.text());
    delete(&world.test, "aurora", &paths[0]).await.expect(StatusCode::NOT_FOUND);
    // Of another query it is none either.
    world.keep("packwell", "other", json!({})).await;
    let wrong = paths[0].replace("/labels/", "/other/");
    world.test.get(&packwell, &wrong).await.expect(StatusCode::NOT_FOUND);
    delete(&world.test, "packwell", &wrong).await.expect(StatusCode::NOT_FOUND);
    // A query with subscriptions stays until they are gone.
    let query = "/epcis/queries/labels";
    delete(&world.test, "packwell", query).await.expect(StatusCode::CONFLICT);
    delete(&world.test, "aurora", query).await.expect(StatusCode::NO_CONTENT);
    for path in &paths {
        delete(&world.test, "packwell", path).await.expect(StatusCode::NO_CONTENT);
        delete(&world.test, "packwell", path).await.expect(StatusCode::NOT_FOUND);
    }
    delete(&world.test, "packwell", query).await.expect(StatusCode::NO_CONTENT);
    world.test.get(&packwell, LIST).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_is_suspended_is_sent_nothing() {
    let world = World::start().await;
    world.stream().await;
    label(&world.test, 1, 1).await;
    world.receiver.set(Mood::Hangs);
    let hub = world.test.hub.clone();
    let running = tokio::spawn(async move { work(&hub).await });
    world.receiver.reached().await;
    world.allow("suspended = true").await;
    // Cut while it was under way, long before its own time is over.
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .expect("cut")
        .expect("ended");
    assert_eq!(world.receiver.got().len(), 1);
    world.receiver.set(Mood::Takes);
    world.test.advance_seconds(600);
    world.work().await;
    assert!(world.receiver.got().is_empty());
    world.allow("").await;
    world.test.advance_seconds(60);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1]);
}

#[tokio::test]
async fn an_origin_that_is_taken_back_is_called_no_more() {
    let world = World::start().await;
    let path = world.stream().await;
    label(&world.test, 1, 1).await;
    world.test.apply_partners(&story_partners()).await;
    world.work().await;
    assert!(world.receiver.got().is_empty());
    let shown = world.shown(&path).await;
    assert!(
        shown["disabledReason"]
            .as_str()
            .expect("a reason")
            .contains("not named for you"),
        "{shown}"
    );
    let resume = format!("{path}/resume");
    let packwell = world.test.actor("packwell");
    world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::BAD_REQUEST);
    world.allow("").await;
    world
        .test
        .post(&packwell, &resume, "application/json", "")
        .await
        .expect(StatusCode::OK);
    world.work().await;
    assert_eq!(world.receiver.taken(), [1]);
}
