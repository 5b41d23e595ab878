//! Lot, expiry, recall and end of life: what should not have been said or shipped is found, whichever document comes last.

use serde_json::{Value, json};

use super::{SITE, capture, case, found, in_error, lines, to_northway, units};
use crate::hub::TestHub;
use crate::story::{commission, commission_sscc, object, pack, packwell_sscc, ship};

/// A commissioning with the ILMD given.
fn made(at: &str, epcs: &[String], ilmd: Value) -> Value {
    let mut event = commission(at, SITE, epcs, "L1");
    event["ilmd"] = ilmd;
    event
}

fn of_lot(lot: &str, expiry: &str) -> Value {
    json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": expiry})
}

async fn lots(test: &TestHub) -> Vec<String> {
    let sql = "SELECT COALESCE(lot, '-') || ' ' || COALESCE(expiry, '-') AS line FROM item WHERE gtin IS NOT NULL ORDER BY uri";
    lines(test, sql, Vec::new()).await
}

#[tokio::test]
async fn the_first_lot_in_time_is_kept_whichever_comes_first() {
    let first = made("2026-03-01T08:00:00Z", &units(&["A1"]), of_lot("L1", "2029-06-30"));
    let other = made("2026-03-01T09:00:00Z", &units(&["A1"]), of_lot("L2", "2029-06-30"));
    for order in [[&first, &other], [&other, &first]] {
        let test = TestHub::start().await;
        for event in order {
            capture(&test, "packwell", std::slice::from_ref(event)).await;
        }
        assert_eq!(lots(&test).await, ["L1 2029-06-30"]);
        assert_eq!(found(&test, "LOT_MISMATCH").await, units(&["A1"]));
        assert_eq!(found(&test, "SERIAL_ALREADY_COMMISSIONED").await, units(&["A1"]));
        // The first was wrong: the other is the first, and nothing is wrong with it.
        capture(&test, "packwell", &[in_error(&first)]).await;
        assert_eq!(lots(&test).await, ["L2 2029-06-30"]);
        assert_eq!(found(&test, "LOT_MISMATCH").await, [""; 0]);
    }
}

#[tokio::test]
async fn a_blank_is_filled_and_is_blank_again_when_that_was_wrong() {
    let blank = made(
        "2026-03-01T08:00:00Z",
        &units(&["A1", "A2"]),
        json!({"cbvmda:lotNumber": "L1"}),
    );
    let filled = made("2026-03-01T09:00:00Z", &units(&["A1"]), of_lot("L1", "2029-06-30"));
    for order in [[&blank, &filled], [&filled, &blank]] {
        let test = TestHub::start().await;
        for event in order {
            capture(&test, "packwell", std::slice::from_ref(event)).await;
        }
        assert_eq!(lots(&test).await, ["L1 2029-06-30", "L1 -"]);
        assert_eq!(found(&test, "LOT_MISMATCH").await, [""; 0]);
        capture(&test, "packwell", &[in_error(&filled)]).await;
        assert_eq!(lots(&test).await, ["L1 -", "L1 -"]);
    }
}

