//! `[[grants]]` and `[[caps]]`: what the party lets others see of what is its own to give, and the most that any grant shows of it.
//!
//! They are the grants and caps of the GraphQL interface, held against the same rules. A grant that is written here gives nothing before
//! all have signed that must: here, or by `signGrant`. What changes against what is stored is the business of [`crate::service::partner`].

use std::ops::Range;

use crate::domain::grant::{
    CONTRIBUTORS, Cap, Conditions, Grant, Grantee, QUERIES, Reshare, Scope, Signers, WrittenCap, WrittenGrant, grant_id,
    signature,
};
use crate::domain::gs1::Gln;
use crate::domain::ids::{CapId, PartyId, RuleName};
use crate::domain::lens::{Class, Sight};
use crate::domain::party::Role;
use crate::domain::party::licence::Required;
use crate::domain::time::Micros;

use super::draft::{COUNTRY_FIX, Country, KEY_FIX, ROLE_FIX, SLUG_FIX, Word, key};
use super::reader::{Key, Located, Section};

/// Most grants, and most caps, of one file.
const MOST: usize = 1_000;

/// The classes by the names that they have in a file.
const CLASSES: [(Class, &str, &str); 13] = [
    (Class::Existence, "existence", "\"full\""),
    (Class::Product, "product", "\"full\""),
    (Class::State, "state", "\"full\""),
    (Class::When, "when", "\"exact\""),
    (Class::Where, "where", "\"site\""),
    (Class::Before, "before", "\"name\""),
    (Class::After, "after", "\"name\""),
    (Class::Containment, "containment", "\"handed units\""),
    (Class::Documents, "documents", "\"this handover\""),
    (Class::Commercial, "commercial", "\"full\""),
    (Class::Condition, "condition", "\"full\""),
    (Class::Investigations, "investigations", "\"full\""),
    (Class::Raw, "raw", "\"full\""),
];

/// A `[[grants]]` table.
#[derive(Debug)]
pub(super) struct GrantDraft {
    pub(super) name: Option<Located<RuleName>>,
    pub(super) grantee: Option<Located<PartyId>>,
    pub(super) written: Option<WrittenGrant>,
}

/// A `[[caps]]` table.
#[derive(Debug)]
pub(super) struct CapDraft {
    pub(super) name: Option<Located<RuleName>>,
    pub(super) grantees: Vec<Located<PartyId>>,
    pub(super) written: Option<WrittenCap>,
}

/// Reads `[[grants]]`.
pub(super) fn grants(grantor: &PartyId, root: &mut Section<'_>) -> Vec<GrantDraft> {
    let sections = root.sections(&key("grants", "[[grants]]"));
    too_many(root, "grants", sections.len());
    sections.into_iter().map(|section| grant(grantor, section)).collect()
}

/// Reads `[[caps]]`.
pub(super) fn caps(owner: &PartyId, root: &mut Section<'_>) -> Vec<CapDraft> {
    let sections = root.sections(&key("caps", "[[caps]]"));
    too_many(root, "caps", sections.len());
    sections.into_iter().map(|section| cap(owner, section)).collect()
}

fn too_many(root: &Section<'_>, name: &str, count: usize) {
    if count > MOST {
        let cause = format!("the file has {count} `[[{name}]]`, more than {MOST}");
        root.problem(root.line_of(name), cause, "grant to a role, or with a wider scope");
    }
}

