//! The goods of the scene: packed, stored, sold, sold on; a transformation, an error that is declared, documents with headers.

use serde_json::{Value, json};

use super::{LOT, SHARED, SITE_CORK, Scene, TARNOL};
use crate::story::{self, AUROXIN, AUROXIN_CASE, Handover, NORTHWAY_VENLO, PACKWELL_HALL_1, ZENITHOL};

impl Scene {
    /// Packed, stored, sold, sold on; a transformation, a return that is declared in error, a refused document.
    pub(super) async fn goods(&mut self) {
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
        self.shared(&to_store).await;
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
            (
                "packer",
                "shipping",
                "2026-03-02T10:00:00.000Z",
                "shipping of a pallet with a pack of the owner, named as that, and one of another",
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
}

impl Scene {
    /// A pallet with packs of two owners, shipped in the name of one.
    async fn shared(&mut self, to_store: &Handover) {
        let (site, pallet) = (PACKWELL_HALL_1, story::packwell_sscc(77));
        let packs = [story::sgtin(AUROXIN, SHARED), story::sgtin(TARNOL, SHARED)];
        let shipped = Handover {
            epcs: vec![pallet.clone()],
            ..to_store.clone()
        };
        self.document(
            "packer",
            story::document(&[
                story::commission("2026-03-02T09:01:00Z", site, &packs[..1], LOT),
                story::commission("2026-03-02T09:02:00Z", site, &packs[1..], LOT),
                story::commission_sscc("2026-03-02T09:03:00Z", site, &pallet),
                story::pack("2026-03-02T09:04:00Z", site, &pallet, &packs),
                story::ship("2026-03-02T10:00:00Z", &shipped),
            ]),
        )
        .await;
    }
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
