//! `counterfoil serials floor`: what to do after a backup was restored.
//!
//! A hub that may stand on an older copy of its data gives out no serial number until the operator has said here how far numbers had
//! gone. Running hubs on the same database follow within a second. Why it is held, and what nobody can see: `service::serial::floor`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::app::{OpenHub, Start, open};
use crate::config::settings::Settings;
use crate::domain::party::Actor;
use crate::domain::serial::floor::Counters;
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::floor::{self, Confirmation, Confirmed, Standing};
use crate::service::{Hub, ServiceError};

use super::certificate::operator;
use super::{complain, say};

/// Serial numbers.
#[derive(Debug, Subcommand)]
pub enum SerialsCommand {
    /// After a restore: whether numbers are held, how far each pool has come, and the way on.
    ///
    /// Without a subcommand it only looks. Exit status: 0 numbers move (or would at the next start), 1 they are held.
    Floor(FloorArgs),
}

/// What to do about the floor.
#[derive(Debug, Args)]
pub struct FloorArgs {
    #[command(subcommand)]
    command: Option<FloorCommand>,
}

#[derive(Debug, Subcommand)]
enum FloorCommand {
    /// Give out no number any more, in any hub on this database, until it is confirmed.
    ///
    /// For restores that no hub can see: run it before the hub starts on a disk or machine that was rolled back to a snapshot.
    Hold(HoldArgs),
    /// Say how far numbers had gone; what may have been issued is burnt, and numbers move again.
    ///
    /// Every pool must be spoken for. A count that is too high costs numbers; one that is too low issues numbers twice.
    Confirm(ConfirmArgs),
}

/// Why.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// For the audit log, and for whoever confirms.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// How far numbers had gone.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// At most COUNT numbers of this GTIN (or SSCC series, `9521002:3`) were issued since the backup; they are burnt.
    #[arg(long, value_name = "NUMBERED=COUNT", value_parser = advance)]
    advance: Vec<(Numbered, u64)>,
    /// The same for every other one, also those that were issued from for the first time since the backup.
    #[arg(long, value_name = "COUNT")]
    advance_all: Option<u64>,
    /// A signed receipt of a block, as its holder kept it: the pool goes on behind that block. Give the newest of each pool; for a pool
    /// that has one no other count is needed.
    #[arg(long, value_name = "FILE")]
    receipt: Vec<PathBuf>,
    /// Nothing was issued since the backup was made: it was the last thing that was done, or the data only moved.
    #[arg(long, conflicts_with_all = ["advance", "advance_all", "receipt"])]
    nothing_was_issued: bool,
}

fn advance(text: &str) -> Result<(Numbered, u64), String> {
    let (numbered, count) = text
        .split_once('=')
        .ok_or("write NUMBERED=COUNT, as in `09521001001014=5000`")?;
    let numbered = numbered.parse().map_err(|error| format!("`{numbered}`: {error}"))?;
    let count = count
        .parse()
        .map_err(|_| format!("`{count}` is no number of serial numbers"))?;
    Ok((numbered, count))
}

/// Runs the command; false if numbers are held, or a confirmation is refused.
pub async fn run(command: SerialsCommand, settings: Settings) -> anyhow::Result<bool> {
    let SerialsCommand::Floor(FloorArgs { command }) = command;
    let folder = settings.data_dir.clone();
    let OpenHub { hub, .. } = open(Start::new(settings)).await?;
    let done = match command {
        None => floor::standing(&hub, &folder).await.map(|standing| print(&standing)),
        Some(FloorCommand::Hold(HoldArgs { reason })) => hold(&hub, &reason).await,
        Some(FloorCommand::Confirm(args)) => {
            let actor = operator(&hub)?;
            let receipts = read(&args.receipt)?;
            confirm(&hub, &actor, (&folder, &receipts), args).await
        }
    };
    hub.db().close().await;
    match done {
        Ok(free) => Ok(free),
        Err(refused @ ServiceError::Refused { .. }) => {
            complain(refused);
            Ok(false)
        }
        Err(error @ (ServiceError::Storage(_) | ServiceError::Internal(_))) => Err(error.into()),
    }
}

async fn hold(hub: &Hub, reason: &str) -> Result<bool, ServiceError> {
    let actor = operator(hub).ok();
    let held = floor::hold(hub, actor.as_ref(), reason).await?;
    say(format_args!(
        "{}",
        if held {
            "held: no serial number is given out until `counterfoil serials floor confirm`"
        } else {
            "serial numbers were held already"
        }
    ));
    Ok(true)
}

async fn confirm(
    hub: &Hub,
    actor: &Actor,
    (folder, receipts): (&Path, &[String]),
    args: ConfirmArgs,
) -> Result<bool, ServiceError> {
    let reached = floor::reached_by(hub, receipts).await?;
    let confirmation = Confirmation {
        reached,
        ..confirmation(args)
    };
    let confirmed = floor::confirm(hub, actor, folder, confirmation).await?;
    Ok(print_confirmed(&confirmed))
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let text = |file: &PathBuf| std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    files.iter().map(text).collect()
}

fn confirmation(args: ConfirmArgs) -> Confirmation {
    let mut advance = BTreeMap::new();
    for (numbered, count) in args.advance {
        // Named twice, the greater one is the careful one.
        let most: &mut u64 = advance.entry(numbered).or_default();
        *most = count.max(*most);
    }
    Confirmation {
        advance,
        advance_all: args.advance_all,
        reached: Counters::new(),
        nothing_was_issued: args.nothing_was_issued,
    }
}

/// Prints how things stand; false if numbers are held or the next start would hold them.
fn print(standing: &Standing) -> bool {
    let row = standing.row.as_ref();
    let held = row.and_then(|row| row.held.as_ref());
    match (held, &standing.doubt) {
        (Some((since, why)), _) => say(format_args!("held since {since}: {why}")),
        (None, Some(doubt)) => say(format_args!("the next start would hold serial numbers: {doubt}")),
        (None, None) => say(format_args!("serial numbers are given out")),
    }
    if let Some((at, by)) = row.and_then(|row| row.confirmed.as_ref()) {
        say(format_args!("last confirmed {at} by {by}"));
    }
    say(format_args!(
        "{:<24} {:>20} {:>20} {:>14}",
        "pool", "next", "witness saw", "burnt"
    ));
    for pool in &standing.pools {
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        say(format_args!(
            "{:<24} {:>20} {:>20} {:>14}",
            pool.counter.to_string(),
            number(pool.next_index),
            number(pool.witnessed),
            pool.burnt
        ));
    }
    for ahead in &standing.ahead {
        let which = ahead
            .counter
            .map_or("every other pool".to_owned(), |counter| counter.to_string());
        say(format_args!(
            "{which}, if it is made from now on, begins at {}",
            ahead.next_index
        ));
    }
    held.is_none() && standing.doubt.is_none()
}

fn print_confirmed(confirmed: &Confirmed) -> bool {
    for burn in &confirmed.burnt {
        say(format_args!(
            "burnt    {:<24} {} numbers from counter value {}",
            burn.counter.to_string(),
            burn.quantity,
            burn.first_index
        ));
    }
    for ahead in &confirmed.ahead {
        let which = ahead
            .counter
            .map_or("every other pool".to_owned(), |counter| counter.to_string());
        say(format_args!(
            "{which}, if it is made from now on, begins at {}",
            ahead.next_index
        ));
    }
    say(format_args!("confirmed: serial numbers are given out again"));
    true
}
