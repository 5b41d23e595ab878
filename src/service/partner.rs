//! Changing the contracts: what partner files would change, and doing it.
//!
//! The files win over what is stored, with two exceptions: nothing is taken away that data refers to, and a
//! party whose file is gone stays as it is unless it is asked to be suspended.
//!
//! # Invariants
//! - A [`Plan`] is applied to the version it was made against or not at all.
//! - A plan without changes writes nothing.
//! - Running hubs, this process or another, swap the whole registry: see [`refresh`]. They never read the files themselves: a file that is
//!   broken changes nothing on any of them, and shows nothing.

mod diff;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::partner::{ConfigError, PartnerFile, Subject};
use crate::domain::agreement::Agreement;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AgreementId, AuditId, PartyId};
use crate::domain::party::{Actor, Party};
use crate::domain::time::Micros;
use crate::storage::audit;
use crate::storage::grant::{Written, written};
use crate::storage::party::{self, ContractChange, Contracts, Removed};
use crate::storage::{Db, StorageError};

use super::{Code, Hub, ServiceError};

pub use diff::{Change, FieldChange, Kind, Noun};

/// What becomes of a stored party that has no file any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It stays as it is, and the plan says so.
    Keep,
    /// It may do nothing any more; what it did stays.
    Suspend,
}

/// What would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The version it was made against.
    pub base_version: i64,
    /// In the order of the parties, each party before what it has.
    pub changes: Vec<Change>,
    /// Active parties without a file that stay as they are.
    pub missing: Vec<PartyId>,
    /// What does not change and should be known: grants that wait for a signature, or have ended.
    pub notes: Vec<String>,
    rules: rules::RuleChange,
    write: ContractChange,
    removed: Vec<Removed>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The files contradict what is stored.
    #[error("the partner files contradict what is stored in {} places", .0.len())]
    Refused(Vec<ConfigError>),
    /// The database.
    #[error("storage failed")]
    Storage(#[from] StorageError),
}

/// Who applies a plan, when, and the id of its audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Now.
    pub at: Micros,
    /// A system of the operator.
    pub actor: Actor,
    /// A fresh id.
    pub audit_id: AuditId,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            write!(f, "{change}")?;
        }
        for party in &self.missing {
            writeln!(
                f,
                "! party {party} has no file: it stays as it is (`--suspend-missing` suspends it)"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "! {note}")?;
        }
        let count = |keep: fn(&Kind) -> bool| self.changes.iter().filter(|change| keep(&change.kind)).count();
        let added = count(|kind| matches!(kind, Kind::Added(_)));
        let removed = count(|kind| matches!(kind, Kind::Removed));
        let changed = self.changes.len() - added - removed;
        match self.is_empty() {
            true => writeln!(f, "no changes against version {}", self.base_version),
            false => writeln!(
                f,
                "{added} to add, {changed} to change, {removed} to remove, against version {}",
                self.base_version
            ),
        }
    }
}

/// Compares the files with what is stored.
pub async fn plan(db: &Db, files: &[PartnerFile], missing: Missing) -> Result<Plan, PlanError> {
    let stored = party::load_contracts(db).await?;
    let mut plan = compare(&stored, files, missing);
    let mut problems = claims_of_missing(&stored, files);
    problems.extend(rules::compare(&written(db).await?, files, &mut plan));
    problems.extend(agreements_of_others(&stored, files));
    for removed in party::referred_to(db, &plan.removed).await? {
        problems.push(still_in_use(&stored, files, &removed));
    }
    if problems.is_empty() {
        return Ok(plan);
    }
    problems.sort();
    Err(PlanError::Refused(problems))
}

/// What the files would make of a new database.
#[must_use]
pub fn first_plan(files: &[PartnerFile]) -> Plan {
    let mut plan = compare(&Contracts::default(), files, Missing::Keep);
    // Nothing is stored that they could contradict.
    let _ = rules::compare(&Written::default(), files, &mut plan);
    plan
}

