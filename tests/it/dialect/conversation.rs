//! A conversation in each dialect, and that all of them give the numbers that a download gives.

use super::*;

#[tokio::test]
async fn snx_answers_what_the_line_asked_in_the_soap_it_speaks() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let message = snx(&Asked::new(3, "WO-1"));
    let answer = test
        .post(&line, "/soap/snx/snrequest", XML, message.clone())
        .await
        .expect(StatusCode::OK);
    assert_eq!(answer.header("content-type"), XML);
    // There are clients that read one line.
    assert_eq!(answer.text().lines().count(), 1);
    let numbers = between(answer.text(), "<SerialNo>", "</SerialNo>");
    assert_eq!(numbers.len(), 3);
    assert_eq!(download(&test, &line, &answer, "element-string-raw").await, numbers);
    assert!(numbers.iter().all(|number| number.starts_with(&format!("01{AUROXIN}21"))));
    assert!(!answer.text().contains("s3cret"));
    let newer = message.replace(SOAP_11, SOAP_12);
    let again = test
        .post(&line, "/soap/snx/snrequest", "application/soap+xml", newer)
        .await
        .expect(StatusCode::OK);
    assert_eq!(again.header("content-type"), "application/soap+xml; charset=utf-8");
    assert!(again.text().contains(SOAP_12));
    assert_eq!(between(again.text(), "<SerialNo>", "</SerialNo>"), numbers);
}

#[tokio::test]
async fn the_description_of_snx_names_the_address_it_was_asked_at() {
    let test = TestHub::start().await;
    let request = Request::get("/soap/snx/snrequest?wsdl")
        .header(header::HOST, "hub.example:8443")
        .body(Body::empty())
        .unwrap();
    let answer = test.call(&test.actor("packwell"), request).await.expect(StatusCode::OK);
    assert!(
        answer
            .text()
            .contains("location=\"https://hub.example:8443/soap/snx/snrequest\"")
    );
    let other = test.get(&test.actor("packwell"), "/soap/snx/snrequest").await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_snx_file_sent_again_gets_the_same_file() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let send = async |asked: &Asked| {
        test.post(&line, "/dialects/snx-file", "application/xml", snx_file(asked))
            .await
    };
    let first = send(&Asked::new(3, "R-1")).await.expect(StatusCode::OK);
    let numbers = between(first.text(), "<cmn:SerialNumber>", "</cmn:SerialNumber>");
    assert_eq!(download(&test, &line, &first, "element-string-raw").await, numbers);
    assert_eq!(send(&Asked::new(3, "R-1")).await.text(), first.text());
    let other = send(&Asked::new(4, "R-1")).await.expect(StatusCode::OK);
    assert_eq!(
        between(other.text(), "<cmn:ErrorCode>", "</cmn:ErrorCode>"),
        ["IDEMPOTENCY_KEY_REUSED"]
    );
    assert!(!other.text().contains("SerialNumberList"));
}

#[tokio::test]
async fn rfxcel_lists_trace_ids_once_per_request_id() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let send = async |id: &str| test.post(&line, "/dialects/rfxcel", XML, rfxcel(&Asked::new(2, id))).await;
    let first = send("A1").await.expect(StatusCode::OK);
    let ids = between(first.text(), "<ns2:id>", "</ns2:id>");
    assert_eq!(download(&test, &line, &first, "epc-uri").await, ids);
    assert!(ids.iter().all(|id| id.starts_with("urn:epc:id:sgtin:9521001.000101.")));
    assert_eq!(send("A1").await.text(), first.text());
    let other = send("A2").await;
    assert!(
        between(other.text(), "<ns2:id>", "</ns2:id>")
            .iter()
            .all(|id| !ids.contains(id))
    );
}

#[tokio::test]
async fn opsm_gets_a_row_a_number() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let answer = test
        .post(&line, "/dialects/opsm", XML, opsm(&Asked::new(2, "")))
        .await
        .expect(StatusCode::OK);
    let numbers = between(answer.text(), "<ns0:SerialNumber>", "</ns0:SerialNumber>");
    let expect: Vec<_> = download(&test, &line, &answer, "epc-uri")
        .await
        .iter()
        .map(|uri| uri.replace("urn:epc:id:sgtin:", "0."))
        .collect();
    assert_eq!(numbers, expect);
    assert_eq!(
        between(answer.text(), "<ns0:GenerationStatus>", "</ns0:GenerationStatus>"),
        ["SUCCESS"]
    );
}

