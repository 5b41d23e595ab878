//! Slices of events: what the caller sees of an event, each word of it proved against the hub's signature over the whole.
//!
//! What is shown is decided by the lens, as for any other answer ([`event::seen`]); of the past of things that the caller bought, in words
//! ([`of_things`]). The root of an event follows from the stored event, the master key and what is known of place and teller on the day of
//! the signature; the first time that it is asked for it is signed and stored, and from then on held against what is computed, so that the
//! hub never signs two roots of one event.
//!
//! The tree over an event with 100,000 things takes some seconds of one thread; that is done off the threads that serve connections, two at a
//! time, and the trees last used are kept ([`Trees`]).

mod things;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::event::Event;
use crate::domain::gs1::Epc;
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::lens::Relations;
use crate::domain::lens::outline::Words;
use crate::domain::party::{Actor, Registry};
use crate::domain::provenance::{country, main_role};
use crate::domain::serial::receipt::ReceiptKey;
use crate::domain::slice::{Opening, SliceKey, SliceTree, Statement, written};
use crate::epcis::slice::Said;
use crate::storage::slice::SignedRoot;
use crate::storage::view::event::EventRow;
use crate::storage::view::grant::concerned;
use crate::storage::{identity, slice as store};

use super::Hub;
use super::error::{Code, ServiceError};
use super::event::{self, SeenEvent};
use super::lens::{Attempts, Lens};

pub use things::of_things;

/// Trees and proofs that are computed at the same time: each takes a thread for as long as it lasts.
static WORKING: Semaphore = Semaphore::const_new(2);
/// Leaves of all trees that are kept; each takes about 44 bytes.
const KEPT_LEAVES: usize = 500_000;
/// Trees that are kept.
const KEPT_TREES: usize = 256;

/// A slice of one event.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The event.
    pub event: EventKey,
    /// The root of the whole, base64url: the same for all who have a slice of it.
    pub root: String,
    /// The file, one line of JSON without its end.
    pub file: String,
}

