//! Which media type comes in and which goes out (RFC 9110 clause 12.5.1).

use axum::http::{HeaderMap, header};

/// What an answer is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells a refused request.
    GraphqlResponse,
    /// `application/json`: 200 whatever the query came to, as older clients expect.
    Json,
}

impl Media {
    /// The header's value.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// What the caller takes of what we make; JSON if it does not say.
pub(super) fn media(headers: &HeaderMap) -> Option<Media> {
    let accepted: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    if accepted.is_empty() {
        return Some(Media::Json);
    }
    let ranges: Vec<(&str, u16)> = accepted.iter().flat_map(|value| value.split(',')).map(range).collect();
    let quality = |name: &str, wildcards: &[&str]| {
        let of = |wanted: &str| {
            ranges
                .iter()
                .find(|(range, _)| range.eq_ignore_ascii_case(wanted))
                .map(|(_, quality)| *quality)
        };
        of(name)
            .or_else(|| wildcards.iter().find_map(|wildcard| of(wildcard)))
            .unwrap_or(0)
    };
    // A wildcard asks for nothing in particular: it gets the older of the two.
    let graphql = quality("application/graphql-response+json", &[]);
    let json = quality("application/json", &["application/*", "*/*"]);
    match (graphql, json) {
        (0, 0) => None,
        (graphql, json) if graphql >= json => Some(Media::GraphqlResponse),
        _ => Some(Media::Json),
    }
}

/// One range and its quality in thousandths; other parameters do not count.
fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1.0), |quality| {
        quality.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality))
    });
    // In range by the filter; an unreadable one counts as not accepted.
    let thousandths = quality.unwrap_or(0.0) * 1_000.0;
    (name, thousandths as u16)
}

/// Whether the body is said to be JSON in UTF-8.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.filter(|part| !part.is_empty()).all(|part| match part.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    });
    is_json && is_utf8
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn answers_as_it_is_asked() {
        let check = |accept, expect| assert_eq!(media(&headers(header::ACCEPT, accept)), expect, "{accept}");
        check("application/graphql-response+json", Some(Media::GraphqlResponse));
        check(
            "application/graphql-response+json, application/json;q=0.9",
            Some(Media::GraphqlResponse),
        );
        check("application/graphql-response+json;q=0.5, application/json", Some(Media::Json));
        check("application/json; charset=utf-8", Some(Media::Json));
        check("*/*", Some(Media::Json));
        check("application/graphql-response+json, */*", Some(Media::GraphqlResponse));
        check("application/json;q=0, */*", None);
        check("text/html", None);
        assert_eq!(media(&HeaderMap::new()), Some(Media::Json));
    }

    #[test]
    fn takes_json_in_utf8_alone() {
        let check = |value, expect| assert_eq!(is_json(&headers(header::CONTENT_TYPE, value)), expect, "{value}");
        check("application/json", true);
        check("Application/JSON; charset=\"UTF-8\"", true);
        check("application/json; charset=iso-8859-1", false);
        check("application/graphql", false);
        check("text/plain", false);
        check("application/x-www-form-urlencoded", false);
        check("multipart/form-data; boundary=x", false);
        assert!(!is_json(&HeaderMap::new()));
    }
}
