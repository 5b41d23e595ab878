//! `partner check` and `partner apply`: the partner manager's two commands.
//!
//! Both read the whole folder and print either every problem (to standard error) or the plan (to standard output). `check`
//! writes nothing, not even a new database; `apply` asks before it writes if somebody sits there to be asked.
//!
//! Neither needs the master key or the CA: a partner manager's machine has access to the database and no more.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::app::{self, SystemClock};
use crate::config::partner::{ConfigError, PartnerFile, load};
use crate::config::settings::Settings;
use crate::domain::ids::{AuditId, PartyId};
use crate::domain::party::{Actor, Role};
use crate::service::ServiceError;
use crate::service::hub::Clock;
use crate::service::partner::{Missing, Plan, PlanError, Stamp, apply, first_plan, plan};
use crate::storage::{Db, migration};

use super::{complain, say};

/// Partner configuration: one TOML file a party.
#[derive(Debug, Subcommand)]
pub enum PartnerCommand {
    /// Check all partner files and show what would change; change nothing.
    ///
    /// Exit status: 0 the files are good, with or without changes; 1 they have problems, each printed with file, line,
    /// cause and fix; 2 the settings or the database are at fault.
    Check(PartnerArgs),
    /// Check all partner files, show what changes, and do it in one step.
    ///
    /// Running hubs on the same database follow within a second. Exit status: 0 done, or nothing to do; 1 the files
    /// have problems or the plan was not applied; 2 the settings or the database are at fault.
    Apply(ApplyArgs),
}

/// Which files, and what becomes of parties that have none.
#[derive(Debug, Args)]
pub struct PartnerArgs {
    /// Folder of the partner files [default: the setting `partner_config`].
    #[arg(long = "config", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Suspend active parties that are stored and have no file any more.
    #[arg(long)]
    pub suspend_missing: bool,
}

/// How to apply.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Which files.
    #[command(flatten)]
    pub partners: PartnerArgs,
    /// Do not ask. Without a terminal nobody is asked.
    #[arg(long)]
    pub yes: bool,
}

/// How far the database is.
enum Standing {
    /// Nothing was ever stored.
    New,
    /// It has the schema of this build.
    Ready,
}

/// Runs one of the two; an error is the fault of the settings or the database.
pub async fn run(command: PartnerCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let done = match command {
        PartnerCommand::Check(args) => check(&args, &settings).await?,
        PartnerCommand::Apply(args) => check_and_apply(&args, &settings).await?,
    };
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn check(args: &PartnerArgs, settings: &Settings) -> anyhow::Result<bool> {
    let Some(files) = read(args, settings) else { return Ok(false) };
    let url = settings.database_url();
    let plan = match standing(&url).await? {
        Standing::New => first_plan(&files),
        Standing::Ready => {
            let db = Db::open(&app::db_options(settings)).await?;
            let plan = planned(&db, &files, args).await?;
            db.close().await;
            let Some(plan) = plan else { return Ok(false) };
            plan
        }
    };
    say(format_args!("{}", plan.to_string().trim_end()));
    Ok(true)
}

async fn check_and_apply(args: &ApplyArgs, settings: &Settings) -> anyhow::Result<bool> {
    let Some(files) = read(&args.partners, settings) else {
        return Ok(false);
    };
    let Some(operator) = operator_of(&files) else {
        complain("no party has the role `operator`, in whose name partners are changed\n    fix: add its file");
        return Ok(false);
    };
    let url = settings.database_url();
    if let Standing::New = standing(&url).await? {
        app::make_data_dir(settings)?;
        migration::migrate(&url).await?;
    }
    let db = Db::open(&app::db_options(settings)).await?;
    let Some(plan) = planned(&db, &files, &args.partners).await? else {
        return Ok(false);
    };
    let done = confirm_and_apply(&db, plan, operator, args.yes).await;
    db.close().await;
    done
}

async fn confirm_and_apply(db: &Db, plan: Plan, operator: PartyId, yes: bool) -> anyhow::Result<bool> {
    say(format_args!("{}", plan.to_string().trim_end()));
    if plan.is_empty() {
        return Ok(true);
    }
    if !yes && std::io::stdin().is_terminal() && !confirmed() {
        complain("nothing was changed");
        return Ok(false);
    }
    let at = SystemClock.now();
    let actor = Actor {
        party: operator,
        system: "command-line".to_owned(),
    };
    let stamp = Stamp {
        at,
        actor,
        audit_id: AuditId::new(app::fresh_id(at)),
    };
    match apply(db, plan, stamp).await {
        Ok(version) => {
            say(format_args!("applied: the partner configuration is now version {version}"));
            Ok(true)
        }
        Err(refused @ ServiceError::Refused { .. }) => {
            complain(refused);
            Ok(false)
        }
        Err(error @ (ServiceError::Storage(_) | ServiceError::Internal(_))) => Err(error).context("cannot apply the plan"),
    }
}

/// All files, or nothing after all problems were printed.
fn read(args: &PartnerArgs, settings: &Settings) -> Option<Vec<PartnerFile>> {
    let folder: &Path = args.folder.as_deref().unwrap_or(&settings.partner_config);
    match load(folder) {
        Ok(files) => {
            let agreements: usize = files.iter().map(|file| file.agreements.len()).sum();
            say(format_args!(
                "{}: {} parties, {agreements} agreements, no problems",
                folder.display(),
                files.len()
            ));
            Some(files)
        }
        Err(problems) => {
            refuse(&problems);
            None
        }
    }
}

/// The first by id, if there are several.
fn operator_of(files: &[PartnerFile]) -> Option<PartyId> {
    files
        .iter()
        .find(|file| file.party.roles.contains(&Role::Operator))
        .map(|file| file.party.id.clone())
}

/// The plan, or nothing after all problems were printed.
async fn planned(db: &Db, files: &[PartnerFile], args: &PartnerArgs) -> anyhow::Result<Option<Plan>> {
    let missing = if args.suspend_missing {
        Missing::Suspend
    } else {
        Missing::Keep
    };
    match plan(db, files, missing).await {
        Ok(plan) => Ok(Some(plan)),
        Err(PlanError::Refused(problems)) => {
            refuse(&problems);
            Ok(None)
        }
        Err(PlanError::Storage(error)) => Err(error).context("cannot read what is stored"),
    }
}

async fn standing(url: &str) -> anyhow::Result<Standing> {
    // Opening SQLite makes the file.
    let path = url
        .strip_prefix("sqlite:")
        .map(|path| path.trim_start_matches("//").split('?').next().unwrap_or_default());
    if path.is_some_and(|path| !Path::new(path).exists()) {
        return Ok(Standing::New);
    }
    let status = migration::status(url).await?;
    match (status.is_new(), status.pending.is_empty()) {
        (true, _) => Ok(Standing::New),
        (false, true) => Ok(Standing::Ready),
        (false, false) => anyhow::bail!("the database is of an older version: back it up, then run `counterfoil migrate`"),
    }
}

fn refuse(problems: &[ConfigError]) {
    let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let noun = if problems.len() == 1 { "problem" } else { "problems" };
    complain(format_args!("{lines}{} {noun}; nothing was changed", problems.len()));
}

fn confirmed() -> bool {
    let mut out = std::io::stdout().lock();
    let asked = write!(out, "apply this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    asked.and_then(|()| std::io::stdin().read_line(&mut answer)).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
