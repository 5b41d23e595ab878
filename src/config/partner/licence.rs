//! `[[licences]]`: what authorities have allowed a party.

use crate::domain::party::Role;
use crate::domain::party::licence::Licence;

use super::draft::{COUNTRY_FIX, Country, ROLE_FIX, Word, key, label};
use super::reader::{Located, Section};

/// Reads all of them.
pub(super) fn read(root: &mut Section<'_>, roles: &[Role]) -> Vec<Licence> {
    let sections = root.sections(&key("licences", "[[licences]]"));
    sections.into_iter().filter_map(|section| licence(section, roles)).collect()
}

fn licence(mut section: Section<'_>, roles: &[Role]) -> Option<Licence> {
    let role: Option<Located<Word<Role>>> = section.parsed(&key("role", "\"wholesaler\""), ROLE_FIX);
    let country: Option<Located<Country>> = section.optional_parsed(&key("country", "\"FR\""), COUNTRY_FIX);
    let authority = label(&mut section, &key("authority", "\"ANSM\""));
    let number = label(&mut section, &key("number", "\"W 2024/117\""));
    let from = section.time(&key("valid_from", "2024-01-01"));
    let until = section.optional_time(&key("valid_until", "2029-01-01"));
    if let Some(role) = &role
        && !roles.contains(&role.value.0)
    {
        section.problem(
            role.line,
            "the party has not the role that this licence is for",
            "add it to `roles`, or correct the licence",
        );
    }
    if let (Some(from), Some(until)) = (&from, &until)
        && until.value <= from.value
    {
        section.problem(until.line, "`valid_until` is not after `valid_from`", "correct one of them");
    }
    section.finish();
    Some(Licence {
        role: role?.value.0,
        country: country.map(|country| country.value.0),
        authority: authority?,
        number: number?,
        valid_from: from?.value,
        valid_until: until.map(|until| until.value),
    })
}
