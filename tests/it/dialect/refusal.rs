//! Bad input in every dialect: a clear refusal in the caller's own words, and no number moved.

use counterfoil::config::settings::Limits;

use super::*;

/// Whether an answer is a refusal in its dialect, with a code.
fn refused(path: &str, answer: &Answer, code: &str) -> bool {
    let text = answer.text();
    let marker = match path {
        "/soap/snx/snrequest" => format!("<ErrorCode>{code}</ErrorCode>"),
        "/dialects/snx-file" => format!("<cmn:ErrorCode>{code}</cmn:ErrorCode>"),
        "/dialects/rfxcel" => format!("<ns2:code>0</ns2:code><ns2:msg xml:lang=\"en\">{code}: "),
        "/dialects/opsm" => format!("<ns0:StatusMessage>{code}: "),
        "/dialects/frequentz" => format!("<code>{code}</code>"),
        _ => format!("code,message\r\n{code},"),
    };
    text.contains(&marker)
}

/// Whether an answer is a refusal of something that is no message at all.
fn faulted(path: &str, answer: &Answer, code: &str) -> bool {
    match path {
        "/dialects/snx-file" | "/dialects/csv" => refused(path, answer, code),
        _ => answer.text().contains("Fault>") && answer.text().contains(&format!("<code>{code}</code>")),
    }
}

#[tokio::test]
async fn wrong_values_are_refused_in_the_words_of_the_caller() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    // A pool that there is has a counter to compare.
    test.post(&line, "/dialects/csv", "text/csv", csv(&Asked::new(1, "k")))
        .await
        .expect(StatusCode::OK);
    let before = moved(&test).await;
    let with = |change: &dyn Fn(&mut Asked)| {
        let mut asked = Asked::new(2, "r-1");
        change(&mut asked);
        asked
    };
    let cases = [
        (with(&|asked| asked.quantity = "0".to_owned()), "BAD_INPUT"),
        (with(&|asked| asked.quantity = "-1".to_owned()), "BAD_INPUT"),
        (with(&|asked| asked.quantity = "9223372036854775808".to_owned()), "BAD_INPUT"),
        (
            with(&|asked| asked.quantity = "99999999999999999999999".to_owned()),
            "BAD_INPUT",
        ),
        (with(&|asked| asked.quantity = "1e3".to_owned()), "BAD_INPUT"),
        (with(&|asked| asked.quantity = "500001".to_owned()), "QUOTA_EXCEEDED"),
        (with(&|asked| asked.object = "09521001009997".to_owned()), "NO_AGREEMENT"),
        (with(&|asked| asked.object = "09521001001015".to_owned()), "BAD_INPUT"),
        (with(&|asked| asked.object = "9521001|7".to_owned()), "NO_AGREEMENT"),
        (with(&|asked| asked.site = "9521001000116".to_owned()), "NO_AGREEMENT"),
    ];
    for (path, media_type, message) in ALL {
        for (asked, code) in &cases {
            // The requests of TagManager name no site.
            if path == "/dialects/frequentz" && !asked.site.is_empty() {
                continue;
            }
            let answer = test.post(&line, path, media_type, message(asked)).await;
            assert!(
                refused(path, &answer, code),
                "{path} {} {}: {}",
                asked.quantity,
                asked.object,
                answer.text()
            );
            assert!(answer.header("counterfoil-allocation").is_empty());
        }
    }
    assert_eq!(moved(&test).await, before);
}

#[tokio::test]
async fn an_agreement_that_is_over_gives_nothing_more() {
    let test = TestHub::start().await;
    let line = test.actor("packwell");
    test.post(&line, "/dialects/csv", "text/csv", csv(&Asked::new(1, "k")))
        .await
        .expect(StatusCode::OK);
    let before = moved(&test).await;
    test.set_time("2034-01-01T00:00:00Z");
    for (path, media_type, message) in ALL {
        let answer = test.post(&line, path, media_type, message(&Asked::new(2, "r"))).await;
        assert!(refused(path, &answer, "NO_AGREEMENT"), "{path}: {}", answer.text());
    }
    assert_eq!(moved(&test).await, before);
    // A stranger is told the same of what is there and of what is not.
    let stranger = test.actor("halden");
    for (path, media_type, message) in ALL {
        let ask = async |gtin: &str| {
            let asked = Asked {
                object: gtin.to_owned(),
                ..Asked::new(2, "r")
            };
            let answer = test.post(&stranger, path, media_type, message(&asked)).await;
            answer.text().replace(gtin, "GTIN")
        };
        assert_eq!(ask(AUROXIN).await, ask("09521001009997").await, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_a_fault_of_the_dialect() {
    let limits = Limits {
        dialect_bytes: 4_096,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let line = test.actor("packwell");
    test.post(&line, "/dialects/csv", "text/csv", csv(&Asked::new(1, "k")))
        .await
        .expect(StatusCode::OK);
    let before = moved(&test).await;
    for (path, media_type, message) in ALL {
        let good = message(&Asked::new(2, "r"));
        let check = async |media_type: &str, text: String, code: &str| {
            let answer = test.post(&line, path, media_type, text.clone()).await;
            assert!(faulted(path, &answer, code), "{path} {code}: {}", answer.text());
            assert!(!answer.status.is_success(), "{path}");
        };
        check(media_type, String::new(), "INVALID_DOCUMENT").await;
        check(media_type, good[..good.len() / 2].to_owned() + "\"", "INVALID_DOCUMENT").await;
        check(media_type, good.repeat(2), "INVALID_DOCUMENT").await;
        check("application/json", good.clone(), "UNSUPPORTED_MEDIA_TYPE").await;
        check(media_type, format!("{good}{}", " ".repeat(8_192)), "TOO_LARGE").await;
        if path != "/dialects/csv" {
            let bomb = "<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>".to_owned();
            check(media_type, bomb + &good, "INVALID_DOCUMENT").await;
            check(media_type, "<a>".repeat(1_000), "INVALID_DOCUMENT").await;
            for namespace in ["urn:tracelink", "rfxcel.com", "oracle.com", "ibm.com"] {
                if good.contains(namespace) {
                    check(media_type, good.replace(namespace, "other.example"), "INVALID_DOCUMENT").await;
                }
            }
        }
    }
    assert_eq!(moved(&test).await, before);
}

#[tokio::test]
async fn nobody_is_served_without_a_certificate() {
    let test = TestHub::start().await;
    for (path, media_type, message) in ALL {
        let request = Request::post(path).header(header::CONTENT_TYPE, media_type);
        let request = request.body(Body::from(message(&Asked::new(1, "r")))).unwrap();
        test.call_anonymous(request).await.expect(StatusCode::UNAUTHORIZED);
    }
    assert!(moved(&test).await.is_empty());
}
