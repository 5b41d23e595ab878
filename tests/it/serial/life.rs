//! What becomes of numbers: reports of holder and owner, events about packs, and that no number is made or lost by either.

use counterfoil::service::capture::run_due;
use serde_json::{Value, json};

use super::*;
use crate::story::{self, PACKWELL_HALL_1, commission, document, sgtins};

pub async fn report(test: &TestHub, party: &str, body: Value) -> Value {
    let answer = test
        .post(
            &test.actor(party),
            "/serials/v1/reports",
            "application/json",
            body.to_string(),
        )
        .await;
    answer.expect(StatusCode::OK).json()
}

/// Reports serials of Auroxin and answers the results, one word a serial.
pub async fn reported(test: &TestHub, party: &str, to: &str, serials: &[String]) -> Vec<String> {
    let answer = report(test, party, json!({"gtin": AUROXIN, "serials": serials, "to": to})).await;
    let results = answer["results"].as_array().unwrap().iter();
    results
        .map(|result| match result["state"].as_str() {
            None => result["result"].as_str().unwrap().to_owned(),
            Some(state) => format!("{} from {state}", result["result"].as_str().unwrap()),
        })
        .collect()
}

/// Captures as packwell and answers the codes of what the hub noticed.
pub async fn captured(test: &TestHub, events: &[Value]) -> Vec<String> {
    let job = test.capture(&test.actor("packwell"), document(events)).await;
    assert_eq!(job["success"], true, "{job:#}");
    let query = "{ findings(first: 50) { nodes { code clearedAt } } }";
    let data = test.graphql_data(&test.actor("packwell"), query, json!({})).await;
    let nodes = data["findings"]["nodes"].as_array().unwrap().iter();
    let mut codes: Vec<String> = nodes
        .filter(|node| node["clearedAt"].is_null())
        .map(|node| node["code"].as_str().unwrap().to_owned())
        .collect();
    codes.sort_unstable();
    codes
}

