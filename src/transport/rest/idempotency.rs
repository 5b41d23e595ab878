//! The caller's own name for a request: the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07 clause 2.1).
//!
//! A string in quotes (RFC 9651 clause 3.3.3), or bare as many callers send it. It only reads: what a key means is the service's to say.

use axum::http::HeaderMap;

use crate::service::{Code, ServiceError};

const NAME: &str = "idempotency-key";

/// The key, which must be there.
pub(super) fn key(headers: &HeaderMap) -> Result<String, ServiceError> {
    optional_key(headers)?.ok_or_else(|| {
        let detail = "send one header `Idempotency-Key` with a name of your own for this request, such as \
                      `Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"`; sent again with it, the answer is the same";
        ServiceError::refused(Code::KeyMissing, detail)
    })
}

/// The key, if there is one.
pub(super) fn optional_key(headers: &HeaderMap) -> Result<Option<String>, ServiceError> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refuse = |detail: &str| Err(ServiceError::refused(Code::BadInput, detail));
    if values.next().is_some() {
        return refuse("`Idempotency-Key` stands twice: one request has one name");
    }
    let text = value.to_str().ok().map(str::trim);
    match text.and_then(|text| quoted(text).or_else(|| bare(text))) {
        Some(key) => Ok(Some(key)),
        None => refuse(
            "`Idempotency-Key` is a string in quotes, of ASCII characters, in which only `\\` and `\"` stand behind a `\\`",
        ),
    }
}

fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let (mut key, mut rest) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(character) = rest.next() {
        key.push(match character {
            '"' => return None,
            '\\' => rest.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            other => other,
        });
    }
    Some(key)
}

fn bare(text: &str) -> Option<String> {
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',' | b';'));
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_key_is_a_string_in_quotes_or_a_bare_word() {
        let check = |values: &[&str], expect: Result<&str, Code>| {
            let headers: HeaderMap = values
                .iter()
                .map(|value| (HeaderName::from_static(NAME), HeaderValue::from_str(value).unwrap()))
                .collect();
            let key = key(&headers);
            assert_eq!(key.as_deref().map_err(ServiceError::code), expect, "{values:?}");
        };
        check(&["\"order 1\""], Ok("order 1"));
        check(&[r#""a\"b\\c""#], Ok(r#"a"b\c"#));
        check(
            &["8e03978e-40d5-43dd-bc93-6894a57f9324"],
            Ok("8e03978e-40d5-43dd-bc93-6894a57f9324"),
        );
        check(&["\"\""], Ok(""));
        check(&[], Err(Code::KeyMissing));
        for wrong in ["", "two words", "\"open", r#""a\b""#, r#""a"b""#, "a,b", "\"a\";x=1"] {
            check(&[wrong], Err(Code::BadInput));
        }
        check(&["a", "b"], Err(Code::BadInput));
        assert_eq!(optional_key(&HeaderMap::new()).unwrap(), None);
    }
}
