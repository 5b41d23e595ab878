//! What grants open of shipments: what the shipping events that they show say, and the receipts of those.

use std::collections::HashMap;

use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::EventKey;
use crate::domain::seen::{Basis, Shipped, Words, shipped as told};
use crate::domain::time::Micros;
use crate::service::error::ServiceError;
use crate::service::page::{Cursor, Page, Paged};
use crate::service::seen::Heard;
use crate::storage::view::event::Filter;
use crate::storage::view::shipment::Departure;

use super::{SeenShipment, Shown};

/// Those of which a grant shows the caller the shipping event.
pub(super) async fn shipped(heard: &mut Heard<'_>, departures: &[Departure]) -> Result<HashMap<EventKey, Shipped>, ServiceError> {
    let keys: Vec<EventKey> = departures.iter().map(|departure| departure.event).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let words = heard.of_events(&keys).await?;
    let mut things: Vec<EpcKey> = words.iter().flat_map(|word| &word.event.epcs).map(Epc::key).collect();
    things.sort_unstable();
    things.dedup();
    let receipts = Filter {
        biz_steps: ["receiving", "void_shipping"].map(str::to_owned).to_vec(),
        event_from: words.iter().map(|word| word.event.event_time).min(),
        ..Filter::default()
    };
    heard.of_things(&things, &receipts).await?;
    let (registry, others) = (
        heard.hub.registry(),
        Words::counting(heard.words(), Micros::FOREVER, Micros::FOREVER),
    );
    let told = words
        .iter()
        .filter_map(|word| Some((word.key, told(word, &others, &registry)?)));
    Ok(told.collect())
}

/// What the caller has to do with it stands; grants add what that does not say.
pub(super) fn both(related: Option<SeenShipment>, granted: Option<(Departure, Shipped)>) -> Option<SeenShipment> {
    let Some((departure, granted)) = granted else {
        return related;
    };
    let Some(mut seen) = related else {
        return Some(SeenShipment {
            id: departure.id,
            basis: Basis::Grants,
            state: granted.state.as_str().to_owned(),
            ship_event: departure.event,
            sender: granted.sender,
            receiver: granted.receiver,
            seller: granted.seller,
            buyer: granted.buyer,
            from: granted.from,
            to: granted.to,
            shipped_at: granted.shipped_at,
            received_at: granted.received_at,
            documents: granted.documents,
            shown: Shown::None,
            granted: granted.things,
        });
    };
    seen.basis = Basis::Both;
    seen.sender = seen.sender.or(granted.sender);
    seen.receiver = seen.receiver.or(granted.receiver);
    seen.seller = seen.seller.or(granted.seller);
    seen.buyer = seen.buyer.or(granted.buyer);
    seen.from = seen.from.or(granted.from);
    seen.to = seen.to.or(granted.to);
    seen.received_at = seen.received_at.or(granted.received_at);
    for document in granted.documents {
        if !seen.documents.contains(&document) {
            seen.documents.push(document);
        }
    }
    seen.granted = granted.things;
    Some(seen)
}

/// A page of the things of one shipment, with those that grants show.
#[must_use]
pub fn and_granted(of: &SeenShipment, known: Paged<Epc>, page: Page) -> Paged<Epc> {
    let after = page.after.map(|cursor| cursor.id);
    let granted = of.granted.iter().map(|epc| (epc.key().0, epc));
    let behind = granted.filter(|(key, _)| after.is_none_or(|after| *key > after));
    let behind = behind.take(page.first.saturating_add(1));
    let mut rows = known.rows;
    rows.extend(behind.map(|(id, epc)| (Cursor { at: 0, id }, epc.clone())));
    rows.sort_by_key(|(cursor, _)| cursor.id);
    rows.dedup_by_key(|(cursor, _)| cursor.id);
    let paged = Paged::from_probe(rows, page);
    Paged {
        has_next: paged.has_next || known.has_next,
        ..paged
    }
}
