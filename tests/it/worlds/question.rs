//! All that an asker can ask: every list in pages of two sizes, every field, things and ids of its own, of others and of nobody, every filter,
//! in every channel. Which questions are asked of each world is a throw of dice; lists are always asked for.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::Request;
use counterfoil::domain::gs1::Epc;
use serde_json::{Value, json};

use super::cast::{BUYER, MAKER, PACKER, RIVAL, STORE, Who};
use super::dice::Dice;
use super::house::{Family, request};
use super::plot::{Told, World};
use super::schema::Schema;
use crate::hub::Answer;
use crate::soap::{EPCISQ, enveloped};

/// Of one world in so many proofs are asked for: they cost more than all else.
const PROVED: usize = 4;
/// Of the questions about a whole family that are no list in GraphQL one in so many is asked.
const PATHS: usize = 3;

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::committed);

/// One request, and how its list goes on.
#[derive(Debug, Clone)]
pub struct Question {
    method: &'static str,
    path: String,
    content_type: Option<&'static str>,
    body: String,
    /// The root field of a GraphQL list, which has a next page.
    list: Option<String>,
    /// Must be answered without an error: a question that is refused finds nothing.
    good: bool,
    /// Who asks, if not the asker: one who acts for it, in its name. It is told no more than the asker is.
    pub by: Option<Who>,
    acting_for: Option<String>,
    /// Of a slice: whether both hubs were told the same event, and not one with something else in what is hidden.
    pub slice_of_same: Option<bool>,
}

impl Question {
    fn get(path: String) -> Self {
        Self {
            method: "GET",
            path,
            content_type: None,
            body: String::new(),
            list: None,
            good: false,
            by: None,
            acting_for: None,
            slice_of_same: None,
        }
    }

    fn post(path: &str, content_type: &'static str, body: String) -> Self {
        Self {
            method: "POST",
            content_type: Some(content_type),
            body,
            ..Self::get(path.to_owned())
        }
    }

    fn graphql(query: &str, variables: &Value) -> Self {
        let body = json!({"query": query, "variables": variables}).to_string();
        Self {
            good: true,
            ..Self::post("/graphql", "application/json", body)
        }
    }

    pub fn request(&self) -> Request<Body> {
        let mut request = request(self.method, &self.path, self.content_type, &self.body);
        if let Some(gln) = &self.acting_for {
            let gln = gln.parse().expect("a header");
            request.headers_mut().insert("counterfoil-acting-for", gln);
        }
        request
    }

    pub fn line(&self) -> String {
        let by = self.by.map_or(String::new(), |who| format!(" by {who}"));
        format!("{} {} {}{by}", self.method, self.path, self.body)
    }

    /// Panics if it was put wrongly.
    pub fn check(&self, answer: &Answer) {
        if self.good {
            let errors = answer.json()["errors"].clone();
            assert!(errors.is_null(), "{}: {errors:#}", self.line());
        }
    }

    /// The next page of what was answered.
    pub fn next(&self, answer: &Answer) -> Option<Self> {
        let mut next = self.clone();
        let Some(list) = &self.list else {
            next.path = answer.next_page()?;
            return Some(next);
        };
        let page = answer.json()["data"][list]["pageInfo"].clone();
        if page["hasNextPage"] != true {
            return None;
        }
        let mut body: Value = serde_json::from_str(&self.body).expect("a question");
        body["variables"]["after"] = page["endCursor"].clone();
        next.body = body.to_string();
        Some(next)
    }
}

