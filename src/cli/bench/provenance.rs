//! Where does this pack come from: asked by a wholesaler, of units in cases on pallets that came over a 3PL.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use crate::cli::demo::documents::{Dialect, Handover, Happening, What};
use crate::domain::gs1::Epc;
use crate::storage::view;

use super::capture::{UNITS, commissioning, packing};
use super::ground::{CLIENTS, Ground, PACKAGER, sscc};
use super::load::rate;
use super::{BenchArgs, Figure};

const CASES_PER_PALLET: usize = 25;
const QUERY: &str = "query($epc: String!) { provenance(epc: $epc) { unbroken lot expiry disposition manufacturer { legalName } \
     previousOwner { legalName } hops { role country month party { legalName } silent } } }";

pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<Vec<Figure>> {
    let time = Duration::from_secs(args.seconds.into());
    let units = Arc::new(distribute(ground, UNITS * args.scale as usize).await?);
    let callers = Arc::new(ground.callers("meridian", CLIENTS).await?);
    let asked = Arc::clone(&units);
    let hub = rate(CLIENTS, time, move |worker, turn| {
        let (callers, asked) = (Arc::clone(&callers), Arc::clone(&asked));
        async move {
            let epc = asked[unit(worker, turn, asked.len())].canonical();
            let answer = callers[worker].graphql(QUERY, serde_json::json!({"epc": epc})).await?;
            ensure!(
                answer["provenance"]["hops"].as_array().is_some_and(|hops| !hops.is_empty()),
                "no provenance of {epc}: {answer}"
            );
            Ok(())
        }
    });
    let hub = hub.await?;
    let db = ground.running.hub().db().clone();
    let raw = rate(CLIENTS, time, move |worker, turn| {
        let (db, units) = (db.clone(), Arc::clone(&units));
        async move {
            let found = view::trace::trace(&db, units[unit(worker, turn, units.len())].key()).await?;
            ensure!(found.is_some(), "the look-up found nothing");
            Ok(())
        }
    });
    let raw = raw.await?;
    let what = format!("provenance of a unit over GraphQL, {CLIENTS} callers");
    Ok(vec![Figure::of_rates(
        what,
        "queries",
        &hub,
        ("the same look-up in SQL, as many tasks", raw.per_second),
    )])
}

/// Any unit, never the same for long: a step that has no common factor with round numbers.
fn unit(worker: usize, turn: u64, units: usize) -> usize {
    let turn = usize::try_from(turn).unwrap_or(0);
    turn.wrapping_mul(7_919).wrapping_add(worker.wrapping_mul(104_729)) % units
}

/// Packs, cases, pallets, shipped to the 3PL and on to the wholesaler; the units.
pub(super) async fn distribute(ground: &Ground, count: usize) -> anyhow::Result<Vec<Epc>> {
    let packager = ground.callers(PACKAGER, 1).await?.remove(0);
    let units = ground.serials(&packager, count, "provenance").await?;
    let (line, packager_gln) = ground.place(PACKAGER)?;
    let (depot, logistics) = ground.place("northway")?;
    let (warehouse, wholesaler) = ground.place("meridian")?;
    let (_, manufacturer) = ground.place("aurora")?;
    let at = |minutes: i64| ground.running.hub().now().plus_seconds(-60 * minutes);

    let mut happenings = commissioning(ground, line, &units, 1_000);
    let cases = packing(ground, line, &units, 0, &mut happenings)?;
    let pallets: Vec<Epc> = (0..cases.len().div_ceil(CASES_PER_PALLET))
        .map(|number| sscc(2, number))
        .collect::<anyhow::Result<_>>()?;
    happenings.push(Happening {
        at: at(95),
        site: line,
        what: What::Commission {
            epcs: pallets.clone(),
            lot: None,
        },
    });
    for (pallet, cases) in pallets.iter().zip(cases.chunks(CASES_PER_PALLET)) {
        happenings.push(Happening {
            at: at(90),
            site: line,
            what: What::Pack {
                parent: pallet.clone(),
                children: cases.to_vec(),
            },
        });
    }
    ground
        .capture(&packager, Dialect::Xml12, ground.document(Dialect::Xml12, &happenings))
        .await?;

    let handover = |owner, possessor, location, despatch_advice: &str| Handover {
        epcs: pallets.clone(),
        owner,
        possessor,
        location,
        despatch_advice: despatch_advice.to_owned(),
    };
    let first = handover(
        (manufacturer, manufacturer),
        (packager_gln, logistics),
        (line, depot),
        "BENCH-1",
    );
    let second = handover(
        (manufacturer, wholesaler),
        (logistics, wholesaler),
        (depot, warehouse),
        "BENCH-2",
    );
    let steps = [
        (PACKAGER, line, 80, What::Ship(first.clone())),
        ("northway", depot, 60, What::Receive(first)),
        ("northway", depot, 40, What::Ship(second.clone())),
        ("meridian", warehouse, 20, What::Receive(second)),
    ];
    for (party, site, minutes, what) in steps {
        let caller = ground.callers(party, 1).await?.remove(0);
        let document = ground.document(
            Dialect::Json20,
            &[Happening {
                at: at(minutes),
                site,
                what,
            }],
        );
        ground.capture(&caller, Dialect::Json20, document).await?;
    }
    Ok(units)
}
