//! Grants, caps and emergencies: who lays them down, and when they count.
//!
//! # Invariants
//! - A grant is in force once all that must have signed it, each with the key of an active certificate of its own.
//! - What a party gives or gets is between the two: to anybody else the grant does not exist.
//! - An act is committed with its audit entry; a revocation counts for every read that begins after its commit.

mod emergency;
mod fill;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::grant::{
    Conditions, ENTRIES, Grant, GrantFault, Grantee, Held, Origin, Reshare, Scope, Signers, TEXT, signature,
};
use crate::domain::ids::{AuditId, GrantId, PartyId};
use crate::domain::lens::Sight;
use crate::domain::party::{Actor, Registry};
use crate::domain::time::Micros;
use crate::storage::grant::{self as store, Fill, Signature};
use crate::storage::{Tx, audit, certificate};

use super::Hub;
use super::error::{Code, ServiceError};
use super::page::{Page, Paged};

pub use emergency::{CapDraft, EmergencyDraft, declare_emergency, end_emergency, lift_cap, set_cap};
pub use fill::fill_due;

/// A grant as it is proposed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The version that it is to replace.
    pub supersedes: Option<GrantId>,
    /// Who gets.
    pub grantee: Grantee,
    /// Of what.
    pub scope: Scope,
    /// At which levels.
    pub levels: Sight,
    /// What for.
    pub purpose: String,
    /// On what it rests.
    pub legal_basis: Option<String>,
    /// First moment; now if not given.
    pub valid_from: Option<Micros>,
    /// First moment no longer.
    pub valid_until: Micros,
    /// What must be true besides.
    pub conditions: Conditions,
    /// Who must sign.
    pub signers: Signers,
}

/// A grant with all that its parties may know of it.
#[derive(Debug, Clone)]
pub struct SeenGrant {
    /// The grant.
    pub held: Held,
    /// The text that is signed.
    pub text: String,
    /// Who has signed.
    pub signatures: Vec<Signature>,
    /// How far the events of before have been gone through; none if it is not in force.
    pub fill: Option<Fill>,
}

