//! Requests for serial numbers wait here and are committed together.
//!
//! A commit costs one wait for the disk, whatever it holds, and requests for one product can only be committed one after the other. So
//! whoever comes while a commit is under way waits for the next, which takes all that wait. A product has a queue only while there is
//! work: a task takes what waits, commits it ([`super::batch`]), answers, and ends when nothing is left.
//!
//! Callers that are answered together come again together, a moment after the next commit has begun without them: two halves would take
//! turns for ever. So the task waits, for less than a commit takes, until as many are there as it knows of ([`Pace`]).
//!
//! A commit is a row of short steps, each of which waits for the database. Behind hundreds of requests that the runtime has to serve,
//! each step would wait for its turn as well: so the task runs on a thread of its own ([`THREADS`]), which goes on as soon as it can.
//!
//! Two hub processes over one database each have their own queues; the lock of the pools keeps their transactions apart.
//!
//! # Invariants
//! - An answer is given after the commit, never before.
//! - A caller that goes away changes nothing: what it asked for is decided all the same.
//! - What fails for a batch as a whole is tried again one by one, so that nobody is refused for somebody else's fault.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::domain::ids::PartyId;
use crate::domain::party::Actor;
use crate::domain::serial::numbered::Numbered;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::StorageError;

use super::batch::{self, Asked, Verdict};
use super::request::noted;

/// The longest that requests wait for others to be committed with.
const LONGEST_WAIT: Duration = Duration::from_millis(2);
/// As many as share the wait for the disk well enough: more of them cost a commit more, and waiting gains nothing.
const ENOUGH: usize = 32;
/// The next commit does not wait until so many are woken.
const MANY: usize = 16;
/// Products whose requests are committed on threads of their own; those of more are among the tasks of the runtime.
const THREADS: usize = 8;

/// How many requests were committed, in how many transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Requests that were decided.
    pub requests: u64,
    /// Transactions that decided them.
    pub transactions: u64,
}

/// The queues of one process.
#[derive(Debug)]
pub struct Writer {
    /// A product is in it exactly while a task works on its queue.
    queues: Mutex<HashMap<Numbered, Queue>>,
    under_way: Mutex<HashSet<(PartyId, String)>>,
    idle: Notify,
    threads: Arc<Semaphore>,
    requests: AtomicU64,
    transactions: AtomicU64,
}

/// The requests for one product.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many must wait for `gathered` to be told; 0 while nobody wants to know.
    enough: usize,
    gathered: Arc<Notify>,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    answer: oneshot::Sender<Verdict>,
}

/// Nobody else of this process answers the key as long as it is held.
#[derive(Debug)]
pub struct UnderWay {
    hub: Hub,
    key: (PartyId, String),
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        locked(&self.hub.serial_writer().under_way).remove(&self.key);
    }
}

/// Takes an idempotency key for as long as its request is under way; none if it is taken.
///
/// For channels that say so to whoever asks twice at once; without it both are answered the same.
#[must_use]
pub fn under_way(hub: &Hub, actor: &Actor, key: &str) -> Option<UnderWay> {
    let key = (actor.party.clone(), key.to_owned());
    let taken = locked(&hub.serial_writer().under_way).insert(key.clone());
    taken.then(|| UnderWay { hub: hub.clone(), key })
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            queues: Mutex::default(),
            under_way: Mutex::default(),
            idle: Notify::default(),
            threads: Arc::new(Semaphore::new(THREADS)),
            requests: AtomicU64::default(),
            transactions: AtomicU64::default(),
        }
    }
}

impl Writer {
    /// How much was committed since the process began.
    #[must_use]
    pub fn counts(&self) -> WriterCounts {
        WriterCounts {
            requests: self.requests.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
        }
    }

    /// Waits until nothing waits; for the end of the process, after the listeners.
    pub async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if locked(&self.queues).is_empty() {
                return;
            }
            idle.await;
        }
    }

    /// Waits for the request's turn and its commit.
    pub(super) async fn submit(&self, hub: &Hub, asked: Asked) -> Verdict {
        let (answer, verdict) = oneshot::channel();
        let numbered = asked.request.numbered;
        let begins = {
            let mut queues = locked(&self.queues);
            let begins = !queues.contains_key(&numbered);
            let queue = queues.entry(numbered).or_default();
            if queue.waiting.len() >= hub.limits().waiting_serial_requests {
                let detail = "more requests for this product wait than the hub takes: ask again with the same key";
                return Err(ServiceError::refused(Code::Unavailable, detail));
            }
            queue.waiting.push_back(Waiting { asked, answer });
            if queue.enough > 0 && queue.waiting.len() >= queue.enough {
                queue.gathered.notify_one();
            }
            begins
        };
        if begins {
            self.begin(work(hub.clone(), numbered));
        }
        // Only a task that panicked drops it.
        verdict.await.unwrap_or_else(|_| Err(unavailable()))
    }

    /// Runs the work on a queue, on a thread of its own if there is one.
    fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        match Arc::clone(&self.threads).try_acquire_owned() {
            Ok(thread) => {
                let runtime = Handle::current();
                tokio::task::spawn_blocking(move || {
                    let _thread = thread;
                    runtime.block_on(work);
                });
            }
            Err(_all_taken) => {
                tokio::spawn(work);
            }
        }
    }

    /// The next that rest on the same serial rule; none, and no queue, if nobody waits.
    fn next_batch(&self, numbered: Numbered, most: usize) -> Option<Vec<Waiting>> {
        let mut queues = locked(&self.queues);
        let queue = queues.get_mut(&numbered)?;
        queue.enough = 0;
        let Some(first) = queue.waiting.front() else {
            queues.remove(&numbered);
            self.idle.notify_waiters();
            return None;
        };
        let (rule, principal) = (&first.asked.basis.rule, &first.asked.basis.principal);
        let same = queue.waiting.iter().take(most.max(1));
        let count = same
            .take_while(|waiting| waiting.asked.basis.rule == *rule && waiting.asked.basis.principal == *principal)
            .count();
        Some(queue.waiting.drain(..count).collect())
    }

    /// How many wait, and who tells when `enough` do; none if they do already.
    fn short_of(&self, numbered: Numbered, enough: usize) -> Option<Arc<Notify>> {
        let mut queues = locked(&self.queues);
        let queue = queues.get_mut(&numbered)?;
        if queue.waiting.len() >= enough {
            return None;
        }
        queue.enough = enough;
        Some(Arc::clone(&queue.gathered))
    }

    fn waiting(&self, numbered: Numbered) -> usize {
        locked(&self.queues).get(&numbered).map_or(0, |queue| queue.waiting.len())
    }
}

