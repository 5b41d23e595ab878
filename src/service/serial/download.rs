//! The numbers of an allocation, computed while they are read, or read from the list that they stand in.
//!
//! The holder may read them as often as it likes, whole or in part: a lost answer costs no numbers. The brand owner may too: the numbers
//! are of its brand, it answers for them to the authorities, and it could ask for numbers of the product itself. Nobody else learns that
//! the allocation exists. Each reading is an audit entry, since whoever has the numbers can print them.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AllocationId, AuditId};
use crate::domain::party::Actor;
use crate::domain::serial::allocation::{Allocation, offset_of};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::domain::serial::trial::Trial;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::allocation::{self as store, StoredAllocation};
use crate::storage::serial::{listed, pool};
use crate::storage::{Db, StorageError, audit};

use super::progress::no_numbers;
use super::{allocation, pools};

/// How many numbers are computed at a time: some milliseconds of work, some ten kilobytes.
const CHUNK: u64 = 4_096;

/// Which part of an allocation is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SerialRange {
    /// How many numbers from its beginning the reader has already.
    pub after: u64,
    /// At most how many more; none: to its end.
    pub limit: Option<u64>,
}

/// Numbers still to be computed, in the order of the allocation, which is the same each time.
#[derive(Debug, Clone)]
pub struct SerialStream {
    db: Db,
    numbered: Numbered,
    pool: Arc<Pool>,
    /// Of a dry run: what gives the numbers in the place of the pool.
    trial: Option<Trial>,
    first_index: u64,
    holes: RoaringBitmap,
    /// The offset to look at next.
    offset: u64,
    left: u64,
    /// Numbers that were computed before anybody asked for them; they come first.
    begun: Begun,
}

/// Numbers one behind the other in one text.
#[derive(Debug, Clone, Default)]
struct Begun {
    text: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Begun {
    fn push(&mut self, serial: &str) {
        self.text.push_str(serial);
        self.ends.push(self.text.len());
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut from = 0;
        self.ends
            .iter()
            .filter_map(move |end| self.text.get(std::mem::replace(&mut from, *end)..*end))
    }
}

impl SerialStream {
    /// Numbers to try with: computed, also where those of the pool stand in a list.
    pub(super) fn trial(hub: &Hub, trial: Trial, quantity: u64) -> Self {
        Self {
            db: hub.db().clone(),
            numbered: trial.numbered(),
            pool: trial.pool(),
            trial: Some(trial),
            first_index: 0,
            holes: RoaringBitmap::new(),
            offset: 0,
            left: quantity,
            begun: Begun::default(),
        }
    }

    /// What the numbers are for.
    #[must_use]
    pub fn numbered(&self) -> Numbered {
        self.numbered
    }

    /// How many are still to come.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.left + self.begun.ends.len() as u64
    }

    /// Computes the first numbers now. For the same threads as [`Self::next_chunk`].
    fn begin(mut self) -> Result<Self, ServiceError> {
        let mut begun = Begun::default();
        self.with_chunk(|serial| begun.push(serial))?;
        self.begun = begun;
        Ok(self)
    }

    /// Gives up to 4,096 more to `each`, in order; false at the end. As [`Self::next_chunk`], without a text of its own for each number.
    pub fn with_chunk(&mut self, mut each: impl FnMut(&str)) -> Result<bool, ServiceError> {
        if !self.begun.ends.is_empty() {
            std::mem::take(&mut self.begun).iter().for_each(each);
            return Ok(true);
        }
        if self.trial.is_some() || !self.pool.record().source.is_computed() {
            let serials = self.next_chunk()?;
            serials.iter().flatten().for_each(|serial| each(serial));
            return Ok(serials.is_some());
        }
        let count = self.left.min(CHUNK);
        let mut serial = String::with_capacity(usize::from(self.pool.record().length));
        for _ in 0..count {
            let index = self.next_index();
            serial.clear();
            if self.pool.write(index, &mut serial) {
                each(&serial);
            }
        }
        Ok(count > 0)
    }

    /// Up to 4,096 more; none at the end. For a thread that may be busy a few milliseconds (`spawn_blocking`): numbers are computed
    /// there, and those that stand in a list are read, page by page.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<String>>, ServiceError> {
        if !self.begun.ends.is_empty() {
            let begun = std::mem::take(&mut self.begun);
            return Ok(Some(begun.iter().map(str::to_owned).collect()));
        }
        let count = self.left.min(CHUNK);
        if let Some(trial) = &self.trial {
            let serials = trial.serials(&mut self.offset, count);
            self.left = if serials.is_empty() {
                0
            } else {
                self.left - serials.len() as u64
            };
            return Ok((!serials.is_empty()).then_some(serials));
        }
        let indices: Vec<u64> = (0..count).map(|_| self.next_index()).collect();
        let (Some(first), Some(last)) = (indices.first(), indices.last()) else {
            return Ok(None);
        };
        if self.pool.record().source.is_computed() {
            return Ok(Some(
                indices.into_iter().filter_map(|index| self.pool.serial(index)).collect(),
            ));
        }
        let read = listed::page(&self.db, self.pool.record().id, *first, last + 1);
        let serials = tokio::runtime::Handle::current().block_on(read)?;
        // A list has no holes; a row that is missing must not look like the end.
        if serials.len() as u64 == count {
            Ok(Some(serials))
        } else {
            let what = format!("listed_serial: rows of {} are missing", self.pool.record().id);
            Err(StorageError::Inconsistent(what).into())
        }
    }

    /// The counter value of the next number; there is one.
    fn next_index(&mut self) -> u64 {
        // Offsets are 32-bit; few allocations have holes at all.
        while !self.holes.is_empty() && u32::try_from(self.offset).is_ok_and(|offset| self.holes.contains(offset)) {
            self.offset += 1;
        }
        let index = self.first_index + self.offset;
        self.offset += 1;
        self.left -= 1;
        index
    }
}

