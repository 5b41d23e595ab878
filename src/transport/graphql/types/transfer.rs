//! Serial numbers that went from one party to another.

use std::sync::Arc;

use async_graphql::{ID, Object};

use crate::domain::party::Registry;
use crate::service::serial::Transfer;

use super::party::PartyName;
use super::scalar::{DateTime, Long};

/// Serial numbers of one allocation that their holder handed on to another party.
#[derive(Debug, Clone)]
pub struct SerialTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

/// Serial numbers of one allocation that their holder handed on to another party.
#[Object]
impl SerialTransfer {
    /// Global id.
    async fn id(&self) -> ID {
        ID(self.transfer.id.to_string())
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.transfer.at)
    }

    /// Path on this hub's machine port from which the numbers are streamed.
    async fn download_path(&self) -> String {
        format!("/serials/v1/transfers/{}/serials", self.transfer.id)
    }

    /// Who gave.
    async fn from(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.transfer.from)
    }

    /// What the numbers are for.
    async fn gtin(&self) -> String {
        self.transfer.numbered.to_string()
    }

    /// The brand owner.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.transfer.principal)
    }

    /// How many numbers.
    async fn quantity(&self) -> Long {
        Long(self.transfer.quantity)
    }

    /// GLN of the site that they went to, if one was named.
    async fn site(&self) -> Option<String> {
        self.transfer.site.map(|site| site.to_string())
    }

    /// Who took.
    async fn to(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.transfer.to)
    }
}
