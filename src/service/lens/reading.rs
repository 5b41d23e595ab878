//! Readings that count: grants that give so many in a UTC day.
//!
//! A reading uses a grant if it tells something that the reader's own relations do not, however many events of it; a question that names things
//! in full uses each grant that asks for that, whatever is found, so that guessing has an end. It is counted before it is answered, and not
//! answered if it cannot be counted. Whoever has no such grant writes nothing.

use std::collections::BTreeSet;

use crate::domain::ids::GrantId;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::service::event::SeenEvent;
use crate::storage::StorageError;
use crate::storage::grant as store;

use super::Lens;

/// How a read counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// A question.
    #[default]
    Question,
    /// What is delivered: to look for something and find nothing counts for nothing.
    Batch,
    /// It counts for nothing: what is found is not told, or told by another read that counts.
    Look,
    /// It was counted, and is told once more.
    Again,
}

/// Why a reading was not counted.
enum Uncounted {
    UsedUp,
    Failed(StorageError),
}

impl From<StorageError> for Uncounted {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

impl Lens {
    /// The same for a read of another kind.
    pub(in crate::service) fn read_as(mut self, reading: Reading) -> Self {
        if reading == Reading::Again {
            self.uses.clear();
        }
        self.reading = reading;
        self
    }

    /// The same without grants whose readings are counted.
    pub(in crate::service) fn without_counted(mut self) -> Self {
        let grants = &self.policy.grants;
        let counts = |index: &usize| {
            grants
                .get(*index)
                .is_some_and(|held| held.grant.conditions.queries_per_day.is_some())
        };
        self.meant.retain(|index| !counts(index));
        self
    }

    /// Whether an answer of these events may be given: read under one state of the grants, and counted. If not it is to be read anew.
    pub(in crate::service) async fn may_tell(&self, hub: &Hub, told: &[SeenEvent]) -> Result<bool, ServiceError> {
        let used = told.iter().flat_map(|seen| &seen.counted).copied();
        Ok(self.still_holds(hub).await? && self.take(hub, used).await?)
    }

    /// Counts this read for these grants, for all of them or for none; false if one is used up since it was read how often it was used.
    pub(in crate::service) async fn take(
        &self,
        hub: &Hub,
        used: impl IntoIterator<Item = GrantId>,
    ) -> Result<bool, ServiceError> {
        let used: BTreeSet<GrantId> = used.into_iter().collect();
        let guesses = self.reading == Reading::Question && !self.proved.is_empty();
        let counted: Vec<(GrantId, u32)> = self
            .giving()
            .filter(|held| used.contains(&held.grant.id) || (guesses && held.grant.conditions.full_identifier))
            .filter_map(|held| Some((held.grant.id, held.grant.conditions.queries_per_day?)))
            .collect();
        match self.reading {
            Reading::Question | Reading::Batch if !counted.is_empty() => {}
            Reading::Question | Reading::Batch | Reading::Look | Reading::Again => return Ok(true),
        }
        let (party, day) = (self.party.clone(), self.at.day());
        let taken = hub.db().write(move |tx| {
            Box::pin(async move {
                for (grant, most) in counted {
                    if !store::take(tx, (&party, day), grant, most).await? {
                        return Err(Uncounted::UsedUp);
                    }
                }
                Ok(())
            })
        });
        match taken.await {
            Ok(()) => Ok(true),
            Err(Uncounted::UsedUp) => Ok(false),
            Err(Uncounted::Failed(error)) => Err(error.into()),
        }
    }
}
