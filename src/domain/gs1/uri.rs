//! Identifiers that are neither GS1 keys nor EPCs: any absolute URI, kept as it stands.

use super::Fault;

/// Longest identifier, in bytes.
pub(super) const MAX_BYTES: usize = 2_048;

/// Refuses what is not an absolute URI (RFC 3986 clause 4.3; letters beyond ASCII as in RFC 3987).
pub(super) fn verify(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::epc("it is empty"));
    }
    if text.len() > MAX_BYTES {
        return Err(Fault::epc(format!("it is longer than {MAX_BYTES} bytes")));
    }
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    if let Some(character) = text.chars().find(|c| wrong(*c)) {
        return Err(Fault::epc(format!(
            "`{}` is not allowed in a URI",
            character.escape_default()
        )));
    }
    let (scheme, rest) = text
        .split_once(':')
        .ok_or_else(|| Fault::epc("it is no URI: send an EPC URN, a GS1 Digital Link or another absolute URI"))?;
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !named || rest.trim_start_matches('/').is_empty() {
        return Err(Fault::epc("it is no absolute URI"));
    }
    if scheme.eq_ignore_ascii_case("urn") {
        let namespace = rest.split(':').next().unwrap_or_default();
        let misspelt = namespace.len() > 3
            && namespace.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("epc"))
            && !namespace.eq_ignore_ascii_case("epcglobal");
        if misspelt {
            return Err(Fault::epc("an EPC URN begins with `urn:epc:`"));
        }
    }
    Ok(())
}
