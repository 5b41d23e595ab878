//! The supply of serial numbers: stocks, alerts, lists that somebody else made.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::party::Registry;
use crate::service::serial;

use super::agreement::Agreement;
use super::party::PartyName;
use super::scalar::{DateTime, Long};

/// What is the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SerialAlertKind {
    /// Unused numbers are below the level of the agreement, or of the product.
    LowWater,
    /// An allocation was not acknowledged in time.
    Unacknowledged,
    /// The manufacturer's own system gives no numbers, or bad ones.
    UpstreamFailed,
    /// At the present rate the product's numbers reach their density soon.
    DensityWall,
    /// An allocation expires soon.
    LeaseEnding,
}

/// Something to act on about the supply of serial numbers. It is raised while it is the case and goes away by itself.
#[derive(Debug, Clone)]
pub struct SerialAlert {
    /// The alert.
    pub alert: serial::SerialAlert,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

/// Something to act on about the supply of serial numbers. It is raised while it is the case and goes away by itself.
#[Object]
impl SerialAlert {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.alert.id.to_string())
    }

    /// Global id of the agreement that it is about; null for the brand owner's own numbers.
    async fn agreement_id(&self) -> Option<ID> {
        let agreement = self.alert.cause.agreement.as_ref();
        agreement.map(|id| ID(format!("{}{id}", Agreement::PREFIX)))
    }

    /// When it was over; null while it stands.
    async fn cleared_at(&self) -> Option<DateTime> {
        self.alert.cleared_at.map(DateTime)
    }

    /// Figures for people.
    async fn detail(&self) -> &str {
        &self.alert.detail
    }

    /// What can be done about it.
    async fn fix(&self) -> &'static str {
        self.alert.cause.kind.fix()
    }

    /// What the numbers are for: the GTIN of a product, or company prefix and extension digit of SSCCs.
    async fn gtin(&self) -> String {
        self.alert.cause.numbered.to_string()
    }

    /// What is the case.
    async fn kind(&self) -> SerialAlertKind {
        match self.alert.cause.kind {
            serial::AlertKind::LowWater => SerialAlertKind::LowWater,
            serial::AlertKind::Unacknowledged => SerialAlertKind::Unacknowledged,
            serial::AlertKind::UpstreamFailed => SerialAlertKind::UpstreamFailed,
            serial::AlertKind::DensityWall => SerialAlertKind::DensityWall,
            serial::AlertKind::LeaseEnding => SerialAlertKind::LeaseEnding,
        }
    }

    /// Who should act.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.alert.cause.party)
    }

    /// The brand owner, who sees it too.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.alert.cause.principal)
    }

    /// Since when.
    async fn raised_at(&self) -> DateTime {
        DateTime(self.alert.raised_at)
    }

    /// Global id of the allocation that it is about, or else which stock: `stock` of a delegate, `pool` of a product.
    async fn subject(&self) -> &str {
        &self.alert.cause.subject
    }
}

/// What a party has left of a product under an agreement.
#[derive(Debug, Clone)]
pub struct SerialStock {
    /// The stock.
    pub stock: serial::SerialStock,
    /// Names its party.
    pub registry: Arc<Registry>,
}

/// What a party has left of a product under an agreement.
#[Object]
impl SerialStock {
    /// Global id of the agreement; null for the brand owner's own numbers.
    pub async fn agreement_id(&self) -> Option<ID> {
        let agreement = self.stock.agreement.as_ref();
        agreement.map(|id| ID(format!("{}{id}", Agreement::PREFIX)))
    }

    /// How many days the unused numbers last at the present rate; null if none is used.
    async fn days_of_cover(&self) -> Option<f64> {
        self.stock.outlook.days_of_cover
    }

    /// GTIN of the product.
    async fn gtin(&self) -> String {
        self.stock.gtin.to_string()
    }

    /// Numbers issued, ever.
    async fn issued(&self) -> Long {
        Long(self.stock.issued)
    }

    /// Whether the stock is below `lowBelow`.
    async fn low(&self) -> bool {
        self.stock.outlook.is_low()
    }

    /// Below how many unused numbers the stock is low today: the minimum, or what the days of cover ask for; 0 if neither is agreed.
    async fn low_below(&self) -> Long {
        Long(self.stock.outlook.low_below)
    }

    /// Up to how many unused numbers the hub asks by itself; null if it does not.
    async fn maximum(&self) -> Option<Long> {
        self.stock.rule.and_then(|rule| rule.maximum).map(Long)
    }

    /// The agreed minimum of unused numbers; null if none is agreed.
    async fn minimum(&self) -> Option<Long> {
        self.stock.rule.map(|rule| Long(rule.minimum))
    }

    /// Who has the numbers.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.stock.party)
    }

    /// Numbers used a day, on average over the last 28 whole days; later days weigh more.
    async fn rate_per_day(&self) -> f64 {
        self.stock.outlook.rate_per_day
    }

    /// Numbers that were issued and neither used, returned nor lost.
    async fn unused(&self) -> Long {
        Long(self.stock.outlook.unused)
    }
}

/// When a product reaches the density of its serial rule.
#[derive(Debug, Clone, SimpleObject)]
pub struct SerialForecast {
    /// In how many days none is left at the present rate; null if none is given out.
    pub days_left: Option<f64>,
    /// GTIN of the product.
    pub gtin: String,
    /// Numbers that can still be given out.
    pub left: Long,
    /// Numbers given out a day, on average over the last 28 whole days; later days weigh more.
    pub rate_per_day: f64,
    /// When none is left at the present rate; null if that is more than a thousand years away.
    pub wall_at: Option<DateTime>,
}

/// Where a list of serial numbers came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SerialImportKind {
    /// The brand owner sent it as stock.
    Imported,
    /// The brand owner says that the numbers exist; the hub never issues them.
    Elsewhere,
    /// A packager registered numbers that it makes itself.
    Registered,
    /// The manufacturer's own system gave it.
    Brokered,
}

/// A list of serial numbers that somebody else made.
#[derive(Debug, Clone)]
pub struct SerialImport {
    /// The list.
    pub record: serial::ImportRecord,
    /// Names its party.
    pub registry: Arc<Registry>,
}

/// A list of serial numbers that somebody else made.
#[Object]
impl SerialImport {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.record.id.to_string())
    }

    /// When it came.
    async fn created_at(&self) -> DateTime {
        DateTime(self.record.at)
    }

    /// GTIN of the product.
    async fn gtin(&self) -> String {
        self.record.numbered.to_string()
    }

    /// The sender's own name for it.
    async fn idempotency_key(&self) -> &str {
        &self.record.request_key
    }

    /// Where it came from.
    async fn kind(&self) -> SerialImportKind {
        match self.record.kind {
            serial::ImportKind::Imported => SerialImportKind::Imported,
            serial::ImportKind::Elsewhere => SerialImportKind::Elsewhere,
            serial::ImportKind::Registered => SerialImportKind::Registered,
            serial::ImportKind::Brokered => SerialImportKind::Brokered,
        }
    }

    /// Who sent it.
    async fn party(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.record.party)
    }

    /// How many numbers.
    async fn quantity(&self) -> Long {
        Long(self.record.quantity)
    }
}
