//! A thousand million serial numbers: how many bytes of database they take, and how long looking one of them up takes then.
//!
//! The numbers are asked for as partners ask for them, 10,000 blocks of 100,000; every row that the hub writes for that is in the bytes, the
//! audit log's too. Then half of each block is commissioned, in no order at all: the worst case for bitmaps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use roaring::RoaringBitmap;

use crate::domain::agreement::{Agreement, Quota};
use crate::domain::ids::AllocationId;
use crate::domain::party::{Actor, Party, Registry};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::pool::Pool;
use crate::service::Hub;
use crate::service::serial::lookup::{LookupAnswer, lookup};
use crate::service::serial::{Documents, SerialRequest, request};
use crate::storage::serial::{Reader, pool, state};
use crate::storage::{StorageError, yardstick};

use super::ground::{Ground, PACKAGER, PRODUCT};
use super::load::{Rate, measured};
use super::{BenchArgs, Bytes, Figure, progress};

const BLOCKS: usize = 10_000;
const BLOCK: u64 = 100_000;
/// Requests under way at a time.
const REQUESTS: usize = 64;
/// Allocations whose bitmaps one transaction writes.
const MARKED: usize = 50;
/// Look-ups of one number that are timed.
const LOOKUPS: usize = 5_000;
/// Look-ups in one call.
const MANY: usize = 100_000;

/// Figures and bytes.
pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<(Vec<Figure>, Vec<Bytes>)> {
    let hub = ground.running.hub().clone();
    lift_quotas(&hub);
    let blocks = BLOCKS / args.size_divisor.max(1) as usize;
    let empty = yardstick::database_bytes(hub.db()).await?;
    let ids = issue(&hub, blocks).await?;
    let issued = blocks as u64 * BLOCK;
    let mut sizes = vec![Bytes {
        what: format!("{issued} serial numbers issued in {blocks} blocks"),
        bytes: yardstick::database_bytes(hub.db()).await?.saturating_sub(empty),
    }];
    let mut figures = look_up(&hub, issued, "").await?;
    progress("half of every block commissioned in random order");
    commission_half(&hub, &ids).await?;
    sizes.push(Bytes {
        what: "the same, half of each block commissioned in random order".to_owned(),
        bytes: yardstick::database_bytes(hub.db()).await?.saturating_sub(empty),
    });
    figures.extend(look_up(&hub, issued, ", half commissioned").await?);
    sizes.push(Bytes {
        what: "the database before the first of them".to_owned(),
        bytes: empty,
    });
    Ok((figures, sizes))
}

/// The packager's contract without limits on numbers; in memory, on a throw-away hub.
fn lift_quotas(hub: &Hub) {
    let registry = hub.registry();
    let parties: Vec<Party> = registry.parties().map(|party| Party::clone(party)).collect();
    let without = |agreement: &Arc<Agreement>| Agreement {
        quota: Quota::default(),
        approval: None,
        ..Agreement::clone(agreement)
    };
    let agreements = parties.iter().flat_map(|party| {
        let own = registry
            .agreements_of(&party.id)
            .filter(|agreement| agreement.principal == party.id);
        own.map(without).collect::<Vec<_>>()
    });
    let agreements = agreements.collect();
    // Of the same version as what is stored: a newer one would be taken for stale, and read again.
    hub.set_registry(Registry::new(registry.version(), parties, agreements));
}

fn actor(party: &str) -> anyhow::Result<Actor> {
    Ok(Actor {
        party: party.parse()?,
        system: "line-7".to_owned(),
    })
}

/// Asks for the blocks, as a packaging line does: with lot, line, site and work order.
async fn issue(hub: &Hub, blocks: usize) -> anyhow::Result<Vec<AllocationId>> {
    let packager = actor(PACKAGER)?;
    let site = hub
        .registry()
        .party(&packager.party)
        .and_then(|party| Some(party.sites.first()?.gln));
    let numbered: Numbered = PRODUCT.parse()?;
    let tasks: Vec<_> = (0..REQUESTS)
        .map(|worker| {
            let (hub, packager) = (hub.clone(), packager.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for block in (worker..blocks).step_by(REQUESTS) {
                    let wanted = SerialRequest {
                        lot: Some(format!("LOT{:06}", block / 4)),
                        site,
                        line: Some("packaging line 7".to_owned()),
                        documents: Documents {
                            work_order: Some(format!("WO-2026-{block:06}")),
                            ..Documents::default()
                        },
                        ..SerialRequest::new(numbered, BLOCK, format!("5b1f7ac2-{block:012}-{worker:04}"))
                    };
                    ids.push((block, request(&hub, &packager, wanted).await?.id));
                }
                anyhow::Ok(ids)
            })
        })
        .collect();
    let mut all = Vec::with_capacity(blocks);
    for task in tasks {
        all.extend(task.await??);
    }
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, id)| id).collect())
}

