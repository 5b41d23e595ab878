//! Handovers under the lens: by what the caller has to do with them, and by the shipping events that grants show.

mod granted;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::event::BizTransaction;
use crate::domain::gs1::{Epc, Gln};
use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::lens::{Contents, Documents, Sight, Where, Who, sight};
use crate::domain::party::{Actor, Registry};
use crate::domain::seen::Basis;
use crate::domain::time::Micros;
use crate::storage::view;
use crate::storage::view::shipment::{Departure, Part, ShipmentRow};

use super::Hub;
use super::error::ServiceError;
use super::lens::{Attempts, Lens, beside, document_holder};
use super::page::{Cursor, Page, Paged};
use super::seen::Heard;

pub use granted::and_granted;

/// A shipment as the caller may see it.
#[derive(Debug, Clone)]
pub struct SeenShipment {
    /// Its id.
    pub id: ShipmentId,
    /// By what it is told.
    pub basis: Basis,
    /// As stored.
    pub state: String,
    /// The shipping event.
    pub ship_event: EventKey,
    /// Hands over.
    pub sender: Option<PartyId>,
    /// Takes over.
    pub receiver: Option<PartyId>,
    /// Gives up ownership, if that changes.
    pub seller: Option<PartyId>,
    /// Takes ownership, if that changes.
    pub buyer: Option<PartyId>,
    /// From where.
    pub from: Option<Gln>,
    /// To where.
    pub to: Option<Gln>,
    /// When it left.
    pub shipped_at: Micros,
    /// When the taker said that it came.
    pub received_at: Option<Micros>,
    /// Business documents.
    pub documents: Vec<BizTransaction>,
    /// Which of its things the caller knows by what it has to do with it.
    pub shown: Shown,
    /// The things that grants show, by key.
    pub granted: Vec<Epc>,
}

/// Which of the things of a shipment the caller sees by what it has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// None.
    None,
    /// All.
    All,
    /// All but those of other principals of those who act for it.
    OnBehalf,
    /// Its own.
    Own,
}

/// Shipments that the caller takes part in or may know of as brand owner, and those of which a grant shows it the shipping event; latest
/// departure first.
pub async fn shipments(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<SeenShipment>, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let mut heard = Heard::new(hub, actor, &lens);
        let rows = found(&mut heard, page).await?;
        if heard.may_be_told().await? {
            return Ok(Paged::from_probe(rows, page));
        }
        attempts.again()?;
    }
}

/// A shipment at its place in the list.
#[derive(Default)]
struct Found {
    related: Option<ShipmentRow>,
    granted: Option<Departure>,
}

/// A page and one more.
async fn found(heard: &mut Heard<'_>, page: Page) -> Result<Vec<(Cursor, SeenShipment)>, ServiceError> {
    let (hub, actor) = (heard.hub, heard.actor);
    let (registry, ids, probe) = (hub.registry(), heard.lens.ids(), page.first.saturating_add(1));
    let mut after = page.after.map(|cursor| (cursor.at, cursor.id));
    let mut rows = Vec::new();
    // What is hidden altogether is made up for from the next rows.
    loop {
        let own = view::shipment::list(hub.db(), &actor.party, after, probe).await?;
        let covered = view::shipment::all_covered(hub.db(), &ids, after, probe).await?;
        let ended = own.len() < probe && covered.len() < probe;
        let mut places: BTreeMap<Reverse<(i64, Uuid)>, Found> = BTreeMap::new();
        for row in own {
            let place = (row.handover.shipped_at.0, row.handover.id.uuid());
            places.entry(Reverse(place)).or_default().related = Some(row);
        }
        for departure in covered {
            let place = (departure.shipped_at.0, departure.id.uuid());
            places.entry(Reverse(place)).or_default().granted = Some(departure);
        }
        let exhausted = ended && places.len() <= probe;
        let places: Vec<_> = places.into_iter().take(probe).collect();
        after = places.last().map(|(Reverse(place), _)| *place).or(after);
        let departures: Vec<Departure> = places.iter().filter_map(|(_, found)| found.granted).collect();
        let mut granted = granted::shipped(heard, &departures).await?;
        for (Reverse((at, id)), place) in places {
            let related = place.related.and_then(|row| seen(hub, actor, &registry, row));
            let granted = place
                .granted
                .and_then(|departure| Some((departure, granted.remove(&departure.event)?)));
            rows.extend(granted::both(related, granted).map(|seen| (Cursor { at, id }, seen)));
        }
        if exhausted || rows.len() >= probe {
            return Ok(rows);
        }
    }
}

