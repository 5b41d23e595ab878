//! `counterfoil bench`: what this machine gets out of the hub, beside what it gets out of the bare parts.
//!
//! Everything goes through the hub's public interfaces over mutual TLS, on a throw-away hub; beside each figure stands the
//! raw one of the same run: a handler that does nothing, the permutation alone, the same rows straight into the same
//! tables, the same look-up without HTTP and GraphQL. On a shared machine the ratio is what can be compared.
//!
//! It judges nothing and fails on no figure.

mod capture;
mod ground;
mod idle;
mod lens;
mod load;
mod memory;
mod provenance;
mod scale;
mod search;
mod serials;
mod size;

use std::fmt::Write as _;
use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::config::settings::Settings;

use ground::on_ground;
use load::Rate;

/// What to measure with.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Database server: `postgres://user@host/database`, in which a throw-away database is made and dropped; or `sqlite`, in a
    /// throw-away folder, which is also what is taken if nothing is said. The hub's own database is not touched.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// How long each rate is measured.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub seconds: u32,
    /// How much data: 1 is 10,000 units, and documents of 100,000 EPCs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub scale: u32,
    /// Measure this part alone; several times: these parts.
    #[arg(long, value_enum, value_name = "PART")]
    pub only: Vec<Part>,
    /// Of a thousand million serial numbers for the part `size` this part only: 10 takes a hundred million.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub size_divisor: u32,
    /// So many things in the store for the part `scale`, or as many as ten minutes are enough for.
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    pub stored: u64,
    /// Megabytes of the document for the part `memory`.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub megabytes: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Rates of serial numbers.
    Serials,
    /// Capture of documents.
    Capture,
    /// Provenance of things.
    Provenance,
    /// What the lens adds to a page of events.
    Lens,
    /// Bytes and look-ups of a thousand million serial numbers.
    Size,
    /// Capture of a lot with 100,000 and with a hundred million things in the store.
    Scale,
    /// Memory for a document of a thousand megabytes.
    Memory,
}

impl BenchArgs {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// How much of a database something takes.
#[derive(Debug, serde::Serialize)]
struct Bytes {
    /// What.
    what: String,
    /// So many bytes.
    bytes: u64,
}

/// One figure of the hub and the raw one beside it.
#[derive(Debug, serde::Serialize)]
struct Figure {
    /// What was measured.
    what: String,
    /// Of what so many a second.
    unit: &'static str,
    /// The hub.
    hub_per_second: f64,
    /// The hub's median and 99th percentile, where each call was timed.
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// The raw figure, of the same unit.
    raw_per_second: f64,
    /// What the raw figure is.
    raw: &'static str,
}

impl Figure {
    fn of_rates(what: String, unit: &'static str, hub: &Rate, (raw, raw_per_second): (&'static str, f64)) -> Self {
        let (p50_ms, p99_ms) = (Some(hub.p50_ms), Some(hub.p99_ms));
        Self {
            what,
            unit,
            hub_per_second: hub.per_second,
            p50_ms,
            p99_ms,
            raw_per_second,
            raw,
        }
    }
}

/// Measures and prints.
pub async fn run(args: BenchArgs, settings: Settings) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.database.is_some() || settings.database_url.is_none(),
        "a database is configured, and the benchmark leaves it alone: say `--database postgres://…` to measure on a throw-away database \
         of that server, or `--database sqlite`"
    );
    let (mut figures, mut sizes) = (Vec::new(), Vec::new());
    if args.wants(Part::Serials) {
        progress("serial numbers");
        figures.extend(on_ground(&args, &settings, async |ground| serials::measure(ground, &args).await).await?);
    }
    if args.wants(Part::Capture) {
        for shape in capture::SHAPES {
            progress(shape.name);
            let (figure, bytes) = capture::measure(&args, &settings, shape).await?;
            figures.push(figure);
            sizes.extend(bytes);
        }
    }
    if args.wants(Part::Provenance) {
        progress("provenance");
        figures.extend(on_ground(&args, &settings, async |ground| provenance::measure(ground, &args).await).await?);
    }
    if args.wants(Part::Lens) {
        progress("the lens");
        figures.extend(on_ground(&args, &settings, async |ground| lens::measure(ground, &args).await).await?);
    }
    if args.wants(Part::Size) {
        progress("a thousand million serial numbers");
        let (more, bytes) = on_ground(&args, &settings, async |ground| size::measure(ground, &args).await).await?;
        figures.extend(more);
        sizes.extend(bytes);
    }
    if args.wants(Part::Scale) {
        progress("a lot, with little and with much in the store");
        let (more, bytes) = on_ground(&args, &settings, async |ground| scale::measure(ground, &args).await).await?;
        figures.extend(more);
        sizes.extend(bytes);
    }
    if args.wants(Part::Memory) {
        progress("a very large document");
        sizes.extend(on_ground(&args, &settings, async |ground| memory::measure(ground, &args).await).await?);
    }
    let is_postgres = args.database.as_ref().is_some_and(|url| url.starts_with("postgres"));
    let database = if is_postgres { "PostgreSQL" } else { "SQLite" };
    if args.json {
        let report = serde_json::json!({
            "database": database, "seconds": args.seconds, "scale": args.scale, "figures": figures, "sizes": sizes,
        });
        super::say(format_args!("{report:#}"));
    } else {
        super::say(format_args!("{}{}", table(database, &figures).trim_end(), bytes(&sizes)));
    }
    Ok(())
}

/// Sizes below the table.
fn bytes(sizes: &[Bytes]) -> String {
    let line = |size: &Bytes| format!("\n{:>16} bytes  {}", grouped(size.bytes as f64), size.what);
    let lines: String = sizes.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// To standard error: standard output is the result.
fn progress(what: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "measuring: {what}");
}

fn table(database: &str, figures: &[Figure]) -> String {
    let names: Vec<String> = figures
        .iter()
        .map(|figure| format!("{}, {}", figure.what, figure.unit))
        .collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let millis = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    let build = if cfg!(debug_assertions) {
        ", debug build: figures say nothing"
    } else {
        ""
    };
    let mut out = format!("{database}{build}\n\n");
    let _ = writeln!(
        out,
        "{:<width$} {:>10} {:>8} {:>8} {:>10} {:>6}  raw is",
        "", "hub /s", "p50 ms", "p99 ms", "raw /s", "ratio"
    );
    for (name, figure) in names.iter().zip(figures) {
        let (p50, p99) = (millis(figure.p50_ms), millis(figure.p99_ms));
        let (hub, raw) = (grouped(figure.hub_per_second), grouped(figure.raw_per_second));
        let ratio = 100.0 * figure.hub_per_second / figure.raw_per_second;
        let _ = writeln!(
            out,
            "{name:<width$} {hub:>10} {p50:>8} {p99:>8} {raw:>10} {ratio:>5.0}%  {}",
            figure.raw
        );
    }
    out
}

/// Whole, in groups of three.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        for (value, expect) in [(0.4, "0"), (999.0, "999"), (1_000.0, "1,000"), (1_234_567.8, "1,234,568")] {
            assert_eq!(grouped(value), expect);
        }
    }

    #[test]
    fn a_line_has_the_ratio() {
        let rate = Rate {
            per_second: 50.0,
            p50_ms: 1.0,
            p99_ms: 2.5,
        };
        let figure = Figure::of_rates("requests".to_owned(), "calls", &rate, ("nothing at all", 200.0));
        let text = table("SQLite", &[figure]);
        assert!(
            text.contains("requests, calls") && text.contains(" 25%") && text.contains("2.50"),
            "{text}"
        );
    }
}
