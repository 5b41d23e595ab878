//! A thousand million serial numbers: how many bytes of database they take, and how long looking one of them up takes then.
//!
//! The numbers are asked for as partners ask for them, 10,000 blocks of 100,000; every row that the hub writes for that is in the bytes, the
//! audit log's too. Then half of each block is commissioned, in no order at all: the worst case for bitmaps.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::domain::agreement::{Agreement, Quota};
use crate::domain::ids::AllocationId;
use crate::domain::party::{Actor, Party, Registry};
use crate::domain::serial::numbered::Numbered;
use crate::service::Hub;
use crate::service::serial::{Documents, SerialRequest, request};
use crate::storage::serial::{Reader, state};
use crate::storage::{StorageError, yardstick};

use super::ground::{Ground, PACKAGER, PRODUCT};
use super::search::Search;
use super::{BenchArgs, Bytes, Figure, progress};

const BLOCKS: usize = 10_000;
const BLOCK: u64 = 100_000;
/// Requests under way at a time.
const REQUESTS: usize = 64;
/// Allocations whose bitmaps one transaction writes.
const MARKED: usize = 50;

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
    let search = Search::new(ground, args, issued).await?;
    let mut figures = search.measure("").await?;
    progress("half of every block commissioned in random order");
    commission_half(&hub, &ids).await?;
    sizes.push(Bytes {
        what: "the same, half of each block commissioned in random order".to_owned(),
        bytes: yardstick::database_bytes(hub.db()).await?.saturating_sub(empty),
    });
    figures.extend(search.measure(", half commissioned").await?);
    sizes.push(Bytes {
        what: "the database before the first of them".to_owned(),
        bytes: empty,
    });
    Ok((figures, sizes))
}

/// The packager's contract without limits on numbers; in memory, on a throw-away hub.
pub(super) fn lift_quotas(hub: &Hub) {
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
