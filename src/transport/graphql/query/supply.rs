//! The supply of serial numbers: stocks, alerts, lists that somebody else made.

use async_graphql::{Context, Object};

use crate::domain::gs1::Gtin;
use crate::service::serial;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::page::{Pages, connection, page, rows, slice};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::{DateTime, Long};
use crate::transport::graphql::types::supply::{SerialAlert, SerialForecast, SerialImport, SerialStock};

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct SupplyQuery;

/// Further away nobody plans.
const THOUSAND_YEARS_DAYS: f64 = 366_000.0;

#[Object]
impl SupplyQuery {
    /// What the caller should act on about its serial numbers, and what is the case with those of its products, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn serial_alerts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "Only those that stand; those that are over too if not given.")] standing: Option<bool>,
    ) -> Answer<Pages<SerialAlert>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialAlerts", first, after)?;
        let paged = serial::alerts(hub, actor, standing.unwrap_or(false), page)
            .await
            .map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "serialAlerts", page, paged, |alert| SerialAlert {
            alert,
            registry: registry.clone(),
        }))
    }

    /// When a product of the caller's reaches the density of its serial rule; null for a product that is not its own, whose numbers
    /// the hub does not compute, or that never gave any.
    async fn serial_forecast(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "GTIN of the product.")] gtin: String,
    ) -> Answer<Option<SerialForecast>> {
        let (hub, actor) = caller(context)?;
        let gtin = product(&gtin)?;
        let wall = serial::forecast(hub, actor, gtin).await.map_err(refuse)?;
        Ok(wall.map(|wall| SerialForecast {
            days_left: wall.days,
            gtin: gtin.to_string(),
            left: Long(wall.left),
            rate_per_day: wall.rate_per_day,
            wall_at: wall
                .days
                .filter(|days| *days < THOUSAND_YEARS_DAYS)
                .map(|days| DateTime(hub.now().plus_seconds((days * 86_400.0) as i64))),
        }))
    }

    /// Lists of serial numbers that the caller brought, or that are numbers of its products, newest first.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn serial_imports(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<SerialImport>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialImports", first, after)?;
        let paged = serial::imports(hub, actor, page).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "serialImports", page, paged, |record| SerialImport {
            record,
            registry: registry.clone(),
        }))
    }

    /// What the caller has left of serial numbers, and its delegates of those of its products, by product.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn serial_stock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
        #[graphql(desc = "Only of this product.")] gtin: Option<String>,
    ) -> Answer<Pages<SerialStock>> {
        let (hub, actor) = caller(context)?;
        let page = page(hub, actor, "serialStock", first, after)?;
        let gtin = gtin.map(|text| product(&text)).transpose()?;
        let stocks = serial::stocks(hub, actor, gtin).await.map_err(refuse)?;
        let registry = hub.registry();
        Ok(connection(actor, "serialStock", page, slice(&stocks, page), |stock| {
            SerialStock {
                stock,
                registry: registry.clone(),
            }
        }))
    }
}

fn product(text: &str) -> Answer<Gtin> {
    text.parse()
        .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))
}
