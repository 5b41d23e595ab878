//! Blocks of serial numbers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use crate::domain::party::Registry;
use crate::domain::serial::allocation;
use crate::service::{Code, serial};

use super::caller;
use super::party::PartyName;
use super::refusal::{Answer, refuse};
use super::scalar::{DateTime, Long};

/// How far an allocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AllocationState {
    /// The numbers are the party's; it has not fetched them.
    Reserved,
    /// The party fetched numbers of it.
    Transmitted,
    /// The party confirmed that it has the numbers.
    Acknowledged,
    /// The party is done with it; its numbers are not read again.
    Closed,
    /// The principal must approve it first: there are no numbers yet.
    Pending,
    /// The principal did not approve it: there will be no numbers.
    Rejected,
}

/// The papers that a request belongs to, as the party that asked calls them.
#[derive(Debug, Clone, SimpleObject)]
pub struct Documents {
    /// Number of the purchase order.
    purchase_order: Option<String>,
    /// Its line.
    purchase_order_line: Option<String>,
    /// Any other reference.
    reference: Option<String>,
    /// Number of the work order.
    work_order: Option<String>,
}

/// A block of serial numbers given to one party. The numbers themselves are at `downloadPath`.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// The allocation.
    pub allocation: allocation::Allocation,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

impl Allocation {
    /// Where on the machine port the numbers are.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/serials/v1/allocations/{}/serials", self.allocation.id)
    }
}

/// A block of serial numbers given to one party. The numbers themselves are at `downloadPath`.
#[Object]
impl Allocation {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.allocation.id.to_string())
    }

    /// Global id of the agreement that it was asked for under; null for an own product.
    async fn agreement_id(&self) -> Option<ID> {
        self.allocation
            .agreement
            .as_ref()
            .map(|id| ID(format!("{}{id}", super::agreement::Agreement::PREFIX)))
    }

    /// When the party confirmed that it has the numbers.
    async fn acknowledged_at(&self) -> Option<DateTime> {
        self.allocation.state.acknowledged_at().map(DateTime)
    }

    /// How many numbers were asked for, if that was more than were given; null otherwise.
    async fn asked(&self) -> Option<Long> {
        self.allocation.asked.map(Long)
    }

    /// When it was closed.
    async fn closed_at(&self) -> Option<DateTime> {
        self.allocation.state.closed_at().map(DateTime)
    }

    /// What the party calls its order.
    async fn documents(&self) -> Documents {
        let allocation::Documents {
            purchase_order,
            purchase_order_line,
            work_order,
            reference,
        } = self.allocation.documents.clone();
        Documents {
            purchase_order,
            purchase_order_line,
            work_order,
            reference,
        }
    }

    /// From when on numbers that were not used count as lost; null for never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.allocation.expires_at.map(DateTime)
    }

    /// The packaging line that it was asked for.
    async fn line(&self) -> Option<&str> {
        self.allocation.line.as_deref()
    }

    /// Why it was closed or rejected.
    async fn reason(&self) -> Option<&str> {
        self.allocation.state.reason().filter(|reason| !reason.is_empty())
    }

    /// When it was made; of one that waits for approval, when it was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime(self.allocation.created_at)
    }

    /// Path on this hub's machine port from which the numbers are streamed, as text/csv or application/jsonl.
    async fn download_path(&self) -> String {
        self.path()
    }

    /// What the numbers are for: the GTIN of a product, or company prefix and extension digit of SSCCs as `9521002:3`.
    async fn gtin(&self) -> String {
        self.allocation.numbered.to_string()
    }

    /// The name that the caller gave its request.
    async fn idempotency_key(&self) -> &str {
        &self.allocation.request_key
    }

    /// The lot that it was asked for.
    async fn lot(&self) -> Option<&str> {
        self.allocation.lot.as_deref()
    }

    /// Who has the numbers.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.allocation.party)
    }

    /// The brand owner, on whose behalf.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.allocation.principal)
    }

    /// How many numbers.
    async fn quantity(&self) -> Long {
        Long(self.allocation.quantity)
    }

    /// The signed receipt as a JSON Web Signature in compact form, the same each time; `/.well-known/jwks.json` on the machine port has
    /// the key. Null while there are no numbers. The first call reads the whole block: it costs a page of its own.
    #[graphql(complexity = 500)]
    async fn receipt(&self, context: &Context<'_>) -> Answer<Option<String>> {
        let (hub, actor) = caller(context)?;
        match serial::receipt(hub, actor, self.allocation.id).await {
            Ok(jws) => Ok(Some(jws)),
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(refuse(error)),
        }
    }

    /// GLN of the site that it was asked for.
    async fn site(&self) -> Option<String> {
        self.allocation.site.map(|site| site.to_string())
    }

    /// How far it is.
    async fn state(&self) -> AllocationState {
        match self.allocation.state {
            allocation::AllocationState::Reserved => AllocationState::Reserved,
            allocation::AllocationState::Transmitted { .. } => AllocationState::Transmitted,
            allocation::AllocationState::Acknowledged { .. } => AllocationState::Acknowledged,
            allocation::AllocationState::Closed { .. } => AllocationState::Closed,
            allocation::AllocationState::Pending => AllocationState::Pending,
            allocation::AllocationState::Rejected { .. } => AllocationState::Rejected,
        }
    }

    /// When the party first fetched numbers of it.
    async fn transmitted_at(&self) -> Option<DateTime> {
        self.allocation.state.transmitted_at().map(DateTime)
    }
}
