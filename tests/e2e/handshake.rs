//! Who gets in: the certificate at the handshake and the party at each request.

use counterfoil::service::certificate::revoke;
use rcgen::{ExtendedKeyUsagePurpose, SanType};

use crate::caller::{Connection, JSON, ask};
use crate::hub::{DOMAIN, Identity, TestHub, TestIssuer, actor, name, uri};

/// The caller is let in and answered.
async fn gets_in(hub: &TestHub, identity: &Identity) {
    let reply = ask(hub, Some(identity.clone())).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// The caller reads this alert and no byte of an answer.
async fn is_refused(hub: &TestHub, identity: Option<Identity>, alert: &str) {
    let error = ask(hub, identity).await.expect_err("a refusal").to_string();
    assert!(error.contains(alert), "expected {alert}, got: {error}");
}

#[tokio::test]
async fn a_caller_needs_a_certificate() {
    let hub = TestHub::start().await;
    let (meridian, _) = hub.issue("meridian").await;
    gets_in(&hub, &meridian).await;
    is_refused(&hub, None, "CertificateRequired").await;
    hub.stop().await;
}

#[tokio::test]
async fn the_right_name_of_the_wrong_ca_is_refused() {
    let hub = TestHub::start().await;
    let issuer = TestIssuer::new("not the hub's");
    let identity = issuer.sign(&[name(DOMAIN, "aurora")]);
    is_refused(&hub, Some(identity.clone()), "UnknownCA").await;
    // To a stranger a party that is not there looks the same.
    is_refused(&hub, Some(issuer.sign(&[name(DOMAIN, "nobody")])), "UnknownCA").await;
    hub.add_issuer("aurora", &issuer);
    gets_in(&hub, &identity).await;
    hub.stop().await;
}

#[tokio::test]
async fn an_issuer_of_one_party_cannot_vouch_for_another() {
    let hub = TestHub::start().await;
    let (of_aurora, of_meridian) = (TestIssuer::new("aurora"), TestIssuer::new("meridian"));
    hub.add_issuer("aurora", &of_aurora);
    hub.add_issuer("meridian", &of_meridian);
    gets_in(&hub, &of_aurora.sign(&[name(DOMAIN, "aurora")])).await;
    is_refused(&hub, Some(of_aurora.sign(&[name(DOMAIN, "meridian")])), "UnknownCA").await;
    is_refused(&hub, Some(of_aurora.sign(&[name(DOMAIN, "halden")])), "UnknownCA").await;
    gets_in(&hub, &of_meridian.sign(&[name(DOMAIN, "meridian")])).await;
    hub.stop().await;
}

#[tokio::test]
async fn exactly_one_name_of_our_domain_or_nobody() {
    let hub = TestHub::start().await;
    let issuer = TestIssuer::new("aurora");
    hub.add_issuer("aurora", &issuer);
    let aurora = name(DOMAIN, "aurora");
    let dns = SanType::DnsName("erp.aurora.example".try_into().expect("ASCII"));
    gets_in(&hub, &issuer.sign(&[dns.clone(), aurora.clone()])).await;
    for names in [
        vec![aurora.clone(), name(DOMAIN, "meridian")],
        vec![aurora.clone(), aurora.clone()],
        vec![aurora.clone(), uri("https://aurora.example")],
        vec![name("other.example", "aurora")],
        vec![uri(&format!("spiffe://{DOMAIN}/party/aurora/system/erp/more"))],
        vec![uri(&format!("spiffe://{DOMAIN}/party/AURORA/system/erp"))],
        vec![dns],
    ] {
        is_refused(&hub, Some(issuer.sign(&names)), "AccessDenied").await;
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_server_certificate_is_no_client_certificate() {
    let hub = TestHub::start().await;
    let issuer = TestIssuer::new("aurora");
    hub.add_issuer("aurora", &issuer);
    let names = [name(DOMAIN, "aurora")];
    gets_in(&hub, &issuer.sign_for(&names, ExtendedKeyUsagePurpose::ClientAuth)).await;
    let server = issuer.sign_for(&names, ExtendedKeyUsagePurpose::ServerAuth);
    is_refused(&hub, Some(server), "UnsupportedCertificate").await;
    hub.stop().await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused_also_on_an_open_connection() {
    let hub = TestHub::start().await;
    let (meridian, _) = hub.issue("meridian").await;
    let mut open = Connection::open(&hub, Some(meridian.clone())).await.expect("a connection");
    assert_eq!(
        open.call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
            .await
            .expect("an answer")
            .status,
        200
    );
    gets_in(&hub, &meridian).await;
    hub.advance_days(31);
    is_refused(&hub, Some(meridian), "CertificateExpired").await;
    assert_eq!(
        open.call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
            .await
            .expect("an answer")
            .status,
        401
    );
    open.ended().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_suspended_party_is_out_at_once() {
    let hub = TestHub::start().await;
    let (halden, _) = hub.issue("halden").await;
    let mut open = Connection::open(&hub, Some(halden.clone())).await.expect("a connection");
    assert_eq!(
        open.call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
            .await
            .expect("an answer")
            .status,
        200
    );
    hub.change_parties(|party| party.active &= party.id.as_str() != "halden");
    let reply = open
        .call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 401);
    assert!(reply.body.contains("UNAUTHENTICATED"), "{}", reply.body);
    open.ended().await;
    is_refused(&hub, Some(halden), "AccessDenied").await;
    let (meridian, _) = hub.issue("meridian").await;
    gets_in(&hub, &meridian).await;
    hub.stop().await;
}

#[tokio::test]
async fn a_revoked_certificate_is_out_within_a_poll() {
    let hub = TestHub::start().await;
    let (revoked, fingerprint) = hub.issue("halden").await;
    let (other, _) = hub.issue("halden").await;
    let mut open = Connection::open(&hub, Some(revoked.clone())).await.expect("a connection");
    let mut call = async || {
        open.call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
            .await
            .expect("an answer")
            .status
    };
    assert_eq!(call().await, 200);
    revoke(hub.hub(), &actor("hub-operator"), fingerprint).await.expect("revoked");
    let gone = async { while call().await == 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), gone)
        .await
        .expect("refused within 5 s");
    is_refused(&hub, Some(revoked), "CertificateRevoked").await;
    gets_in(&hub, &other).await;
    hub.stop().await;
}

#[tokio::test]
async fn more_connections_than_a_party_may_have_are_closed() {
    let limits = counterfoil::config::settings::Limits {
        connections_per_party: 2,
        ..Default::default()
    };
    let hub = TestHub::with_limits(limits).await;
    let (halden, _) = hub.issue("halden").await;
    let (meridian, _) = hub.issue("meridian").await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(&hub, Some(halden.clone())).await.expect("a connection");
        let reply = connection
            .call("POST", "/graphql", JSON, br#"{"query":"{__typename}"}"#)
            .await
            .expect("an answer");
        assert_eq!(reply.status, 200);
        held.push(connection);
    }
    assert!(ask(&hub, Some(halden.clone())).await.is_err(), "a third one is answered");
    gets_in(&hub, &meridian).await;
    hub.stop().await;
}
