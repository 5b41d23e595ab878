//! What the hub noticed.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use crate::domain::finding;
use crate::domain::party::Registry;
use crate::service::finding::StoredFinding;

use super::party::PartyName;
use super::scalar::DateTime;

/// What a finding does to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Severity {
    /// Stored; worth a look.
    Warning,
    /// Stored; the goods or the data are wrong and someone must act.
    Error,
    /// Stored; goods are on their way to where they could do harm: stop them.
    Critical,
    /// The whole document was refused.
    Refusal,
}

/// Something that the hub noticed about a document, an event or a thing.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The finding.
    pub row: StoredFinding,
    /// Names its party.
    pub registry: Arc<Registry>,
}

/// Something that the hub noticed about a document, an event or a thing.
#[Object]
impl Finding {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// When it went away by itself; null while it stands.
    async fn cleared_at(&self) -> Option<DateTime> {
        self.row.cleared_at.map(DateTime)
    }

    /// Stable code.
    async fn code(&self) -> &'static str {
        self.row.code.as_str()
    }

    /// What is wrong.
    async fn detail(&self) -> &str {
        &self.row.detail
    }

    /// The thing that it is about, as the sender spelt it.
    async fn epc(&self) -> Option<&str> {
        self.row.epc.as_deref()
    }

    /// What the sender can do about it.
    async fn fix(&self) -> &'static str {
        self.row.code.fix()
    }

    /// When it was noticed.
    async fn noticed_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// Whose document it is about.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.row.party)
    }

    /// Where in the document; empty for who did not send it.
    async fn pointer(&self) -> &str {
        &self.row.pointer
    }

    /// What it does to the document.
    async fn severity(&self) -> Severity {
        match self.row.severity {
            finding::Severity::Warning => Severity::Warning,
            finding::Severity::Error => Severity::Error,
            finding::Severity::Critical => Severity::Critical,
            finding::Severity::Refusal => Severity::Refusal,
        }
    }
}
