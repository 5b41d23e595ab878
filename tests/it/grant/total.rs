//! Totals of others' events by grants: what may be told of several together, and what follows from nothing that is told.

use std::fmt::Write as _;

use counterfoil::config::settings::Limits;
use counterfoil::domain::gs1::{Gln, Gtin};
use counterfoil::service::Hub;
use counterfoil::service::page::Page;
use counterfoil::service::total::{Wanted, totals};

use super::*;

/// The month before the one in which the questions are asked.
pub const FEBRUARY: &str = "2026-02";
/// Lets events be counted and shows none.
pub const IN_TOTALS: [(&str, &str); 5] = [
    ("EXISTENCE", "full"),
    ("PRODUCT", "full"),
    ("STATE", "full"),
    ("WHEN", "month"),
    ("WHERE", "country"),
];
const TOTALS: &str = "query ($filter: EventTotalFilter, $first: Int, $after: String) {
  eventTotals(filter: $filter, first: $first, after: $after) {
    edges { cursor node { basis bizStep country gtin month roundedTo units } } pageInfo { hasNextPage endCursor }
  }
}";
pub const PARTIES: [&str; 8] = ["maker", "watcher", "other", "w-one", "w-two", "w-three", "w-four", "w-five"];

fn body(party: &str) -> String {
    let place = PARTIES.iter().position(|one| *one == party).expect("a party");
    (9_521_500 + place).to_string()
}

fn gln(party: &str, place: usize) -> String {
    Gln::with_check_digit(&format!("{}{place:05}", body(party)))
        .expect("a GLN")
        .to_string()
}

/// In Germany.
fn site(party: &str) -> String {
    gln(party, 11)
}

/// In France.
fn abroad(party: &str) -> String {
    gln(party, 12)
}

fn product() -> String {
    Gtin::with_check_digit(&format!("0{}00100", body("maker")))
        .expect("a GTIN")
        .to_string()
}

/// A hub with five wholesalers, each with a site in two countries.
pub async fn hub() -> TestHub {
    let test = TestHub::empty().await;
    let folder = test.folder().join("partners");
    std::fs::create_dir(&folder).expect("a folder");
    for party in PARTIES {
        let role = if party == "maker" { "manufacturer" } else { "wholesaler" };
        let mut file = format!(
            "legal_name = \"{party}\"\nroles = [\"{role}\"]\ngln = \"{}\"\ncountry = \"DE\"\nprefixes = [\"{}\"]\n",
            gln(party, 1),
            body(party)
        );
        for (site, country) in [(site(party), "DE"), (abroad(party), "FR")] {
            write!(
                file,
                "\n[[sites]]\ngln = \"{site}\"\nname = \"Site {site}\"\ncountry = \"{country}\"\n"
            )
            .expect("a String grows");
        }
        if party == "maker" {
            write!(file, "\n[[products]]\ngtin = \"{}\"\nname = \"Product\"\n", product()).expect("a String grows");
        }
        std::fs::write(folder.join(format!("{party}.toml")), file).expect("a partner file");
    }
    std::fs::copy(
        crate::hub::story_partners().join("hub-operator.toml"),
        folder.join("hub-operator.toml"),
    )
    .expect("the operator");
    test.apply_partners(&folder).await;
    test
}

/// A wholesaler says of so many packs that it has them in store.
async fn stores(test: &TestHub, party: &str, (at, site): (&str, &str), packs: usize) {
    // Packs of their own: who, when, where.
    let name = format!("{}D{}S{}", &body(party)[3..], at[5..10].replace('-', ""), &site[10..]);
    let epcs: Vec<String> = (0..packs)
        .map(|number| story::sgtin(&product(), &format!("{name}N{number}")))
        .collect();
    let event = story::object(at, site, "OBSERVE", "storing", "in_progress", &epcs);
    let job = test.capture(&test.actor(party), story::document(&[event])).await;
    assert_eq!(job["success"], true, "{job:#}");
    test.advance_seconds(1);
}

