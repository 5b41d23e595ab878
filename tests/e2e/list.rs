//! Lists of serial numbers over HTTP/2.

use crate::caller::tls;
use crate::hub::TestHub;

/// HTTP/2 clients end a connection on which more than so many DATA frames were empty (h2 of Rust: 100).
const EMPTY_FRAMES: usize = 100;

#[tokio::test]
async fn one_connection_takes_any_number_of_lists() {
    let hub = TestHub::start().await;
    let (packwell, _) = hub.issue("packwell").await;
    let mut config = tls(&hub, Some(packwell), &[&rustls::version::TLS13]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .expect("a client");
    let base = format!("https://localhost:{}", hub.running.machine_addr.port());
    let ask = client
        .post(format!("{base}/serials/v1/allocations"))
        .header("idempotency-key", "\"lists\"")
        .json(&serde_json::json!({ "gtin": "09521001001014", "quantity": 3 }));
    let asked = ask.send().await.expect("an answer");
    assert_eq!(asked.status(), 201);
    assert_eq!(asked.version(), reqwest::Version::HTTP_2);
    let location = asked.headers()["location"].to_str().expect("a path").to_owned();
    for turn in 0..=EMPTY_FRAMES + 1 {
        let list = client
            .get(format!("{base}{location}/serials"))
            .send()
            .await
            .expect("an answer");
        let list = list.text().await.unwrap_or_else(|error| panic!("list {turn}: {error:?}"));
        assert_eq!(list.lines().count(), 4, "list {turn}");
    }
    hub.stop().await;
}
