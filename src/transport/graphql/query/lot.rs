//! The live ledger of a lot.

use async_graphql::{Context, Object};

use crate::service::lot;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::lot::LotLedger;
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct LotQuery;

#[Object]
impl LotQuery {
    /// The ledger of a lot on all packaging levels, while it runs and after; null for a lot that the caller has nothing to do with and of which
    /// no grant shows it a commissioning.
    async fn lot_ledger(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "GTIN of the product, on any of its levels.")] gtin: String,
        #[graphql(desc = "The lot.")] lot: String,
    ) -> Answer<Option<LotLedger>> {
        let (hub, actor) = caller(context)?;
        let gtin = gtin
            .parse()
            .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
        let ledger = lot::ledger(hub, actor, gtin, &lot).await.map_err(refuse)?;
        Ok(ledger.map(|ledger| LotLedger::of(&hub.registry(), ledger)))
    }
}