/// Each in Germany, in the middle of February.
pub async fn all_store(test: &TestHub, packs: &[(&str, usize)]) {
    for (party, packs) in packs {
        stores(test, party, ("2026-02-10T08:00:00Z", &site(party)), *packs).await;
    }
}

pub async fn gives(test: &TestHub, grantor: &str, grantee: &str, more: Value) -> Value {
    let mut input = grant_to(test, grantee, json!({"levels": levels(&IN_TOTALS)}));
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    let grant = propose(test, grantor, input).await;
    assert_eq!(sign(test, grantor, &grant).await["state"], "IN_FORCE");
    grant["id"].clone()
}

pub async fn all_give(test: &TestHub, grantors: &[&str], grantee: &str) {
    for grantor in grantors {
        gives(test, grantor, grantee, json!({})).await;
    }
}

fn line(total: &Value) -> String {
    let word = |name: &str| total[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {} {}", word("basis"), word("month"), word("country"), total["units"])
}

/// What a party is told, as lines.
pub async fn told(test: &TestHub, party: &str) -> Vec<String> {
    let data = test.graphql_data(&test.actor(party), TOTALS, json!({})).await;
    let edges = data["eventTotals"]["edges"].as_array().expect("edges").clone();
    edges.iter().map(|edge| line(&edge["node"])).collect()
}

/// The same on another process.
pub async fn told_on(hub: &Hub, test: &TestHub, party: &str) -> Vec<(String, u64)> {
    let page = Page { first: 100, after: None };
    let paged = totals(hub, &test.actor(party), Wanted::default(), page)
        .await
        .expect("totals");
    let line = |total: counterfoil::domain::total::Total| (total.cell.country.unwrap_or_default(), total.units);
    paged.rows.into_iter().map(|(_, total)| line(total)).collect()
}

pub async fn releases(test: &TestHub) -> i64 {
    let rows = test
        .hub
        .db()
        .query("counting", "SELECT COUNT(*) AS many FROM total_release", Vec::new())
        .await;
    rows.expect("a count")[0].try_get("", "many").expect("a number")
}

pub fn german(units: u64) -> Vec<String> {
    vec![format!("OTHERS {FEBRUARY} DE {units}")]
}

#[tokio::test]
async fn three_are_told_together_and_two_are_not() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 11), ("w-three", 12), ("w-four", 13)]).await;
    let nothing: Vec<String> = Vec::new();
    assert_eq!(told(&test, "watcher").await, nothing);
    all_give(&test, &["w-one", "w-two"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, nothing, "each of the two could tell the other");
    assert_eq!(releases(&test).await, 0);
    all_give(&test, &["w-three"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, german(30), "33, rounded");
    assert_eq!(told(&test, "other").await, nothing, "a grant is for its grantee alone");
    let seen = sees(&test, "watcher").await;
    assert_eq!(seen, nothing, "no event is shown");
}

#[tokio::test]
async fn none_may_have_more_than_its_share_and_who_asks_is_none_of_them() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 31), ("watcher", 40)]).await;
    all_give(&test, &["w-one", "w-two", "w-three"], "watcher").await;
    let own = format!("SEEN {FEBRUARY} DE 40");
    assert_eq!(
        told(&test, "watcher").await,
        [own.as_str()],
        "31 of 51: its own part would not be hidden behind the caller's"
    );
    all_store(&test, &[("w-four", 10)]).await;
    gives(&test, "w-four", "watcher", json!({})).await;
    assert_eq!(told(&test, "watcher").await.len(), 2);
}

#[tokio::test]
async fn countries_of_few_are_told_together_without_their_names_and_no_total_tells_of_one() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
    stores(&test, "w-four", ("2026-02-11T08:00:00Z", &abroad("w-four")), 20).await;
    all_give(&test, &PARTIES[3..], "watcher").await;
    assert_eq!(
        told(&test, "watcher").await,
        german(30),
        "what one has in France is in no figure"
    );
    // A country beside it, which would tell what the one has if they were summed up afterwards.
    stores(&test, "w-five", ("2026-02-11T08:00:00Z", &abroad("w-five")), 20).await;
    assert_eq!(told(&test, "watcher").await, german(30));
    stores(&test, "w-one", ("2026-02-11T08:00:00Z", &abroad("w-one")), 20).await;
    let both = [format!("OTHERS {FEBRUARY} DE 30"), format!("OTHERS {FEBRUARY} FR 60")];
    assert_eq!(told(&test, "watcher").await, both);
}

