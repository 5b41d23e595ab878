//! How long looking up one number of very many takes: in the hub and over the wire, one caller at a time and eight at once.
//!
//! One caller at a time is how long a look-up takes; eight at once is how long it takes on a hub that others use, and says as much of the
//! machine as of the hub. Over the wire TLS, HTTP and the caller's own work are in it: beside it stands the same call to a handler that
//! does nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};

use crate::domain::party::Actor;
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::service::Hub;
use crate::service::serial::lookup::{LookupAnswer, lookup};
use crate::storage::serial::pool;
use crate::storage::yardstick;

use super::ground::{CLIENTS, Ground, PACKAGER, PRODUCT};
use super::idle::{Call, nothing_over_tls};
use super::load::{Rate, measured, rate};
use super::{BenchArgs, Figure};

/// Where numbers are looked up.
const LOOKUPS: &str = "/serials/v1/lookups";
/// Different numbers of a measurement.
const NUMBERS: usize = 5_000;
/// Look-ups in one call.
const MANY: usize = 100_000;

/// The brand owner, who looks up its numbers.
pub(super) struct Search<'a> {
    ground: &'a Ground,
    time: Duration,
    issued: u64,
    owner: Actor,
    numbered: Numbered,
    pool: Pool,
}

impl<'a> Search<'a> {
    /// Of the product's numbers, so many of which were issued.
    pub(super) async fn new(ground: &'a Ground, args: &BenchArgs, issued: u64) -> anyhow::Result<Self> {
        let (hub, numbered) = (ground.running.hub(), PRODUCT.parse()?);
        let brand = hub.registry().owner_of_gtin(PRODUCT.parse()?).cloned();
        let owner = Actor {
            party: brand.ok_or_else(|| anyhow!("`{PRODUCT}` has no owner"))?,
            system: "bench".to_owned(),
        };
        Ok(Self {
            ground,
            time: Duration::from_secs(args.seconds.into()),
            issued,
            owner,
            numbered,
            pool: opened(hub, numbered).await?,
        })
    }

    /// All figures; `when` says in which state the numbers are.
    pub(super) async fn measure(&self, when: &str) -> anyhow::Result<Vec<Figure>> {
        let hits = Arc::new(self.serials(NUMBERS));
        let misses: Vec<String> = self
            .serials(NUMBERS)
            .iter()
            .map(|serial| serial.chars().rev().collect())
            .collect();
        let row = (
            "one row by its primary key, as many callers",
            [self.row(1).await?, self.row(CLIENTS).await?],
        );
        let mut figures = Vec::new();
        for (what, serials, expect, callers) in [
            ("issued", Arc::clone(&hits), LookupAnswer::Issued, [1, CLIENTS]),
            ("made up", Arc::new(misses), LookupAnswer::NotIssued, [1, CLIENTS]),
        ] {
            for (callers, raw) in callers.into_iter().zip(&row.1) {
                let took = self.in_hub(Arc::clone(&serials), expect, callers).await?;
                let name = format!("one of {}, {what}{when}, in the hub, {}", self.issued, said(callers));
                figures.push(Figure::of_rates(name, "look-ups", &took, (row.0, raw.per_second)));
            }
        }
        for callers in [1, CLIENTS] {
            let nothing = self.nothing(&hits, callers).await?;
            let took = self.over_tls(Arc::clone(&hits), callers).await?;
            let name = format!("one of {}, issued{when}, over TLS and HTTP, {}", self.issued, said(callers));
            let raw = "the same call to a handler that does nothing";
            figures.push(Figure::of_rates(name, "look-ups", &took, (raw, nothing.per_second)));
            let name = format!("a handler that does nothing, over TLS and HTTP, {}", said(callers));
            figures.push(Figure::of_rates(name, "calls", &nothing, ("the same", nothing.per_second)));
        }
        figures.push(self.many(when, row.1[0].per_second).await?);
        Ok(figures)
    }

