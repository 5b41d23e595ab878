//! Grants and caps in partner files: the same records by the same rules, versioned, signed, never wider than file and signatures say.

use counterfoil::config::partner::{ConfigError, PartnerFile, load};
use counterfoil::config::settings::Limits;
use counterfoil::service::partner::{Missing, PlanError, apply, plan};
use counterfoil::service::{Code, ServiceError};

use super::*;
use crate::hub::story_partners;

const GRANT: &str = r#"
[[grants]]
name = "follow-the-batch"
grantee = "halden"
purpose = "following a batch"
valid_from = 2026-01-01
valid_until = 2027-01-01
[grants.levels]
existence = "full"
product = "full"
when = "exact"
where = "site"
containment = "as asserted"
[grants.scope]
gtins = ["09521001001014"]
"#;

/// The story's files with more in aurora's.
struct Files(tempfile::TempDir);

impl Files {
    fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(story_partners()).expect("the story") {
            let path = entry.expect("a file").path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                let mut text = std::fs::read_to_string(&path).expect("a text");
                if name == "aurora.toml" {
                    text.push_str(more);
                }
                std::fs::write(folder.path().join(name), text).expect("a file");
            }
        }
        Self(folder)
    }

    fn load(&self) -> Result<Vec<PartnerFile>, Vec<ConfigError>> {
        load(self.0.path())
    }

    fn good(&self) -> Vec<PartnerFile> {
        self.load().unwrap_or_else(|problems| panic!("{problems:#?}"))
    }
}

async fn planned(test: &TestHub, more: &str) -> String {
    let plan = plan(test.hub.db(), &Files::with(more).good(), Missing::Keep).await;
    plan.expect("a plan").to_string()
}

async fn applied(test: &TestHub, more: &str) -> Result<i64, ServiceError> {
    let plan = plan(test.hub.db(), &Files::with(more).good(), Missing::Keep).await;
    apply(test.hub.db(), plan.expect("a plan"), test.stamp()).await
}

/// Problems of what is stored against the file.
async fn contradicted(test: &TestHub, more: &str) -> Vec<String> {
    match plan(test.hub.db(), &Files::with(more).good(), Missing::Keep).await {
        Err(PlanError::Refused(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("expected problems: {other:?}"),
    }
}

/// The text of the one grant in a file.
fn text(more: &str) -> String {
    let files = Files::with(more).good();
    let mut grants = files.iter().flat_map(|file| &file.grants);
    grants.next().expect("a grant").grant.canonical().expect("a text")
}

/// A file with signatures under its one grant.
fn with_signatures(more: &str, signatures: &[String]) -> String {
    let quoted: Vec<String> = signatures.iter().map(|jws| format!("\"{jws}\"")).collect();
    let line = format!("purpose = \"following a batch\"\nsignatures = [{}]\n", quoted.join(", "));
    more.replace("purpose = \"following a batch\"\n", &line)
}

async fn signed_by(test: &TestHub, party: &str, more: &str) -> String {
    signed(&certificate(test, party).await, &text(more))
}

/// State, origin and version of aurora's grants, newest version first.
async fn given_by_aurora(test: &TestHub) -> Vec<(String, String, i64)> {
    let query = "{ grants(side: GIVEN) { nodes { state origin version } } }";
    let data = test.graphql_data(&test.actor("aurora"), query, json!({})).await;
    let nodes = data["grants"]["nodes"].as_array().expect("grants").iter();
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let mut found: Vec<_> = nodes
        .map(|node| {
            (
                word(&node["state"]),
                word(&node["origin"]),
                node["version"].as_i64().expect("a version"),
            )
        })
        .collect();
    found.sort_by_key(|(_, _, version)| -version);
    found
}

fn written(state: &str, version: i64) -> (String, String, i64) {
    (state.to_owned(), "PARTNER_CONFIG".to_owned(), version)
}

#[tokio::test]
async fn a_written_grant_gives_nothing_before_its_grantor_has_signed() {
    let test = TestHub::start().await;
    packed(&test).await;
    let plan = planned(&test, GRANT).await;
    assert!(
        plan.contains("+ grant follow-the-batch of aurora: to halden, version 1"),
        "{plan}"
    );
    assert!(
        plan.contains("gives nothing before aurora signed") && plan.contains(&text(GRANT)),
        "{plan}"
    );
    applied(&test, GRANT).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("PROPOSED", 1)]);
    assert!(sees(&test, "halden").await.is_empty());
    // It waits, and the plan goes on saying so.
    let plan = planned(&test, GRANT).await;
    assert!(
        plan.contains("no changes") && plan.contains("gives nothing before aurora signed"),
        "{plan}"
    );
    // In the file, or as any other.
    let file = with_signatures(GRANT, &[signed_by(&test, "aurora", GRANT).await]);
    applied(&test, &file).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 1)]);
    assert_eq!(sees(&test, "halden").await.len(), 2);
    let plan = planned(&test, &file).await;
    assert!(plan.contains("no changes") && !plan.contains('!'), "{plan}");
}

