//! What events say of the condition of things, brought to the ledger's facts: lot and expiry, dispositions, ends of life.
//!
//! The rows from which facts are made hold the disposition alone. Lot and expiry are read only of things that are said to be
//! commissioned twice, or no longer; what else is rare stands in rows of its own ([`crate::storage::statement`]).
//!
//! What the contents of a shipment are like is asked for here too: a document about a pallet does not make the hub look at
//! the packs in it, but for those that should not be shipped.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::event::{Action, EpcRole, Event, EventType};
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::ledger::{Deed, Fact, Says, Thing};
use crate::domain::party::Registry;
use crate::domain::profile::Ends;
use crate::domain::time::Micros;
use crate::storage::Tx;
use crate::storage::event::{self, Named};
use crate::storage::item::Item;
use crate::storage::statement::{self, Statement};

use super::admit::Admitted;
use super::save::is_shipping;
use super::{ServiceError, Work};

/// What events say besides what they do.
#[derive(Default)]
pub(in crate::service) struct Told {
    says: HashMap<EventKey, Says>,
    /// Events that end contents too.
    recursive: HashSet<EventKey>,
    /// Events whose inputs are used up: what they say is of what comes out.
    transforming: HashSet<EventKey>,
    contested: HashSet<EpcKey>,
}

impl Told {
    /// What stored events say of their condition, and nothing of lots.
    pub(in crate::service) fn of(stored: &[Named], statements: &HashMap<EventKey, Statement>) -> Self {
        let mut told = Self::default();
        for named in stored {
            if told.says.contains_key(&named.event) {
                continue;
            }
            let statement = statements.get(&named.event);
            let terms = |list: fn(&Statement) -> &Vec<String>| {
                let list = statement.map(list).into_iter().flatten();
                list.map(|term| Arc::from(term.as_str())).collect()
            };
            let says = Says {
                disposition: (!named.disposition.is_empty()).then(|| Arc::from(named.disposition.as_str())),
                set: terms(|statement| &statement.set),
                unset: terms(|statement| &statement.unset),
                ..Says::default()
            };
            told.says.insert(named.event, says);
            if statement.is_some_and(|statement| statement.ends_contents) {
                told.recursive.insert(named.event);
            }
            if named.kind == EventType::Transformation {
                told.transforming.insert(named.event);
            }
        }
        told
    }

    /// Adds lot and expiry of an event that brings things into being.
    pub(in crate::service) fn made(&mut self, key: EventKey, event: &Event) {
        let says = self.says.entry(key).or_default();
        (says.lot, says.expiry) = (event.lot().map(Arc::from), event.expiry().map(Arc::from));
    }

    /// The same of an event whose word stands in the row of a thing.
    pub(in crate::service) fn attribute(&mut self, key: EventKey, item: &Item) {
        let says = self.says.entry(key).or_default();
        (says.lot, says.expiry) = (item.lot.clone(), item.expiry.clone());
    }
}

/// Reads what the events of a document and those stored before say.
pub(super) async fn told(
    tx: &Tx,
    work: &Work,
    admitted: &Admitted,
    (items, stored): (&HashMap<EpcKey, Item>, &[Named]),
) -> Result<Told, ServiceError> {
    let events: BTreeSet<EventKey> = stored.iter().map(|named| named.event).collect();
    let statements = statement::of_events(tx, &events.into_iter().collect::<Vec<_>>()).await?;
    let mut told = Told::of(stored, &statements);
    let party = &work.job.actor.party;
    for (new, event) in admitted.counting(work) {
        told.says.insert(new.key, says(event));
        if ends_contents(event, party, &work.registry) {
            told.recursive.insert(new.key);
        }
        if event.kind == EventType::Transformation {
            told.transforming.insert(new.key);
        }
    }
    lots(tx, (&mut told, work, admitted), (items, stored)).await?;
    Ok(told)
}

/// What is stored of lot and expiry is the state, not the word of the event: of contested things the words are read again.
async fn lots(
    tx: &Tx,
    (told, work, admitted): (&mut Told, &Work, &Admitted),
    (items, stored): (&HashMap<EpcKey, Item>, &[Named]),
) -> Result<(), ServiceError> {
    let born = stored.iter().filter(|named| is_birth(named.kind, named.action, named.role));
    let mut births = HashMap::<EpcKey, usize>::new();
    for named in born.clone() {
        *births.entry(named.epc).or_default() += 1;
    }
    let new = admitted.counting(work).map(|(_, event)| event);
    let wrong = admitted.erroneous.iter().map(|(_, event)| event);
    for (event, weight) in new.map(|event| (event, 1)).chain(wrong.map(|event| (event, 2))) {
        for (role, epc) in event.roles() {
            if is_birth(event.kind, event.action, role) {
                *births.entry(epc.key()).or_default() += weight;
            }
        }
    }
    told.contested
        .extend(births.into_iter().filter(|(_, count)| *count > 1).map(|(epc, _)| epc));
    let mut unread = BTreeSet::new();
    for named in born {
        let item = items.get(&named.epc);
        let counts = item
            .and_then(|item| item.commissioned.as_ref())
            .is_some_and(|(_, _, event)| *event == named.event);
        match item.filter(|_| counts && !told.contested.contains(&named.epc)) {
            Some(item) => {
                let says = told.says.entry(named.event).or_default();
                if says.lot.is_none() && says.expiry.is_none() {
                    (says.lot, says.expiry) = (item.lot.clone(), item.expiry.clone());
                }
            }
            None => {
                unread.insert(named.event);
            }
        }
    }
    for (key, event) in event::bodies(tx, &unread.into_iter().collect::<Vec<_>>()).await? {
        told.made(key, &event);
    }
    Ok(())
}

