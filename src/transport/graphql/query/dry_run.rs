//! What a request for serial numbers would be answered, without a number moving.

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::service::{ServiceError, serial};
use crate::transport::graphql::mutation::serial::{RequestSerialsInput, request};
use crate::transport::graphql::types::agreement::Agreement;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::scalar::Long;

/// Most examples of numbers.
const EXAMPLES: usize = 10;

/// What a request for serial numbers would be answered.
#[derive(Debug, Default, SimpleObject)]
pub struct SerialsDryRun {
    /// Global id of the agreement that it would rest on; null for an own product, or if it would be refused.
    agreement_id: Option<ID>,
    /// Code of the refusal; null if the numbers would be given.
    code: Option<String>,
    /// Up to ten numbers that look like those of the product and are never issued.
    examples: Vec<String>,
    /// Whether the principal would have to approve it first.
    needs_approval: bool,
    /// How many numbers it would get.
    quantity: Long,
    /// What is wrong and what to do, if it would be refused.
    reason: Option<String>,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct DryRunQuery;

#[Object]
impl DryRunQuery {
    /// What `requestSerials` would answer to the same input now: the same contract and limits are looked at, and no number moves.
    async fn dry_run_serials(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What would be asked for.")] input: RequestSerialsInput,
    ) -> Answer<SerialsDryRun> {
        let (hub, actor) = caller(context)?;
        let mut dry_run = match serial::dry_run(hub, actor, &request(input)?).await {
            Ok(dry_run) => dry_run,
            Err(ServiceError::Refused { code, detail, .. }) => {
                return Ok(SerialsDryRun {
                    code: Some(code.as_str().to_owned()),
                    reason: Some(detail),
                    ..SerialsDryRun::default()
                });
            }
            Err(error) => return Err(refuse(error)),
        };
        let quantity = dry_run.numbers.remaining();
        let mut examples = dry_run.numbers.next_chunk().map_err(refuse)?.unwrap_or_default();
        examples.truncate(EXAMPLES);
        let agreement_id = dry_run
            .agreement
            .map(|agreement| ID(format!("{}{}", Agreement::PREFIX, agreement.id)));
        Ok(SerialsDryRun {
            agreement_id,
            code: None,
            examples,
            needs_approval: dry_run.approval,
            quantity: Long(quantity),
            reason: None,
        })
    }
}
