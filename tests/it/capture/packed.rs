//! `Content-Encoding: gzip`: the same document as without; what is cut off, no gzip at all or a bomb is refused.

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use counterfoil::config::settings::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{JSON, SITE, count, send, settle, units};
use crate::hub::{Answer, TestHub};
use crate::story::{commission, document};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn packed(test: &TestHub, path: &str, coding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(path)
        .header("content-type", JSON)
        .header("content-encoding", coding);
    // In small pieces, as a slow line brings them.
    let pieces: Vec<_> = body
        .chunks(7_000)
        .map(|piece| Ok::<_, std::io::Error>(axum::body::Bytes::copy_from_slice(piece)))
        .collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    test.call(&test.actor("packwell"), request.body(body).unwrap()).await
}

fn events() -> Vec<serde_json::Value> {
    vec![commission("2026-03-01T08:00:00Z", SITE, &units(&["A1", "A2"]), "L1")]
}

#[tokio::test]
async fn packed_and_plain_are_one_document() {
    let test = TestHub::start().await;
    let text = document(&events());
    let plain = send(&test, "packwell", &events()).await.expect(StatusCode::ACCEPTED);
    let (first, second) = text.as_bytes().split_at(100);
    let bodies = [
        gzip(text.as_bytes()),
        // Several members in one stream are one document too.
        [gzip(first), gzip(second)].concat(),
    ];
    for (body, coding) in bodies.into_iter().zip(["gzip", "X-GZip"]) {
        let answer = packed(&test, "/epcis/capture", coding, body)
            .await
            .expect(StatusCode::ACCEPTED);
        assert_eq!(answer.header("location"), plain.header("location"));
    }
    settle(&test).await;
    assert_eq!((count(&test, "document").await, count(&test, "event").await), (1, 1));
    let mut event = events().remove(0);
    event["@context"] = serde_json::json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"cbvmda": "urn:epcglobal:cbv:mda:"}]);
    let single = packed(&test, "/epcis/events", "gzip", gzip(event.to_string().as_bytes())).await;
    single.expect(StatusCode::CREATED);
    assert_eq!(count(&test, "event").await, 1);
}

async fn nothing_stays(test: &TestHub) {
    assert_eq!(count(test, "document").await, 0);
    let objects = std::fs::read_dir(test.hub.objects().folder()).unwrap().count();
    assert_eq!(objects, 0);
}

#[tokio::test]
async fn what_does_not_unpack_is_refused() {
    let test = TestHub::start().await;
    let whole = gzip(document(&events()).as_bytes());
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let mut wrong_sum = whole.clone();
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    let mut cases = vec![
        Vec::new(),
        b"{}".to_vec(),
        damaged,
        wrong_sum,
        [whole.clone(), b"rest".to_vec()].concat(),
    ];
    cases.extend([1, 9, 40, whole.len() - 9, whole.len() - 1].map(|length| whole[..length].to_vec()));
    for (index, body) in cases.into_iter().enumerate() {
        let refused = packed(&test, "/epcis/capture", "gzip", body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{index}: {}", refused.text());
        assert!(
            refused.json()["detail"].as_str().unwrap().contains("gzip"),
            "{index}: {}",
            refused.text()
        );
        nothing_stays(&test).await;
    }
    for coding in ["br", "gzip, gzip", "deflate"] {
        let refused = packed(&test, "/epcis/capture", coding, whole.clone()).await;
        assert_eq!(
            refused.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE).header("accept-encoding"),
            "gzip"
        );
    }
}

#[tokio::test]
async fn a_bomb_ends_at_the_ratio_and_at_the_limit() {
    let test = TestHub::start_with(Limits {
        document_bytes: 64 << 20,
        ..Limits::default()
    })
    .await;
    let bomb = gzip(&vec![b' '; 40 << 20]);
    assert!(bomb.len() < 60_000, "{}", bomb.len());
    let refused = packed(&test, "/epcis/capture", "gzip", bomb.clone())
        .await
        .expect(StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        refused.json()["detail"].as_str().unwrap().contains("unpacks"),
        "{}",
        refused.text()
    );
    assert!(!refused.header("GS1-EPCIS-Capture-Limit").is_empty());
    // A bomb inside a bomb is a body like any other: it is no document.
    let refused = packed(&test, "/epcis/capture", "gzip", gzip(&bomb))
        .await
        .expect(StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["errors"][0]["code"], "MALFORMED_DOCUMENT");
    nothing_stays(&test).await;
    let small = TestHub::start_with(Limits {
        document_bytes: 1_000,
        ..Limits::default()
    })
    .await;
    let refused = packed(&small, "/epcis/capture", "gzip", gzip(&[b'a'; 1_001]))
        .await
        .expect(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.header("GS1-EPCIS-Capture-File-Size-Limit"), "1000");
    nothing_stays(&small).await;
}
