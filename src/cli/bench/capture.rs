//! Documents captured end to end: from the first byte sent to the end of the job; and what they take of the database.

use std::time::Instant;

use crate::cli::demo::documents::{Dialect, Happening, What};
use crate::config::settings::Settings;
use crate::domain::gs1::{Epc, Gln};
use crate::storage::yardstick;

use super::ground::{Ground, PACKAGER, on_ground, sscc};
use super::size::lift_quotas;
use super::{BenchArgs, Bytes, Figure};

/// Units at scale 1 where provenance is asked for.
pub(super) const UNITS: usize = 10_000;
/// Units of a document at scale 1.
pub(super) const CAPTURED: usize = 100_000;
const UNITS_PER_EVENT: usize = 1_000;
pub(super) const UNITS_PER_CASE: usize = 40;
const CASES_PER_PALLET: usize = 50;

/// A kind of document.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    /// So many units in each commissioning; 0: all of them in one.
    per_event: usize,
    packed: bool,
}

const fn commissioned(name: &'static str, dialect: Dialect, per_event: usize) -> Shape {
    Shape {
        name,
        dialect,
        per_event,
        packed: false,
    }
}

pub(super) const SHAPES: &[Shape] = &[
    commissioned("commissioning, EPCIS 2.0 JSON-LD", Dialect::Json20, UNITS_PER_EVENT),
    commissioned("commissioning, EPCIS 1.2 XML", Dialect::Xml12, UNITS_PER_EVENT),
    commissioned("commissioning in one event, EPCIS 1.2 XML", Dialect::Xml12, 0),
    commissioned("commissioning in one event each, EPCIS 1.2 XML", Dialect::Xml12, 1),
    Shape {
        name: "commissioning and packing of units, cases, pallets, EPCIS 1.2 XML",
        dialect: Dialect::Xml12,
        per_event: UNITS_PER_EVENT,
        packed: true,
    },
];

/// Documents after the first one, where what they take in a database in use is measured too.
const FURTHER: usize = 4;

/// One document into an empty hub, and the rows it made into an empty database; then more documents of the kind, where rows are written
/// more than once: what a database leaves of that it takes again once it has been vacuumed.
pub(super) async fn measure(args: &BenchArgs, settings: &Settings, shape: &Shape) -> anyhow::Result<(Figure, Vec<Bytes>)> {
    let ((figure, sizes), rows) = on_ground(args, settings, async |ground| {
        lift_quotas(ground.running.hub());
        let db = ground.running.hub().db();
        let count = CAPTURED * args.scale as usize;
        let (figure, first) = capture(ground, count, shape, 0).await?;
        let rows = yardstick::take(db).await?;
        let mut sizes = vec![first];
        if shape.packed {
            let mut further = 0;
            for number in 1..=FURTHER {
                yardstick::vacuum(db).await?;
                further += capture(ground, count, shape, number).await?.1.bytes;
            }
            sizes.push(Bytes {
                what: format!("of database for each EPC of the next {FURTHER} documents: {}", shape.name),
                bytes: further / FURTHER as u64,
            });
        }
        Ok(((figure, sizes), rows))
    })
    .await?;
    let raw = on_ground(args, settings, async |ground| {
        Ok(yardstick::put(ground.running.hub().db(), &rows).await?)
    })
    .await?;
    let figure = Figure {
        raw_per_second: figure.raw_per_second / raw.as_secs_f64(),
        ..figure
    };
    Ok((figure, sizes))
}