#[tokio::test]
async fn frequentz_creates_gets_as_often_as_it_likes_and_confirms() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let send = async |actor: &Actor, message: String| test.post(actor, "/dialects/frequentz", XML, message).await;
    let created = send(&line, frequentz_create(&Asked::new(3, "r")))
        .await
        .expect(StatusCode::OK);
    let id = between(created.text(), "<tag:requestId>", "</tag:requestId>")[0].to_owned();
    assert!(!created.text().contains("<tag:tag>"));
    let named = format!("<t:requestId>{id}</t:requestId>");
    let get = frequentz("getTagsRequest", &named);
    let first = send(&line, get.clone()).await.expect(StatusCode::OK);
    let tags = between(first.text(), "<tag:tag>", "</tag:tag>");
    assert!(
        tags.len() == 3
            && tags
                .iter()
                .all(|tag| tag.starts_with("urn:epc:tag:sgtin-198:1.9521001.000101."))
    );
    assert_eq!(send(&line, get.clone()).await.text(), first.text());
    // To somebody else it does not exist, and the answer tells no more than of what never was.
    let never = frequentz(
        "getTagsRequest",
        "<t:requestId>alc_00000000000000000000000000000000.sgtin-198.1</t:requestId>",
    );
    let stranger = test.actor("zenith");
    assert_eq!(send(&stranger, get).await.text(), send(&stranger, never).await.text());
    let confirm = frequentz("confirmTagsRequest", &named);
    send(&stranger, confirm.clone())
        .await
        .expect(StatusCode::INTERNAL_SERVER_ERROR);
    let confirmed = send(&line, confirm.clone()).await.expect(StatusCode::OK);
    assert_eq!(send(&line, confirm).await.text(), confirmed.text());
}

#[tokio::test]
async fn csv_gets_csv() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let send = async |asked: &Asked| test.post(&line, "/dialects/csv", "text/csv", csv(asked)).await;
    let first = send(&Asked::new(3, "k1")).await.expect(StatusCode::OK);
    assert_eq!(
        download(&test, &line, &first, "csv").await.join("\r\n") + "\r\n",
        first.text()
    );
    assert_eq!(first.text().lines().count(), 4);
    assert_eq!(send(&Asked::new(3, "k1")).await.text(), first.text());
}

#[tokio::test]
async fn logistic_units_are_a_range_where_the_dialect_has_one() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    for (path, media_type, message) in ALL {
        let asked = Asked {
            object: "9521002|3".to_owned(),
            ..Asked::new(2, path)
        };
        let answer = test
            .post(&line, path, media_type, message(&asked))
            .await
            .expect(StatusCode::OK);
        let ssccs = download(&test, &line, &answer, "csv").await.split_off(1);
        assert_eq!(ssccs.len(), 2, "{path}");
        match path {
            "/soap/snx/snrequest" | "/dialects/snx-file" => {
                let ends = [("From>", "From>"), ("To>", "To>")].map(|(open, _)| between(answer.text(), open, "<")[0].to_owned());
                assert_eq!(
                    ends.to_vec(),
                    ssccs.iter().map(|sscc| format!("00{sscc}")).collect::<Vec<_>>(),
                    "{path}"
                );
                assert!(!answer.text().contains("List"), "{path}");
            }
            "/dialects/frequentz" => assert!(answer.text().contains(".sscc-96.1")),
            "/dialects/rfxcel" => assert!(answer.text().contains("<ns2:id>urn:epc:id:sscc:9521002.3")),
            _ => assert!(ssccs.iter().all(|sscc| answer.text().contains(sscc)), "{path}"),
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_numbers_come_as_they_are_made() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    let answer = test
        .post(&line, "/soap/snx/snrequest", XML, snx(&Asked::new(100_000, "WO-1")))
        .await;
    let answer = answer.expect(StatusCode::OK);
    // Of a length that nobody knew when the first of them was sent.
    assert_eq!(answer.header("content-length"), "");
    let numbers: std::collections::HashSet<_> = between(answer.text(), "<SerialNo>", "</SerialNo>").into_iter().collect();
    assert_eq!(numbers.len(), 100_000);
}

#[tokio::test]
async fn a_tag_that_cannot_hold_the_numbers_is_refused_before_one_moves() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    // Auroxin has letters in its serial numbers.
    test.post(&line, "/dialects/csv", "text/csv", csv(&Asked::new(1, "k")))
        .await
        .expect(StatusCode::OK);
    let before = moved(&test).await;
    let message = frequentz_create(&Asked::new(3, "r")).replace("sgtin-198", "sgtin-96");
    let fault = test.post(&line, "/dialects/frequentz", XML, message).await;
    assert!(fault.text().contains("NOT_ENCODABLE"), "{}", fault.text());
    assert_eq!(moved(&test).await, before);
}
