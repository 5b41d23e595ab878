//! Named queries: kept for their party alone, refused when they are wrong, read under the lens of the moment.

use super::*;

async fn keep(test: &TestHub, party: &str, name: &str, query: Value) -> Answer {
    let body = json!({ "name": name, "query": query }).to_string();
    test.post(&test.actor(party), "/epcis/queries", "application/json", body)
        .await
}

async fn delete(test: &TestHub, party: &str, path: &str) -> Answer {
    let request = Request::delete(path).body(Body::empty()).expect("a request");
    test.call(&test.actor(party), request).await
}

#[tokio::test]
async fn a_query_is_kept_listed_asked_and_deleted() {
    let test = TestHub::start().await;
    label(&test, 1, 5).await;
    let (packwell, aurora) = (test.actor("packwell"), test.actor("aurora"));
    let query =
        json!({ "eventType": ["ObjectEvent"], "EQ_bizStep": ["commissioning"], "orderBy": "eventTime", "orderDirection": "ASC" });
    let kept = keep(&test, "packwell", "my labels", query.clone())
        .await
        .expect(StatusCode::CREATED);
    let path = kept.header("location").to_owned();
    assert_eq!(path, "/epcis/queries/my%20labels");
    let shown = test.get(&packwell, &path).await.expect(StatusCode::OK).json();
    assert_eq!((&shown["name"], &shown["query"]), (&json!("my labels"), &query));
    let first = test
        .get(&packwell, &format!("{path}/events?perPage=3"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(first.json()["epcisBody"]["queryResults"]["queryName"], "my labels");
    assert_eq!(numbers(&first), [1, 2, 3]);
    let rest = test
        .get(&packwell, &first.next_page().expect("more"))
        .await
        .expect(StatusCode::OK);
    assert_eq!((numbers(&rest), rest.next_page()), (vec![4, 5], None));
    test.get(&packwell, &format!("{path}/events?EQ_action=ADD"))
        .await
        .expect(StatusCode::BAD_REQUEST);
    let taken = keep(&test, "packwell", "my labels", json!({}))
        .await
        .expect(StatusCode::CONFLICT);
    assert_eq!(taken.json()["type"], "epcisException:ResourceAlreadyExistsException");
    // Of another party it is no query, and its own of the same name is its own.
    test.get(&aurora, &path).await.expect(StatusCode::NOT_FOUND);
    test.get(&aurora, &format!("{path}/events"))
        .await
        .expect(StatusCode::NOT_FOUND);
    delete(&test, "aurora", &path).await.expect(StatusCode::NOT_FOUND);
    keep(&test, "aurora", "my labels", query).await.expect(StatusCode::CREATED);
    assert_eq!(
        numbers(&test.get(&aurora, &format!("{path}/events")).await.expect(StatusCode::OK)),
        Vec::<u32>::new()
    );
    delete(&test, "packwell", &path).await.expect(StatusCode::NO_CONTENT);
    delete(&test, "packwell", &path).await.expect(StatusCode::NOT_FOUND);
    test.get(&packwell, &path).await.expect(StatusCode::NOT_FOUND);
    test.get(&aurora, &path).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn queries_are_listed_by_name_in_pages() {
    let test = TestHub::start().await;
    for name in ["c", "a", "b"] {
        keep(&test, "packwell", name, json!({ "EQ_action": ["ADD"] }))
            .await
            .expect(StatusCode::CREATED);
    }
    keep(&test, "aurora", "z", json!({})).await.expect(StatusCode::CREATED);
    let names = |page: &Answer| -> Vec<Value> {
        page.json()
            .as_array()
            .expect("a list")
            .iter()
            .map(|query| query["name"].clone())
            .collect()
    };
    let first = test
        .get(&test.actor("packwell"), "/epcis/queries?perPage=2")
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&first), ["a", "b"]);
    let second = test
        .get(&test.actor("packwell"), &first.next_page().expect("a page"))
        .await
        .expect(StatusCode::OK);
    assert_eq!((names(&second), second.next_page()), (vec![json!("c")], None));
}

#[tokio::test]
async fn what_is_no_query_is_not_kept() {
    let test = TestHub::start().await;
    for (query, parameter) in [
        (json!({ "EQ_bizStepp": ["shipping"] }), "EQ_bizStepp"),
        (json!({ "EQ_bizStep": "shipping" }), "EQ_bizStep"),
        (json!({ "eventCountLimit": 3 }), "eventCountLimit"),
        (json!({ "perPage": 3 }), "perPage"),
    ] {
        let refused = keep(&test, "packwell", "wrong", query).await.expect(StatusCode::BAD_REQUEST);
        assert_eq!(named_in(&refused), parameter);
    }
    for name in ["", " a", "a/b", "a|b", "a\u{7}"] {
        keep(&test, "packwell", name, json!({})).await.expect(StatusCode::BAD_REQUEST);
    }
    keep(&test, "packwell", "SimpleEventQuery", json!({}))
        .await
        .expect(StatusCode::CONFLICT);
    let packwell = test.actor("packwell");
    for (media, body, status) in [
        ("application/json", "{", StatusCode::BAD_REQUEST),
        ("application/json", r#"{"name": "a"}"#, StatusCode::BAD_REQUEST),
        (
            "application/json",
            r#"{"name": "a", "query": {}, "more": 1}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            r#"{"name": "a", "query": {"EQ_action": ["ADD"], "EQ_action": ["ADD"]}}"#,
            StatusCode::BAD_REQUEST,
        ),
        ("application/json", r#"{"name": "a", "query": []}"#, StatusCode::BAD_REQUEST),
        ("application/xml", "<a/>", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        test.post(&packwell, "/epcis/queries", media, body).await.expect(status);
    }
    assert_eq!(
        test.get(&packwell, "/epcis/queries").await.expect(StatusCode::OK).json(),
        json!([])
    );
}
