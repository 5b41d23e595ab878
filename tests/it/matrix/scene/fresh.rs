//! Things of the scene that are new for each caller, and the names of things that nobody has.

use serde_json::{Value, json};

use super::{LOT, OUTSIDERS, Scene, escaped, member};
use crate::grant::{FOLLOW, levels, signed};
use crate::story::{self, AUROXIN, AUROXIN_CASE, PACKWELL_HALL_1};

impl Scene {
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
            "licensedAs": "WHOLESALER", "licensedIn": "NO", "queriesPerDay": 1000000,
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
