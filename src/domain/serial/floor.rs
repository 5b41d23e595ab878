//! The allocation floor: whether a database may be older than the numbers that were issued from it.
//!
//! A restored backup would issue again what was issued since it was made. Whether a database was restored is judged from what it
//! says of itself and from a witness that stands beside it and is no part of a backup of the database alone. This module
//! judges; it reads no file and no clock, and it does not know how far numbers had really gone: that is the operator's to say.
//!
//! # Invariants
//! - A witness never says more than the database had committed when it was written, so a crash at any moment leaves no doubt.
//! - Where no hub has served yet and no number was ever issued there is nothing to doubt.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::numbered::Numbered;

/// The counter of a pool by the name that it has in every copy of the database: `09521001001014/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// What the pool's numbers are for.
    pub numbered: Numbered,
    /// Which of its pools.
    pub epoch: i64,
}

/// The next counter value of each pool.
pub type Counters = BTreeMap<Counter, u64>;

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numbered, self.epoch)
    }
}

/// Not of the form `09521001001014/1`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no counter: write what is numbered and its epoch, as in `09521001001014/1`")]
pub struct CounterError(String);

impl FromStr for Counter {
    type Err = CounterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || CounterError(text.chars().take(40).collect());
        let (numbered, epoch) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self {
            numbered: numbered.parse().map_err(|_| wrong())?,
            epoch: epoch.parse().map_err(|_| wrong())?,
        })
    }
}

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a database is known by: parts as `name=value`, joined by `;`. A part that one of two does not have is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub String);

impl Identity {
    /// The first part in which the two differ, as this one and the other have it.
    #[must_use]
    pub fn difference<'a>(&'a self, other: &'a Self) -> Option<(&'a str, &'a str)> {
        let name = |part: &'a str| part.split('=').next();
        self.0.split(';').find_map(|ours| {
            let theirs = other.0.split(';').find(|theirs| name(theirs) == name(ours))?;
            (ours != theirs).then_some((ours, theirs))
        })
    }
}

/// What stood beside the database when numbers last moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The database's identity.
    pub database: Identity,
    /// When the file that this stands in was made, as the file system says: no copy of the file has that.
    pub birth: String,
    /// The same of the database file; none for a database server.
    pub database_birth: Option<String>,
    /// How far the server's log had come; none for a file.
    pub log_position: Option<u64>,
    /// How far the counters had come.
    pub counters: Counters,
}

/// What is found at a start.
#[derive(Debug, Clone)]
pub struct Scene {
    /// As the database stored it; none if no hub of this version has ever used it.
    pub stored_identity: Option<Identity>,
    /// As the database is now; for a file the same as stored.
    pub identity: Identity,
    /// When the database file was made; none for a server.
    pub database_birth: Option<String>,
    /// How far the server's log is; none for a file.
    pub log_position: Option<u64>,
    /// The counters in the database.
    pub counters: Counters,
    /// The witness, and when its file was made.
    pub witness: Seen,
}

/// What is left of the witness.
#[derive(Debug, Clone)]
pub enum Seen {
    /// There is no file.
    Nothing,
    /// It cannot be read.
    Unreadable,
    /// The witness and the birth of its file.
    Witness(Box<Witness>, String),
}

/// Why a database may be older than what was issued from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The witness saw further: certainly older.
    Behind {
        /// Of how many pools.
        pools: usize,
        /// One of them.
        counter: Counter,
        /// How far the witness saw it.
        witnessed: u64,
        /// Where the database has it.
        found: u64,
    },
    /// A hub has served and nothing tells that it was from here.
    NoWitness,
    /// The witness cannot be read.
    Unreadable,
    /// The witness is a copy, so the folder may be one.
    CopiedWitness,
    /// The database file is not the one that the witness stood beside.
    OtherFile,
    /// Numbers were issued, and no hub that keeps a floor has used it.
    NeverKept,
    /// It is known by another identity.
    OtherDatabase {
        /// The part that differs, as stored.
        stored: String,
        /// As found.
        found: String,
    },
    /// The server's log is behind where it was.
    LogWentBack,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind { pools, counter, witnessed, found } => write!(
                f,
                "the database is older than its witness: {pools} pools are behind, `{counter}` was at {witnessed} and is at {found}"
            ),
            Self::NoWitness => {
                f.write_str("a hub has served from this database, and its witness file is not beside it: it was restored, or moved here")
            }
            Self::Unreadable => f.write_str("the witness file beside the database cannot be read"),
            Self::CopiedWitness => f.write_str("the data folder is a copy: it was restored, or moved here from another disk or machine"),
            Self::OtherFile => f.write_str("the database file is not the one that was here: it was restored or replaced"),
            Self::NeverKept => f.write_str(
                "numbers were issued from this database by an older version of the hub: nothing tells whether it was restored since",
            ),
            Self::OtherDatabase { stored, found } => write!(
                f,
                "this is not the database as it was last used ({stored}, now {found}): it was restored, moved, or a standby took over"
            ),
            Self::LogWentBack => f.write_str("the log of the database server is behind where it was: an older state was restored"),
        }
    }
}

