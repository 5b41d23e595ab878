//! What the lens costs: a page of events as the brand owner sees it, beside the same rows out of the database with nobody deciding.
//!
//! In the hub, without TLS, HTTP and GraphQL, which would make the part of the lens smaller. Once with relations alone, once while an
//! emergency holds, when the whole engine decides about each event.

use std::time::Duration;

use anyhow::{anyhow, ensure};

use crate::domain::party::Actor;
use crate::domain::query::Query;
use crate::service::grant::{EmergencyDraft, declare_emergency};
use crate::service::query::{Asked, Reading, listed};
use crate::storage::view::event::{Filter, list};

use super::ground::{CLIENTS, Ground, PRODUCT};
use super::load::{Rate, rate};
use super::provenance::distribute;
use super::{BenchArgs, Figure};

/// Events of a page.
const PAGE: usize = 50;
/// Units that are packed and shipped, forty in a case.
const UNITS: usize = 10_000;

pub(super) async fn measure(ground: &Ground, args: &BenchArgs) -> anyhow::Result<Vec<Figure>> {
    distribute(ground, UNITS).await?;
    let (owner, time) = (owner(ground)?, Duration::from_secs(args.seconds.into()));
    let bare = bare(ground, &owner, time).await?;
    let raw = ("the same rows without a lens", bare.per_second);
    let name = |how: &str| format!("{PAGE} events of its brand listed in the hub, {how}, {CLIENTS} callers");
    let mut figures = vec![Figure::of_rates(
        name("without a lens"),
        "pages",
        &bare,
        ("the same", bare.per_second),
    )];
    let seen = seen(ground, &owner, time).await?;
    figures.push(Figure::of_rates(name("by relations"), "pages", &seen, raw));
    let draft = EmergencyDraft {
        gtin: PRODUCT.parse()?,
        lots: Vec::new(),
        reason: "a benchmark".to_owned(),
        until: ground.running.hub().now().plus_seconds(86_400),
    };
    declare_emergency(ground.running.hub(), &owner, draft).await?;
    let seen = self::seen(ground, &owner, time).await?;
    figures.push(Figure::of_rates(name("while an emergency holds"), "pages", &seen, raw));
    Ok(figures)
}

/// The brand owner.
pub(super) fn owner(ground: &Ground) -> anyhow::Result<Actor> {
    let brand = ground.running.hub().registry().owner_of_gtin(PRODUCT.parse()?).cloned();
    Ok(Actor {
        party: brand.ok_or_else(|| anyhow!("`{PRODUCT}` has no owner"))?,
        system: "bench".to_owned(),
    })
}

/// Pages under the lens.
pub(super) async fn seen(ground: &Ground, actor: &Actor, time: Duration) -> anyhow::Result<Rate> {
    let (hub, actor) = (ground.running.hub().clone(), actor.clone());
    let asked = rate(CLIENTS, time, move |_, _| {
        let (hub, actor) = (hub.clone(), actor.clone());
        async move {
            let asked = Asked {
                query: &Query::default(),
                first: PAGE,
                after: None,
                acting_for: None,
                reading: Reading::Question,
            };
            let found = listed(&hub, &actor, asked).await?;
            ensure!(found.rows.len() == PAGE, "a page of {} events", found.rows.len());
            Ok(())
        }
    });
    asked.await
}

async fn bare(ground: &Ground, actor: &Actor, time: Duration) -> anyhow::Result<Rate> {
    let (hub, party) = (ground.running.hub().clone(), actor.party.clone());
    let asked = rate(CLIENTS, time, move |_, _| {
        let (hub, party) = (hub.clone(), party.clone());
        async move {
            let found = list(hub.db(), &party, &Filter::default(), None, PAGE + 1).await?;
            ensure!(found.len() == PAGE + 1, "{} events", found.len());
            Ok(())
        }
    });
    asked.await
}
