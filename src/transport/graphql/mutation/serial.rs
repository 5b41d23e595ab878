//! Asking for serial numbers.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::domain::gs1::Gtin;
use crate::domain::ids::AgreementId;
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
    /// GTIN of the product.
    gtin: String,
    /// The caller's own name for this request, 1 to 200 characters: asked again with it, the answer is the same allocation.
    idempotency_key: String,
    /// The lot that the numbers are for.
    lot: Option<String>,
    /// How many.
    quantity: Long,
    /// GLN of the caller's site that they are for.
    site: Option<String>,
}

/// How a request for serial numbers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RequestSerialsStatus {
    /// The numbers are the caller's; a repeated request is told of the same ones.
    Allocated,
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
    let gtin = input.gtin.parse::<Gtin>();
    let numbered = gtin
        .map(Numbered::from)
        .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
    Ok(SerialRequest {
        agreement: agreement.transpose()?,
        lot: input.lot,
        site: site.transpose()?,
        ..SerialRequest::new(numbered, input.quantity.0, input.idempotency_key)
    })
}

fn allocated(hub: &Hub, allocation: serial::Allocation) -> RequestSerialsPayload {
    let allocation = Allocation {
        allocation,
        registry: hub.registry(),
    };
    let download_path = Some(allocation.path());
    RequestSerialsPayload {
        allocation: Some(allocation),
        download_path,
        reason: None,
        status: RequestSerialsStatus::Allocated,
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
        | Code::InvalidQuery
        | Code::KeyMissing
        | Code::KeyInFlight
        | Code::AwaitingApproval
        | Code::RequestRejected
        | Code::AllocationClosed
        | Code::NotEncodable
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
