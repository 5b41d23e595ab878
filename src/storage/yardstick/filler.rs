//! A store full of things that were never captured: rows as captures would have left them, made up and put in by the fastest way.
//!
//! Things of many products, a lot of a hundred thousand of each; their events without bodies, which only their readers would miss.

use uuid::Uuid;

use crate::domain::gs1::{Epc, Gtin};
use crate::storage::write::{Cell, NewRows};
use crate::storage::{Db, StorageError, Tx};

/// Things of one product, and in one transaction.
pub const LOT: u64 = 100_000;
/// Things that one event commissions.
const OF_EVENT: u64 = 1_000;
/// Some moment.
const AT: i64 = 1_750_000_000_000_000;

/// The `number`-th lot. `party` is one of the hub's.
pub async fn lot(db: &Db, party: &str, number: u64) -> Result<(), StorageError> {
    let party = party.to_owned();
    db.write(move |tx| Box::pin(async move { fill(tx, &party, number).await }))
        .await
}

async fn fill(tx: &Tx, party: &str, number: u64) -> Result<(), StorageError> {
    let made_up = |error: &dyn std::fmt::Display| StorageError::Inconsistent(format!("a made-up thing: {error}"));
    let gtin = Gtin::with_check_digit(&format!("0952999{number:06}")).map_err(|error| made_up(&error))?;
    let id = |of: u64| Uuid::from_u128((u128::from(number) + 1) << 64 | u128::from(of));
    let (document, kind) = (id(u64::MAX), i64::try_from(number).unwrap_or(i64::MAX));
    let columns = "id, party_id, sha256, size_bytes, media_type, received_at";
    let mut rows = NewRows::new(tx.backend(), "document", columns);
    let hash = document.as_bytes().as_slice();
    rows.push(&[
        document.into(),
        party.into(),
        Cell::Bytes(Some(hash)),
        0.into(),
        "application/xml".into(),
        AT.into(),
    ]);
    rows.store(tx).await?;
    let columns = "no, prefix, gtin, lot, expiry, owner_id, disposition";
    let mut rows = NewRows::new(tx.backend(), "thing_kind", columns);
    let prefix = format!("https://id.gs1.org/01/{gtin}/21/");
    rows.push(&[
        kind.into(),
        prefix.as_str().into(),
        gtin.as_str().into(),
        "FILLED".into(),
        "2029-12-31".into(),
        party.into(),
        "active".into(),
    ]);
    rows.store(tx).await?;
    events(tx, party, (document, &id)).await?;
    let mut rows = NewRows::new(tx.backend(), "thing", "epc, kind, last_at, birth, serial");
    for one in 0..LOT {
        // As spread as numbers that nobody is to guess.
        let serial = format!(
            "{:014}",
            (number * LOT + one).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 100_000_000_000_000
        );
        let key = Epc::sgtin(gtin, &serial).map_err(|error| made_up(&error))?.key();
        rows.push(&[
            key.0.into(),
            kind.into(),
            AT.into(),
            id(one / OF_EVENT).into(),
            serial.as_str().into(),
        ]);
    }
    rows.store(tx).await
}

async fn events(tx: &Tx, party: &str, (document, id): (Uuid, &(dyn Fn(u64) -> Uuid + Sync))) -> Result<(), StorageError> {
    let columns =
        "id, hash, kind, action, event_time, record_time, asserter_id, biz_step, disposition, event_id, listed, declares_error,
                   voided, document_id, ordinal, body";
    let mut events = NewRows::new(tx.backend(), "event", columns);
    let mut parties = NewRows::new(tx.backend(), "event_party", "party_id, event_id, relations");
    for ordinal in 0..LOT / OF_EVENT {
        let event = id(ordinal);
        let name = event.to_string();
        events.push(&[
            event.into(),
            Cell::Bytes(Some(event.as_bytes())),
            Cell::Small(Some(0)),
            Cell::Small(Some(0)),
            AT.into(),
            AT.into(),
            party.into(),
            "commissioning".into(),
            "active".into(),
            name.as_str().into(),
            (OF_EVENT as i64).into(),
            Cell::Small(Some(0)),
            Cell::Small(Some(0)),
            document.into(),
            (ordinal as i64).into(),
            "{}".into(),
        ]);
        parties.push(&[party.into(), event.into(), 1.into()]);
    }
    events.store(tx).await?;
    parties.store(tx).await
}