/// Which events.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// By the hub's keys.
    Keys(&'a [EventKey]),
    /// By `eventID`: several, if one declares another to be in error.
    Id(&'a str),
}

/// Slices of the events that are named, as far as the caller sees them, oldest record first; of these things alone, if any are given: then of
/// events that show one of them. To name things in full proves that they are at hand, where a grant asks for that.
pub async fn slices(hub: &Hub, actor: &Actor, named: Named<'_>, things: &[Epc]) -> Result<Vec<Slice>, ServiceError> {
    few(hub, things)?;
    seen_slices(hub, actor, named, things).await
}

/// No more things than a slice shows.
fn few(hub: &Hub, things: &[Epc]) -> Result<(), ServiceError> {
    let most = hub.limits().slice_things;
    match things.len() > most {
        true => Err(too_many(format!("{} things are named", things.len()), most)),
        false => Ok(()),
    }
}

/// Slices of what the lens shows of some events.
async fn seen_slices(hub: &Hub, actor: &Actor, named: Named<'_>, things: &[Epc]) -> Result<Vec<Slice>, ServiceError> {
    let most = hub.limits().slice_things;
    let mut attempts = Attempts::default();
    let (rows, seen) = loop {
        let lens = Lens::of(hub, actor, things.iter().map(Epc::key)).await?;
        let rows = rows(hub, &lens, named).await?;
        let seen = event::seen(hub, (actor, &lens), rows.clone()).await?;
        if lens.may_tell(hub, &seen).await? {
            break (rows, seen);
        }
        attempts.again()?;
    };
    let mut slices = Vec::new();
    for mut seen in seen {
        if !narrow(&mut seen.event, things) {
            continue;
        }
        let shown = named_things(&seen.event);
        if shown > most {
            return Err(too_many(format!("you see {shown} things in this event"), most));
        }
        let whole = rows.iter().find(|row| row.key == seen.key);
        let whole = whole.ok_or_else(|| ServiceError::Internal("an event is seen that was not read".to_owned()))?;
        slices.push(slice(hub, whole, seen).await?);
    }
    Ok(slices)
}

async fn rows(hub: &Hub, lens: &Lens, named: Named<'_>) -> Result<Vec<EventRow>, ServiceError> {
    let id = match named {
        Named::Keys(keys) => return lens.by_keys(hub, keys).await,
        Named::Id(id) => id,
    };
    let mut rows = lens.by_event_id(hub, id).await?;
    let aliases = identity::by_alias(hub.db(), &[id.to_owned()]).await?;
    let keys: Vec<EventKey> = aliases.into_iter().map(|(_, event, _)| event).collect();
    rows.extend(lens.by_keys(hub, &keys).await?);
    rows.sort_by_key(|row| row.key.uuid());
    rows.dedup_by_key(|row| row.key);
    Ok(rows)
}

/// Leaves only these things in what is seen, if any are given; whether one of them is there.
fn narrow(event: &mut Event, things: &[Epc]) -> bool {
    if things.is_empty() {
        return true;
    }
    let parent = event.parent.as_ref().is_some_and(|parent| things.contains(parent));
    let wanted: std::collections::HashSet<&Epc> = things.iter().collect();
    for list in [&mut event.epcs, &mut event.input_epcs, &mut event.output_epcs] {
        list.retain(|epc| wanted.contains(epc));
    }
    for list in [
        &mut event.quantities,
        &mut event.input_quantities,
        &mut event.output_quantities,
    ] {
        list.clear();
    }
    parent || event.epcs.len() + event.input_epcs.len() + event.output_epcs.len() > 0
}

fn named_things(event: &Event) -> usize {
    let things = event.epcs.len() + event.input_epcs.len() + event.output_epcs.len();
    things + event.quantities.len() + event.input_quantities.len() + event.output_quantities.len()
}

fn too_many(what: String, most: usize) -> ServiceError {
    let detail = format!("{what}, and a slice shows {most} at the most: name fewer by their EPCs, and ask again for others");
    ServiceError::refused(Code::TooLarge, detail)
}

async fn slice(hub: &Hub, whole: &EventRow, seen: SeenEvent) -> Result<Slice, ServiceError> {
    let parties = (
        seen.shows_asserter().then_some(seen.asserter.as_str()),
        seen.principal.as_ref().map(PartyId::as_str),
    );
    let said = Said::new(&identified(seen.event, &whole.event_id), whole.record_time, parties).map_err(unprintable)?;
    proved(whole.key, said, kept(hub, whole).await?).await
}

/// What is said of an event, with its proofs.
async fn proved(key: EventKey, said: Said, kept: Kept) -> Result<Slice, ServiceError> {
    let Kept { tree, signed, .. } = kept;
    let (root, jws) = (written(&signed.root), signed.jws.clone());
    let file = working(turn().await?, move || {
        let openings: Option<Vec<Opening>> = said.leaves().iter().map(|leaf| tree.open(leaf)).collect();
        // Not which: what an event says does not go to the log.
        let openings =
            openings.ok_or_else(|| ServiceError::Internal(format!("{key}: something is shown that was not committed to")))?;
        Ok(said.file(&openings, &jws))
    });
    Ok(Slice {
        event: key,
        file: file.await?,
        root,
    })
}

/// Tree and signature of a whole event, computed or kept.
async fn kept(hub: &Hub, whole: &EventRow) -> Result<Kept, ServiceError> {
    if let Some(kept) = hub.trees().get(whole.key) {
        return Ok(kept);
    }
    let turn = turn().await?;
    // Somebody else may have had the same done meanwhile.
    if let Some(kept) = hub.trees().get(whole.key) {
        return Ok(kept);
    }
    let event = whole.key;
    let key = SliceKey::of(hub.master_key(), event).map_err(failed)?;
    let name = key.name();
    let stored = store::of_event(hub.db(), event).await?;
    let words = match &stored {
        Some(signed) => signed.words.clone(),
        None => words(&hub.registry(), whole),
    };
    let (row, said) = (whole.clone(), words.clone());
    let principals = principals(hub, whole).await?;
    let tree = working(turn, move || {
        let principals: Vec<&str> = principals.iter().map(PartyId::as_str).collect();
        let parties = (row.asserter.as_str(), principals.as_slice());
        let words = Words {
            month: Some(row.event.event_time.month()),
            ..said
        };
        let leaves = Said::whole(&identified(row.event, &row.event_id), row.record_time, parties, &words).map_err(unprintable)?;
        SliceTree::grow(&key, &leaves).map_err(failed)
    });
    let tree = Arc::new(tree.await?);
    let signed = match stored {
        Some(signed) => signed,
        None => sign(hub, (event, name), words.clone(), &tree).await?,
    };
    if signed.words != words {
        // Another process signed it at this moment, and knew other words: its words count.
        return Box::pin(kept(hub, whole)).await;
    }
    if signed.root != *tree.root() {
        let text =
            format!("{event}: its root is not the one that was signed; the event or the master key is another than it was");
        return Err(ServiceError::Internal(text));
    }
    let kept = Kept {
        event,
        tree,
        signed: Arc::new(signed),
    };
    hub.trees().keep(kept.clone());
    Ok(kept)
}

/// All in whose name an event is told: that was decided when it was taken in, and stays.
async fn principals(hub: &Hub, whole: &EventRow) -> Result<BTreeSet<PartyId>, ServiceError> {
    let concerned = concerned(hub.db(), whole.key).await?.into_iter();
    let principals = concerned.filter(|(_, relations)| relations.has(Relations::PRINCIPAL));
    Ok(principals.map(|(party, _)| party).chain(whole.principal.clone()).collect())
}

async fn sign(hub: &Hub, (event, name): (EventKey, String), words: Words, tree: &SliceTree) -> Result<SignedRoot, ServiceError> {
    let statement = Statement::new(hub.registry().operator().cloned(), name, tree.root());
    let key = ReceiptKey::of(hub.master_key()).map_err(failed)?;
    let signed = SignedRoot {
        words,
        root: *tree.root(),
        jws: statement.sign(&key).map_err(failed)?,
    };
    let now = hub.now();
    hub.db()
        .write(move |tx| Box::pin(async move { Ok(store::put(tx, event, &signed, now).await?) }))
        .await
}

/// Where an event happened and who told it, in words that fit many events, as it is known today.
fn words(registry: &Registry, whole: &EventRow) -> Words {
    let event = &whole.event;
    let place = [&event.biz_location, &event.read_point].into_iter().flatten().next();
    let site = place.and_then(|place| place.id.gln());
    let role = registry.party(&whole.asserter).and_then(|party| main_role(party));
    Words {
        month: None,
        country: country(registry, &whole.asserter, site),
        role: role.map(|role| role.as_str().to_owned()),
    }
}

/// The repository gives the id where the sender gave none.
fn identified(mut event: Event, event_id: &str) -> Event {
    event.event_id.get_or_insert_with(|| event_id.into());
    event
}

fn unprintable(error: std::io::Error) -> ServiceError {
    ServiceError::Internal(format!("writing an event for a slice: {error}"))
}

fn failed(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::Internal(format!("the tree of an event: {error}"))
}

async fn turn() -> Result<SemaphorePermit<'static>, ServiceError> {
    let closed = |_| ServiceError::refused(Code::Unavailable, Code::Unavailable.title());
    WORKING.acquire().await.map_err(closed)
}

/// Off the threads that serve connections. The turn lasts as long as the work, even if the caller has gone away.
async fn working<T: Send + 'static>(
    turn: SemaphorePermit<'static>,
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.map_err(failed)?
}

/// A tree that was computed, and what was signed of it.
#[derive(Debug, Clone)]
struct Kept {
    event: EventKey,
    tree: Arc<SliceTree>,
    signed: Arc<SignedRoot>,
}

/// The trees of one hub that were last used. Only a shortcut: a tree that is not here is computed again, and is the same.
#[derive(Debug, Default)]
pub(super) struct Trees(Mutex<VecDeque<Kept>>);

impl Trees {
    fn get(&self, event: EventKey) -> Option<Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|one| one.event == event)?;
        let found = kept.remove(place)?;
        kept.push_back(found.clone());
        Some(found)
    }

    /// Keeps a tree; those that were not used for longest make room. One larger than the room is not kept.
    fn keep(&self, new: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.event != new.event);
        kept.push_back(new);
        while kept.len() > KEPT_TREES || kept.iter().map(|one| one.tree.size()).sum::<usize>() > KEPT_LEAVES {
            kept.pop_front();
        }
    }
}
