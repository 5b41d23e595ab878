//! Everything with a global id.

use async_graphql::{ID, Interface};

use super::agreement::Agreement;
use super::allocation::Allocation;
use super::audit::AuditEntry;
use super::capture::CaptureJob;
use super::event::Event;
use super::finding::Finding;
use super::grant::Grant;
use super::item::Item;
use super::party::Party;
use super::shipment::Shipment;

/// Something with a global id.
#[derive(Interface)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each `node` of a request, made and printed at once"
)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
pub enum Node {
    /// An agreement.
    Agreement(Agreement),
    /// A block of serial numbers.
    Allocation(Allocation),
    /// An audit entry.
    AuditEntry(AuditEntry),
    /// A document that was sent.
    CaptureJob(CaptureJob),
    /// An event.
    Event(Event),
    /// A finding.
    Finding(Finding),
    /// A grant.
    Grant(Grant),
    /// An identified thing.
    Item(Item),
    /// A party.
    Party(Party),
    /// A handover.
    Shipment(Shipment),
}
