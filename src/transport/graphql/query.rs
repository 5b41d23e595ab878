//! The fields of the query root, one file a noun.

pub mod audit;
pub mod capture;
pub mod dry_run;
pub mod event;
pub mod explain;
pub mod finding;
pub mod grant;
pub mod item;
pub mod life;
pub mod lookup;
pub mod lot;
pub mod node;
pub mod party;
pub mod pool;
pub mod serial;
pub mod shipment;
pub mod slice;
pub mod supply;
pub mod total;

use async_graphql::MergedObject;

/// What a party can ask. What it may not see answers exactly as what does not exist.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    audit::AuditQuery,
    capture::CaptureQuery,
    dry_run::DryRunQuery,
    event::EventQuery,
    explain::ExplainQuery,
    finding::FindingQuery,
    grant::GrantQuery,
    item::ItemQuery,
    life::LifeQuery,
    lookup::LookupQuery,
    lot::LotQuery,
    node::NodeQuery,
    party::PartyQuery,
    pool::PoolQuery,
    serial::SerialQuery,
    shipment::ShipmentQuery,
    slice::SliceQuery,
    supply::SupplyQuery,
    total::TotalQuery,
);
