//! How stocks of serial numbers are kept: where numbers are ordered, when somebody is told, when they are asked for by themselves.

use std::path::Path;

use crate::domain::serial::forecast::Replenish;
use crate::domain::serial::rule::Source;
use crate::domain::serial::upstream::{Supply, Upstream, is_base_url};

use super::draft::key;
use super::issuer;
use super::reader::{Located, Section, cut};

const SECRET_FIX: &str =
    "name a file of the hub's secrets folder: letters, digits, dots, hyphens and underscores; never the secret itself";

/// Reads what stands beside the serial rule of a product.
pub(super) fn read(folder: &Path, section: &mut Section<'_>, source: Source) -> Supply {
    let low_water = section.integer(&key("low_water", "10000"), 1..i64::MAX as u64);
    let table = section.section(&key("upstream", "{ url = \"https://…\", ca = \"ca/upstream.pem\" }"));
    let upstream_line = table.as_ref().map(Section::line);
    let upstream = table.and_then(|table| upstream(folder, table));
    if let Some(low_water) = &low_water
        && !matches!(source, Source::Imported | Source::Brokered)
    {
        section.problem(
            low_water.line,
            "`low_water` is for numbers that stand in a list",
            "remove it, or set `source` to \"imported\" or \"brokered\"",
        );
    }
    match (source, upstream_line) {
        (Source::Brokered, None) => section.problem(
            section.line(),
            "`source` is \"brokered\" and no `upstream` says where numbers are ordered",
            "add `[products.serials.upstream]` with `url`, `ca`, `batch` and `identity` or `token`",
        ),
        (Source::Permutation | Source::Sequential | Source::Imported | Source::Delegate, Some(line)) => section.problem(
            line,
            "`upstream` says where numbers are ordered, and none are",
            "remove it, or set `source = \"brokered\"`",
        ),
        (Source::Brokered, Some(_)) | (_, None) => {}
    }
    Supply {
        low_water: low_water.map(|level| level.value),
        upstream,
    }
}

fn upstream(folder: &Path, mut section: Section<'_>) -> Option<Upstream> {
    let url = section.text(&key("url", "\"https://l4.aurora.example:8443\""));
    let ca = section.text(&key("ca", "\"ca/aurora-l4.pem\""));
    let identity = secret(&mut section, "identity", "\"aurora-l4.pem\"");
    let token = secret(&mut section, "token", "\"aurora-l4.token\"");
    let whole = 1..i64::MAX as u64;
    let batch = section.integer(&key("batch", "50000"), whole.clone());
    let minimum = section.integer(&key("minimum", "10000"), whole);
    if let Some(url) = url.as_ref().filter(|url| !is_base_url(&url.value)) {
        section.problem(
            url.line,
            format!("`url` is `{}`", cut(&url.value)),
            "write `https://`, host and port, without a slash at the end, a user or a query",
        );
    }
    if identity.is_none() && token.is_none() {
        section.problem(
            section.line(),
            "nothing says how the hub shows who it is",
            "add `identity` (certificate and key) or `token`",
        );
    }
    let ca = ca.and_then(|name| match issuer::read(folder, &name.value) {
        Ok(text) => Some(text),
        Err((cause, fix)) => {
            section.problem(name.line, format!("`ca` `{}`: {cause}", cut(&name.value)), fix);
            None
        }
    });
    section.finish();
    Some(Upstream {
        url: url.filter(|url| is_base_url(&url.value))?.value,
        ca: ca?,
        identity,
        token,
        batch: batch.map_or(DEFAULT_BATCH, |batch| batch.value),
        minimum: minimum.map(|minimum| minimum.value),
    })
}

/// How many numbers are ordered at once if the file does not say.
const DEFAULT_BATCH: u64 = 10_000;

fn secret(section: &mut Section<'_>, name: &'static str, example: &'static str) -> Option<String> {
    let text: Located<String> = section.optional_text(&key(name, example))?;
    let plain = text
        .value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if text.value.is_empty() || text.value.len() > 100 || !plain || text.value.starts_with('.') {
        // Not the text: it may be the secret.
        section.problem(text.line, format!("`{name}` is no name of a secret"), SECRET_FIX);
    }
    Some(text.value)
}

/// Reads the `replenish` table of an agreement.
pub(super) fn replenish(mut section: Section<'_>) -> Replenish {
    let most = 0..i64::MAX as u64;
    let minimum = section.integer(&key("minimum", "10000"), most.clone());
    let maximum = section.integer(&key("maximum", "100000"), most);
    let days = section.integer(&key("days_of_cover", "14"), 1..366);
    let minimum = minimum.map_or(0, |minimum| minimum.value);
    if let Some(maximum) = maximum.as_ref().filter(|maximum| maximum.value <= minimum) {
        section.problem(
            maximum.line,
            format!("`maximum` is {}, which is not above the minimum {minimum}", maximum.value),
            "give a greater maximum: up to it numbers are asked for when there are fewer than the minimum",
        );
    }
    if minimum == 0 && days.is_none() {
        section.problem(
            section.line(),
            "nothing says when the stock is low",
            "add `minimum = 10000` or `days_of_cover = 14`",
        );
    }
    section.finish();
    Replenish {
        minimum,
        maximum: maximum.map(|maximum| maximum.value),
        days_of_cover: days.and_then(|days| u16::try_from(days.value).ok()),
    }
}
