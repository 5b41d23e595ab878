//! Moves of numbers that were reported and that there are not: what holder and owner have to clear up.

use crate::domain::ids::{AllocationId, ExceptionId, PartyId};
use crate::domain::party::Actor;
use crate::domain::serial::life::SerialState;
use crate::domain::serial::numbered::Numbered;
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::service::page::{Page, Paged};
use crate::storage::serial::Reader;
use crate::storage::serial::{report as store, state};

use super::pools;

/// Serials that one exception names.
const NAMED: usize = 100;

/// A move of numbers of one allocation that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialException {
    /// Its id.
    pub id: ExceptionId,
    /// Of which allocation.
    pub allocation: AllocationId,
    /// What the numbers are for.
    pub numbered: Numbered,
    /// Who has them.
    pub party: PartyId,
    /// The state they are in.
    pub from: SerialState,
    /// The state they were to move to.
    pub to: SerialState,
    /// How many numbers.
    pub quantity: u64,
    /// The numbers, at most a hundred.
    pub serials: Vec<String>,
    /// When it was first reported.
    pub at: Micros,
}

/// Exceptions about numbers that the caller has or that are of its brand, newest first.
pub async fn exceptions(hub: &Hub, actor: &Actor, page: Page) -> Result<Paged<SerialException>, ServiceError> {
    let before = page.after.map(|cursor| ExceptionId::new(cursor.id));
    let rows = store::exceptions(hub.db(), &actor.party, before, page.first.saturating_add(1)).await?;
    let mut ids: Vec<AllocationId> = rows.iter().map(|row| row.allocation).collect();
    ids.sort_unstable();
    ids.dedup();
    let books = state::books(Reader::Db(hub.db()), &ids).await?;
    let mut exceptions = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(kept) = books.iter().find(|kept| kept.stored.allocation.id == row.allocation) else {
            continue;
        };
        let named = row.offsets.iter().take(NAMED);
        exceptions.push(SerialException {
            id: row.id,
            allocation: row.allocation,
            numbered: kept.stored.allocation.numbered,
            party: row.party,
            from: row.from,
            to: row.to,
            quantity: row.offsets.len(),
            serials: pools::serials_at(hub, &kept.stored, named).await?,
            at: row.at,
        });
    }
    Ok(Paged::by_id(exceptions, page, |row| row.id.uuid()))
}