fn grant(grantor: &PartyId, mut section: Section<'_>) -> GrantDraft {
    let before = section.problem_count();
    let name: Option<Located<RuleName>> = section.parsed(&key("name", "\"follow-the-batch\""), SLUG_FIX);
    let version = section.integer(&key("version", "2"), 1..u64::from(u32::MAX));
    let version = version.and_then(|version| u32::try_from(version.value).ok()).unwrap_or(1);
    let party: Option<Located<PartyId>> = section.optional_parsed(&key("grantee", "\"halden\""), SLUG_FIX);
    let grantee = grantee(&mut section, party.as_ref());
    let scope = scope(&mut section);
    let levels = match section.section(&key("levels", "{ existence = \"full\", where = \"site\" }")) {
        Some(table) => levels(Sight::default(), table),
        None => Sight::default(),
    };
    let purpose = section.text(&key("purpose", "\"cold-chain claims\""));
    let legal_basis = section.optional_text(&key("legal_basis", "\"contract 4711\""));
    let valid_from = section.time(&key("valid_from", "2026-01-01"));
    let valid_until = section.time(&key("valid_until", "2027-01-01"));
    let conditions = Conditions {
        full_identifier: section.flag(&key("full_identifier", "true")),
        role: role(&mut section, "required_role"),
        licence: licence(&mut section),
        least_contributors: number(
            &mut section,
            &key("least_contributors", "5"),
            2..u64::from(*CONTRIBUTORS.end()) + 1,
        ),
        queries_per_day: number(&mut section, &key("queries_per_day", "1000"), 1..u64::from(QUERIES) + 1),
    };
    let both = section.flag(&key("both_sign", "true"));
    let signatures: Vec<Located<String>> = section.list(&key("signatures", "[\"eyJ…..…\"]"), false, "give it in quotes");
    let sound = section.problem_count() == before;
    let written = name
        .as_ref()
        .zip(grantee)
        .zip(purpose)
        .zip(valid_from.zip(valid_until))
        .filter(|_| sound)
        .and_then(|(((name, grantee), purpose), (from, until))| {
            let grant = Grant {
                id: grant_id(grantor, name.value.as_str(), version, from.value),
                name: Some(name.value.to_string()),
                version,
                supersedes: None,
                grantor: grantor.clone(),
                grantee,
                scope,
                levels,
                purpose: purpose.value,
                legal_basis: legal_basis.map(|text| text.value),
                valid_from: from.value,
                valid_until: until.value,
                conditions,
                signers: if both { Signers::Both } else { Signers::Grantor },
                reshare: Reshare::None,
            };
            if let Err(fault) = grant.check() {
                section.problem(section.line(), fault.to_string(), "correct this `[[grants]]`");
                return None;
            }
            signed(&section, grant, signatures)
        });
    section.finish();
    GrantDraft {
        name,
        grantee: party,
        written,
    }
}

/// With its signatures, if all of them fit.
fn signed(section: &Section<'_>, grant: Grant, signatures: Vec<Located<String>>) -> Option<WrittenGrant> {
    let text = grant.canonical().ok()?;
    let mut kept = Vec::with_capacity(signatures.len());
    for Located { value, line } in signatures {
        match signature::verify(&value, &text) {
            Ok(_) => kept.push(value),
            Err(error) => {
                let fix = "have the text signed that `counterfoil partner check` prints for this grant without its signatures";
                section.problem(line, error.to_string(), fix);
            }
        }
    }
    Some(WrittenGrant { grant, signatures: kept })
}

fn grantee(section: &mut Section<'_>, party: Option<&Located<PartyId>>) -> Option<Grantee> {
    let all = role(section, "grantee_role");
    let country: Option<Located<Country>> = section.optional_parsed(&key("grantee_country", "\"SE\""), COUNTRY_FIX);
    match (party, all) {
        (Some(party), None) if country.is_none() => Some(Grantee::Party(party.value.clone())),
        (None, Some(role)) => Some(Grantee::Role {
            role,
            country: country.map(|country| country.value.0),
        }),
        (Some(_), _) | (None, None) => {
            section.problem(
                section.line(),
                "it must be said who gets the grant, once",
                "name the id of a party as `grantee` alone, or a role as `grantee_role` with or without `grantee_country`",
            );
            None
        }
    }
}

fn number(section: &mut Section<'_>, key: &Key, range: Range<u64>) -> Option<u32> {
    let number = section.integer(key, range)?;
    u32::try_from(number.value).ok()
}

