//! `[[webhooks]]`: origins that a party's subscriptions may deliver to.
//!
//! Only what the operator has written here is ever called. Plain HTTP is read for the hub's own machine alone; whether it is
//! used at all is a setting for tests.

use std::path::Path;

use crate::domain::webhook::{Origin, Webhook};

use super::draft::key;
use super::issuer;
use super::reader::{Located, Section, cut};

const ORIGIN_FIX: &str = "write `https://`, host and port, without a path";

/// Reads all of them.
pub(super) fn read(folder: &Path, root: &mut Section<'_>) -> Vec<Webhook> {
    let mut read: Vec<Webhook> = Vec::new();
    for section in root.sections(&key("webhooks", "[[webhooks]]")) {
        let line = section.line();
        let Some(one) = webhook(folder, section) else { continue };
        if read.iter().any(|known| known.origin == one.origin) {
            root.problem(line, format!("`{}` is named twice", one.origin), "name each origin once");
        } else {
            read.push(one);
        }
    }
    read
}

fn webhook(folder: &Path, mut section: Section<'_>) -> Option<Webhook> {
    let origin: Option<Located<Origin>> = section.parsed(&key("origin", "\"https://erp.aurora.example:8443\""), ORIGIN_FIX);
    let ca = section.optional_text(&key("ca", "\"ca/aurora-erp.pem\""));
    let pem = ca.as_ref().and_then(|name| match issuer::read(folder, &name.value) {
        Ok(text) => Some(text),
        Err((cause, fix)) => {
            section.problem(name.line, format!("`ca` `{}`: {cause}", cut(&name.value)), fix);
            None
        }
    });
    if let Some(Located { value, line }) = &origin {
        match (value.is_tls(), &ca) {
            (true, None) => section.problem(
                *line,
                format!("nothing says which CA vouches for `{value}`"),
                "add `ca`, a PEM file with the CA of its server certificate",
            ),
            (false, _) if !value.is_plain_loopback() => {
                section.problem(*line, format!("`{value}` is not called by TLS"), ORIGIN_FIX);
            }
            (false, Some(ca)) => section.problem(ca.line, "`ca` is of no use without TLS", "remove it"),
            (true, Some(_)) | (false, None) => {}
        }
    }
    section.finish();
    Some(Webhook {
        origin: origin?.value,
        ca: pem,
    })
}
