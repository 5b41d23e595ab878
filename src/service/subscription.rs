//! Subscriptions to queries (EPCIS 2.0 clause 8.2.6): kept for their party alone, delivered by [`deliver`].
//!
//! A subscription keeps the query as it was when it was made. Where it may deliver to stands in the partner file; the signature
//! token is stored sealed and never shown again. It belongs to the party and not to the system that made it: it ends when the party is
//! suspended, and goes on when one of its certificates is revoked.

use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::ids::{AuditId, PartyId};
use crate::domain::party::Actor;
use crate::domain::query::field::Compare;
use crate::domain::query::order::{Order, OrderBy};
use crate::domain::query::schedule::{Fields, Schedule, WrongSchedule};
use crate::domain::query::{Clause, Count, Query};
use crate::domain::serial::key::NONCE_BYTES;
use crate::domain::subscription::{Form, Trigger};
use crate::domain::time::Micros;
use crate::domain::webhook::{Destination, Webhook};
use crate::epcis::EpcFormat;
use crate::epcis::query::Standing;
use crate::storage::subscription::{self as store, Progress};
use crate::storage::{StorageError, Tx, audit};

use super::Hub;
use super::error::{Code, ServiceError};
use super::named_query::{self, entry};
use super::query::{self, wrong};

pub use crate::storage::subscription::{Place, Subscription};
pub use batch::{Batch, Window, cursor_now, next_batch};
pub use body::Printed;
pub use deliver::{Turn, run_due, take};

mod batch;
mod body;
mod deliver;

/// Longest id and token, in characters.
const ID: usize = 200;
const TOKEN: usize = 512;

/// What is subscribed to.
#[derive(Debug)]
pub enum Subject {
    /// A query that the party keeps.
    Named(String),
    /// One of the standard's own, with its parameters.
    Standard(&'static str, Vec<(String, Vec<String>)>),
}

/// When the query is asked, as the caller said it.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    /// Each event that comes.
    pub stream: bool,
    /// By the clock.
    pub schedule: Option<Fields>,
    /// Deliver also nothing.
    pub report_if_empty: bool,
    /// Events from this record time on; none: from now on.
    pub initial_record_time: Option<Micros>,
}

impl Controls {
    /// What makes the query be asked: a stream or a schedule, and not both.
    pub fn trigger(&self) -> Result<Trigger, ServiceError> {
        match (self.stream, &self.schedule) {
            (true, None) => Ok(Trigger::Stream),
            (false, Some(fields)) => Schedule::new(fields.clone())
                .map(Trigger::Schedule)
                .map_err(|error| badly_timed(&error)),
            (true, Some(_)) => Err(controls("`stream` and `schedule` exclude one another: leave one of them out")),
            (false, None) => Err(controls("set `stream` to true, or give a `schedule`")),
        }
    }
}

/// A subscription that is asked for.
#[derive(Debug)]
pub struct Asked {
    /// To what.
    pub subject: Subject,
    /// Its id; none: the hub makes one.
    pub id: Option<String>,
    /// Where to.
    pub dest: String,
    /// What deliveries are signed with.
    pub token: Option<String>,
    /// When.
    pub controls: Controls,
    /// In which form.
    pub form: Form,
    /// How identifiers are spelt.
    pub epc: EpcFormat,
}

