//! Grants and caps of partner files: what would change against what is stored, and doing it.
//!
//! # Invariants
//! - A record never changes: another version is another record, a grant that is gone from its file is ended, a cap that is otherwise is
//!   lifted and set anew. What ended, by whomever, is not given again by the same version.
//! - A grant gives nothing before all have signed that must. What the file no longer says ends with the apply, signed successor or not:
//!   between two versions less is open than either says, never more.

use std::collections::BTreeSet;

use crate::config::partner::{ConfigError, PartnerFile, Subject};
use crate::domain::grant::{Cap, Grant, Grantee, Held, Origin, WrittenCap, WrittenGrant, named_id, signature};
use crate::domain::ids::{CapId, GrantId, PartyId};
use crate::service::ServiceError;
use crate::service::error::Code;
use crate::service::grant;
use crate::storage::grant::{self as store, Signature, Written};
use crate::storage::{Tx, certificate};

use super::diff::{Change, Kind, Noun, rule_fields};
use super::{Plan, Stamp};

/// Why a version ended that is in no file any more.
const GONE: &str = "no longer in the partner file";

/// What a plan does to grants and caps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RuleChange {
    /// New versions.
    added: Vec<WrittenGrant>,
    /// Stored ones with signatures that they did not have.
    signed: Vec<(Held, Vec<String>)>,
    /// Versions that the files no longer have.
    ended: Vec<GrantId>,
    /// New caps.
    set: Vec<WrittenCap>,
    /// Caps that the files no longer have.
    lifted: Vec<(PartyId, CapId)>,
}

impl RuleChange {
    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.signed.is_empty() && self.ended.is_empty() && self.set.is_empty() && self.lifted.is_empty()
    }
}

/// Adds to a plan what the files change about grants and caps, and answers what contradicts the stored.
pub(super) fn compare(stored: &Written, files: &[PartnerFile], plan: &mut Plan) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    for file in files {
        for written in &file.grants {
            match one(stored, file, written, plan) {
                Ok(()) => {}
                Err(problem) => problems.push(problem),
            }
        }
        gone(stored, file, plan);
        caps(stored, file, plan);
    }
    problems
}

fn change(noun: Noun, party: &PartyId, name: &str, kind: Kind) -> Change {
    Change {
        noun,
        id: name.to_owned(),
        party: party.clone(),
        kind,
    }
}

/// Versions of a name, oldest first.
fn versions<'s>(stored: &'s Written, grantor: &PartyId, name: &str) -> Vec<&'s (Held, Vec<[u8; 32]>)> {
    let same = |held: &Held| held.grant.grantor == *grantor && held.grant.name.as_deref() == Some(name);
    let mut found: Vec<_> = stored.grants.iter().filter(|(held, _)| same(held)).collect();
    found.sort_by_key(|(held, _)| held.grant.version);
    found
}

fn one(stored: &Written, file: &PartnerFile, written: &WrittenGrant, plan: &mut Plan) -> Result<(), ConfigError> {
    let grant = &written.grant;
    let name = grant.name.clone().unwrap_or_default();
    let before = versions(stored, &grant.grantor, &name);
    let newest = before.last().map(|(held, _)| held);
    if let Some((held, signed)) = before.iter().find(|(held, _)| held.grant.version == grant.version) {
        if held.grant != *grant || newest.is_some_and(|newest| newest.grant.version > grant.version) {
            let next = newest.map_or(1, |newest| newest.grant.version).saturating_add(1);
            let cause = format!(
                "grant `{name}` is stored as version {} with other content, or has newer versions",
                grant.version
            );
            let fix = format!("a version never changes: write `version = {next}`");
            return Err(file.problem(&Subject::Grant(name), cause, fix));
        }
        again(held, signed, written, plan);
        return Ok(());
    }
    if let Some(newest) = newest.filter(|newest| newest.grant.version > grant.version) {
        let cause = format!("grant `{name}` is stored up to version {}", newest.grant.version);
        let fix = format!("write `version = {}`", newest.grant.version.saturating_add(1));
        return Err(file.problem(&Subject::Grant(name), cause, fix));
    }
    let kind = match newest {
        Some(newest) => Kind::Changed(rule_fields(&newest.grant, grant)),
        None => Kind::Added(format!("to {}, version {}", who(grant), grant.version)),
    };
    plan.changes.push(change(Noun::Grant, &grant.grantor, &name, kind));
    let standing = before.iter().filter(|(held, _)| held.ended_at.is_none());
    plan.rules.ended.extend(standing.map(|(held, _)| held.grant.id));
    plan.rules.added.push(written.clone());
    if written.signatures.len() < grant.must_sign().len() {
        plan.notes.push(waits(grant));
    }
    Ok(())
}

/// A version that is stored already: it may have more signatures now.
fn again(held: &Held, signed: &[[u8; 32]], written: &WrittenGrant, plan: &mut Plan) {
    let grant = &held.grant;
    let name = grant.name.clone().unwrap_or_default();
    if held.ended_at.is_some() {
        let next = grant.version.saturating_add(1);
        plan.notes.push(format!(
            "grant {name} of {} has ended and is not given again: take it out of the file, or write `version = {next}`",
            grant.grantor
        ));
        return;
    }
    if held.in_force_at.is_some() {
        return;
    }
    let text = grant.canonical().unwrap_or_default();
    let is_new = |jws: &&String| signature::verify(jws, &text).is_ok_and(|fingerprint| !signed.contains(&fingerprint));
    let more: Vec<String> = written.signatures.iter().filter(is_new).cloned().collect();
    if signed.len() + more.len() < grant.must_sign().len() {
        plan.notes.push(waits(grant));
    }
    if !more.is_empty() {
        let words = format!("{} more", more.len());
        let kind = Kind::Changed(vec![super::FieldChange {
            field: "signatures".to_owned(),
            from: signed.len().to_string(),
            to: words,
        }]);
        plan.changes.push(change(Noun::Grant, &grant.grantor, &name, kind));
        plan.rules.signed.push((held.clone(), more));
    }
}

