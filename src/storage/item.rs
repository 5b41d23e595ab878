//! Identified things and their current state: the write side.
//!
//! What many things have in common (product, lot, owner, disposition …) is one row of `thing_kind`; a thing's own row has the rest, and the
//! stay that it is in. A new thing is written once, in the state that it has at the end of its document.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{DbBackend, QueryResult, Value};
use uuid::Uuid;

use crate::domain::containment::Interval;
use crate::domain::gs1::{EpcKey, Gtin};
use crate::domain::ids::{EventKey, PartyId};
use crate::domain::time::Micros;

use super::bulk::Rows;
use super::row::{at, column, parsed};
use super::write::{Cell, NewRows};
use super::{StorageError, Tx};

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub epc: EpcKey,
    /// Canonical URI.
    pub uri: Arc<str>,
    /// GTIN-14, if it has one.
    pub gtin: Option<Gtin>,
    /// Lot.
    pub lot: Option<Arc<str>>,
    /// Expiry, as sent.
    pub expiry: Option<Arc<str>>,
    /// First owner: of the brand, or of what was first put into a logistic unit.
    pub owner: Option<PartyId>,
    /// Who commissioned it, when, by which event.
    pub commissioned: Option<(PartyId, Micros, EventKey)>,
    /// Its last disposition.
    pub disposition: Option<Arc<str>>,
    /// The stay it is in.
    pub inside: Option<Interval>,
    /// Latest event time of an event that names it.
    pub last_at: Micros,
    /// Latest event time of an event that names something that was ever said to be in it.
    pub below_at: Micros,
}

impl Item {
    /// Whether it is a logistic unit.
    #[must_use]
    pub fn is_unit(&self) -> bool {
        prefix(&self.uri) == LOGISTIC
    }
}

/// What the URIs of logistic units begin with.
const LOGISTIC: &str = "https://id.gs1.org/00/";

/// What its URI begins with, as things of its kind do; the rest is its own.
fn prefix(uri: &str) -> &str {
    const UNIT: &str = "https://id.gs1.org/01/";
    let serial = UNIT.len() + 14 + "/21/".len();
    if uri.starts_with(UNIT) && uri.get(serial - 4..serial) == Some("/21/") {
        return &uri[..serial];
    }
    let logistic = uri.starts_with(LOGISTIC) && uri.len() == LOGISTIC.len() + 18;
    if logistic { LOGISTIC } else { "" }
}

/// What things have in common; empty where they have none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    prefix: &'a str,
    gtin: Option<Gtin>,
    lot: &'a str,
    expiry: &'a str,
    owner: &'a str,
    disposition: &'a str,
}

impl<'a> Kind<'a> {
    fn of(item: &'a Item) -> Self {
        Self {
            prefix: prefix(&item.uri),
            gtin: item.gtin,
            lot: item.lot.as_deref().unwrap_or_default(),
            expiry: item.expiry.as_deref().unwrap_or_default(),
            owner: item.owner.as_ref().map_or("", PartyId::as_str),
            disposition: item.disposition.as_deref().unwrap_or_default(),
        }
    }

    fn gtin(&self) -> &str {
        self.gtin.as_ref().map_or("", Gtin::as_str)
    }

    /// A number made of what it is: two processes that store the same kind at once agree about it, and nobody counts.
    fn number(&self) -> i64 {
        let fields = [self.prefix, self.gtin(), self.lot, self.expiry, self.owner, self.disposition];
        let hash = digest(&SHA256, fields.join("\0").as_bytes());
        let mut number = [0; 8];
        for (slot, byte) in number.iter_mut().zip(hash.as_ref()) {
            *slot = *byte;
        }
        // Positive, and far from the small numbers that older rows have.
        i64::from_be_bytes(number) & i64::MAX | 1 << 62
    }
}