/// Whether an event brings the things of a role into being.
pub(in crate::service) fn is_birth(kind: EventType, action: Option<Action>, role: EpcRole) -> bool {
    match kind {
        EventType::Object => action == Some(Action::Add),
        EventType::Transformation => role == EpcRole::Output,
        EventType::Aggregation | EventType::Transaction | EventType::Association => false,
    }
}

fn says(event: &Event) -> Says {
    let arcs = |terms: &[crate::domain::event::Term]| terms.iter().map(|term| Arc::from(term.as_str())).collect();
    let lasting = event.persistent_disposition.as_ref();
    Says {
        lot: event.lot().map(Arc::from),
        expiry: event.expiry().map(Arc::from),
        disposition: event.disposition.as_ref().map(|term| Arc::from(term.as_str())),
        set: lasting.map(|lasting| arcs(&lasting.set)).unwrap_or_default(),
        unset: lasting.map(|lasting| arcs(&lasting.unset)).unwrap_or_default(),
    }
}

/// Brings what was told to the facts and things.
pub(in crate::service) fn complete(told: &Told, facts: &mut [Fact], things: &mut HashMap<EpcKey, Thing>) {
    for fact in facts {
        let (is_birth, is_end) = (fact.deed == Deed::Commission, fact.deed == Deed::End);
        let used_up = is_end && told.transforming.contains(&fact.event);
        if let Some(says) = told.says.get(&fact.event).filter(|_| !used_up) {
            fact.says.clone_from(says);
            if !is_birth {
                (fact.says.lot, fact.says.expiry) = (None, None);
            }
        }
        if is_end && told.recursive.contains(&fact.event) {
            fact.deed = Deed::EndWithContents;
        }
    }
    for epc in &told.contested {
        if let Some(thing) = things.get_mut(epc) {
            thing.contested = true;
        }
    }
}

/// Stores what the new events say of conditions. An event that is in error is told too: whether it counts is asked when it is read.
pub(super) async fn save(tx: &Tx, work: &Work, admitted: &Admitted) -> Result<(), ServiceError> {
    let party = &work.job.actor.party;
    let statement = |new: &super::admit::New| {
        let event = &work.checked.events[new.ordinal].0.event;
        let Says {
            disposition, set, unset, ..
        } = says(event);
        let ends_contents = ends_contents(event, party, &work.registry);
        let used_up = event.input_epcs.iter().map(Epc::key);
        let noted = !set.is_empty() || !unset.is_empty() || ends(event) || disposition.as_deref() == Some("recalled");
        let things: Vec<EpcKey> = match noted {
            true => event.roles().map(|(_, epc)| epc.key()).collect(),
            false => used_up.collect(),
        };
        let texts = |terms: Vec<Arc<str>>| terms.iter().map(|term| String::from(&**term)).collect();
        (!things.is_empty()).then(|| Statement {
            event: new.key,
            set: texts(set),
            unset: texts(unset),
            ends_contents,
            things,
        })
    };
    let told = admitted
        .new
        .iter()
        .filter(|new| work.checked.events[new.ordinal].0.event.error_declaration.is_none());
    let statements: Vec<Statement> = told.filter_map(statement).collect();
    Ok(statement::insert(tx, &statements).await?)
}

/// Whether an event ends the life of what it names (see the deeds of the facts).
fn ends(event: &Event) -> bool {
    event.kind == EventType::Object
        && match event.action {
            Some(Action::Delete) => true,
            Some(Action::Observe) => matches!(event.step(), "decommissioning" | "destroying"),
            Some(Action::Add) | None => false,
        }
}

fn ends_contents(event: &Event, teller: &PartyId, registry: &Registry) -> bool {
    let profile = registry.party(teller).map(|party| party.capture.ends());
    ends(event) && profile == Some(Ends::Recursive)
}

/// What is in the things of a document, and should perhaps not have been shipped. Nothing is asked where nothing was shipped.
pub(super) async fn doubtful(
    tx: &Tx,
    work: &Work,
    admitted: &Admitted,
    (touched, stored): (&HashMap<EpcKey, Micros>, &[Named]),
) -> Result<Vec<EpcKey>, ServiceError> {
    let before = stored.iter().filter(|named| named.handover.is_some()).map(|named| named.at);
    let new = admitted
        .counting(work)
        .map(|(_, event)| event)
        .filter(|event| is_shipping(event));
    let shipped: Vec<Micros> = before.chain(new.map(|event| event.event_time)).collect();
    let (Some(first), Some(last)) = (shipped.iter().min(), shipped.iter().max()) else {
        return Ok(Vec::new());
    };
    let containers: Vec<EpcKey> = touched.keys().copied().collect();
    Ok(statement::doubtful_inside(tx, &containers, *first, *last).await?)
}
