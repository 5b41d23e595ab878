//! Saying what became of serial numbers.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::service::ServiceError;
use crate::service::error::Code;
use crate::service::serial::{self, Report, Subject, TransferRequest};
use crate::transport::graphql::types::allocation::Allocation;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::life::{ReportSerialsPayload, SerialState};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::Long;
use crate::transport::graphql::types::transfer::SerialTransfer;

/// What became of serial numbers: named ones, or numbers of one allocation.
#[derive(Debug, InputObject)]
pub struct ReportSerialsInput {
    /// Of the numbers of the allocation, how many from its beginning are left out.
    after: Option<Long>,
    /// Nothing moves unless every number moves or is in the state already.
    #[graphql(default)]
    all_or_nothing: bool,
    /// Global id of the allocation whose numbers are meant, instead of `serials`.
    allocation_id: Option<String>,
    /// What the numbers are for: the GTIN of a product, or company prefix and extension digit of SSCCs as `9521002:3`.
    gtin: String,
    /// The caller's own name for this report, 1 to 200 characters: with another report under it, nothing is done.
    idempotency_key: Option<String>,
    /// Of the numbers of the allocation, how many at the most; all if not given.
    limit: Option<Long>,
    /// The packaging line where it happened.
    line: Option<String>,
    /// The lot it happened in; that of the allocation if not given. A pack keeps the lot of its commissioning.
    lot: Option<String>,
    /// Why, for the audit log.
    reason: Option<String>,
    /// The serial numbers.
    serials: Option<Vec<String>>,
    /// What became of them.
    to: SerialState,
    /// Of the numbers of the allocation, only those that nothing became of yet.
    #[graphql(default)]
    unused: bool,
}

/// Serial numbers that go to another party.
#[derive(Debug, InputObject)]
pub struct TransferSerialsInput {
    /// Of the numbers of the allocation, how many from its beginning are left out.
    after: Option<Long>,
    /// Global id of the allocation whose numbers are meant, instead of `serials`.
    allocation_id: Option<String>,
    /// GTIN of the product.
    gtin: String,
    /// The caller's own name for this transfer, 1 to 200 characters: asked again with it, the answer is the same transfer.
    idempotency_key: String,
    /// Of the numbers of the allocation, how many at the most; all if not given.
    limit: Option<Long>,
    /// The serial numbers.
    serials: Option<Vec<String>>,
    /// GLN of the taker's site that they are for.
    site: Option<String>,
    /// A GLN of the taker.
    to: String,
    /// Of the numbers of the allocation, only those that the caller can still hand on.
    #[graphql(default)]
    unused: bool,
}

/// How a transfer of serial numbers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TransferSerialsStatus {
    /// The key was used with another transfer.
    IdempotencyKeyReused,
    /// The taker may not commission the product, or not at this site.
    NotATaker,
    /// Some of the numbers are not the caller's, or no longer unused; none was handed on.
    NotUnused,
    /// The numbers are the taker's; a repeated request is told of the same transfers.
    Transferred,
}

/// How a transfer of serial numbers ended.
#[derive(Debug, SimpleObject)]
pub struct TransferSerialsPayload {
    /// What is wrong and what to do, if nothing was handed on.
    reason: Option<String>,
    /// How it ended.
    status: TransferSerialsStatus,
    /// One transfer for each allocation that the numbers are of.
    transfers: Vec<SerialTransfer>,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct LifeMutation;

#[Object]
impl LifeMutation {
    /// Reports what became of serial numbers that the caller has, or that are of its brand. The same report again changes nothing.
    async fn report_serials(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is reported.")] input: ReportSerialsInput,
    ) -> Answer<ReportSerialsPayload> {
        let (hub, actor) = caller(context)?;
        let serials = input.serials.clone().unwrap_or_default();
        let answer = serial::report(hub, actor, understood(input)?).await.map_err(refuse)?;
        Ok(ReportSerialsPayload::of(&serials, &answer))
    }

