//! Who is on the hub is known to its parties; whose a site is, they do not learn.

use serde_json::json;

use crate::hub::TestHub;
use crate::story;

#[tokio::test]
async fn whose_site_a_gln_is_is_told_to_nobody() {
    let test = TestHub::start().await;
    let levels = json!([{"class": "EXISTENCE", "level": "full"}]);
    let grant =
        |gln: &str| json!({"input": {"granteeGln": gln, "levels": levels, "purpose": "p", "validUntil": "2027-01-01T00:00:00Z"}});
    let event = format!("evt_{}", "7".repeat(32));
    let questions = |gln: &str| {
        let named = json!({"gln": gln, "event": event});
        [
            (
                "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id } } }",
                grant(gln),
            ),
            (
                "query ($input: ProposeGrantInput!) { grantImpact(input: $input) { lookedAt } }",
                grant(gln),
            ),
            (
                "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }",
                json!({"input": {"levels": levels, "granteeGlns": [gln]}}),
            ),
            (
                "query ($gln: String!) { previewAs(partyGln: $gln) { nodes { id } } }",
                json!({"gln": gln}),
            ),
            (
                "query ($gln: String!) { accessDiff(partyGln: $gln, from: \"2026-01-01T00:00:00Z\", to: \"2026-02-01T00:00:00Z\") { lookedAt } }",
                json!({"gln": gln}),
            ),
            (
                "query ($gln: String!, $event: ID!) { explainAccess(partyGln: $gln, event: $event) { shown } }",
                named,
            ),
        ]
    };
    let nobodys = "9521999000013";
    for caller in ["halden", "aurora", "hub-operator"] {
        // The caller's own partner, another's, one of the caller's own rank.
        for site in [story::PACKWELL_HALL_1, story::MERIDIAN_LYON, story::NORTHWAY_VENLO] {
            for ((query, of_site), (_, of_nobody)) in questions(site).iter().zip(&questions(nobodys)) {
                let of_site = test.graphql(&test.actor(caller), query, of_site.clone()).await;
                let of_nobody = test.graphql(&test.actor(caller), query, of_nobody.clone()).await;
                assert_eq!(of_site["errors"][0]["extensions"]["code"], "NOT_FOUND", "{caller} {query}");
                assert_eq!(of_site.to_string(), of_nobody.to_string(), "{caller} {query}");
            }
        }
    }
    for (query, variables) in questions(&story::gln_of(&test, "meridian")) {
        let answer = test.graphql(&test.actor("halden"), query, variables).await;
        assert!(
            answer["errors"].is_null(),
            "a legal entity of the hub can be named: {answer:#}"
        );
    }
}
