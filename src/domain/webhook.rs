//! Where events may be sent to, and how what is sent is signed.
//!
//! A destination lies below an origin that the partner file names; addresses that only exist inside a network are no
//! destination whatever a name resolves to. A signature is that of Standard Webhooks: HMAC-SHA-256 over id, time and body, so
//! that a receiver can refuse what is altered, what is old, and what it had before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::time::Micros;

/// Longest destination, in bytes.
const LONGEST: usize = 2_000;

/// An origin that a party's file allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Scheme, host and port.
    pub origin: Origin,
    /// The CA of its server certificate, PEM; none: plain HTTP on the hub's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

/// `https://host:port`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

/// Where a subscription delivers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    text: String,
    origin: Origin,
}

/// Why a text is no destination, or no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongDestination(&'static str);

const SHAPE: WrongDestination = WrongDestination("is no address of the form `https://host:port/path`, without user and fragment");
const SCHEME: WrongDestination = WrongDestination("has a scheme that is not `https`");

impl Origin {
    /// Whether it is spoken to by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Host name, or address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Without TLS, and on this machine: for tests alone.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        let is_local = self.host == "localhost" || self.host().parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !self.tls && is_local
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

impl std::str::FromStr for Origin {
    type Err = WrongDestination;

    fn from_str(text: &str) -> Result<Self, WrongDestination> {
        let destination: Destination = text.parse()?;
        // Only what an origin has: a path would look as if it meant something.
        let bare = text.splitn(4, '/').nth(3).is_none_or(str::is_empty) && !text.contains('?');
        if bare { Ok(destination.origin) } else { Err(SHAPE) }
    }
}

impl TryFrom<String> for Origin {
    type Error = WrongDestination;

    fn try_from(text: String) -> Result<Self, WrongDestination> {
        text.parse()
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Destination {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl std::str::FromStr for Destination {
    type Err = WrongDestination;

    /// Two readers of one address must not see two hosts in it: what a URL may have beyond the plain form is refused.
    fn from_str(text: &str) -> Result<Self, WrongDestination> {
        let (scheme, rest) = text.split_once("://").ok_or(SHAPE)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(SCHEME),
        };
        let visible = rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&byte));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let is_port = |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port).filter(|port| is_port(port)).ok_or(SHAPE)?),
            Some(_) | None => (authority, if tls { "443" } else { "80" }),
        };
        let host = host.to_ascii_lowercase();
        let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(SHAPE)?;
        if !visible || !is_host(&host) || text.len() > LONGEST {
            return Err(SHAPE);
        }
        Ok(Self {
            text: text.to_owned(),
            origin: Origin { tls, host, port },
        })
    }
}

/// A name with letters in it, or an address in its usual form: none of the numbers that only some readers take for one.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // The URL standard takes a name whose last label is a number (also `0x7f`) for an address.
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if numeric {
        return host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.to_string() == host);
    }
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether an address is one of the open network: not of this machine, this network, a carrier's or a cloud's inside, and
/// none that stands for one of those (RFC 6890, RFC 6598, RFC 4193, RFC 6052, RFC 3056).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            let embedded = |high: u16, low: u16| {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                Ipv4Addr::new(a, b, c, d)
            };
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public_v4(v4);
            }
            if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
                return is_public_v4(embedded(s[6], s[7]));
            }
            if s[0] == 0x2002 {
                return is_public_v4(embedded(s[1], s[2]));
            }
            // 2000::/3 is all of IPv6 that is given out; Teredo, ORCHID, documentation and 3fff::/20 are inside it and nobody's.
            let given_out = s[0] & 0xe000 == 0x2000;
            let reserved = (s[0] == 0x2001 && (s[1] < 0x0200 || s[1] == 0x0db8)) || s[0] & 0xfff0 == 0x3ff0;
            given_out && !reserved
        }
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let inside = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !inside
}

/// The signature of a delivery: `v1,` and HMAC-SHA-256 of `id.seconds.body` in base64.
///
/// A token that begins with `whsec_` is the key in base64, any other its own bytes.
#[must_use]
pub fn signature(token: &str, id: &str, at: Micros, body: &[u8]) -> String {
    let decoded = token.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(token.as_bytes()));
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{id}.{}.", seconds(at)).as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

/// Seconds since 1970.
#[must_use]
pub fn seconds(at: Micros) -> i64 {
    at.0.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_one_in_all_spellings() {
        let check = |text: &str, expect: &str| {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.origin().to_string(), expect, "{text}");
        };
        check("https://ERP.aurora.example/epcis?x=1", "https://erp.aurora.example:443");
        check("HTTPS://erp.aurora.example:8443", "https://erp.aurora.example:8443");
        check("https://[2001:4860::1]:444/x", "https://[2001:4860::1]:444");
        check("http://127.0.0.1:8899/", "http://127.0.0.1:8899");
        assert_eq!(
            "https://a.example/".parse::<Origin>().unwrap(),
            "https://a.example:443".parse().unwrap()
        );
        assert!("https://a.example/x".parse::<Origin>().is_err());
        assert!("https://a.example?x".parse::<Origin>().is_err());
    }

    #[test]
    fn what_two_readers_may_read_differently_is_no_destination() {
        for text in [
            "",
            "a.example",
            "htto://a.example/",
            "ftp://a.example/",
            "gopher://a.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://user@a.example/",
            "https://a.example:443@b.example/",
            "https://a.example\\@b.example/",
            "https://a.example#@b.example/",
            "https://a.example/#x",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:+443/",
            "https://a..example/",
            "https://-a.example/",
            "https://a.example /",
            "https://a.example/\n",
            "https://ä.example/",
            "https://2130706433/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.0.0.01/",
            "https://1.2.3.4.5/",
            "https://[::1/",
            "https://[::ffff:127.0.0.1%25eth0]/",
            "https://%31%32%37.0.0.1/",
            "https://a.example.:443/",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
        assert!(
            format!("https://a.example/{}", "x".repeat(2_000))
                .parse::<Destination>()
                .is_err()
        );
    }

    #[test]
    fn only_addresses_of_the_open_network() {
        for inside in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.88.99.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
            "64:ff9b:1::1",
            "3fff::1",
            "100::1",
            "fec0::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        // The example of the specification: key, id, time, body.
        let told = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Micros(1_614_265_330_000_000),
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(told, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let other = signature(
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Micros(1_614_265_330_000_000),
            b"",
        );
        assert_ne!(told, other);
    }

    #[test]
    fn plain_http_is_of_this_machine() {
        for (text, expect) in [
            ("http://127.0.0.1:8899", true),
            ("http://localhost:1", true),
            ("http://[::1]:80", true),
            ("https://127.0.0.1:8899", false),
            ("http://a.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().is_plain_loopback(), expect, "{text}");
        }
    }
}
