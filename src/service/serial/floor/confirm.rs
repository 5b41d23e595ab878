//! The operator says how far numbers had gone, and what lies between is burnt: given to nobody, and told apart from what never was.
//!
//! It is the operator's word, so it is taken only if it covers every pool and contradicts nothing that is known: what the
//! witness or a receipt saw was issued.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::domain::audit::AuditAction;
use crate::domain::ids::PoolId;
use crate::domain::party::Actor;
use crate::domain::serial::floor::{Counter, Counters, Seen, judge};
use crate::domain::serial::numbered::Numbered;
use crate::domain::serial::receipt::{ReceiptKey, open_position, verify};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::{Code, ServiceError};
use crate::storage::serial::floor::{self as store, Ahead, FloorRow, PoolStanding};
use crate::storage::{Tx, audit};

use super::keeper::{Look, look, write_witness};
use super::{entry, hold};

/// How a pool stands, with what is known from outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    /// The pool.
    pub counter: Counter,
    /// The next counter value in the database; none if the database does not know the pool.
    pub next_index: Option<u64>,
    /// Values that were burnt.
    pub burnt: u64,
    /// How far the witness saw it.
    pub witnessed: Option<u64>,
}

/// How the floor stands, for the operator.
#[derive(Debug, Clone)]
pub struct Standing {
    /// As stored; none if no hub has kept a floor here.
    pub row: Option<FloorRow>,
    /// What would be held against the database if a hub started on it now.
    pub doubt: Option<String>,
    /// Every pool that the database or the witness knows.
    pub pools: Vec<PoolView>,
    /// Where pools begin that are made from now on.
    pub ahead: Vec<Ahead>,
}

/// Looks at the floor; changes nothing. `folder` is the data folder.
pub async fn standing(hub: &Hub, folder: &Path) -> Result<Standing, ServiceError> {
    let Look { row, scene } = look(hub, folder).await?;
    let doubt = judge(&scene).map(|doubt| doubt.to_string());
    let witnessed = witnessed(&scene.witness);
    let mut pools: BTreeMap<Counter, PoolView> = store::standings(hub.db())
        .await?
        .into_iter()
        .map(|pool| (pool.counter, view(&pool)))
        .collect();
    for (counter, next) in witnessed {
        let pool = pools.entry(counter).or_insert(PoolView {
            counter,
            next_index: None,
            burnt: 0,
            witnessed: None,
        });
        pool.witnessed = Some(next);
    }
    Ok(Standing {
        row,
        doubt,
        pools: pools.into_values().collect(),
        ahead: store::ahead(hub.db()).await?,
    })
}

fn view(pool: &PoolStanding) -> PoolView {
    PoolView {
        counter: pool.counter,
        next_index: Some(pool.next_index),
        burnt: pool.burnt,
        witnessed: None,
    }
}

fn witnessed(seen: &Seen) -> Counters {
    match seen {
        Seen::Witness(witness, _) => witness.counters.clone(),
        Seen::Nothing | Seen::Unreadable => Counters::new(),
    }
}

/// The operator's word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// So many more numbers of these may have been issued.
    pub advance: BTreeMap<Numbered, u64>,
    /// So many of each other one.
    pub advance_all: Option<u64>,
    /// Receipts prove that counters had come so far.
    pub reached: Counters,
    /// Since the backup no number was issued.
    pub nothing_was_issued: bool,
}

/// Counter values of a pool that are not issued any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burn {
    /// Of which pool.
    pub counter: Counter,
    /// The first.
    pub first_index: u64,
    /// How many.
    pub quantity: u64,
}

/// What a confirmation has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// What was burnt.
    pub burnt: Vec<Burn>,
    /// Where pools begin that the database does not know.
    pub ahead: Vec<Ahead>,
}

