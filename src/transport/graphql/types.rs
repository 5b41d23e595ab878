//! The types of the schema, one file a noun, and what all of them use.

pub mod agreement;
pub mod allocation;
pub mod audit;
pub mod capture;
pub mod container;
pub mod document;
pub mod event;
pub mod explain;
pub mod finding;
pub mod grant;
pub mod item;
pub mod life;
pub mod lookup;
pub mod lot;
pub mod node;
pub mod page;
pub mod party;
pub mod pool;
pub mod provenance;
pub mod refusal;
pub mod scalar;
pub mod shipment;
pub mod slice;
pub mod supply;
pub mod thing;
pub mod total;
pub mod transfer;

use async_graphql::Context;

use crate::domain::party::Actor;
use crate::service::error::Code;
use crate::service::{Hub, ServiceError};

use refusal::{Answer, refuse};

/// The hub and the caller of this request.
pub fn caller<'c>(context: &Context<'c>) -> Answer<(&'c Hub, &'c Actor)> {
    let hub = context
        .data::<Hub>()
        .map_err(|_| refuse(ServiceError::Internal("the schema was built without a hub".to_owned())))?;
    let actor = context.data::<Actor>();
    let actor = actor.map_err(|_| refuse(ServiceError::refused(Code::Unauthenticated, Code::Unauthenticated.title())))?;
    Ok((hub, actor))
}
