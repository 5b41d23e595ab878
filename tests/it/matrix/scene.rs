//! One hub on which every relation, record and act of the matrix has happened, and one with the same parties on which nothing has.

use axum::body::Body;
use axum::http::Request;
use counterfoil::config::settings::Limits;
use counterfoil::domain::party::Actor;
use counterfoil::service::certificate::{Authority, CertificateRequest, IssuedCertificate, issue};
use counterfoil::service::{capture, grant, serial};
use serde_json::{Value, json};

use crate::grant::levels;
use crate::hub::{TestHub, story_partners};
use crate::query::subscription::receiver::Receiver;
use crate::story::{self, AUROXIN, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL};

mod fresh;
mod goods;

/// Who asks: its column, its party, what it is in the scene.
pub const CALLERS: [(&str, &str, &str); 13] = [
    ("anonymous", "", "presents no certificate"),
    ("stranger", "halden", "a wholesaler that has to do with none of it"),
    ("operator", "hub-operator", "runs the hub"),
    ("regulator", "vigil", "an authority, without a grant"),
    (
        "rival",
        "zenith",
        "another manufacturer: principal of the same packer and store",
    ),
    (
        "owner",
        "aurora",
        "the manufacturer: brand owner and principal, until it sells; seller of the first sale",
    ),
    (
        "packer",
        "packwell",
        "packs for the owner: asserter, then sender; holds the owner's serial numbers",
    ),
    (
        "taker",
        "sigmapack",
        "another packer of the owner, which took over some of the numbers",
    ),
    (
        "store",
        "northway",
        "stores for the owner: receiver, then sender and asserter of the sale",
    ),
    (
        "buyer",
        "meridian",
        "buys of the owner and sells on: receiver, asserter, seller",
    ),
    (
        "later",
        "cornerstone",
        "buys of the buyer: later owner of what was sold before",
    ),
    ("grantee", "fjord", "has to do with none of it and has one grant of the owner"),
    (
        "beside",
        "tarn",
        "a manufacturer with a pack on a pallet of the owner's: owner of a part",
    ),
];

/// Those to whom a scene is no different from none.
pub const OUTSIDERS: [&str; 5] = ["anonymous", "stranger", "operator", "regulator", "rival"];

/// Of the manufacturer beside the owner.
pub const TARNOL: &str = "09521012001010";
/// The serial number of both packs on the pallet of two owners.
pub const SHARED: &str = "SHARED234567";
pub const IMPORTED: &str = "59521001002016";
const SITE_CORK: &str = "9521007000110";
pub const LOT: &str = "LOT1";
pub const CLOSED_LOT: &str = "LOT9";

