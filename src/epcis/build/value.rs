//! Single values of an event: texts, times, identifiers, terms, places.

use std::borrow::Cow;

use super::super::decimal::decimal;
use super::super::document::Syntax;
use super::super::escape;
use super::super::reading::quoted;
use super::super::tree::{Kind, View};
use super::super::vocabulary::Vocabulary;
use super::{Builder, node};
use crate::domain::event::{ErrorDeclaration, Event, Location, Node, PersistentDisposition, Term};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gs1::{Epc, Gs1Error};
use crate::domain::time::Micros;

impl Builder<'_, '_> {
    /// The trimmed text of a field; `None` with a finding where it holds something else, `None` where it is empty.
    pub(super) fn text<'t>(&mut self, field: View<'t>) -> Option<Cow<'t, str>> {
        let Some(text) = field.text() else {
            if field.kind() != Kind::Null {
                self.find(FindingCode::InvalidValue, field, "must be a single value");
            }
            return None;
        };
        let text = match escape::from_xml_text(&text) {
            Cow::Owned(decoded) if self.reading.syntax != Syntax::Json => Cow::Owned(decoded),
            Cow::Owned(_) | Cow::Borrowed(_) => text,
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.find(FindingCode::EmptyValue, field, "is empty; read as absent");
            return None;
        }
        if trimmed.len() == text.len() {
            return Some(text);
        }
        // Schema whitespace facets collapse in XML; in JSON the white space is the sender's mistake.
        if self.reading.syntax == Syntax::Json {
            self.find(FindingCode::ValueCorrected, field, "has white space around the value");
        }
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        })
    }

    /// A URI. Anything without a scheme is kept, with a finding: numbers of orders and events are met bare.
    pub(super) fn uri(&mut self, field: View<'_>) -> Option<Box<str>> {
        let text = self.text(field)?;
        let text = escape::plain(&text);
        if !text.contains(':') {
            self.find(FindingCode::NotAUri, field, format!("{} is no absolute URI", quoted(&text)));
        }
        Some(text.into())
    }

    /// A field that may stand once.
    pub(super) fn once(&mut self, field: View<'_>, slot: fn(&mut Event) -> &mut Option<Box<str>>) {
        let value = self.uri(field);
        let slot = slot(&mut self.event);
        if slot.is_some() {
            self.find(FindingCode::UnexpectedField, field, "stands twice");
        } else {
            *slot = value;
        }
    }

    pub(super) fn event_time(&mut self, field: View<'_>) {
        if self.event_time.is_some() {
            return self.find(FindingCode::UnexpectedField, field, "stands twice");
        }
        self.event_time = self.time(field);
    }

    pub(super) fn time(&mut self, field: View<'_>) -> Option<Micros> {
        let text = self.text(field)?;
        let time = Micros::parse(&text);
        if time.is_err() {
            self.find(
                FindingCode::InvalidTime,
                field,
                format!("{} is no time with a zone", quoted(&text)),
            );
        }
        time.ok()
    }

    /// `^[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00$`; `Z` is met and means `+00:00`.
    pub(super) fn offset(&mut self, field: View<'_>) {
        if self.offset.is_some() {
            return self.find(FindingCode::UnexpectedField, field, "stands twice");
        }
        let Some(text) = self.text(field) else { return };
        if &*text == "Z" {
            self.find(FindingCode::ValueCorrected, field, "`Z` must be `+00:00`");
            self.offset = Some(0);
            return;
        }
        self.offset = offset_minutes(&text);
        if self.offset.is_none() {
            self.find(
                FindingCode::InvalidValue,
                field,
                format!("{} is no offset such as +01:00", quoted(&text)),
            );
        }
    }

    pub(super) fn parent(&mut self, field: View<'_>) {
        if self.event.parent.is_some() {
            return self.find(FindingCode::UnexpectedField, field, "stands twice");
        }
        if field.text().is_none_or(|text| text.trim() != escape::NONE) {
            self.event.parent = self.epc(field);
        }
    }

    /// Any identifier of a thing, place or party.
    pub(super) fn epc(&mut self, field: View<'_>) -> Option<Epc> {
        let text = self.text(field)?;
        let text = escape::plain(&text);
        if !text.contains(':') {
            self.about_epc(FindingCode::InvalidEpc, field, &text, format!("{} is no URI", quoted(&text)));
            return self.opaque(FindingCode::InvalidEpc, field, Epc::opaque(&text));
        }
        match text.parse::<Epc>() {
            Ok(epc) => Some(epc),
            Err(error) => {
                let code = self.gs1_error(field, &text, &error);
                self.opaque(code, field, Epc::opaque(&text))
            }
        }
    }

    /// What breaks the rules of identifiers is kept as it stands where the profile does not refuse it.
    pub(super) fn opaque<T>(&mut self, code: FindingCode, field: View<'_>, kept: Option<T>) -> Option<T> {
        if self.reading.limits.profile.refuses(code) {
            return None;
        }
        if kept.is_none() {
            self.find(FindingCode::InvalidValue, field, "is too long for an identifier");
        }
        kept
    }

    pub(super) fn gs1_error(&mut self, field: View<'_>, text: &str, error: &Gs1Error) -> FindingCode {
        let check_digit = error.code == FindingCode::InvalidCheckDigit.as_str();
        let code = if check_digit {
            FindingCode::InvalidCheckDigit
        } else {
            FindingCode::InvalidEpc
        };
        self.about_epc(code, field, text, error.message.clone());
        code
    }

    fn about_epc(&mut self, code: FindingCode, field: View<'_>, text: &str, detail: String) {
        if self.reading.findings.keeps(code) {
            let pointer = self.reading.pointer(field, self.base);
            let shown: String = text.chars().take(200).collect();
            let finding = Finding::new(code, pointer, detail).at_event(self.reading.count).about(shown);
            self.reading.findings.keep(finding);
        }
    }

    pub(super) fn term(&mut self, field: View<'_>, vocabulary: Vocabulary) -> Option<Term> {
        let text = self.text(field)?;
        let text = escape::plain(&text);
        let read = vocabulary.read(&text);
        if read.corrected {
            self.find(
                FindingCode::ValueCorrected,
                field,
                format!("{} is misspelt; read as `{}`", quoted(&text), read.term.as_str()),
            );
        } else if !read.known {
            self.find(
                FindingCode::UnknownVocabulary,
                field,
                format!("{} is not in CBV 2.0", quoted(&text)),
            );
        }
        Some(read.term)
    }

    /// `readPoint` or `bizLocation`: an `id` and extensions; a bare URI in its place leaves no doubt.
    pub(super) fn location(&mut self, field: View<'_>) -> Option<Location> {
        if field.text().is_some_and(|text| !text.trim().is_empty()) {
            self.find(FindingCode::StructureCorrected, field, "must hold an `id`");
            return Some(Location {
                id: self.epc(field)?,
                extensions: Vec::new(),
            });
        }
        let mut id = None;
        let mut extensions = Vec::new();
        self.location_members(field, &mut id, &mut extensions);
        if id.is_none() && field.get("id").is_none() {
            self.find(FindingCode::MissingField, field, "has no `id`");
        }
        Some(Location { id: id?, extensions })
    }

    fn location_members(&mut self, field: View<'_>, id: &mut Option<Epc>, extensions: &mut Vec<Node>) {
        for child in field.members() {
            match child.local() {
                "id" => *id = self.epc(child),
                "extension" if child.namespace() == 0 => self.location_members(child, id, extensions),
                "@context" => {}
                _ => node::extensions(self.reading, child, self.base, extensions),
            }
        }
    }

    /// One URI or several; EPCIS 2.0 XML has one, JSON a string or an array.
    pub(super) fn certification(&mut self, field: View<'_>) {
        let items = if field.kind() == Kind::Array {
            field.items()
        } else {
            vec![field]
        };
        for item in items {
            if let Some(uri) = self.uri(item) {
                self.event.certification_info.push(uri);
            }
        }
    }

    pub(super) fn persistent_disposition(&mut self, field: View<'_>) {
        let mut found = PersistentDisposition::default();
        for child in field.members() {
            let values = if child.kind() == Kind::Array {
                child.items()
            } else {
                vec![child]
            };
            for value in values {
                let Some(term) = self.term(value, Vocabulary::Disposition) else {
                    continue;
                };
                match child.local() {
                    "set" => found.set.push(term),
                    "unset" => found.unset.push(term),
                    other => self.find(
                        FindingCode::UnexpectedField,
                        child,
                        format!("{} is neither `set` nor `unset`", quoted(other)),
                    ),
                }
            }
        }
        self.event.persistent_disposition = Some(found);
    }

    pub(super) fn error_declaration(&mut self, field: View<'_>) {
        let mut found = ErrorDeclaration {
            declaration_time: Micros(0),
            reason: None,
            corrective_event_ids: Vec::new(),
            extensions: Vec::new(),
        };
        let mut time = None;
        self.declaration_members(field, &mut found, &mut time);
        match time {
            Some(time) => found.declaration_time = time,
            None if super::mentions(field, "declarationTime") => {}
            None => self.find(FindingCode::MissingField, field, "has no `declarationTime`"),
        }
        self.event.error_declaration = Some(found);
    }

    fn declaration_members(&mut self, field: View<'_>, found: &mut ErrorDeclaration, time: &mut Option<Micros>) {
        for child in field.members() {
            match child.local() {
                "declarationTime" => *time = self.time(child),
                "reason" => found.reason = self.term(child, Vocabulary::ErrorReason),
                "correctiveEventIDs" => {
                    for item in child.items() {
                        found.corrective_event_ids.extend(self.uri(item));
                    }
                }
                "extension" if child.namespace() == 0 => self.declaration_members(child, found, time),
                "@context" => {}
                _ => node::extensions(self.reading, child, self.base, &mut found.extensions),
            }
        }
    }

    /// A decimal in the one spelling the hub keeps; see [`decimal`].
    pub(super) fn decimal(&mut self, field: View<'_>) -> Option<Box<str>> {
        let text = self.text(field)?;
        let value = decimal(&text);
        match &value {
            None => self.find(FindingCode::InvalidValue, field, format!("{} is no number", quoted(&text))),
            Some(_) if self.reading.syntax == Syntax::Json && field.kind() == Kind::Text => {
                self.find(FindingCode::ValueCorrected, field, "must be a number, not a string");
            }
            Some(_) => {}
        }
        value.map(Into::into)
    }
}

fn offset_minutes(text: &str) -> Option<i16> {
    let bytes = text.as_bytes();
    let &[sign, h1, h2, b':', m1, m2] = bytes else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    let total = hours * 60 + minutes;
    if minutes > 59 || total > 14 * 60 {
        return None;
    }
    match sign {
        b'+' => Some(total),
        b'-' => Some(-total),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_the_pattern() {
        let check = |text: &str, expect: Option<i16>| assert_eq!(offset_minutes(text), expect, "{text}");
        check("+01:00", Some(60));
        check("-06:30", Some(-390));
        check("+14:00", Some(840));
        check("+14:01", None);
        check("+1:00", None);
        check("01:00", None);
        check("+01:60", None);
    }
}
