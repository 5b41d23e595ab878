//! Documents captured end to end: from the first byte sent to the end of the job.

use std::time::Instant;

use crate::cli::demo::documents::{Dialect, Happening, What};
use crate::config::settings::Settings;
use crate::domain::gs1::{Epc, Gln};
use crate::storage::yardstick;

use super::ground::{Ground, PACKAGER, on_ground, sscc};
use super::{BenchArgs, Figure};

/// Units at scale 1.
pub(super) const UNITS: usize = 10_000;
const UNITS_PER_EVENT: usize = 1_000;
pub(super) const UNITS_PER_CASE: usize = 40;

/// A kind of document.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    dialect: Dialect,
    packed: bool,
}

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "commissioning, EPCIS 2.0 JSON-LD",
        dialect: Dialect::Json20,
        packed: false,
    },
    Shape {
        name: "commissioning, EPCIS 1.2 XML",
        dialect: Dialect::Xml12,
        packed: false,
    },
    Shape {
        name: "commissioning and packing, EPCIS 1.2 XML",
        dialect: Dialect::Xml12,
        packed: true,
    },
];

/// One document into an empty hub, and the rows it made into an empty database.
pub(super) async fn measure(args: &BenchArgs, settings: &Settings, shape: &Shape) -> anyhow::Result<Figure> {
    let (figure, rows) = on_ground(args, settings, async |ground| {
        let figure = capture(ground, UNITS * args.scale as usize, shape).await?;
        Ok((figure, yardstick::take(ground.running.hub().db()).await?))
    })
    .await?;
    let raw = on_ground(args, settings, async |ground| {
        Ok(yardstick::put(ground.running.hub().db(), &rows).await?)
    })
    .await?;
    Ok(Figure {
        raw_per_second: figure.raw_per_second / raw.as_secs_f64(),
        ..figure
    })
}

/// The figure of the hub; in place of the raw figure, how many EPCs it is of.
async fn capture(ground: &Ground, count: usize, shape: &Shape) -> anyhow::Result<Figure> {
    let caller = ground.callers(PACKAGER, 1).await?.remove(0);
    let units = ground.serials(&caller, count, "capture").await?;
    let (site, _) = ground.place(PACKAGER)?;
    let mut happenings = commissioning(ground, site, &units);
    let mut epcs = units.len();
    if shape.packed {
        epcs += packing(ground, site, &units, &mut happenings)?.len();
    }
    let document = ground.document(shape.dialect, &happenings);
    let megabytes = document.len() as f64 / 1e6;
    let began = Instant::now();
    ground.capture(&caller, shape.dialect, document).await?;
    let raw = match ground.database_name() {
        "SQLite" => "the same rows by prepared multi-row INSERT",
        _ => "the same rows by COPY",
    };
    Ok(Figure {
        what: format!("{}, {epcs} in {megabytes:.1} MB", shape.name),
        unit: "EPCs",
        hub_per_second: epcs as f64 / began.elapsed().as_secs_f64(),
        p50_ms: None,
        p99_ms: None,
        raw_per_second: epcs as f64,
        raw,
    })
}

/// Units become packs of a lot, a thousand an event.
pub(super) fn commissioning(ground: &Ground, site: Gln, units: &[Epc]) -> Vec<Happening> {
    let at = ground.running.hub().now().plus_seconds(-7_200);
    let event = |epcs: &[Epc]| {
        let what = What::Commission {
            epcs: epcs.to_vec(),
            lot: Some(("BENCH1".to_owned(), "2029-12-31".to_owned())),
        };
        Happening { at, site, what }
    };
    units.chunks(UNITS_PER_EVENT).map(event).collect()
}

/// Units into cases; the cases.
pub(super) fn packing(ground: &Ground, site: Gln, units: &[Epc], happenings: &mut Vec<Happening>) -> anyhow::Result<Vec<Epc>> {
    let at = |minutes: i64| ground.running.hub().now().plus_seconds(-60 * minutes);
    let cases: Vec<Epc> = (0..units.len().div_ceil(UNITS_PER_CASE))
        .map(|number| sscc(1, number))
        .collect::<anyhow::Result<_>>()?;
    happenings.push(Happening {
        at: at(110),
        site,
        what: What::Commission {
            epcs: cases.clone(),
            lot: None,
        },
    });
    for (case, units) in cases.iter().zip(units.chunks(UNITS_PER_CASE)) {
        happenings.push(Happening {
            at: at(100),
            site,
            what: What::Pack {
                parent: case.clone(),
                children: units.to_vec(),
            },
        });
    }
    Ok(cases)
}
