//! What a partner manager writes: one TOML file a party, checked as a whole.
//!
//! The name of the file is the id of the party. All problems of all files are found in one go, each with
//! file, line, cause and fix. Files hold no secrets: certificates of issuers are named by file, keys are
//! refused. What changes against what is stored is the business of [`crate::service::partner`].
//!
//! # Invariants
//! - What [`load`] returns is free of contradictions: every GLN, prefix, GTIN and agreement id stands once,
//!   every reference leads to something, every product lies under a prefix of its owner or says that it is an NTIN.
//! - An unknown key is a problem, never ignored.

mod capture;
mod cross;
mod draft;
mod grant;
mod issuer;
mod licence;
mod product;
mod reader;
mod supply;
mod webhook;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::domain::agreement::Agreement;
use crate::domain::grant::{WrittenCap, WrittenGrant};
use crate::domain::gs1::{CompanyPrefix, Gln, Gtin};
use crate::domain::ids::{AgreementId, PartyId};
use crate::domain::party::Party;

use draft::Draft;
use reader::Problems;

/// The largest file that is read. A party with ten thousand products has about two megabytes.
const FILE_BYTES: u64 = 16 << 20;

/// One thing that is wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The file, below the folder as it was given.
    pub file: PathBuf,
    /// One-based; 0 if it is about the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}\n    fix: {}", self.cause, self.fix)
    }
}

/// Something that has a line in a party's file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The file.
    Party,
    /// A GLN, of the legal entity or of a site.
    Gln(Gln),
    /// A company prefix.
    Prefix(CompanyPrefix),
    /// A product.
    Product(Gtin),
    /// An agreement.
    Agreement(AgreementId),
    /// A grant, by its name.
    Grant(String),
}

/// One party's file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PartnerFile {
    /// Where it was read.
    pub file: PathBuf,
    /// The party.
    pub party: Party,
    /// The agreements in which it is the principal.
    pub agreements: Vec<Agreement>,
    /// The grants that it gives.
    pub grants: Vec<WrittenGrant>,
    /// The caps on what is granted of what is its own.
    pub caps: Vec<WrittenCap>,
    lines: HashMap<Subject, usize>,
}

impl PartnerFile {
    /// The problem of something that stands in this file, found by whoever compares it with what is stored.
    #[must_use]
    pub fn problem(&self, subject: &Subject, cause: String, fix: String) -> ConfigError {
        let line = self.lines.get(subject).copied().unwrap_or(0);
        ConfigError {
            file: self.file.clone(),
            line,
            cause,
            fix,
        }
    }
}

/// Reads and checks every `*.toml` of a folder, in the order of the ids.
pub fn load(folder: &Path) -> Result<Vec<PartnerFile>, Vec<ConfigError>> {
    let mut problems = Vec::new();
    let mut drafts = Vec::new();
    for file in files_of(folder).map_err(|error| vec![error])? {
        match read(&file) {
            Ok((draft, found)) => {
                drafts.push(draft);
                problems.extend(found);
            }
            Err(error) => problems.push(error),
        }
    }
    problems.extend(cross::check(&drafts));
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    Ok(drafts.into_iter().filter_map(Draft::finish).collect())
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let whole = |cause: String, fix: &str| ConfigError {
        file: folder.to_owned(),
        line: 0,
        cause,
        fix: fix.to_owned(),
    };
    let unreadable = |error: std::io::Error| {
        whole(
            format!("cannot read the folder: {error}"),
            "name the folder of the partner files with `--config`",
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(whole(
            "the folder has no partner file".to_owned(),
            "write one `<party id>.toml` for each party",
        ));
    }
    files.sort();
    Ok(files)
}

/// What can be read of a file, and the problems within it.
fn read(file: &Path) -> Result<(Draft, Vec<ConfigError>), ConfigError> {
    let whole = |cause: String, fix: &str| ConfigError {
        file: file.to_owned(),
        line: 0,
        cause,
        fix: fix.to_owned(),
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let id: PartyId = name
        .parse()
        .map_err(|error| whole(format!("the file name is no party id: {error}"), "rename the file"))?;
    let size_bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if size_bytes > FILE_BYTES {
        return Err(whole(
            format!("the file has {size_bytes} bytes, more than {FILE_BYTES}"),
            "split the party, or ask the operator",
        ));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| whole(format!("cannot read the file: {error}"), "make it a readable text in UTF-8"))?;
    let problems = Problems::new(file.to_owned(), &text);
    let (table, faults) = DeTable::parse_recoverable(&text);
    for fault in &faults {
        let line = fault.span().map_or(0, |span| problems.line_of(span.start));
        let cause = fault.message().lines().next().unwrap_or("not TOML").to_owned();
        problems.add(line, format!("not TOML: {cause}"), "correct the line (https://toml.io)");
    }
    // What was recovered from broken TOML would raise problems that are none.
    let draft = if faults.is_empty() {
        Draft::read(id, file, table.get_ref(), &problems)
    } else {
        Draft::broken(id, file)
    };
    Ok((draft, problems.into_found()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_examples_are_sound() {
        let files = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/partner-config"))).unwrap();
        assert_eq!(files.len(), 9);
        assert_eq!(files.iter().map(|file| file.agreements.len()).sum::<usize>(), 5);
    }
}