/// One shipment.
pub async fn shipment(hub: &Hub, actor: &Actor, id: ShipmentId) -> Result<Option<SeenShipment>, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let mut heard = Heard::new(hub, actor, &lens);
        let row = view::shipment::by_id(hub.db(), &actor.party, id).await?;
        let related = row.and_then(|row| seen(hub, actor, &hub.registry(), row));
        let departure = view::shipment::covered(hub.db(), &lens.ids(), id).await?;
        let mut granted = granted::shipped(&mut heard, departure.as_slice()).await?;
        let granted = departure.and_then(|departure| Some((departure, granted.remove(&departure.event)?)));
        if heard.may_be_told().await? {
            return Ok(granted::both(related, granted));
        }
        attempts.again()?;
    }
}

/// What was shipped, for several shipments that the caller got from this module (with what it sees of each): a page of each, in
/// one statement for each of [`Shown`].
pub async fn things(
    hub: &Hub,
    actor: &Actor,
    shipments: &[(ShipmentId, Shown)],
    page: Page,
) -> Result<HashMap<ShipmentId, Paged<Epc>>, ServiceError> {
    let after = page.after.map(|cursor| cursor.id);
    let mut rows = Vec::new();
    let others: Vec<PartyId> = beside(&hub.registry(), &actor.party).into_iter().collect();
    for shown in [Shown::All, Shown::OnBehalf, Shown::Own] {
        let ids: Vec<ShipmentId> = shipments.iter().filter(|(_, of)| *of == shown).map(|(id, _)| *id).collect();
        let part = match shown {
            Shown::All => Part::All,
            Shown::OnBehalf => Part::Without(&actor.party, &others),
            Shown::Own => Part::Own(&actor.party),
            Shown::None => continue,
        };
        rows.extend(view::shipment::things(hub.db(), &ids, part, after, page.first.saturating_add(1)).await?);
    }
    let mut of: HashMap<ShipmentId, Vec<(Cursor, Epc)>> = HashMap::new();
    for (shipment, key, epc) in rows {
        let key: Uuid = key;
        of.entry(shipment).or_default().push((Cursor { at: 0, id: key }, epc));
    }
    Ok(of
        .into_iter()
        .map(|(shipment, rows)| (shipment, Paged::from_probe(rows, page)))
        .collect())
}

fn seen(hub: &Hub, actor: &Actor, registry: &Registry, row: ShipmentRow) -> Option<SeenShipment> {
    let sight = sight(row.relations);
    if !sight.shows_event() {
        return None;
    }
    let ShipmentRow {
        handover,
        state,
        ship_event,
        mut documents,
        ..
    } = row;
    let is_principal = |party: &PartyId| {
        registry
            .principals_of(&actor.party, hub.now())
            .any(|agreement| agreement.principal == *party)
    };
    // The two that meet at the ramp know each other; who buys and sells is theirs to know who deal, and a delegate's
    // of its own principal.
    let met = [Some(handover.sender.clone()), handover.receiver.clone()];
    let owner = |party: Option<PartyId>, who: Who| {
        party.filter(|party| match who {
            Who::Nothing | Who::Role => false,
            Who::Counterparty => *party == actor.party || met.contains(&Some(party.clone())) || is_principal(party),
            Who::Name | Who::Asserted => true,
        })
    };
    let partial = sight.contents <= Contents::OnBehalf;
    let others = if partial {
        beside(registry, &actor.party)
    } else {
        HashSet::new()
    };
    let anothers =
        |document: &BizTransaction| document_holder(registry, &document.id).is_some_and(|party| others.contains(party));
    documents.retain(|document| shows(document, &sight) && !anothers(document));
    let site = |gln: Option<Gln>| {
        gln.filter(|gln| match sight.place {
            Where::Nothing | Where::Country => false,
            Where::OwnSites => registry.party_of_gln(*gln) == Some(&actor.party),
            Where::Site | Where::ReadPoint => true,
        })
    };
    // Of several who sell, each knows of its own deal.
    let sells = handover.also.contains(&actor.party).then(|| actor.party.clone());
    let known = |party: Option<PartyId>, who: Who| party.filter(|_| who >= Who::Counterparty);
    Some(SeenShipment {
        id: handover.id,
        basis: Basis::Relations,
        granted: Vec::new(),
        state,
        ship_event,
        sender: known(Some(handover.sender.clone()), sight.before),
        receiver: known(handover.receiver.clone(), sight.after),
        seller: sells.or_else(|| owner(handover.seller.clone(), sight.before)),
        buyer: owner(handover.buyer.clone(), sight.after),
        from: site(handover.from),
        to: site(handover.to),
        shipped_at: handover.shipped_at,
        received_at: handover.received_at,
        documents,
        shown: match sight.contents {
            Contents::Nothing | Contents::Own => Shown::Own,
            Contents::OnBehalf => Shown::OnBehalf,
            Contents::Handed | Contents::Asserted => Shown::All,
        },
    })
}

fn shows(document: &BizTransaction, sight: &Sight) -> bool {
    match sight.documents {
        Documents::Nothing => false,
        Documents::Delivery => matches!(document.kind.as_ref().map(|kind| kind.as_str()), Some("desadv" | "recadv")),
        Documents::Handover | Documents::Asserted => true,
    }
}
