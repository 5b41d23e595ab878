//! Sums over the events that a party may see or may know in totals: by month, country, step and product.
//!
//! Each starts from the rows of (party, event) or (grant, event), as the lists of events do: what others store is not read. Of an event that
//! is seen in part only what the party owns by its brand is counted, so that a sum is never of more than is shown.

use std::collections::BTreeMap;

use sea_orm::{QueryResult, Value};

use crate::domain::grant::GIVING;
use crate::domain::gs1::Gtin;
use crate::domain::ids::{GrantId, PartyId};
use crate::domain::inference::{Parts, Table};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::lens::{Contents, Relations, Sight, Where, sight};
use crate::domain::time::{Micros, Month};
use crate::domain::total::Cell;
use crate::storage::row::{column, parsed};
use crate::storage::total::{Subject, gtin};
use crate::storage::{Db, StorageError};

use super::event::showing;
use super::{Binds, limit};

/// Which figures.
#[derive(Debug, Clone)]
pub struct Filter {
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// Of these products; empty: of all, and of things of none.
    pub gtins: Vec<Gtin>,
}

impl Filter {
    fn months(&self) -> impl Iterator<Item = Month> {
        (self.from.index()..=self.to.index()).map(Month::from_index)
    }
}

/// What a grant lets be counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The grant.
    pub id: GrantId,
    /// Who gives it.
    pub grantor: PartyId,
    /// Products; empty: all.
    pub gtins: Vec<Gtin>,
    /// Countries; empty: all.
    pub countries: Vec<String>,
    /// Whether it shows all things that its grantor sees, and not only the grantee's own.
    pub whole: bool,
    /// Whether it shows in which country.
    pub placed: bool,
    /// Of how many parties a figure must be at least; 0: of as many as the rules ask.
    pub least: usize,
    /// Only events of these spans of time; none: of any.
    pub times: Option<Vec<(Micros, Micros)>>,
    /// Whose caps keep events out, and of which products; no product: of all.
    pub caps: Vec<(PartyId, Vec<Gtin>)>,
}

/// The relations under which an event shows all of its things, or in which country it is.
fn relations(shown: impl Fn(Sight) -> bool) -> i64 {
    let all = Relations::ALL.iter().filter(|(relation, _)| shown(sight(*relation)));
    all.fold(0, |all, (relation, _)| all | relation.0)
}

fn showing_all_things() -> i64 {
    relations(|sight| sight.shows_event() && sight.contents >= Contents::Handed)
}

fn showing_country() -> i64 {
    relations(|sight| sight.shows_event() && sight.place >= Where::Site)
}

/// What a party sees event by event, summed up: `rows` sums at the most.
pub async fn seen(
    db: &Db,
    party: &PartyId,
    grants: &[Counted],
    filter: &Filter,
    rows: usize,
) -> Result<Vec<(Cell, u64)>, StorageError> {
    let (sql, values) = seen_sql(party, grants, filter, rows);
    let read = |row: &QueryResult| Ok((cell(row)?, units(row)?));
    db.query("summing up events", &sql, values).await?.iter().map(read).collect()
}

pub(super) fn seen_sql(party: &PartyId, grants: &[Counted], filter: &Filter, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let mut branches = vec![own_branch(&mut binds, party, filter)];
    branches.extend(grants.iter().map(|grant| {
        let country = if grant.placed { "t.country" } else { "''" };
        let (from, wheres) = granted(&mut binds, party, grant, filter);
        format!(
            "SELECT {}, {country} AS country FROM {from} WHERE {wheres}",
            ROW.replace("{month}", &month(&mut binds, filter))
        )
    }));
    // An event that is seen in several ways counts once.
    let events = match branches.as_slice() {
        [own] => own.clone(),
        all => format!(
            "SELECT w.id, w.gtin, w.step, w.month, w.units, MAX(w.country) AS country FROM ({}) w
             GROUP BY w.id, w.gtin, w.step, w.month, w.units",
            all.join(" UNION ALL ")
        ),
    };
    let limit = binds.push(limit(rows));
    let sql = format!(
        "SELECT x.month, x.country, x.step, x.gtin, CAST(SUM(x.units) AS BIGINT) AS units FROM ({events}) x
         GROUP BY x.month, x.country, x.step, x.gtin LIMIT {limit}"
    );
    (sql, binds.0)
}

/// What an event counts for, but for the country.
const ROW: &str = "e.id AS id, t.gtin AS gtin, e.biz_step AS step, {month} AS month, t.units AS units";

