//! Where settings come from, merged key by key. Knows names and types, not what they mean.

use std::path::{Path, PathBuf};

use super::{Limits, Secret, Settings};

/// Everything settings are read from. A later field wins over an earlier one.
#[derive(Debug, Default)]
pub struct Sources {
    /// The settings file: its name, for messages, and its text.
    pub file: Option<(PathBuf, String)>,
    /// The environment; names that do not begin with `COUNTERFOIL_` are passed over.
    pub environment: Vec<(String, String)>,
    /// `key=value` from the command line, with the keys of the file (`limits.page`).
    pub flags: Vec<(String, String)>,
}

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct SettingsError {
    place: String,
    cause: String,
}

impl SettingsError {
    /// A value that is wrong whatever it came from.
    pub(super) fn value(key: &str, cause: &str) -> Self {
        Self {
            place: format!("setting `{key}`"),
            cause: cause.to_owned(),
        }
    }
}

/// What a value looks like when it comes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// `true` or `false`.
    Flag,
    /// Comma-separated.
    List,
}

/// The keys outside `[limits]`; those within are all numbers.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("listen", Kind::Text),
    ("operations_listen", Kind::Text),
    ("data_dir", Kind::Text),
    ("database_url", Kind::Text),
    ("database_connections", Kind::Number),
    ("partner_config", Kind::Text),
    ("trust_domain", Kind::Text),
    ("server_names", Kind::List),
    ("ca_dir", Kind::Text),
    ("master_key_file", Kind::Text),
    ("secrets_dir", Kind::Text),
    ("webhook_loopback", Kind::Flag),
    ("log_format", Kind::Text),
    ("log_filter", Kind::Text),
];

const PREFIX: &str = "COUNTERFOIL_";
/// Named by the command line and by tests, not by the file.
const OTHERS: &[&str] = &["SETTINGS", "MASTER_KEY"];

/// File, environment, flags; then one typed reading of the result.
pub(super) fn merge(sources: Sources) -> Result<Settings, SettingsError> {
    let mut table = match &sources.file {
        Some((path, text)) => read_file(path, text)?,
        None => toml::Table::new(),
    };
    let mut master_key = None;
    for (name, value) in sources.environment {
        let Some(name) = name.strip_prefix(PREFIX).filter(|name| !name.starts_with("TEST_")) else {
            continue;
        };
        match name {
            "MASTER_KEY" => master_key = Some(Secret::new(value)),
            "SETTINGS" => {}
            name => {
                let place = format!("environment variable `{PREFIX}{name}`");
                let key = name.to_ascii_lowercase();
                let key = key
                    .strip_prefix("limits_")
                    .map_or(key.clone(), |limit| format!("limits.{limit}"));
                set(&mut table, &place, &key, &value)?;
            }
        }
    }
    for (key, value) in sources.flags {
        set(&mut table, &format!("command line, `{key}`"), &key, &value)?;
    }
    let typed: Result<Settings, toml::de::Error> = toml::Value::Table(table).try_into();
    let mut settings = typed.map_err(|error| SettingsError {
        place: "settings".to_owned(),
        cause: one_line(error.message()),
    })?;
    settings.master_key = master_key;
    Ok(settings)
}

/// Typed once on its own, so that an error still knows its line.
fn read_file(path: &Path, text: &str) -> Result<toml::Table, SettingsError> {
    let failed = |error: &toml::de::Error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let mut cause = one_line(error.message());
        if let Some(unknown) = error
            .message()
            .strip_prefix("unknown field `")
            .and_then(|rest| rest.split('`').next())
        {
            cause = format!("unknown key `{}`{}", cut(unknown), hint(unknown));
        }
        SettingsError {
            place: format!("{}:{line}", path.display()),
            cause,
        }
    };
    toml::from_str::<Settings>(text).map_err(|error| failed(&error))?;
    text.parse().map_err(|error| failed(&error))
}

fn set(table: &mut toml::Table, place: &str, key: &str, value: &str) -> Result<(), SettingsError> {
    let failed = |cause: String| SettingsError {
        place: place.to_owned(),
        cause,
    };
    let number = || {
        value
            .trim()
            .parse()
            .map(toml::Value::Integer)
            .map_err(|_| failed(format!("`{}` is not a whole number", cut(value))))
    };
    if let Some(limit) = key.strip_prefix("limits.") {
        if !limit_names().iter().any(|name| name == limit) {
            return Err(failed(format!("unknown limit{}", hint(limit))));
        }
        let limits = table
            .entry("limits")
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let value = number()?;
        let alone = toml::Table::from_iter([(limit.to_owned(), value.clone())]);
        fits(toml::Table::from_iter([("limits".to_owned(), toml::Value::Table(alone))])).map_err(failed)?;
        if let Some(limits) = limits.as_table_mut() {
            limits.insert(limit.to_owned(), value);
        }
        return Ok(());
    }
    let Some((_, kind)) = KEYS.iter().find(|(name, _)| *name == key) else {
        return Err(failed(format!("unknown setting{}", hint(key))));
    };
    let value = match kind {
        Kind::Text => toml::Value::String(value.to_owned()),
        Kind::Number => number()?,
        Kind::Flag => toml::Value::Boolean(
            value
                .trim()
                .parse()
                .map_err(|_| failed(format!("`{}` is neither `true` nor `false`", cut(value))))?,
        ),
        Kind::List => toml::Value::Array(
            value
                .split(',')
                .map(|part| toml::Value::String(part.trim().to_owned()))
                .collect(),
        ),
    };
    fits(toml::Table::from_iter([(key.to_owned(), value.clone())])).map_err(failed)?;
    table.insert(key.to_owned(), value);
    Ok(())
}