/// Keeps a proposal of the caller; it gives nothing before it is signed.
pub async fn propose(hub: &Hub, actor: &Actor, draft: Draft) -> Result<SeenGrant, ServiceError> {
    let now = hub.now();
    let mut grant = drawn_up(&hub.registry(), actor, draft, now)?;
    grant.id = GrantId::new(hub.new_id(now));
    let (id, party) = (grant.id, actor.party.clone());
    let most = hub.limits().grants_per_party;
    let entry = entry(hub, actor, AuditAction::ProposeGrant, id.to_string(), serde_json::json!({}));
    let actor = actor.clone();
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                let standing = store::standing(tx, &actor.party, now).await?;
                if standing >= most {
                    return Err(conflict(format!(
                        "you have {standing} grants that stand, and {most} are the most: revoke one, or give one of wider scope"
                    )));
                }
                if let Some(before) = grant.supersedes {
                    grant.version = superseded(tx, &actor.party, before).await?;
                }
                store::propose(tx, &grant, Origin::Signed, (&actor, now)).await?;
                Ok::<_, ServiceError>(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    self::grant(hub, &party, id).await?.ok_or_else(ServiceError::not_found)
}

/// The number of the version that comes after a grant of the same grantor.
async fn superseded(tx: &Tx, grantor: &PartyId, before: GrantId) -> Result<u32, ServiceError> {
    let held = store::find(tx, grantor, before).await?;
    let held = held
        .filter(|held| held.grant.grantor == *grantor)
        .ok_or_else(ServiceError::not_found)?;
    match held.ended_at {
        Some(_) => Err(conflict("the grant that it supersedes has ended: propose a new one")),
        None => Ok(held.grant.version.saturating_add(1)),
    }
}

/// A grant of the caller by a draft, held against what can be granted at all.
pub(super) fn drawn_up(registry: &Registry, actor: &Actor, draft: Draft, now: Micros) -> Result<Grant, ServiceError> {
    let valid_from = draft.valid_from.unwrap_or(now);
    if draft.valid_until <= valid_from || draft.valid_until <= now {
        return Err(bad("`validUntil` must lie in the future and after `validFrom`"));
    }
    if let Grantee::Party(grantee) = &draft.grantee
        && !registry.is_active(grantee)
    {
        return Err(ServiceError::not_found());
    }
    let grant = Grant {
        id: GrantId::new(uuid::Uuid::nil()),
        name: None,
        version: 1,
        supersedes: draft.supersedes,
        grantor: actor.party.clone(),
        grantee: draft.grantee,
        scope: draft.scope,
        levels: draft.levels,
        purpose: draft.purpose,
        legal_basis: draft.legal_basis,
        valid_from,
        valid_until: draft.valid_until,
        conditions: draft.conditions,
        signers: draft.signers,
        reshare: Reshare::None,
    };
    grant.check().map_err(faulty)?;
    Ok(grant)
}

fn faulty(fault: GrantFault) -> ServiceError {
    let code = match fault {
        GrantFault::NotAnonymous => Code::NotAnonymous,
        GrantFault::Dates
        | GrantFault::TooLong
        | GrantFault::ToItself
        | GrantFault::RoleSigns
        | GrantFault::Nothing
        | GrantFault::Purpose
        | GrantFault::Country
        | GrantFault::Queries
        | GrantFault::Contributors
        | GrantFault::Entries
        | GrantFault::Entry => Code::BadInput,
    };
    ServiceError::refused(code, fault.to_string())
}

/// Takes the caller's signature: the grant is in force once all have signed that must. Again is the same as once.
pub async fn sign(hub: &Hub, actor: &Actor, id: GrantId, jws: String) -> Result<SeenGrant, ServiceError> {
    let seen = grant(hub, &actor.party, id).await?.ok_or_else(ServiceError::not_found)?;
    let fingerprint = signature::verify(&jws, &seen.text).map_err(|error| bad(error.to_string()))?;
    let entry = entry(
        hub,
        actor,
        AuditAction::SignGrant,
        id.to_string(),
        serde_json::json!({ "fingerprint": super::certificate::hex(&fingerprint) }),
    );
    let (now, signer) = (hub.now(), actor.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                let held = store::find(tx, &signer.party, id)
                    .await?
                    .ok_or_else(ServiceError::not_found)?;
                let owner = certificate::active(tx, fingerprint, now).await?;
                let Some((_, system)) = owner.filter(|(party, _)| *party == signer.party) else {
                    return Err(bad("the certificate in `x5c` is no active one of yours that this hub issued"));
                };
                let signature = Signature {
                    party: signer.party.clone(),
                    system: system.to_string(),
                    fingerprint,
                    at: now,
                    jws,
                };
                signed(tx, &held, signature).await?;
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    grant(hub, &actor.party, id).await?.ok_or_else(ServiceError::not_found)
}

/// Keeps a signature by a certificate that was found active, and brings the grant into force with the last.
pub(super) async fn signed(tx: &Tx, held: &Held, signature: Signature) -> Result<(), ServiceError> {
    let (grant, now) = (&held.grant, signature.at);
    if held.ended_at.is_some() || grant.valid_until <= now {
        return Err(conflict("the grant has ended: propose a new one"));
    }
    if !grant.must_sign().contains(&&signature.party) {
        return Err(conflict("this grant is not yours to sign: its grantor alone does"));
    }
    if !store::sign(tx, grant.id, &signature).await? {
        return Ok(());
    }
    let signatures = store::signatures_in(tx, grant.id).await?;
    let all = grant
        .must_sign()
        .into_iter()
        .all(|party| signatures.iter().any(|one| one.party == *party));
    if all {
        store::enforce(tx, grant, now).await?;
        fill::batch(tx, grant, uuid::Uuid::max(), now).await?;
    }
    Ok(())
}

/// Ends a grant: its grantor revokes it, its grantee gives it back; a proposal is withdrawn or turned down.
pub async fn revoke(hub: &Hub, actor: &Actor, id: GrantId, reason: String) -> Result<SeenGrant, ServiceError> {
    if reason.trim().is_empty() || reason.chars().count() > TEXT {
        return Err(bad(format!("`reason` is needed, {TEXT} characters at the most")));
    }
    let entry = entry(
        hub,
        actor,
        AuditAction::RevokeGrant,
        id.to_string(),
        serde_json::json!({ "reason": reason }),
    );
    let (now, party) = (hub.now(), actor.party.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                let held = store::find(tx, &party, id).await?.ok_or_else(ServiceError::not_found)?;
                if store::end(tx, held.grant.id, (&party, now), &reason).await? {
                    audit::append(tx, &entry).await?;
                }
                Ok::<_, ServiceError>(())
            })
        })
        .await?;
    grant(hub, &actor.party, id).await?.ok_or_else(ServiceError::not_found)
}

/// A grant that a party gives or that names it.
pub async fn grant(hub: &Hub, party: &PartyId, id: GrantId) -> Result<Option<SeenGrant>, ServiceError> {
    match store::by_id(hub.db(), party, id).await? {
        Some(held) => seen(hub, held).await.map(Some),
        None => Ok(None),
    }
}

/// Grants that the caller gives, or that name it; newest first.
pub async fn grants(hub: &Hub, actor: &Actor, given: bool, page: Page) -> Result<Paged<SeenGrant>, ServiceError> {
    let after = page.after.map(|cursor| cursor.id);
    let rows = store::of_party(hub.db(), &actor.party, given, after, page.first.saturating_add(1)).await?;
    let mut found = Vec::with_capacity(rows.len());
    for held in rows {
        found.push(seen(hub, held).await?);
    }
    Ok(Paged::by_id(found, page, |seen| seen.held.grant.id.uuid()))
}

async fn seen(hub: &Hub, held: Held) -> Result<SeenGrant, ServiceError> {
    let text = held.grant.canonical();
    Ok(SeenGrant {
        text: text.map_err(|error| ServiceError::Internal(format!("a grant cannot be written: {error}")))?,
        signatures: store::signatures(hub.db(), held.grant.id).await?,
        fill: store::fill(hub.db(), held.grant.id).await?,
        held,
    })
}

fn entry(hub: &Hub, actor: &Actor, action: AuditAction, object: String, detail: serde_json::Value) -> AuditEntry {
    let now = hub.now();
    AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action,
        object,
        outcome: Outcome::Done,
        detail,
    }
}

fn bad(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::BadInput, detail)
}

fn conflict(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::Conflict, detail)
}