fn own_branch(binds: &mut Binds, party: &PartyId, filter: &Filter) -> String {
    let me = binds.push(party.as_str());
    let (showing, country) = (binds.push(showing()), binds.push(showing_country()));
    let whole = if leaks(Leak::TotalOfSiblings) {
        i64::MAX
    } else {
        showing_all_things()
    };
    let whole = binds.push(whole);
    let wheres = counting(binds, filter);
    let row = ROW.replace("{month}", &month(binds, filter));
    format!(
        "SELECT {row}, CASE WHEN (ep.relations & {country}) <> 0 THEN t.country ELSE '' END AS country
         FROM event_party ep CROSS JOIN event e CROSS JOIN event_unit t
         WHERE ep.party_id = {me} AND (ep.relations & {showing}) <> 0 AND e.id = ep.event_id AND t.event_id = e.id
           AND ((ep.relations & {whole}) <> 0 OR {}) AND {wheres}",
        own_product(&me)
    )
}

fn own_product(party: &str) -> String {
    format!("EXISTS (SELECT 1 FROM product p WHERE p.gtin = t.gtin AND p.party_id = {party})")
}

/// What counts at all: events in those months that nobody declared wrong.
fn counting(binds: &mut Binds, filter: &Filter) -> String {
    let (begin, end) = (binds.push(filter.from.begin().0), binds.push(filter.to.end().0));
    let mut wheres =
        format!("e.event_time >= {begin} AND e.event_time < {end} AND e.voided = 0 AND e.declares_error = 0 AND t.units > 0");
    if !filter.gtins.is_empty() {
        wheres += &format!(" AND t.gtin IN ({})", binds.list(filter.gtins.iter().map(Gtin::as_str)));
    }
    wheres
}

/// The number of the month that an event is of.
fn month(binds: &mut Binds, filter: &Filter) -> String {
    let mut months = filter.months().map(|month| {
        let end = binds.push(month.end().0);
        format!("WHEN e.event_time < {end} THEN {}", month.index())
    });
    format!("CAST(CASE {} END AS BIGINT)", months.by_ref().collect::<Vec<_>>().join(" "))
}

/// `FROM` and `WHERE` of what one grant lets be counted.
fn granted(binds: &mut Binds, party: &PartyId, grant: &Counted, filter: &Filter) -> (String, String) {
    let (id, grantor, giving) = (
        binds.push(grant.id.uuid()),
        binds.push(grant.grantor.as_str()),
        binds.push(GIVING.0),
    );
    let asserter = binds.push(Relations::ASSERTER.0);
    let mut wheres = vec![
        format!(
            "ge.grant_id = {id} AND gp.party_id = {grantor} AND gp.event_id = ge.event_id AND (gp.relations & {giving}) <> 0"
        ),
        "e.id = ge.event_id AND t.event_id = e.id".to_owned(),
        format!("((gp.relations & {asserter}) <> 0 OR {})", own_product(&grantor)),
        counting(binds, filter),
    ];
    if !grant.whole {
        let me = binds.push(party.as_str());
        wheres.push(own_product(&me));
    }
    if !grant.gtins.is_empty() {
        wheres.push(format!("t.gtin IN ({})", binds.list(grant.gtins.iter().map(Gtin::as_str))));
    }
    if !grant.countries.is_empty() {
        wheres.push(format!(
            "t.country IN ({})",
            binds.list(grant.countries.iter().map(String::as_str))
        ));
    }
    if let Some(times) = &grant.times {
        let spans = times.iter().map(|(from, until)| {
            let (from, until) = (binds.push(from.0), binds.push(until.0));
            format!("(e.event_time >= {from} AND e.event_time < {until})")
        });
        let spans: Vec<String> = spans.collect();
        wheres.push(match spans.is_empty() {
            true => "1 = 0".to_owned(),
            false => format!("({})", spans.join(" OR ")),
        });
    }
    for (owner, gtins) in &grant.caps {
        let (owner, giving) = (binds.push(owner.as_str()), binds.push(GIVING.0));
        let of = match gtins.is_empty() {
            true => String::new(),
            false => format!(
                " AND EXISTS (SELECT 1 FROM event_unit ct WHERE ct.event_id = cp.event_id AND ct.gtin IN ({}))",
                binds.list(gtins.iter().map(Gtin::as_str))
            ),
        };
        wheres.push(format!(
            "NOT EXISTS (SELECT 1 FROM event_party cp WHERE cp.party_id = {owner} AND cp.event_id = ge.event_id
                         AND (cp.relations & {giving}) <> 0{of})"
        ));
    }
    (
        "grant_event ge CROSS JOIN event_party gp CROSS JOIN event e CROSS JOIN event_unit t".to_owned(),
        wheres.join(" AND "),
    )
}

