//! What packaging lines do all day: ask for serials, read them, pack with them, tell the hub. Until the hub is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::caller::{Answer, Caller, LINES, Line};
use super::disk::Coin;
use super::document::Document;
use super::history::{Capture, History, Request};
use super::house::{House, HubProcess};

/// What goes on from one run of the hub to the next: names that are used once.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    next: Arc<AtomicU64>,
    seed: u64,
}

/// Most units in one document.
const LARGEST: u64 = 200;

impl Shift {
    /// A seed is all it takes to ask for the same again.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            next: Arc::new(AtomicU64::new(1)),
            seed,
        }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets `callers` lines work until the hub is gone, or each has done `rounds`. They have begun when this returns.
    pub(crate) fn work(
        &self,
        house: &House,
        hub: &HubProcess,
        callers: usize,
        rounds: u64,
    ) -> impl Future<Output = History> + use<> {
        let lines = LINES.iter().cycle().take(callers);
        let tasks = lines
            .map(|line| tokio::spawn(self.clone().line(house.caller(line, hub), *line, rounds)))
            .collect::<Vec<_>>();
        async {
            let mut history = History::default();
            for task in tasks {
                history.extend(task.await.expect("a line"));
            }
            history
        }
    }

    async fn line(self, caller: Caller, line: Line, rounds: u64) -> History {
        let mut history = History::default();
        for _ in 0..rounds {
            if !self.round(&caller, &line, &mut history).await {
                break;
            }
        }
        history
    }

    /// One case packed; false if the hub is gone. Sometimes a request is sent twice at the same time, as an impatient
    /// system does.
    pub(crate) async fn round(&self, caller: &Caller, line: &Line, history: &mut History) -> bool {
        let number = self.number();
        let mut coin = Coin(self.seed ^ number);
        let quantity = if coin.below(16) == 0 {
            1 + coin.below(LARGEST)
        } else {
            1 + coin.below(8)
        };
        let (key, twice) = (format!("order-{}-{number}", self.seed), coin.below(4) == 0);
        let ask = || caller.request_serials(line, quantity, &key);
        let answers = if twice {
            <[_; 2]>::from(tokio::join!(ask(), ask())).to_vec()
        } else {
            vec![ask().await]
        };
        let mut request = Request {
            line: *line,
            quantity,
            key: key.clone(),
            allocation: None,
            serials: None,
        };
        let mut gone = false;
        for answer in answers {
            match answer {
                Answer::Acknowledged(id) if request.allocation.as_ref().is_some_and(|other| *other != id) => {
                    history
                        .wrong
                        .push(format!("{key} asked twice at once was {:?} and {id}", request.allocation));
                }
                Answer::Acknowledged(id) => request.allocation = Some(id),
                Answer::Refused(why) => history.wrong.push(format!("{key} refused: {why}")),
                Answer::Unknown(_) => gone = true,
            }
        }
        if let (Some(id), false) = (&request.allocation, gone) {
            match caller.serials(id).await {
                Answer::Acknowledged(serials) => request.serials = Some(serials),
                Answer::Refused(why) => history.wrong.push(format!("numbers of {id} just acknowledged: {why}")),
                Answer::Unknown(_) => gone = true,
            }
        }
        let serials = request.serials.clone();
        history.requests.push(request);
        match serials {
            Some(serials) if !gone => self.pack(caller, line, history, (number, &serials)).await,
            Some(_) | None => false,
        }
    }

    async fn pack(&self, caller: &Caller, line: &Line, history: &mut History, (number, serials): (u64, &[String])) -> bool {
        let document = Document::packing(line, number, serials);
        let mut capture = Capture {
            line: *line,
            document,
            job: None,
        };
        let gone = match caller.capture(&capture.document).await {
            Answer::Acknowledged(job) => {
                capture.job = Some(job);
                false
            }
            Answer::Refused(why) => {
                history
                    .wrong
                    .push(format!("document with {} refused: {why}", capture.document.events[0]));
                true
            }
            Answer::Unknown(_) => true,
        };
        history.captures.push(capture);
        !gone
    }
}
