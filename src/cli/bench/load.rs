//! Closed-loop load: so many workers, each with one call under way, for so long.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls a second, and how long they took.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Calls `work(worker, turn)` again and again. The first error ends the measurement.
pub(super) async fn rate<W, F>(workers: usize, time: Duration, work: W) -> anyhow::Result<Rate>
where
    W: Fn(usize, u64) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let work = Arc::new(work);
    let began = Instant::now();
    let tasks: Vec<_> = (0..workers)
        .map(|worker| {
            let work = Arc::clone(&work);
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < time {
                    let call = Instant::now();
                    work(worker, took.len() as u64).await?;
                    took.push(call.elapsed());
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    Ok(measured(took, Some(elapsed)))
}

/// A rate from how long calls took; those of one caller that does nothing else took `elapsed` together.
pub(super) fn measured(mut took: Vec<Duration>, elapsed: Option<f64>) -> Rate {
    let elapsed = elapsed.unwrap_or_else(|| took.iter().map(Duration::as_secs_f64).sum());
    took.sort_unstable();
    Rate {
        per_second: took.len() as f64 / elapsed,
        p50_ms: percentile(&took, 50),
        p99_ms: percentile(&took, 99),
    }
}

/// Nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let hundred: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (50.0, 99.0));
        assert_eq!(percentile(&hundred[..1], 99), 1.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[tokio::test]
    async fn counts_calls_and_hands_on_errors() {
        let good = rate(2, Duration::from_millis(5), |_, _| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        });
        assert!(good.await.unwrap().per_second > 0.0);
        let bad = rate(2, Duration::from_secs(60), |worker, _| async move {
            anyhow::ensure!(worker == 0, "no");
            tokio::time::sleep(Duration::from_millis(1)).await;
            anyhow::bail!("never")
        });
        assert!(bad.await.is_err());
    }
}
