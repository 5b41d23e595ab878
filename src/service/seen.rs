//! The events that a caller sees about things, read for what they come to: see [`crate::domain::seen`].
//!
//! Nothing is read for who was granted nothing: its relations answer. For others it is one reading, like a page of events: of one state of the
//! grants, counted where a grant counts, with the things in hand that the question names in full.
//!
//! At most `limits.query_rows` events that the caller sees are folded into one answer; if there are more, whoever has something to do with the
//! thing is answered by that alone, and anybody else is told to ask for the events ([`Code::QueryTooWide`]). What is hidden does not count.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::event::Event;
use crate::domain::gs1::{Epc, EpcKey};
use crate::domain::ids::{EventKey, GrantId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::seen::{Way, Word, Words, beside};
use crate::domain::time::Micros;
use crate::storage::view;
use crate::storage::view::event::Filter;

use super::Hub;
use super::error::{Code, ServiceError};
use super::event::{self, SeenEvent};
use super::lens::{Attempts, Lens};
use super::moment::Moment;

/// Rows of one read.
const ROWS: usize = 200;
/// Most things that one read is about.
const CHUNK: usize = 500;
/// Deepest containment that is followed, as everywhere.
const DEPTH: usize = 16;

/// How a question names the thing that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By its identifier, so that it may be at hand.
    InFull,
    /// By a global id, which anybody may have come by.
    ById,
}

/// A thing that is asked for, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Its key.
    pub key: EpcKey,
    /// How it is named.
    pub naming: Naming,
    /// At which moment.
    pub moment: Moment,
}

impl Asked {
    /// By its identifier.
    #[must_use]
    pub fn in_full(epc: &Epc, moment: Moment) -> Self {
        Self {
            key: epc.key(),
            naming: Naming::InFull,
            moment,
        }
    }

    /// By its global id, now.
    #[must_use]
    pub fn by_id(key: EpcKey) -> Self {
        Self {
            key,
            naming: Naming::ById,
            moment: Moment::default(),
        }
    }
}

/// The words about a thing, and about what it is in or what is in it, where a grant shows the caller some that name it; no words otherwise.
pub(super) async fn about(hub: &Hub, actor: &Actor, asked: Asked, way: Way) -> Result<Words, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let proved = (asked.naming == Naming::InFull).then_some(asked.key);
        let lens = Lens::of(hub, actor, proved).await?;
        if lens.meant().is_empty() {
            return Ok(Words::default());
        }
        let mut heard = Heard::new(hub, actor, &lens);
        heard.follow(asked.key, way).await?;
        if heard.may_be_told().await? {
            let Moment { as_of, known_at } = asked.moment;
            let at = as_of.unwrap_or(Micros::FOREVER);
            let words = Words::counting(heard.words(), at, known_at.unwrap_or(Micros::FOREVER));
            return Ok(if words.grants(asked.key) { words } else { Words::default() });
        }
        attempts.again()?;
    }
}

/// Whether an error says that there was too much to fold: then what is known otherwise stands.
pub(super) fn is_too_much(error: &ServiceError) -> bool {
    error.code() == Code::QueryTooWide
}

/// Words as they are read.
pub(super) struct Heard<'a> {
    pub(super) hub: &'a Hub,
    pub(super) actor: &'a Actor,
    pub(super) lens: &'a Lens,
    words: BTreeMap<EventKey, Word>,
    used: BTreeSet<GrantId>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(hub: &'a Hub, actor: &'a Actor, lens: &'a Lens) -> Self {
        Self {
            hub,
            actor,
            lens,
            words: BTreeMap::new(),
            used: BTreeSet::new(),
        }
    }

    /// What was read, which it forgets.
    pub(super) fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words).into_values().collect()
    }

    /// Whether an answer of these words may be given: read under one state of the grants, and counted. If not it is to be read anew.
    pub(super) async fn may_be_told(&self) -> Result<bool, ServiceError> {
        Ok(self.lens.still_holds(self.hub).await? && self.lens.take(self.hub, self.used.iter().copied()).await?)
    }

    /// What is seen of a thing, and on from there.
    async fn follow(&mut self, key: EpcKey, way: Way) -> Result<(), ServiceError> {
        let (mut known, mut next) = (HashSet::from([key]), vec![key]);
        for _ in 0..=DEPTH {
            if next.is_empty() {
                break;
            }
            self.of_things(&next, &Filter::default()).await?;
            let words: Vec<&Word> = self.words.values().collect();
            let found = beside(&words, &next.iter().copied().collect(), way);
            next = found.into_iter().filter(|key| known.insert(*key)).collect();
        }
        Ok(())
    }

    /// What is seen of some things. A filter finds nothing by what is hidden.
    pub(super) async fn of_things(&mut self, things: &[EpcKey], filter: &Filter) -> Result<(), ServiceError> {
        if leaks(Leak::FoldOfHidden) {
            return self.of_hidden(things).await;
        }
        for chunk in things.chunks(CHUNK) {
            let filter = Filter {
                epcs: chunk.to_vec(),
                ..filter.clone()
            };
            let named: HashSet<EpcKey> = chunk.iter().copied().collect();
            let names = |event: &Event| event.roles().any(|(_, epc)| named.contains(&epc.key()));
            let mut after = None;
            loop {
                let rows = self.lens.list(self.hub, &filter, after, ROWS).await?;
                let exhausted = rows.len() < ROWS;
                after = rows.last().map(|row| row.key.uuid()).or(after);
                for seen in event::seen(self.hub, (self.actor, self.lens), rows).await? {
                    if names(&seen.event) {
                        self.used.extend(&seen.counted);
                        self.words.insert(seen.key, seen.word());
                    }
                }
                if self.words.len() > self.hub.limits().query_rows {
                    return Err(self.too_much());
                }
                if exhausted {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What is seen of some events by grants.
    pub(super) async fn of_events(&mut self, keys: &[EventKey]) -> Result<Vec<Word>, ServiceError> {
        let rows = self.lens.by_keys(self.hub, keys).await?;
        let mut granted = event::seen(self.hub, (self.actor, self.lens), rows).await?;
        granted.retain(|seen| seen.granted);
        self.used.extend(granted.iter().flat_map(|seen| &seen.counted));
        let words: Vec<Word> = granted.into_iter().map(SeenEvent::word).collect();
        self.words.extend(words.iter().map(|word| (word.key, word.clone())));
        match self.words.len() > self.hub.limits().query_rows {
            true => Err(self.too_much()),
            false => Ok(words),
        }
    }

    fn too_much(&self) -> ServiceError {
        let most = self.hub.limits().query_rows;
        let detail = format!("more than {most} events that you see say something of this: ask for the events instead");
        ServiceError::refused(Code::QueryTooWide, detail)
    }

    /// All that was said, whoever may know it.
    async fn of_hidden(&mut self, things: &[EpcKey]) -> Result<(), ServiceError> {
        let told = view::facts::of_things(self.hub.db(), things, ROWS).await?;
        let keys: Vec<EventKey> = told.iter().map(|told| told.named.event).collect();
        for row in view::event::whole(self.hub.db(), &keys).await? {
            let word = Word {
                key: row.key,
                event_id: row.event_id,
                recorded: row.record_time,
                voided: row.voided,
                granted: true,
                teller: Some(row.asserter),
                sight: crate::domain::lens::Sight::FULL,
                event: row.event,
            };
            self.words.insert(word.key, word);
        }
        Ok(())
    }
}