/// Whose sums: a party, the grants by which it may know of events in totals, and those that show it the events.
#[derive(Debug, Clone, Copy)]
pub struct Others<'a> {
    /// Who asks.
    pub party: &'a PartyId,
    /// By which grants.
    pub grants: &'a [Counted],
    /// Which events it sees anyway.
    pub showing: &'a [GrantId],
}

/// Sums over events that a party does not see, by who says so or for whom it is said: `rows` of them, the last subject left out if there are
/// more.
pub async fn of_others(
    db: &Db,
    others: Others<'_>,
    filter: &Filter,
    rows: usize,
) -> Result<BTreeMap<Subject, Table>, StorageError> {
    let mut tables: BTreeMap<Subject, Table> = BTreeMap::new();
    if others.grants.is_empty() {
        return Ok(tables);
    }
    let (sql, values) = of_others_sql(others, filter, rows);
    let found = db.query("summing up events of others", &sql, values).await?;
    let mut last = None;
    for row in &found {
        let Cell {
            month,
            gtin,
            country,
            step,
        } = cell(row)?;
        let parts: &mut Parts = tables
            .entry((month, gtin))
            .or_default()
            .entry((step, country.unwrap_or_default()))
            .or_default();
        let least: i64 = column(row, "access_grant", "least")?;
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        parts.insert((parsed(row, "event", "teller")?, least), units(row)?);
        last = Some((month, gtin));
    }
    if found.len() >= rows {
        last.and_then(|last| tables.remove(&last));
    }
    Ok(tables)
}

pub(super) fn of_others_sql(others: Others<'_>, filter: &Filter, rows: usize) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let me = binds.push(others.party.as_str());
    let showing_relations = binds.push(showing());
    let seen = binds.list(others.showing.iter().map(|grant| grant.uuid()));
    let mut unseen = format!(
        "COALESCE(e.principal_id, e.asserter_id) <> {me}
         AND NOT EXISTS (SELECT 1 FROM event_party ep WHERE ep.party_id = {me} AND ep.event_id = e.id AND (ep.relations & {showing_relations}) <> 0)"
    );
    if !seen.is_empty() {
        unseen += &format!(" AND NOT EXISTS (SELECT 1 FROM grant_event sg WHERE sg.grant_id IN ({seen}) AND sg.event_id = e.id)");
    }
    let branches: Vec<String> = others
        .grants
        .iter()
        .map(|grant| {
            let (from, wheres) = granted(&mut binds, others.party, grant, filter);
            let row = ROW.replace("{month}", &month(&mut binds, filter));
            format!(
                "SELECT {row}, t.country AS country, COALESCE(e.principal_id, e.asserter_id) AS teller, CAST({} AS BIGINT) AS least
                 FROM {from} WHERE {wheres} AND {unseen}",
                grant.least
            )
        })
        .collect();
    let limit = binds.push(limit(rows));
    // `UNION`: an event that several grants cover counts once; by the one that asks for fewest contributors.
    let mut events = branches.join(" UNION ");
    if others.grants.iter().any(|grant| grant.least > 0) {
        let of = "w.id, w.gtin, w.step, w.month, w.units, w.country, w.teller";
        events = format!("SELECT {of}, MIN(w.least) AS least FROM ({events}) w GROUP BY {of}");
    }
    let sql = format!(
        "SELECT x.month, x.country, x.step, x.gtin, x.teller, x.least, CAST(SUM(x.units) AS BIGINT) AS units FROM ({events}) x
         GROUP BY x.month, x.gtin, x.step, x.country, x.teller, x.least ORDER BY x.month DESC, x.gtin LIMIT {limit}"
    );
    (sql, binds.0)
}

fn cell(row: &QueryResult) -> Result<Cell, StorageError> {
    let country: String = column(row, "event_unit", "country")?;
    Ok(Cell {
        month: Month::from_index(column(row, "event", "month")?),
        gtin: gtin(column(row, "event_unit", "gtin")?)?,
        country: Some(country).filter(|country| !country.is_empty()),
        step: column(row, "event", "step")?,
    })
}

fn units(row: &QueryResult) -> Result<u64, StorageError> {
    Ok(column::<i64>(row, "event_unit", "units")?.unsigned_abs())
}
