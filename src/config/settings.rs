//! Settings of one hub process: file, then environment, then command line; a later one wins.
//!
//! Every key of the file is also `COUNTERFOIL_<KEY>` (`COUNTERFOIL_LIMITS_<KEY>` for `[limits]`) and `--set key=value`.
//! What is not known is refused, with the place and the nearest name: a misspelt key that is silently ignored is a hub
//! that runs on the wrong database.
//!
//! Reads no secret but the master key, which has no key in the file and is never printed.

mod limits;
mod source;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use limits::Limits;
pub use source::{SettingsError, Sources};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For a terminal.
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

/// What one hub process is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the partners' machines call, with mutual TLS.
    pub listen: SocketAddr,
    /// Where health, readiness and metrics are, without TLS: keep it on loopback or a private network.
    pub operations_listen: SocketAddr,
    /// Folder of everything the hub keeps on disk.
    pub data_dir: PathBuf,
    /// `sqlite://path` or `postgres://user@host/database`; SQLite in the data folder if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Connections to the database.
    pub database_connections: u32,
    /// Folder of the partner configuration.
    pub partner_config: PathBuf,
    /// The `<domain>` of `spiffe://<domain>/party/<id>/system/<name>`.
    pub trust_domain: String,
    /// Names and addresses in the hub's own server certificate.
    pub server_names: Vec<String>,
    /// Folder of the hub's CA, `ca` in the data folder if absent; several hub processes share its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_dir: Option<PathBuf>,
    /// File with the master key (64 hexadecimal digits), `master.key` in the data folder if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
    /// Folder of the secrets that partner files name, `secrets` in the data folder if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_dir: Option<PathBuf>,
    /// For tests alone: subscriptions may deliver by plain HTTP to this machine, if a partner file names it.
    pub webhook_loopback: bool,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines: `info`, `counterfoil=debug`, …
    pub log_filter: String,
    /// Limits on everything.
    pub limits: Limits,
    /// The master key itself, from `COUNTERFOIL_MASTER_KEY` alone.
    #[serde(skip)]
    pub master_key: Option<Secret>,
}

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            operations_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9443)),
            data_dir: PathBuf::from("counterfoil-data"),
            database_url: None,
            database_connections: 16,
            partner_config: PathBuf::from("partner-config"),
            trust_domain: "counterfoil.example".to_owned(),
            server_names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            ca_dir: None,
            master_key_file: None,
            secrets_dir: None,
            webhook_loopback: false,
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            limits: Limits::default(),
            master_key: None,
        }
    }
}

/// Deepest nesting that `limits.document_depth` may allow.
const MAX_DOCUMENT_DEPTH: usize = 256;

impl Settings {
    /// From all sources; see [`Sources`] for their order.
    pub fn load(sources: Sources) -> Result<Self, SettingsError> {
        let settings = source::merge(sources)?;
        settings.check()?;
        Ok(settings)
    }

    /// The database, SQLite in the data folder if none is named.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("counterfoil.db").display()))
    }

    /// The folder of the hub's CA.
    #[must_use]
    pub fn ca_dir(&self) -> PathBuf {
        self.ca_dir.clone().unwrap_or_else(|| self.data_dir.join("ca"))
    }

    /// The file of the master key.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key_file
            .clone()
            .unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// The folder of the secrets that partner files name.
    #[must_use]
    pub fn secrets_dir(&self) -> PathBuf {
        self.secrets_dir.clone().unwrap_or_else(|| self.data_dir.join("secrets"))
    }

    /// What a type alone does not say.
    fn check(&self) -> Result<(), SettingsError> {
        let url = self.database_url();
        if !["sqlite://", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(SettingsError::value(
                "database_url",
                "begins neither with `sqlite://` nor with `postgres://`",
            ));
        }
        // Lower case and no port or user: the text is compared byte by byte with what stands in a certificate.
        let domain_is_plain = self
            .trust_domain
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
        if self.trust_domain.is_empty() || self.trust_domain.len() > 255 || !domain_is_plain {
            return Err(SettingsError::value(
                "trust_domain",
                "is not a SPIFFE trust domain: use a-z, 0-9, dots and hyphens",
            ));
        }
        if self.database_connections == 0 {
            return Err(SettingsError::value("database_connections", "must be at least 1"));
        }
        if self.limits.page == 0 {
            return Err(SettingsError::value("limits.page", "must be at least 1"));
        }
        if self.limits.query_rows == 0 {
            return Err(SettingsError::value("limits.query_rows", "must be at least 1"));
        }
        // Every reader recurses once a level.
        if !(1..=MAX_DOCUMENT_DEPTH).contains(&self.limits.document_depth) {
            return Err(SettingsError::value("limits.document_depth", "must be from 1 to 256"));
        }
        self.limits.check_totals()?;
        if self.server_names.is_empty() {
            return Err(SettingsError::value(
                "server_names",
                "is empty: name at least one host that partners call",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_example_is_the_defaults_and_names_every_key() {
        let text = include_str!("../../schema/counterfoil.toml");
        let parsed = Settings::load(Sources {
            file: Some(("counterfoil.toml".into(), text.to_owned())),
            ..Sources::default()
        });
        assert_eq!(parsed.unwrap(), Settings::default());
        for (key, _) in source::KEYS {
            assert!(
                text.lines()
                    .any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = "))),
                "{key} is not in the example"
            );
        }
        let limits = toml::Table::try_from(Limits::default()).unwrap();
        for key in limits.keys() {
            assert!(
                text.lines().any(|line| line.starts_with(&format!("{key} = "))),
                "limits.{key} is not in the example"
            );
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", Secret::new("4711".to_owned())).contains("4711"));
    }

    #[test]
    fn refuses_what_no_type_refuses() {
        let check = |change: fn(&mut Settings), expect: &str| {
            let mut settings = Settings::default();
            change(&mut settings);
            assert!(settings.check().unwrap_err().to_string().contains(expect), "{expect}");
        };
        check(
            |settings| settings.database_url = Some("mysql://x".to_owned()),
            "database_url",
        );
        check(|settings| settings.trust_domain = "Hub.Example".to_owned(), "trust_domain");
        check(|settings| settings.trust_domain = "hub:1".to_owned(), "trust_domain");
        check(|settings| settings.database_connections = 0, "database_connections");
        check(|settings| settings.limits.page = 0, "limits.page");
        check(|settings| settings.limits.document_depth = 257, "limits.document_depth");
        check(|settings| settings.server_names.clear(), "server_names");
    }

    #[test]
    fn what_totals_tell_of_few_cannot_be_set() {
        let refused = |key: &str, value: &str| {
            let sources = Sources {
                flags: vec![(format!("limits.{key}"), value.to_owned())],
                ..Sources::default()
            };
            let error = Settings::load(sources).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        };
        for (key, values) in [
            ("totals_contributors", ["0", "1", "2", "-1"]),
            ("totals_share_percent", ["0", "61", "100", "1000"]),
            ("totals_rounding", ["0", "1", "4", "-5"]),
            ("totals_releases", ["0", "13", "1000", "-1"]),
        ] {
            values.iter().for_each(|value| refused(key, value));
        }
    }
}
