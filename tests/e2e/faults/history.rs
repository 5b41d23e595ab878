//! Every call the driver made and what came of it, and the one check of it all after the hub has healed.
//!
//! The check knows nothing of the fault: whatever happened, no serial is there twice, what was acknowledged is there as it
//! was acknowledged, what was left open can be asked again and comes out once, and nothing is there that nobody asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};

use super::caller::{Answer, Caller, LINES, Line};
use super::document::Document;
use super::house::{House, HubProcess};

/// A request for serials and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: Line,
    pub(crate) quantity: u64,
    pub(crate) key: String,
    /// The allocation, once acknowledged.
    pub(crate) allocation: Option<String>,
    /// Its numbers, once they were read.
    pub(crate) serials: Option<Vec<String>>,
}

/// A document and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) line: Line,
    pub(crate) document: Document,
    /// Where its job is, once acknowledged.
    pub(crate) job: Option<String>,
}

/// What the driver did, in the order of the answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) requests: Vec<Request>,
    pub(crate) captures: Vec<Capture>,
    /// Answers that are wrong whatever else happened.
    pub(crate) wrong: Vec<String>,
}

impl History {
    /// Puts another history behind this one.
    pub(crate) fn extend(&mut self, other: Self) {
        self.requests.extend(other.requests);
        self.captures.extend(other.captures);
        self.wrong.extend(other.wrong);
    }

    /// How many answers the hub is held to.
    pub(crate) fn acknowledged(&self) -> usize {
        let requests = self.requests.iter().filter(|request| request.allocation.is_some()).count();
        requests + self.captures.iter().filter(|capture| capture.job.is_some()).count()
    }

    /// Serial numbers that were read.
    pub(crate) fn serials(&self) -> usize {
        self.requests
            .iter()
            .filter_map(|request| request.serials.as_ref())
            .map(Vec::len)
            .sum()
    }

    /// Asks again, with the same key or document, for what was left open.
    pub(crate) async fn settle(&mut self, house: &House, hub: &HubProcess) {
        house.leases_of_the_dead_end(hub).await;
        let callers = callers(house, hub);
        for request in &mut self.requests {
            let caller = &callers[request.line.party];
            if request.allocation.is_none() {
                match answered(|| caller.request_serials(&request.line, request.quantity, &request.key)).await {
                    Ok(id) => request.allocation = Some(id),
                    Err(why) => self.wrong.push(format!("request {} asked again: {why}", request.key)),
                }
            }
            if let (Some(id), None) = (&request.allocation, &request.serials) {
                match answered(|| caller.serials(id)).await {
                    Ok(serials) => request.serials = Some(serials),
                    Err(why) => self.wrong.push(format!("numbers of {id} ({}): {why}", request.key)),
                }
            }
        }
        for capture in self.captures.iter_mut().filter(|capture| capture.job.is_none()) {
            match answered(|| callers[capture.line.party].capture(&capture.document)).await {
                Ok(job) => capture.job = Some(job),
                Err(why) => self
                    .wrong
                    .push(format!("document with {} sent again: {why}", capture.document.events[0])),
            }
        }
    }

