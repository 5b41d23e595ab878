//! URIs as validators of XML Schema and JSON Schema read them: RFC 3986, whatever scheme.
//!
//! Whether it names anything is not asked here; see `domain::gs1`.

/// `xsd:anyURI`: a reference of RFC 3986, once what may not stand in one is thought escaped, spaces included (XML Schema part 2,
/// clause 3.2.17).
pub(in crate::epcis) fn is_reference(text: &str) -> bool {
    let escaped = |character: char| !('!'..='\u{7e}').contains(&character) || "<>\"{}|\\^`".contains(character);
    text.is_empty() || reference(&text.replace(escaped, "_"), false)
}

/// Format `uri` of JSON Schema: a URI of RFC 3986, with its scheme.
pub(in crate::epcis) fn is_uri(text: &str) -> bool {
    reference(text, true)
}

/// RFC 3986, appendix A: `URI` if a scheme must stand, else `URI-reference`.
fn reference(text: &str, absolute: bool) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    if !run(fragment, ":@/?") || !run(query, ":@/?") {
        return false;
    }
    let schemed = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
    match schemed {
        Some((_, rest)) => hierarchy(rest),
        None if absolute => false,
        None => hierarchy(text) && !text.split('/').next().is_some_and(|first| first.contains(':')),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn hierarchy(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("//") else {
        return run(text, ":@/");
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.strip_prefix('[').and_then(|literal| literal.split_once(']')) {
        Some((literal, port))
            if literal
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) =>
        {
            ("", port.strip_prefix(':').unwrap_or(port))
        }
        Some(_) => return false,
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    run(user, ":") && run(host, "") && port.bytes().all(|byte| byte.is_ascii_digit()) && run(path, ":@/")
}

/// Whether the text holds nothing but unreserved characters, sub-delimiters, escapes and those named.
fn run(text: &str, more: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let good = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) || more.as_bytes().contains(&byte);
        let escape = byte == b'%'
            && [bytes.next(), bytes.next()]
                .iter()
                .all(|hex| hex.is_some_and(|hex| hex.is_ascii_hexdigit()));
        if !good && !escape {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_those_of_rfc_3986() {
        let check = |text: &str, full: bool, reference: bool| {
            assert_eq!((is_uri(text), is_reference(text)), (full, reference), "{text}");
        };
        check("urn:epc:id:sgtin:4012345.012345.A%2F1", true, true);
        check("urn:epc:idpat:sgtin:4012345.012345.*", true, true);
        check("https://id.gs1.org/01/10614141073464/21/2017", true, true);
        check("http://[::1]:80/a?b#c", true, true);
        check("ex:myField", true, true);
        check("ex:my key", false, true);
        check("shipping", false, true);
        check("", false, true);
        check("urn:a%2", false, false);
        check("1a:b", false, false);
        check("http://host:port/", false, false);
        check("urn:ä", false, true);
        check("urn:a#b#c", false, false);
        check("a[1]", false, false);
    }
}