    /// Moves the end of the lease of an allocation that the caller has: as far from now as its agreement gives. For lines that live and are slow.
    async fn extend_lease(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the allocation.")] allocation_id: String,
    ) -> Answer<Allocation> {
        let (hub, actor) = caller(context)?;
        let id = allocation_id.parse().map_err(|_| refuse(ServiceError::not_found()))?;
        let allocation = serial::extend_lease(hub, actor, id).await.map_err(refuse)?;
        Ok(Allocation {
            allocation,
            registry: hub.registry(),
        })
    }

    /// Hands serial numbers of the caller that never came on a pack to another delegate of the same brand owner, or to the owner.
    async fn transfer_serials(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What goes to whom.")] input: TransferSerialsInput,
    ) -> Answer<TransferSerialsPayload> {
        let (hub, actor) = caller(context)?;
        match serial::transfer(hub, actor, transfer_of(input)?).await {
            Ok(transfers) => Ok(TransferSerialsPayload {
                reason: None,
                status: TransferSerialsStatus::Transferred,
                transfers: transfers
                    .into_iter()
                    .map(|transfer| SerialTransfer {
                        transfer,
                        registry: hub.registry(),
                    })
                    .collect(),
            }),
            Err(error) => not_transferred(error),
        }
    }
}

/// Foreseen outcomes are a status; the rest is an error.
fn not_transferred(error: ServiceError) -> Answer<TransferSerialsPayload> {
    let foreseen = [
        (Code::KeyReused, TransferSerialsStatus::IdempotencyKeyReused),
        (Code::NoAgreement, TransferSerialsStatus::NotATaker),
        (Code::Conflict, TransferSerialsStatus::NotUnused),
    ];
    let code = error.code();
    match foreseen.into_iter().find(|(known, _)| *known == code) {
        Some((_, status)) => Ok(TransferSerialsPayload {
            reason: Some(error.to_string()),
            status,
            transfers: Vec::new(),
        }),
        None => Err(refuse(error)),
    }
}

fn transfer_of(input: TransferSerialsInput) -> Answer<TransferRequest> {
    let subject = subject((input.serials, input.allocation_id), input.after, input.limit, input.unused)?;
    let gln = |text: &str, name: &str| {
        text.parse()
            .map_err(|_| bad_input(format!("`{name}` is no GLN: send 13 digits with a right check digit")))
    };
    Ok(TransferRequest {
        numbered: input
            .gtin
            .parse()
            .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?,
        subject,
        to: gln(&input.to, "to")?,
        site: input.site.map(|site| gln(&site, "site")).transpose()?,
        idempotency_key: input.idempotency_key,
    })
}

/// Named numbers, or numbers of one allocation.
fn subject(
    (serials, allocation): (Option<Vec<String>>, Option<String>),
    after: Option<Long>,
    limit: Option<Long>,
    unused: bool,
) -> Answer<Subject> {
    match (serials, allocation) {
        (Some(serials), None) if after.is_none() && limit.is_none() && !unused => Ok(Subject::Serials(serials)),
        (None, Some(id)) => Ok(Subject::Allocation {
            id: id.parse().map_err(|_| refuse(ServiceError::not_found()))?,
            after: after.map_or(0, |after| after.0),
            limit: limit.map(|limit| limit.0),
            unused,
        }),
        (_, _) => Err(bad_input(
            "name either `serials`, or an `allocationId` with `after`, `limit` and `unused`",
        )),
    }
}

fn understood(input: ReportSerialsInput) -> Answer<Report> {
    let subject = subject((input.serials, input.allocation_id), input.after, input.limit, input.unused)?;
    Ok(Report {
        numbered: input
            .gtin
            .parse()
            .map_err(|_| bad_input("`gtin` is neither a GTIN nor a company prefix with the extension digit of its SSCCs"))?,
        subject,
        to: input.to.state(),
        lot: input.lot,
        line: input.line,
        reason: input.reason,
        idempotency_key: input.idempotency_key,
        all_or_nothing: input.all_or_nothing,
    })
}
