//! How strictly a party's documents are read: which severity each finding has for it.
//!
//! Two profiles are built in. `lenient` takes what a schema minds and says so; `strict` refuses it, as a receiver does that
//! validates before it reads. Both hold to the rules of identifiers and events. A party's file may set the severity of single
//! codes on top, within what the code allows ([`FindingCode::allows`]).
//!
//! It reads no documents and does not know what a finding is about.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::finding::{Class, FindingCode, Severity};
use super::guideline::Guideline;

/// The profile that a party's own settings are laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// What leaves no doubt about its meaning is taken, with a finding.
    #[default]
    Lenient,
    /// What the schema of its version does not allow is refused.
    Strict,
}

impl Base {
    /// The word in a partner's file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lenient => "lenient",
            Self::Strict => "strict",
        }
    }
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Lenient, Self::Strict]
            .into_iter()
            .find(|base| base.as_str() == text)
            .ok_or_else(|| format!("`{}` is no profile", cut(text)))
    }
}

/// What it means that a container is decommissioned, destroyed or dispensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ends {
    /// The end of what the event names: a label may go while what is under it lives on.
    #[default]
    Flat,
    /// The end of everything in it too.
    Recursive,
}

impl Ends {
    /// The word in a partner's file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Recursive => "recursive",
        }
    }
}

impl FromStr for Ends {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Flat, Self::Recursive]
            .into_iter()
            .find(|ends| ends.as_str() == text)
            .ok_or_else(|| format!("`{}` is no way to decommission", cut(text)))
    }
}

/// What a party's file may say of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not mentioned at all.
    Ignore,
    /// Kept with that severity.
    As(Severity),
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ignore,
        Self::As(Severity::Warning),
        Self::As(Severity::Error),
        Self::As(Severity::Critical),
        Self::As(Severity::Refusal),
    ];

    /// The word in a partner's file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::As(severity) => severity.as_str(),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| format!("`{}` is no severity", cut(text)))
    }
}

/// How the documents of one party are judged: a base and what differs from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    base: Base,
    levels: BTreeMap<FindingCode, Level>,
    guideline: Option<Guideline>,
    ends: Ends,
}

impl Profile {
    /// The built-in profile, as it is.
    #[must_use]
    pub const fn new(base: Base) -> Self {
        Self {
            base,
            levels: BTreeMap::new(),
            guideline: None,
            ends: Ends::Flat,
        }
    }

    /// What stops as little as can be: for reading again what was taken in once, whatever the settings are now.
    #[must_use]
    pub fn taken_in() -> Self {
        let bearable = Level::As(Severity::Warning);
        let codes = FindingCode::ALL.iter().copied().filter(|code| code.allows(bearable));
        Self {
            base: Base::Lenient,
            levels: codes.map(|code| (code, bearable)).collect(),
            guideline: None,
            ends: Ends::Flat,
        }
    }

    /// The same under a guideline.
    #[must_use]
    pub fn under(mut self, guideline: Option<Guideline>) -> Self {
        self.guideline = guideline;
        self
    }

    /// The guideline that the party's documents follow.
    #[must_use]
    pub const fn guideline(&self) -> Option<Guideline> {
        self.guideline
    }

    /// The same with one severity set. `Err` says why the code does not allow it.
    pub fn with(mut self, code: FindingCode, level: Level) -> Result<Self, String> {
        if !code.allows(level) {
            return Err(format!("`{}` cannot be `{level}`: {}", code.as_str(), code.class().bounds()));
        }
        self.levels.insert(code, level);
        Ok(self)
    }

