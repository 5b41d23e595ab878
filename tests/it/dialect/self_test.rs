//! Dry runs and self-tests: the same answer in the same shape, and nothing moves.

use super::*;

#[tokio::test]
async fn a_dry_run_answers_in_the_same_shape_with_numbers_that_are_never_issued() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    test.post(&line, "/dialects/csv", "text/csv", csv(&Asked::new(1, "k")))
        .await
        .expect(StatusCode::OK);
    let before = moved(&test).await;
    for (path, media_type, message) in ALL {
        let dry = format!("/dry-run{path}");
        let answer = test
            .post(&line, &dry, media_type, message(&Asked::new(2, "r")))
            .await
            .expect(StatusCode::OK);
        assert_eq!(
            (answer.header("counterfoil-dry-run"), answer.header("counterfoil-allocation")),
            ("true", ""),
            "{path}"
        );
        let refused = test.post(&line, &dry, media_type, message(&Asked::new(500_001, "r"))).await;
        assert!(refused.text().contains("QUOTA_EXCEEDED"), "{path}: {}", refused.text());
        let stranger = test
            .post(&test.actor("halden"), &dry, media_type, message(&Asked::new(2, "r")))
            .await;
        assert!(stranger.text().contains("NO_AGREEMENT"), "{path}: {}", stranger.text());
    }
    assert_eq!(moved(&test).await, before);
}

#[tokio::test]
async fn numbers_of_a_dry_run_do_not_come_in_a_real_one() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let numbers = async |path: &str| {
        let answer = test
            .post(&line, path, XML, snx(&Asked::new(2_000, "WO")))
            .await
            .expect(StatusCode::OK);
        between(answer.text(), "<SerialNo>", "</SerialNo>")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let dry = numbers("/dry-run/soap/snx/snrequest").await;
    let real = numbers("/soap/snx/snrequest").await;
    assert_eq!((dry.len(), real.len()), (2_000, 2_000));
    assert!(real.iter().all(|number| !dry.contains(number)));
    // They look alike, and they are nobody's.
    assert!(dry.iter().all(|number| number.len() == real[0].len()));
}

#[tokio::test]
async fn a_dry_conversation_of_three_messages_holds_together() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let send = async |message: String| test.post(&line, "/dry-run/dialects/frequentz", XML, message).await;
    let created = send(frequentz_create(&Asked::new(3, "r"))).await.expect(StatusCode::OK);
    let id = between(created.text(), "<tag:requestId>", "</tag:requestId>")[0].to_owned();
    let named = format!("<t:requestId>{id}</t:requestId>");
    let got = send(frequentz("getTagsRequest", &named)).await.expect(StatusCode::OK);
    assert_eq!(between(got.text(), "<tag:tag>", "</tag:tag>").len(), 3);
    send(frequentz("confirmTagsRequest", &named)).await.expect(StatusCode::OK);
    // Outside of dry runs there is no such thing.
    let real = test
        .post(&line, "/dialects/frequentz", XML, frequentz("getTagsRequest", &named))
        .await;
    assert!(real.text().contains("NOT_FOUND"));
    assert!(moved(&test).await.iter().all(|row| !row.starts_with("packwell")));
}

