//! Who did what, in whose name: one entry for each write and each refusal.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::ids::{AuditId, PartyId};
use super::party::Actor;
use super::time::Micros;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// Asked for serial numbers.
    RequestSerials,
    /// Downloaded the numbers of an allocation.
    DownloadSerials,
    /// Took a new key for the serial numbers of a product.
    RotateSerialKey,
    /// Brought a list of serial numbers that somebody else made.
    ImportSerials,
    /// Registered serial numbers that it makes itself.
    RegisterSerials,
    /// Ordered serial numbers at the brand owner's own system.
    OrderSerials,
    /// Reported what became of serial numbers.
    ReportSerials,
    /// Handed serial numbers on to another party.
    TransferSerials,
    /// Moved the end of a lease of serial numbers.
    ExtendLease,
    /// Let a lease of serial numbers run out: the hub itself.
    ExpireLease,
    /// Closed a lot.
    CloseLot,
    /// Confirmed that the numbers of an allocation have arrived.
    AcknowledgeSerials,
    /// Closed an allocation.
    CloseSerials,
    /// Approved a delegate's request for serial numbers.
    ApproveSerials,
    /// Rejected one.
    RejectSerials,
    /// Sent a document.
    Capture,
    /// Kept a query under a name.
    KeepQuery,
    /// Let go of one.
    DeleteQuery,
    /// Subscribed to a query.
    Subscribe,
    /// Ended a subscription.
    Unsubscribe,
    /// Had a subscription go on that the hub had given up.
    ResumeSubscription,
    /// Gave a subscription up: the hub itself.
    DisableSubscription,
    /// Changed the contracts.
    ApplyPartners,
    /// Issued a client certificate.
    IssueCertificate,
    /// Revoked one.
    RevokeCertificate,
    /// Held all serial numbers until it is confirmed how far they had gone.
    HoldSerials,
    /// Confirmed that.
    ConfirmSerials,
    /// Proposed a grant.
    ProposeGrant,
    /// Signed one.
    SignGrant,
    /// Ended one.
    RevokeGrant,
    /// Set a cap on what is granted of its data.
    SetGrantCap,
    /// Lifted one.
    LiftGrantCap,
    /// Declared an emergency.
    DeclareEmergency,
    /// Ended one.
    EndEmergency,
}

impl AuditAction {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestSerials => "request_serials",
            Self::DownloadSerials => "download_serials",
            Self::RotateSerialKey => "rotate_serial_key",
            Self::ImportSerials => "import_serials",
            Self::RegisterSerials => "register_serials",
            Self::OrderSerials => "order_serials",
            Self::ReportSerials => "report_serials",
            Self::TransferSerials => "transfer_serials",
            Self::ExtendLease => "extend_lease",
            Self::ExpireLease => "expire_lease",
            Self::CloseLot => "close_lot",
            Self::AcknowledgeSerials => "acknowledge_serials",
            Self::CloseSerials => "close_serials",
            Self::ApproveSerials => "approve_serials",
            Self::RejectSerials => "reject_serials",
            Self::Capture => "capture",
            Self::KeepQuery => "keep_query",
            Self::DeleteQuery => "delete_query",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::ResumeSubscription => "resume_subscription",
            Self::DisableSubscription => "disable_subscription",
            Self::ApplyPartners => "apply_partners",
            Self::IssueCertificate => "issue_certificate",
            Self::RevokeCertificate => "revoke_certificate",
            Self::HoldSerials => "hold_serials",
            Self::ConfirmSerials => "confirm_serials",
            Self::ProposeGrant => "propose_grant",
            Self::SignGrant => "sign_grant",
            Self::RevokeGrant => "revoke_grant",
            Self::SetGrantCap => "set_grant_cap",
            Self::LiftGrantCap => "lift_grant_cap",
            Self::DeclareEmergency => "declare_emergency",
            Self::EndEmergency => "end_emergency",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and nothing of it was done.
    Refused,
}

impl Outcome {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// One entry. It never holds serial numbers or document content.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Time-ordered.
    pub id: AuditId,
    /// When.
    pub at: Micros,
    /// Who acted.
    pub actor: Actor,
    /// On whose behalf, if not its own.
    pub principal: Option<PartyId>,
    /// What.
    pub action: AuditAction,
    /// On what: a printed id.
    pub object: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Facts for people: quantities, codes, counts.
    pub detail: serde_json::Value,
}

/// What the leaf hash is over. The fields stand in the order of their names, which is part of what is hashed.
#[derive(Serialize)]
struct Leaf<'a> {
    action: &'a str,
    at: Micros,
    detail: &'a RawValue,
    id: AuditId,
    object: &'a str,
    outcome: &'a str,
    party: &'a PartyId,
    principal: Option<&'a PartyId>,
    system: &'a str,
}

impl AuditEntry {
    /// The detail as the log keeps it, and the log's leaf hash: RFC 6962 clause 2.1 (`0x00` before the leaf).
    #[must_use]
    pub fn written(&self) -> (Box<str>, [u8; 32]) {
        // It is a JSON value already: nothing that has no JSON.
        let detail = to_raw_value(&self.detail).unwrap_or_default();
        let leaf = Leaf {
            action: self.action.as_str(),
            at: self.at,
            detail: &detail,
            id: self.id,
            object: &self.object,
            outcome: self.outcome.as_str(),
            party: &self.actor.party,
            principal: self.principal.as_ref(),
            system: &self.actor.system,
        };
        // Texts, numbers and a JSON value: nothing that has no JSON.
        let leaf = serde_json::to_vec(&leaf).unwrap_or_default();
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(&[0]);
        context.update(&leaf);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        (detail.into(), hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_hashed_as_it_always_was() {
        let entry = AuditEntry {
            id: AuditId::new(uuid::Uuid::from_u128(7)),
            at: Micros(1_772_000_000_000_000),
            actor: Actor {
                party: "packwell".parse().unwrap(),
                system: "line \"1\"".to_owned(),
            },
            principal: Some("aurora".parse().unwrap()),
            action: AuditAction::RequestSerials,
            object: "alc_1".to_owned(),
            outcome: Outcome::Done,
            detail: serde_json::json!({"quantity": 1, "lot": null, "documents": ["4500"]}),
        };
        let leaf = serde_json::json!({
            "id": entry.id, "at": entry.at, "party": entry.actor.party, "system": entry.actor.system, "principal": entry.principal,
            "action": entry.action.as_str(), "object": entry.object, "outcome": entry.outcome.as_str(), "detail": entry.detail,
        });
        let bytes = [&[0], leaf.to_string().as_bytes()].concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let (detail, hash) = entry.written();
        assert_eq!(hash, *digest.as_ref());
        assert_eq!(&*detail, entry.detail.to_string());
    }
}
