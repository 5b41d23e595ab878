//! `GET /epcis/queries/{name}/events` as a WebSocket (EPCIS 2.0 clause 12.7.2): with `stream=true` each event that comes, with
//! `second`, `minute`, … what has come since, when the clock says.
//!
//! A message is an EPCISQueryDocument, as the REST binding answers it, with at most `limits.delivery_events` events. There is no memory
//! between two sockets: who must not miss anything asks with `initialRecordTime` where it left off, or subscribes a webhook.
//!
//! # Invariants
//! - A socket ends within seconds when its party or certificate may not come in any more: that is asked again all the time.
//! - One message at a time waits for a reader; who does not take it in time is cut.
//! - What comes from the other end is read and thrown away, with a limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::domain::ids::PartyId;
use crate::domain::party::Actor;
use crate::domain::query::Query;
use crate::domain::query::schedule::Fields;
use crate::domain::subscription::{Form, Trigger};
use crate::domain::time::Micros;
use crate::epcis::EpcFormat;
use crate::service::named_query::{self, StoredQuery};
use crate::service::subscription::{Batch, Controls, Place, Printed, Window, cursor_now, next_batch};
use crate::service::{Code, Hub, ServiceError};

use super::negotiation::epc_format;
use super::subscription::record_time;

/// How often it is looked for events, and whether the other end may still be here.
const LOOK: Duration = Duration::from_millis(250);
/// Time for the last words.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often the other end is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// Largest message that is read, in bytes; none means anything.
const READ: usize = 4 << 10;

/// Close codes (RFC 6455 clause 7.4.1).
const POLICY: u16 = 1008;
const FAILED: u16 = 1011;
const LATER: u16 = 1013;

/// Whether the other end of a connection may still be here: the transport says so for each connection.
#[derive(Clone)]
pub struct Standing(Arc<dyn Fn() -> bool + Send + Sync>);

impl Standing {
    /// As this function says.
    pub fn new(ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    fn holds(&self) -> bool {
        (self.0)()
    }
}

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Standing(…)")
    }
}

/// How many sockets each party has in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Sockets(Arc<Mutex<HashMap<PartyId, usize>>>);

/// One of them.
#[derive(Debug)]
struct Held {
    sockets: Sockets,
    party: PartyId,
}

impl Sockets {
    fn hold(&self, party: &PartyId, most: usize) -> Option<Held> {
        // A panic while the map was held cannot leave it half changed.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(party.clone()).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Held {
            sockets: self.clone(),
            party: party.clone(),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.party);
            }
        }
    }
}

/// Who asks for a socket.
pub(super) struct Caller {
    pub(super) hub: Hub,
    pub(super) actor: Actor,
    pub(super) standing: Option<Standing>,
    pub(super) sockets: Sockets,
}

/// Answers 101, or says why not.
pub(super) async fn open(
    caller: Caller,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    (stored, parameters): (StoredQuery, Vec<(String, String)>),
) -> Result<Response, ServiceError> {
    let Caller {
        hub,
        actor,
        standing,
        sockets,
    } = caller;
    let controls = controls(&parameters)?;
    let (trigger, query) = (controls.trigger()?, named_query::read(&stored)?);
    let most = hub.limits().sockets_per_party;
    let held = sockets.hold(&actor.party, most).ok_or_else(|| {
        let detail = format!("{most} WebSockets are open: close one that is not needed");
        ServiceError::refused(Code::QuotaExceeded, detail)
    })?;
    let cursor = cursor_now(&hub, controls.initial_record_time).await?;
    let next_run = next_run(&trigger, hub.now());
    let feed = Feed {
        hub,
        actor,
        standing,
        query,
        name: stored.name,
        trigger,
        report_if_empty: controls.report_if_empty,
        epc: epc_format(headers)?,
        cursor,
        next_run,
        _held: held,
    };
    Ok(upgrade
        .max_message_size(READ)
        .max_frame_size(READ)
        .on_upgrade(move |socket| feed.run(socket)))
}

/// The parameters of a standing query in a URL.
fn controls(parameters: &[(String, String)]) -> Result<Controls, ServiceError> {
    let refuse = |detail: String| ServiceError::refused(Code::SubscriptionControls, detail);
    let (mut controls, mut fields, mut seen) = (Controls::default(), Fields::default(), Vec::new());
    for (name, value) in parameters {
        if seen.contains(&name) {
            return Err(refuse(format!("`{name}` is there twice")));
        }
        seen.push(name);
        let truth = || match value.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(refuse(format!("`{name}` is `true` or `false`"))),
        };
        match name.as_str() {
            "stream" => controls.stream = truth()?,
            "reportIfEmpty" => controls.report_if_empty = truth()?,
            "initialRecordTime" => controls.initial_record_time = Some(record_time(&value.replacen(' ', "+", 1))?),
            "second" => fields.second = Some(value.clone()),
            "minute" => fields.minute = Some(value.clone()),
            "hour" => fields.hour = Some(value.clone()),
            "dayOfMonth" => fields.day_of_month = Some(value.clone()),
            "month" => fields.month = Some(value.clone()),
            "dayOfWeek" => fields.day_of_week = Some(value.clone()),
            _ => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err(refuse(format!("`{name}` is no parameter of a WebSocket subscription")));
            }
        }
    }
    controls.schedule = Some(fields).filter(|fields| !fields.is_empty());
    Ok(controls)
}

/// When a schedule is due next; a stream always is.
fn next_run(trigger: &Trigger, now: Micros) -> Micros {
    match trigger {
        Trigger::Stream => Micros(i64::MIN),
        Trigger::Schedule(schedule) => schedule.next_after(now).unwrap_or(Micros::FOREVER),
    }
}

