//! Caps and emergencies: what owners lower, and raise for a time.

use crate::domain::audit::AuditAction;
use crate::domain::grant::{Cap, Emergency, Scope};
use crate::domain::gs1::Gtin;
use crate::domain::ids::{CapId, EmergencyId, PartyId};
use crate::domain::lens::Sight;
use crate::domain::party::Actor;
use crate::domain::time::Micros;
use crate::service::{Hub, ServiceError};
use crate::storage::{audit, grant as store};

use super::{ENTRIES, TEXT, bad, entry, faulty};

/// A cap as it is asked for.
#[derive(Debug, Clone)]
pub struct CapDraft {
    /// For these parties; empty: for all.
    pub grantees: Vec<PartyId>,
    /// Of what.
    pub scope: Scope,
    /// The highest levels.
    pub levels: Sight,
}

/// An emergency as it is declared.
#[derive(Debug, Clone)]
pub struct EmergencyDraft {
    /// Product of the caller's brand.
    pub gtin: Gtin,
    /// Lots; empty: all.
    pub lots: Vec<String>,
    /// Why.
    pub reason: String,
    /// First moment no longer.
    pub until: Micros,
}

/// Sets a cap on what is granted of the caller's data.
pub async fn set_cap(hub: &Hub, actor: &Actor, draft: CapDraft) -> Result<Cap, ServiceError> {
    draft.scope.check().map_err(faulty)?;
    if draft.grantees.len() > ENTRIES {
        return Err(bad(format!("a cap names {ENTRIES} parties at the most")));
    }
    let now = hub.now();
    let cap = Cap {
        id: CapId::new(hub.new_id(now)),
        name: None,
        owner: actor.party.clone(),
        grantees: draft.grantees,
        scope: draft.scope,
        levels: draft.levels,
    };
    let entry = entry(
        hub,
        actor,
        AuditAction::SetGrantCap,
        cap.id.to_string(),
        serde_json::json!({}),
    );
    let kept = cap.clone();
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                store::set_cap(tx, &kept, now).await?;
                Ok::<_, ServiceError>(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    Ok(cap)
}

/// Lifts a cap of the caller.
pub async fn lift_cap(hub: &Hub, actor: &Actor, id: CapId) -> Result<(), ServiceError> {
    let entry = entry(hub, actor, AuditAction::LiftGrantCap, id.to_string(), serde_json::json!({}));
    let (now, party) = (hub.now(), actor.party.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                match store::lift_cap(tx, &party, id, now).await? {
                    true => Ok(audit::append(tx, &entry).await?),
                    false => Err(ServiceError::not_found()),
                }
            })
        })
        .await
}

/// Declares an emergency about a product of the caller's brand, from now on for a limited time.
pub async fn declare_emergency(hub: &Hub, actor: &Actor, draft: EmergencyDraft) -> Result<Emergency, ServiceError> {
    let (now, most) = (hub.now(), hub.limits().emergency_days);
    if hub.registry().owner_of_gtin(draft.gtin) != Some(&actor.party) {
        return Err(ServiceError::not_found());
    }
    if draft.reason.trim().is_empty() || draft.reason.chars().count() > TEXT {
        return Err(bad(format!("`reason` is needed, {TEXT} characters at the most")));
    }
    if draft.lots.len() > ENTRIES || draft.lots.iter().any(|lot| lot.is_empty() || lot.len() > 200) {
        return Err(bad(format!(
            "an emergency names {ENTRIES} lots at the most, none of them empty"
        )));
    }
    let longest = now.plus_seconds(i64::try_from(most).unwrap_or(i64::MAX).saturating_mul(86_400));
    if draft.until <= now || draft.until > longest {
        return Err(bad(format!(
            "`until` lies in the future, {most} days at the most: declare it anew if it lasts longer"
        )));
    }
    let emergency = Emergency {
        id: EmergencyId::new(hub.new_id(now)),
        owner: actor.party.clone(),
        gtin: draft.gtin,
        lots: draft.lots,
        reason: draft.reason,
        from: now,
        until: draft.until,
    };
    let entry = entry(
        hub,
        actor,
        AuditAction::DeclareEmergency,
        emergency.id.to_string(),
        serde_json::json!({ "gtin": emergency.gtin, "lots": emergency.lots }),
    );
    let kept = emergency.clone();
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                store::declare(tx, &kept, now).await?;
                Ok::<_, ServiceError>(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    Ok(emergency)
}

/// Ends an emergency of the caller before its time.
pub async fn end_emergency(hub: &Hub, actor: &Actor, id: EmergencyId) -> Result<(), ServiceError> {
    let entry = entry(hub, actor, AuditAction::EndEmergency, id.to_string(), serde_json::json!({}));
    let (now, party) = (hub.now(), actor.party.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                store::begin_act(tx).await?;
                match store::end_emergency(tx, &party, id, now).await? {
                    true => Ok(audit::append(tx, &entry).await?),
                    false => Err(ServiceError::not_found()),
                }
            })
        })
        .await
}