    /// Waits until the jobs of acknowledged documents have ended, or the hub is gone.
    pub(crate) async fn jobs_end(&self, house: &House, hub: &mut HubProcess) {
        let callers = callers(house, hub);
        for capture in &self.captures {
            let Some(job) = &capture.job else { continue };
            for _ in 0..400 {
                match callers[capture.line.party].json(job).await {
                    Answer::Acknowledged(said) if said["running"] == serde_json::Value::Bool(false) => break,
                    Answer::Acknowledged(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Answer::Refused(_) | Answer::Unknown(_) if hub.ended().is_some() => return,
                    Answer::Refused(_) | Answer::Unknown(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        }
    }

    /// Everything that is wrong; call it on a settled history, with the hub running on a healthy disk.
    pub(crate) async fn check(&self, house: &House, hub: &HubProcess) -> Vec<String> {
        let callers = callers(house, hub);
        let mut wrong = self.wrong.clone();
        self.check_requests(&callers, &mut wrong).await;
        self.check_captures(&callers, &mut wrong).await;
        self.check_tables(house, &mut wrong).await;
        let integrity = house.integrity().await;
        if integrity != "ok" {
            wrong.push(format!("integrity_check: {integrity}"));
        }
        wrong
    }

    /// Same key, same allocation; same allocation, same numbers; no number twice.
    async fn check_requests(&self, callers: &Callers, wrong: &mut Vec<String>) {
        let mut owner: HashMap<(&str, String), &str> = HashMap::new();
        for request in &self.requests {
            let Some(id) = &request.allocation else { continue };
            let (caller, key) = (&callers[request.line.party], &request.key);
            match answered(|| caller.request_serials(&request.line, request.quantity, key)).await {
                Ok(again) if again == *id => {}
                Ok(again) => wrong.push(format!("request {key} was {id} and is {again}")),
                Err(why) => wrong.push(format!("request {key} was acknowledged and is refused: {why}")),
            }
            let serials = match answered(|| caller.serials(id)).await {
                Ok(serials) => serials,
                Err(why) => {
                    wrong.push(format!("acknowledged allocation {id} ({key}) is lost: {why}"));
                    continue;
                }
            };
            if serials.len() as u64 != request.quantity {
                wrong.push(format!(
                    "{id} ({key}) has {} numbers, not {}",
                    serials.len(),
                    request.quantity
                ));
            }
            if request.serials.as_ref().is_some_and(|before| *before != serials) {
                wrong.push(format!("{id} ({key}) has other numbers than before"));
            }
            for serial in serials
                .into_iter()
                .chain(request.serials.clone().unwrap_or_default())
                .collect::<HashSet<_>>()
            {
                if let Some(other) = owner.insert((request.line.gtin, serial.clone()), key) {
                    wrong.push(format!("serial {serial} was given to {other} and to {key}"));
                }
            }
        }
    }

    /// Each acknowledged document succeeds, with all of its events, each once.
    async fn check_captures(&self, callers: &Callers, wrong: &mut Vec<String>) {
        for capture in &self.captures {
            let Some(job) = &capture.job else { continue };
            if let Err(why) = finished(&callers[capture.line.party], job).await {
                wrong.push(format!("acknowledged document with {}: {why}", capture.document.events[0]));
            }
        }
        for line in &LINES {
            let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
            for capture in self.captures.iter().filter(|capture| capture.line.party == line.party) {
                expected.extend(capture.document.events.iter().map(|event| (event.as_str(), 0)));
            }
            match callers[line.party].event_ids().await {
                Err(why) => wrong.push(format!("events of {}: {why}", line.party)),
                Ok(found) => {
                    for event in &found {
                        match expected.get_mut(event.as_str()) {
                            Some(times) => *times += 1,
                            None => wrong.push(format!("event {event} was never sent")),
                        }
                    }
                }
            }
            let odd = expected.iter().filter(|(_, times)| **times != 1);
            wrong.extend(odd.map(|(event, times)| format!("event {event} of an acknowledged document is there {times} times")));
        }
    }

    /// What no interface shows: nothing is there that nobody asked for, and no two blocks overlap.
    async fn check_tables(&self, house: &House, wrong: &mut Vec<String>) {
        let db = house.database().await;
        let count = async |sql: &str| -> i64 {
            let row = db
                .query_one_raw(Statement::from_string(db.get_database_backend(), sql))
                .await
                .expect("a count");
            row.expect("a row").try_get_by_index(0).expect("a number")
        };
        let events: usize = self.captures.iter().map(|capture| capture.document.events.len()).sum();
        let asked = [
            ("SELECT COUNT(*) FROM allocation", self.requests.len()),
            ("SELECT COUNT(*) FROM event", events),
            (
                "SELECT COUNT(*) FROM allocation a JOIN allocation b ON a.pool_id = b.pool_id AND a.first_index < b.first_index
              AND b.first_index < a.first_index + COALESCE(a.span, a.quantity)",
                0,
            ),
            (UNEXPLAINED, 0),
        ];
        for (sql, expected) in asked {
            let found = count(sql).await;
            if found != expected as i64 {
                wrong.push(format!("{sql}: {found}, not {expected}"));
            }
        }
        db.close().await.expect("closed");
    }
}

/// Pools whose counter is not where the allocations and the burnt values end: each counter value is issued, or burnt with a
/// reason, or not reached.
pub(crate) const UNEXPLAINED: &str = "SELECT COUNT(*) FROM pool p WHERE p.next_index <>
    (SELECT COALESCE(SUM(COALESCE(a.span, a.quantity)), 0) FROM allocation a WHERE a.pool_id = p.id)
    + (SELECT COALESCE(SUM(b.quantity), 0) FROM burnt b WHERE b.pool_id = p.id)";

type Callers = HashMap<&'static str, Caller>;

fn callers(house: &House, hub: &HubProcess) -> Callers {
    LINES.iter().map(|line| (line.party, house.caller(line, hub))).collect()
}

/// Asks until there is an answer: on a healthy disk there soon is one.
async fn answered<T, F: Future<Output = Answer<T>>>(ask: impl Fn() -> F) -> Result<T, String> {
    let mut last = String::new();
    for _ in 0..50 {
        match ask().await {
            Answer::Acknowledged(value) => return Ok(value),
            Answer::Refused(why) => return Err(why),
            Answer::Unknown(why) => last = why,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("no answer: {last}"))
}

/// Waits for the end of a capture job; an end without success is an error.
async fn finished(caller: &Caller, job: &str) -> Result<(), String> {
    for _ in 0..2_000 {
        let said = answered(|| caller.json(job)).await?;
        if said["running"] == serde_json::Value::Bool(false) {
            return if said["success"] == serde_json::Value::Bool(true) {
                Ok(())
            } else {
                Err(format!("job ended with {said}"))
            };
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("its job does not end".to_owned())
}