/// Opens the numbers of an allocation for the caller, notes it, and the first time that its holder has them.
pub async fn serials(hub: &Hub, actor: &Actor, id: AllocationId, range: SerialRange) -> Result<SerialStream, ServiceError> {
    serials_if(hub, actor, id, range, |_| Ok(())).await
}

/// The same, unless `check` refuses the numbers: then nothing is noted, as they do not leave the hub. It gets a stream of its own,
/// on a thread that may be busy.
pub async fn serials_if(
    hub: &Hub,
    actor: &Actor,
    id: AllocationId,
    range: SerialRange,
    check: impl FnOnce(SerialStream) -> Result<(), ServiceError> + Send + 'static,
) -> Result<SerialStream, ServiceError> {
    let Some(stored) = store::visible(hub.db(), &actor.party, id).await? else {
        // One that waits for approval has no numbers to read; its parties are told so.
        let waits = allocation(hub, actor, id).await?.ok_or_else(ServiceError::not_found)?;
        return Err(no_numbers(&waits));
    };
    readable(&stored.allocation, actor)?;
    let (first, count) = part(&stored.allocation, range)?;
    let numbers = open(hub, &stored, (first, count)).await?;
    let looked_at = numbers.clone();
    let checked = tokio::task::spawn_blocking(move || check(looked_at)).await;
    checked.map_err(|error| ServiceError::Internal(error.to_string()))??;
    // Nothing leaves the hub before it is noted; the first numbers are computed meanwhile.
    let begun = tokio::task::spawn_blocking(move || numbers.begin());
    note(hub, actor, &stored.allocation, first, count).await?;
    begun.await.map_err(|error| ServiceError::Internal(error.to_string()))?
}

/// Closed is closed for the party that closed it or was closed; the brand owner answers for its numbers and can always read them.
fn readable(allocation: &Allocation, actor: &Actor) -> Result<(), ServiceError> {
    if allocation.state.closed_at().is_none() || allocation.principal == actor.party {
        return Ok(());
    }
    let detail = format!(
        "{} is closed and its numbers cannot be read any more: ask for new ones",
        allocation.id
    );
    Err(ServiceError::refused(Code::AllocationClosed, detail))
}

/// So many numbers of an allocation from a place on, for whoever does not hand them out: nothing is noted.
pub(super) async fn open(hub: &Hub, stored: &StoredAllocation, (first, count): (u64, u64)) -> Result<SerialStream, ServiceError> {
    let record = pool::by_id(hub.db(), stored.pool).await?;
    let id = stored.allocation.id;
    let record = record.ok_or_else(|| StorageError::Inconsistent(format!("allocation.pool_id of {id}: no such pool")))?;
    Ok(SerialStream {
        db: hub.db().clone(),
        numbered: stored.allocation.numbered,
        pool: pools::prepare(hub, record).await?,
        trial: None,
        first_index: stored.first_index,
        offset: offset_of(first, &stored.holes),
        holes: stored.holes.clone(),
        left: count,
        begun: Begun::default(),
    })
}

/// Some numbers of an allocation, whoever may read them.
pub(super) async fn part_stream(
    hub: &Hub,
    stored: &StoredAllocation,
    which: &RoaringBitmap,
    range: SerialRange,
) -> Result<SerialStream, ServiceError> {
    let Some(left) = which.len().checked_sub(range.after) else {
        let detail = format!("`after` is {}, but there are {} serial numbers", range.after, which.len());
        return Err(ServiceError::refused(Code::BadInput, detail));
    };
    // All others are holes.
    let mut holes = RoaringBitmap::new();
    holes.insert_range(0..u32::try_from(stored.span).unwrap_or(u32::MAX));
    holes -= which;
    let part = StoredAllocation { holes, ..stored.clone() };
    open(hub, &part, (range.after, range.limit.map_or(left, |limit| limit.min(left)))).await
}

fn part(allocation: &Allocation, range: SerialRange) -> Result<(u64, u64), ServiceError> {
    let Some(left) = allocation.quantity.checked_sub(range.after) else {
        let detail = format!(
            "`after` is {}, but the allocation has {} serial numbers",
            range.after, allocation.quantity
        );
        return Err(ServiceError::refused(Code::BadInput, detail));
    };
    Ok((range.after, range.limit.map_or(left, |limit| limit.min(left))))
}

async fn note(hub: &Hub, actor: &Actor, allocation: &Allocation, first: u64, count: u64) -> Result<(), ServiceError> {
    let now = hub.now();
    let (id, gets) = (allocation.id, allocation.party == actor.party && count > 0);
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: Some(allocation.principal.clone()).filter(|principal| *principal != actor.party),
        action: AuditAction::DownloadSerials,
        object: id.to_string(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "gtin": allocation.numbered, "after": first, "quantity": count }),
    };
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                if gets {
                    store::mark_transmitted(tx, id, now).await?;
                }
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await
}