/// Subscribes.
///
/// # Errors
/// A query, destination or schedule that cannot be taken; an id that is taken; too many.
pub async fn subscribe(hub: &Hub, actor: &Actor, asked: Asked) -> Result<Subscription, ServiceError> {
    let (query_name, standing) = match asked.subject {
        Subject::Named(name) => {
            let kept = find_query(hub, actor, &name).await?;
            (kept.name.clone(), Standing::Document(named_query::document(&kept)?))
        }
        Subject::Standard(name, parameters) => (name.to_owned(), Standing::Texts(parameters)),
    };
    permitted(&standing.query().map_err(|error| wrong(&error))?)?;
    let trigger = asked.controls.trigger()?;
    destination(hub, &actor.party, &asked.dest)?;
    let now = hub.now();
    let id = match asked.id {
        Some(id) => checked_id(id)?,
        None => hub.new_id(now).to_string(),
    };
    let token = asked.token.map(|token| seal(hub, (&actor.party, &id), token)).transpose()?;
    let next_at = match &trigger {
        Trigger::Stream => now,
        Trigger::Schedule(schedule) => next_run(schedule, now),
    };
    let schedule = match &trigger {
        Trigger::Stream => None,
        Trigger::Schedule(schedule) => Some(as_json(schedule.fields())?),
    };
    let new = Subscription {
        actor: actor.clone(),
        id,
        query_name,
        query: standing
            .to_text()
            .map_err(|error| ServiceError::Internal(format!("writing a query: {error}")))?,
        dest: asked.dest,
        token,
        schedule,
        report_if_empty: asked.controls.report_if_empty,
        initial_record_time: asked.controls.initial_record_time,
        form: asked.form,
        epc_format: asked.epc.as_str().to_owned(),
        created_at: now,
        progress: beginning(hub, next_at),
    };
    keep(hub, new, matches!(standing, Standing::Document(_))).await
}

fn beginning(hub: &Hub, next_at: Micros) -> Progress {
    Progress {
        cursor: (Micros(0), uuid::Uuid::nil()),
        batch: i64::try_from(hub.limits().delivery_events.max(1)).unwrap_or(1),
        pending: None,
        run_until: None,
        run_sent: false,
        next_at,
        claims: 0,
        failures: 0,
        failing_since: None,
        last_error: None,
        last_notified_at: None,
        disabled: None,
    }
}

async fn keep(hub: &Hub, mut new: Subscription, is_named: bool) -> Result<Subscription, ServiceError> {
    let entry = named_query::entry(hub, &new.actor, AuditAction::Subscribe, &new.id);
    let most = hub.limits().subscriptions_per_party;
    hub.db()
        .write(move |tx| {
            Box::pin(async move {
                // Held, so that it is not let go of in the same moment.
                if is_named && !store::lock_query(tx, &new.actor.party, &new.query_name).await? {
                    return Err(no_such_name());
                }
                if store::count(tx, &new.actor.party).await? >= most {
                    let detail = format!("{most} subscriptions are there already: end one that is not needed");
                    return Err(ServiceError::refused(Code::QuotaExceeded, detail));
                }
                // What is committed later gets a later record time, whenever it began.
                new.progress.cursor = match new.initial_record_time {
                    Some(from) => (Micros(from.0.saturating_sub(1)), uuid::Uuid::max()),
                    None => (store::record_time(tx).await?, uuid::Uuid::max()),
                };
                if !store::insert(tx, &new).await? {
                    let detail = format!("a subscription `{}` is there: choose another id, or end it first", new.id);
                    return Err(ServiceError::refused(Code::SubscriptionTaken, detail));
                }
                audit::append(tx, &entry).await?;
                Ok(new)
            })
        })
        .await
}

/// Queries that answer only as a whole cannot be asked piece by piece.
fn permitted(query: &Query) -> Result<(), ServiceError> {
    match query.count {
        Count::First(_) => {
            let detail = "`eventCountLimit` takes the first events of one answer: a subscription has none that is whole";
            Err(ServiceError::refused(Code::SubscribeNotPermitted, detail))
        }
        Count::All | Count::AtMost(_) => Ok(()),
    }
}

/// One of the caller's subscriptions to a query.
pub async fn find(hub: &Hub, actor: &Actor, query: &str, id: &str) -> Result<Subscription, ServiceError> {
    let found = store::find(hub.db(), &actor.party, id).await?;
    found
        .filter(|found| found.query_name == query)
        .ok_or_else(no_such_subscription)
}

