//! How much memory a hub needs for a very large document.
//!
//! Hub and sender are one process here, so the figure is more than the hub's own. The document is made and sent in pieces, from a file.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use tokio::io::AsyncWriteExt;

use crate::cli::demo::documents::Dialect;

use super::capture::commissioning;
use super::ground::{Ground, PACKAGER};
use super::size::lift_quotas;
use super::{BenchArgs, Bytes, progress};

/// Units that are in memory at a time while the document is made.
const UNITS: usize = 50_000;

/// The document's size, and how large the process ever was while it was captured.
pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<Vec<Bytes>> {
    lift_quotas(ground.running.hub());
    let path = ground.folder().join("document.xml");
    let size = make(ground, &path, u64::from(args.megabytes) * 1_000_000).await?;
    progress(&format!("a document of {} MB", size / 1_000_000));
    let at_rest = peak()?;
    let caller = ground.callers(PACKAGER, 1).await?.remove(0);
    let began = Instant::now();
    let file = tokio::fs::File::open(&path).await?;
    let job = caller.capture(Dialect::Xml12, file).await?;
    anyhow::ensure!(
        job["success"] == serde_json::Value::Bool(true),
        "the capture job failed: {job}"
    );
    let seconds = began.elapsed().as_secs();
    let bytes = |what: String, bytes| Bytes { what, bytes };
    Ok(vec![
        bytes(format!("of the document, captured in {seconds} s"), size),
        bytes("resident at most before it was sent".to_owned(), at_rest),
        bytes("resident at most while it was captured".to_owned(), peak()?),
    ])
}

/// Writes a document of so many bytes, or a little more; how many.
async fn make(ground: &Ground, path: &Path, bytes: u64) -> anyhow::Result<u64> {
    const BEGIN: &str = "<EventList>\n";
    const END: &str = "</EventList>";
    let caller = ground.callers(PACKAGER, 1).await?.remove(0);
    let (site, _) = ground.place(PACKAGER)?;
    let mut file = tokio::fs::File::create(path).await?;
    let (mut written, mut tail) = (0, String::new());
    for number in 0.. {
        let units = ground.serials(&caller, UNITS, &format!("memory-{number}")).await?;
        let document = ground.document(Dialect::Xml12, &commissioning(ground, site, &units, 1_000));
        let (head, rest) = document.split_once(BEGIN).context("a document without events")?;
        let (events, end) = rest.split_once(END).context("a document without an end")?;
        if number == 0 {
            file.write_all(head.as_bytes()).await?;
            file.write_all(BEGIN.as_bytes()).await?;
            tail = format!("{END}{end}");
        }
        file.write_all(events.as_bytes()).await?;
        written += events.len() as u64;
        if written >= bytes {
            break;
        }
    }
    file.write_all(tail.as_bytes()).await?;
    file.flush().await?;
    Ok(file.metadata().await?.len())
}

/// The largest resident size of this process so far, as Linux counts it.
fn peak() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("the peak of memory is read from /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.context("no VmHWM in /proc/self/status")? * 1024)
}
