//! Things: themselves, what is inside them, where they come from.

use async_graphql::{Context, Object};

use crate::service::moment::Moment;
use crate::service::seen::Asked;
use crate::service::{container, item, provenance};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::container::Container;
use crate::transport::graphql::types::item::Item;
use crate::transport::graphql::types::provenance::Provenance;
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::scalar::DateTime;
use crate::transport::graphql::types::thing::epc as parse;

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct ItemQuery;

#[Object]
impl ItemQuery {
    /// What is inside a case or pallet, now or at a past moment; null where the caller has, had or owns nothing of it and no grant shows it an
    /// event of it.
    async fn container(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "At this moment; now if not given.")] as_of: Option<DateTime>,
        #[graphql(desc = "EPC URN or GS1 Digital Link of the case or pallet.")] epc: String,
        #[graphql(desc = "By what the hub had taken in by this moment; by all it knows if not given.")] known_at: Option<
            DateTime,
        >,
    ) -> Answer<Option<Container>> {
        let (hub, actor) = caller(context)?;
        let seen = container::container(hub, actor, asked(&epc, as_of, known_at)?)
            .await
            .map_err(refuse)?;
        Ok(seen.map(Container))
    }

    /// A unit, case or pallet, now or at a past moment: by what the caller has to do with it, and by the events of it that grants show.
    async fn item(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As it stood at this moment; now if not given.")] as_of: Option<DateTime>,
        #[graphql(desc = "EPC URN or GS1 Digital Link.")] epc: String,
        #[graphql(desc = "By what the hub had taken in by this moment; by all it knows if not given.")] known_at: Option<
            DateTime,
        >,
    ) -> Answer<Option<Item>> {
        let (hub, actor) = caller(context)?;
        let seen = item::item(hub, actor, asked(&epc, as_of, known_at)?).await.map_err(refuse)?;
        Ok(seen.map(|seen| Item {
            seen,
            registry: hub.registry(),
        }))
    }

    /// Where a unit, case or pallet comes from; null for one that the caller never had to do with and of which no grant shows it an event, as
    /// for one that does not exist.
    async fn provenance(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Up to this moment; now if not given.")] as_of: Option<DateTime>,
        #[graphql(desc = "EPC URN or GS1 Digital Link.")] epc: String,
        #[graphql(desc = "By what the hub had taken in by this moment; by all it knows if not given.")] known_at: Option<
            DateTime,
        >,
    ) -> Answer<Option<Provenance>> {
        let (hub, actor) = caller(context)?;
        let asked = asked(&epc, as_of, known_at)?;
        let told = provenance::provenance(hub, actor, asked).await.map_err(refuse)?;
        Ok(told.map(|told| Provenance::of(&hub.registry(), told)))
    }
}

fn asked(epc: &str, as_of: Option<DateTime>, known_at: Option<DateTime>) -> Answer<Asked> {
    let moment = Moment {
        as_of: as_of.map(|at| at.0),
        known_at: known_at.map(|at| at.0),
    };
    Ok(Asked::in_full(&parse(epc)?, moment))
}