/// Everything for one asker.
pub fn all(family: &Family) -> Vec<Question> {
    let mut dice = Dice::new(family.seed);
    let mut questions = lists(&mut dice);
    questions.extend(roots(family));
    questions.extend(paths(family, &mut dice));
    questions.extend(sides(family));
    if family.asker == MAKER {
        questions.extend(in_its_name(family));
    }
    for world in &family.worlds {
        if dice.one_in(PROVED) {
            questions.extend(slices(world, &mut dice));
        }
        if dice.one_in(PROVED) {
            questions.push(makings(world, &mut dice));
        }
    }
    for world in &family.worlds {
        if let Some((gtin, lot)) = &world.granted {
            questions.push(of_lot(gtin, lot));
            let things = world.things.iter().map(std::slice::from_ref);
            questions.extend(things.map(|thing| of_things(thing, &mut dice)));
        }
        let mut things = world.things.clone();
        while things.len() > 1 {
            things.remove(dice.below(things.len()));
        }
        questions.push(of_things(&things, &mut dice));
        let thing = dice.one(&world.things);
        questions.push(of_thing(&thing, &mut dice));
        for hidden in &world.hidden {
            questions.push(of_things(std::slice::from_ref(hidden), &mut dice));
            questions.push(Question::get(format!(
                "/epcis/events?MATCH_anyEPC={}&perPage=1",
                escaped(hidden)
            )));
        }
    }
    questions
}

/// Every root field that is a list, in pages of three or of twenty-five.
fn lists(dice: &mut Dice) -> Vec<Question> {
    let mut questions = Vec::new();
    for field in SCHEMA
        .fields("Query")
        .iter()
        .filter(|field| field.takes("first") && !field.needs_any())
    {
        let selection = SCHEMA.selection(&field.of);
        let first = dice.one(&[3, 25]);
        let query = format!(
            "query ($after: String) {{ {}(first: {first}, after: $after) {{ {selection} }} }}",
            field.name
        );
        questions.push(Question {
            list: Some(field.name.clone()),
            ..Question::graphql(&query, &json!({}))
        });
    }
    questions
}

/// Grants by side, and what the caller would be given if it asked for numbers.
fn sides(family: &Family) -> Vec<Question> {
    let selection = SCHEMA.selection("GrantConnection");
    let side = |side: &str| Question {
        list: Some("grants".to_owned()),
        ..Question::graphql(
            &format!("query ($after: String) {{ grants(side: {side}, first: 6, after: $after) {{ {selection} }} }}"),
            &json!({}),
        )
    };
    let asked = |product: usize| {
        let query = format!(
            "query ($input: RequestSerialsInput!) {{ dryRunSerials(input: $input) {{ {} }} }}",
            SCHEMA.selection("SerialsDryRun")
        );
        let input = json!({"gtin": family.cast.gtin(MAKER, product), "quantity": 5, "idempotencyKey": "try"});
        Question {
            good: false,
            ..Question::graphql(&query, &json!({"input": input}))
        }
    };
    vec![side("GIVEN"), side("RECEIVED"), asked(0), asked(2)]
}

/// One event by its global id, and why it is shown.
pub fn of_event(id: &str) -> Vec<Question> {
    let ask = |field: &str, object: &str| {
        let query = format!("query ($id: ID!) {{ {field} {{ {} }} }}", SCHEMA.selection(object));
        Question {
            good: false,
            ..Question::graphql(&query, &json!({"id": id}))
        }
    };
    vec![
        ask("event(id: $id)", "Event"),
        ask("explainAccess(event: $id)", "AccessExplanation"),
    ]
}

/// One shipment by its global id.
pub fn of_shipment(id: &str) -> Question {
    let query = format!(
        "query ($id: ID!) {{ node(id: $id) {{ ... on Shipment {{ {} }} }} }}",
        SCHEMA.selection("Shipment")
    );
    Question::graphql(&query, &json!({"id": id}))
}

/// Numbers that were given out to somebody, and one that was not.
pub fn of_numbers(numbers: &[(&str, &str)]) -> Vec<Question> {
    let mut asked: Vec<Value> = numbers
        .iter()
        .map(|(gtin, serial)| json!({"gtin": gtin, "serial": serial}))
        .collect();
    asked.extend(
        numbers
            .first()
            .map(|(gtin, _)| json!({"gtin": gtin, "serial": "NEVERGAVE22"})),
    );
    let query = format!(
        "query ($numbers: [SerialLookupInput!]!) {{ serialLookup(numbers: $numbers) {{ {} }} }}",
        SCHEMA.selection("SerialLookup")
    );
    let (gtin, serials): (Option<&str>, Vec<&str>) = (
        numbers.first().map(|(gtin, _)| *gtin),
        numbers.iter().map(|(_, serial)| *serial).collect(),
    );
    let body = json!({"gtin": gtin, "serials": serials}).to_string();
    vec![
        Question::graphql(&query, &json!({"numbers": asked})),
        Question::post("/serials/v1/lookups", "application/json", body),
    ]
}

