//! Saying what became of serial numbers.

use async_graphql::{Context, InputObject, Object};

use crate::service::serial::{self, Report, Subject};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::life::{ReportSerialsPayload, SerialState};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::Long;

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
}

fn understood(input: ReportSerialsInput) -> Answer<Report> {
    let subject = match (input.serials, input.allocation_id) {
        (Some(serials), None) if input.after.is_none() && input.limit.is_none() && !input.unused => Subject::Serials(serials),
        (None, Some(id)) => Subject::Allocation {
            id: id
                .parse()
                .map_err(|_| bad_input("`allocationId` is no id of an allocation: send one that `allocations` returned"))?,
            after: input.after.map_or(0, |after| after.0),
            limit: input.limit.map(|limit| limit.0),
            unused: input.unused,
        },
        (_, _) => {
            let detail = "a report names either `serials`, or an `allocationId` with `after`, `limit` and `unused`";
            return Err(bad_input(detail));
        }
    };
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
