//! A thing with everything that happened to its custody and ownership: one statement.

use sea_orm::{DbBackend, QueryResult};

use crate::domain::gs1::{Epc, EpcKey, Gln};
use crate::domain::ids::{EventKey, PartyId, ShipmentId};
use crate::domain::provenance::{Handover, Thing, Trace};
use crate::domain::time::Micros;
use crate::storage::row::{column, parsed};
use crate::storage::shipment::sellers;
use crate::storage::{Db, StorageError};

use super::DEPTH;

/// What is found where a thing is looked for.
#[derive(Debug, Clone)]
pub struct Found {
    /// The thing with its handovers; another one where that which was looked for is not known.
    pub trace: Trace,
    /// Whether it is the one that was looked for.
    pub is_asked: bool,
}

/// The thing and its handovers, oldest first; `None` if the hub knows no such thing.
pub async fn trace(db: &Db, key: EpcKey) -> Result<Option<Trace>, StorageError> {
    let found = found(db, key).await?;
    Ok(found.filter(|found| found.is_asked).map(|found| found.trace))
}

/// The same; but where there is no such thing, what is found is the next one by its key, which is of the same product where the hub knows any:
/// a thing that does not exist takes the time of one that does. `None` where nothing at all is known. Ids that were given out once go on
/// naming their things.
///
/// The chain holds the thing itself and all it was ever in, each with the time it was in it; a handover of a container
/// is one of the thing if it falls into that time. A shipment that was taken back, or whose sender did not have the
/// goods, moved nothing.
pub async fn found(db: &Db, key: EpcKey) -> Result<Option<Found>, StorageError> {
    let sql = sql(db.backend());
    let rows = db
        .query("reading the history of a thing", &sql, vec![key.0.into(), DEPTH.into()])
        .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let thing = thing(first)?;
    let mut handovers: Vec<Handover> = Vec::new();
    for row in &rows {
        let Some(id) = column::<Option<uuid::Uuid>>(row, "shipment", "shipment_id")? else {
            continue;
        };
        // A document may list a case and the pallet it is in: still one handover.
        if handovers.last().is_none_or(|last| last.id.uuid() != id) {
            handovers.push(handover(row, ShipmentId::new(id))?);
        }
    }
    Ok(Some(Found {
        is_asked: column::<i32>(first, "thing", "is_asked")? != 0,
        trace: Trace { thing, handovers },
    }))
}

/// One step up in a recursion over `chain (…, epc, from_time, until_time, depth)`, the time cut to that for which both hold: see
/// [`super::container::sql`] for the two spellings. `carried` are columns of `chain` before `epc`, each with a comma behind.
pub(super) fn up(backend: DbBackend, carried: &str, depth: &str) -> String {
    let span = |from: &str, until: &str| {
        format!(
            "CASE WHEN {from} > chain.from_time THEN {from} ELSE chain.from_time END,
             CASE WHEN {until} < chain.until_time THEN {until} ELSE chain.until_time END, chain.depth + 1"
        )
    };
    let within = format!("c.from_time < chain.until_time AND c.until_time > chain.from_time AND chain.depth < {depth}");
    let both = span("c.from_time", "c.until_time");
    match backend {
        DbBackend::Postgres => format!(
            "SELECT {carried}c.parent, {both} FROM chain CROSS JOIN LATERAL (
                 SELECT c.parent, c.since AS from_time, 9223372036854775807 AS until_time FROM thing c
                 WHERE c.epc = chain.epc AND c.parent IS NOT NULL
                 UNION ALL
                 SELECT c.parent, c.from_time, c.until_time FROM stay c WHERE c.child = chain.epc) c
             WHERE {within}"
        ),
        _ => format!(
            "SELECT {carried}c.parent, {open} FROM chain CROSS JOIN thing c
             WHERE c.epc = chain.epc AND c.parent IS NOT NULL AND c.since < chain.until_time AND chain.depth < {depth}
             UNION ALL
             SELECT {carried}c.parent, {both} FROM chain CROSS JOIN stay c WHERE c.child = chain.epc AND {within}",
            open = span("c.since", "9223372036854775807")
        ),
    }
}

