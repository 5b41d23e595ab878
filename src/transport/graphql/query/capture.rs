//! What became of a document.

use async_graphql::{Context, ID, Object};

use crate::service::capture;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::capture::CaptureJob;
use crate::transport::graphql::types::refusal::{Answer, refuse};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct CaptureQuery;

#[Object]
impl CaptureQuery {
    /// One document that the caller sent, by the id of its capture job.
    async fn capture_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the job: the last part of the Location of the capture.")] id: ID,
    ) -> Answer<Option<CaptureJob>> {
        let (hub, actor) = caller(context)?;
        let Ok(id) = id.parse() else { return Ok(None) };
        Ok(capture::job(hub, actor, id).await.map_err(refuse)?.map(CaptureJob))
    }
}