fn licence(section: &mut Section<'_>) -> Option<Required> {
    let role = role(section, "licensed_as");
    let country: Option<Located<Country>> = section.optional_parsed(&key("licensed_in", "\"SE\""), COUNTRY_FIX);
    if let (None, Some(country)) = (&role, &country) {
        let fix = "say for which role the licence must be: `licensed_as = \"wholesaler\"`";
        section.problem(country.line, "`licensed_in` stands without `licensed_as`", fix);
    }
    let country = country.map(|country| country.value.0);
    role.map(|role| Required { role, country })
}

fn role(section: &mut Section<'_>, name: &'static str) -> Option<Role> {
    let role: Option<Located<Word<Role>>> = section.optional_parsed(&key(name, "\"wholesaler\""), ROLE_FIX);
    role.map(|role| role.value.0)
}

fn levels(mut sight: Sight, mut section: Section<'_>) -> Sight {
    for (class, name, example) in CLASSES {
        let Some(level) = section.optional_text(&key(name, example)) else {
            continue;
        };
        if let Err(error) = sight.set(class, &level.value) {
            section.problem(level.line, format!("`{name}`: {error}"), "use one of its levels");
        }
    }
    section.finish();
    sight
}

fn scope(section: &mut Section<'_>) -> Scope {
    let Some(mut section) = section.section(&key("scope", "{ gtins = [\"09521001001014\"] }")) else {
        return Scope::default();
    };
    let texts = |section: &mut Section<'_>, name, example| {
        let texts: Vec<Located<String>> = section.list(&key(name, example), false, "give texts in quotes");
        values(texts)
    };
    let countries: Vec<Located<Country>> = section.list(&key("countries", "[\"CH\"]"), false, COUNTRY_FIX);
    let sites: Vec<Located<Gln>> = section.list(&key("sites", "[\"9521002000115\"]"), false, KEY_FIX);
    let scope = Scope {
        gtins: values(section.list(&key("gtins", "[\"09521001001014\"]"), false, KEY_FIX)),
        lots: texts(&mut section, "lots", "[\"LOT-1\"]"),
        sites: values(sites),
        biz_steps: texts(&mut section, "biz_steps", "[\"shipping\"]"),
        countries: values(countries).into_iter().map(|country| country.0).collect(),
        event_from: moment(&mut section, "event_from"),
        event_until: moment(&mut section, "event_until"),
    };
    if let Err(fault) = scope.check() {
        section.problem(section.line(), fault.to_string(), "correct this `scope`");
    }
    section.finish();
    scope
}

fn moment(section: &mut Section<'_>, name: &'static str) -> Option<Micros> {
    section.optional_time(&key(name, "2026-01-01")).map(|at| at.value)
}

fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
    located.into_iter().map(|one| one.value).collect()
}

fn cap(owner: &PartyId, mut section: Section<'_>) -> CapDraft {
    let before = section.problem_count();
    let name: Option<Located<RuleName>> = section.parsed(&key("name", "\"no-places\""), SLUG_FIX);
    let grantees: Vec<Located<PartyId>> = section.list(&key("grantees", "[\"halden\"]"), false, SLUG_FIX);
    let scope = scope(&mut section);
    let levels = match section.section(&key("levels", "{ where = \"country\" }")) {
        Some(table) => levels(Sight::FULL, table),
        None => Sight::FULL,
    };
    if section.problem_count() == before && levels == Sight::FULL {
        section.problem(
            section.line(),
            "`levels` limits nothing",
            "name a class and its highest level: `levels = { where = \"country\" }`",
        );
    }
    let sound = section.problem_count() == before;
    section.finish();
    let written = name.as_ref().filter(|_| sound).map(|name| WrittenCap {
        name: name.value.to_string(),
        cap: Cap {
            id: CapId::new(uuid::Uuid::nil()),
            name: Some(name.value.to_string()),
            owner: owner.clone(),
            grantees: grantees.iter().map(|one| one.value.clone()).collect(),
            scope,
            levels,
        },
    });
    CapDraft { name, grantees, written }
}