/// Takes the operator's word, burns what may have been issued, and lets numbers move again in every process on this database.
///
/// Before the first start after a restore nothing is held yet: what that start would hold is held and confirmed at once.
/// Refused with [`Code::BadInput`] if it leaves a pool out, with [`Code::Conflict`] if nothing is held or it contradicts what is known.
pub async fn confirm(hub: &Hub, actor: &Actor, folder: &Path, confirmation: Confirmation) -> Result<Confirmed, ServiceError> {
    let scene = look(hub, folder).await?.scene;
    if let Some(doubt) = judge(&scene) {
        hold(hub, Some(actor), &doubt.to_string()).await?;
    }
    let known = Known {
        witnessed: witnessed(&scene.witness),
        ahead: store::ahead(hub.db()).await?,
    };
    let (work, actor) = (hub.clone(), actor.clone());
    let (identity, known_by) = (scene.identity.clone(), scene.identity);
    let confirmed = hub
        .db()
        .write(move |tx| {
            Box::pin(async move {
                let now = work.now();
                store::lock_all(tx).await?;
                let pools = store::standings_in(tx).await?;
                let plan = plan(&pools, &known, &confirmation)?;
                if !store::release(tx, &identity, &format!("{}/{}", actor.party, actor.system), now).await? {
                    return Err(ServiceError::refused(
                        Code::Conflict,
                        "numbers are not held: there is nothing to confirm",
                    ));
                }
                let confirmed = carry_out(tx, plan, now).await?;
                audit::append(tx, &entry(&work, &actor, AuditAction::ConfirmSerials, detail(&confirmed))).await?;
                Ok(confirmed)
            })
        })
        .await?;
    write_witness(hub, folder, known_by, store::counters(hub.db()).await?).await?;
    Ok(confirmed)
}

/// Stands for every epoch of what is numbered.
const ANY_EPOCH: i64 = 0;

/// How far counters had come by signed receipts of this hub, as their holders kept them.
///
/// Refused with [`Code::BadInput`] if one of them is not whole or not this hub's; the text says which, counted from 1.
pub async fn reached_by(hub: &Hub, receipts: &[String]) -> Result<Counters, ServiceError> {
    let pools: HashMap<PoolId, Counter> = store::standings(hub.db())
        .await?
        .into_iter()
        .map(|pool| (pool.id, pool.counter))
        .collect();
    let keys = ReceiptKey::of(hub.master_key())?.key_set();
    let mut reached = Counters::new();
    for (at, jws) in receipts.iter().enumerate() {
        let wrong = |error| ServiceError::refused(Code::BadInput, format!("receipt {}: {error}", at + 1));
        let receipt = verify(jws.trim(), &keys).map_err(wrong)?;
        let position = open_position(hub.master_key(), jws.trim()).map_err(wrong)?;
        // Of a pool that is younger than the backup only the receipt says what it was for.
        let counter = pools.get(&position.pool).copied().unwrap_or(Counter {
            numbered: receipt.numbered,
            epoch: ANY_EPOCH,
        });
        let next: &mut u64 = reached.entry(counter).or_default();
        *next = position.first_index.saturating_add(position.span).max(*next);
    }
    Ok(reached)
}

/// Why counter values are passed over, as `burnt.reason` has it.
const REASON: &str = "the database was restored: they may have been issued since the backup";

async fn carry_out(tx: &Tx, plan: Plan, now: Micros) -> Result<Confirmed, ServiceError> {
    let mut burnt = Vec::new();
    for (pool, next) in plan.burns {
        store::burn(tx, &pool, next, REASON, now).await?;
        burnt.push(Burn {
            counter: pool.counter,
            first_index: pool.next_index,
            quantity: next - pool.next_index,
        });
    }
    for ahead in &plan.ahead {
        store::begin_ahead(tx, ahead).await?;
    }
    Ok(Confirmed {
        burnt,
        ahead: plan.ahead,
    })
}

fn detail(confirmed: &Confirmed) -> serde_json::Value {
    let burnt: Vec<_> = confirmed
        .burnt
        .iter()
        .map(|burn| serde_json::json!({ "pool": burn.counter, "first_index": burn.first_index, "quantity": burn.quantity }))
        .collect();
    serde_json::json!({ "burnt": burnt })
}

/// What is known beside the pools in the database.
struct Known {
    witnessed: Counters,
    ahead: Vec<Ahead>,
}

impl Known {
    /// How far counters had come at least.
    fn proven(&self, word: &Confirmation) -> Counters {
        let mut proven = self.witnessed.clone();
        for (counter, next) in &word.reached {
            let entry = proven.entry(*counter).or_default();
            *entry = (*entry).max(*next);
        }
        proven
    }
}

#[derive(Debug)]
struct Plan {
    burns: Vec<(PoolStanding, u64)>,
    ahead: Vec<Ahead>,
}