/// What a task has seen of those that ask for its product.
#[derive(Debug, Default)]
struct Pace {
    /// Those that were answered last, and those that waited then: so many are worth waiting for.
    known: usize,
    /// How long the last commit took.
    took: Duration,
}

impl Pace {
    /// Waits until all that are known wait again, at most for half of what the commit takes that they would miss.
    ///
    /// Who does not come again is waited for once: the next time only those count that came.
    async fn gather(&self, writer: &Writer, numbered: Numbered, most: usize) {
        if let Some(gathered) = writer.short_of(numbered, self.known.min(ENOUGH).min(most)) {
            let _late = tokio::time::timeout((self.took / 2).min(LONGEST_WAIT), gathered.notified()).await;
        }
    }

    fn answered(&mut self, answered: usize, waiting: usize, took: Duration) {
        self.known = answered + waiting;
        self.took = took;
    }
}

/// Works on the queue of a product until it is empty.
async fn work(hub: Hub, numbered: Numbered) {
    /// If it panics, those that wait are told so, and the next one begins anew.
    struct Works(Hub, Numbered);
    impl Drop for Works {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let writer = self.0.serial_writer();
                locked(&writer.queues).remove(&self.1);
                writer.idle.notify_waiters();
            }
        }
    }
    let _works = Works(hub.clone(), numbered);
    let writer = hub.serial_writer();
    let most = hub.limits().serial_requests_per_commit;
    let mut pace = Pace::default();
    while let Some(waiting) = writer.next_batch(numbered, most) {
        let began = Instant::now();
        let (asked, answers): (Vec<Asked>, Vec<_>) = waiting.into_iter().map(|waiting| (waiting.asked, waiting.answer)).unzip();
        let count = asked.len();
        writer.requests.fetch_add(count as u64, Ordering::Relaxed);
        let verdicts = decide(&hub, asked.into()).await;
        pace.answered(count, writer.waiting(numbered), began.elapsed());
        let tell = move || {
            for (answer, verdict) in answers.into_iter().zip(verdicts) {
                // Whoever hung up asks again.
                let _gone = answer.send(verdict);
            }
        };
        if count < MANY {
            tell();
        } else {
            tokio::spawn(async move { tell() });
        }
        pace.gather(writer, numbered, most).await;
    }
}

async fn decide(hub: &Hub, asked: Arc<[Asked]>) -> Vec<Verdict> {
    match commit(hub, &asked).await {
        Ok(verdicts) => verdicts,
        // Nobody's fault: to try each would only take longer.
        Err(error @ ServiceError::Storage(StorageError::Unavailable { .. })) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                requests = asked.len(),
                "serial numbers were not given out"
            );
            asked.iter().map(|_| Err(unavailable())).collect()
        }
        Err(error) => match asked.as_ref() {
            [one] => vec![settled(hub, one, error).await],
            _ => one_by_one(hub, &asked).await,
        },
    }
}

async fn one_by_one(hub: &Hub, asked: &[Asked]) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(asked.len());
    for one in asked {
        verdicts.push(match alone(hub, one).await {
            Ok(verdict) => verdict,
            Err(error) => settled(hub, one, error).await,
        });
    }
    verdicts
}

/// A request on which a transaction of its own failed.
async fn settled(hub: &Hub, one: &Asked, error: ServiceError) -> Verdict {
    let error = match error {
        // Somebody used the key for another product at the same moment: that one stands, and is found now.
        ServiceError::Storage(StorageError::Conflict(_)) => match alone(hub, one).await {
            Ok(verdict) => return verdict,
            Err(ServiceError::Storage(StorageError::Conflict(_))) => unavailable(),
            Err(error) => error,
        },
        error @ (ServiceError::Refused { .. } | ServiceError::Storage(_) | ServiceError::Internal(_)) => error,
    };
    noted(hub, &one.actor, &one.request, Err(error)).await
}

async fn alone(hub: &Hub, one: &Asked) -> Result<Verdict, ServiceError> {
    let one: Arc<[Asked]> = Arc::new([one.clone()]);
    let verdict = commit(hub, &one).await?.pop();
    verdict.ok_or_else(|| ServiceError::Internal("a batch without a verdict".to_owned()))
}

async fn commit(hub: &Hub, asked: &Arc<[Asked]>) -> Result<Vec<Verdict>, ServiceError> {
    hub.serial_writer().transactions.fetch_add(1, Ordering::Relaxed);
    batch::commit(hub, asked).await
}

fn unavailable() -> ServiceError {
    ServiceError::refused(Code::Unavailable, Code::Unavailable.title())
}

/// A queue is only ever changed as a whole: one that a panic left behind is sound.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