    /// The same with another meaning of decommissioning.
    #[must_use]
    pub fn ending(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    /// What it means that this party decommissions a container.
    #[must_use]
    pub const fn ends(&self) -> Ends {
        self.ends
    }

    /// The profile under the party's own settings.
    #[must_use]
    pub const fn base(&self) -> Base {
        self.base
    }

    /// What a finding does to a document of this party; `None` where it is not even mentioned.
    #[must_use]
    pub fn severity(&self, code: FindingCode) -> Option<Severity> {
        match self.levels.get(&code) {
            Some(Level::Ignore) => None,
            Some(Level::As(severity)) => Some(*severity),
            None => Some(self.by_base(code)),
        }
    }

    /// Whether the finding stops a document of this party.
    #[must_use]
    pub fn refuses(&self, code: FindingCode) -> bool {
        self.severity(code) == Some(Severity::Refusal)
    }

    fn by_base(&self, code: FindingCode) -> Severity {
        match self.base {
            Base::Strict if code.class() == Class::Schema => Severity::Refusal,
            Base::Strict | Base::Lenient => code.severity(),
        }
    }
}

/// As it stands in the registry: words, so that a code that a later release no longer has can be passed over.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    profile: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guideline: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    severity: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decommission: Option<String>,
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let severity = self.levels.iter();
        Stored {
            profile: self.base.as_str().to_owned(),
            guideline: self.guideline.map(|guideline| guideline.as_str().to_owned()),
            severity: severity
                .map(|(code, level)| (code.as_str().to_owned(), level.as_str().to_owned()))
                .collect(),
            decommission: (self.ends != Ends::default()).then(|| self.ends.as_str().to_owned()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let base = stored.profile.parse().map_err(D::Error::custom)?;
        let guideline = stored.guideline.and_then(|word| word.parse().ok());
        let ends = stored
            .decommission
            .map(|word| word.parse().map_err(D::Error::custom))
            .transpose()?;
        let bare = Self::new(base).under(guideline).ending(ends.unwrap_or_default());
        stored.severity.iter().try_fold(bare, |profile, (code, level)| {
            let level = level.parse().map_err(D::Error::custom)?;
            match FindingCode::from_code(code) {
                Some(code) => profile.with(code, level).map_err(D::Error::custom),
                None => Ok(profile),
            }
        })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_refuses_what_the_schema_refuses_and_nothing_more() {
        let (strict, lenient) = (Profile::new(Base::Strict), Profile::new(Base::Lenient));
        for code in FindingCode::ALL.iter().copied() {
            assert_eq!(lenient.severity(code), Some(code.severity()), "{code:?}");
            let harder = strict.severity(code) != lenient.severity(code);
            assert_eq!(harder, code.class() == Class::Schema, "{code:?}");
            assert_eq!(
                strict.refuses(code),
                harder || code.severity() == Severity::Refusal,
                "{code:?}"
            );
        }
    }

    #[test]
    fn each_code_can_be_set_to_what_it_allows_and_to_nothing_else() {
        let mut set = 0;
        for code in FindingCode::ALL.iter().copied() {
            assert!(code.allows(Level::As(code.severity())), "{code:?}");
            for level in Level::ALL {
                match Profile::default().with(code, level) {
                    Ok(profile) => {
                        set += 1;
                        let expect = match level {
                            Level::Ignore => None,
                            Level::As(severity) => Some(severity),
                        };
                        assert_eq!(profile.severity(code), expect, "{code:?} {level}");
                        for other in FindingCode::ALL.iter().copied().filter(|other| *other != code) {
                            assert_eq!(profile.severity(other), Profile::default().severity(other));
                        }
                    }
                    Err(why) => assert!(why.contains(code.as_str()), "{why}"),
                }
            }
        }
        assert!(set > FindingCode::ALL.len() * 2, "{set}");
    }

    #[test]
    fn it_survives_the_registry() {
        let profile = Profile::new(Base::Strict)
            .with(FindingCode::SchemaOrder, Level::Ignore)
            .unwrap();
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(text, r#"{"profile":"strict","severity":{"SCHEMA_ORDER":"ignore"}}"#);
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
        let under = profile.clone().under(Some(Guideline::UsR13));
        let kept = serde_json::to_string(&under).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&kept).unwrap(), under);
        let whole = profile.clone().ending(Ends::Recursive);
        let text_of_whole = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text_of_whole).unwrap(), whole);
        let later = text.replace("SCHEMA_ORDER", "OF_A_LATER_RELEASE");
        assert_eq!(serde_json::from_str::<Profile>(&later).unwrap(), Profile::new(Base::Strict));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        for base in [Base::Lenient, Base::Strict] {
            assert_eq!(base.as_str().parse(), Ok(base));
        }
        for ends in [Ends::Flat, Ends::Recursive] {
            assert_eq!(ends.as_str().parse(), Ok(ends));
        }
        assert!("Flat".parse::<Ends>().is_err());
        assert!("fatal".parse::<Level>().is_err() && "Strict".parse::<Base>().is_err());
    }
}
