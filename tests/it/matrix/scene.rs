//! One hub on which every relation, record and act of the matrix has happened, and one with the same parties on which nothing has.

use axum::body::Body;
use axum::http::Request;
use counterfoil::config::settings::Limits;
use counterfoil::domain::party::Actor;
use counterfoil::service::certificate::{Authority, CertificateRequest, IssuedCertificate, issue};
use counterfoil::service::{capture, grant, serial};
use serde_json::{Value, json};

use crate::grant::{FOLLOW, levels, signed};
use crate::hub::{TestHub, story_partners};
use crate::query::subscription::receiver::Receiver;
use crate::story::{self, AUROXIN, AUROXIN_CASE, Handover, NORTHWAY_VENLO, PACKWELL_HALL_1, PACKWELL_HALL_2, ZENITHOL};

/// Who asks: its column, its party, what it is in the scene.
pub const CALLERS: [(&str, &str, &str); 12] = [
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
];

/// Those to whom a scene is no different from none.
pub const OUTSIDERS: [&str; 5] = ["anonymous", "stranger", "operator", "regulator", "rival"];

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
        let text = format!("legal_name = \"{name}\"\nroles = [\"{role}\"]\ngln = \"{gln}\"\ncountry = \"NO\"\n");
        std::fs::write(folder.join(format!("{id}.toml")), text).expect("a file");
    };
    party("fjord", "Fjord Apotekgrossist AS", "wholesaler", "9521010000015");
    party("vigil", "Vigil Medicines Agency", "regulator", "9521011000014");
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

    /// Packed, stored, sold, sold on; a transformation, a return that is declared in error, a refused document.
    async fn goods(&mut self) {
        let gln = |party: &str| story::gln_of(&self.test, party);
        let (site, pallet, units) = (PACKWELL_HALL_1, self.pallet.clone(), self.units.clone());
        let case = story::sgtins(AUROXIN_CASE, &["CASE1"]);
        let handover = |owner: (&str, &str), possessor: (&str, &str), place: (&str, &str)| Handover {
            epcs: vec![pallet.clone()],
            owner: (gln(owner.0), gln(owner.1)),
            possessor: (gln(possessor.0), gln(possessor.1)),
            place: (place.0.to_owned(), place.1.to_owned()),
        };
        let to_store = handover(("aurora", "aurora"), ("packwell", "northway"), (site, NORTHWAY_VENLO));
        let to_buyer = handover(
            ("aurora", "meridian"),
            ("northway", "meridian"),
            (NORTHWAY_VENLO, story::MERIDIAN_LYON),
        );
        let to_later = handover(
            ("meridian", "cornerstone"),
            ("meridian", "cornerstone"),
            (story::MERIDIAN_LYON, SITE_CORK),
        );
        let mut commissioned = story::commission(
            "2026-03-02T06:00:00Z",
            site,
            &[units[0].clone(), units[1].clone(), story::sgtin(AUROXIN, "FOREIGN23456")],
            LOT,
        );
        commissioned["bizTransactionList"] =
            json!([{"type": "prodorder", "bizTransaction": "urn:epcglobal:cbv:bt:9521002000016:WO1"}]);
        commissioned["quantityList"] =
            json!([{"epcClass": format!("https://id.gs1.org/01/{AUROXIN}/10/{LOT}"), "quantity": 2.5, "uom": "KGM"}]);
        commissioned["persistentDisposition"] = json!({"set": ["completeness_verified"]});
        let mut sold = story::ship("2026-03-04T07:00:00Z", &to_buyer);
        sold["bizTransactionList"] = json!([
            {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521005000013:PO7"},
            {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:9521004000014:D7"},
        ]);
        let transformed = json!({
            "type": "TransformationEvent", "eventTime": "2026-03-02T06:20:00Z", "eventTimeZoneOffset": "+00:00",
            "inputEPCList": [&units[2]], "outputEPCList": [&units[3]], "bizStep": "repackaging", "disposition": "active",
            "inputQuantityList": [{"epcClass": format!("https://id.gs1.org/01/{AUROXIN}/10/{LOT}"), "quantity": 2, "uom": "KGM"}],
            "readPoint": {"id": story::sgln(site)}, "bizLocation": {"id": story::sgln(site)},
        });
        let mut wrong = story::object(
            "2026-03-02T06:30:00Z",
            site,
            "OBSERVE",
            "inspecting",
            "in_progress",
            &units[..1],
        );
        wrong["eventID"] = json!("urn:uuid:01970000-0000-7000-8000-000000000001");
        let mut error = wrong.clone();
        error["errorDeclaration"] = json!({"declarationTime": "2026-03-02T08:00:00Z", "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:uuid:01970000-0000-7000-8000-000000000002"]});
        let packed = [
            commissioned,
            story::commission("2026-03-02T06:01:00Z", site, &units[2..4], LOT),
            story::commission("2026-03-02T06:01:30Z", site, &case, LOT),
            story::commission_sscc("2026-03-02T06:02:00Z", site, &pallet),
            story::pack("2026-03-02T06:03:00Z", site, &case[0], &units[..2]),
            story::pack("2026-03-02T06:04:00Z", site, &pallet, &case),
            transformed,
            wrong,
        ];
        let first = self
            .document("packer", headed(&packed, (&gln("packwell"), &gln("northway"))))
            .await;
        self.job = first;
        self.document("packer", story::document(&[error])).await;
        self.document(
            "packer",
            headed(
                &[story::ship("2026-03-02T07:00:00Z", &to_store)],
                (&gln("packwell"), &gln("northway")),
            ),
        )
        .await;
        self.document("store", story::document(&[story::receive("2026-03-03T07:00:00Z", &to_store)]))
            .await;
        self.document("store", headed(&[sold], (&gln("northway"), &gln("meridian"))))
            .await;
        self.document(
            "buyer",
            story::document(&[
                story::receive("2026-03-05T07:00:00Z", &to_buyer),
                story::ship("2026-03-06T07:00:00Z", &to_later),
            ]),
        )
        .await;
        self.document("later", story::document(&[story::receive("2026-03-07T07:00:00Z", &to_later)]))
            .await;
        // One of somebody else's goods, one of its own.
        let forged = story::commission(
            "2026-03-02T09:00:00Z",
            NORTHWAY_VENLO,
            &story::sgtins(ZENITHOL, &["FORGED234567"]),
            LOT,
        );
        let stored = story::object(
            "2026-03-03T08:00:00Z",
            NORTHWAY_VENLO,
            "OBSERVE",
            "storing",
            "in_progress",
            std::slice::from_ref(&self.pallet),
        );
        self.refused_job = self.document("store", story::document(&[forged, stored])).await;
        let titles = [
            (
                "packer",
                "commissioning",
                "2026-03-02T06:00:00.000Z",
                "commissioning of two packs by the packer for the owner",
            ),
            (
                "packer",
                "packing",
                "2026-03-02T06:03:00.000Z",
                "packing of those packs into a case",
            ),
            (
                "packer",
                "repackaging",
                "2026-03-02T06:20:00.000Z",
                "transformation of a pack into another",
            ),
            (
                "packer",
                "inspecting",
                "2026-03-02T06:30:00.000Z",
                "inspection that was declared in error",
            ),
            (
                "packer",
                "shipping",
                "2026-03-02T07:00:00.000Z",
                "shipping from the packer to the store, both for the owner",
            ),
            (
                "store",
                "shipping",
                "2026-03-04T07:00:00.000Z",
                "shipping of the first sale, from the owner to the buyer, by the store",
            ),
            (
                "later",
                "receiving",
                "2026-03-07T07:00:00.000Z",
                "receiving of the second sale, from the buyer to the later owner",
            ),
        ];
        for (party, step, at, title) in titles {
            let query = "{ events(first: 50) { nodes { id eventId bizStep eventTime } } }";
            let data = self.data(party, query, json!({})).await;
            let nodes = data["events"]["nodes"].as_array().expect("events").clone();
            let found = nodes
                .iter()
                .find(|node| node["bizStep"] == step && node["eventTime"].as_str().is_some_and(|time| time[..19] == at[..19]));
            let found = found.unwrap_or_else(|| panic!("no {step} at {at} in {nodes:#?}"));
            let text = |name: &str| found[name].as_str().expect("a text").to_owned();
            self.events.push((title, text("id"), text("eventId")));
        }
    }

    /// A grant in force, one proposed, a cap, an emergency that is over, an explanation that was kept.
    async fn rules(&mut self) {
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

    /// An allocation of the packer's that nobody has touched.
    pub async fn fresh_allocation(&self) -> String {
        let body = json!({"gtin": AUROXIN, "quantity": 2}).to_string();
        member(&self.send("packer", "POST", "/serials/v1/allocations", &body).await, "id")
    }

    /// A lot of the packer's with numbers of its own.
    pub async fn fresh_lot(&self) -> String {
        let lot = format!("LOT-{}", self.number());
        let body = json!({"gtin": AUROXIN, "quantity": 2, "lot": lot}).to_string();
        self.send("packer", "POST", "/serials/v1/allocations", &body).await;
        lot
    }

    /// One that the packer has fetched.
    pub async fn fresh_fetched(&self) -> String {
        let id = self.fresh_allocation().await;
        self.get("packer", &format!("/serials/v1/allocations/{id}/serials")).await;
        id
    }

    /// A request of the packer's that waits for the owner.
    pub async fn fresh_pending(&self) -> String {
        let body = json!({"gtin": AUROXIN, "quantity": 2000}).to_string();
        member(&self.send("packer", "POST", "/serials/v1/allocations", &body).await, "id")
    }

    /// A grant of the owner to the grantee, which it has signed or not.
    pub async fn fresh_grant(&self, in_force: bool) -> String {
        let propose = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id text } } }";
        let data = self
            .data("owner", propose, json!({"input": self.grant_input(!in_force)}))
            .await;
        let grant = data["proposeGrant"]["grant"].clone();
        let id = grant["id"].as_str().expect("an id").to_owned();
        if in_force {
            let sign =
                "mutation ($grant: ID!, $jws: String!) { signGrant(input: {grant: $grant, jws: $jws}) { grant { state } } }";
            let jws = self.jws("owner", grant["text"].as_str().expect("a text"));
            self.data("owner", sign, json!({"grant": id, "jws": jws})).await;
        }
        id
    }

    /// What the owner grants; proposals are for both to sign.
    pub fn grant_input(&self, both: bool) -> Value {
        json!({
            "granteeGln": story::gln_of(&self.test, "fjord"), "levels": levels(&FOLLOW), "purpose": "following a batch",
            "legalBasis": "contract 7", "bothSign": both, "requiredRole": "WHOLESALER",
            "scope": {"gtins": [AUROXIN], "lots": [LOT], "sites": [PACKWELL_HALL_1], "countries": ["DE"],
                      "bizSteps": ["commissioning", "packing"], "eventFrom": "2026-01-01T00:00:00Z", "eventUntil": "2027-01-01T00:00:00Z"},
            "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z",
        })
    }

    /// The text that is signed, as whoever may see the grant is told it.
    pub async fn text_of(&self, grant: &str) -> String {
        let data = self
            .data("owner", "query ($id: ID!) { grant(id: $id) { text } }", json!({"id": grant}))
            .await;
        data["grant"]["text"].as_str().expect("a text").to_owned()
    }

    /// A signature of a party over a text.
    pub fn jws(&self, column: &str, text: &str) -> String {
        if OUTSIDERS.contains(&column) {
            return String::new();
        }
        let party = self.actor(column).party;
        let found = self.certificates.iter().find(|(name, _)| *name == party.as_str());
        found.map_or_else(String::new, |(_, issued)| signed(issued, text))
    }

    /// A cap of the owner's.
    pub async fn fresh_cap(&self) -> String {
        let set = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
        let input = json!({"levels": [{"class": "WHERE", "level": "country"}], "granteeGlns": [story::gln_of(&self.test, "fjord")],
            "scope": {"gtins": [AUROXIN_CASE]}});
        let data = self.data("owner", set, json!({"input": input})).await;
        data["setCap"]["cap"].as_str().expect("an id").to_owned()
    }

    /// An emergency of the owner's about a product that nobody has.
    pub async fn fresh_emergency(&self) -> String {
        let declare = "mutation ($input: DeclareEmergencyInput!) { declareEmergency(input: $input) { emergency } }";
        let input = json!({"gtin": story::LUMIVAR, "reason": "leaflets", "until": "2026-03-20T00:00:00Z"});
        let data = self.data("owner", declare, json!({"input": input})).await;
        data["declareEmergency"]["emergency"].as_str().expect("an id").to_owned()
    }

    /// The same text about what nobody has: every name of the scene put out for one of nothing.
    pub fn of_nothing(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let ids = [
            &self.allocation,
            &self.pending,
            &self.transfer,
            &self.job,
            &self.refused_job,
            &self.grant,
            &self.decision,
            &self.subscription,
        ];
        let ids = ids
            .into_iter()
            .cloned()
            .chain(self.events.iter().map(|(_, id, _)| id.clone()));
        for id in ids {
            let (prefix, rest) = id.split_once('_').map_or(("", id.as_str()), |(prefix, rest)| (prefix, rest));
            let none: String = rest.chars().map(|c| if c.is_ascii_hexdigit() { '7' } else { c }).collect();
            let none = if prefix.is_empty() { none } else { format!("{prefix}_{none}") };
            text = text.replace(&id, &none);
        }
        for (_, _, id) in &self.events {
            text = text
                .replace(id, "urn:uuid:77777777-7777-4777-8777-777777777777")
                .replace(&escaped(id), "urn%3Auuid%3A77777777-7777-4777-8777-777777777777");
        }
        for serial in &self.serials {
            text = text.replace(serial, &"N".repeat(serial.len()));
        }
        text.replace(&self.pallet, &story::packwell_sscc(77))
            .replace(&escaped(&self.pallet), &escaped(&story::packwell_sscc(77)))
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

/// A document with a header, master data and a transaction statement.
fn headed(events: &[Value], (sender, receiver): (&str, &str)) -> String {
    let mut document: Value = serde_json::from_str(&story::document(events)).expect("JSON");
    document["@context"][1]["gs1ushc"] = json!("http://epcis.gs1us.org/hc/ns#");
    document["sender"] = json!(story::sgln(sender));
    document["receiver"] = json!(story::sgln(receiver));
    document["instanceIdentifier"] = json!("PW-4711");
    document["gs1ushc:dscsaTransactionStatement"] =
        json!({"gs1ushc:affirmTransactionStatement": true, "gs1ushc:legalNotice": "Seller has complied."});
    let place = |gln: &str, name: &str| {
        json!({"id": format!("urn:epc:id:sgln:{}.{}.0", &gln[..7], &gln[7..12]),
               "attributes": [{"id": "urn:epcglobal:cbv:mda#name", "attribute": name}]})
    };
    document["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": [{"type": "urn:epcglobal:epcis:vtype:Location",
        "vocabularyElementList": [place(PACKWELL_HALL_1, "Hall 1"), place(NORTHWAY_VENLO, "Venlo")]}]}});
    document.to_string()
}
