//! Delivery, one step at a time: take up a subscription that is due, write down what is sent and under which id, send it, write down
//! what became of it.
//!
//! # Invariants
//! - What is sent was written down before: a process that dies in between has it sent again, with the same id.
//! - The cursor moves only behind what the receiver has taken, or what was not for it to see.
//! - One process at a time works on a subscription; its lease is longer than a delivery may take.
//! - A party that is suspended is sent nothing: it is looked at before each delivery and while one is under way.

use std::time::Duration;

use crate::domain::audit::AuditAction;
use crate::domain::ids::PartyId;
use crate::domain::query::Query;
use crate::domain::subscription::{Form, Trigger, wait_after};
use crate::domain::time::Micros;
use crate::domain::webhook::{Destination, Webhook, seconds, signature};
use crate::epcis::query::Standing;
use crate::outbound::webhook::{Delivered, Delivery};
use crate::service::{Code, Hub, ServiceError};
use crate::storage::audit;
use crate::storage::subscription::{self as store, Pending, Place, Subscription};

use super::batch::{Batch, Window, check_count, end_of, next_batch, readable};
use super::{body, destination, next_run, own_entry, token_label, trigger};

/// What a lease lasts longer than a delivery may take, in seconds.
const LEASE_MORE: i64 = 30;
/// How often it is looked whether the party may still be sent anything.
const LOOK: Duration = Duration::from_millis(250);
/// A suspended party is looked at again after so many seconds.
const SUSPENDED_SECONDS: i64 = 5;

/// A subscription that was taken up.
#[derive(Debug)]
pub struct Turn {
    of: Subscription,
}

impl Turn {
    /// Whose it is.
    #[must_use]
    pub fn party(&self) -> &PartyId {
        &self.of.actor.party
    }
}

/// Takes up what is due, of none of these parties; nothing if nothing is.
pub async fn take(hub: &Hub, busy: &[PartyId]) -> Result<Option<Turn>, ServiceError> {
    let now = hub.now();
    let Some((party, id)) = store::due(hub.db(), now, busy).await? else {
        return Ok(None);
    };
    let until = lease_end(hub);
    let claimed = hub
        .db()
        .write(move |tx| Box::pin(async move { store::claim(tx, (&party, &id), now, until).await }))
        .await?;
    Ok(claimed.map(|of| Turn { of }))
}

/// One step of whatever is due; false if nothing is.
pub async fn run_due(hub: &Hub) -> Result<bool, ServiceError> {
    match take(hub, &[]).await? {
        None => Ok(false),
        Some(turn) => turn.run(hub).await.map(|()| true),
    }
}

fn lease_end(hub: &Hub) -> Micros {
    let delivery = i64::try_from(hub.limits().delivery_timeout_ms / 1_000).unwrap_or(i64::MAX);
    hub.now().plus_seconds(delivery.saturating_add(LEASE_MORE))
}

/// What a step will send.
struct Planned {
    body: Vec<u8>,
    content_type: &'static str,
    events: usize,
    pending: Pending,
}

impl Turn {
    /// Does what is next, and lets go of it.
    pub async fn run(mut self, hub: &Hub) -> Result<(), ServiceError> {
        match self.step(hub).await {
            Ok(()) => self.save(hub, Micros(0)).await.map(|_| ()),
            // Of the hub's own: the database, or a row that cannot be read. Others go on; this one waits.
            Err(error) => {
                self.of.progress.next_at = hub.now().plus_seconds(60);
                self.of.progress.last_error = Some("the hub failed; the operator has been told".to_owned());
                self.save(hub, Micros(0)).await?;
                Err(error)
            }
        }
    }

    /// False if it is not this process's any more.
    async fn save(&self, hub: &Hub, lease_until: Micros) -> Result<bool, ServiceError> {
        let of = self.of.clone();
        let entry = of
            .progress
            .disabled
            .as_ref()
            .map(|_| own_entry(hub, &of, AuditAction::DisableSubscription));
        hub.db()
            .write(move |tx| {
                Box::pin(async move {
                    let saved = store::save(tx, &of, lease_until).await?;
                    if let Some(entry) = entry.filter(|_| saved) {
                        audit::append(tx, &entry).await?;
                    }
                    Ok(saved)
                })
            })
            .await
    }