/// The kind of each of some things, each kind made sure of.
async fn kinds(tx: &Tx, items: &[&Item]) -> Result<Vec<i64>, StorageError> {
    let (mut places, mut distinct) = (BTreeMap::<Kind<'_>, usize>::new(), Vec::<Kind<'_>>::new());
    let mut of_items = Vec::<usize>::with_capacity(items.len());
    for item in items {
        let kind = Kind::of(item);
        // Things of a kind follow one another, most of the time.
        let place = match of_items.last() {
            Some(last) if distinct.get(*last) == Some(&kind) => *last,
            Some(_) | None => *places.entry(kind.clone()).or_insert_with(|| {
                distinct.push(kind);
                distinct.len() - 1
            }),
        };
        of_items.push(place);
    }
    let rows = || {
        Rows::default()
            .ints("no", distinct.iter().map(Kind::number))
            .texts("prefix", distinct.iter().map(|kind| Some(kind.prefix)))
            .texts("gtin", distinct.iter().map(|kind| Some(kind.gtin())))
            .texts("lot", distinct.iter().map(|kind| Some(kind.lot)))
            .texts("expiry", distinct.iter().map(|kind| Some(kind.expiry)))
            .texts("owner_id", distinct.iter().map(|kind| Some(kind.owner)))
            .texts("disposition", distinct.iter().map(|kind| Some(kind.disposition)))
            .ints("place", (0_i64..).take(distinct.len()))
            .table(tx.backend(), 1)
    };
    let columns = "no, prefix, gtin, lot, expiry, owner_id, disposition";
    let (table, binds) = rows();
    let sql =
        format!("INSERT INTO thing_kind ({columns}) SELECT {columns} FROM {table} WHERE true ORDER BY no ON CONFLICT DO NOTHING");
    tx.execute("storing kinds of things", &sql, binds).await?;
    let (table, binds) = rows();
    let sql = format!(
        "SELECT r.place, k.no FROM {table} CROSS JOIN thing_kind k WHERE k.prefix = r.prefix AND k.lot = r.lot AND k.expiry = r.expiry
         AND k.owner_id = r.owner_id AND k.disposition = r.disposition AND k.gtin = r.gtin"
    );
    let mut numbers = BTreeMap::new();
    for row in tx.query("reading kinds of things", &sql, binds).await? {
        numbers.insert(at::<i64>(&row, "thing_kind", 0)?, at::<i64>(&row, "thing_kind", 1)?);
    }
    let number = |place: usize| {
        let known = i64::try_from(place).ok().and_then(|place| numbers.get(&place).copied());
        // Another kind has its number: one in 10^6 kinds has less than one chance in 10^6 of that.
        known.ok_or_else(|| StorageError::Inconsistent("thing_kind.no: taken by another kind".to_owned()))
    };
    let numbers: Vec<i64> = (0..distinct.len()).map(number).collect::<Result<_, _>>()?;
    Ok(of_items.into_iter().filter_map(|place| numbers.get(place).copied()).collect())
}

const COLUMNS: &str = "epc, kind, last_at, birth, parent, since, opened_by, below_at, serial";

fn cells(item: &Item, kind: i64) -> [Cell<'_>; 9] {
    let inside = item.inside.as_ref();
    [
        item.epc.0.into(),
        kind.into(),
        item.last_at.0.into(),
        Cell::Uuid(item.commissioned.as_ref().map(|(_, _, event)| event.uuid())),
        Cell::Uuid(inside.map(|stay| stay.parent.0)),
        Cell::Big(inside.map(|stay| stay.from.0)),
        Cell::Uuid(inside.map(|stay| stay.opened_by.uuid())),
        Cell::Big(Some(item.below_at.0).filter(|at| *at != Micros::MIN.0)),
        item.uri.get(prefix(&item.uri).len()..).unwrap_or_default().into(),
    ]
}

/// Stores new things. [`StorageError::Conflict`] if somebody else stored one of them meanwhile.
pub async fn insert(tx: &Tx, items: &[&Item]) -> Result<(), StorageError> {
    if items.is_empty() {
        return Ok(());
    }
    let kinds = kinds(tx, items).await?;
    let mut rows = NewRows::new(tx.backend(), "thing", COLUMNS);
    for (item, kind) in items.iter().zip(kinds) {
        rows.push(&cells(item, kind));
    }
    rows.store(tx).await
}