/// What speaks against going on issuing numbers; none if nothing does.
#[must_use]
pub fn judge(scene: &Scene) -> Option<Doubt> {
    // Proof first: it also tells how far numbers had gone at least.
    if let Seen::Witness(witness, _) = &scene.witness
        && let Some(behind) = behind(&scene.counters, &witness.counters)
    {
        return Some(behind);
    }
    // Also before the first number: a copy from then would begin with the numbers that were issued since.
    let Some(stored) = &scene.stored_identity else {
        let issued = scene.counters.values().any(|next| *next > 0);
        return issued.then_some(Doubt::NeverKept);
    };
    if let Some(difference) = stored.difference(&scene.identity) {
        return Some(other(difference));
    }
    match (&scene.database_birth, &scene.witness) {
        (Some(birth), seen) => beside_a_file(stored, birth, seen),
        // A new process of several has no witness; the database answers for itself.
        (None, Seen::Nothing | Seen::Unreadable) => None,
        (None, Seen::Witness(witness, _)) => {
            let same = witness.database.difference(&scene.identity).is_none();
            (same && witness.log_position > scene.log_position).then_some(Doubt::LogWentBack)
        }
    }
}

fn beside_a_file(stored: &Identity, birth: &str, seen: &Seen) -> Option<Doubt> {
    match seen {
        Seen::Nothing => Some(Doubt::NoWitness),
        Seen::Unreadable => Some(Doubt::Unreadable),
        Seen::Witness(witness, file) if witness.birth != *file => Some(Doubt::CopiedWitness),
        Seen::Witness(witness, _) if witness.database_birth.as_deref() != Some(birth) => Some(Doubt::OtherFile),
        Seen::Witness(witness, _) => stored.difference(&witness.database).map(other),
    }
}

fn other((stored, found): (&str, &str)) -> Doubt {
    Doubt::OtherDatabase {
        stored: stored.to_owned(),
        found: found.to_owned(),
    }
}

