//! What each relation leaves of an event.

use proptest::prelude::*;

use super::*;
use crate::domain::event::{Action, BizTransaction, Content, EventType, Location, Name, Node, Term};
use crate::domain::time::Micros;

/// Owns what has `mine` in it, is at `here`, acts for `boss`; what has `theirs` is of the asserter's other principal.
struct Eyes;

impl Viewer for Eyes {
    fn owns(&self, epc: &Epc) -> bool {
        epc.canonical().contains("mine")
    }
    fn owns_class(&self, class: &EpcClass) -> bool {
        class.canonical().contains("mine")
    }
    fn is_anothers(&self, epc: &Epc) -> bool {
        epc.canonical().contains("theirs")
    }
    fn is_anothers_class(&self, class: &EpcClass) -> bool {
        class.canonical().contains("theirs")
    }
    fn is_self(&self, id: &Epc) -> bool {
        id.canonical().contains("here")
    }
    fn is_principal(&self, id: &Epc) -> bool {
        id.canonical().contains("boss")
    }
    fn is_anothers_document(&self, id: &str) -> bool {
        id.contains("theirs")
    }
}

fn epc(text: &str) -> Epc {
    text.parse().unwrap()
}

fn node(namespace: &str, local: &str) -> Node {
    Node {
        name: Name {
            namespace: namespace.into(),
            local: local.into(),
            prefix: "".into(),
        },
        attributes: Vec::new(),
        content: Content::Text("x".into()),
    }
}

fn shipping() -> Event {
    let mut event = Event::new(EventType::Object, Some(Action::Observe), Micros(1_000_000), 0);
    let end = |kind: &str, id: &str| SourceDest {
        kind: Term(kind.into()),
        id: epc(id),
    };
    let document = |kind: &str| BizTransaction {
        kind: Some(Term(kind.into())),
        id: format!("urn:x:{kind}").into(),
    };
    event.epcs = ["urn:x:mine", "urn:x:theirs", "urn:x:other"].map(epc).to_vec();
    event.biz_step = Some(Term("shipping".into()));
    event.read_point = Some(Location {
        id: epc("urn:x:gate"),
        extensions: vec![node("urn:own", "dock")],
    });
    event.biz_location = Some(Location {
        id: epc("urn:x:at-here"),
        extensions: Vec::new(),
    });
    event.biz_transactions = ["po", "desadv", "inv"].map(document).to_vec();
    event.sources = vec![
        end("owning_party", "urn:x:boss"),
        end("possessing_party", "urn:x:carrier"),
        end("location", "urn:x:dock"),
    ];
    event.destinations = vec![
        end("owning_party", "urn:x:buyer"),
        end("possessing_party", "urn:x:at-here"),
        end("urn:own:kind", "urn:x:secret"),
    ];
    event.ilmd = vec![node(CBV_MDA, "lotNumber"), node("urn:own", "price")];
    event.extensions = vec![node("urn:own", "price")];
    event.sensor_elements = vec![node("", "sensorElement")];
    event
}

/// One line that says what is left.
fn left(relations: Relations) -> String {
    let Some(event) = mask(&shipping(), relations, &Eyes) else {
        return "nothing".to_owned();
    };
    let tail = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
    let ends = |list: &[SourceDest]| list.iter().map(|end| tail(end.id.canonical())).collect::<Vec<_>>().join(",");
    let place = |place: &Option<Location>| place.as_ref().map_or("-".to_owned(), |place| tail(place.id.canonical()));
    format!(
        "{} | {} {} | {} > {} | {} | ilmd {} ext {} sensors {}",
        event
            .epcs
            .iter()
            .map(|epc| tail(epc.canonical()))
            .collect::<Vec<_>>()
            .join(","),
        place(&event.read_point),
        place(&event.biz_location),
        ends(&event.sources),
        ends(&event.destinations),
        event
            .biz_transactions
            .iter()
            .map(|document| tail(&document.id))
            .collect::<Vec<_>>()
            .join(","),
        event.ilmd.len(),
        event.extensions.len(),
        event.sensor_elements.len(),
    )
}

#[test]
fn each_relation_sees_its_part_of_a_shipping_event() {
    let check = |relation, expect: &str| assert_eq!(left(relation), expect);
    check(
        Relations::ASSERTER,
        "mine,theirs,other | gate at-here | boss,carrier,dock > buyer,at-here,secret | po,desadv,inv | ilmd 2 ext 1 sensors 1",
    );
    check(
        Relations::PRINCIPAL,
        "mine,other | - at-here | boss,carrier > buyer,at-here | po,desadv,inv | ilmd 1 ext 0 sensors 1",
    );
    check(
        Relations::BRAND_OWNER,
        "mine | - at-here | boss,carrier > buyer,at-here | po,desadv,inv | ilmd 1 ext 0 sensors 0",
    );
    check(
        Relations::BUYER,
        "mine,theirs,other | - at-here | boss,carrier > buyer,at-here | po,desadv,inv | ilmd 1 ext 0 sensors 0",
    );
    check(
        Relations::RECEIVER,
        "mine,theirs,other | - at-here | boss,carrier > at-here | desadv | ilmd 1 ext 0 sensors 0",
    );
    check(Relations::BRAND_OWNER_AFTER, "nothing");
    check(Relations::LATER_OWNER, "nothing");
    check(Relations::default(), "nothing");
}

#[test]
fn a_site_is_shown_without_the_place_inside_it() {
    let dock = epc("https://id.gs1.org/414/9521321000001/254/dock7");
    if dock.gln().is_some() {
        let shown = coarse(dock, Where::Site, &Eyes).unwrap();
        assert_eq!(shown.canonical(), "https://id.gs1.org/414/9521321000001");
    }
}

#[test]
fn an_aggregation_is_cut_to_own_children_and_hides_the_parent_of_others() {
    let mut packing = Event::new(EventType::Aggregation, Some(Action::Add), Micros(0), 0);
    packing.parent = Some(epc("urn:x:case"));
    packing.epcs = vec![epc("urn:x:mine"), epc("urn:x:other")];
    let shown = mask(&packing, Relations::BRAND_OWNER, &Eyes).unwrap();
    assert_eq!((shown.parent, shown.epcs), (Some(epc("urn:x:case")), vec![epc("urn:x:mine")]));
    packing.epcs = vec![epc("urn:x:other")];
    assert_eq!(mask(&packing, Relations::BRAND_OWNER, &Eyes), None);
}

proptest! {
    #[test]
    fn a_further_relation_never_hides_any_part(some in 0_i64..256, more in 0_i64..256) {
        let Some(less) = mask(&shipping(), Relations(some), &Eyes) else { return Ok(()) };
        let all = mask(&shipping(), Relations(some | more), &Eyes);
        let all = all.ok_or_else(|| TestCaseError::fail("hidden by a further relation"))?;
        prop_assert!(less.epcs.iter().all(|epc| all.epcs.contains(epc)));
        prop_assert!(less.sources.iter().all(|end| all.sources.contains(end)));
        prop_assert!(less.destinations.iter().all(|end| all.destinations.contains(end)));
        prop_assert!(less.biz_transactions.iter().all(|document| all.biz_transactions.contains(document)));
        prop_assert!(less.ilmd.iter().all(|node| all.ilmd.contains(node)));
        prop_assert!(less.read_point.is_none() || all.read_point.is_some());
        prop_assert!(less.extensions.len() <= all.extensions.len() && less.sensor_elements.len() <= all.sensor_elements.len());
    }
}
