//! `partner check` and `partner apply`: the partner manager's two commands.
//!
//! Both read the whole folder and print either every problem or the plan. `check` writes nothing, not even a new
//! database; `apply` asks before it writes if somebody sits there to be asked.
//!
//! Exit status: 0 all is well (`check`: also when there are changes), 1 the files have problems or the plan was
//! not applied, 2 the command could not do its work (settings, database).

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::partner::{ConfigError, PartnerFile, load};
use crate::domain::ids::AuditId;
use crate::domain::party::{Actor, Role};
use crate::domain::time::Micros;
use crate::service::partner::{Missing, Plan, PlanError, Stamp, apply, first_plan, plan};
use crate::storage::Db;
use crate::storage::db::DbOptions;

/// The files have problems, or the plan was not applied.
const REFUSED: u8 = 1;
/// The command could not do its work.
const FAILED: u8 = 2;

/// Partner configuration: one TOML file a party.
#[derive(Debug, Subcommand)]
pub enum PartnerCommand {
    /// Check all partner files and show what would change; change nothing.
    ///
    /// Exit status: 0 the files are good, 1 they have problems (each printed with file, line, cause and fix),
    /// 2 the settings or the database are at fault.
    Check(PartnerArgs),
    /// Check all partner files, show what changes, and do it in one step.
    ///
    /// Running hubs on the same database follow within a second. Exit status: 0 done or nothing to do, 1 the files
    /// have problems or the plan was not applied, 2 the settings or the database are at fault.
    Apply(ApplyArgs),
}

/// Which files, against which database.
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
    /// Which files, against which database.
    #[command(flatten)]
    pub partners: PartnerArgs,
    /// Do not ask. Without a terminal nobody is asked.
    #[arg(long)]
    pub yes: bool,
}

/// What the commands take from the settings and from the machine.
#[derive(Debug)]
pub struct PartnerContext {
    /// The setting `partner_config`.
    pub folder: PathBuf,
    /// The database.
    pub database: DbOptions,
    /// Now.
    pub at: Micros,
    /// A fresh id, for the audit entry.
    pub audit_id: AuditId,
}

/// Why a command ends early: its exit status, after everything was printed.
struct Stop(u8);

/// Runs one of the two commands.
pub async fn run(command: PartnerCommand, context: PartnerContext) -> ExitCode {
    let done = match command {
        PartnerCommand::Check(args) => check(&args, &context).await,
        PartnerCommand::Apply(args) => apply_plan(&args, context).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop(status)) => ExitCode::from(status),
    }
}

async fn check(args: &PartnerArgs, context: &PartnerContext) -> Result<(), Stop> {
    let files = read(args, context)?;
    let plan = match exists(&context.database.url) {
        true => planned(&open(context).await?, &files, args).await?,
        false => first_plan(&files),
    };
    say(&plan);
    Ok(())
}

async fn apply_plan(args: &ApplyArgs, context: PartnerContext) -> Result<(), Stop> {
    let files = read(&args.partners, &context)?;
    let Some(operator) = files.iter().find(|file| file.party.roles.contains(&Role::Operator)) else {
        complain("no party has the role `operator`, in whose name partners are changed: add its file");
        return Err(Stop(REFUSED));
    };
    if !exists(&context.database.url) {
        complain(format!(
            "there is no database at {}: run `counterfoil migrate` first",
            context.database.url
        ));
        return Err(Stop(FAILED));
    }
    let actor = Actor {
        party: operator.party.id.clone(),
        system: "command-line".to_owned(),
    };
    let db = open(&context).await?;
    let plan = planned(&db, &files, &args.partners).await?;
    say(&plan);
    if plan.is_empty() {
        return Ok(());
    }
    if !args.yes && std::io::stdin().is_terminal() && !confirmed() {
        complain("nothing was done");
        return Err(Stop(REFUSED));
    }
    let applied = apply(
        &db,
        plan,
        Stamp {
            at: context.at,
            actor,
            audit_id: context.audit_id,
        },
    )
    .await;
    db.close().await;
    let version = applied.map_err(|error| {
        let foreseen = matches!(error, crate::service::ServiceError::Refused { .. });
        complain(chain(&error));
        Stop(if foreseen { REFUSED } else { FAILED })
    })?;
    say(format!("applied: the partner configuration is now version {version}\n"));
    Ok(())
}

/// All files, or all problems printed.
fn read(args: &PartnerArgs, context: &PartnerContext) -> Result<Vec<PartnerFile>, Stop> {
    let folder: &Path = args.folder.as_deref().unwrap_or(&context.folder);
    let files = load(folder).map_err(|problems| refuse(&problems))?;
    let agreements: usize = files.iter().map(|file| file.agreements.len()).sum();
    say(format!(
        "{}: {} parties and {agreements} agreements, no problems\n",
        folder.display(),
        files.len()
    ));
    Ok(files)
}

async fn planned(db: &Db, files: &[PartnerFile], args: &PartnerArgs) -> Result<Plan, Stop> {
    let missing = if args.suspend_missing {
        Missing::Suspend
    } else {
        Missing::Keep
    };
    plan(db, files, missing).await.map_err(|error| match error {
        PlanError::Refused(problems) => refuse(&problems),
        PlanError::Storage(error) => {
            complain(format!(
                "{} (a new database needs `counterfoil migrate` first)",
                chain(&error)
            ));
            Stop(FAILED)
        }
    })
}

async fn open(context: &PartnerContext) -> Result<Db, Stop> {
    Db::open(&context.database).await.map_err(|error| {
        complain(chain(&error));
        Stop(FAILED)
    })
}

/// Whether there may be a database; opening SQLite would make an empty one.
fn exists(url: &str) -> bool {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return true;
    };
    let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
    Path::new(path).exists()
}

fn refuse(problems: &[ConfigError]) -> Stop {
    let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let noun = if problems.len() == 1 { "problem" } else { "problems" };
    complain(format!("{lines}{} {noun}; nothing was changed", problems.len()));
    Stop(REFUSED)
}

fn confirmed() -> bool {
    say("apply this? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// The error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// To standard output; a reader that went away is no reason to stop half way.
fn say(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _gone = write!(out, "{text}").and_then(|()| out.flush());
}

/// To standard error.
fn complain(text: impl Display) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}