#[tokio::test]
async fn a_written_grant_is_signed_by_the_mutation_too() {
    let test = TestHub::start().await;
    packed(&test).await;
    applied(&test, GRANT).await.expect("applied");
    let data = test
        .graphql_data(
            &test.actor("aurora"),
            "{ grants(side: GIVEN) { nodes { id text } } }",
            json!({}),
        )
        .await;
    let grant = data["grants"]["nodes"][0].clone();
    assert_eq!(sign(&test, "aurora", &grant).await["state"], "IN_FORCE");
    assert_eq!(sees(&test, "halden").await.len(), 2);
    assert!(planned(&test, GRANT).await.contains("no changes"));
}

#[tokio::test]
async fn the_same_file_twice_and_by_two_processes_is_once() {
    let test = TestHub::start().await;
    packed(&test).await;
    let file = with_signatures(GRANT, &[signed_by(&test, "aurora", GRANT).await]);
    let files = Files::with(&file).good();
    let second = test.second().await;
    let plans = [
        plan(test.hub.db(), &files, Missing::Keep).await.expect("a plan"),
        plan(second.db(), &files, Missing::Keep).await.expect("a plan"),
    ];
    let [first, other] = plans;
    let stamps = (test.stamp(), test.stamp());
    let (one, two) = tokio::join!(apply(test.hub.db(), first, stamps.0), apply(second.db(), other, stamps.1));
    let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(
        refused.iter().map(ServiceError::code).collect::<Vec<_>>(),
        [Code::Conflict],
        "{refused:?}"
    );
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 1)]);
    let version = applied(&test, &file).await.expect("nothing to do");
    assert_eq!(applied(&test, &file).await.expect("nothing to do"), version);
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 1)]);
    // The other process answers by it.
    let router = test.router_of(second);
    let body = json!({"query": "{ events { nodes { id } } }"}).to_string();
    let request = axum::http::Request::post("/graphql").header("content-type", "application/json");
    let request = request.extension(test.actor("halden")).body(axum::body::Body::from(body));
    let events = router.answer(request.expect("a request")).await.json();
    assert_eq!(
        events["data"]["events"]["nodes"].as_array().map(Vec::len),
        Some(2),
        "{events:#}"
    );
}

#[tokio::test]
async fn another_version_ends_the_one_before_and_waits_for_its_own_signature() {
    let test = TestHub::start().await;
    packed(&test).await;
    let file = with_signatures(GRANT, &[signed_by(&test, "aurora", GRANT).await]);
    applied(&test, &file).await.expect("applied");
    // Wider, under the signature of the narrower: nothing of it is taken.
    let wider = file.replace("where = \"site\"", "where = \"read point\"");
    let problems = Files::with(&wider).load().expect_err("a problem");
    assert!(
        problems[0].to_string().contains("does not fit the text of the grant"),
        "{problems:#?}"
    );
    let unsigned = GRANT.replace("where = \"site\"", "where = \"read point\"");
    let problems = contradicted(&test, &unsigned).await;
    assert!(
        problems[0].contains("version 1 with other content") && problems[0].contains("`version = 2`"),
        "{problems:#?}"
    );
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 1)]);
    let second = unsigned.replace("grantee =", "version = 2\ngrantee =");
    let plan = planned(&test, &second).await;
    assert!(
        plan.contains("~ grant follow-the-batch of aurora") && plan.contains("levels.C4: site -> read point"),
        "{plan}"
    );
    applied(&test, &second).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("PROPOSED", 2), written("ENDED", 1)]);
    assert!(sees(&test, "halden").await.is_empty(), "less than either version, not more");
    let signed = with_signatures(&second, &[signed_by(&test, "aurora", &second).await]);
    applied(&test, &signed).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 2), written("ENDED", 1)]);
    assert_eq!(sees(&test, "halden").await.len(), 2);
    // Back again is another version too.
    let problems = contradicted(&test, &file).await;
    assert!(problems[0].contains("write `version = 3`"), "{problems:#?}");
}

