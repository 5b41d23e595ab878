//! Where a product's numbers are asked for that its owner's own system makes: what the owner's file says of it.

use serde::{Deserialize, Serialize};

/// The owner's own system. It speaks this hub's own interface (`/serials/v1/allocations`), so that it can be a hub itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Beginning of its addresses, `https://host[:port][/path]`, without a slash at the end.
    pub url: String,
    /// The CA of its server certificate, PEM.
    pub ca: String,
    /// Name of the secret with the hub's certificate and key (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Name of the secret with a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How many numbers are asked for at once; more if one request wants more.
    pub batch: u64,
    /// The hub asks for more when it has fewer than this many left; none: only when a request needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<u64>,
}

/// How the stock of a product whose numbers are not computed is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// Numbers left in the pool below which its owner is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_water: Option<u64>,
    /// Where numbers are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
}

/// The beginning of addresses, if a text is one: TLS, a host, no user, no query, no slash at the end.
#[must_use]
pub fn is_base_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/:[]".contains(&byte));
    !host.is_empty()
        && !host.starts_with([':', '-', '.'])
        && plain
        && !rest.ends_with('/')
        && !rest.contains("..")
        && rest.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_to_a_host() {
        for good in [
            "https://l4.example",
            "https://l4.example:8443",
            "https://[::1]:8443",
            "https://l4.example/hub",
        ] {
            assert!(is_base_url(good), "{good}");
        }
        for bad in [
            "",
            "l4.example",
            "http://l4.example",
            "https://",
            "https:///x",
            "https://user@l4.example",
            "https://l4.example/",
            "https://l4.example?x=1",
            "https://l4.example#x",
            "https://l4.example/../x",
            "https://l4 .example",
            "https://:443",
        ] {
            assert!(!is_base_url(bad), "{bad}");
        }
    }
}