#[tokio::test]
async fn every_dialect_is_listed_with_its_links() {
    let test = TestHub::start().await;
    let list = test
        .get(&test.actor("packwell"), "/dialects")
        .await
        .expect(StatusCode::OK)
        .json();
    let posts: Vec<_> = list["dialects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["post"].as_str().unwrap())
        .collect();
    assert_eq!(posts, ALL.map(|(path, _, _)| path));
}

async fn self_test(test: &TestHub, party: &str, (dialect, media_type): (&str, &str), message: String) -> Value {
    let path = format!("/dialects/{dialect}/self-test");
    test.post(&test.actor(party), &path, media_type, message)
        .await
        .expect(StatusCode::OK)
        .json()
}

fn steps(report: &Value) -> Vec<(&str, bool)> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps
        .map(|step| (step["step"].as_str().unwrap(), step["ok"].as_bool().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_self_test_says_step_by_step_what_is_right() {
    let test = TestHub::start().await;
    let passed = [
        ("received", true),
        ("understood", true),
        ("agreement", true),
        ("limits", true),
        ("answer", true),
    ];
    for (path, media_type, message) in ALL {
        let dialect = path.rsplit('/').next().unwrap().replace("snrequest", "snx");
        for message in [String::new(), message(&Asked::new(400_000, "r"))] {
            let empty = message.is_empty();
            let report = self_test(&test, "packwell", (&dialect, media_type), message).await;
            assert_eq!(steps(&report), passed, "{report:#}");
            assert_eq!(
                (report["ok"].as_bool(), report["you"]["party"].as_str()),
                (Some(true), Some("packwell"))
            );
            assert_eq!(report["agreement"]["id"], "aurora-packwell-2024");
            assert_eq!(report["agreement"]["perRequest"], 500_000);
            assert!(report["answer"].as_str().unwrap().len() > 20);
            assert_eq!(report["sample"].is_string(), empty);
        }
    }
    assert!(moved(&test).await.iter().all(|row| !row.starts_with("packwell")));
}

#[tokio::test]
async fn a_self_test_says_what_is_wrong_and_what_to_do() {
    let test = TestHub::start().await;
    let check = async |party: &str, message: String, step: &str, code: &str| {
        let report = self_test(&test, party, ("snx", XML), message).await;
        let last = report["steps"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (last["step"].as_str(), last["code"].as_str()),
            (Some(step), Some(code)),
            "{report:#}"
        );
        assert!(last["fix"].is_string() && report["ok"] == false);
    };
    check("packwell", "<a/>".to_owned(), "understood", "INVALID_DOCUMENT").await;
    check("packwell", snx(&Asked::new(-1, "r")), "understood", "BAD_INPUT").await;
    check("packwell", snx(&Asked::new(500_001, "r")), "limits", "QUOTA_EXCEEDED").await;
    check("halden", snx(&Asked::new(1, "r")), "agreement", "NO_AGREEMENT").await;
    check("halden", String::new(), "received", "NO_AGREEMENT").await;
    let unknown = test.post(&test.actor("packwell"), "/dialects/edi/self-test", XML, "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn graphql_can_be_asked_dry_too() {
    let test = TestHub::start().await;
    let query = "query($input: RequestSerialsInput!) { dryRunSerials(input: $input) { agreementId code examples needsApproval quantity reason } }";
    let ask = async |party: &str, quantity: u64| {
        let input = serde_json::json!({ "input": { "gtin": AUROXIN, "quantity": quantity, "idempotencyKey": "k" } });
        test.graphql_data(&test.actor(party), query, input).await["dryRunSerials"].clone()
    };
    let answer = ask("packwell", 25).await;
    assert_eq!((answer["quantity"].as_u64(), answer["code"].as_str()), (Some(25), None));
    assert_eq!(answer["examples"].as_array().unwrap().len(), 10);
    assert_eq!(ask("packwell", 500_001).await["code"], "QUOTA_EXCEEDED");
    assert_eq!(ask("halden", 1).await["code"], "NO_AGREEMENT");
    assert!(moved(&test).await.iter().all(|row| !row.starts_with("packwell")));
}

#[tokio::test]
async fn the_canonical_request_can_be_asked_dry_too() {
    let test = TestHub::start().await;
    let ask = async |party: &str, quantity: u64| {
        let request = Request::post("/dry-run/serials/v1/allocations")
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "\"k\"");
        let body = serde_json::json!({ "gtin": AUROXIN, "quantity": quantity }).to_string();
        test.call(&test.actor(party), request.body(Body::from(body)).unwrap()).await
    };
    let answer = ask("packwell", 25).await.expect(StatusCode::OK).json();
    assert_eq!(
        (answer["quantity"].as_u64(), answer["agreement"].as_str()),
        (Some(25), Some("aurora-packwell-2024"))
    );
    assert_eq!(answer["examples"].as_array().unwrap().len(), 10);
    ask("packwell", 500_001).await.expect(StatusCode::CONFLICT);
    ask("halden", 1).await.expect(StatusCode::FORBIDDEN);
    assert!(moved(&test).await.iter().all(|row| !row.starts_with("packwell")));
}