/// What a confirmation comes to; a refusal names everything that is missing or contradicted.
fn plan(pools: &[PoolStanding], known: &Known, word: &Confirmation) -> Result<Plan, ServiceError> {
    check_form(word)?;
    let proven = known.proven(word);
    let uncovered: Vec<String> = pools
        .iter()
        .filter(|pool| !covers(word, &pool.counter))
        .map(|pool| pool.counter.numbered.to_string())
        .collect();
    if !uncovered.is_empty() {
        let detail = format!(
            "nothing is said of {}: add `--advance {}=COUNT`, or `--advance-all COUNT` for all that are not named",
            listed(&uncovered),
            uncovered[0]
        );
        return Err(ServiceError::refused(Code::BadInput, detail));
    }
    let mut contradicted = Vec::new();
    let mut burns = Vec::new();
    for pool in pools {
        let next = pool
            .next_index
            .saturating_add(advance(word, &pool.counter))
            .max(word.reached.get(&pool.counter).copied().unwrap_or(0))
            .min(pool.cap);
        let least = proven.get(&pool.counter).copied().unwrap_or(0);
        if next < least {
            contradicted.push(format!("`{}` by at least {}", pool.counter.numbered, least - pool.next_index));
        } else if next > pool.next_index {
            burns.push((pool.clone(), next));
        }
    }
    let ahead = ahead(pools, known, word, &mut contradicted);
    if contradicted.is_empty() {
        return Ok(Plan { burns, ahead });
    }
    let detail = format!(
        "numbers were issued since the backup, more than was said: advance {}",
        listed(&contradicted)
    );
    Err(ServiceError::refused(Code::Conflict, detail))
}

/// Where pools begin that the database does not know: those that are proven, and any that may have been.
fn ahead(pools: &[PoolStanding], known: &Known, word: &Confirmation, contradicted: &mut Vec<String>) -> Vec<Ahead> {
    let of_database: BTreeSet<&Counter> = pools.iter().map(|pool| &pool.counter).collect();
    let unknown: Counters = known
        .proven(word)
        .into_iter()
        .filter(|(counter, _)| !of_database.contains(counter))
        .collect();
    let mut ahead = Vec::new();
    for (counter, next) in unknown.iter().filter(|(_, next)| **next > 0) {
        let said = advance(word, counter).max(word.reached.get(counter).copied().unwrap_or(0));
        if said < *next {
            contradicted.push(format!("`{}` by at least {next}", counter.numbered));
        }
        ahead.push(Ahead {
            counter: Some(*counter),
            next_index: said,
        });
    }
    // Products that nothing else is known of, by the operator's word alone.
    let spoken_of = |numbered: &Numbered| {
        pools
            .iter()
            .map(|pool| &pool.counter)
            .chain(unknown.keys())
            .any(|counter| counter.numbered == *numbered)
    };
    for (numbered, count) in word
        .advance
        .iter()
        .filter(|(numbered, count)| **count > 0 && !spoken_of(numbered))
    {
        ahead.push(Ahead {
            counter: Some(Counter {
                numbered: *numbered,
                epoch: ANY_EPOCH,
            }),
            next_index: *count,
        });
    }
    if let Some(all) = word.advance_all.filter(|all| *all > 0) {
        // What was issued since the backup came on top of what had been passed over before.
        let before = known
            .ahead
            .iter()
            .find(|ahead| ahead.counter.is_none())
            .map_or(0, |ahead| ahead.next_index);
        ahead.push(Ahead {
            counter: None,
            next_index: before.saturating_add(all),
        });
    }
    ahead
}

fn check_form(word: &Confirmation) -> Result<(), ServiceError> {
    let says_issued = !word.advance.is_empty() || word.advance_all.is_some() || !word.reached.is_empty();
    match (word.nothing_was_issued, says_issued) {
        (true, true) => Err(ServiceError::refused(
            Code::BadInput,
            "either nothing was issued, or counters advance: not both",
        )),
        (false, false) => Err(ServiceError::refused(
            Code::BadInput,
            "say how far numbers had gone: `--advance NUMBERED=COUNT`, `--advance-all COUNT`, `--receipt FILE` or `--nothing-was-issued`",
        )),
        (true, false) | (false, true) => Ok(()),
    }
}

fn covers(word: &Confirmation, counter: &Counter) -> bool {
    word.nothing_was_issued
        || word.advance_all.is_some()
        || word.advance.contains_key(&counter.numbered)
        || word.reached.contains_key(counter)
}

fn advance(word: &Confirmation, counter: &Counter) -> u64 {
    match word.advance.get(&counter.numbered) {
        Some(count) => *count,
        None if word.reached.contains_key(counter) => 0,
        None => word.advance_all.unwrap_or(0),
    }
}