/// Whether a setting has a value of its type: asked of each on its own, so that an error still knows which it was.
fn fits(alone: toml::Table) -> Result<(), String> {
    let typed: Result<Settings, toml::de::Error> = toml::Value::Table(alone).try_into();
    typed.map(|_| ()).map_err(|error| one_line(error.message()))
}

fn limit_names() -> Vec<String> {
    toml::Table::try_from(Limits::default())
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

/// The nearest known key, if one is near.
fn hint(unknown: &str) -> String {
    let names = KEYS.iter().map(|(name, _)| (*name).to_owned()).chain(limit_names());
    let others = OTHERS.iter().map(|name| name.to_ascii_lowercase());
    let nearest = names.chain(others).min_by_key(|name| distance(name, unknown));
    match nearest {
        Some(name) if distance(&name, unknown) <= 3 => format!(": did you mean `{name}`?"),
        Some(_) | None => ": `counterfoil settings` prints all of them with their meaning".to_owned(),
    }
}

/// Levenshtein; both are short.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Sources {
        Sources {
            file: Some(("hub.toml".into(), text.to_owned())),
            ..Sources::default()
        }
    }

    fn pair(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let text = "trust_domain = \"file\"\n[limits]\npage = 1\n";
        let page = |sources| merge(sources).unwrap().limits.page;
        assert_eq!(page(file(text)), 1);
        assert_eq!(
            page(Sources {
                environment: pair("COUNTERFOIL_LIMITS_PAGE", "2"),
                ..file(text)
            }),
            2
        );
        let all = Sources {
            environment: pair("COUNTERFOIL_LIMITS_PAGE", "2"),
            flags: pair("limits.page", "3"),
            ..file(text)
        };
        let settings = merge(all).unwrap();
        assert_eq!((settings.limits.page, settings.trust_domain.as_str()), (3, "file"));
        assert_eq!(settings.limits.graphql_depth, Limits::default().graphql_depth);
    }

    #[test]
    fn says_where_and_what_was_meant() {
        let check = |sources, expect: &str| assert_eq!(merge(sources).unwrap_err().to_string(), expect);
        check(
            file("\n\nlisen = \"x\""),
            "hub.toml:3: unknown key `lisen`: did you mean `listen`?",
        );
        check(
            file("[limits]\npages = 3"),
            "hub.toml:2: unknown key `pages`: did you mean `page`?",
        );
        check(
            Sources {
                environment: pair("COUNTERFOIL_DATABSE_URL", "x"),
                ..Sources::default()
            },
            "environment variable `COUNTERFOIL_DATABSE_URL`: unknown setting: did you mean `database_url`?",
        );
        check(
            Sources {
                flags: pair("limits.page", "many"),
                ..Sources::default()
            },
            "command line, `limits.page`: `many` is not a whole number",
        );
        for (key, value) in [("limits.page", "-1"), ("listen", "here")] {
            let sources = Sources {
                flags: pair(key, value),
                ..Sources::default()
            };
            let said = merge(sources).unwrap_err().to_string();
            assert!(said.starts_with(&format!("command line, `{key}`: ")), "{said}");
        }
        assert!(merge(file("listen = 5")).unwrap_err().to_string().starts_with("hub.toml:1: "));
        assert!(merge(file("listen = ")).unwrap_err().to_string().starts_with("hub.toml:1: "));
    }

    #[test]
    fn every_key_of_the_settings_can_be_set_by_text() {
        let full = Settings {
            database_url: Some(String::new()),
            ca_dir: Some(PathBuf::new()),
            master_key_file: Some(PathBuf::new()),
            secrets_dir: Some(PathBuf::new()),
            ..Settings::default()
        };
        let table = toml::Table::try_from(full).unwrap();
        let known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).chain(["limits"]).collect();
        for key in table.keys() {
            assert!(known.contains(&key.as_str()), "{key}");
        }
        assert_eq!(table.len(), known.len());
    }

    #[test]
    fn the_master_key_comes_from_the_environment_alone() {
        let settings = merge(Sources {
            environment: pair("COUNTERFOIL_MASTER_KEY", "00"),
            ..Sources::default()
        })
        .unwrap();
        assert_eq!(settings.master_key.unwrap().expose(), "00");
        assert!(merge(file("master_key = \"00\"")).is_err());
    }
}
