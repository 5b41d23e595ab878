//! The document that an event came in: its header, and its master data about what the event names.

use async_graphql::{Object, SimpleObject};

use crate::service::master_data;

/// The document that an event came in, as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct EventDocument(pub master_data::EventDocument);

/// A statement of the US DSCSA about a transaction.
#[derive(Debug, Clone, SimpleObject)]
pub struct TransactionStatement {
    /// What it affirms; null if it says neither true nor false.
    affirmed: Option<bool>,
    /// Its legal notice.
    legal_notice: Option<String>,
}

/// One attribute of master data.
#[derive(Debug, Clone, SimpleObject)]
pub struct MasterDataAttribute {
    /// Its name, such as `urn:epcglobal:cbv:mda#name`.
    name: String,
    /// Its value.
    value: String,
}

/// What a document says that an identifier stands for.
#[derive(Debug, Clone, SimpleObject)]
pub struct MasterData {
    /// Its attributes, in the order sent.
    attributes: Vec<MasterDataAttribute>,
    /// The identifier: a product, place, party or document.
    identifier: String,
    /// The type of its vocabulary, such as `urn:epcglobal:epcis:vtype:EPCClass`.
    vocabulary: String,
}

/// The document that an event came in, as far as the caller may see it.
#[Object]
impl EventDocument {
    /// The sender's own number of it; null for whom it does not concern.
    async fn instance_identifier(&self) -> Option<&str> {
        self.0.instance_id.as_deref()
    }

    /// What it says of the identifiers that stand in the event.
    async fn master_data(&self) -> Vec<MasterData> {
        let attribute = |(name, value): &(String, String)| MasterDataAttribute {
            name: name.clone(),
            value: value.clone(),
        };
        let entry = |entry: &master_data::Entry| MasterData {
            attributes: entry.attributes.iter().map(attribute).collect(),
            identifier: entry.id.clone(),
            vocabulary: entry.vocabulary.clone(),
        };
        self.0.master_data.iter().map(entry).collect()
    }

    /// To whom it was sent, as its header says; null for whom it does not concern.
    async fn receiver(&self) -> Option<&str> {
        self.0.receiver.as_deref()
    }

    /// Who sent it, as its header says; null for whom it does not concern.
    async fn sender(&self) -> Option<&str> {
        self.0.sender.as_deref()
    }

    /// Its statement about the transaction; null if it has none, and for who is no party to it.
    async fn transaction_statement(&self) -> Option<TransactionStatement> {
        self.0.statement.as_ref().map(|statement| TransactionStatement {
            affirmed: statement.affirmed,
            legal_notice: statement.legal_notice.clone(),
        })
    }
}