/// Every second number of each block, by the toss of a coin.
async fn commission_half(hub: &Hub, ids: &[AllocationId]) -> anyhow::Result<()> {
    for (part, ids) in ids.chunks(MARKED).enumerate() {
        let (db, hub, ids) = (hub.db().clone(), hub.clone(), ids.to_vec());
        let work = db.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                state::lock(tx, &ids).await?;
                let mut books = state::books(Reader::Tx(tx), &ids).await?;
                for kept in &mut books {
                    kept.book.commission(&coins(&hub), &format!("LOT{part:06}"));
                }
                state::save(tx, &books.iter().collect::<Vec<_>>(), hub.now()).await
            })
        });
        work.await?;
    }
    Ok(())
}

fn coins(hub: &Hub) -> RoaringBitmap {
    let mut bytes = vec![0; BLOCK.div_ceil(8) as usize];
    hub.fill_random(&mut bytes);
    (0..BLOCK as u32)
        .filter(|at| (bytes[*at as usize / 8] >> (at % 8)) & 1 == 1)
        .collect()
}

/// One number at a time that was issued, one that was not, and many at once that lie anywhere.
async fn look_up(hub: &Hub, issued: u64, when: &str) -> anyhow::Result<Vec<Figure>> {
    let numbered: Numbered = PRODUCT.parse()?;
    let brand = hub.registry().owner_of_gtin(PRODUCT.parse()?).cloned();
    let owner = Actor {
        party: brand.ok_or_else(|| anyhow!("`{PRODUCT}` has no owner"))?,
        system: "bench".to_owned(),
    };
    let pool = opened(hub, numbered).await?;
    let hits = serials(hub, &pool, issued, LOOKUPS);
    let misses: Vec<String> = serials(hub, &pool, issued, LOOKUPS)
        .iter()
        .map(|serial| serial.chars().rev().collect())
        .collect();
    let raw = bare(hub, &hits).await?;
    let mut figures = Vec::new();
    for (what, serials, expect) in [
        ("issued", &hits, LookupAnswer::Issued),
        ("made up", &misses, LookupAnswer::NotIssued),
    ] {
        let mut took = Vec::with_capacity(serials.len());
        for serial in serials {
            let began = Instant::now();
            let found = lookup(hub, &owner, numbered, &[serial.as_str()]).await?;
            took.push(began.elapsed());
            ensure!(
                found.first().map(|found| found.answer()) == Some(expect),
                "a number that was {what} is not known as such"
            );
        }
        let rate = measured(took, None);
        let name = format!("one of {issued} numbers, {what}{when}");
        figures.push(Figure::of_rates(
            name,
            "look-ups",
            &rate,
            ("one row by its primary key", raw.per_second),
        ));
    }
    let many = serials(hub, &pool, issued, MANY);
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let began = Instant::now();
    let found = lookup(hub, &owner, numbered, &many).await?;
    let took = began.elapsed();
    ensure!(
        found.iter().all(|found| found.answer() == LookupAnswer::Issued),
        "a number of many is not known"
    );
    figures.push(Figure {
        what: format!("{MANY} numbers of {issued} in one call{when}"),
        unit: "look-ups",
        hub_per_second: MANY as f64 / took.as_secs_f64(),
        p50_ms: None,
        p99_ms: None,
        raw_per_second: raw.per_second,
        raw: "one row by its primary key",
    });
    Ok(figures)
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

/// Numbers that were issued, drawn at random.
fn serials(hub: &Hub, pool: &Pool, issued: u64, count: usize) -> Vec<String> {
    let mut serials = Vec::with_capacity(count);
    while serials.len() < count {
        let mut bytes = [0; 8];
        hub.fill_random(&mut bytes);
        serials.extend(pool.serial(u64::from_le_bytes(bytes) % issued));
    }
    serials
}

/// The least that a database does for an answer.
async fn bare(hub: &Hub, serials: &[String]) -> anyhow::Result<Rate> {
    let mut took: Vec<Duration> = Vec::with_capacity(serials.len());
    for _ in serials {
        let began = Instant::now();
        yardstick::one_row(hub.db(), PACKAGER).await?;
        took.push(began.elapsed());
    }
    Ok(measured(took, None))
}