pub fn packs(serials: &[String]) -> Vec<String> {
    sgtins(AUROXIN, &serials.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What an account says: settled numbers, and those used today.
pub async fn account(test: &TestHub, party: &str) -> (i64, i64) {
    let sql = "SELECT CAST(SUM(a.settled) AS BIGINT) AS settled,
                      CAST(COALESCE((SELECT SUM(d.used) FROM serial_day d WHERE d.party_id = $1), 0) AS BIGINT) AS used
               FROM serial_account a WHERE a.party_id = $1";
    let row = test
        .hub
        .db()
        .query_one("reading an account", sql, vec![party.into()])
        .await
        .unwrap()
        .unwrap();
    (row.try_get("", "settled").unwrap(), row.try_get("", "used").unwrap())
}

#[tokio::test]
async fn each_number_of_a_report_is_answered_for_itself() {
    let test = TestHub::start().await;
    let allocation = granted(&test, "1", 10).await;
    let serials = numbers(&test, &allocation).await;
    let owners = request(&test.hub, &test.actor("aurora"), wanted("2", 1)).await.unwrap();
    let others = numbers(&test, &owners).await;
    let call = [
        serials[0].clone(),
        others[0].clone(),
        "NEVERISSUED2".to_owned(),
        serials[1].clone(),
    ];
    assert_eq!(
        reported(&test, "packwell", "label_scrapped", &call).await,
        ["moved", "unknown", "unknown", "moved"]
    );
    // The same again is the same.
    assert_eq!(
        reported(&test, "packwell", "label_scrapped", &call).await,
        ["already", "unknown", "unknown", "already"]
    );
    assert_eq!(
        reported(&test, "packwell", "encoded", &serials[..3]).await,
        ["illegal from label_scrapped", "illegal from label_scrapped", "moved"]
    );
    // On paper, perhaps: it does not come back. One that is not, does.
    assert_eq!(
        reported(&test, "packwell", "returned", &serials[2..4]).await,
        ["illegal from encoded", "moved"]
    );
    // The owner may do what is the owner's, with numbers of its delegates too.
    assert_eq!(
        reported(&test, "aurora", "invalid", &serials[2..5]).await,
        ["moved", "illegal from returned", "moved"]
    );
    assert_eq!(
        reported(&test, "aurora", "label_sampled", &serials[5..6]).await,
        ["illegal from allocated"]
    );
    // To a stranger they are numbers that nobody has.
    for stranger in ["sigmapack", "halden", "zenith", "hub-operator"] {
        assert_eq!(
            reported(&test, stranger, "lost", &serials[..2]).await,
            ["unknown", "unknown"],
            "{stranger}"
        );
    }
    assert_eq!(account(&test, "packwell").await, (5, 4));
}

#[tokio::test]
async fn a_range_of_an_allocation_is_reported_without_naming_numbers() {
    let test = TestHub::start().await;
    let allocation = granted(&test, "1", 70_000).await;
    let id = allocation.id.to_string();
    let serials = numbers(&test, &allocation).await;
    let scrap = json!({"gtin": AUROXIN, "allocation": id, "after": 65_000, "limit": 1_000, "to": "label_scrapped", "reason": "reel torn"});
    let answer = report(&test, "packwell", scrap.clone()).await;
    assert_eq!((&answer["moved"], &answer["results"]), (&json!(1_000), &json!([])));
    assert_eq!(report(&test, "packwell", scrap).await["already"], 1_000);
    assert_eq!(
        reported(&test, "packwell", "encoded", &serials[64_999..65_001]).await,
        ["moved", "illegal from label_scrapped"]
    );
    let rest = json!({"gtin": AUROXIN, "allocation": id, "unused": true, "to": "lost"});
    assert_eq!(report(&test, "packwell", rest).await["moved"], 69_000);
    assert_eq!(account(&test, "packwell").await, (70_000, 1_000));
    let sql = "SELECT COUNT(*) AS n, SUM(LENGTH(offsets)) AS bytes, CAST(SUM(count) AS BIGINT) AS numbers FROM serial_state";
    let row = test.hub.db().query_one("measuring", sql, Vec::new()).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "numbers").unwrap(), 70_000);
    // Runs are short: two chunks, two states.
    assert!(row.try_get::<i64>("", "n").unwrap() <= 4 && row.try_get::<i64>("", "bytes").unwrap() < 200);
    let body = json!({"gtin": AUROXIN, "allocation": id, "to": "lost"}).to_string();
    for stranger in ["sigmapack", "halden"] {
        let answer = test
            .post(&test.actor(stranger), "/serials/v1/reports", "application/json", body.clone())
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn all_or_nothing_moves_all_or_nothing_and_a_key_is_one_report() {
    let test = TestHub::start().await;
    let serials = numbers(&test, &granted(&test, "1", 5).await).await;
    reported(&test, "packwell", "label_scrapped", &serials[..1]).await;
    let mut body = json!({"gtin": AUROXIN, "serials": serials, "to": "returned", "allOrNothing": true});
    let answer = report(&test, "packwell", body.clone()).await;
    assert_eq!(
        (&answer["moved"], &answer["heldBack"], &answer["illegal"]),
        (&json!(0), &json!(4), &json!(1))
    );
    body["serials"] = json!(serials[1..]);
    assert_eq!(report(&test, "packwell", body.clone()).await["moved"], 4);
    let mutation = "mutation($input: ReportSerialsInput!) { reportSerials(input: $input) { moved already illegal refused { serial result state } } }";
    let input = json!({"input": {"gtin": AUROXIN, "serials": serials, "to": "LOST", "idempotencyKey": "r-1"}});
    let packwell = test.actor("packwell");
    let data = test.graphql_data(&packwell, mutation, input.clone()).await;
    assert_eq!(data["reportSerials"]["illegal"], 5);
    assert_eq!(data["reportSerials"]["refused"][1]["state"], "RETURNED");
    assert_eq!(test.graphql_data(&packwell, mutation, input.clone()).await, data);
    let other = json!({"input": {"gtin": AUROXIN, "serials": serials, "to": "INVALID", "idempotencyKey": "r-1"}});
    let answer = test.graphql(&packwell, mutation, other).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_move_that_there_is_not_is_named_to_holder_and_owner() {
    let test = TestHub::start().await;
    let serials = numbers(&test, &granted(&test, "1", 3).await).await;
    reported(&test, "packwell", "label_scrapped", &serials[..2]).await;
    for _ in 0..2 {
        reported(&test, "packwell", "returned", &serials).await;
    }
    let query = "{ serialExceptions(first: 5) { nodes { gtin from to quantity serials party { gln } } } }";
    let expect = json!([{
        "gtin": AUROXIN, "from": "LABEL_SCRAPPED", "to": "RETURNED", "quantity": 2, "serials": serials[..2],
        "party": {"gln": story::gln_of(&test, "packwell")},
    }]);
    for party in ["packwell", "aurora"] {
        let data = test.graphql_data(&test.actor(party), query, json!({})).await;
        let mut nodes = data["serialExceptions"]["nodes"].clone();
        let mut named: Vec<String> = serde_json::from_value(nodes[0]["serials"].clone()).unwrap();
        named.sort_by_key(|serial| serials.iter().position(|known| known == serial));
        nodes[0]["serials"] = json!(named);
        assert_eq!(nodes, expect, "{party}");
    }
    for stranger in ["sigmapack", "zenith", "halden"] {
        let data = test.graphql_data(&test.actor(stranger), query, json!({})).await;
        assert_eq!(data["serialExceptions"]["nodes"], json!([]));
    }
    // And the numbers stand in no audit entry.
    let rows = test
        .hub
        .db()
        .query("reading the audit", "SELECT detail FROM audit", Vec::new())
        .await
        .unwrap();
    for row in rows {
        let detail: String = row.try_get("", "detail").unwrap();
        assert!(serials.iter().all(|serial| !detail.contains(serial.as_str())), "{detail}");
    }
}

#[tokio::test]
async fn a_withdrawn_number_on_a_pack_is_a_finding_and_stays_withdrawn() {
    let test = TestHub::start().await;
    test.set_time("2026-03-03T08:00:00Z");
    let serials = numbers(&test, &granted(&test, "1", 8).await).await;
    for (position, to) in [
        "returned",
        "lost",
        "invalid",
        "quarantined",
        "label_scrapped",
        "label_sampled",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(
            reported(&test, "packwell", to, &serials[position..=position]).await,
            ["moved"],
            "{to}"
        );
    }
    let event = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &packs(&serials), "L1");
    assert_eq!(captured(&test, &[event]).await, vec!["SERIAL_WITHDRAWN"; 6]);
    assert_eq!(
        reported(&test, "packwell", "released", &serials).await,
        [
            "illegal from returned",
            "illegal from lost",
            "illegal from invalid",
            "illegal from quarantined",
            "illegal from label_scrapped",
            "illegal from label_sampled",
            "moved",
            "moved"
        ]
    );
}

#[tokio::test]
async fn events_about_packs_move_their_numbers_and_errors_move_them_back() {
    let test = TestHub::start().await;
    test.set_time("2026-03-05T08:00:00Z");
    let serials = numbers(&test, &granted(&test, "1", 4).await).await;
    let epcs = packs(&serials);
    let event = |at: &str, action: &str, step: &str, disposition: &str, epcs: &[String]| {
        story::object(at, PACKWELL_HALL_1, action, step, disposition, epcs)
    };
    // The destruction comes before the commissioning does.
    let destroyed = event("2026-03-03T10:00:00Z", "DELETE", "destroying", "destroyed", &epcs[..1]);
    captured(&test, std::slice::from_ref(&destroyed)).await;
    let born = commission("2026-03-02T09:00:00Z", PACKWELL_HALL_1, &epcs, "L1");
    captured(&test, std::slice::from_ref(&born)).await;
    let state = async |offset: usize| {
        let answer = reported(&test, "packwell", "allocated", &serials[offset..=offset]).await;
        answer[0].trim_start_matches("illegal from ").to_owned()
    };
    assert_eq!(state(0).await, "destroyed");
    assert_eq!(state(1).await, "commissioned");
    let out = event("2026-03-03T11:00:00Z", "DELETE", "decommissioning", "inactive", &epcs[..2]);
    captured(
        &test,
        &[
            event("2026-03-03T09:00:00Z", "OBSERVE", "sampling", "in_progress", &epcs[2..3]),
            out.clone(),
        ],
    )
    .await;
    assert_eq!(
        (state(0).await.as_str(), state(1).await.as_str(), state(2).await.as_str()),
        ("destroyed", "inactive", "sampled")
    );
    // A stranger's word moves nothing.
    let forged = event("2026-03-03T12:00:00Z", "OBSERVE", "destroying", "destroyed", &epcs[3..]);
    test.post(
        &test.actor("halden"),
        "/epcis/capture",
        "application/ld+json",
        document(&[forged]),
    )
    .await;
    while run_due(&test.hub).await.unwrap().is_some() {}
    assert_eq!(state(3).await, "commissioned");
    let in_error = |mut event: Value| {
        event["errorDeclaration"] = json!({"declarationTime": "2026-03-04T08:00:00Z", "reason": "did_not_occur"});
        event
    };
    captured(&test, &[in_error(out)]).await;
    assert_eq!(state(1).await, "commissioned");
    captured(&test, &[in_error(born)]).await;
    for offset in 0..4 {
        assert_eq!(state(offset).await, "encoded", "{offset}");
    }
    assert_eq!(account(&test, "packwell").await, (0, 0));
    // Commissioned again, what was said of the pack since counts again.
    captured(&test, &[commission("2026-03-02T09:30:00Z", PACKWELL_HALL_1, &epcs, "L2")]).await;
    assert_eq!(
        (state(0).await.as_str(), state(1).await.as_str(), state(2).await.as_str()),
        ("destroyed", "commissioned", "sampled")
    );
    assert_eq!(account(&test, "packwell").await, (4, 4));
}

#[tokio::test]
async fn an_owner_may_decide_on_what_comes_back() {
    let test = TestHub::start().await;
    amend(&test.hub, |_| (), |agreement| agreement.hold_returned = true);
    let serials = numbers(&test, &granted(&test, "1", 3).await).await;
    assert_eq!(reported(&test, "packwell", "returned", &serials).await, ["moved"; 3]);
    assert_eq!(reported(&test, "packwell", "returned", &serials[..1]).await, ["already"]);
    assert_eq!(
        reported(&test, "packwell", "allocated", &serials[..1]).await,
        ["illegal from quarantined"]
    );
    assert_eq!(account(&test, "packwell").await, (3, 0));
    // Back to the same holder, who alone knew it; or burnt.
    assert_eq!(reported(&test, "aurora", "allocated", &serials[..1]).await, ["moved"]);
    assert_eq!(reported(&test, "aurora", "returned", &serials[1..]).await, ["moved", "moved"]);
    assert_eq!(
        reported(&test, "aurora", "allocated", &serials[1..2]).await,
        ["illegal from returned"]
    );
    assert_eq!(account(&test, "packwell").await, (2, 0));
    assert_eq!(
        reported(&test, "packwell", "encoded", &serials[..2]).await,
        ["moved", "illegal from returned"]
    );
}

#[tokio::test]
async fn what_is_no_report_is_refused_and_says_why() {
    let test = TestHub::start().await;
    let check = async |body: &str, status: StatusCode, hint: &str| {
        let answer = test
            .post(
                &test.actor("packwell"),
                "/serials/v1/reports",
                "application/json",
                body.to_owned(),
            )
            .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(answer.text().contains(hint), "{body}: {}", answer.text());
    };
    let bad = StatusCode::BAD_REQUEST;
    check("{", bad, "line 1").await;
    check(
        &json!({"gtin": AUROXIN, "serials": [], "to": "lost"}).to_string(),
        bad,
        "1 to 100000",
    )
    .await;
    check(&json!({"gtin": AUROXIN, "to": "lost"}).to_string(), bad, "either").await;
    check(
        &json!({"gtin": "123", "serials": ["A"], "to": "lost"}).to_string(),
        bad,
        "gtin",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "serials": ["A"], "to": "gone"}).to_string(),
        bad,
        "state",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "serials": ["A"], "to": "lost", "lot": "a lot"}).to_string(),
        bad,
        "lot",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "serials": ["A\u{0}"], "to": "lost"}).to_string(),
        bad,
        "control",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "serials": ["A"], "to": "lost", "more": 1}).to_string(),
        bad,
        "line 1",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "allocation": "alc_1", "to": "lost"}).to_string(),
        StatusCode::NOT_FOUND,
        "",
    )
    .await;
    let many: Vec<String> = (0..100_001).map(|number| format!("{number:020}")).collect();
    check(
        &json!({"gtin": AUROXIN, "serials": many, "to": "lost"}).to_string(),
        bad,
        "100001",
    )
    .await;
    check(
        &json!({"gtin": AUROXIN, "serials": many[1..], "to": "lost"}).to_string(),
        StatusCode::OK,
        "\"unknown\":100000",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_reports_and_captures_at_once_lose_no_number() {
    let test = std::sync::Arc::new(TestHub::start().await);
    test.set_time("2026-03-03T08:00:00Z");
    let serials = numbers(&test, &granted(&test, "1", 320).await).await;
    let mut lines = tokio::task::JoinSet::new();
    for (line, part) in serials.chunks(20).map(<[String]>::to_vec).enumerate() {
        let test = std::sync::Arc::clone(&test);
        lines.spawn(async move {
            // Half of it is scrapped by two lines at once, all of it commissioned meanwhile: each number ends in one place.
            let scrap = reported(&test, "packwell", "label_scrapped", &part[..10]).await;
            let event = commission(
                "2026-03-02T09:00:00Z",
                PACKWELL_HALL_1,
                &packs(&part),
                &format!("L{}", line % 3),
            );
            let sent = test
                .post(
                    &test.actor("packwell"),
                    "/epcis/capture",
                    "application/ld+json",
                    document(&[event]),
                )
                .await;
            sent.expect(StatusCode::ACCEPTED);
            // Whichever is due, of this line or another.
            while run_due(&test.hub).await.unwrap().is_some() {}
            assert_eq!(scrap, vec!["moved"; 10]);
        });
    }
    lines.join_all().await;
    while run_due(&test.hub).await.unwrap().is_some() {}
    assert_eq!(account(&test, "packwell").await, (320, 320));
    let sql = "SELECT CAST(SUM(commissioned_count) AS BIGINT) AS n FROM allocation_use";
    let row = test.hub.db().query_one("counting", sql, Vec::new()).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 160);
}