/// Writes the state of things that have a row.
pub async fn update(tx: &Tx, items: &[&Item]) -> Result<(), StorageError> {
    if items.is_empty() {
        return Ok(());
    }
    let kinds = kinds(tx, items).await?;
    let (table, over) = match tx.backend() {
        DbBackend::Postgres => ("changed_thing", ""),
        _ => (
            "thing",
            "ON CONFLICT (epc) DO UPDATE SET kind = excluded.kind, last_at = excluded.last_at, birth = excluded.birth,
             parent = excluded.parent, since = excluded.since, opened_by = excluded.opened_by, below_at = excluded.below_at",
        ),
    };
    let mut rows = NewRows::new(tx.backend(), table, COLUMNS).over(over);
    for (item, kind) in items.iter().zip(kinds) {
        rows.push(&cells(item, kind));
    }
    if tx.backend() != DbBackend::Postgres {
        return rows.store(tx).await;
    }
    tx.execute(
        "making room for changes",
        "CREATE TEMPORARY TABLE IF NOT EXISTS changed_thing (LIKE thing) ON COMMIT DELETE ROWS",
        Vec::new(),
    )
    .await?;
    tx.execute("making room for changes", "DELETE FROM changed_thing", Vec::new())
        .await?;
    rows.store(tx).await?;
    tx.execute(
        "storing the state of things",
        "UPDATE thing SET kind = r.kind, last_at = r.last_at, birth = r.birth, parent = r.parent, since = r.since,
                opened_by = r.opened_by, below_at = r.below_at
         FROM changed_thing r WHERE thing.epc = r.epc",
        Vec::new(),
    )
    .await?;
    Ok(())
}

/// Reads things and keeps others from changing them until the end of the transaction. What has no row is left out.
pub async fn lock(tx: &Tx, epcs: &[EpcKey]) -> Result<Vec<Item>, StorageError> {
    if epcs.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, binds) = lock_sql(tx.backend(), epcs);
    let rows = tx.query("reading things", &sql, binds).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (mut kinds, mut births) = (HashMap::new(), HashMap::new());
    for row in &rows {
        kinds.insert(at::<i64>(row, "thing", 1)?, None);
        if let Some(birth) = at::<Option<Uuid>>(row, "thing", 3)? {
            births.insert(EventKey::new(birth), None);
        }
    }
    read_kinds(tx, &mut kinds).await?;
    read_births(tx, &mut births).await?;
    rows.iter()
        .map(|row| {
            let kind = kinds.get(&at::<i64>(row, "thing", 1)?).and_then(Option::as_ref);
            let kind = kind.ok_or_else(|| StorageError::Inconsistent("thing.kind: no such kind".to_owned()))?;
            let birth = at::<Option<Uuid>>(row, "thing", 3)?.map(EventKey::new);
            let born = birth.and_then(|event| births.get(&event)?.clone());
            item(row, kind, born)
        })
        .collect()
}

pub(super) fn lock_sql(backend: DbBackend, epcs: &[EpcKey]) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default().uuids("epc", epcs.iter().map(|epc| epc.0)).table(backend, 1);
    let lock = match backend {
        DbBackend::Postgres => "ORDER BY t.epc FOR UPDATE OF t",
        _ => "",
    };
    (
        format!("SELECT {THING} FROM {table} CROSS JOIN thing t WHERE t.epc = r.epc {lock}"),
        binds,
    )
}

const THING: &str = "t.epc, t.kind, t.last_at, t.birth, t.parent, t.since, t.opened_by, t.below_at, t.serial";

/// Things in rows that have all of them, for who does not change them; read by [`joined`].
pub(super) fn joined_sql(backend: DbBackend, epcs: &[EpcKey]) -> (String, Vec<Value>) {
    let (table, binds) = Rows::default().uuids("epc", epcs.iter().map(|epc| epc.0)).table(backend, 1);
    let sql = format!(
        "SELECT {THING}, {KIND}, e.asserter_id, e.event_time
         FROM {table} CROSS JOIN thing t CROSS JOIN thing_kind k LEFT JOIN event e ON e.id = t.birth
         WHERE t.epc = r.epc AND k.no = t.kind"
    );
    (sql, binds)
}

pub(super) fn joined(row: &QueryResult) -> Result<Item, StorageError> {
    let by: Option<String> = column(row, "event", "asserter_id")?;
    let born = match by {
        Some(_) => Some((
            parsed(row, "event", "asserter_id")?,
            Micros(column(row, "event", "event_time")?),
        )),
        None => None,
    };
    item(row, &StoredKind::read(row)?, born)
}