/// Does it, in one transaction, and returns the new version; refused if the contracts changed since the plan was made.
pub async fn apply(db: &Db, plan: Plan, stamp: Stamp) -> Result<i64, ServiceError> {
    if plan.is_empty() {
        return Ok(plan.base_version);
    }
    db.write(move |tx| {
        Box::pin(async move {
            if !party::advance_version(tx, plan.base_version).await? {
                return Err(stale(
                    "the partner configuration was changed by somebody else since this plan was made",
                ));
            }
            if !party::referred_to_in(tx, &plan.removed).await?.is_empty() {
                return Err(stale("data came in that refers to something this plan would remove"));
            }
            let version = plan.base_version + 1;
            audit::append(tx, &entry(&plan, stamp.clone(), version)).await?;
            party::store_contracts(tx, &plan.write, stamp.at).await?;
            rules::apply(tx, &plan, &stamp).await?;
            Ok(version)
        })
    })
    .await
}

/// Swaps the registry of this process if the stored one is another; true if it did.
pub async fn refresh(hub: &Hub) -> Result<bool, StorageError> {
    if party::registry_version(hub.db()).await? == hub.registry().version() {
        return Ok(false);
    }
    let loaded = party::load_registry(hub.db()).await?;
    // Somebody else of this process may have been faster.
    let is_new = loaded.version() != hub.registry().version();
    if is_new {
        hub.set_registry(loaded);
    }
    Ok(is_new)
}

fn stale(why: &str) -> ServiceError {
    ServiceError::refused(
        Code::Conflict,
        format!("{why}: nothing was done; check again and apply what that shows"),
    )
}

fn entry(plan: &Plan, stamp: Stamp, version: i64) -> AuditEntry {
    let changes: Vec<String> = plan.changes.iter().take(100).map(Change::title).collect();
    AuditEntry {
        id: stamp.audit_id,
        at: stamp.at,
        actor: stamp.actor,
        principal: None,
        action: AuditAction::ApplyPartners,
        object: format!("registry:{version}"),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "changes": changes, "count": plan.changes.len() }),
    }
}

fn compare(stored: &Contracts, files: &[PartnerFile], missing: Missing) -> Plan {
    let before: BTreeMap<&PartyId, &Party> = stored.parties.iter().map(|party| (&party.id, party)).collect();
    let agreements: BTreeMap<&AgreementId, &Agreement> = stored.agreements.iter().map(|one| (&one.id, one)).collect();
    let mut plan = Plan {
        base_version: stored.version,
        changes: Vec::new(),
        missing: Vec::new(),
        notes: Vec::new(),
        rules: rules::RuleChange::default(),
        write: ContractChange::default(),
        removed: Vec::new(),
    };
    for file in files {
        let changes = diff::party(before.get(&file.party.id).copied(), &file.party);
        if !changes.is_empty() {
            plan.write.parties.push(file.party.clone());
            plan.removed
                .extend(diff::removed(before.get(&file.party.id).copied(), &file.party));
        }
        plan.changes.extend(changes);
        for agreement in &file.agreements {
            if let Some(change) = diff::agreement(agreements.get(&agreement.id).copied(), agreement) {
                plan.write.agreements.push(agreement.clone());
                plan.changes.push(change);
            }
        }
        let named: BTreeSet<&AgreementId> = file.agreements.iter().map(|agreement| &agreement.id).collect();
        for gone in stored
            .agreements
            .iter()
            .filter(|one| one.principal == file.party.id && !named.contains(&one.id))
        {
            plan.write.dropped.push(gone.id.clone());
            plan.removed.push(Removed::Agreement(gone.id.clone()));
            plan.changes.push(diff::gone(gone));
        }
    }
    let kept = |party: &&Party| party.active && !files.iter().any(|file| file.party.id == party.id);
    for party in stored.parties.iter().filter(kept) {
        match missing {
            Missing::Keep => plan.missing.push(party.id.clone()),
            Missing::Suspend => {
                plan.changes.push(Change {
                    noun: Noun::Party,
                    id: party.id.to_string(),
                    party: party.id.clone(),
                    kind: Kind::Suspended,
                });
                plan.write.parties.push(Party {
                    active: false,
                    ..party.clone()
                });
            }
        }
    }
    plan
}