    async fn step(&mut self, hub: &Hub) -> Result<(), ServiceError> {
        let party = self.of.actor.party.clone();
        if !hub.registry().is_active(&party) {
            self.of.progress.next_at = hub.now().plus_seconds(SUSPENDED_SECONDS);
            return Ok(());
        }
        let (dest, webhook) = match destination(hub, &party, &self.of.dest) {
            Ok(found) => found,
            Err(error) => {
                self.disable(hub, error.to_string());
                return Ok(());
            }
        };
        let query = self.query()?;
        let trigger = trigger(&self.of)?;
        if matches!(trigger, Trigger::Schedule(_)) && self.of.progress.run_until.is_none() {
            self.of.progress.run_until = Some(readable(hub).await?);
            self.of.progress.run_sent = false;
        }
        match self.plan(hub, &query, &trigger).await? {
            Some(planned) => self.send(hub, planned, (&dest, &webhook), &trigger).await,
            None => {
                self.rest(hub, &trigger);
                Ok(())
            }
        }
    }

    fn query(&self) -> Result<Query, ServiceError> {
        let unreadable = |error: &dyn std::fmt::Display| ServiceError::Internal(format!("a kept query cannot be read: {error}"));
        let standing = Standing::of_text(&self.of.query).map_err(|error| unreadable(&error))?;
        standing.query().map_err(|error| unreadable(&error))
    }

    /// The next thing to send. Where nothing is to be sent, the cursor has moved on.
    async fn plan(&mut self, hub: &Hub, query: &Query, trigger: &Trigger) -> Result<Option<Planned>, ServiceError> {
        let is_run = matches!(trigger, Trigger::Schedule(_));
        if let (true, false, Some(until)) = (is_run, self.of.progress.run_sent, self.of.progress.run_until)
            && let Err(error) = check_count(hub, &self.of.actor, query, (self.of.progress.cursor, until)).await
        {
            let ServiceError::Refused { code, detail, .. } = &error else {
                return Err(error);
            };
            let body = body::problem(hub, &self.of, *code, detail);
            return Ok(Some(self.planned(hub, body, 0, end_of(until), Some(*code))));
        }
        let most = usize::try_from(self.of.progress.batch).unwrap_or(1).max(1);
        let mut most = most.min(hub.limits().delivery_events.max(1));
        // What is made smaller to fit, or sent again, is one batch.
        let mut again = self.of.progress.pending.is_some();
        loop {
            let progress = &self.of.progress;
            let window = Window {
                cursor: progress.cursor,
                // What was perhaps sent before is sent again as it was, whatever has come since.
                until: progress
                    .pending
                    .map(|pending| pending.until)
                    .or(progress.run_until.map(end_of)),
                most,
                again,
            };
            let Some(batch) = next_batch(hub, &self.of.actor, query, window).await? else {
                break;
            };
            let Batch { events, until } = batch;
            let count = events.len();
            if count == 0 {
                self.of.progress.cursor = until;
                self.of.progress.pending = None;
                again = false;
                if !self.save(hub, lease_end(hub)).await? {
                    return Ok(None);
                }
                continue;
            }
            let body = body::document(hub, &self.of, events)?;
            if body.len() > hub.limits().delivery_bytes && count > 1 {
                most = count / 2;
                again = true;
                continue;
            }
            return Ok(Some(self.planned(hub, body, count, until, None)));
        }
        if is_run && self.of.report_if_empty && !self.of.progress.run_sent {
            let body = body::document(hub, &self.of, Vec::new())?;
            return Ok(Some(self.planned(hub, body, 0, self.of.progress.cursor, None)));
        }
        Ok(None)
    }

    fn planned(&self, hub: &Hub, body: Vec<u8>, events: usize, until: Place, problem: Option<Code>) -> Planned {
        let content_type = match (self.of.form, problem) {
            (Form::Json, None) => "application/json",
            (Form::Json, Some(_)) => "application/problem+json",
            (Form::Xml, _) => "application/xml",
        };
        // The same as was perhaps sent before has the same id.
        let again = self.of.progress.pending.filter(|pending| pending.until == until);
        let pending = again.unwrap_or_else(|| Pending {
            id: hub.new_id(hub.now()),
            until,
        });
        Planned {
            body,
            content_type,
            events,
            pending,
        }
    }