/// The figure of the hub, in place of the raw figure how many EPCs it is of; and the bytes of database for each.
async fn capture(ground: &Ground, count: usize, shape: &Shape, number: usize) -> anyhow::Result<(Figure, Bytes)> {
    let caller = ground.callers(PACKAGER, 1).await?.remove(0);
    let units = ground.serials(&caller, count, &format!("capture-{number}")).await?;
    let (site, _) = ground.place(PACKAGER)?;
    let mut happenings = commissioning(ground, site, &units, shape.per_event);
    let mut epcs = units.len();
    if shape.packed {
        let cases = packing(ground, site, &units, number, &mut happenings)?;
        epcs += cases.len() + palletising(ground, site, &cases, number, &mut happenings)?;
    }
    let document = ground.document(shape.dialect, &happenings);
    let megabytes = document.len() as f64 / 1e6;
    let db = ground.running.hub().db();
    let empty = yardstick::database_bytes(db).await?;
    let began = Instant::now();
    ground.capture(&caller, shape.dialect, document).await?;
    let took = began.elapsed().as_secs_f64();
    let bytes = yardstick::database_bytes(db).await?.saturating_sub(empty);
    let raw = match ground.database_name() {
        "SQLite" => "the same rows by prepared multi-row INSERT",
        _ => "the same rows by COPY",
    };
    let figure = Figure {
        what: format!("{}, {epcs} in {megabytes:.1} MB", shape.name),
        unit: "EPCs",
        hub_per_second: epcs as f64 / took,
        p50_ms: None,
        p99_ms: None,
        raw_per_second: epcs as f64,
        raw,
    };
    let bytes = Bytes {
        what: format!("of database for each EPC: {}", shape.name),
        bytes: bytes / epcs.max(1) as u64,
    };
    Ok((figure, bytes))
}

/// Units become packs of a lot, so many an event, 0 for all in one.
pub(super) fn commissioning(ground: &Ground, site: Gln, units: &[Epc], per_event: usize) -> Vec<Happening> {
    let at = ground.running.hub().now().plus_seconds(-7_200);
    let event = |epcs: &[Epc]| {
        let what = What::Commission {
            epcs: epcs.to_vec(),
            lot: Some(("BENCH1".to_owned(), "2029-12-31".to_owned())),
        };
        Happening { at, site, what }
    };
    let per_event = if per_event == 0 { units.len().max(1) } else { per_event };
    units.chunks(per_event).map(event).collect()
}

/// Containers of a level for so many things, those of the `number`-th document.
fn containers(level: u8, things: usize, each: usize, number: usize) -> anyhow::Result<Vec<Epc>> {
    let count = things.div_ceil(each);
    (0..count).map(|place| sscc(level, number * count + place)).collect()
}

/// Units into cases; the cases.
pub(super) fn packing(
    ground: &Ground,
    site: Gln,
    units: &[Epc],
    number: usize,
    happenings: &mut Vec<Happening>,
) -> anyhow::Result<Vec<Epc>> {
    let cases = containers(1, units.len(), UNITS_PER_CASE, number)?;
    let children = units.chunks(UNITS_PER_CASE);
    pack(ground, (site, 110), &cases, children, happenings);
    Ok(cases)
}

/// Cases onto pallets; how many.
fn palletising(
    ground: &Ground,
    site: Gln,
    cases: &[Epc],
    number: usize,
    happenings: &mut Vec<Happening>,
) -> anyhow::Result<usize> {
    let pallets = containers(2, cases.len(), CASES_PER_PALLET, number)?;
    let children = cases.chunks(CASES_PER_PALLET);
    pack(ground, (site, 80), &pallets, children, happenings);
    Ok(pallets.len())
}

/// Containers come into being so many minutes ago, and are filled ten minutes later.
fn pack<'a>(
    ground: &Ground,
    (site, minutes): (Gln, i64),
    parents: &[Epc],
    children: impl Iterator<Item = &'a [Epc]>,
    happenings: &mut Vec<Happening>,
) {
    let at = |minutes: i64| ground.running.hub().now().plus_seconds(-60 * minutes);
    happenings.push(Happening {
        at: at(minutes),
        site,
        what: What::Commission {
            epcs: parents.to_vec(),
            lot: None,
        },
    });
    for (parent, children) in parents.iter().zip(children) {
        happenings.push(Happening {
            at: at(minutes - 10),
            site,
            what: What::Pack {
                parent: parent.clone(),
                children: children.to_vec(),
            },
        });
    }
}
