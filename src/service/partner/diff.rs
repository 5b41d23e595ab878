//! What is different between two states of the contracts, for people to read before it is done.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::domain::agreement::Agreement;
use crate::domain::ids::PartyId;
use crate::domain::party::{Party, Product, Site};
use crate::domain::serial::rule::SsccNumbers;
use crate::storage::party::{Removed, glns_of};

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A party.
    Party,
    /// A place of one.
    Site,
    /// A GS1 company prefix of one.
    Prefix,
    /// A product of one.
    Product,
    /// A series of SSCCs of one.
    Series,
    /// An agreement, listed with its principal.
    Agreement,
    /// A grant, listed with its grantor.
    Grant,
    /// A cap, listed with its owner.
    Cap,
}

/// How it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It is new: a few words on it.
    Added(String),
    /// It goes.
    Removed,
    /// Some fields change.
    Changed(Vec<FieldChange>),
    /// It may do nothing any more.
    Suspended,
    /// It was suspended and may act again.
    Resumed,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name, with dots: `quota.total`.
    pub field: String,
    /// As it is stored.
    pub from: String,
    /// As it is in the file.
    pub to: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about.
    pub noun: Noun,
    /// Its id, GLN, prefix or GTIN.
    pub id: String,
    /// Whose it is.
    pub party: PartyId,
    /// How it changes.
    pub kind: Kind,
}

impl Change {
    /// `+ site 9521005000112 of meridian`
    #[must_use]
    pub fn title(&self) -> String {
        let sign = match self.kind {
            Kind::Added(_) => '+',
            Kind::Removed => '-',
            Kind::Changed(_) | Kind::Suspended | Kind::Resumed => '~',
        };
        match self.noun {
            Noun::Party => format!("{sign} party {}", self.id),
            Noun::Site => format!("{sign} site {} of {}", self.id, self.party),
            Noun::Prefix => format!("{sign} company prefix {} of {}", self.id, self.party),
            Noun::Product => format!("{sign} product {} of {}", self.id, self.party),
            Noun::Series => format!("{sign} SSCC series {} of {}", self.id, self.party),
            Noun::Agreement => format!("{sign} agreement {} of {}", self.id, self.party),
            Noun::Grant => format!("{sign} grant {} of {}", self.id, self.party),
            Noun::Cap => format!("{sign} cap {} of {}", self.id, self.party),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())?;
        match &self.kind {
            Kind::Added(words) if words.is_empty() => writeln!(f),
            Kind::Added(words) => writeln!(f, ": {words}"),
            Kind::Removed => writeln!(f, ": removed"),
            Kind::Suspended => writeln!(f, ": suspended, it may do nothing any more"),
            Kind::Resumed => writeln!(f, ": may act again"),
            Kind::Changed(fields) => {
                writeln!(f)?;
                fields
                    .iter()
                    .try_for_each(|change| writeln!(f, "    {}: {} -> {}", change.field, change.from, change.to))
            }
        }
    }
}

