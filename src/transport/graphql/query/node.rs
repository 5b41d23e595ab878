//! Anything by its global id.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use crate::domain::gs1::EpcKey;
use crate::domain::ids::{AllocationId, AuditId, CaptureId, EventKey, FindingId, GrantId, ShipmentId};
use crate::domain::party::Actor;
use crate::service::seen::Asked;
use crate::service::{Hub, ServiceError, audit, capture, event, finding, grant, item, serial, shipment};
use crate::transport::graphql::types::agreement::Agreement;
use crate::transport::graphql::types::allocation::Allocation;
use crate::transport::graphql::types::audit::AuditEntry;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::capture::CaptureJob;
use crate::transport::graphql::types::event::Event;
use crate::transport::graphql::types::finding::Finding;
use crate::transport::graphql::types::grant::Grant;
use crate::transport::graphql::types::item::Item;
use crate::transport::graphql::types::node::Node;
use crate::transport::graphql::types::party::Party;
use crate::transport::graphql::types::refusal::{Answer, refuse};
use crate::transport::graphql::types::shipment::{Shipment, Things};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything that the caller may see, by its global id; null for anything else.
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "A global id.")] id: ID) -> Answer<Option<Node>> {
        let (hub, actor) = caller(context)?;
        let Some(named) = Named::parse(&id) else { return Ok(None) };
        named.find(hub, actor).await.map_err(refuse)
    }
}

/// What a global id names, by its prefix.
enum Named {
    Agreement(String),
    Allocation(AllocationId),
    Audit(AuditId),
    Capture(CaptureId),
    Event(EventKey),
    Finding(FindingId),
    Grant(GrantId),
    Item(EpcKey),
    Party(String),
    Shipment(ShipmentId),
}

impl Named {
    fn parse(id: &str) -> Option<Self> {
        let (prefix, rest) = id.split_at_checked(4)?;
        match prefix {
            Agreement::PREFIX => Some(Self::Agreement(rest.to_owned())),
            "alc_" => id.parse().ok().map(Self::Allocation),
            "aud_" => id.parse().ok().map(Self::Audit),
            "cap_" => id.parse().ok().map(Self::Capture),
            "evt_" => id.parse().ok().map(Self::Event),
            "fnd_" => id.parse().ok().map(Self::Finding),
            "grt_" => id.parse().ok().map(Self::Grant),
            Item::PREFIX => Uuid::try_parse(rest).ok().map(|key| Self::Item(EpcKey(key))),
            Party::PREFIX => Some(Self::Party(rest.to_owned())),
            "shp_" => id.parse().ok().map(Self::Shipment),
            _ => None,
        }
    }

    async fn find(self, hub: &Hub, actor: &Actor) -> Result<Option<Node>, ServiceError> {
        let registry = hub.registry();
        Ok(match self {
            Self::Agreement(slug) => {
                let agreement = registry
                    .agreements_of(&actor.party)
                    .find(|agreement| agreement.id.as_str() == slug)
                    .cloned();
                agreement.map(|agreement| Node::Agreement(Agreement { agreement, registry }))
            }
            Self::Allocation(id) => serial::allocation(hub, actor, id)
                .await?
                .map(|allocation| Node::Allocation(Allocation { allocation, registry })),
            Self::Audit(id) => audit::entry(hub, actor, id)
                .await?
                .map(|row| Node::AuditEntry(AuditEntry { row, registry })),
            Self::Capture(id) => capture::job(hub, actor, id)
                .await?
                .map(|report| Node::CaptureJob(CaptureJob(report))),
            Self::Event(key) => event::event(hub, actor, key)
                .await?
                .map(|seen| Node::Event(Event { seen, registry })),
            Self::Finding(id) => finding::finding(hub, actor, id)
                .await?
                .map(|row| Node::Finding(Finding { row, registry })),
            Self::Grant(id) => {
                let now = hub.now();
                let seen = grant::grant(hub, &actor.party, id).await?;
                seen.map(|seen| Node::Grant(Grant { seen, registry, now }))
            }
            Self::Item(key) => item::item(hub, actor, Asked::by_id(key))
                .await?
                .map(|seen| Node::Item(Item { seen, registry })),
            Self::Party(slug) => slug
                .parse()
                .ok()
                .and_then(|id| Party::visible(&registry, &actor.party, &id))
                .map(Node::Party),
            Self::Shipment(id) => {
                let things = Things::loader(hub, actor);
                shipment::shipment(hub, actor, id)
                    .await?
                    .map(|seen| Node::Shipment(Shipment { seen, registry, things }))
            }
        })
    }
}
