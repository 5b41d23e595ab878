//! Who signs, and with what.

use super::*;

async fn refused(test: &TestHub, party: &str, grant: &Value, jws: String) -> String {
    let answer = test
        .graphql(&test.actor(party), SIGN, json!({"grant": grant["id"], "jws": jws}))
        .await;
    answer["errors"][0]["extensions"]["code"]
        .as_str()
        .expect("a refusal")
        .to_owned()
}

#[tokio::test]
async fn both_sign_where_both_must() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = propose(&test, "aurora", grant_to(&test, "halden", json!({"bothSign": true}))).await;
    let half = sign(&test, "aurora", &grant).await;
    assert_eq!(
        (&half["state"], half["signatures"].as_array().map(Vec::len)),
        (&json!("PROPOSED"), Some(1))
    );
    assert_eq!(sees(&test, "halden").await.len(), 0);
    let again = sign(&test, "aurora", &grant).await;
    assert_eq!(
        again["signatures"].as_array().map(Vec::len),
        Some(1),
        "again is the same as once"
    );
    let whole = sign(&test, "halden", &grant).await;
    assert_eq!(
        (&whole["state"], whole["signatures"].as_array().map(Vec::len)),
        (&json!("IN_FORCE"), Some(2))
    );
    assert_eq!(sees(&test, "halden").await.len(), 3);
}

#[tokio::test]
async fn only_an_active_key_of_the_party_over_the_text_signs() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = propose(&test, "aurora", grant_to(&test, "halden", json!({}))).await;
    let text = grant["text"].as_str().expect("a text").to_owned();
    let (auroras, haldens) = (certificate(&test, "aurora").await, certificate(&test, "halden").await);
    let good = signed(&auroras, &text);
    let (header, signature) = good.split_once("..").expect("a detached JWS");
    let (other_header, _) = signed(&haldens, &text)
        .split_once("..")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("two parts");
    let none =
        URL_SAFE_NO_PAD.encode(json!({"alg": "none", "x5c": [STANDARD.encode(der(&auroras.files.certificate_pem))]}).to_string());
    let hmac = URL_SAFE_NO_PAD
        .encode(json!({"alg": "HS256", "x5c": [STANDARD.encode(der(&auroras.files.certificate_pem))]}).to_string());
    let crit = URL_SAFE_NO_PAD.encode(
        json!({"alg": "ES256", "b64": false, "crit": ["b64"], "x5c": [STANDARD.encode(der(&auroras.files.certificate_pem))]})
            .to_string(),
    );
    let bad = [
        signed(&haldens, &text),
        signed(&auroras, &text.replace("halden", "zenith")),
        signed(&auroras, &format!("{text}\n")),
        format!("{other_header}..{signature}"),
        format!("{none}.."),
        format!("{hmac}..{signature}"),
        format!("{crit}..{signature}"),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(&text)),
        String::new(),
        "..".to_owned(),
        "a".repeat(20_000),
    ];
    for jws in bad {
        let shown: String = jws.chars().take(40).collect();
        assert_eq!(refused(&test, "aurora", &grant, jws).await, "BAD_INPUT", "{shown}");
    }
    // The grantee does not sign what its grantor signs alone.
    assert_eq!(refused(&test, "halden", &grant, signed(&haldens, &text)).await, "CONFLICT");
    revoke(&test.hub, &test.actor("hub-operator"), auroras.record.fingerprint)
        .await
        .expect("revoked");
    assert_eq!(
        refused(&test, "aurora", &grant, good).await,
        "BAD_INPUT",
        "the certificate is revoked"
    );
    assert_eq!(sees(&test, "halden").await.len(), 0);
    sign(&test, "aurora", &grant).await;
    assert_eq!(sees(&test, "halden").await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused() {
    let test = TestHub::start().await;
    let mutation = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id } } }";
    let check = async |more: Value, expect: &str| {
        let input = grant_to(&test, "halden", more.clone());
        let answer = test.graphql(&test.actor("aurora"), mutation, json!({"input": input})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], expect, "{more} {answer}");
    };
    check(json!({"granteeGln": gln_of(&test, "aurora")}), "BAD_INPUT").await;
    check(json!({"granteeGln": "9521009999993"}), "NOT_FOUND").await;
    check(json!({"granteeGln": null}), "BAD_INPUT").await;
    check(json!({"granteeRole": "WHOLESALER"}), "BAD_INPUT").await;
    check(
        json!({"granteeGln": null, "granteeRole": "WHOLESALER", "bothSign": true}),
        "BAD_INPUT",
    )
    .await;
    check(json!({"levels": []}), "BAD_INPUT").await;
    check(json!({"levels": levels(&[("WHEN", "weekly")])}), "BAD_INPUT").await;
    check(json!({"purpose": " "}), "BAD_INPUT").await;
    check(json!({"purpose": "x".repeat(1_001)}), "BAD_INPUT").await;
    check(json!({"validUntil": "2026-01-01T00:00:00Z"}), "BAD_INPUT").await;
    check(json!({"validUntil": "2099-01-01T00:00:00Z"}), "BAD_INPUT").await;
    check(json!({"scope": {"gtins": ["1"]}}), "BAD_INPUT").await;
    check(json!({"scope": {"lots": [""]}}), "BAD_INPUT").await;
    check(json!({"supersedes": "grt_00000000000000000000000000000007"}), "NOT_FOUND").await;
}