/// One socket's query and how far it has come.
struct Feed {
    hub: Hub,
    actor: Actor,
    standing: Option<Standing>,
    query: Query,
    name: String,
    trigger: Trigger,
    report_if_empty: bool,
    epc: EpcFormat,
    cursor: Place,
    next_run: Micros,
    _held: Held,
}

/// Why a socket ends.
#[derive(Debug)]
enum End {
    /// The other end went away.
    Gone,
    /// The hub ends it: close code and reason.
    Closed(u16, &'static str),
}

impl Feed {
    async fn run(mut self, mut socket: WebSocket) {
        let (mut look, mut ping) = (tokio::time::interval(LOOK), tokio::time::interval(PING));
        let end = loop {
            let next = tokio::select! {
                _ = look.tick() => self.step(&mut socket).await,
                _ = ping.tick() => self.send(&mut socket, Message::Ping(Vec::new().into())).await,
                came = socket.recv() => match came {
                    None | Some(Err(_) | Ok(Message::Close(_))) => Err(End::Gone),
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => Ok(()),
                },
            };
            if let Err(end) = next {
                break end;
            }
        };
        tracing::debug!(party = %self.actor.party, query = self.name, ?end, "a socket ended");
        if let End::Closed(code, reason) = end {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            let farewell = socket.send(Message::Close(Some(frame)));
            // One that does not read cannot be told.
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
        }
    }

    /// Nothing is sent to who may not be here any more.
    fn may_stay(&self) -> Result<(), End> {
        let active = self.hub.registry().is_active(&self.actor.party);
        match active && self.standing.as_ref().is_none_or(Standing::holds) {
            true => Ok(()),
            false => Err(End::Closed(
                POLICY,
                "the hub stops, or the party or its certificate may not come in any more",
            )),
        }
    }

    async fn step(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        self.may_stay()?;
        let now = self.hub.now();
        if now < self.next_run {
            return Ok(());
        }
        let mut sent = false;
        let most = self.hub.limits().delivery_events;
        loop {
            let window = Window {
                cursor: self.cursor,
                until: None,
                most,
                again: false,
            };
            let batch = next_batch(&self.hub, &self.actor, &self.query, window)
                .await
                .map_err(|error| failed(&error))?;
            let Some(Batch { events, until }) = batch else { break };
            self.cursor = until;
            if !events.is_empty() {
                self.tell(socket, events).await?;
                sent = true;
            }
        }
        if let Trigger::Schedule(_) = self.trigger {
            if !sent && self.report_if_empty {
                self.tell(socket, Vec::new()).await?;
            }
            self.next_run = next_run(&self.trigger, now);
        }
        Ok(())
    }

    async fn tell(&self, socket: &mut WebSocket, events: Vec<crate::service::event::SeenEvent>) -> Result<(), End> {
        let printed = Printed {
            form: Form::Json,
            epc: self.epc,
            query_name: &self.name,
            subscription: None,
        };
        let body = printed.document(&self.hub, events).map_err(|error| failed(&error))?;
        let text = String::from_utf8(body).map_err(|_| End::Closed(FAILED, "the hub failed"))?;
        // Once more: printing took its time.
        self.may_stay()?;
        self.send(socket, Message::Text(text.into())).await
    }

    async fn send(&self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        let within = Duration::from_millis(self.hub.limits().socket_send_timeout_ms);
        let gone = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if let Err(end) = self.may_stay() {
                    return end;
                }
            }
        };
        tokio::select! {
            sent = tokio::time::timeout(within, socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Gone),
                Err(_) => Err(End::Closed(LATER, "the reader does not keep up: come again with initialRecordTime")),
            },
            end = gone => Err(end),
        }
    }
}

fn failed(error: &ServiceError) -> End {
    match error {
        ServiceError::Refused { .. } => End::Closed(POLICY, "the query cannot be answered any more: ask it by GET to see why"),
        ServiceError::Storage(_) | ServiceError::Internal(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "a socket failed");
            End::Closed(FAILED, "the hub failed: come again with initialRecordTime")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_not_known_are_refused() {
        let read = |text: &[(&str, &str)]| {
            let owned: Vec<(String, String)> = text
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            controls(&owned).and_then(|controls| controls.trigger())
        };
        assert_eq!(read(&[("stream", "true")]).unwrap(), Trigger::Stream);
        assert!(matches!(
            read(&[("minute", "5"), ("hour", "1")]).unwrap(),
            Trigger::Schedule(_)
        ));
        for bad in [
            &[][..],
            &[("stream", "false")],
            &[("stream", "1")],
            &[("stream", "true"), ("stream", "true")],
            &[("stream", "true"), ("second", "1")],
            &[("second", "61")],
            &[("stream", "true"), ("EQ_action", "ADD")],
            &[("stream", "true"), ("initialRecordTime", "today")],
        ] {
            assert_eq!(read(bad).unwrap_err().code(), Code::SubscriptionControls, "{bad:?}");
        }
    }

    #[test]
    fn a_socket_that_ends_makes_room() {
        let sockets = Sockets::default();
        let (one, other) = ("packwell".parse().unwrap(), "aurora".parse().unwrap());
        let first = sockets.hold(&one, 1);
        assert!(first.is_some() && sockets.hold(&one, 1).is_none());
        assert!(sockets.hold(&other, 1).is_some());
        drop(first);
        assert!(sockets.hold(&one, 1).is_some());
        assert!(sockets.0.lock().unwrap().is_empty());
    }
}
