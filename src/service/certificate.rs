//! Client certificates of partners' systems: issued by the hub's own CA, recorded, revoked.
//!
//! What stands in a certificate comes from the request's typed ids alone; there is no signing request from outside whose
//! names could slip in. The private key is handed to the caller once and not kept.
//!
//! # Invariants
//! - A certificate is recorded, with its audit entry, before anybody gets it.
//! - A revoked certificate is refused by every hub process within one poll of the registry.

mod authority;

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AuditId, PartyId, SystemName};
use crate::domain::party::Actor;
use crate::storage::certificate::CertificateRecord;
use crate::storage::{self, StorageError};

use super::error::{Code, ServiceError};
use super::hub::Hub;

pub use authority::{Authority, AuthorityError, KeyAndCertificate, spiffe_uri};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    /// Whose system.
    pub party: PartyId,
    /// Which system.
    pub system: SystemName,
    /// For how long, in days; at most [`MAX_VALIDITY_DAYS`].
    pub validity_days: u32,
}

/// Longest validity of a client certificate, in days.
pub const MAX_VALIDITY_DAYS: u32 = 398;

/// What the party gets.
#[derive(Debug)]
pub struct IssuedCertificate {
    /// As recorded.
    pub record: CertificateRecord,
    /// Certificate and private key in PEM.
    pub files: KeyAndCertificate,
}

/// Issues a certificate for a system of an active party.
pub async fn issue(
    hub: &Hub,
    authority: &Authority,
    actor: &Actor,
    request: CertificateRequest,
) -> Result<IssuedCertificate, ServiceError> {
    let registry = hub.registry();
    if !registry.party(&request.party).is_some_and(|party| party.active) {
        let detail = format!(
            "`{}` is not an active party: apply its partner configuration first",
            request.party
        );
        return Err(ServiceError::refused(Code::NotFound, detail));
    }
    if !(1..=MAX_VALIDITY_DAYS).contains(&request.validity_days) {
        let detail = format!(
            "a certificate is valid for 1 to {MAX_VALIDITY_DAYS} days, not {}",
            request.validity_days
        );
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    let now = hub.now();
    let mut serial = [0; 16];
    hub.fill_random(&mut serial);
    let issued = authority
        .issue_client(&request, serial, now)
        .map_err(|error| ServiceError::Internal(error.to_string()))?;
    let record = issued.record.clone();
    let entry = AuditEntry {
        id: AuditId::new(hub.new_id(now)),
        at: now,
        actor: actor.clone(),
        principal: None,
        action: AuditAction::IssueCertificate,
        object: format!("{}/{}", record.party, record.system),
        outcome: Outcome::Done,
        detail: serde_json::json!({
            "fingerprint": hex(&record.fingerprint), "serial": record.serial, "not_after": record.not_after.rfc3339(),
        }),
    };
    let write: Result<(), StorageError> = hub
        .db()
        .write(|tx| {
            Box::pin(async move {
                storage::certificate::insert(tx, &record).await?;
                storage::audit::append(tx, &entry).await
            })
        })
        .await;
    write?;
    Ok(issued)
}

/// Revokes a certificate by its fingerprint; `NotFound` if the hub did not issue it or it is revoked already.
pub async fn revoke(hub: &Hub, actor: &Actor, fingerprint: [u8; 32]) -> Result<(PartyId, SystemName), ServiceError> {
    let now = hub.now();
    let (id, actor) = (AuditId::new(hub.new_id(now)), actor.clone());
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                let revoked = storage::certificate::revoke(tx, fingerprint, now).await?;
                let (party, system) = revoked.ok_or_else(ServiceError::not_found)?;
                let entry = AuditEntry {
                    id,
                    at: now,
                    actor,
                    principal: None,
                    action: AuditAction::RevokeCertificate,
                    object: format!("{party}/{system}"),
                    outcome: Outcome::Done,
                    detail: serde_json::json!({ "fingerprint": hex(&fingerprint) }),
                };
                storage::audit::append(tx, &entry).await?;
                Ok((party, system))
            })
        })
        .await
}

/// Which certificates are revoked, as last read. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    fingerprints: Arc<ArcSwap<HashSet<[u8; 32]>>>,
}

impl Revocations {
    /// Whether a certificate is revoked.
    #[must_use]
    pub fn contains(&self, fingerprint: &[u8; 32]) -> bool {
        self.fingerprints.load().contains(fingerprint)
    }

    /// Reads them anew.
    pub async fn refresh(&self, hub: &Hub) -> Result<(), StorageError> {
        let read = storage::certificate::revoked(hub.db(), hub.now()).await?;
        self.fingerprints.store(Arc::new(read.into_iter().collect()));
        Ok(())
    }
}

/// Lower-case hexadecimal, as fingerprints are printed.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
