//! Who sees what, and why.

use async_graphql::{Context, ID, Object};

use crate::service::explain::{self, Question};
use crate::transport::graphql::mutation::grant::{ProposeGrantInput, draft};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::event::Event;
use crate::transport::graphql::types::explain::{AccessChange, AccessExplanation, AccessSeer};
use crate::transport::graphql::types::page::{Pages, connection, page, rows};
use crate::transport::graphql::types::party::named;
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::scalar::DateTime;

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct ExplainQuery;

#[Object]
impl ExplainQuery {
    /// How what a partner sees of the caller's newest events changed by grants, caps and emergencies between two moments.
    async fn access_diff(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The one moment.")] from: DateTime,
        #[graphql(desc = "GLN of the partner.")] party_gln: String,
        #[graphql(desc = "The other.")] to: DateTime,
    ) -> Answer<AccessChange> {
        let (hub, actor) = caller(context)?;
        let partner = named(hub, &party_gln)?;
        let change = explain::access_diff(hub, actor, &partner, (from.0, to.0))
            .await
            .map_err(refuse)?;
        Ok(AccessChange::of(change))
    }

    /// An answer of `explainAccess` that the caller got before, as it was.
    async fn decision(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Id of the decision.")] id: ID,
    ) -> Answer<Option<AccessExplanation>> {
        let (hub, actor) = caller(context)?;
        let Ok(id) = id.parse() else { return Ok(None) };
        let found = explain::decision(hub, actor, id).await.map_err(refuse)?;
        Ok(found.map(|explanation| AccessExplanation::of(&hub.registry(), id, explanation)))
    }

    /// What a party sees of an event, and by which rules: of any event that the caller itself sees, its own sight; of one that it asserted,
    /// is principal or brand owner of, another's, as far as the caller may know. Null for any other event.
    async fn explain_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "For which moment of grants, caps and emergencies; now if not given.")] as_of: Option<DateTime>,
        #[graphql(desc = "Global id of the event.")] event: ID,
        #[graphql(desc = "GLN of the party whose sight is asked about; the caller's own if not given.")] party_gln: Option<
            String,
        >,
    ) -> Answer<Option<AccessExplanation>> {
        let (hub, actor) = caller(context)?;
        let Ok(event) = event.parse() else { return Ok(None) };
        let question = Question {
            party: match party_gln {
                Some(gln) => named(hub, &gln)?,
                None => actor.party.clone(),
            },
            event,
            as_of: as_of.map(|at| at.0),
        };
        let found = explain::explain(hub, actor, question).await.map_err(refuse)?;
        Ok(found.map(|(id, explanation)| AccessExplanation::of(&hub.registry(), id, explanation)))
    }

    /// What a grant would show its grantee of the caller's newest events, if it were in force now. Nothing is stored.
    async fn grant_impact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The grant as it would be proposed.")] input: ProposeGrantInput,
    ) -> Answer<AccessChange> {
        let (hub, actor) = caller(context)?;
        let change = explain::impact(hub, actor, draft(hub, input)?).await.map_err(refuse)?;
        Ok(AccessChange::of(change))
    }

    /// The caller's own events through a partner's eyes: what it sees of what the caller sees, as far as the caller may know; newest record first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn preview_as(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "GLN of the partner.")] party_gln: String,
    ) -> Answer<Pages<Event>> {
        let (hub, actor) = caller(context)?;
        let partner = named(hub, &party_gln)?;
        let list = format!("previewAs/{partner}");
        let page = page(hub, actor, &list, first, after)?;
        let paged = explain::preview(hub, actor, &partner, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, &list, page, paged, |seen| Event {
            seen,
            registry: registry.clone(),
        }))
    }

    /// Who sees an event that the caller asserted, is principal or brand owner of, as far as the caller may know; empty for any other event.
    async fn who_can_see(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the event.")] event: ID,
    ) -> Answer<Vec<AccessSeer>> {
        let (hub, actor) = caller(context)?;
        let Ok(key) = event.parse() else { return Ok(Vec::new()) };
        let seers = explain::who_can_see(hub, actor, key).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(seers.iter().map(|seer| AccessSeer::of(&registry, seer)).collect())
    }
}