#[tokio::test]
async fn what_is_gone_from_the_file_or_revoked_is_not_given_again() {
    let test = TestHub::start().await;
    packed(&test).await;
    let file = with_signatures(GRANT, &[signed_by(&test, "aurora", GRANT).await]);
    applied(&test, &file).await.expect("applied");
    let plan = planned(&test, "").await;
    assert!(plan.contains("- grant follow-the-batch of aurora: removed"), "{plan}");
    applied(&test, "").await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("ENDED", 1)]);
    assert!(sees(&test, "halden").await.is_empty());
    let plan = planned(&test, &file).await;
    assert!(
        plan.contains("no changes") && plan.contains("has ended and is not given again"),
        "{plan}"
    );
    applied(&test, &file).await.expect("nothing to do");
    assert!(sees(&test, "halden").await.is_empty());
    // The same by the hand of the grantor, while the file has it.
    let second = GRANT.replace("grantee =", "version = 2\ngrantee =");
    let second = with_signatures(&second, &[signed_by(&test, "aurora", &second).await]);
    applied(&test, &second).await.expect("applied");
    assert_eq!(sees(&test, "halden").await.len(), 2);
    let data = test
        .graphql_data(
            &test.actor("aurora"),
            "{ grants(side: GIVEN, first: 5) { nodes { id state } } }",
            json!({}),
        )
        .await;
    let nodes = data["grants"]["nodes"].as_array().expect("grants").clone();
    let standing = nodes
        .iter()
        .find(|node| node["state"] == "IN_FORCE")
        .expect("the one in force");
    end(&test, "aurora", &standing["id"]).await;
    assert!(planned(&test, &second).await.contains("has ended and is not given again"));
    applied(&test, &second).await.expect("nothing to do");
    assert!(sees(&test, "halden").await.is_empty());
}

#[tokio::test]
async fn a_signature_of_another_party_is_refused_and_nothing_is_done() {
    let test = TestHub::start().await;
    packed(&test).await;
    for party in ["halden", "zenith", "hub-operator"] {
        let file = with_signatures(GRANT, &[signed_by(&test, party, GRANT).await]);
        let error = applied(&test, &file).await.expect_err("a refusal");
        assert_eq!(error.code(), Code::BadInput, "{party}");
        assert!(error.to_string().contains("follow-the-batch"), "{error}");
        assert!(given_by_aurora(&test).await.is_empty(), "{party}");
    }
    // One whose certificate was revoked.
    let with = certificate(&test, "aurora").await;
    revoke(&test.hub, &test.actor("hub-operator"), with.record.fingerprint)
        .await
        .expect("revoked");
    let file = with_signatures(GRANT, &[signed(&with, &text(GRANT))]);
    assert_eq!(applied(&test, &file).await.expect_err("a refusal").code(), Code::BadInput);
    // Both must sign: one does not do.
    let both = GRANT.replace("purpose =", "both_sign = true\npurpose =");
    let file = with_signatures(&both, &[signed_by(&test, "aurora", &both).await]);
    applied(&test, &file).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("PROPOSED", 1)]);
    let all = [
        signed_by(&test, "aurora", &both).await,
        signed_by(&test, "halden", &both).await,
    ];
    applied(&test, &with_signatures(&both, &all)).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("IN_FORCE", 1)]);
}

#[tokio::test]
async fn one_that_is_over_is_kept_and_gives_nothing() {
    let test = TestHub::start().await;
    packed(&test).await;
    let over = GRANT.replace("valid_until = 2027-01-01", "valid_until = 2026-02-01");
    let file = with_signatures(&over, &[signed_by(&test, "aurora", &over).await]);
    applied(&test, &file).await.expect("applied");
    assert_eq!(given_by_aurora(&test).await, [written("EXPIRED", 1)]);
    assert!(sees(&test, "halden").await.is_empty());
}

