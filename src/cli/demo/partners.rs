//! The parties of the demo: the files of `partner-config`, or the same files from inside the binary where there is no such folder.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::app::RunningHub;
use crate::config::partner::{self, PartnerFile};
use crate::config::settings::Settings;
use crate::domain::ids::AuditId;
use crate::domain::party::{Actor, Registry};
use crate::service::partner::{Missing, Stamp, apply as apply_plan, plan, refresh};

macro_rules! shipped {
    ($($name:literal),*) => {
        /// The shipped example parties.
        const SHIPPED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../partner-config/", $name, ".toml")))),*];
    };
}

shipped!(
    "aurora",
    "cornerstone",
    "halden",
    "hub-operator",
    "meridian",
    "northway",
    "packwell",
    "sigmapack",
    "zenith"
);

/// Reads the parties.
pub(in crate::cli) fn load(settings: &Settings) -> anyhow::Result<Vec<PartnerFile>> {
    let folder = folder(settings)?;
    partner::load(&folder).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the partner configuration has problems:\n{}", lines.join("\n"))
    })
}

fn folder(settings: &Settings) -> anyhow::Result<PathBuf> {
    if settings.partner_config.is_dir() {
        return Ok(settings.partner_config.clone());
    }
    let folder = settings.data_dir.join("partner-config");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in SHIPPED {
        std::fs::write(folder.join(format!("{name}.toml")), text)?;
    }
    Ok(folder)
}

/// Makes the running hub know them.
pub(in crate::cli) async fn apply(hub: &RunningHub, files: &[PartnerFile]) -> anyhow::Result<()> {
    let hub = hub.hub();
    let Some(operator) = files.iter().find(|file| super::is_operator(&file.party.roles)) else {
        bail!("no party has the role `operator`");
    };
    let actor = Actor {
        party: operator.party.id.clone(),
        system: "demo".to_owned(),
    };
    let changes = plan(hub.db(), files, Missing::Keep).await?;
    if !changes.is_empty() {
        let at = hub.now();
        apply_plan(
            hub.db(),
            changes,
            Stamp {
                at,
                actor,
                audit_id: AuditId::new(hub.new_id(at)),
            },
        )
        .await?;
    }
    refresh(hub).await?;
    Ok(())
}

/// In whose name certificates are issued.
pub(in crate::cli) fn operator(registry: &Registry) -> anyhow::Result<Actor> {
    let operator = registry
        .parties()
        .find(|party| super::is_operator(&party.roles))
        .context("no party has the role `operator`")?;
    Ok(Actor {
        party: operator.id.clone(),
        system: "demo".to_owned(),
    })
}
