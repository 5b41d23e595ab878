//! What a lot costs when little is stored, and when much is; and a page of the events of a party whose they are not.
//!
//! The store is made up, of things as captures leave them: other products, other lots. The raw figure is the hub's own with little in the
//! store, so the ratio says how flat the cost is.

use std::time::{Duration, Instant};

use crate::cli::demo::documents::Dialect;
use crate::storage::yardstick::filler;

use super::capture::{CAPTURED, commissioning};
use super::ground::{Ground, PACKAGER};
use super::{BenchArgs, Bytes, Figure, lens, progress};

/// Lots captured at each size; the fastest counts.
const LOTS: usize = 3;
/// A store is filled for no longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// The figure, and what the store took.
pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<(Vec<Figure>, Vec<Bytes>)> {
    let few = fill(ground, 0, 1).await?;
    let small = capture(ground, "few").await?;
    let time = Duration::from_secs(args.seconds.into());
    let owner = lens::owner(ground)?;
    let few_listed = lens::seen(ground, &owner, time).await?;
    let most = (args.stored / filler::LOT).max(few + 1);
    let lots = fill(ground, few, most).await?;
    let many_listed = lens::seen(ground, &owner, time).await?;
    let large = capture(ground, "many").await?;
    let stored = lots * filler::LOT;
    let listed = Figure::of_rates(
        format!("a page of its own events listed in the hub with {stored} things of others stored"),
        "pages",
        &many_listed,
        ("the same with 100,000 things stored", few_listed.per_second),
    );
    let figure = Figure {
        what: format!("a lot of {CAPTURED} captured with {stored} things stored"),
        unit: "EPCs",
        hub_per_second: CAPTURED as f64 / large,
        p50_ms: None,
        p99_ms: None,
        raw_per_second: CAPTURED as f64 / small,
        raw: "the same with 100,000 things stored",
    };
    let bytes = crate::storage::yardstick::database_bytes(ground.running.hub().db()).await?;
    let what = format!("of database with {stored} things stored");
    Ok((vec![figure, listed], vec![Bytes { what, bytes }]))
}

/// Fills up to so many lots, or as many as there is time for; how many there are.
async fn fill(ground: &Ground, from: u64, to: u64) -> anyhow::Result<u64> {
    let began = Instant::now();
    for number in from..to {
        filler::lot(ground.running.hub().db(), PACKAGER, number).await?;
        if began.elapsed() > PATIENCE {
            progress("no more time to fill the store");
            return Ok(number + 1);
        }
        if (number + 1) % 100 == 0 {
            progress(&format!("{} things stored", (number + 1) * filler::LOT));
        }
    }
    Ok(to)
}

/// Seconds that the fastest of some lots takes.
async fn capture(ground: &Ground, name: &str) -> anyhow::Result<f64> {
    let caller = ground.callers(PACKAGER, 1).await?.remove(0);
    let (site, _) = ground.place(PACKAGER)?;
    let mut fastest = f64::INFINITY;
    for lot in 0..LOTS {
        let units = ground.serials(&caller, CAPTURED, &format!("{name}-{lot}")).await?;
        let document = ground.document(Dialect::Xml12, &commissioning(ground, site, &units, 1_000));
        let began = Instant::now();
        ground.capture(&caller, Dialect::Xml12, document).await?;
        fastest = fastest.min(began.elapsed().as_secs_f64());
    }
    Ok(fastest)
}
