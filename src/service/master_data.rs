//! What documents say beside their events, for whoever sees one of them.
//!
//! # Who learns what
//! - Master data: of a document's, the entries about identifiers that stand in the event as the caller sees it. What the lens
//!   takes out of the event takes its master data along.
//! - Sender, receiver and number of the document: whoever asserted it or in whose name, and the two parties themselves. A document that
//!   names another principal of the same delegate is that one's, whatever else is in it.
//! - The transaction statement: those, and the sides of the handover. A brand owner learns nothing of it.

use std::collections::BTreeSet;

use crate::domain::event::Event;
use crate::domain::gs1::Gtin;
use crate::domain::lens::{Relations, Shown};
use crate::domain::party::Actor;
use crate::epcis::Correspondent;
use crate::epcis::statement::canonical_id;
use crate::storage::document as store;

use super::Hub;
use super::error::ServiceError;
use super::event::SeenEvent;
use super::lens::beside;

pub use store::Statement;

/// Most entries of master data that are shown of one event.
const ENTRIES: usize = 1_000;

/// A document, as far as who sees one of its events may see it.
#[derive(Debug, Clone, Default)]
pub struct EventDocument {
    /// Who sent it to whom, and its number, as the header has them.
    pub sender: Option<String>,
    /// To whom.
    pub receiver: Option<String>,
    /// The sender's own number of it.
    pub instance_id: Option<String>,
    /// Its DSCSA transaction statement.
    pub statement: Option<Statement>,
    /// Its master data about what the event names.
    pub master_data: Vec<Entry>,
}

/// What a document says that an identifier stands for.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The identifier in its canonical form.
    pub id: String,
    /// `type` of its vocabulary.
    pub vocabulary: String,
    /// Name and value.
    pub attributes: Vec<(String, String)>,
}

/// The document that an event of the caller's came in.
pub async fn of_event(hub: &Hub, actor: &Actor, seen: &SeenEvent) -> Result<EventDocument, ServiceError> {
    let header = store::header(hub.db(), seen.document).await?;
    let has = |relations: &[Relations]| relations.iter().any(|relation| seen.relations.has(*relation));
    let (by, sides) = (
        [Relations::ASSERTER, Relations::PRINCIPAL],
        [Relations::SENDER, Relations::RECEIVER, Relations::SELLER, Relations::BUYER],
    );
    let registry = hub.registry();
    let party = |named: &Option<String>| {
        let correspondent = named.as_ref().map(|identifier| Correspondent {
            authority: None,
            identifier: identifier.as_str().into(),
        });
        correspondent.and_then(|correspondent| registry.party_of_gln(correspondent.gln()?))
    };
    let ends = [party(&header.sender), party(&header.receiver)];
    // One who acts for several can put all of it into one document, in the name of one of them.
    let others = beside(&registry, &actor.party);
    let is_anothers = !has(&[Relations::ASSERTER]) && ends.into_iter().flatten().any(|end| others.contains(end));
    let addressed = has(&by) && !is_anothers || ends.contains(&Some(&actor.party));
    let named = identifiers(&seen.event).into_iter().map(|id| (seen.document, id));
    let named = named.filter(|_| seen.sight.product == Shown::Full);
    let told = store::told(hub.db(), &named.collect()).await?;
    let entry = |((_, id), (vocabulary, attributes))| Entry {
        id,
        vocabulary,
        attributes,
    };
    Ok(EventDocument {
        statement: header.statement.filter(|_| addressed || has(&sides) && !is_anothers),
        sender: header.sender.filter(|_| addressed),
        receiver: header.receiver.filter(|_| addressed),
        instance_id: header.instance_id.filter(|_| addressed),
        master_data: told.into_iter().map(entry).take(ENTRIES).collect(),
    })
}

/// Every identifier that master data can be about, in its canonical form.
pub(super) fn identifiers(event: &Event) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let places = [&event.read_point, &event.biz_location];
    found.extend(places.into_iter().flatten().map(|place| place.id.canonical().to_owned()));
    let ends = event.sources.iter().chain(&event.destinations);
    found.extend(ends.map(|end| end.id.canonical().to_owned()));
    let quantities = event
        .quantities
        .iter()
        .chain(&event.input_quantities)
        .chain(&event.output_quantities);
    for quantity in quantities {
        found.insert(quantity.class.canonical().to_owned());
        found.extend(quantity.class.gtin().map(of_product));
    }
    let products: BTreeSet<Gtin> = event.roles().filter_map(|(_, epc)| epc.gtin()).collect();
    found.extend(products.into_iter().map(of_product));
    found.extend(event.biz_transactions.iter().map(|document| canonical_id(&document.id)));
    found
}

/// The class of a product, whatever its lot.
pub(super) fn of_product(gtin: Gtin) -> String {
    canonical_id(&format!("https://id.gs1.org/01/{gtin}"))
}