/// Up from the thing, or from the next one by its key: the first of all after the last.
pub(super) fn sql(backend: DbBackend) -> String {
    let up = up(backend, "", "$2");
    format!(
        "WITH RECURSIVE asked (wanted, epc) AS (
             SELECT w.wanted, COALESCE((SELECT t.epc FROM thing t WHERE t.epc >= w.wanted ORDER BY t.epc LIMIT 1),
                                       (SELECT t.epc FROM thing t ORDER BY t.epc LIMIT 1))
             FROM (SELECT COALESCE((SELECT f.epc FROM former_key f WHERE f.former = $1), $1) AS wanted) w
         ),
         chain (epc, from_time, until_time, depth) AS (
             SELECT i.epc, CAST(-9223372036854775807 AS BIGINT), 9223372036854775807, CAST(0 AS BIGINT)
             FROM asked CROSS JOIN thing i WHERE i.epc = asked.epc
             UNION ALL
             {up}
         )
         SELECT CASE WHEN asked.epc = asked.wanted THEN 1 ELSE 0 END AS is_asked, i.epc, k.prefix || i.serial AS uri, NULLIF(k.gtin, '') AS gtin, NULLIF(k.lot, '') AS lot,
                NULLIF(k.expiry, '') AS expiry, NULLIF(k.owner_id, '') AS owner_id, i.birth, e.asserter_id AS commissioned_by,
                e.event_time AS commissioned_at, k.disposition, pk.prefix || p.serial AS parent_uri, e.biz_location, e.read_point,
                h.id AS shipment_id, h.ship_event, h.sender_id, h.receiver_id, h.seller_id, h.also_sellers, h.buyer_id,
                h.from_gln, h.to_gln, h.shipped_at, h.received_at
         FROM asked CROSS JOIN thing i CROSS JOIN thing_kind k
         LEFT JOIN thing p ON p.epc = i.parent
         LEFT JOIN thing_kind pk ON pk.no = p.kind
         LEFT JOIN event e ON e.id = i.birth
         LEFT JOIN (
             SELECT s.id, s.ship_event, s.sender_id, s.receiver_id, s.seller_id, s.also_sellers, s.buyer_id, s.from_gln, s.to_gln, s.shipped_at,
                    se.received_at
             FROM chain CROSS JOIN shipment_epc se CROSS JOIN shipment s
             WHERE se.epc = chain.epc AND se.shipped_at >= chain.from_time AND se.shipped_at < chain.until_time AND s.id = se.shipment_id
               AND s.state IN ('in_transit', 'received')
         ) h ON 1 = 1
         WHERE i.epc = asked.epc AND k.no = i.kind
         ORDER BY h.shipped_at, h.id, h.received_at IS NULL, h.received_at"
    )
}

fn thing(row: &QueryResult) -> Result<Thing, StorageError> {
    let epc: Epc = parsed(row, "item", "uri")?;
    let made_where = match gln(row, "event", "biz_location")? {
        Some(gln) => Some(gln),
        None => gln(row, "event", "read_point")?,
    };
    Ok(Thing {
        key: EpcKey(column(row, "item", "epc")?),
        epc,
        gtin: optional(row, "item", "gtin")?,
        lot: column(row, "item", "lot")?,
        expiry: column(row, "item", "expiry")?,
        owner: optional(row, "item", "owner_id")?,
        made_by: column::<Option<uuid::Uuid>>(row, "item", "birth")?.map(EventKey::new),
        maker: optional(row, "item", "commissioned_by")?,
        made_at: column::<Option<i64>>(row, "item", "commissioned_at")?.map(Micros),
        made_where,
        disposition: column::<Option<String>>(row, "item", "disposition")?.filter(|text| !text.is_empty()),
        parent: optional(row, "item", "parent_uri")?,
        share: None,
    })
}

/// The handover in a row of `shipment`.
pub(super) fn handover(row: &QueryResult, id: ShipmentId) -> Result<Handover, StorageError> {
    let receiver = optional::<PartyId>(row, "shipment", "receiver_id")?;
    let mut sellers = sellers(row)?.into_iter();
    let taker_named = column::<Option<String>>(row, "shipment", "to_gln")?.is_some();
    Ok(Handover {
        id,
        event: EventKey::new(column(row, "shipment", "ship_event")?),
        sender: parsed(row, "shipment", "sender_id")?,
        left: receiver.is_some() || taker_named,
        receiver,
        seller: sellers.next(),
        also: sellers.collect(),
        buyer: optional(row, "shipment", "buyer_id")?,
        from: gln(row, "shipment", "from_gln")?,
        to: gln(row, "shipment", "to_gln")?,
        shipped_at: Micros(column(row, "shipment", "shipped_at")?),
        received_at: column::<Option<i64>>(row, "shipment", "received_at")?.map(Micros),
    })
}

/// A text column that may be null, parsed.
pub(super) fn optional<T>(row: &QueryResult, table: &str, name: &str) -> Result<Option<T>, StorageError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: Option<String> = column(row, table, name)?;
    let parsed = text.map(|text| {
        text.parse()
            .map_err(|error| StorageError::Inconsistent(format!("{table}.{name}: {error}")))
    });
    parsed.transpose()
}

/// A place column holds a GLN where the place has one, and any URI otherwise.
pub(super) fn gln(row: &QueryResult, table: &str, name: &str) -> Result<Option<Gln>, StorageError> {
    Ok(column::<Option<String>>(row, table, name)?.and_then(|text| text.parse().ok()))
}
