//! The fields of the query root, one file a noun.

pub mod audit;
pub mod capture;
pub mod event;
pub mod finding;
pub mod item;
pub mod life;
pub mod node;
pub mod party;
pub mod serial;
pub mod shipment;
pub mod supply;

use async_graphql::MergedObject;

/// What a party can ask. What it may not see answers exactly as what does not exist.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    audit::AuditQuery,
    capture::CaptureQuery,
    event::EventQuery,
    finding::FindingQuery,
    item::ItemQuery,
    life::LifeQuery,
    node::NodeQuery,
    party::PartyQuery,
    serial::SerialQuery,
    shipment::ShipmentQuery,
    supply::SupplyQuery,
);
