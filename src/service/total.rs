//! Totals of events: how many things of a product, by month, country and business step.
//!
//! | of events that the caller | is told |
//! |---|---|
//! | sees by its relations, or by a grant that shows them | the sum; of an event that it sees in part, what it owns by its brand |
//! | does not see, but may know in totals ([`Sight::shows_totals`](crate::domain::lens::Sight::shows_totals)) by grants of their parties | what [`inference`] lets through, of months that are over, rounded |
//! | may not know of | nothing |
//!
//! Which grants count is decided in [`Policy::counting`](crate::domain::policy::Policy::counting); here they do once the events of before have
//! been gone through for them. A cap keeps out all events of its owner that name a product of the cap.
//!
//! A grant that asks for more contributors than the hub is in no figure of fewer; where several grants open an event, the one that asks for least
//! counts.
//!
//! What is told of others is stored before it is told (`total_release`), so that every process tells the same, and again after a restart.
//! Nothing of it depends on what any other party asks.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::grant::{CapHeld, Grant};
use crate::domain::gs1::Gtin;
use crate::domain::ids::{GrantId, PartyId};
use crate::domain::inference::{self, Group, Release, Rules, Settled, Table};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::policy::Counting;
use crate::domain::time::{Micros, Month};
use crate::domain::total::{Cell, MONTHS, Total};
use crate::storage::total::{self as store, Subject};
use crate::storage::view;
use crate::storage::view::total::{Counted, Filter, Others};

use super::Hub;
use super::error::{Code, ServiceError};
use super::lens::{Attempts, Lens};
use super::page::{Cursor, Page, Paged, fingerprint};

/// Most sums over events that a caller sees, in one question.
const SEEN: usize = 10_000;
/// Most shares of others that are looked at for one question; what is behind them is not there.
const SHARES: usize = 100_000;
/// Most products that one question names.
const PRODUCTS: usize = 100;
/// Months of a question that names none: the present one and those before it.
const USUAL: i64 = 3;

/// Which totals are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// First month; two before the last if not given.
    pub from: Option<Month>,
    /// Last month; the present one if not given.
    pub to: Option<Month>,
    /// Of these products; empty: of all, and of things of none.
    pub gtins: Vec<Gtin>,
    /// Of these business steps; empty: of all.
    pub steps: Vec<String>,
}

impl Wanted {
    fn filter(&self, now: Micros) -> Result<Filter, ServiceError> {
        let to = self.to.unwrap_or_else(|| Month::of(now));
        let from = self.from.unwrap_or_else(|| to.plus(1 - USUAL));
        let months = to.index() - from.index() + 1;
        if !(1..=MONTHS).contains(&months) {
            let text = format!("`fromMonth` to `toMonth` is {from} to {to}: ask for 1 to {MONTHS} months, the first one first");
            return Err(ServiceError::refused(Code::BadInput, text));
        }
        if self.gtins.len() > PRODUCTS {
            let text = format!("`gtins` names more than {PRODUCTS} products: ask for some at a time");
            return Err(ServiceError::refused(Code::BadInput, text));
        }
        Ok(Filter {
            from,
            to,
            gtins: self.gtins.clone(),
        })
    }
}

/// Totals that the caller may know, latest month first.
pub async fn totals(hub: &Hub, actor: &Actor, wanted: Wanted, page: Page) -> Result<Paged<Total>, ServiceError> {
    let filter = wanted.filter(hub.now())?;
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let ways = Ways::of(hub, &lens).await?;
        // A sum does not say whose events are in it: the question uses each grant whose events may be.
        let ids = ways.showing.iter().chain(&ways.in_totals).map(|grant| grant.id);
        if !lens.take(hub, ids).await? {
            attempts.again()?;
            continue;
        }
        let seen = view::total::seen(hub.db(), &lens.party, &ways.showing, &filter, SEEN + 1).await?;
        if seen.len() > SEEN {
            let text = format!("more than {SEEN} totals: ask for fewer months, or name products");
            return Err(ServiceError::refused(Code::BadInput, text));
        }
        let mut all: Vec<Total> = seen.into_iter().map(|(cell, units)| exact(cell, units)).collect();
        all.extend(of_others(hub, &lens, &ways, &filter).await?);
        all.retain(|total| wanted.steps.is_empty() || wanted.steps.contains(&total.cell.step));
        if lens.still_holds(hub).await? {
            return Ok(paged(actor, all, page));
        }
        attempts.again()?;
    }
}

fn exact(cell: Cell, units: u64) -> Total {
    Total {
        cell,
        units,
        rounded_to: None,
    }
}

/// When a figure of others may be told on this hub.
pub(super) fn rules(hub: &Hub) -> Rules {
    let limits = hub.limits();
    Rules {
        contributors: limits.totals_contributors,
        share_percent: limits.totals_share_percent,
        rounding: limits.totals_rounding,
        releases: limits.totals_releases,
    }
}

/// What the grants of a caller let it count.
struct Ways {
    showing: Vec<Counted>,
    in_totals: Vec<Counted>,
    /// All that show events, whether or not they count here.
    seen: Vec<GrantId>,
}

