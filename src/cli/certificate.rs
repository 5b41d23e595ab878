//! `counterfoil certificate issue | revoke`: client certificates of partners' systems.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::app::{OpenHub, Start, open};
use crate::config::settings::Settings;
use crate::domain::ids::{PartyId, SystemName};
use crate::domain::party::{Actor, Role};
use crate::service::Hub;
use crate::service::certificate::{CertificateRequest, hex, issue, revoke};
use crate::storage::certificate::write_private;

/// Client certificates of partners' systems.
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Issue a certificate and a key for a system of a party, into a folder.
    ///
    /// Writes client.pem, client.key (readable by you alone) and ca.pem, which the system trusts the hub by. Files that are
    /// there are not overwritten. The hub keeps no copy of the key.
    Issue(IssueArgs),
    /// Revoke a certificate: running hubs refuse it within a second.
    Revoke {
        /// SHA-256 of the certificate, 64 hexadecimal digits, as `issue` printed it.
        fingerprint: String,
    },
}

/// What to issue.
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// The party, as in partner-config.
    pub party: PartyId,
    /// A name for its system: a-z, 0-9 and inner hyphens.
    pub system: SystemName,
    /// Folder for the files.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Validity in days.
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub days: u32,
}

/// Runs one of the commands.
pub async fn run(command: CertificateCommand, settings: Settings) -> anyhow::Result<()> {
    let OpenHub { hub, authority } = open(Start::new(settings)).await?;
    let actor = operator(&hub)?;
    match command {
        CertificateCommand::Issue(args) => {
            std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
            let path = |name: &str| args.out.join(name);
            for name in ["client.pem", "client.key"] {
                anyhow::ensure!(
                    !path(name).exists(),
                    "{} is there already: it is not overwritten",
                    path(name).display()
                );
            }
            let request = CertificateRequest {
                party: args.party,
                system: args.system,
                validity_days: args.days,
            };
            let issued = issue(&hub, &authority, &actor, request).await?;
            write_private(&path("client.key"), issued.files.key_pem.as_bytes())?;
            std::fs::write(path("client.pem"), &issued.files.certificate_pem)?;
            std::fs::write(path("ca.pem"), authority.certificate_pem())?;
            super::say(format_args!("fingerprint {}", hex(&issued.record.fingerprint)));
            super::say(format_args!("valid until {}", issued.record.not_after));
        }
        CertificateCommand::Revoke { fingerprint } => {
            let (party, system) = revoke(&hub, &actor, parse_fingerprint(&fingerprint)?).await?;
            super::say(format_args!("revoked {party}/{system}"));
        }
    }
    hub.db().close().await;
    Ok(())
}

/// The party in whose name the hub's own staff acts.
pub(super) fn operator(hub: &Hub) -> anyhow::Result<Actor> {
    let registry = hub.registry();
    let operator = registry
        .parties()
        .filter(|party| party.roles.contains(&Role::Operator))
        .min_by(|a, b| a.id.cmp(&b.id));
    let operator = operator.context("no party has the role `operator`: apply its partner configuration first")?;
    Ok(Actor {
        party: operator.id.clone(),
        system: "command-line".to_owned(),
    })
}

fn parse_fingerprint(text: &str) -> anyhow::Result<[u8; 32]> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .context("a fingerprint has 64 hexadecimal digits")
}
