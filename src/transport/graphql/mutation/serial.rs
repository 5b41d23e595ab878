//! Asking for serial numbers.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::domain::ids::{AgreementId, AllocationId};
use crate::domain::serial::allocation::{AllocationState, Documents};
use crate::domain::serial::numbered::Numbered;
use crate::service::error::Code;
use crate::service::serial::{self, SerialRequest};
use crate::service::{Hub, ServiceError};
use crate::transport::graphql::types::agreement;
use crate::transport::graphql::types::allocation::Allocation;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::Long;

/// A request for serial numbers.
#[derive(Debug, InputObject)]
pub struct RequestSerialsInput {
    /// Global id of the agreement to ask under; the first that covers the request if not given.
    agreement_id: Option<String>,
    /// What the caller calls its order.
    documents: Option<DocumentsInput>,
    /// GTIN of the product, or company prefix and extension digit of SSCCs as `9521002:3`.
    gtin: String,
    /// The caller's own name for this request, 1 to 200 characters: asked again with it, the answer is the same allocation.
    idempotency_key: String,
    /// The packaging line that the numbers are for.
    line: Option<String>,
    /// The lot that the numbers are for.
    lot: Option<String>,
    /// Whether fewer numbers are better than none, where a limit leaves fewer; false if not given.
    partial_ok: Option<bool>,
    /// How many.
    quantity: Long,
    /// GLN of the caller's site that they are for.
    site: Option<String>,
}

/// The papers that a request belongs to, as the party that asks calls them.
#[derive(Debug, InputObject)]
pub struct DocumentsInput {
    /// Number of the purchase order.
    purchase_order: Option<String>,
    /// Its line.
    purchase_order_line: Option<String>,
    /// Any other reference.
    reference: Option<String>,
    /// Number of the work order.
    work_order: Option<String>,
}

impl From<DocumentsInput> for Documents {
    fn from(input: DocumentsInput) -> Self {
        Self {
            purchase_order: input.purchase_order,
            purchase_order_line: input.purchase_order_line,
            work_order: input.work_order,
            reference: input.reference,
        }
    }
}

/// How a request for serial numbers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RequestSerialsStatus {
    /// The numbers are the caller's; a repeated request is told of the same ones.
    Allocated,
    /// The brand owner must approve it first: asked again with the same key, the answer says how far that is.
    PendingApproval,
    /// The brand owner did not approve it.
    Rejected,
    /// No agreement covers the product, site, quantity and date.
    NoAgreement,
    /// More than the agreement allows.
    QuotaExceeded,
    /// More than the agreement allows in one UTC day.
    DailyLimit,
    /// Too many issued numbers were neither used nor returned.
    OutstandingLimit,
    /// The serial numbers of the product are used up.
    PoolExhausted,
    /// The lot that the numbers are for is closed.
    LotClosed,
    /// The key was used with another request.
    IdempotencyKeyReused,
}

/// How a request for serial numbers ended.
#[derive(Debug, SimpleObject)]
pub struct RequestSerialsPayload {
    /// The numbers' allocation, if there is one.
    allocation: Option<Allocation>,
    /// Path on this hub's machine port from which the numbers are streamed, as text/csv or application/jsonl.
    download_path: Option<String>,
    /// What is wrong and what to do, if nothing was allocated.
    reason: Option<String>,
    /// How it ended.
    status: RequestSerialsStatus,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct SerialMutation;

#[Object]
impl SerialMutation {
    /// Asks for serial numbers of a product that is the caller's own, or that an agreement lets it ask for.
    async fn request_serials(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: RequestSerialsInput,
    ) -> Answer<RequestSerialsPayload> {
        let (hub, actor) = caller(context)?;
        match serial::request(hub, actor, request(input)?).await {
            Ok(allocation) => Ok(allocated(hub, allocation)),
            Err(error) => refused(error),
        }
    }

    /// Says that the caller has the numbers of an allocation, which it must have fetched. Said twice it is the same as once.
    async fn confirm_allocation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the allocation.")] id: String,
    ) -> Answer<Allocation> {
        let (hub, actor) = caller(context)?;
        let done = serial::confirm(hub, actor, allocation_id(&id)?).await;
        done.map(|allocation| shown(hub, allocation)).map_err(refuse)
    }

    /// Ends the reading of an allocation, by the party that has the numbers or the one on whose behalf it was made.
    async fn close_allocation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the allocation.")] id: String,
        #[graphql(desc = "Why, up to 200 characters.")] reason: Option<String>,
    ) -> Answer<Allocation> {
        let (hub, actor) = caller(context)?;
        let done = serial::close(hub, actor, allocation_id(&id)?, reason).await;
        done.map(|allocation| shown(hub, allocation)).map_err(refuse)
    }

    /// Gives out the numbers of a request that waits for the caller's approval. Said twice it is the same as once.
    async fn approve_allocation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the request, as `pendingAllocations` tells it.")] id: String,
    ) -> Answer<RequestSerialsPayload> {
        let (hub, actor) = caller(context)?;
        match serial::approve(hub, actor, allocation_id(&id)?).await {
            Ok(allocation) => Ok(allocated(hub, allocation)),
            Err(error) => refused(error),
        }
    }

    /// Refuses a request that waits for the caller's approval; the party that asked is told why.
    async fn reject_allocation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the request, as `pendingAllocations` tells it.")] id: String,
        #[graphql(desc = "Why, 1 to 200 characters.")] reason: String,
    ) -> Answer<Allocation> {
        let (hub, actor) = caller(context)?;
        let done = serial::reject(hub, actor, allocation_id(&id)?, reason).await;
        done.map(|allocation| shown(hub, allocation)).map_err(refuse)
    }
}