    async fn in_hub(&self, serials: Arc<Vec<String>>, expect: LookupAnswer, callers: usize) -> anyhow::Result<Rate> {
        let (hub, owner, numbered) = (self.ground.running.hub().clone(), self.owner.clone(), self.numbered);
        let asked = rate(callers, self.time, move |worker, turn| {
            let (hub, owner, serials) = (hub.clone(), owner.clone(), Arc::clone(&serials));
            async move {
                let found = lookup(&hub, &owner, numbered, &[one(&serials, worker, turn)]).await?;
                ensure!(
                    found.first().map(|found| found.answer()) == Some(expect),
                    "a number is not known as {}",
                    expect.as_str()
                );
                Ok(())
            }
        });
        asked.await
    }

    async fn over_tls(&self, serials: Arc<Vec<String>>, callers: usize) -> anyhow::Result<Rate> {
        let clients = Arc::new(self.ground.callers(self.owner.party.as_str(), callers).await?);
        let asked = rate(callers, self.time, move |worker, turn| {
            let (clients, serials) = (Arc::clone(&clients), Arc::clone(&serials));
            async move {
                let body = body(one(&serials, worker, turn));
                let answer = clients[worker].post(LOOKUPS, &format!("look-{worker}-{turn}"), &body).await?;
                ensure!(answer["answer"] == "issued", "a number is not known as issued: {answer}");
                Ok(())
            }
        });
        asked.await
    }

    async fn nothing(&self, serials: &[String], callers: usize) -> anyhow::Result<Rate> {
        let call = Call {
            party: self.owner.party.to_string(),
            path: LOOKUPS,
            body: body(one(serials, 0, 0)),
        };
        nothing_over_tls(self.ground, &call, (callers, 1), self.time).await
    }

    /// The least that a database does for an answer.
    async fn row(&self, callers: usize) -> anyhow::Result<Rate> {
        let hub = self.ground.running.hub().clone();
        let read = rate(callers, self.time, move |_, _| {
            let hub = hub.clone();
            async move { Ok(yardstick::one_row(hub.db(), PACKAGER).await?) }
        });
        read.await
    }

    async fn many(&self, when: &str, raw_per_second: f64) -> anyhow::Result<Figure> {
        let many = self.serials(MANY);
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let began = Instant::now();
        let found = lookup(self.ground.running.hub(), &self.owner, self.numbered, &many).await?;
        let took = measured(vec![began.elapsed()], None);
        ensure!(
            found.iter().all(|found| found.answer() == LookupAnswer::Issued),
            "a number of many is not known"
        );
        Ok(Figure {
            what: format!("{MANY} of {} in one call{when}, in the hub, one caller", self.issued),
            unit: "look-ups",
            hub_per_second: MANY as f64 * took.per_second,
            p50_ms: None,
            p99_ms: None,
            raw_per_second,
            raw: "one row by its primary key, one caller",
        })
    }

    /// Numbers that were issued, drawn at random.
    fn serials(&self, count: usize) -> Vec<String> {
        let mut serials = Vec::with_capacity(count);
        while serials.len() < count {
            let mut bytes = [0; 8];
            self.ground.running.hub().fill_random(&mut bytes);
            serials.extend(self.pool.serial(u64::from_le_bytes(bytes) % self.issued));
        }
        serials
    }
}

fn said(callers: usize) -> String {
    match callers {
        1 => "one caller".to_owned(),
        more => format!("{more} callers at once"),
    }
}

fn body(serial: &str) -> serde_json::Value {
    serde_json::json!({"gtin": PRODUCT, "serials": [serial]})
}

/// The number of a turn; no two callers begin at the same.
fn one(serials: &[String], worker: usize, turn: u64) -> &str {
    let turn = usize::try_from(turn).unwrap_or(0);
    serials[worker.wrapping_mul(613).wrapping_add(turn) % serials.len()].as_str()
}

async fn opened(hub: &Hub, numbered: Numbered) -> anyhow::Result<Pool> {
    let record = pool::of_product(hub.db(), numbered).await?.into_iter().next();
    let record = record.ok_or_else(|| anyhow!("`{numbered}` has no pool"))?;
    let sealed = pool::owner_key(hub.db(), &record.owner).await?.unwrap_or_default();
    let key = hub
        .master_key()
        .open(&record.owner, &sealed)?
        .pool_key(numbered, record.epoch)?;
    Ok(Pool::open(record, &key)?)
}
