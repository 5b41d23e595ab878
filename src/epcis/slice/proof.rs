//! A file taken apart and proved word by word, without the hub that made it.

use jsonwebtoken::jwk::JwkSet;

use super::{BESIDE, DEPTH, Said, TYPE, context, tidied};
use crate::domain::slice::{Opening, Statement, StatementError, VERSION};
use crate::epcis::json::plain::Json;

/// A slice whose every word was proved.
#[derive(Debug, Clone)]
pub struct Proved {
    /// What was signed.
    pub statement: Statement,
    /// Who sent the event, in whose name, and its words: `asserter`, `country`, `month`, `principal`, `role`, those that it has.
    pub beside: Vec<(&'static str, String)>,
    /// `eventID`, `type`, `eventTime`, `recordTime`, `bizStep`: those that it has.
    pub facts: Vec<(&'static str, String)>,
    /// How many things and amounts of things it names, parent included.
    pub things: usize,
    /// How many leaves were proved.
    pub leaves: usize,
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Not a slice at all.
    #[error("this is no slice of an event: {0}")]
    Form(String),
    /// Another spelling of the same.
    #[error(
        "byte {at} is not as the hub writes it: the file was changed or written anew; a slice is one line of canonical JSON (RFC 8785)"
    )]
    Spelling {
        /// From 0.
        at: usize,
    },
    /// The signature.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Something said without proof, or the other way round.
    #[error("it says {said} things and has proofs of {proved}: something was added or taken away")]
    Count {
        /// Leaves of what it says.
        said: usize,
        /// Proofs.
        proved: usize,
    },
    /// No proof by its form.
    #[error("`/proofs/{at}` has not the form of a proof")]
    Proof {
        /// From 0.
        at: usize,
    },
    /// The proof does not lead to the root.
    #[error("`{pointer}` is not proved: {value} with `/proofs/{at}` does not lead to the signed root")]
    Unproved {
        /// Where it stands.
        pointer: String,
        /// What is said there.
        value: String,
        /// Which proof.
        at: usize,
    },
}

/// Takes a file apart and proves every word of it against the signature of one of these keys.
pub fn verify(file: &str, keys: &JwkSet) -> Result<Proved, SliceError> {
    let form = |what: &str| SliceError::Form(what.to_owned());
    let parsed = Json::parse(file.as_bytes(), DEPTH).map_err(|finding| SliceError::Form(finding.detail.to_string()))?;
    let Json::Object(all) = parsed else {
        return Err(form("it is no JSON object"));
    };
    let mut all = Members(all);
    let typed = all.take("type") == Some(Json::Text(TYPE.to_owned()));
    let version = match all.take("version") {
        Some(Json::Number(version)) if typed => version.parse().ok(),
        Some(_) | None => None,
    };
    let unknown = || form("its `type` and `version` do not say that it is one that this program knows");
    let version: u32 = version
        .filter(|version| (1..=VERSION).contains(version))
        .ok_or_else(unknown)?;
    let Some(Json::Text(signature)) = all.take("signature") else {
        return Err(form("it has no `signature`"));
    };
    let Some(Json::Array(proofs)) = all.take("proofs") else {
        return Err(form("it has no list of `proofs`"));
    };
    let Some(Json::Object(event)) = all.take("event") else {
        return Err(form("it has no `event`"));
    };
    let said = Said {
        beside: BESIDE.into_iter().filter_map(|name| Some((name, all.take(name)?))).collect(),
        event: tidied(event),
    };
    if let Some((name, _)) = all.0.first() {
        return Err(form(&format!("it has a member `{name}` that no slice has")));
    }
    let contexts = said
        .event
        .iter()
        .filter(|(name, _)| name == "@context")
        .map(|(_, value)| value);
    if !contexts.eq([&context()]) {
        return Err(form("the `@context` of its event is not that of EPCIS alone"));
    }
    let statement = Statement::verify(&signature, keys)?;
    if statement.version != version {
        return Err(form("its `version` is not that of what was signed"));
    }
    let openings = openings(&proofs)?;
    let canonical = said.file_of(version, &openings, &signature);
    if canonical != file {
        let same = canonical.bytes().zip(file.bytes()).take_while(|(one, other)| one == other);
        return Err(SliceError::Spelling { at: same.count() });
    }
    let leaves = said.leaves();
    if leaves.len() != openings.len() {
        let (said, proved) = (leaves.len(), openings.len());
        return Err(SliceError::Count { said, proved });
    }
    for (at, (leaf, opening)) in leaves.iter().zip(&openings).enumerate() {
        if !opening.proves(leaf, &statement) {
            return Err(unproved(leaf, at));
        }
    }
    Ok(said.proved(statement, leaves.len()))
}

impl Said {
    fn proved(self, statement: Statement, leaves: usize) -> Proved {
        let text = |value: &Json| match value {
            Json::Text(text) => Some(text.clone()),
            Json::Word(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        };
        let member = |wanted: &str| self.event.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let count = |(name, value): &(String, Json)| match value {
            Json::Array(items) if name.ends_with("EPCs") || name.to_lowercase().ends_with("epclist") => items.len(),
            Json::Array(items) if name.to_lowercase().ends_with("quantitylist") => items.len(),
            Json::Text(_) if name == "parentID" => 1,
            Json::Word(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => 0,
        };
        let facts = ["eventID", "type", "eventTime", "recordTime", "bizStep"];
        Proved {
            statement,
            beside: self
                .beside
                .iter()
                .filter_map(|(name, value)| Some((*name, text(value)?)))
                .collect(),
            facts: facts
                .into_iter()
                .filter_map(|name| Some((name, member(name).and_then(text)?)))
                .collect(),
            things: self.event.iter().map(count).sum(),
            leaves,
        }
    }
}

/// Members that are taken out one by one.
struct Members(Vec<(String, Json)>);

impl Members {
    /// The first of this name.
    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }
}

fn openings(proofs: &[Json]) -> Result<Vec<Opening>, SliceError> {
    let read = |proof: &Json| {
        let Json::Object(members) = proof else { return None };
        let [(index, Json::Text(one)), (path, Json::Text(two)), (salt, Json::Text(three))] = members.as_slice() else {
            return None;
        };
        let named = (index.as_str(), path.as_str(), salt.as_str()) == ("index", "path", "salt");
        Opening::read([three, one, two]).filter(|_| named)
    };
    let each = proofs.iter().enumerate();
    each.map(|(at, proof)| read(proof).ok_or(SliceError::Proof { at })).collect()
}

/// Says of a leaf what it is, in the words of the file.
fn unproved(leaf: &str, at: usize) -> SliceError {
    let (pointer, value) = match Json::parse(leaf.as_bytes(), DEPTH) {
        Ok(Json::Array(parts)) => match parts.as_slice() {
            [Json::Text(pointer), _, value] => (pointer.clone(), value.text()),
            _ => (String::new(), leaf.to_owned()),
        },
        Ok(_) | Err(_) => (String::new(), leaf.to_owned()),
    };
    let value = match value.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    SliceError::Unproved { pointer, value, at }
}