#[tokio::test]
async fn countries_of_which_none_can_be_told_are_told_as_one() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10)]).await;
    stores(&test, "w-three", ("2026-02-11T08:00:00Z", &abroad("w-three")), 10).await;
    all_give(&test, &PARTIES[3..], "watcher").await;
    assert_eq!(told(&test, "watcher").await, [format!("OTHERS {FEBRUARY} - 30")]);
}

#[tokio::test]
async fn the_present_month_is_not_told_before_it_is_over() {
    let test = hub().await;
    for party in ["w-one", "w-two", "w-three"] {
        stores(&test, party, ("2026-03-01T08:00:00Z", &site(party)), 10).await;
    }
    all_give(&test, &["w-one", "w-two", "w-three"], "watcher").await;
    assert_eq!(told(&test, "watcher").await, Vec::<String>::new());
    test.set_time("2026-03-31T23:59:59Z");
    assert_eq!(told(&test, "watcher").await, Vec::<String>::new());
    test.set_time("2026-04-01T00:00:00Z");
    assert_eq!(told(&test, "watcher").await, ["OTHERS 2026-03 DE 30"]);
}

#[tokio::test]
async fn one_more_is_not_told_by_asking_again_and_three_are() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
    all_give(&test, &PARTIES[3..], "watcher").await;
    assert_eq!(told(&test, "watcher").await, german(30));
    stores(&test, "w-one", ("2026-02-12T08:00:00Z", &site("w-one")), 50).await;
    stores(&test, "w-four", ("2026-02-12T08:00:00Z", &site("w-four")), 50).await;
    assert_eq!(told(&test, "watcher").await, german(30));
    assert_eq!(releases(&test).await, 1, "asking costs nothing where nothing new is told");
    // A process that was just started knows what was told as well.
    let second = test.second().await;
    assert_eq!(told_on(&second, &test, "watcher").await, [("DE".to_owned(), 30)]);
    stores(&test, "w-five", ("2026-02-12T08:00:00Z", &site("w-five")), 50).await;
    assert_eq!(told_on(&second, &test, "watcher").await, [("DE".to_owned(), 180)]);
    assert_eq!(told(&test, "watcher").await, german(180));
    assert_eq!(releases(&test).await, 2);
}

#[tokio::test]
async fn releases_come_to_an_end_for_who_used_them_up_and_for_nobody_else() {
    let test = hub().await;
    let all = ["w-one", "w-two", "w-three"];
    all_give(&test, &all, "watcher").await;
    all_give(&test, &all, "other").await;
    for (round, units) in [30, 60, 90, 90, 90].into_iter().enumerate() {
        let at = format!("2026-02-{:02}T08:00:00Z", round + 1);
        for party in all {
            stores(&test, party, (&at, &site(party)), 10).await;
        }
        assert_eq!(told(&test, "watcher").await, german(units), "round {round}");
    }
    assert_eq!(
        told(&test, "other").await,
        german(150),
        "nobody's answer depends on what another asked"
    );
    assert_eq!(told(&test, "watcher").await, german(90));
}