/// Both hubs, and the names of what is in the one.
pub struct Scene {
    pub test: TestHub,
    pub empty: TestHub,
    pub units: Vec<String>,
    pub serials: Vec<String>,
    pub pallet: String,
    pub allocation: String,
    pub pending: String,
    pub transfer: String,
    pub job: String,
    pub refused_job: String,
    pub grant: String,
    pub decision: String,
    pub token: String,
    pub subscription: String,
    /// Where the packer may be delivered to.
    pub origin: String,
    /// Global id, eventID and title of events, in the order of the story.
    pub events: Vec<(&'static str, String, String)>,
    certificates: Vec<(String, IssuedCertificate)>,
    made: std::cell::Cell<u32>,
}

/// Writes the story's partners with what the scene needs besides.
fn partners(test: &TestHub, origin: &str) {
    let folder = test.folder().join("partners");
    std::fs::create_dir_all(&folder).expect("a folder");
    for entry in std::fs::read_dir(story_partners()).expect("the story") {
        let path = entry.expect("a file").path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else {
            continue;
        };
        let mut text = std::fs::read_to_string(&path).expect("a text");
        if name == "aurora.toml" {
            let products =
                "products = [\"09521001002011\", \"59521001002016\"]\npowers = [\"request_serials\", \"commission\", \"ship\"]";
            assert!(text.contains(products), "the story has changed");
            text = text.replace(
                products,
                "products = [\"09521001002011\", \"59521001002016\", \"09521001001014\"]\npowers = [\"request_serials\", \"commission\", \"ship\"]",
            );
            text = text.replace(
                "name = \"Lumivar 5 mg/ml, case of 20 packs\"",
                "name = \"Lumivar 5 mg/ml, case of 20 packs\"\n[products.serials]\nsource = \"imported\"\nlow_water = 100",
            );
            text = text.replace(
                "name = \"Auroxin 20 mg, case of 24 packs\"",
                "name = \"Auroxin 20 mg, case of 24 packs\"\n[products.serials]\nsource = \"delegate\"",
            );
            let quota = "[agreements.quota]\nper_request = 500000";
            assert!(text.contains(quota), "the story has changed");
            text = text.replace(
                quota,
                "[agreements.approval]\nabove = 1000\n[agreements.replenish]\nminimum = 100\nmaximum = 200\n[agreements.quota]\nlease_days = 365\nper_request = 500000",
            );
        }
        if name == "packwell.toml" {
            text.push_str(&format!("\n[[webhooks]]\norigin = \"{origin}\"\n"));
        }
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let party = |id: &str, name: &str, role: &str, gln: &str| {
        let text = format!(
            "legal_name = \"{name}\"\nroles = [\"{role}\"]\ngln = \"{gln}\"\ncountry = \"NO\"\n\
             [[licences]]\nrole = \"{role}\"\nauthority = \"DMP\"\nnumber = \"1\"\nvalid_from = 2024-01-01\n"
        );
        std::fs::write(folder.join(format!("{id}.toml")), text).expect("a file");
    };
    party("fjord", "Fjord Apotekgrossist AS", "wholesaler", "9521010000015");
    party("vigil", "Vigil Medicines Agency", "regulator", "9521011000014");
    let text = format!(
        "legal_name = \"Tarn Pharma Ltd\"\nroles = [\"manufacturer\"]\ngln = \"9521012000006\"\ncountry = \"IE\"\nprefixes = [\"9521012\"]\n\
         [[products]]\ngtin = \"{TARNOL}\"\nname = \"Tarnol 5 mg\"\n\
         [[agreements]]\nid = \"tarn-packwell\"\ndelegate = \"packwell\"\nproducts = [\"{TARNOL}\"]\n\
         powers = [\"commission\", \"ship\"]\nvalid_from = 2024-01-01\nvalid_until = 2034-01-01\n"
    );
    std::fs::write(folder.join("tarn.toml"), text).expect("a file");
}

async fn hub(origin: &str) -> TestHub {
    let test = TestHub::quick(Limits::default()).await;
    test.reseed(1);
    test.set_time("2026-03-10T12:00:00Z");
    partners(&test, origin);
    let folder = test.folder().join("partners");
    test.apply_partners(&folder).await;
    // What the rival has of its own is on both hubs.
    let own = story::commission(
        "2026-03-02T06:10:00Z",
        PACKWELL_HALL_2,
        &story::sgtins(ZENITHOL, &["ZEN1"]),
        "LOTZ",
    );
    test.capture(&test.actor("packwell"), story::document(&[own])).await;
    test.advance_seconds(1);
    test
}

impl Scene {
    pub async fn play() -> Self {
        let receiver = Receiver::start().await;
        let (test, empty) = (hub(&receiver.origin).await, hub(&receiver.origin).await);
        let mut scene = Self {
            test,
            empty,
            units: Vec::new(),
            serials: Vec::new(),
            pallet: story::packwell_sscc(1),
            allocation: String::new(),
            pending: String::new(),
            transfer: String::new(),
            job: String::new(),
            refused_job: String::new(),
            grant: String::new(),
            decision: String::new(),
            token: String::new(),
            subscription: String::new(),
            origin: receiver.origin.clone(),
            events: Vec::new(),
            certificates: Vec::new(),
            made: std::cell::Cell::new(0),
        };
        scene.numbers().await;
        scene.goods().await;
        scene.rules().await;
        scene.query(&receiver.origin).await;
        scene
    }

    /// Numbers: issued, waiting, handed on, imported, reported wrongly, running low.
    async fn numbers(&mut self) {
        let body = json!({"gtin": AUROXIN, "quantity": 20, "lot": LOT, "line": "L1", "site": PACKWELL_HALL_1,
            "documents": {"purchaseOrder": "PO-1", "purchaseOrderLine": "10", "workOrder": "WO-1", "reference": "R-1"}});
        let answer = self
            .send("packer", "POST", "/serials/v1/allocations", &body.to_string())
            .await;
        self.allocation = member(&answer, "id");
        let list = self
            .get("packer", &format!("/serials/v1/allocations/{}/serials", self.allocation))
            .await;
        self.serials = list
            .lines()
            .skip(1)
            .map(|row| row.split_once(',').expect("two columns").1.to_owned())
            .collect();
        self.units = self.serials.iter().map(|serial| story::sgtin(AUROXIN, serial)).collect();
        self.send(
            "packer",
            "POST",
            &format!("/serials/v1/allocations/{}/confirm", self.allocation),
            "",
        )
        .await;
        let body = json!({"gtin": AUROXIN, "quantity": 2000}).to_string();
        self.pending = member(&self.send("packer", "POST", "/serials/v1/allocations", &body).await, "id");
        let rejected = member(&self.send("packer", "POST", "/serials/v1/allocations", &body).await, "id");
        let reason = json!({"reason": "ordered twice"}).to_string();
        self.send(
            "owner",
            "POST",
            &format!("/serials/v1/allocations/{rejected}/reject"),
            &reason,
        )
        .await;
        let closed = self.fresh_allocation().await;
        self.send("packer", "POST", &format!("/serials/v1/allocations/{closed}/close"), "{}")
            .await;
        let to = story::gln_of(&self.test, "sigmapack");
        let body = json!({"gtin": AUROXIN, "serials": &self.serials[15..], "to": to, "site": "9521003000114"}).to_string();
        let answer = self.send("packer", "POST", "/serials/v1/transfers", &body).await;
        let made: Value = serde_json::from_str(&answer).expect("JSON");
        self.transfer = made["transfers"][0]["id"].as_str().expect("an id").to_owned();
        let body = json!({"gtin": AUROXIN, "serials": [&self.serials[10]], "to": "label_scrapped"});
        self.send("packer", "POST", "/serials/v1/reports", &body.to_string()).await;
        let body = json!({"gtin": AUROXIN, "serials": [&self.serials[10]], "to": "encoded"});
        self.send("packer", "POST", "/serials/v1/reports", &body.to_string()).await;
        let list = format!("gtin,serial\r\n{IMPORTED},QRTAAAXXXXXX\r\n{IMPORTED},QRTAAAXXXXXY\r\n{IMPORTED},QRTAAAXXXXYX\r\n");
        self.send("owner", "POST", "/serials/v1/imports", &list).await;
        let body = json!({"gtin": IMPORTED, "quantity": 2}).to_string();
        self.send("taker", "POST", "/serials/v1/allocations", &body).await;
        let body = json!({"gtin": story::LUMIVAR, "quantity": 2}).to_string();
        self.send("taker", "POST", "/serials/v1/allocations", &body).await;
        let body = json!({"gtin": AUROXIN, "quantity": 3, "lot": CLOSED_LOT, "line": "L1"}).to_string();
        self.send("packer", "POST", "/serials/v1/allocations", &body).await;
        let close = "mutation ($input: CloseLotInput!) { closeLot(input: $input) { status reason } }";
        let input = json!({"input": {"gtin": AUROXIN, "lot": CLOSED_LOT, "line": "L1", "unusedAs": "SCRAPPED"}});
        self.data("packer", close, input.clone()).await;
        self.data(
            "owner",
            close,
            json!({"input": {"gtin": AUROXIN, "lot": CLOSED_LOT, "reason": "done", "unusedAs": "SCRAPPED"}}),
        )
        .await;
        serial::Watch::default().round(&self.test.hub).await.expect("a round");
    }

    /// A grant in force, one proposed, a cap, an emergency that holds, an explanation that was kept.
    async fn rules(&mut self) {
        let declare = "mutation ($input: DeclareEmergencyInput!) { declareEmergency(input: $input) { emergency } }";
        let input = json!({"gtin": TARNOL, "reason": "particles", "until": "2026-03-20T00:00:00Z"});
        self.data("beside", declare, json!({"input": input})).await;
        for (_, party, _) in CALLERS.iter().filter(|(column, ..)| !OUTSIDERS.contains(column)) {
            let authority = Authority::open(&self.test.folder().join("ca"), "hub.test", self.test.hub.now()).expect("a CA");
            let request = CertificateRequest {
                party: party.parse().expect("a party id"),
                system: "signing-desk".parse().expect("a system"),
                validity_days: 30,
            };
            let issued = issue(&self.test.hub, &authority, &self.test.actor("aurora"), request)
                .await
                .expect("a certificate");
            self.certificates.push(((*party).to_owned(), issued));
        }
        self.grant = self.fresh_grant(true).await;
        while grant::fill_due(&self.test.hub).await.expect("a step") {}
        let old = self.fresh_grant(true).await;
        let mut newer = self.grant_input(true);
        newer["supersedes"] = json!(old);
        // One for totals alone.
        newer["leastContributors"] = json!(5);
        newer["scope"]["lots"] = json!([]);
        newer["levels"] = levels(&[
            ("EXISTENCE", "full"),
            ("PRODUCT", "full"),
            ("STATE", "full"),
            ("WHEN", "month"),
            ("WHERE", "country"),
        ]);
        let propose = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id text } } }";
        self.data("owner", propose, json!({"input": newer})).await;
        let revoke = "mutation ($grant: ID!) { revokeGrant(input: {grant: $grant, reason: \"over\"}) { grant { id } } }";
        self.data("owner", revoke, json!({"grant": old})).await;
        self.fresh_cap().await;
        let propose = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id text } } }";
        let mut to_role = self.grant_input(false);
        to_role["granteeGln"] = Value::Null;
        to_role["granteeRole"] = json!("DISPENSER");
        to_role["granteeCountry"] = json!("IS");
        let data = self.data("owner", propose, json!({"input": to_role})).await;
        let grant = data["proposeGrant"]["grant"].clone();
        let sign = "mutation ($grant: ID!, $jws: String!) { signGrant(input: {grant: $grant, jws: $jws}) { grant { state } } }";
        let jws = self.jws("owner", grant["text"].as_str().expect("a text"));
        self.data("owner", sign, json!({"grant": grant["id"], "jws": jws})).await;
        let explain = "query ($event: ID!, $gln: String) { explainAccess(event: $event, partyGln: $gln) { decision } }";
        let variables = json!({"event": self.events[0].1, "gln": story::gln_of(&self.test, "fjord")});
        let data = self.data("owner", explain, variables).await;
        self.decision = data["explainAccess"]["decision"].as_str().expect("a decision").to_owned();
    }

    /// A named query with a subscription.
    async fn query(&mut self, origin: &str) {
        let body = json!({"name": "labels", "query": {"EQ_bizStep": ["commissioning"]}}).to_string();
        self.send("packer", "POST", "/epcis/queries", &body).await;
        let body = json!({"dest": format!("{origin}/here"), "stream": true}).to_string();
        let made = self
            .send("packer", "POST", "/epcis/queries/labels/subscriptions", &body)
            .await;
        self.subscription = member(&made, "subscriptionID");
    }

    /// The token of a second page, which does not last long.
    pub async fn page(&mut self) {
        let page = self.test.get(&self.actor("packer"), "/epcis/events?perPage=1").await;
        let next = page.next_page().expect("a second page");
        self.token = next.rsplit('=').next().expect("a token").to_owned();
    }

    /// The party of a column.
    pub fn actor(&self, column: &str) -> Actor {
        let (_, party, _) = CALLERS.iter().find(|(name, ..)| *name == column).expect("a column");
        self.test.actor(party)
    }

    fn number(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// Sends a good request of the scene, and answers the body.
    async fn send(&self, column: &str, method: &str, path: &str, body: &str) -> String {
        let content_type = if body.starts_with("gtin,") {
            "text/csv"
        } else {
            "application/json"
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("idempotency-key", format!("\"scene-{}\"", self.number()));
        let answer = self
            .test
            .call(
                &self.actor(column),
                request.body(Body::from(body.to_owned())).expect("a request"),
            )
            .await;
        assert!(
            answer.status.is_success(),
            "{method} {path} {body}: {} {}",
            answer.status,
            answer.text()
        );
        answer.text().to_owned()
    }

    async fn get(&self, column: &str, path: &str) -> String {
        self.test.get(&self.actor(column), path).await.text().to_owned()
    }

    async fn data(&self, column: &str, query: &str, variables: Value) -> Value {
        self.test.graphql_data(&self.actor(column), query, variables).await
    }

    /// Captures, and answers the id of the job.
    async fn document(&self, column: &str, body: String) -> String {
        let request = Request::post("/epcis/capture").header("content-type", "application/ld+json");
        let request = request
            .header("gs1-capture-error-behaviour", "proceed")
            .body(Body::from(body));
        let answer = self.test.call(&self.actor(column), request.expect("a request")).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        while capture::run_due(&self.test.hub).await.expect("a run").is_some() {}
        self.test.advance_seconds(1);
        answer.header("location").rsplit('/').next().expect("an id").to_owned()
    }
}

/// As a segment of a path.
pub fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn member(answer: &str, name: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {answer:#}"))
        .to_owned()
}
