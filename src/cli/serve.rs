//! `counterfoil serve`: the hub, until it is told to stop.

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{Start, start_with};
use crate::config::settings::Settings;

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Migrate a PostgreSQL database with data of an older version, instead of refusing it.
    #[arg(long)]
    pub migrate: bool,
}

/// Serves until SIGTERM or SIGINT, then lets requests end.
pub async fn run(args: ServeArgs, settings: Settings) -> anyhow::Result<()> {
    // Before the start: a signal during it must not be lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let hub = start_with(Start {
        migrate: args.migrate,
        ..Start::new(settings)
    })
    .await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::select! {
        () = hub.shutdown() => {}
        // Asked twice: whoever asks does not want to wait.
        _ = interrupt.recv() => anyhow::bail!("stopped before running requests had ended"),
    }
    Ok(())
}
