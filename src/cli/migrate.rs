//! `counterfoil migrate`: brings the database to the schema of this build.

use clap::Args;

use crate::app;
use crate::config::settings::Settings;
use crate::storage::migration;

/// What to do.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only say which steps are applied and which are pending; status 1 if any is pending.
    #[arg(long)]
    pub status: bool,
}

/// Migrates, or says how things stand; false if steps are pending.
pub async fn run(args: MigrateArgs, settings: Settings) -> anyhow::Result<bool> {
    app::make_data_dir(&settings)?;
    let url = settings.database_url();
    let status = migration::status(&url).await?;
    if args.status {
        for step in &status.applied {
            super::say(format_args!("applied  {step}"));
        }
        for step in &status.pending {
            super::say(format_args!("pending  {step}"));
        }
        return Ok(status.pending.is_empty());
    }
    for step in migration::migrate(&url).await? {
        super::say(format_args!("applied  {step}"));
    }
    super::say(format_args!("the database is up to date"));
    Ok(true)
}