/// The first few, and how many more.
fn listed(texts: &[String]) -> String {
    const MOST: usize = 5;
    let first = texts.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::ids::PoolId;

    use super::*;

    const ONE: &str = "09521001001014";

    fn pool(epoch: i64, next_index: u64) -> PoolStanding {
        PoolStanding {
            id: PoolId::new(uuid::Uuid::from_u128(epoch as u128)),
            counter: counter(epoch),
            next_index,
            burnt: 0,
            cap: 1_000,
        }
    }

    fn counter(epoch: i64) -> Counter {
        Counter {
            numbered: ONE.parse().unwrap(),
            epoch,
        }
    }

    fn known(witnessed: &[(i64, u64)]) -> Known {
        Known {
            witnessed: witnessed.iter().map(|(epoch, next)| (counter(*epoch), *next)).collect(),
            ahead: Vec::new(),
        }
    }

    fn nothing() -> Confirmation {
        Confirmation {
            nothing_was_issued: true,
            ..Confirmation::default()
        }
    }

    fn all(count: u64) -> Confirmation {
        Confirmation {
            advance_all: Some(count),
            ..Confirmation::default()
        }
    }

    fn burns(plan: Plan) -> Vec<(i64, u64)> {
        plan.burns.iter().map(|(pool, next)| (pool.counter.epoch, *next)).collect()
    }

    #[track_caller]
    fn refused(result: Result<Plan, ServiceError>) -> (Code, String) {
        let error = result.unwrap_err();
        (error.code(), error.to_string())
    }

    #[test]
    fn every_pool_moves_as_far_as_was_said() {
        let pools = [pool(1, 10), pool(2, 990)];
        assert_eq!(burns(plan(&pools, &known(&[]), &all(50)).unwrap()), [(1, 60), (2, 1_000)]);
        assert_eq!(burns(plan(&pools, &known(&[]), &nothing()).unwrap()), []);
        let reached = Confirmation {
            reached: [(counter(1), 44), (counter(2), 5)].into(),
            ..Confirmation::default()
        };
        assert_eq!(burns(plan(&pools, &known(&[]), &reached).unwrap()), [(1, 44)]);
        let one = Confirmation {
            advance: [(ONE.parse().unwrap(), 5)].into(),
            ..Confirmation::default()
        };
        assert_eq!(burns(plan(&pools, &known(&[]), &one).unwrap()), [(1, 15), (2, 995)]);
    }

    #[test]
    fn the_word_must_be_whole_and_true() {
        let pools = [pool(1, 10)];
        assert_eq!(refused(plan(&pools, &known(&[]), &Confirmation::default())).0, Code::BadInput);
        let both = Confirmation {
            advance_all: Some(1),
            ..nothing()
        };
        assert_eq!(refused(plan(&pools, &known(&[]), &both)).0, Code::BadInput);
        let other = Confirmation {
            advance: [("09521001002011".parse().unwrap(), 5)].into(),
            ..Confirmation::default()
        };
        let (code, text) = refused(plan(&pools, &known(&[]), &other));
        assert!(
            code == Code::BadInput && text.contains("nothing is said of 09521001001014"),
            "{text}"
        );
        let (code, text) = refused(plan(&pools, &known(&[(1, 25)]), &nothing()));
        assert!(
            code == Code::Conflict && text.contains("`09521001001014` by at least 15"),
            "{text}"
        );
        assert_eq!(refused(plan(&pools, &known(&[(1, 25)]), &all(14))).0, Code::Conflict);
        assert_eq!(burns(plan(&pools, &known(&[(1, 25)]), &all(15)).unwrap()), [(1, 25)]);
    }

    #[test]
    fn pools_that_the_backup_does_not_know_begin_behind_what_they_issued() {
        let pools = [pool(1, 10)];
        let known = known(&[(1, 10), (2, 30)]);
        assert_eq!(refused(plan(&pools, &known, &nothing())).0, Code::Conflict);
        assert_eq!(refused(plan(&pools, &known, &all(29))).0, Code::Conflict);
        let expected = [
            Ahead {
                counter: Some(counter(2)),
                next_index: 40,
            },
            Ahead {
                counter: None,
                next_index: 40,
            },
        ];
        assert_eq!(plan(&pools, &known, &all(40)).unwrap().ahead, expected);
        let spoken_of = Confirmation {
            advance: [("09521001002011".parse().unwrap(), 7)].into(),
            ..Confirmation::default()
        };
        let ahead = plan(
            &[],
            &Known {
                witnessed: Counters::new(),
                ahead: Vec::new(),
            },
            &spoken_of,
        )
        .unwrap()
        .ahead;
        assert_eq!(
            ahead[0].counter.map(|counter| counter.to_string()).as_deref(),
            Some("09521001002011/0")
        );
        // And once more: the second loss comes on top.
        let again = Known {
            witnessed: Counters::new(),
            ahead: vec![expected[1].clone()],
        };
        assert_eq!(plan(&pools, &again, &all(40)).unwrap().ahead[0].next_index, 80);
    }
}