/// Proof that a database is older: the pool that is furthest behind what was witnessed.
#[must_use]
pub fn behind(found: &Counters, witnessed: &Counters) -> Option<Doubt> {
    let at = |counter: &Counter| found.get(counter).copied().unwrap_or(0);
    let behind: Vec<_> = witnessed.iter().filter(|(counter, next)| at(counter) < **next).collect();
    let (counter, next) = behind.iter().max_by_key(|(counter, next)| *next - at(counter))?;
    Some(Doubt::Behind {
        pools: behind.len(),
        counter: **counter,
        witnessed: **next,
        found: at(counter),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "09521001001014/1";

    fn counters(next: u64) -> Counters {
        [(ONE.parse().unwrap(), next)].into()
    }

    fn identity(text: &str) -> Identity {
        Identity(text.to_owned())
    }

    /// A file whose witness saw 10, found at `next`.
    fn file(next: u64) -> (Scene, Witness) {
        let witness = Witness {
            database: identity("hub=1"),
            birth: "w".to_owned(),
            database_birth: Some("d".to_owned()),
            log_position: None,
            counters: counters(10),
        };
        let scene = Scene {
            stored_identity: Some(identity("hub=1")),
            identity: identity("hub=1"),
            database_birth: Some("d".to_owned()),
            log_position: None,
            counters: counters(next),
            witness: Seen::Witness(Box::new(witness.clone()), "w".to_owned()),
        };
        (scene, witness)
    }

    fn server() -> (Scene, Witness) {
        let (mut scene, mut witness) = file(10);
        let known = identity("system=7;timeline=00000001;database=5;table=9");
        (scene.stored_identity, scene.identity) = (Some(known.clone()), known.clone());
        (scene.database_birth, scene.log_position) = (None, Some(100));
        (witness.database, witness.database_birth, witness.log_position) = (known, None, Some(90));
        scene.witness = Seen::Witness(Box::new(witness.clone()), "elsewhere".to_owned());
        (scene, witness)
    }

    fn saw(witness: Witness, birth: &str) -> Seen {
        Seen::Witness(Box::new(witness), birth.to_owned())
    }

    #[test]
    fn where_it_was_left_there_is_no_doubt() {
        for next in [10, 11, 1_000] {
            assert_eq!(judge(&file(next).0), None, "{next}");
        }
        assert_eq!(judge(&server().0), None);
    }

    #[test]
    fn a_witness_that_saw_more_is_proof() {
        let behind = |pools, found| Doubt::Behind {
            pools,
            counter: ONE.parse().unwrap(),
            witnessed: 10,
            found,
        };
        assert_eq!(judge(&file(9).0), Some(behind(1, 9)));
        assert_eq!(judge(&file(0).0), Some(behind(1, 0)));
        let (mut scene, _) = file(10);
        scene.counters.clear();
        assert_eq!(
            judge(&scene),
            Some(behind(1, 0)),
            "a pool that the older copy does not have yet"
        );
        let (mut scene, _) = server();
        scene.counters = counters(3);
        assert_eq!(judge(&scene), Some(behind(1, 3)));
    }

    #[test]
    fn before_the_first_start_nothing_is_doubted_and_after_it_everything() {
        let (mut scene, _) = file(0);
        for (stored, seen, expect) in [
            (None, Seen::Nothing, None),
            (None, Seen::Unreadable, None),
            (Some(identity("hub=1")), Seen::Nothing, Some(Doubt::NoWitness)),
        ] {
            (scene.stored_identity, scene.witness) = (stored, seen);
            assert_eq!(judge(&scene), expect);
        }
    }

    #[test]
    fn a_file_is_trusted_beside_its_own_witness_alone() {
        let (scene, witness) = file(10);
        let check = |seen: Seen, expect: Doubt| {
            let scene = Scene {
                witness: seen,
                ..scene.clone()
            };
            assert_eq!(judge(&scene), Some(expect));
        };
        check(Seen::Nothing, Doubt::NoWitness);
        check(Seen::Unreadable, Doubt::Unreadable);
        check(saw(witness.clone(), "copied later"), Doubt::CopiedWitness);
        check(
            saw(
                Witness {
                    database_birth: Some("other".to_owned()),
                    ..witness.clone()
                },
                "w",
            ),
            Doubt::OtherFile,
        );
        check(
            saw(
                Witness {
                    database_birth: None,
                    ..witness.clone()
                },
                "w",
            ),
            Doubt::OtherFile,
        );
        check(
            saw(
                Witness {
                    database: identity("hub=2"),
                    ..witness
                },
                "w",
            ),
            other(("hub=1", "hub=2")),
        );
        let never = Scene {
            stored_identity: None,
            ..scene
        };
        assert_eq!(judge(&never), Some(Doubt::NeverKept));
    }

    #[test]
    fn a_server_is_known_by_itself() {
        let (scene, witness) = server();
        let fresh = Scene {
            witness: Seen::Nothing,
            ..scene.clone()
        };
        assert_eq!(judge(&fresh), None, "one more process");
        for (from, to) in [
            ("system=7", "system=8"),
            ("timeline=00000001", "timeline=00000002"),
            ("database=5", "database=6"),
            ("table=9", "table=1"),
        ] {
            let moved = Scene {
                identity: identity(&scene.identity.0.replace(from, to)),
                ..fresh.clone()
            };
            assert_eq!(judge(&moved), Some(other((from, to))));
        }
        let rolled_back = Scene {
            log_position: Some(89),
            ..scene.clone()
        };
        assert_eq!(judge(&rolled_back), Some(Doubt::LogWentBack));
        // After a confirmed fail-over the old log says nothing of the new one.
        let stale = Witness {
            database: identity("timeline=00000009"),
            ..witness
        };
        assert_eq!(
            judge(&Scene {
                witness: saw(stale, "x"),
                ..rolled_back
            }),
            None
        );
        // What a role may not ask is not compared.
        let restricted = identity("timeline=00000001;database=5;table=9");
        assert_eq!(
            judge(&Scene {
                identity: restricted,
                ..fresh
            }),
            None
        );
    }

    #[test]
    fn a_witness_reads_back() {
        let (_, witness) = file(10);
        let text = serde_json::to_string(&witness).unwrap();
        assert!(text.contains(r#""counters":{"09521001001014/1":10}"#), "{text}");
        assert_eq!(serde_json::from_str::<Witness>(&text).unwrap(), witness);
        for bad in ["", "1", "x/1", "09521001001014", "09521001001014/x"] {
            assert!(bad.parse::<Counter>().is_err(), "{bad}");
        }
    }
}