/// Everything that changes about a party, itself first.
pub(super) fn party(before: Option<&Party>, after: &Party) -> Vec<Change> {
    let change = |noun, id: &str, kind| Change {
        noun,
        id: id.to_owned(),
        party: after.id.clone(),
        kind,
    };
    let mut changes = Vec::new();
    match before {
        None => changes.push(change(Noun::Party, after.id.as_str(), Kind::Added(introduction(after)))),
        Some(before) => {
            match (before.active, after.active) {
                (true, false) => changes.push(change(Noun::Party, after.id.as_str(), Kind::Suspended)),
                (false, true) => changes.push(change(Noun::Party, after.id.as_str(), Kind::Resumed)),
                (true, true) | (false, false) => {}
            }
            let fields = fields(&own_fields(before), &own_fields(after));
            if !fields.is_empty() {
                changes.push(change(Noun::Party, after.id.as_str(), Kind::Changed(fields)));
            }
        }
    }
    let sites = |party: &Party| {
        by_key(
            &party.sites,
            |site: &Site| site.gln.to_string(),
            |site| format!("{} ({})", site.name, site.country),
        )
    };
    let products = |party: &Party| {
        by_key(
            &party.products,
            |product: &Product| product.gtin.to_string(),
            |product| product.name.clone(),
        )
    };
    let prefixes = |party: &Party| by_key(&party.prefixes, |prefix| prefix.as_str().to_owned(), |_| String::new());
    let series = |party: &Party| {
        by_key(
            &party.sscc,
            |numbers: &SsccNumbers| numbers.series.to_string(),
            |numbers| format!("{} to {}", numbers.range.first, numbers.range.last),
        )
    };
    type List<'a> = &'a dyn Fn(&Party) -> BTreeMap<String, (String, Value)>;
    let lists: [(Noun, List<'_>); 4] = [
        (Noun::Site, &sites),
        (Noun::Prefix, &prefixes),
        (Noun::Product, &products),
        (Noun::Series, &series),
    ];
    for (noun, list) in lists {
        let (before, after) = (before.map(list).unwrap_or_default(), list(after));
        for (id, (words, now)) in &after {
            match before.get(id) {
                None => changes.push(change(noun, id, Kind::Added(words.clone()))),
                Some((_, then)) if then != now => changes.push(change(noun, id, Kind::Changed(fields(then, now)))),
                Some(_) => {}
            }
        }
        changes.extend(
            before
                .keys()
                .filter(|id| !after.contains_key(*id))
                .map(|id| change(noun, id, Kind::Removed)),
        );
    }
    if let Some(before) = before
        && changes.is_empty()
        && before != after
    {
        // Only the order of a list changed.
        let order = FieldChange {
            field: "order of entries".to_owned(),
            from: "as stored".to_owned(),
            to: "as in the file".to_owned(),
        };
        changes.push(change(Noun::Party, after.id.as_str(), Kind::Changed(vec![order])));
    }
    changes
}

/// What a change of a party takes away.
pub(super) fn removed(before: Option<&Party>, after: &Party) -> Vec<Removed> {
    let Some(before) = before else { return Vec::new() };
    let kept = glns_of(after);
    let glns = glns_of(before)
        .into_iter()
        .filter(|gln| !kept.contains(gln))
        .map(Removed::Gln);
    let prefixes = before
        .prefixes
        .iter()
        .filter(|prefix| !after.prefixes.contains(prefix))
        .cloned()
        .map(Removed::Prefix);
    let gone = before
        .products
        .iter()
        .filter(|one| !after.products.iter().any(|kept| kept.gtin == one.gtin));
    let series = before
        .sscc
        .iter()
        .filter(|one| !after.sscc.iter().any(|kept| kept.series == one.series));
    glns.chain(prefixes)
        .chain(gone.map(|product| Removed::Product(product.gtin)))
        .chain(series.map(|numbers| Removed::Series(numbers.series)))
        .collect()
}

/// How an agreement changes, if it does.
pub(super) fn agreement(before: Option<&Agreement>, after: &Agreement) -> Option<Change> {
    let kind = match before {
        None => Kind::Added(format!(
            "{} may act, {} to {}",
            after.delegate,
            day(after.valid_from),
            day(after.valid_until)
        )),
        Some(before) if before == after => return None,
        Some(before) => Kind::Changed(fields(&readable(before), &readable(after))),
    };
    Some(Change {
        noun: Noun::Agreement,
        id: after.id.to_string(),
        party: after.principal.clone(),
        kind,
    })
}

/// An agreement that stands in no file any more.
pub(super) fn gone(agreement: &Agreement) -> Change {
    Change {
        noun: Noun::Agreement,
        id: agreement.id.to_string(),
        party: agreement.principal.clone(),
        kind: Kind::Removed,
    }
}

/// How a grant or cap differs from the one that it comes after.
pub(super) fn rule_fields(before: &impl serde::Serialize, after: &impl serde::Serialize) -> Vec<FieldChange> {
    let all = fields(&value(before), &value(after));
    all.into_iter().filter(|change| change.field != "id").collect()
}

fn introduction(party: &Party) -> String {
    let roles: Vec<&str> = party.roles.iter().map(|role| role.as_str()).collect();
    let suspended = if party.active { "" } else { ", suspended" };
    format!("{}, {}, GLN {}{suspended}", party.legal_name, roles.join(" and "), party.gln)
}

fn day(at: crate::domain::time::Micros) -> String {
    at.to_datetime().date().to_string()
}

/// The fields of a party that are not lists of things with changes of their own.
fn own_fields(party: &Party) -> Value {
    let certificates = party.issuers.iter().map(|pem| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pem.as_bytes());
        digest
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    });
    serde_json::json!({
        "legal_name": party.legal_name,
        "roles": party.roles,
        "gln": party.gln,
        "country": party.country,
        "issuers": certificates.collect::<Vec<_>>(),
    })
}

/// An agreement with times as people write them.
fn readable(agreement: &Agreement) -> Value {
    let mut fields = value(agreement);
    fields["valid_from"] = agreement.valid_from.rfc3339().into();
    fields["valid_until"] = agreement.valid_until.rfc3339().into();
    fields
}

fn value(thing: &impl serde::Serialize) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

fn by_key<T: serde::Serialize>(
    things: &[T],
    key: impl Fn(&T) -> String,
    words: impl Fn(&T) -> String,
) -> BTreeMap<String, (String, Value)> {
    things
        .iter()
        .map(|thing| (key(thing), (words(thing), value(thing))))
        .collect()
}

/// The fields that differ, in the order of their names.
fn fields(before: &Value, after: &Value) -> Vec<FieldChange> {
    let (before, after) = (flat(before), flat(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let shown = |fields: &BTreeMap<String, String>, name: &str| fields.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed
        .map(|name| FieldChange {
            field: name.clone(),
            from: shown(&before, name),
            to: shown(&after, name),
        })
        .collect()
}

fn flat(value: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        if value.is_object() {
            fields.extend(flat(value).into_iter().map(|(inner, text)| (format!("{name}.{inner}"), text)));
        } else {
            fields.insert(name.clone(), plain(value));
        }
    }
    fields
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