fn waits(grant: &Grant) -> String {
    let parties: Vec<&str> = grant.must_sign().into_iter().map(PartyId::as_str).collect();
    format!(
        "grant {} of {} gives nothing before {} signed, here or by `signGrant`; the text is\n{}",
        grant.name.as_deref().unwrap_or_default(),
        grant.grantor,
        parties.join(" and "),
        grant.canonical().unwrap_or_default()
    )
}

fn who(grant: &Grant) -> String {
    match &grant.grantee {
        Grantee::Party(party) => party.to_string(),
        Grantee::Role { role, country } => {
            let place = country.as_ref().map(|country| format!(" in {country}")).unwrap_or_default();
            format!("every {}{place}", role.as_str())
        }
    }
}

/// Grants that stand and are in the file of their grantor no more.
fn gone(stored: &Written, file: &PartnerFile, plan: &mut Plan) {
    let named: BTreeSet<&str> = file.grants.iter().filter_map(|one| one.grant.name.as_deref()).collect();
    for (held, _) in &stored.grants {
        let grant = &held.grant;
        let name = grant.name.as_deref().unwrap_or_default();
        if grant.grantor == file.party.id && held.ended_at.is_none() && !named.contains(name) {
            plan.changes.push(change(Noun::Grant, &file.party.id, name, Kind::Removed));
            plan.rules.ended.push(grant.id);
        }
    }
}

fn caps(stored: &Written, file: &PartnerFile, plan: &mut Plan) {
    let own: Vec<&Cap> = stored.caps.iter().filter(|cap| cap.owner == file.party.id).collect();
    for written in &file.caps {
        let before = own.iter().find(|cap| cap.name.as_deref() == Some(&written.name));
        let kind = match before {
            None => Kind::Added(String::new()),
            Some(before) => {
                let same = Cap {
                    id: before.id,
                    ..written.cap.clone()
                };
                if **before == same {
                    continue;
                }
                plan.rules.lifted.push((before.owner.clone(), before.id));
                Kind::Changed(rule_fields(*before, &same))
            }
        };
        plan.changes.push(change(Noun::Cap, &file.party.id, &written.name, kind));
        plan.rules.set.push(written.clone());
    }
    for cap in own {
        let name = cap.name.as_deref().unwrap_or_default();
        if !file.caps.iter().any(|written| written.name == name) {
            plan.changes.push(change(Noun::Cap, &file.party.id, name, Kind::Removed));
            plan.rules.lifted.push((cap.owner.clone(), cap.id));
        }
    }
}

/// Does it, within the transaction of the plan.
pub(super) async fn apply(tx: &Tx, plan: &Plan, stamp: &Stamp) -> Result<(), ServiceError> {
    let rules = &plan.rules;
    if rules.is_empty() {
        return Ok(());
    }
    store::begin_act(tx).await?;
    // Caps first, and ends before beginnings: nothing is open in between that neither state has open.
    for (index, written) in rules.set.iter().enumerate() {
        let names = [
            "cap",
            written.cap.owner.as_str(),
            &written.name,
            &stamp.audit_id.to_string(),
            &index.to_string(),
        ];
        let cap = Cap {
            id: CapId::new(named_id(stamp.at, &names)),
            ..written.cap.clone()
        };
        store::set_cap(tx, &cap, stamp.at).await?;
    }
    for (owner, cap) in &rules.lifted {
        store::lift_cap(tx, owner, *cap, stamp.at).await?;
    }
    for grant in &rules.ended {
        store::end(tx, *grant, (&stamp.actor.party, stamp.at), GONE).await?;
    }
    for written in &rules.added {
        store::propose(tx, &written.grant, Origin::PartnerConfig, (&stamp.actor, stamp.at)).await?;
        let held = Held {
            grant: written.grant.clone(),
            origin: Origin::PartnerConfig,
            proposed_at: stamp.at,
            in_force_at: None,
            ended_at: None,
        };
        sign(tx, &held, &written.signatures, stamp).await?;
    }
    for (held, signatures) in &rules.signed {
        sign(tx, held, signatures, stamp).await?;
    }
    Ok(())
}

async fn sign(tx: &Tx, held: &Held, signatures: &[String], stamp: &Stamp) -> Result<(), ServiceError> {
    let grant = &held.grant;
    // One that is over is kept for the record, as it stands in the file.
    if grant.valid_until <= stamp.at {
        return Ok(());
    }
    let text = grant.canonical();
    let text = text.map_err(|error| ServiceError::Internal(format!("a grant cannot be written: {error}")))?;
    for jws in signatures {
        let refuse = |why: &str| {
            let name = grant.name.as_deref().unwrap_or_default();
            let detail = format!("a signature of grant `{name}` of `{}` {why}: nothing was done", grant.grantor);
            ServiceError::refused(Code::BadInput, detail)
        };
        let fingerprint = signature::verify(jws, &text).map_err(|_| refuse("does not fit its text"))?;
        let owner = certificate::active(tx, fingerprint, stamp.at).await?;
        let (party, system) = owner
            .filter(|(party, _)| grant.must_sign().contains(&party))
            .ok_or_else(|| refuse("is by no active certificate, issued by this hub, of a party that must sign it"))?;
        let signature = Signature {
            party,
            system: system.to_string(),
            fingerprint,
            at: stamp.at,
            jws: jws.clone(),
        };
        grant::signed(tx, held, signature).await?;
    }
    Ok(())
}
