//! `counterfoil audit verify-slice`: what a slice of an event proves, without a hub, a database or a network.
//!
//! Standard output says what was proven; standard error what does not fit, and in which line of the file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use jsonwebtoken::jwk::JwkSet;

use crate::epcis::slice::{Proved, verify};

/// `counterfoil audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify slices of events: that all they say belongs to events that the hub signed; needs no hub and no network.
    ///
    /// Exit status: 0 all of it is proven, 1 something does not fit, 2 a file cannot be read.
    VerifySlice(VerifySliceArgs),
}

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifySliceArgs {
    /// One slice a line, as `GET /epcis/events/{eventID}/slice` and `GET /epcis/slices` answer them.
    #[arg(value_name = "SLICES.jsonl")]
    slices: PathBuf,
    /// The hub's public keys, as `GET /.well-known/jwks.json` answers them; keep a copy from before you need it.
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
}

/// Runs the command.
pub fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::VerifySlice(args) = command;
    let read = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let (slices, keys) = (read(&args.slices)?, read(&args.jwks)?);
    let keys: JwkSet =
        serde_json::from_str(&keys).with_context(|| format!("{} is no key set (RFC 7517)", args.jwks.display()))?;
    let mut good = true;
    // Only the end of the last line may be missing: an empty line is no slice.
    for (at, line) in slices.strip_suffix('\n').unwrap_or(&slices).split('\n').enumerate() {
        match verify(line, &keys) {
            Ok(proved) => super::say(format_args!("{}", described(&proved))),
            Err(error) => {
                good = false;
                super::complain(format_args!("{}, line {}: {error}", args.slices.display(), at + 1));
            }
        }
    }
    Ok(super::yes_or_no(good))
}

fn described(proved: &Proved) -> String {
    let statement = &proved.statement;
    let mut lines = vec![
        format!(
            "the signature is good, and all of the slice ({} statements) belongs to what was signed:",
            proved.leaves
        ),
        format!("  event       {}", statement.event),
        format!("  root        {}", statement.root),
    ];
    lines.extend(statement.hub.as_ref().map(|hub| format!("  hub run by  {hub}")));
    let titled = |(name, value): &(&str, String)| {
        let title = match *name {
            "asserter" => "sent by",
            "principal" => "on behalf of",
            other => other,
        };
        format!("  {title:<11} {value}")
    };
    lines.extend(proved.beside.iter().map(titled));
    lines.extend(proved.facts.iter().map(|(name, value)| format!("  {name:<11} {value}")));
    lines.push(format!("  things      {}", proved.things));
    lines.push("what is not in the slice is not proved to be absent".to_owned());
    lines.join("\n")
}
