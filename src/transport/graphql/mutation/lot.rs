//! Closing a lot.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::domain::serial::life;
use crate::service::lot::{self, Closing};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::lot::{LotClosing, LotReconciliation};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};

/// What numbers are that nobody has reported when a lot is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UnusedAs {
    /// Not to be found.
    Lost,
    /// Given back. Not for numbers that may stand on labels.
    Returned,
    /// Their labels were destroyed.
    Scrapped,
}

/// A lot to be closed.
#[derive(Debug, InputObject)]
pub struct CloseLotInput {
    /// GTIN of the product.
    gtin: String,
    /// Only the numbers that were asked for this packaging line.
    line: Option<String>,
    /// The lot.
    lot: String,
    /// Why it is closed although it does not balance; what is missing is written off as lost.
    reason: Option<String>,
    /// What the numbers are that nobody has reported.
    unused_as: Option<UnusedAs>,
}

/// How a close ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CloseLotStatus {
    /// It is closed, now or before.
    Closed,
    /// It does not balance, and nothing was changed.
    Unbalanced,
}

/// How a close ended.
#[derive(Debug, SimpleObject)]
pub struct CloseLotPayload {
    /// The balance that stands in the way.
    balance: Option<LotReconciliation>,
    /// The close, if it is closed.
    closing: Option<LotClosing>,
    /// What is wrong and what to do.
    reason: Option<String>,
    /// How it ended.
    status: CloseLotStatus,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct LotMutation;

#[Object]
impl LotMutation {
    /// Closes a lot of the caller's brand, or the caller's part of a lot: every number is accounted for, or there is a reason. Again is the same as once.
    async fn close_lot(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is closed.")] input: CloseLotInput,
    ) -> Answer<CloseLotPayload> {
        let (hub, actor) = caller(context)?;
        let request = lot::CloseLot {
            gtin: input
                .gtin
                .parse()
                .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?,
            lot: input.lot,
            line: input.line,
            reason: input.reason,
            unused_as: input.unused_as.map(|unused_as| match unused_as {
                UnusedAs::Lost => life::SerialState::Lost,
                UnusedAs::Returned => life::SerialState::Returned,
                UnusedAs::Scrapped => life::SerialState::LabelScrapped,
            }),
        };
        let registry = hub.registry();
        Ok(match lot::close(hub, actor, request).await.map_err(refuse)? {
            Closing::Closed(close) => CloseLotPayload {
                balance: None,
                closing: Some(LotClosing::of(&registry, close)),
                reason: None,
                status: CloseLotStatus::Closed,
            },
            Closing::Unbalanced {
                balance,
                missing,
                astray,
            } => CloseLotPayload {
                reason: Some(unbalanced(missing, astray, balance.foreign)),
                balance: Some(LotReconciliation::of(&registry, balance)),
                closing: None,
                status: CloseLotStatus::Unbalanced,
            },
        })
    }
}

fn unbalanced(missing: u64, astray: u64, foreign: u64) -> String {
    format!(
        "{missing} serial numbers are missing, {astray} went astray between lots, {foreign} were never allocated: report what became of them \
         (the missing ones are at `missingPath`), say what they are with `unusedAs`, or give a `reason`"
    )
}