    async fn send(
        &mut self,
        hub: &Hub,
        planned: Planned,
        (dest, webhook): (&Destination, &Webhook),
        trigger: &Trigger,
    ) -> Result<(), ServiceError> {
        let Planned {
            body,
            content_type,
            events,
            pending,
        } = planned;
        self.of.progress.pending = Some(pending);
        if !self.save(hub, lease_end(hub)).await? {
            return Ok(());
        }
        let headers = self.headers(hub, (&pending.id.to_string(), content_type), &body)?;
        let delivery = Delivery {
            dest,
            ca: webhook.ca.as_deref(),
            headers,
            body,
            timeout: Duration::from_millis(hub.limits().delivery_timeout_ms),
            now: hub.now(),
        };
        let told = tokio::select! {
            told = hub.outbound().deliver(delivery) => told,
            () = suspended(hub, &self.of.actor.party) => {
                self.of.progress.next_at = hub.now().plus_seconds(SUSPENDED_SECONDS);
                return Ok(());
            }
        };
        tracing::debug!(party = %self.of.actor.party, subscription = self.of.id, events, ?told, "delivered");
        match told {
            Delivered::Taken => self.taken(hub, pending, events, trigger),
            Delivered::TooLarge if events > 1 => {
                self.of.progress.batch = i64::try_from(events / 2).unwrap_or(1);
                self.of.progress.pending = None;
                self.of.progress.next_at = hub.now();
            }
            Delivered::TooLarge => self.failed(hub, "answered 413 to a single event".to_owned(), None),
            Delivered::Gone => self.disable(hub, "the receiver answered 410: it wants no more".to_owned()),
            Delivered::Failed { why, retry_after } => self.failed(hub, why, retry_after),
        }
        Ok(())
    }

    fn headers(
        &self,
        hub: &Hub,
        (id, content_type): (&str, &'static str),
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, ServiceError> {
        let now = hub.now();
        let version = match self.of.form {
            Form::Json => "2.0.0",
            Form::Xml => "1.2",
        };
        let mut headers = vec![
            ("content-type", content_type.to_owned()),
            ("gs1-epcis-version", version.to_owned()),
            ("gs1-cbv-version", "2.0.0".to_owned()),
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds(now).to_string()),
        ];
        if let Some(sealed) = &self.of.token {
            let label = token_label((&self.of.actor.party, &self.of.id));
            let token = hub.master_key().open_text(&label, sealed)?;
            let signature = signature(&token, id, now, body);
            headers.push(("webhook-signature", signature.clone()));
            headers.push(("gs1-signature", signature));
        }
        Ok(headers)
    }

    fn taken(&mut self, hub: &Hub, pending: Pending, events: usize, trigger: &Trigger) {
        let now = hub.now();
        let progress = &mut self.of.progress;
        progress.cursor = pending.until;
        progress.pending = None;
        progress.run_sent = true;
        progress.failures = 0;
        progress.failing_since = None;
        progress.last_error = None;
        progress.last_notified_at = Some(now);
        progress.next_at = now;
        // It took all it was given: twice as many next time, up to the limit.
        if i64::try_from(events).is_ok_and(|events| events >= progress.batch) {
            let most = i64::try_from(hub.limits().delivery_events).unwrap_or(i64::MAX);
            progress.batch = progress.batch.saturating_mul(2).min(most).max(1);
        }
        let run_is_over = progress.run_until.is_some_and(|until| progress.cursor >= end_of(until));
        if run_is_over {
            self.rest(hub, trigger);
        }
    }

    /// Nothing more for now.
    fn rest(&mut self, hub: &Hub, trigger: &Trigger) {
        let progress = &mut self.of.progress;
        progress.pending = None;
        progress.run_until = None;
        progress.run_sent = false;
        progress.next_at = match trigger {
            Trigger::Stream => hub.now(),
            Trigger::Schedule(schedule) => next_run(schedule, hub.now()),
        };
    }

    fn failed(&mut self, hub: &Hub, why: String, retry_after: Option<u64>) {
        let now = hub.now();
        let progress = &mut self.of.progress;
        progress.failures = progress.failures.saturating_add(1);
        let since = *progress.failing_since.get_or_insert(now);
        let mut random = [0];
        hub.fill_random(&mut random);
        let wait = wait_after(u32::try_from(progress.failures).unwrap_or(u32::MAX), random[0]);
        let wait = wait.max(Duration::from_secs(retry_after.unwrap_or(0)));
        progress.next_at = Micros(now.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)));
        progress.last_error = Some(format!("the receiver {why}"));
        let hours = i64::from(hub.limits().delivery_retry_hours);
        if now >= since.plus_seconds(hours.saturating_mul(3_600)) {
            self.disable(
                hub,
                format!("deliveries failed for {hours} hours; at last the receiver {why}"),
            );
        }
    }

    fn disable(&mut self, hub: &Hub, why: String) {
        tracing::warn!(party = %self.of.actor.party, subscription = self.of.id, why, "a subscription is disabled");
        self.of.progress.disabled = Some((hub.now(), why));
    }
}

/// Returns when the party is no longer active.
async fn suspended(hub: &Hub, party: &PartyId) {
    while hub.registry().is_active(party) {
        tokio::time::sleep(LOOK).await;
    }
}
