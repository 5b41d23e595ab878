//! A document in pieces of bounded size, one after the other: what a job stores at a time.
//!
//! A small document is in memory already and is cut. A large one is read twice: first for the verdict, of which nothing but findings is
//! kept; then event by event, a piece being read while the one before it is stored. The fold of the ledger asks for no order, so that
//! the pieces come to what the document would have come to at once. But an event that a later piece declares in error goes on concerning
//! whom it concerned, as if the declaration had come in a document of its own; and of more findings than are kept, others may be.

use std::io::{BufRead, Read};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::settings::Limits;
use crate::domain::finding::Finding;
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::time::Micros;
use crate::epcis::MediaType;
use crate::storage::capture::ErrorBehaviour;

use super::check::{Checked, Judged, Terms, Verdict, Whole, renumbered, survey};
use super::{Hub, Job, ServiceError, blocking};

/// A piece has no more events than this: each is a row with a body. How many things it names at most is a setting.
const EVENTS: usize = 5_000;
/// Nor is it read from more bytes of the document.
const BYTES: u64 = 4 << 20;

/// What a job has still to store.
pub(super) struct Pieces {
    /// Findings that wait for the piece that has their event.
    warnings: Vec<Finding>,
    is_first: bool,
    /// Things in one piece, unless one event names more.
    things: usize,
    source: Source,
}

enum Source {
    Here(std::vec::IntoIter<Judged>),
    Coming {
        pieces: mpsc::Receiver<Vec<Judged>>,
        reader: JoinHandle<Result<Verdict, Vec<Finding>>>,
    },
}

impl Pieces {
    /// Of a document that is in memory; what is said of it as a whole.
    pub(super) fn of(whole: Whole, limits: &Limits) -> (Verdict, Self) {
        let Whole { mut verdict, events } = whole;
        let warnings = std::mem::take(&mut verdict.warnings);
        (verdict, Self::new(warnings, limits, Source::Here(events.into_iter())))
    }

    /// Of a document that is read again. `verdict` is that of the first reading, with the same terms.
    pub(super) fn read(input: impl BufRead + Send + 'static, media: MediaType, terms: &Known, verdict: &mut Verdict) -> Self {
        let (send, pieces) = mpsc::channel(1);
        let (warnings, reading) = (std::mem::take(&mut verdict.warnings), terms.clone());
        let reader = tokio::task::spawn_blocking(move || reading.cut(input, media, &send));
        Self::new(warnings, &terms.limits, Source::Coming { pieces, reader })
    }

    fn new(warnings: Vec<Finding>, limits: &Limits, source: Source) -> Self {
        Self {
            warnings,
            is_first: true,
            things: limits.things_per_piece,
            source,
        }
    }

    /// The next piece.
    pub(super) async fn next(&mut self) -> Result<Option<Checked>, ServiceError> {
        let events = match &mut self.source {
            Source::Here(events) => {
                let mut cut = Cut::default();
                let mut piece = Vec::new();
                while !cut.is_full(self.things, 0)
                    && let Some(judged) = events.next()
                {
                    cut.count(&judged);
                    piece.push(judged);
                }
                Some(piece).filter(|piece| !piece.is_empty())
            }
            Source::Coming { pieces, reader } => match pieces.recv().await {
                Some(events) => Some(events),
                None => {
                    let ended = reader
                        .await
                        .map_err(|error| ServiceError::Internal(format!("the reader ended early: {error}")))?;
                    let other = |_| ServiceError::Internal("a document was read again and is not what it was".to_owned());
                    ended.map(drop).map_err(other)?;
                    None
                }
            },
        };
        // A document without events, or without new ones, still has a piece: its own findings.
        let events = match events {
            Some(events) => events,
            None if self.is_first => Vec::new(),
            None => return Ok(None),
        };
        let last = events.last().map_or(0, |(parsed, _)| parsed.position);
        let here = |finding: &Finding| finding.event.is_none_or(|position| position <= last);
        let (here, later) = std::mem::take(&mut self.warnings).into_iter().partition(here);
        self.warnings = later;
        self.is_first = false;
        if events.is_empty() {
            self.source = Source::Here(Vec::new().into_iter());
        }
        Ok(Some(Checked {
            warnings: renumbered(here, &events),
            events,
        }))
    }
}

/// Whether a piece is large enough.
#[derive(Default)]
struct Cut {
    events: usize,
    things: usize,
    /// Where in the document it began.
    began: u64,
}

impl Cut {
    fn count(&mut self, (parsed, _): &Judged) {
        self.events += 1;
        self.things += parsed.event.roles().count();
    }

    fn is_full(&self, things: usize, read: u64) -> bool {
        self.events >= EVENTS || self.things >= things || read.saturating_sub(self.began) >= BYTES
    }
}

/// By what a document is judged, the same for both readings.
#[derive(Clone)]
pub(super) struct Known {
    registry: Arc<Registry>,
    party: PartyId,
    limits: Limits,
    now: Micros,
    behaviour: ErrorBehaviour,
}

impl Known {
    /// Now, for a job.
    pub(super) fn of(hub: &Hub, job: &Job) -> Self {
        Self {
            registry: hub.registry(),
            party: job.actor.party.clone(),
            limits: hub.limits().clone(),
            now: hub.now(),
            behaviour: job.behaviour,
        }
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            registry: &self.registry,
            party: &self.party,
            limits: &self.limits,
            now: self.now,
            behaviour: self.behaviour,
        }
    }

    /// The first reading.
    pub(super) async fn survey(
        &self,
        input: impl BufRead + Send + 'static,
        media: MediaType,
    ) -> Result<Result<Verdict, Vec<Finding>>, ServiceError> {
        let terms = self.clone();
        blocking(move || survey(input, media, &terms.terms(), &mut |_| {})).await
    }

    /// The second.
    fn cut(&self, input: impl BufRead, media: MediaType, send: &mpsc::Sender<Vec<Judged>>) -> Result<Verdict, Vec<Finding>> {
        let read = std::cell::Cell::new(0);
        let input = std::io::BufReader::new(Counted { input, read: &read });
        let (mut cut, mut piece) = (Cut::default(), Vec::new());
        let verdict = survey(input, media, &self.terms(), &mut |judged| {
            cut.count(&judged);
            piece.push(judged);
            if cut.is_full(self.limits.things_per_piece, read.get()) {
                cut = Cut {
                    began: read.get(),
                    ..Cut::default()
                };
                // Nobody takes it any more: the job ended with an error, and the rest of the reading is in vain.
                let _gone = send.blocking_send(std::mem::take(&mut piece));
            }
        });
        if !piece.is_empty() {
            let _gone = send.blocking_send(piece);
        }
        verdict
    }
}

/// Counts what has been read.
struct Counted<'a, R> {
    input: R,
    read: &'a std::cell::Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.input.read(into)?;
        self.read.set(self.read.get() + bytes as u64);
        Ok(bytes)
    }
}