/// Not an id: there is no such thing, like any id that is not the caller's.
fn allocation_id(text: &str) -> Answer<AllocationId> {
    text.parse().map_err(|_| refuse(ServiceError::not_found()))
}

fn shown(hub: &Hub, allocation: serial::Allocation) -> Allocation {
    Allocation {
        allocation,
        registry: hub.registry(),
    }
}

/// The canonical request.
pub(in crate::transport::graphql) fn request(input: RequestSerialsInput) -> Answer<SerialRequest> {
    let agreement = input.agreement_id.map(|id| {
        let slug = id
            .strip_prefix(agreement::Agreement::PREFIX)
            .and_then(|slug| slug.parse::<AgreementId>().ok());
        slug.ok_or_else(|| bad_input("`agreementId` is no id of an agreement: send one that `agreements` returned"))
    });
    let site = input.site.map(|gln| {
        gln.parse()
            .map_err(|_| bad_input("`site` is no GLN: send 13 digits with a right check digit"))
    });
    let numbered = input.gtin.parse::<Numbered>();
    let numbered = numbered.map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
    Ok(SerialRequest {
        agreement: agreement.transpose()?,
        lot: input.lot,
        site: site.transpose()?,
        line: input.line,
        documents: input.documents.map(Documents::from).unwrap_or_default(),
        partial_ok: input.partial_ok.unwrap_or(false),
        ..SerialRequest::new(numbered, input.quantity.0, input.idempotency_key)
    })
}

fn allocated(hub: &Hub, allocation: serial::Allocation) -> RequestSerialsPayload {
    let allocation = shown(hub, allocation);
    let (status, reason) = match &allocation.allocation.state {
        AllocationState::Pending => (RequestSerialsStatus::PendingApproval, None),
        AllocationState::Rejected { reason, .. } => (RequestSerialsStatus::Rejected, Some(reason.clone())),
        AllocationState::Reserved
        | AllocationState::Transmitted { .. }
        | AllocationState::Acknowledged { .. }
        | AllocationState::Closed { .. } => (RequestSerialsStatus::Allocated, None),
    };
    RequestSerialsPayload {
        download_path: allocation.allocation.state.has_numbers().then(|| allocation.path()),
        allocation: Some(allocation),
        reason,
        status,
    }
}

/// Foreseen outcomes are a status; the rest is an error.
fn refused(error: ServiceError) -> Answer<RequestSerialsPayload> {
    let status = match error.code() {
        Code::NoAgreement => RequestSerialsStatus::NoAgreement,
        Code::QuotaExceeded => RequestSerialsStatus::QuotaExceeded,
        Code::DailyLimit => RequestSerialsStatus::DailyLimit,
        Code::OutstandingLimit => RequestSerialsStatus::OutstandingLimit,
        Code::PoolExhausted => RequestSerialsStatus::PoolExhausted,
        Code::LotClosed => RequestSerialsStatus::LotClosed,
        Code::KeyReused => RequestSerialsStatus::IdempotencyKeyReused,
        Code::NotFound
        | Code::Unauthenticated
        | Code::NotEntitled
        | Code::BadInput
        | Code::InvalidDocument
        | Code::UnsupportedMediaType
        | Code::NotAcceptable
        | Code::MethodNotAllowed
        | Code::TooLarge
        | Code::QueryTooComplex
        | Code::QueryParameter
        | Code::QueryTooLarge
        | Code::QueryTooWide
        | Code::NameTaken
        | Code::NoSuchName
        | Code::NoSuchSubscription
        | Code::SubscriptionTaken
        | Code::SubscriptionControls
        | Code::SubscribeNotPermitted
        | Code::InvalidDestination
        | Code::QueryInUse
        | Code::InvalidQuery
        | Code::KeyMissing
        | Code::KeyInFlight
        | Code::AwaitingApproval
        | Code::RequestRejected
        | Code::AllocationClosed
        | Code::NotEncodable
        | Code::NotAnonymous
        | Code::Conflict
        | Code::SerialsRefused
        | Code::FloorUnconfirmed
        | Code::Unavailable
        | Code::Internal => return Err(refuse(error)),
    };
    Ok(RequestSerialsPayload {
        allocation: None,
        download_path: None,
        reason: Some(error.to_string()),
        status,
    })
}
