//! What is inside a thing.

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::service::container::{self, Inside, SeenContainer};

use super::caller;
use super::item::{Basis, Item};
use super::page::{Pages, connection, page, rows};
use super::refusal::{Answer, refuse};
use super::scalar::DateTime;
use super::thing::ThingName;

/// One thing inside a container.
#[derive(Debug, Clone, SimpleObject)]
pub struct Content {
    /// 1 for what is directly in the container, 2 for what is in that, and so on.
    depth: i32,
    /// Expiry date, as said at commissioning.
    expiry: Option<String>,
    /// Global id of the item.
    item_id: ID,
    /// Lot, as said at commissioning.
    lot: Option<String>,
    /// Global id of the item that it is directly in.
    parent_item_id: ID,
    /// Its identifiers.
    thing: ThingName,
}

impl From<Inside> for Content {
    fn from(inside: Inside) -> Self {
        Self {
            depth: i32::try_from(inside.depth).unwrap_or(i32::MAX),
            expiry: inside.expiry,
            item_id: Item::global_id(inside.key),
            lot: inside.lot,
            parent_item_id: Item::global_id(inside.parent),
            thing: ThingName::from(&inside.epc),
        }
    }
}

/// A thing that others are in, at one moment.
#[derive(Debug, Clone)]
pub struct Container(pub SeenContainer);

/// A thing that others are in, at one moment.
#[Object]
impl Container {
    /// The moment of which the contents are told: the one asked for, or the last that the caller may know of.
    async fn as_of(&self) -> DateTime {
        DateTime(self.0.as_of)
    }

    /// By what it is told.
    async fn basis(&self) -> Basis {
        Basis::from(self.0.basis)
    }

    /// What is inside at any depth, outermost first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn contents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<Content>> {
        let (hub, actor) = caller(context)?;
        let known = self.0.known_at.map_or(String::new(), |known| format!("/{}", known.0));
        let list = format!("{}/contents/{}{known}", Item::global_id(self.0.key).0, self.0.as_of.0);
        let page = page(hub, actor, &list, first, after)?;
        let paged = container::contents(hub, actor, &self.0, page).await.map_err(refuse)?;
        Ok(connection(actor, &list, page, paged, Content::from))
    }

    /// Global id of the item that it is.
    async fn item_id(&self) -> ID {
        Item::global_id(self.0.key)
    }

    /// Its identifiers.
    async fn thing(&self) -> ThingName {
        ThingName::from(&self.0.epc)
    }
}