/// Parts of a story, each a document of packwell, that come in every order; what is found in the end is compared.
async fn in_every_order(parts: impl Fn(&TestHub) -> Vec<Value>, code: &str, expected: &[String]) {
    let count = parts(&TestHub::start().await).len();
    let orders = permutations(count);
    // Of many orders some, spread over all of them.
    for order in orders.iter().step_by(orders.len().div_ceil(24)) {
        let test = TestHub::start().await;
        let parts = parts(&test);
        for position in order {
            capture(&test, "packwell", std::slice::from_ref(&parts[*position])).await;
        }
        assert_eq!(found(&test, code).await, expected, "{order:?}");
        for other in [
            "EXPIRED_PRODUCT_SHIPPED",
            "RECALLED_PRODUCT_SHIPPED",
            "DECOMMISSIONED_SERIAL_SHIPPED",
        ] {
            assert!(other == code || found(&test, other).await.is_empty(), "{order:?} {other}");
        }
        let severity = "SELECT DISTINCT severity AS line FROM finding WHERE code = $1";
        assert_eq!(lines(&test, severity, vec![code.into()]).await, ["critical"]);
        // The shipment did not go: nothing is wrong any more.
        let shipped = parts.iter().find(|event| event["bizStep"] == "shipping").expect("a shipment");
        capture(&test, "packwell", &[in_error(shipped)]).await;
        assert_eq!(found(&test, code).await, [""; 0], "{order:?}");
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for place in 0..count {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}

/// Made, put into a case, which is put into a pallet, which is shipped; and something about the first unit.
fn shipped_with(test: &TestHub, expiry: &str, said: Option<Value>) -> Vec<Value> {
    let (cases, pallet) = ([case("C1")], packwell_sscc(1));
    let pallets = std::slice::from_ref(&pallet);
    let rest = [units(&["A2"]), cases.to_vec(), pallets.to_vec()].concat();
    let mut parts = vec![
        made("2026-03-01T08:00:00Z", &units(&["A1"]), of_lot("L1", expiry)),
        made("2026-03-01T08:00:01Z", &rest, of_lot("L1", "2029-06-30")),
        pack("2026-03-01T09:00:00Z", SITE, &cases[0], &units(&["A1", "A2"])),
        pack("2026-03-01T10:00:00Z", SITE, &pallet, &cases),
        ship("2026-03-01T12:00:00Z", &to_northway(test, pallets)),
    ];
    parts.extend(said);
    parts
}

#[tokio::test]
async fn expired_goods_in_a_pallet_are_found_in_whatever_order_documents_come() {
    let parts = |test: &TestHub| shipped_with(test, "2026-02-28", None);
    in_every_order(parts, "EXPIRED_PRODUCT_SHIPPED", &units(&["A1"])).await;
}

#[tokio::test]
async fn recalled_goods_in_a_pallet_are_found_in_whatever_order_documents_come() {
    let mut recall = object(
        "2026-03-01T11:00:00Z",
        SITE,
        "OBSERVE",
        "holding",
        "in_progress",
        &units(&["A1"]),
    );
    recall["persistentDisposition"] = json!({"set": ["recalled"]});
    let parts = |test: &TestHub| shipped_with(test, "2029-06-30", Some(recall.clone()));
    in_every_order(parts, "RECALLED_PRODUCT_SHIPPED", &units(&["A1"])).await;
}

#[tokio::test]
async fn destroyed_goods_in_a_pallet_are_found_in_whatever_order_documents_come() {
    let gone = object(
        "2026-03-01T11:00:00Z",
        SITE,
        "DELETE",
        "destroying",
        "destroyed",
        &units(&["A1"]),
    );
    let parts = |test: &TestHub| shipped_with(test, "2029-06-30", Some(gone.clone()));
    in_every_order(parts, "DECOMMISSIONED_SERIAL_SHIPPED", &units(&["A1"])).await;
}

#[tokio::test]
async fn goods_that_go_back_may_be_expired_or_recalled() {
    let test = TestHub::start().await;
    let pallet = packwell_sscc(1);
    let mut back = ship("2026-03-01T12:00:00Z", &to_northway(&test, std::slice::from_ref(&pallet)));
    back["disposition"] = json!("returned");
    let events = [
        commission_sscc("2026-03-01T07:00:00Z", SITE, &pallet),
        made("2026-03-01T08:00:00Z", &units(&["A1"]), of_lot("L1", "2026-02-01")),
        pack("2026-03-01T09:00:00Z", SITE, &pallet, &units(&["A1"])),
        object(
            "2026-03-01T10:00:00Z",
            SITE,
            "OBSERVE",
            "holding",
            "recalled",
            &units(&["A1"]),
        ),
        back,
    ];
    capture(&test, "packwell", &events).await;
    for code in ["EXPIRED_PRODUCT_SHIPPED", "RECALLED_PRODUCT_SHIPPED"] {
        assert_eq!(found(&test, code).await, [""; 0], "{code}");
    }
}

/// The parties of the story, packwell with another line in its `[capture]`.
async fn hub_with(line: &str) -> TestHub {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(crate::hub::story_partners()).expect("the parties") {
        let path = entry.expect("a file").path();
        let to = folder.path().join(path.file_name().expect("a name"));
        let text = std::fs::read_to_string(&path).expect("a text");
        let changed = text.replace("[capture]\n", &format!("[capture]\n{line}\n"));
        assert!(
            to.file_name() != Some("packwell.toml".as_ref()) || changed != text,
            "packwell has no [capture]"
        );
        std::fs::write(to, changed).expect("a copy");
    }
    let test = TestHub::start().await;
    test.apply_partners(folder.path()).await;
    test
}

#[tokio::test]
async fn the_end_of_a_case_is_that_of_its_units_only_for_a_party_that_says_so() {
    let state = async |test: &TestHub, epc: &str| {
        let query = "query ($epc: String!) { item(epc: $epc) { disposition dispositionInferred } }";
        test.graphql_data(&test.actor("packwell"), query, json!({"epc": epc})).await["item"].clone()
    };
    let (units, cases) = (units(&["A1"]), [case("C1")]);
    let events = [
        made(
            "2026-03-01T08:00:00Z",
            &[units.clone(), cases.to_vec()].concat(),
            of_lot("L1", "2029-06-30"),
        ),
        pack("2026-03-01T09:00:00Z", SITE, &cases[0], &units),
        object("2026-03-01T10:00:00Z", SITE, "DELETE", "decommissioning", "inactive", &cases),
        object("2026-03-01T11:00:00Z", SITE, "OBSERVE", "inspecting", "in_progress", &units),
    ];
    for (line, used) in [("", 0), ("decommission = \"flat\"", 0), ("decommission = \"recursive\"", 1)] {
        // The packing last: what was ended before it was known to be inside is ended all the same.
        for order in [[0, 1, 2, 3], [0, 2, 3, 1], [3, 2, 1, 0]] {
            let test = hub_with(line).await;
            for position in order {
                capture(&test, "packwell", std::slice::from_ref(&events[position])).await;
            }
            assert_eq!(
                found(&test, "DECOMMISSIONED_SERIAL_USED").await,
                units[..used],
                "{line} {order:?}"
            );
        }
        let test = hub_with(line).await;
        capture(&test, "packwell", &events[..3]).await;
        let expected = match used {
            0 => json!({"disposition": "in_progress", "dispositionInferred": false}),
            _ => json!({"disposition": "inactive", "dispositionInferred": true}),
        };
        assert_eq!(state(&test, &units[0]).await, expected, "{line}");
    }
}