#[tokio::test]
async fn caps_are_set_changed_and_lifted_with_their_file() {
    let test = TestHub::start().await;
    packed(&test).await;
    given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let place = async || {
        let data = test.graphql_data(&test.actor("halden"), EVENTS, json!({})).await;
        data["events"]["edges"][0]["node"]["readPoint"].clone()
    };
    assert_ne!(place().await, Value::Null);
    let cap = "\n[[caps]]\nname = \"no-places\"\ngrantees = [\"halden\"]\nlevels = { where = \"country\" }\n";
    let plan = planned(&test, cap).await;
    assert!(plan.contains("+ cap no-places of aurora"), "{plan}");
    applied(&test, cap).await.expect("applied");
    assert_eq!(place().await, Value::Null);
    assert!(planned(&test, cap).await.contains("no changes"));
    // For somebody else: lifted and set anew.
    let other = cap.replace("halden", "meridian");
    let plan = planned(&test, &other).await;
    assert!(
        plan.contains("~ cap no-places of aurora") && plan.contains("grantees: [halden] -> [meridian]"),
        "{plan}"
    );
    applied(&test, &other).await.expect("applied");
    assert_ne!(place().await, Value::Null);
    applied(&test, cap).await.expect("applied");
    assert_eq!(place().await, Value::Null);
    applied(&test, "").await.expect("applied");
    assert_ne!(place().await, Value::Null);
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_a_revocation_needs_no_file() {
    let test = TestHub::start().await;
    packed(&test).await;
    let grant = given(&test, "halden", json!({"scope": {"gtins": [AUROXIN]}})).await;
    let seen = sees(&test, "halden").await;
    assert_eq!(seen.len(), 2);
    for broken in [
        "\n[[grants]\n",
        "\n[[grants]]\nname = \"x\"\n",
        "\n[[caps]]\nname = \"no-places\"\n",
    ] {
        assert!(Files::with(broken).load().is_err(), "{broken}");
        assert_eq!(sees(&test, "halden").await, seen);
    }
    end(&test, "aurora", &grant).await;
    assert!(sees(&test, "halden").await.is_empty());
}

#[test]
fn each_mistake_is_said_with_its_line() {
    let check = |from: &str, to: &str, cause: &str| {
        assert!(GRANT.contains(from), "{from}");
        let problems = Files::with(&GRANT.replacen(from, to, 1)).load().expect_err("a problem");
        let found = problems.iter().find(|problem| problem.cause.contains(cause));
        let found = found.unwrap_or_else(|| panic!("no `{cause}` in {problems:#?}"));
        assert!(
            found.file.ends_with("aurora.toml") && found.line > 0 && !found.fix.is_empty(),
            "{found:?}"
        );
    };
    check("name = \"follow-the-batch\"\n", "", "`name` is missing");
    check("follow-the-batch", "Follow the batch", "a name: 2 to 40");
    check("grantee = \"halden\"", "grantee = \"nobody\"", "grantee `nobody` has no file");
    check("grantee = \"halden\"", "grantee = \"aurora\"", "cannot grant to itself");
    check("grantee = \"halden\"\n", "", "who gets the grant");
    check(
        "grantee = \"halden\"",
        "grantee = \"halden\"\ngrantee_role = \"wholesaler\"",
        "who gets the grant",
    );
    check(
        "grantee = \"halden\"",
        "grantee_role = \"stranger\"",
        "`stranger` is not known",
    );
    check(
        "grantee = \"halden\"",
        "grantee_role = \"wholesaler\"\nboth_sign = true",
        "signed by its grantor alone",
    );
    check(
        "grantee = \"halden\"",
        "version = 0\ngrantee = \"halden\"",
        "`version` is `0`",
    );
    check("purpose = \"following a batch\"", "purpose = \" \"", "`purpose` is needed");
    check("purpose =", "colour = 1\npurpose =", "unknown key `colour`");
    check(
        "valid_until = 2027-01-01",
        "valid_until = 2025-01-01",
        "must end after it begins",
    );
    check("valid_until = 2027-01-01", "valid_until = 2099-01-01", "days at the most");
    check("when = \"exact\"", "smell = \"exact\"", "unknown key `smell`");
    check("where = \"site\"", "where = \"planet\"", "`planet` is no level of C4");
    check("gtins = [\"09521001001014\"]", "gtins = [\"09521001001015\"]", "`gtins`");
    check("gtins = [\"09521001001014\"]", "sites = [\"9521002000116\"]", "`sites`");
    check("gtins = [\"09521001001014\"]", "countries = [\"Sweden\"]", "no country code");
    check(
        "gtins = [\"09521001001014\"]",
        "lots = [\"\"]",
        "an entry of the scope is empty",
    );
    check("purpose =", "signatures = [\"x\"]\npurpose =", "no JWS with detached payload");
    check("[[grants]]", "[[grants]", "not TOML");
    let twice = format!("{GRANT}{GRANT}");
    let problems = Files::with(&twice).load().expect_err("a problem");
    assert!(
        problems.iter().any(|problem| problem.cause.contains("follow-the-batch")),
        "{problems:#?}"
    );
}

#[tokio::test]
async fn a_party_has_so_many_grants_that_stand_and_no_more() {
    let limits = Limits {
        grants_per_party: 2,
        ..Limits::default()
    };
    let test = TestHub::start_with(limits).await;
    let first = propose(&test, "aurora", grant_to(&test, "halden", json!({}))).await;
    propose(&test, "aurora", grant_to(&test, "meridian", json!({}))).await;
    let mutation = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id } } }";
    let third = async || {
        let input = json!({"input": grant_to(&test, "northway", json!({}))});
        test.graphql(&test.actor("aurora"), mutation, input).await
    };
    let refused = third().await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "CONFLICT");
    assert!(
        refused["errors"][0]["message"]
            .as_str()
            .expect("a text")
            .contains("2 grants that stand"),
        "{refused:#}"
    );
    // Another's do not count, and one that has ended does not.
    propose(&test, "zenith", grant_to(&test, "halden", json!({}))).await;
    end(&test, "aurora", &first["id"]).await;
    assert!(third().await["errors"].is_null());
}