/// What a party without a file still claims, nobody else may claim.
fn claims_of_missing(stored: &Contracts, files: &[PartnerFile]) -> Vec<ConfigError> {
    let mut found = Vec::new();
    for gone in stored
        .parties
        .iter()
        .filter(|party| !files.iter().any(|file| file.party.id == party.id))
    {
        for file in files {
            let glns = party::glns_of(gone)
                .into_iter()
                .filter(|gln| party::glns_of(&file.party).contains(gln));
            let gtins = gone
                .products
                .iter()
                .filter(|one| file.party.products.iter().any(|own| own.gtin == one.gtin));
            let prefixes = file.party.prefixes.iter().filter(|own| {
                let overlap = |one: &str| one.starts_with(own.as_str()) || own.as_str().starts_with(one);
                gone.prefixes.iter().any(|one| overlap(one.as_str()))
            });
            let claims = glns
                .map(|gln| (Subject::Gln(gln), format!("GLN `{gln}`")))
                .chain(gtins.map(|product| (Subject::Product(product.gtin), format!("GTIN `{}`", product.gtin))))
                .chain(prefixes.map(|prefix| {
                    (
                        Subject::Prefix(prefix.clone()),
                        format!("company prefix `{}`", prefix.as_str()),
                    )
                }));
            for (subject, claim) in claims {
                let cause = format!("{claim} is that of party `{}`, which is stored and has no file here", gone.id);
                let fix = format!("put `{}.toml` back without it, or correct it here", gone.id);
                found.push(file.problem(&subject, cause, fix));
            }
        }
    }
    found
}

/// An agreement stays between the two that made it.
fn agreements_of_others(stored: &Contracts, files: &[PartnerFile]) -> Vec<ConfigError> {
    let mut found = Vec::new();
    for file in files {
        for agreement in &file.agreements {
            let Some(before) = stored.agreements.iter().find(|one| one.id == agreement.id) else {
                continue;
            };
            if before.principal != agreement.principal || before.delegate != agreement.delegate {
                let cause = format!(
                    "agreement `{}` is stored as one between `{}` and `{}`",
                    before.id, before.principal, before.delegate
                );
                let fix = "give the new agreement an id of its own, and end the old one with `valid_until`".to_owned();
                found.push(file.problem(&Subject::Agreement(agreement.id.clone()), cause, fix));
            }
        }
    }
    found
}

fn still_in_use(stored: &Contracts, files: &[PartnerFile], removed: &Removed) -> ConfigError {
    let (holder, what, fix) = match removed {
        Removed::Gln(gln) => (
            stored
                .parties
                .iter()
                .find(|party| party::glns_of(party).contains(gln))
                .map(|party| &party.id),
            format!("GLN `{gln}`"),
            "put the site back",
        ),
        Removed::Prefix(prefix) => (
            stored
                .parties
                .iter()
                .find(|party| party.prefixes.contains(prefix))
                .map(|party| &party.id),
            format!("company prefix `{}`", prefix.as_str()),
            "put the prefix back",
        ),
        Removed::Product(gtin) => (
            stored
                .parties
                .iter()
                .find(|party| party.products.iter().any(|product| product.gtin == *gtin))
                .map(|party| &party.id),
            format!("product `{gtin}`"),
            "put the product back; to stop it, take it out of the agreements",
        ),
        Removed::Series(series) => (
            stored
                .parties
                .iter()
                .find(|party| party.sscc.iter().any(|numbers| numbers.series == *series))
                .map(|party| &party.id),
            format!("SSCC series `{series}`"),
            "put the series back; to stop it, take its prefix out of the agreements",
        ),
        Removed::Agreement(id) => (
            stored
                .agreements
                .iter()
                .find(|agreement| agreement.id == *id)
                .map(|agreement| &agreement.principal),
            format!("agreement `{id}`"),
            "put the agreement back and end it with `valid_until`",
        ),
    };
    let cause = format!("{what} is gone from the file, but data refers to it");
    match files.iter().find(|file| Some(&file.party.id) == holder) {
        Some(file) => file.problem(&Subject::Party, cause, fix.to_owned()),
        None => ConfigError {
            file: std::path::PathBuf::new(),
            line: 0,
            cause,
            fix: fix.to_owned(),
        },
    }
}