/// What those who act for a maker ask in its name: they see more than it does, and must be told none of that here.
fn in_its_name(family: &Family) -> Vec<Question> {
    let gln = family.cast.gln(MAKER);
    let query = format!(
        "query ($gln: String, $after: String) {{ events(actingForGln: $gln, first: 6, after: $after) {{ {} }} }}",
        SCHEMA.selection("EventConnection")
    );
    let of = |who: Who| {
        let listed = Question {
            by: Some(who),
            list: Some("events".to_owned()),
            ..Question::graphql(&query, &json!({"gln": gln}))
        };
        let queried = Question {
            by: Some(who),
            acting_for: Some(gln.clone()),
            ..Question::get("/epcis/events?perPage=11".to_owned())
        };
        [listed, queried]
    };
    [PACKER, STORE].into_iter().flat_map(of).collect()
}

/// The other root fields, about what is one's own, another's and nobody's.
fn roots(family: &Family) -> Vec<Question> {
    let cast = family.cast;
    let mut questions = vec![Question::graphql(
        &format!("{{ me {{ {} }} }}", SCHEMA.selection("Party")),
        &json!({}),
    )];
    for (index, maker) in [MAKER, RIVAL].into_iter().enumerate() {
        let gtin = cast.gtin(maker, index);
        let lot = family.worlds.first().map_or("L1", |world| &world.lot);
        let query = format!(
            "query ($gtin: String!, $lot: String!) {{ lotLedger(gtin: $gtin, lot: $lot) {{ {} }} lotReconciliation(gtin: $gtin, lot: $lot) {{ {} }}
               serialForecast(gtin: $gtin) {{ {} }} serialLookup(numbers: [{{gtin: $gtin, serial: \"U10\"}}, {{gtin: $gtin, serial: \"NONE\"}}]) {{ {} }} }}",
            SCHEMA.selection("LotLedger"),
            SCHEMA.selection("LotReconciliation"),
            SCHEMA.selection("SerialForecast"),
            SCHEMA.selection("SerialLookup"),
        );
        questions.push(Question {
            // Not everybody may ask for a lot.
            good: false,
            ..Question::graphql(&query, &json!({"gtin": gtin, "lot": lot}))
        });
    }
    for prefix in ["evt", "cap", "fnd", "shp", "alc", "agr"] {
        let id = format!("{prefix}_{}", "0197".repeat(8));
        questions.push(Question {
            good: false,
            ..Question::graphql(
                "query ($id: ID!) { node(id: $id) { id } event(id: $id) { id } captureJob(id: $id) { id } }",
                &json!({"id": id}),
            )
        });
    }
    questions
}

/// The EPCIS binding, the downloads and SOAP.
fn paths(family: &Family, dice: &mut Dice) -> Vec<Question> {
    let cast = family.cast;
    let sgln = |who: Who, second| format!("https://id.gs1.org/414/{}", cast.site(who, second));
    let pgln = |who: Who| format!("https://id.gs1.org/417/{}", cast.gln(who));
    let class = |maker: Who| format!("https://id.gs1.org/01/{}", cast.gtin(maker, 0));
    let mut paths: Vec<String> = [
        "epcs",
        "bizSteps",
        "bizLocations",
        "readPoints",
        "dispositions",
        "eventTypes",
        "capture",
        "queries",
    ]
    .into_iter()
    .map(|name| format!("/epcis/{name}?perPage=7"))
    .collect();
    paths.extend([
        "/epcis".to_owned(),
        "/epcis/events?perPage=5".to_owned(),
        "/epcis/events?perPage=100&orderBy=eventTime&orderDirection=ASC".to_owned(),
        "/epcis/events?perPage=9&orderBy=recordTime&orderDirection=DESC".to_owned(),
        "/epcis/events?eventCountLimit=4".to_owned(),
        "/epcis/events?maxEventCount=30".to_owned(),
        "/epcis/events?EQ_action=DELETE".to_owned(),
        "/epcis/events?EXISTS_errorDeclaration=true".to_owned(),
        "/epcis/queries/moves/events?perPage=6".to_owned(),
        "/epcis/queries/moves/subscriptions".to_owned(),
        "/epcis/bizSteps/commissioning/events?perPage=6".to_owned(),
        "/epcis/eventTypes/AggregationEvent/events?perPage=6".to_owned(),
        "/serials/v1/allocations".to_owned(),
        "/serials/v1/imports".to_owned(),
        format!("/epcis/events?EQ_ex:price={}", 20),
        format!(
            "/epcis/events?EQ_bizTransaction_po=urn:epcglobal:cbv:bt:{}:PO{}-2",
            cast.gln(MAKER),
            dice.below(40)
        ),
        format!("/epcis/events?EQ_readPoint={}", sgln(PACKER, true)),
        format!(
            "/epcis/events?EQ_bizLocation={}",
            sgln(dice.one(&[PACKER, STORE, BUYER]), false)
        ),
        format!("/epcis/events?WD_readPoint={}", sgln(STORE, false)),
        format!(
            "/epcis/events?EQ_source_owning_party={}",
            pgln(dice.one(&[MAKER, RIVAL, BUYER]))
        ),
        format!(
            "/epcis/events?EQ_destination_possessing_party={}",
            pgln(dice.one(&[STORE, BUYER]))
        ),
        format!("/epcis/events?MATCH_anyEPCClass={}", class(RIVAL)),
        format!("/epcis/events?EQ_ilmd_urn:epcglobal:cbv:mda%23lotNumber=L{}", dice.below(4)),
        format!(
            "/epcis/events?GE_eventTime=2026-02-{:02}T00:00:00Z&LT_eventTime=2026-02-{:02}T12:00:00Z&perPage=4",
            1 + dice.below(9),
            10 + dice.below(9)
        ),
        format!("/epcis/readPoints/{}", escaped(&sgln(PACKER, true))),
        format!(
            "/epcis/events/urn:uuid:00000000-0000-4000-8000-{:06}{:06}",
            dice.below(40),
            dice.below(12)
        ),
    ]);
    let mut questions: Vec<Question> = paths.into_iter().map(Question::get).collect();
    let soap = polls(&sgln(PACKER, true)).into_iter();
    questions.extend(soap);
    let numbers = json!({"gtin": cast.gtin(RIVAL, 0), "serials": ["U10", "U11"]});
    questions.push(Question::post("/serials/v1/lookups", "application/json", numbers.to_string()));
    questions.retain(|_| dice.one_in(PATHS));
    questions
}

/// Queries in SOAP.
fn polls(site: &str) -> Vec<Question> {
    let poll = |params: &str| {
        let content =
            format!("<q:Poll xmlns:q='{EPCISQ}'><queryName>SimpleEventQuery</queryName><params>{params}</params></q:Poll>");
        Question::post("/epcis/soap", "text/xml", enveloped(&content))
    };
    let all = "<param><name>includeAttributes</name><value>true</value></param><param><name>includeChildren</name><value>true</value></param>";
    let master =
        format!("<q:Poll xmlns:q='{EPCISQ}'><queryName>SimpleMasterDataQuery</queryName><params>{all}</params></q:Poll>");
    let at = format!("<param><name>EQ_readPoint</name><value><string>{site}</string></value></param>");
    vec![
        poll(""),
        poll("<param><name>maxEventCount</name><value>5</value></param>"),
        poll(&at),
        Question::post("/epcis/soap", "text/xml", enveloped(&master)),
    ]
}

/// Two events of a world, whole and with one thing, and what is wrong with them. What only one hub was told is asked of both.
fn slices(world: &World, dice: &mut Dice) -> Vec<Question> {
    let mut asked = Vec::new();
    for whole in [true, false] {
        let step = dice.one(&world.steps);
        let Some(told) = step.more.as_ref().or(step.less.as_ref()) else {
            continue;
        };
        let id = told.event["eventID"].clone();
        let of_id = |told: &&Option<Told>| told.as_ref().is_some_and(|told| told.event["eventID"] == id);
        let mut pairs = world.steps.iter().filter(|step| of_id(&&step.less) && of_id(&&step.more));
        let same = pairs.all(|step| step.less == step.more);
        let thing = dice.one(&world.things);
        let query = if whole {
            String::new()
        } else {
            format!("?epc={}", escaped(&thing))
        };
        let event = format!("/epcis/events/{}", escaped(id.as_str().expect("an id")));
        asked.push(Question {
            slice_of_same: Some(same),
            ..Question::get(format!("{event}/slice{query}"))
        });
        asked.push(Question::get(format!("{event}/exceptions?email=dock@example.org")));
    }
    asked
}

/// How two things of a world were made.
fn makings(world: &World, dice: &mut Dice) -> Question {
    let things = [dice.one(&world.things), dice.one(&world.things)].map(|thing| format!("epc={}", escaped(&thing)));
    Question {
        slice_of_same: Some(false),
        ..Question::get(format!("/epcis/slices?{}", things.join("&")))
    }
}

/// Some things of a world at once, by aliases.
fn of_things(things: &[String], dice: &mut Dice) -> Question {
    let at = format!("2026-02-{:02}T{:02}:00:00Z", 1 + dice.below(27), dice.below(24));
    let mut query = String::new();
    for (index, epc) in things.iter().enumerate() {
        let left_out = dice.below(3);
        let fields = [("item", "Item"), ("provenance", "Provenance"), ("container", "Container")];
        for (_, (field, object)) in fields.into_iter().enumerate().filter(|(place, _)| *place != left_out) {
            let moment = match dice.below(3) {
                0 => format!(", asOf: \"{at}\""),
                1 if field == "item" => format!(", knownAt: \"{at}\""),
                _ => String::new(),
            };
            query.push_str(&format!(
                "{field}{index}: {field}(epc: \"{epc}\"{moment}) {{ {} }} ",
                SCHEMA.selection(object)
            ));
        }
        let filter = match index % 2 {
            0 => format!("epc: \"{epc}\""),
            _ => format!(
                "epcis: [{{name: \"MATCH_anyEPC\", values: [\"{epc}\"]}}, {{name: \"orderBy\", values: [\"eventTime\"]}}]"
            ),
        };
        let key = epc.parse::<Epc>().expect("an epc").key();
        if dice.one_in(3) {
            let selection = SCHEMA.selection("Item");
            query.push_str(&format!(
                "node{index}: node(id: \"itm_{}\") {{ ... on Item {{ {selection} }} }} ",
                key.0.simple()
            ));
        }
        query.push_str(&format!(
            "events{index}: events(first: 1, filter: {{{filter}}}) {{ nodes {{ eventId }} pageInfo {{ hasNextPage endCursor }} }} "
        ));
    }
    Question::graphql(&format!("{{ {query} }}"), &json!({}))
}

/// The ledger of a lot.
fn of_lot(gtin: &str, lot: &str) -> Question {
    let query = format!(
        "query ($gtin: String!, $lot: String!) {{ lotLedger(gtin: $gtin, lot: $lot) {{ {} }} }}",
        SCHEMA.selection("LotLedger")
    );
    Question::graphql(&query, &json!({"gtin": gtin, "lot": lot}))
}

/// One thing in the EPCIS binding.
fn of_thing(thing: &str, dice: &mut Dice) -> Question {
    let field = dice.one(&["MATCH_anyEPC", "MATCH_epc", "MATCH_parentID"]);
    let escaped = escaped(thing);
    match dice.below(4) {
        0 => Question::get(format!("/epcis/epcs/{escaped}/events")),
        1 => Question::get(format!("/epcis/epcs/{escaped}")),
        _ => Question::get(format!("/epcis/events?{field}={escaped}&perPage=1")),
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
