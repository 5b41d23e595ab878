//! Levels by name: how a sight is read, stored and compared class by class.
//!
//! A stored sight names the classes that it shows something of, each by the code of its class (`C4`) and the name of its level; a class
//! that is not named is at nothing. It does not say what a level leaves of an event: see [`super::mask`].

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Class, Contents, Documents, Shown, Sight, When, Where, Who};

/// Why a level cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// No class.
    #[error("`{0}` is no data class: use C0 to C12")]
    Class(String),
    /// No level of the class.
    #[error("`{level}` is no level of {class}: use {known}")]
    Level {
        /// Code of the class.
        class: &'static str,
        /// As given.
        level: String,
        /// Levels that it has.
        known: String,
    },
}

impl Class {
    /// `C0` to `C12`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Existence => "C0",
            Self::Product => "C1",
            Self::State => "C2",
            Self::When => "C3",
            Self::Where => "C4",
            Self::Before => "C5",
            Self::After => "C6",
            Self::Containment => "C7",
            Self::Documents => "C8",
            Self::Commercial => "C9",
            Self::Condition => "C10",
            Self::Investigations => "C11",
            Self::Raw => "C12",
        }
    }

    /// Names of its levels, lowest first.
    #[must_use]
    pub fn levels(self) -> Vec<&'static str> {
        match self {
            Self::When => When::ALL.iter().map(|level| level.as_str()).collect(),
            Self::Where => Where::ALL.iter().map(|level| level.as_str()).collect(),
            Self::Before | Self::After => Who::ALL.iter().map(|level| level.as_str()).collect(),
            Self::Containment => Contents::ALL.iter().map(|level| level.as_str()).collect(),
            Self::Documents => Documents::ALL.iter().map(|level| level.as_str()).collect(),
            Self::Existence
            | Self::Product
            | Self::State
            | Self::Commercial
            | Self::Condition
            | Self::Investigations
            | Self::Raw => Shown::ALL.iter().map(|level| level.as_str()).collect(),
        }
    }
}

impl std::str::FromStr for Class {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let found = Self::ALL.into_iter().find(|class| class.code() == text);
        found.ok_or_else(|| LevelError::Class(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Class {
    type Error = LevelError;

    fn try_from(text: String) -> Result<Self, LevelError> {
        text.parse()
    }
}

impl From<Class> for &str {
    fn from(class: Class) -> Self {
        class.code()
    }
}

impl Sight {
    /// Everything of every class.
    pub const FULL: Self = Self {
        existence: Shown::Full,
        product: Shown::Full,
        state: Shown::Full,
        when: When::Exact,
        place: Where::ReadPoint,
        before: Who::Asserted,
        after: Who::Asserted,
        contents: Contents::Asserted,
        documents: Documents::Asserted,
        commercial: Shown::Full,
        condition: Shown::Full,
        investigations: Shown::Full,
        raw: Shown::Full,
    };

    /// The place of one class's level among the levels of the class: 0 for nothing.
    #[must_use]
    pub fn rank(&self, class: Class) -> usize {
        let level = self.level(class);
        // A level is always one of its class.
        class.levels().iter().position(|one| *one == level).unwrap_or(0)
    }

    /// Sets one class to a level by its name.
    pub fn set(&mut self, class: Class, level: &str) -> Result<(), LevelError> {
        match class {
            Class::Existence => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.existence = level),
            Class::Product => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.product = level),
            Class::State => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.state = level),
            Class::When => named(class, When::ALL, When::as_str, level).map(|level| self.when = level),
            Class::Where => named(class, Where::ALL, Where::as_str, level).map(|level| self.place = level),
            Class::Before => named(class, Who::ALL, Who::as_str, level).map(|level| self.before = level),
            Class::After => named(class, Who::ALL, Who::as_str, level).map(|level| self.after = level),
            Class::Containment => named(class, Contents::ALL, Contents::as_str, level).map(|level| self.contents = level),
            Class::Documents => named(class, Documents::ALL, Documents::as_str, level).map(|level| self.documents = level),
            Class::Commercial => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.commercial = level),
            Class::Condition => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.condition = level),
            Class::Investigations => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.investigations = level),
            Class::Raw => named(class, Shown::ALL, Shown::as_str, level).map(|level| self.raw = level),
        }
    }
}

fn named<T: Copy>(class: Class, all: &'static [T], name: fn(T) -> &'static str, level: &str) -> Result<T, LevelError> {
    let found = all.iter().copied().find(|one| name(*one) == level);
    found.ok_or_else(|| LevelError::Level {
        class: class.code(),
        level: level.chars().take(40).collect(),
        known: class.levels().join(", "),
    })
}

impl Serialize for Sight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Class::ALL
                .into_iter()
                .filter(|class| self.rank(*class) > 0)
                .map(|class| (class, self.level(class))),
        )
    }
}

impl<'de> Deserialize<'de> for Sight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<Class, String>::deserialize(deserializer)?;
        let mut sight = Self::default();
        for (class, level) in named {
            sight.set(class, &level).map_err(serde::de::Error::custom)?;
        }
        Ok(sight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sight_is_read_as_it_is_written() {
        for sight in [
            Sight::default(),
            Sight::FULL,
            super::super::sight(super::super::Relations::BUYER),
        ] {
            let text = serde_json::to_string(&sight).unwrap();
            assert_eq!(serde_json::from_str::<Sight>(&text).unwrap(), sight, "{text}");
        }
        assert!(serde_json::from_str::<Sight>(r#"{"C13":"full"}"#).is_err());
        assert!(serde_json::from_str::<Sight>(r#"{"C4":"full"}"#).is_err());
    }

    #[test]
    fn full_is_the_highest_level_of_each_class() {
        for class in Class::ALL {
            let levels = class.levels();
            assert_eq!(levels.last().copied(), Some(Sight::FULL.level(class)), "{class:?}");
            assert_eq!(Sight::FULL.rank(class) + 1, levels.len(), "{class:?}");
        }
    }
}
