//! Who did what.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject};

use crate::domain::party::Registry;
use crate::service::audit::AuditRow;

use super::party::PartyName;
use super::scalar::DateTime;

/// One fact of an audit entry.
#[derive(Debug, Clone, SimpleObject)]
pub struct AuditFact {
    /// Its name, such as `quantity`.
    name: String,
    /// Its value, as text.
    value: String,
}

/// One act of the caller, or of a delegate in its name.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// The entry.
    pub row: AuditRow,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

/// One act of the caller, or of a delegate in its name.
#[Object]
impl AuditEntry {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// What was done, such as `request_serials`.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.row.at)
    }

    /// Facts for people, such as quantities.
    async fn facts(&self) -> Vec<AuditFact> {
        let Some(facts) = self.row.detail.as_object() else {
            return Vec::new();
        };
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        facts
            .iter()
            .map(|(name, value)| AuditFact {
                name: name.clone(),
                value: text(value),
            })
            .collect()
    }

    /// On what: a printed id.
    async fn object(&self) -> &str {
        &self.row.object
    }

    /// How it ended: `done` or `refused`.
    async fn outcome(&self) -> &str {
        &self.row.outcome
    }

    /// Who acted.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.row.party)
    }

    /// In whose name, if not its own.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.row.principal.as_ref()?)
    }

    /// With which of its systems.
    async fn system(&self) -> &str {
        &self.row.system
    }
}
