//! Serial numbers: one a request by eight callers, and a list of a hundred thousand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::cli::demo::caller::Caller;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AuditId, PoolId};
use crate::domain::party::{Actor, SerialRule};
use crate::domain::serial::key::OwnerKey;
use crate::domain::serial::pool::Pool;
use crate::service::Hub;
use crate::storage::{StorageError, audit};

use super::ground::{ALLOCATIONS, CLIENTS, Ground, PACKAGER, PRODUCT, request};
use super::idle::{Call, nothing_over_tls};
use super::load::{Rate, measured, rate};
use super::{BenchArgs, Figure};

const LIST: usize = 100_000;
/// How many of them are read; the figure is that of the median.
const LISTS: usize = 9;
/// Requests that a caller has under way at once: a line waits for each, a line controller asks for many.
const UNDER_WAY: [usize; 3] = [1, 32, 128];

pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<Vec<Figure>> {
    let time = Duration::from_secs(args.seconds.into());
    let callers = Arc::new(ground.callers(PACKAGER, CLIENTS).await?);
    let commits = bare_commits(ground.running.hub(), time).await?;
    let mut figures = Vec::new();
    for each in UNDER_WAY {
        figures.extend(one_a_request(ground, &callers, each, time, &commits).await?);
    }
    let mut lists = Vec::with_capacity(LISTS);
    for turn in 0..LISTS {
        lists.push(list(&callers[0], turn).await?);
    }
    let lists = measured(lists, None);
    let permuted = permutation()?;
    figures.push(Figure {
        what: "100,000 numbers asked for and downloaded".to_owned(),
        unit: "numbers",
        hub_per_second: LIST as f64 / (lists.p50_ms / 1_000.0),
        p50_ms: Some(lists.p50_ms),
        p99_ms: Some(lists.p99_ms),
        raw_per_second: permuted,
        raw: "the permutation alone, on one thread; the list is computed on one at a time",
    });
    Ok(figures)
}

/// How long it takes to ask for a list and to read all of it.
async fn list(caller: &Caller, turn: usize) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let path = request(caller, LIST, &format!("list-{turn}")).await?;
    let text = caller.text(&path).await?;
    let took = began.elapsed();
    ensure!(
        text.lines().count() == LIST + 1,
        "{LIST} serial numbers were asked for and others downloaded"
    );
    Ok(took)
}

/// One number a request, `each` requests of every caller under way at once.
async fn one_a_request(
    ground: &Ground,
    callers: &Arc<Vec<Caller>>,
    each: usize,
    time: Duration,
    commits: &Rate,
) -> anyhow::Result<[Figure; 2]> {
    let load = Arc::clone(callers);
    let single = rate(CLIENTS * each, time, move |worker, turn| {
        let load = Arc::clone(&load);
        async move {
            let key = format!("single-{each}-{worker}-{turn}");
            request(&load[worker % CLIENTS], 1, &key).await.map(drop)
        }
    });
    let before = ground.running.hub().serial_writer().counts();
    let single = single.await?;
    let after = ground.running.hub().serial_writer().counts();
    let together = (after.requests - before.requests) as f64 / ((after.transactions - before.transactions) as f64).max(1.0);
    let call = Call {
        party: PACKAGER.to_owned(),
        path: ALLOCATIONS,
        body: serde_json::json!({"gtin": PRODUCT, "quantity": 1}),
    };
    let nothing = nothing_over_tls(ground, &call, (CLIENTS, each), time).await?;
    let what = format!("one serial number a request, {CLIENTS} callers with {each} under way, {together:.1} a commit");
    let figure = |raw| Figure::of_rates(what.clone(), "requests", &single, raw);
    Ok([
        figure(("a handler that does nothing, over the same TLS", nothing.per_second)),
        figure(("one-row transactions of eight writers", commits.per_second)),
    ])
}

/// What the database does with a transaction of one row, in the same way.
async fn bare_commits(hub: &Hub, time: Duration) -> anyhow::Result<Rate> {
    let hub = hub.clone();
    let commits = rate(CLIENTS, time, move |_, _| {
        let hub = hub.clone();
        async move {
            let at = hub.now();
            let entry = AuditEntry {
                id: AuditId::new(hub.new_id(at)),
                at,
                actor: Actor {
                    party: PACKAGER.parse()?,
                    system: "bench".to_owned(),
                },
                principal: None,
                action: AuditAction::RequestSerials,
                object: "bench".to_owned(),
                outcome: Outcome::Done,
                detail: serde_json::json!({}),
            };
            let written = hub
                .db()
                .write::<_, StorageError, _>(|tx| Box::pin(async move { audit::append(tx, &entry).await }));
            Ok(written.await?)
        }
    });
    commits.await
}

/// Numbers a second of one thread, with nothing around it.
fn permutation() -> anyhow::Result<f64> {
    let key = OwnerKey::new(zeroize::Zeroizing::new([7; 32])).pool_key(PRODUCT.parse()?, 1)?;
    let id = PoolId::new(uuid::Uuid::nil());
    let pool = Pool::create(id, PACKAGER.parse()?, PRODUCT.parse()?, 1, &SerialRule::default(), &key)?;
    let began = Instant::now();
    let bytes: usize = (0..LIST as u64)
        .filter_map(|index| std::hint::black_box(pool.serial(index)))
        .map(|serial| serial.len())
        .sum();
    std::hint::black_box(bytes);
    Ok(LIST as f64 / began.elapsed().as_secs_f64())
}
