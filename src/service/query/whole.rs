//! The answer to a query as a whole, where the caller's protocol has no pages (EPCIS 1.2 `poll`).

use crate::domain::party::Actor;
use crate::domain::query::Query;
use crate::service::error::{Code, ServiceError};
use crate::service::event::SeenEvent;
use crate::service::{Hub, query};

/// All events that answer; refused if they are more than `limits.poll_events`, or cannot be found within the budget of one call.
pub async fn whole(hub: &Hub, actor: &Actor, asked: &Query) -> Result<Vec<SeenEvent>, ServiceError> {
    let most = hub.limits().poll_events;
    let page = query::Asked {
        query: asked,
        first: most.saturating_add(1),
        after: None,
        acting_for: None,
        reading: query::Reading::Question,
    };
    let found = query::run(hub, actor, page).await?;
    if found.events.len() > most {
        let detail = format!("more than {most} events answer: narrow the query, or ask by the REST binding, which has pages");
        return Err(ServiceError::refused(Code::QueryTooLarge, detail));
    }
    match found.next {
        None => Ok(found.events),
        Some(_) => Err(query::too_wide(hub)),
    }
}