#[tokio::test]
async fn conditions_are_those_of_the_mutation_and_refused_where_they_make_no_sense() {
    let with = |line: &str| GRANT.replace("purpose =", &format!("{line}\npurpose ="));
    let conditions = "licensed_as = \"wholesaler\"\nlicensed_in = \"SE\"\nqueries_per_day = 5";
    let expected = r#""conditions":{"licence":{"country":"SE","role":"wholesaler"},"queries_per_day":5}"#;
    assert!(text(&with(conditions)).contains(expected), "{}", text(&with(conditions)));
    // What was signed before there were any is what it was.
    assert!(text(GRANT).contains(r#""conditions":{},"#), "{}", text(GRANT));
    for (line, says) in [
        ("licensed_in = \"SE\"", "`licensed_in` stands without `licensed_as`"),
        (
            "licensed_as = \"wholesaler\"\nlicensed_in = \"Sweden\"",
            "`Sweden` is no country code",
        ),
        ("licensed_as = \"alchemist\"", "licensed_as"),
        ("queries_per_day = 0", "`queries_per_day` is `0`"),
        ("queries_per_day = -1", "`queries_per_day` is `-1`"),
        ("queries_per_day = 1000001", "`queries_per_day` is `1000001`"),
        ("queries_per_day = 9223372036854775808", "9223372036854775808"),
        ("least_contributors = 1", "`least_contributors` is `1`"),
        ("least_contributors = -5", "`least_contributors` is `-5`"),
        ("least_contributors = 9223372036854775808", "9223372036854775808"),
        ("least_contributors = 5", "opens none of them"),
    ] {
        let problems = Files::with(&with(line)).load().expect_err(line);
        assert!(
            problems.iter().any(|problem| problem.to_string().contains(says)),
            "{line}: {problems:#?}"
        );
    }
    let totals = with("least_contributors = 5").replace("when = \"exact\"", "when = \"month\"\nstate = \"full\"");
    assert!(
        text(&totals).contains(r#""conditions":{"least_contributors":5}"#),
        "{}",
        text(&totals)
    );
}