/// The caller's subscriptions to a query by id, behind one of them, and whether there are more.
pub async fn list(
    hub: &Hub,
    actor: &Actor,
    query: &str,
    (first, after): (usize, &str),
) -> Result<(Vec<Subscription>, bool), ServiceError> {
    if !is_standard(query) {
        find_query(hub, actor, query).await?;
    }
    let mut found = store::list(hub.db(), &actor.party, query, (first.saturating_add(1), after)).await?;
    let has_more = found.len() > first;
    found.truncate(first);
    Ok((found, has_more))
}

/// Ends a subscription to a query, or to whichever.
pub async fn unsubscribe(hub: &Hub, actor: &Actor, query: Option<&str>, id: String) -> Result<(), ServiceError> {
    if let Some(query) = query {
        find(hub, actor, query, &id).await?;
    }
    let entry = entry(hub, actor, AuditAction::Unsubscribe, &id);
    let party = actor.party.clone();
    hub.db()
        .write(move |tx: &Tx| {
            Box::pin(async move {
                if !store::delete(tx, &party, &id).await? {
                    return Err(no_such_subscription());
                }
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await
}

/// Has a subscription go on at once that was given up, or that waits after failures; nothing is left out.
pub async fn resume(hub: &Hub, actor: &Actor, query: &str, id: &str) -> Result<Subscription, ServiceError> {
    let found = find(hub, actor, query, id).await?;
    destination(hub, &actor.party, &found.dest)?;
    let entry = entry(hub, actor, AuditAction::ResumeSubscription, id);
    let (party, now, wanted) = (actor.party.clone(), hub.now(), id.to_owned());
    hub.db()
        .write(move |tx: &Tx| {
            Box::pin(async move {
                if !store::resume(tx, (&party, &wanted), now).await? {
                    return Err(no_such_subscription());
                }
                Ok(audit::append(tx, &entry).await?)
            })
        })
        .await?;
    find(hub, actor, query, id).await
}

/// Lets go of all subscriptions that a process held which is gone.
pub async fn release_all(hub: &Hub) -> Result<u64, StorageError> {
    hub.db()
        .write(|tx| Box::pin(async move { store::release_all(tx).await }))
        .await
}

/// How far a subscription has come, as its party may know: to the last event of its own that was looked at, or to its beginning. Where the
/// hub stands in all records tells when others sent something.
pub async fn come_to(hub: &Hub, of: &Subscription) -> Result<Micros, ServiceError> {
    let looked_at = Query {
        clauses: vec![Clause::RecordTime(
            Compare::Less,
            Micros(of.progress.cursor.0.0.saturating_add(1)),
        )],
        order: Some(Order {
            by: OrderBy::RecordTime,
            descending: true,
        }),
        count: Count::First(1),
    };
    let asked = query::Asked {
        query: &looked_at,
        first: 1,
        after: None,
        acting_for: None,
        reading: query::Reading::Look,
    };
    let found = query::run(hub, &of.actor, asked).await?;
    let begun = of.initial_record_time.unwrap_or(of.created_at);
    Ok(found.events.first().map_or(begun, |last| last.record_time.max(begun)))
}

/// When a subscription asks its query.
pub fn trigger(of: &Subscription) -> Result<Trigger, ServiceError> {
    let Some(text) = &of.schedule else {
        return Ok(Trigger::Stream);
    };
    let unreadable = |error: &dyn std::fmt::Display| ServiceError::Internal(format!("a kept schedule cannot be read: {error}"));
    let fields: Fields = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    Schedule::new(fields)
        .map(Trigger::Schedule)
        .map_err(|error| unreadable(&error))
}

/// A query that the caller keeps.
pub(super) async fn find_query(hub: &Hub, actor: &Actor, name: &str) -> Result<named_query::StoredQuery, ServiceError> {
    named_query::find(hub, actor, name).await
}

fn is_standard(name: &str) -> bool {
    name == named_query::SIMPLE_EVENTS
}

/// Where to, and what the partner file says of it.
fn destination(hub: &Hub, party: &PartyId, text: &str) -> Result<(Destination, Webhook), ServiceError> {
    let refuse = |detail: String| ServiceError::refused(Code::InvalidDestination, detail);
    let dest: Destination = text.parse().map_err(|error| refuse(format!("`dest` {error}")))?;
    let registry = hub.registry();
    let known = registry
        .party(party)
        .map(|party| party.webhooks.as_slice())
        .unwrap_or_default();
    let webhook = known.iter().find(|webhook| webhook.origin == *dest.origin());
    match webhook {
        Some(webhook) if hub.outbound().may_call(&dest) => Ok((dest, webhook.clone())),
        Some(_) | None => Err(refuse(format!(
            "`dest` is at {}, which the operator has not named for you: ask for a `[[webhooks]]` entry",
            dest.origin()
        ))),
    }
}

/// The first moment; a schedule that has none any more is never due.
fn next_run(schedule: &Schedule, after: Micros) -> Micros {
    schedule.next_after(after).unwrap_or(Micros::FOREVER)
}

fn checked_id(id: String) -> Result<String, ServiceError> {
    let good = !id.is_empty() && id.chars().count() <= ID && id.trim() == id && !id.contains(|c: char| c.is_control());
    if good {
        return Ok(id);
    }
    let detail = format!("`subscriptionID` is a text of up to {ID} characters, without space around it");
    Err(ServiceError::refused(Code::BadInput, detail))
}

fn seal(hub: &Hub, of: (&PartyId, &str), token: String) -> Result<Vec<u8>, ServiceError> {
    if token.is_empty() || token.chars().count() > TOKEN || token.contains(|c: char| c.is_control()) {
        // Not the token.
        let detail = format!("`signatureToken` is a text of 1 to {TOKEN} characters");
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    let mut nonce = [0; NONCE_BYTES];
    hub.fill_random(&mut nonce);
    let token = zeroize::Zeroizing::new(token);
    Ok(hub.master_key().seal_text(&token_label(of), &token, nonce)?)
}

/// A party's id has no `|`: no two subscriptions have one label.
fn token_label((party, id): (&PartyId, &str)) -> String {
    format!("signature-token|{party}|{id}")
}

fn as_json(value: &impl serde::Serialize) -> Result<String, ServiceError> {
    serde_json::to_string(value).map_err(|error| ServiceError::Internal(format!("writing a subscription: {error}")))
}

fn controls(detail: impl Into<String>) -> ServiceError {
    ServiceError::refused(Code::SubscriptionControls, detail)
}

/// A schedule that cannot be taken, with the field that is wrong.
fn badly_timed(error: &WrongSchedule) -> ServiceError {
    ServiceError::Refused {
        code: Code::SubscriptionControls,
        detail: error.to_string(),
        violations: vec![super::Violation {
            code: Code::SubscriptionControls.as_str().to_owned(),
            pointer: error.field.to_owned(),
            detail: error.detail.clone(),
            ..super::Violation::default()
        }],
    }
}

fn no_such_name() -> ServiceError {
    ServiceError::refused(Code::NoSuchName, Code::NoSuchName.title())
}

fn no_such_subscription() -> ServiceError {
    ServiceError::refused(Code::NoSuchSubscription, Code::NoSuchSubscription.title())
}

/// Of the hub's own doing.
fn own_entry(hub: &Hub, of: &Subscription, action: AuditAction) -> AuditEntry {
    let at = hub.now();
    AuditEntry {
        id: AuditId::new(hub.new_id(at)),
        at,
        actor: of.actor.clone(),
        principal: None,
        action,
        object: of.id.clone(),
        outcome: Outcome::Done,
        detail: serde_json::json!({ "by": "hub" }),
    }
}