/// A kind as stored.
struct StoredKind {
    prefix: String,
    gtin: Option<Gtin>,
    lot: Option<Arc<str>>,
    expiry: Option<Arc<str>>,
    owner: Option<PartyId>,
    disposition: Option<Arc<str>>,
}

const KIND: &str = "k.no, k.prefix, k.gtin, k.lot, k.expiry, k.owner_id, k.disposition";

impl StoredKind {
    fn read(row: &QueryResult) -> Result<Self, StorageError> {
        let text = |name: &str| -> Result<Option<String>, StorageError> {
            Ok(Some(column::<String>(row, "thing_kind", name)?).filter(|text| !text.is_empty()))
        };
        let shared = |name: &str| Ok::<_, StorageError>(text(name)?.map(Arc::from));
        Ok(Self {
            prefix: column(row, "thing_kind", "prefix")?,
            gtin: text("gtin")?.map(|text| parse(&text, "gtin")).transpose()?,
            lot: shared("lot")?,
            expiry: shared("expiry")?,
            owner: text("owner_id")?.map(|text| parse(&text, "owner_id")).transpose()?,
            disposition: shared("disposition")?,
        })
    }
}

async fn read_kinds(tx: &Tx, kinds: &mut HashMap<i64, Option<StoredKind>>) -> Result<(), StorageError> {
    let (table, binds) = Rows::default().ints("no", kinds.keys().copied()).table(tx.backend(), 1);
    let sql = format!("SELECT {KIND} FROM {table} CROSS JOIN thing_kind k WHERE k.no = r.no");
    for row in tx.query("reading kinds of things", &sql, binds).await? {
        kinds.insert(column(&row, "thing_kind", "no")?, Some(StoredKind::read(&row)?));
    }
    Ok(())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str, name: &str) -> Result<T, StorageError> {
    text.parse()
        .map_err(|error| StorageError::Inconsistent(format!("thing_kind.{name} = `{text}`: {error}")))
}

type Births = HashMap<EventKey, Option<(PartyId, Micros)>>;

async fn read_births(tx: &Tx, births: &mut Births) -> Result<(), StorageError> {
    let (table, binds) = Rows::default()
        .uuids("id", births.keys().map(|event| event.uuid()))
        .table(tx.backend(), 1);
    let sql = format!("SELECT e.id, e.asserter_id, e.event_time FROM {table} CROSS JOIN event e WHERE e.id = r.id");
    for row in tx.query("reading commissionings", &sql, binds).await? {
        let by = parsed(&row, "event", "asserter_id")?;
        let event = EventKey::new(column(&row, "event", "id")?);
        births.insert(event, Some((by, Micros(column(&row, "event", "event_time")?))));
    }
    Ok(())
}

/// `born`: by whom and when it was commissioned, if it was.
fn item(row: &QueryResult, kind: &StoredKind, born: Option<(PartyId, Micros)>) -> Result<Item, StorageError> {
    let birth = at::<Option<Uuid>>(row, "thing", 3)?.map(EventKey::new);
    let stay = (
        at::<Option<Uuid>>(row, "thing", 4)?,
        at::<Option<i64>>(row, "thing", 5)?,
        at::<Option<Uuid>>(row, "thing", 6)?,
    );
    let serial: String = at(row, "thing", 8)?;
    Ok(Item {
        epc: EpcKey(at(row, "thing", 0)?),
        uri: Arc::from([kind.prefix.as_str(), &serial].concat()),
        gtin: kind.gtin,
        lot: kind.lot.clone(),
        expiry: kind.expiry.clone(),
        owner: kind.owner.clone(),
        commissioned: born.zip(birth).map(|((by, at), event)| (by, at, event)),
        disposition: kind.disposition.clone(),
        inside: match stay {
            (Some(parent), Some(since), Some(opened_by)) => Some(Interval {
                parent: EpcKey(parent),
                from: Micros(since),
                until: Micros::FOREVER,
                opened_by: EventKey::new(opened_by),
                closed_by: None,
            }),
            (_, _, _) => None,
        },
        last_at: Micros(at(row, "thing", 2)?),
        below_at: at::<Option<i64>>(row, "thing", 7)?.map_or(Micros::MIN, Micros),
    })
}