impl Ways {
    async fn of(hub: &Hub, lens: &Lens) -> Result<Self, ServiceError> {
        let mut ways = Self {
            showing: Vec::new(),
            in_totals: Vec::new(),
            seen: Vec::new(),
        };
        let registry = hub.registry();
        let Some(me) = registry.party(&lens.party) else {
            return Ok(ways);
        };
        for held in lens.giving() {
            let grant = &held.grant;
            if grant.levels.shows_event() {
                ways.seen.push(grant.id);
            }
            let active = registry.is_active(&grant.grantor);
            let counting = lens.policy.counting(grant, me, lens.at).filter(|_| active);
            let Some(counting) = counting else { continue };
            let into = match counting.shows {
                true => &mut ways.showing,
                false => &mut ways.in_totals,
            };
            into.push(counted(grant, counting));
        }
        let ids: Vec<GrantId> = ways.in_totals.iter().map(|grant| grant.id).collect();
        let unfilled = view::grant::unfilled(hub.db(), &ids).await?;
        ways.in_totals.retain(|grant| !unfilled.contains(&grant.id));
        Ok(ways)
    }
}

fn counted(grant: &Grant, counting: Counting<'_>) -> Counted {
    let cap = |held: &CapHeld| (held.cap.owner.clone(), held.cap.scope.gtins.clone());
    Counted {
        id: grant.id,
        grantor: grant.grantor.clone(),
        gtins: grant.scope.gtins.clone(),
        countries: grant.scope.countries.clone(),
        whole: counting.whole,
        placed: counting.placed,
        least: grant.contributors(),
        times: counting.times,
        caps: counting.caps.into_iter().map(cap).collect(),
    }
}

/// Totals of events that the caller does not see.
async fn of_others(hub: &Hub, lens: &Lens, ways: &Ways, filter: &Filter) -> Result<Vec<Total>, ServiceError> {
    let (now, rules) = (hub.now(), rules(hub));
    // Of a month that goes on each question would show what came in since the last.
    let filter = Filter {
        to: filter.to.min(Month::of(now).plus(i64::from(leaks(Leak::TotalOfNow)) - 1)),
        ..filter.clone()
    };
    if ways.in_totals.is_empty() || filter.to < filter.from {
        return Ok(Vec::new());
    }
    let mut attempts = Attempts::default();
    loop {
        let others = Others {
            party: &lens.party,
            grants: &ways.in_totals,
            showing: &ways.seen,
        };
        let tables = view::total::of_others(hub.db(), others, &filter, SHARES).await?;
        let mut earlier: BTreeMap<Subject, Vec<Release>> = BTreeMap::new();
        for (subject, release) in store::told(hub.db(), &lens.party, (filter.from, filter.to)).await? {
            earlier.entry(subject).or_default().push(release);
        }
        let settled: Vec<(Subject, usize, Settled)> = tables
            .iter()
            .map(|(subject, table)| settled(&rules, *subject, table, earlier.get(subject).map_or(&[], Vec::as_slice)))
            .collect();
        if keep(hub, &lens.party, &settled, now).await? {
            let told = settled
                .into_iter()
                .flat_map(|(subject, _, settled)| settled.told.into_iter().map(move |group| rounded(&rules, subject, group)));
            return Ok(told.collect());
        }
        // Another process told something meanwhile: what it told counts.
        attempts.again()?;
    }
}

fn settled(rules: &Rules, subject: Subject, table: &Table, earlier: &[Release]) -> (Subject, usize, Settled) {
    (subject, earlier.len() + 1, inference::settle(rules, earlier, table))
}

/// Stores what is new in it; false if something was stored since it was read.
async fn keep(hub: &Hub, party: &PartyId, settled: &[(Subject, usize, Settled)], now: Micros) -> Result<bool, ServiceError> {
    let new = settled
        .iter()
        .filter_map(|(subject, number, settled)| Some((*subject, *number, settled.release.clone()?)));
    let (new, party): (Vec<_>, _) = (new.collect(), party.clone());
    if new.is_empty() {
        return Ok(true);
    }
    hub.db()
        .write::<_, ServiceError, _>(move |tx| {
            Box::pin(async move {
                let mut all = true;
                for (subject, number, release) in &new {
                    all &= store::keep(tx, (&party, *subject), *number, (release, now)).await?;
                }
                Ok(all)
            })
        })
        .await
}

fn rounded(rules: &Rules, (month, gtin): Subject, group: Group) -> Total {
    let units = rules.rounded(&group.shares);
    let country = group.countries.into_iter().next().filter(|_| group.named);
    Total {
        cell: Cell {
            month,
            gtin,
            country,
            step: group.step,
        },
        units,
        rounded_to: Some(rules.rounding),
    }
}

/// The position of a total in the list: month, product, country; then step and kind by a fingerprint.
fn position(actor: &Actor, total: &Total) -> Cursor {
    let Cell {
        month,
        gtin,
        country,
        step,
    } = &total.cell;
    let digits = gtin.as_ref().and_then(|gtin| gtin.as_str().parse::<u128>().ok()).unwrap_or(0);
    let country = country
        .as_deref()
        .unwrap_or("")
        .bytes()
        .take(2)
        .fold(0, |code, byte| code << 8 | u128::from(byte));
    let kind = if total.rounded_to.is_some() { "others" } else { "seen" };
    let last = u64::from_be_bytes(fingerprint(actor, kind, step.as_bytes()));
    Cursor {
        at: month.index(),
        id: Uuid::from_u128(digits << 80 | country << 64 | u128::from(last)),
    }
}

fn paged(actor: &Actor, all: Vec<Total>, page: Page) -> Paged<Total> {
    let mut rows: Vec<(Cursor, Total)> = all.into_iter().map(|total| (position(actor, &total), total)).collect();
    let order = |cursor: &Cursor| (Reverse(cursor.at), cursor.id);
    rows.sort_by_key(|(cursor, _)| order(cursor));
    rows.retain(|(cursor, _)| page.after.is_none_or(|after| order(cursor) > order(&after)));
    Paged::from_probe(rows, page)
}