#[tokio::test]
async fn who_ends_its_grant_is_in_no_figure_any_more_on_any_process() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10), ("w-four", 10)]).await;
    all_give(&test, &["w-one", "w-two", "w-three"], "watcher").await;
    let grant = gives(&test, "w-four", "watcher", json!({})).await;
    let second = test.second().await;
    assert_eq!(told(&test, "watcher").await, german(40));
    assert_eq!(told_on(&second, &test, "watcher").await.len(), 1);
    end(&test, "w-four", &grant).await;
    for _ in 0..2 {
        assert_eq!(
            told_on(&second, &test, "watcher").await,
            [],
            "what is left would tell what is gone"
        );
        assert_eq!(told(&test, "watcher").await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn two_processes_that_are_asked_at_once_tell_the_same() {
    let test = hub().await;
    let all = ["w-one", "w-two", "w-three"];
    all_give(&test, &all, "watcher").await;
    let second = test.second().await;
    for round in 1..=3_u64 {
        let at = format!("2026-02-{round:02}T08:00:00Z");
        for party in all {
            stores(&test, party, (&at, &site(party)), 10).await;
        }
        let both = [&test.hub, &second, &test.hub, &second].map(|hub| told_on(hub, &test, "watcher"));
        for answer in futures(both).await {
            assert_eq!(answer, [("DE".to_owned(), 30 * round)]);
        }
        assert_eq!(releases(&test).await, i64::try_from(round).expect("few"));
    }
}

/// All at once.
async fn futures<T>(all: [impl Future<Output = T>; 4]) -> [T; 4] {
    let [one, two, three, four] = all;
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    [one, two, three, four]
}

#[tokio::test]
async fn the_maker_is_told_of_its_packs_after_it_sold_them() {
    let test = hub().await;
    let (maker, buyers) = ("maker", ["w-one", "w-two", "w-three"]);
    for (number, buyer) in buyers.into_iter().enumerate() {
        let packs: Vec<String> = (0..10)
            .map(|pack| story::sgtin(&product(), &format!("SOLD{number}{pack}")))
            .collect();
        let handover = story::Handover {
            epcs: packs.clone(),
            owner: (gln(maker, 1), gln(buyer, 1)),
            possessor: (gln(maker, 1), gln(buyer, 1)),
            place: (site(maker), site(buyer)),
        };
        let made = story::commission("2026-02-01T08:00:00Z", &site(maker), &packs, "L1");
        let sent = story::ship(&format!("2026-02-02T08:0{number}:00Z"), &handover);
        test.capture(&test.actor(maker), story::document(&[made, sent])).await;
        let came = story::receive(&format!("2026-02-03T08:0{number}:00Z"), &handover);
        let sold = story::object(
            "2026-02-20T08:00:00Z",
            &site(buyer),
            "OBSERVE",
            "retail_selling",
            "retail_sold",
            &packs,
        );
        test.capture(&test.actor(buyer), story::document(&[came, sold])).await;
    }
    let filter = json!({"filter": {"bizSteps": ["retail_selling"]}});
    let ask = async || test.graphql_data(&test.actor(maker), TOTALS, filter.clone()).await["eventTotals"]["edges"].clone();
    assert_eq!(ask().await, json!([]), "after the sale it is not the maker's to know");
    all_give(&test, &buyers, maker).await;
    let node = ask().await[0]["node"].clone();
    let expect = json!({"basis": "OTHERS", "bizStep": "retail_selling", "country": "DE", "gtin": product(), "month": FEBRUARY,
                        "roundedTo": 10, "units": 30});
    assert_eq!(node, expect);
    // Its own side of the handovers is seen as before, and is not counted twice.
    let own = told(&test, maker).await;
    assert!(own.iter().any(|line| line == "SEEN 2026-02 DE 30"), "{own:?}");
    assert_eq!(own.iter().filter(|line| line.starts_with("OTHERS")).count(), 1, "{own:?}");
}

#[tokio::test]
async fn caps_scopes_and_conditions_keep_events_out() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
    all_give(&test, &["w-one", "w-two"], "watcher").await;
    let others = [ZENITHOL];
    let from = "2026-02-20T00:00:00Z";
    for scope in [
        json!({"scope": {"gtins": others}}),
        json!({"scope": {"countries": ["FR"]}}),
        json!({"scope": {"bizSteps": ["receiving"]}}),
        json!({"scope": {"lots": ["L1"]}}),
        json!({"scope": {"eventFrom": from}}),
        json!({"fullIdentifier": true}),
        json!({"requiredRole": "DISPENSER"}),
        json!({"levels": levels(&IN_TOTALS[..4])}),
        json!({"levels": levels(&[&IN_TOTALS[..4], &[("WHERE", "own sites")]].concat())}),
        json!({"levels": levels(&IN_TOTALS[1..])}),
    ] {
        gives(&test, "w-three", "watcher", scope.clone()).await;
        assert_eq!(told(&test, "watcher").await, Vec::<String>::new(), "{scope}");
    }
    let scope = json!({"scope": {"gtins": [product()], "countries": ["DE"], "bizSteps": ["storing"]}});
    gives(&test, "w-three", "watcher", scope).await;
    assert_eq!(told(&test, "watcher").await, german(30));
    let mutation = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
    let cap = async |level: &str, gtins: &[&str]| {
        let input = json!({"input": {"levels": [{"class": "WHERE", "level": level}], "scope": {"gtins": gtins}}});
        test.graphql_data(&test.actor("w-one"), mutation, input).await;
    };
    cap("-", &others).await;
    cap("country", &[]).await;
    assert_eq!(told(&test, "watcher").await, german(30), "of other goods, and no lower");
    cap("-", &[&product()]).await;
    assert_eq!(told(&test, "watcher").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_held_back_changes_no_byte() {
    let (one, other) = (hub().await, hub().await);
    for test in [&one, &other] {
        all_store(test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
        all_give(test, &["w-one", "w-two", "w-three", "w-four"], "watcher").await;
    }
    // Of one who gave, alone in its country; of one who gave nothing; of a month that goes on.
    stores(&other, "w-four", ("2026-02-11T08:00:00Z", &abroad("w-four")), 70).await;
    all_store(&other, &[("w-five", 50)]).await;
    stores(&other, "w-one", ("2026-03-01T08:00:00Z", &site("w-one")), 50).await;
    let mut answers = Vec::new();
    for test in [&one, &other] {
        // What is made of the clock and of chance is the same.
        test.set_time("2026-03-20T08:00:00Z");
        test.reseed(7);
        let body = json!({"query": TOTALS}).to_string();
        let answer = test.post(&test.actor("watcher"), "/graphql", "application/json", body).await;
        assert!(answer.text().contains("\"units\":30"), "{}", answer.text());
        answers.push((answer.headers, answer.body));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn rules_that_are_stricter_tell_less() {
    let strict = Limits {
        totals_contributors: 4,
        ..Limits::default()
    };
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
    all_give(&test, &["w-one", "w-two", "w-three"], "watcher").await;
    let second = test.second_with(strict).await;
    assert_eq!(told_on(&second, &test, "watcher").await, []);
    assert_eq!(told(&test, "watcher").await, german(30));
}

#[tokio::test]
async fn before_it_is_signed_a_grant_says_which_figures_are_of_few() {
    let test = hub().await;
    all_store(&test, &[("w-one", 10), ("w-two", 10), ("w-three", 10)]).await;
    stores(&test, "w-four", ("2026-02-11T08:00:00Z", &abroad("w-four")), 5).await;
    let query =
        "query ($input: ProposeGrantInput!) { grantImpact(input: $input) { inferenceRisk { figures ofFew } gained { events } } }";
    let risk = async |party: &str, more: Value| {
        let input = grant_to(&test, "watcher", more);
        test.graphql_data(&test.actor(party), query, json!({"input": input})).await["grantImpact"].clone()
    };
    let totals = || json!({"levels": levels(&IN_TOTALS)});
    let of = |figures, of_few| json!({"inferenceRisk": {"figures": figures, "ofFew": of_few}, "gained": {"events": 0}});
    assert_eq!(risk("w-one", totals()).await, of(1, 1), "of others it is told nothing");
    // The maker has not sold them: it sees what all say of its packs, and could let them be counted.
    assert_eq!(risk("maker", totals()).await, of(2, 1));
    let german = json!({"levels": levels(&IN_TOTALS), "scope": {"countries": ["DE"]}});
    assert_eq!(risk("maker", german).await, of(1, 0));
    let shown = json!({"inferenceRisk": null, "gained": {"events": 4}});
    assert_eq!(risk("maker", json!({})).await, shown, "who sees events can count them");
    assert_eq!(risk("w-five", totals()).await, of(0, 0));
}
