//! Which events name which things: the write side.
//!
//! A row says that an event names a thing. Two such facts have no row, because the row of the thing says them: that the event
//! that counts as its commissioning names it, and that the event that packed it where it is now does. See [`implied`]; whoever
//! gives a thing another birth or another stay sees to it that each fact is said once.

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::domain::event::{EpcRole, EventType};
use crate::domain::gs1::EpcKey;
use crate::domain::ids::EventKey;
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::event::role_of;
use super::item::Item;
use super::row::at;
use super::write::{Cell, NewRows};
use super::{StorageError, Tx};

/// One event names one thing, in one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// The thing.
    pub epc: EpcKey,
    /// The event.
    pub event: EventKey,
    /// The part the thing plays in it; `None` where the event alone can tell: what it brought into being.
    pub role: Option<EpcRole>,
}

/// The facts that the row of a thing says, each with the time of its event.
pub fn implied(item: &Item) -> impl Iterator<Item = (Fact, Micros)> {
    let epc = item.epc;
    let birth = item.commissioned.as_ref().map(|(_, at, event)| (*event, None, *at));
    let packed = item
        .inside
        .as_ref()
        .map(|stay| (stay.opened_by, Some(EpcRole::Child), stay.from));
    let fact = move |(event, role, at)| (Fact { epc, event, role }, at);
    birth.into_iter().chain(packed).map(fact)
}

/// The part that a thing plays in the event that brings it into being.
#[must_use]
pub const fn born_as(kind: EventType) -> EpcRole {
    match kind {
        EventType::Transformation => EpcRole::Output,
        EventType::Object | EventType::Aggregation | EventType::Transaction | EventType::Association => EpcRole::Object,
    }
}

/// Facts on their way into the table.
pub(crate) struct NewFacts(NewRows);

impl NewFacts {
    /// None yet.
    pub(crate) fn new(tx: &Tx) -> Self {
        Self(NewRows::new(tx.backend(), "fact", "epc, event_time, event_id, role"))
    }

    /// One more.
    pub(crate) fn push(&mut self, epc: EpcKey, at: Micros, event: EventKey, role: EpcRole) {
        self.0
            .push(&[epc.0.into(), at.0.into(), event.uuid().into(), Cell::Small(Some(role as i16))]);
    }

    /// Stores them.
    pub(crate) async fn store(self, tx: &Tx) -> Result<(), StorageError> {
        self.0.store(tx).await
    }
}

/// Removes facts that the rows of things say from now on.
pub(crate) async fn remove(tx: &Tx, facts: &[(Fact, Micros)]) -> Result<(), StorageError> {
    if facts.is_empty() {
        return Ok(());
    }
    let (births, others): (Vec<_>, Vec<_>) = facts.iter().partition(|(fact, _)| fact.role.is_none());
    for (facts, roles) in [(births, [EpcRole::Object, EpcRole::Output]), (others, [EpcRole::Child; 2])] {
        let facts: Vec<&(Fact, Micros)> = facts;
        let (table, mut binds) = Rows::default()
            .uuids("epc", facts.iter().map(|(fact, _)| fact.epc.0))
            .ints("at", facts.iter().map(|(_, at)| at.0))
            .uuids("event", facts.iter().map(|(fact, _)| fact.event.uuid()))
            .table(tx.backend(), 3);
        binds.splice(0..0, roles.map(|role| (role as i16).into()));
        let sql = format!(
            "DELETE FROM fact WHERE role IN ($1, $2) AND (epc, event_time, event_id) IN (SELECT r.epc, r.at, r.event FROM {table})"
        );
        tx.execute("removing facts", &sql, binds).await?;
    }
    Ok(())
}

/// The facts about some things that have rows of their own.
pub(crate) async fn of_things(tx: &Tx, epcs: &[EpcKey]) -> Result<Vec<Fact>, StorageError> {
    if epcs.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, binds) = of_things_sql(tx.backend(), epcs);
    let rows = tx.query("reading what names things", &sql, binds).await?;
    rows.iter()
        .map(|row| {
            Ok(Fact {
                epc: EpcKey(at::<Uuid>(row, "fact", 0)?),
                event: EventKey::new(at(row, "fact", 1)?),
                role: Some(role_of(at(row, "fact", 2)?)?),
            })
        })
        .collect()
}

pub(super) fn of_things_sql(backend: DbBackend, epcs: &[EpcKey]) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default().uuids("epc", epcs.iter().map(|epc| epc.0)).table(backend, 1);
    let sql = format!("SELECT n.epc, n.event_id, n.role FROM {table} CROSS JOIN fact n WHERE n.epc = r.epc");
    (sql, binds)
}
