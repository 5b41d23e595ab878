//! Events to a subscriber: one POST to an address that was named by the operator, and what was made of it.
//!
//! The name is resolved once, all its addresses must be of the open network, and one of these is connected to: a name that
//! resolves to something else a moment later changes nothing. No redirect is followed, nothing of the answer's body is read.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::domain::time::Micros;
use crate::domain::webhook::{Destination, is_public};

use super::{Outbound, SetupError, broken};

/// The longest wait that a receiver may ask for.
const LONGEST_WAIT_SECONDS: u64 = 3_600;

/// What is sent.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Where to; its origin was named by the operator.
    pub dest: &'a Destination,
    /// The CA of the receiver's certificate.
    pub ca: Option<&'a str>,
    /// Content type, signature and the like.
    pub headers: Vec<(&'static str, String)>,
    /// What.
    pub body: Vec<u8>,
    /// In which time.
    pub timeout: Duration,
    /// By which clock certificates are judged.
    pub now: Micros,
}

/// What the receiver made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// 2xx.
    Taken,
    /// 413: it wants less at once.
    TooLarge,
    /// 410: it wants no more at all.
    Gone,
    /// Anything else, or nothing.
    Failed {
        /// What, for people; no content of the delivery or of the answer.
        why: String,
        /// Not before so many seconds, if it said.
        retry_after: Option<u64>,
    },
}

impl Outbound {
    /// Whether an origin of this kind is called at all.
    #[must_use]
    pub fn may_call(&self, dest: &Destination) -> bool {
        dest.origin().is_tls() || (self.loopback && dest.origin().is_plain_loopback())
    }

    /// Sends it, once.
    pub async fn deliver(&self, delivery: Delivery<'_>) -> Delivered {
        let within = delivery.timeout;
        match tokio::time::timeout(within, self.send(delivery)).await {
            Ok(Ok(delivered)) => delivered,
            Ok(Err(why)) => failed(why),
            Err(_) => failed("did not answer in time".to_owned()),
        }
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Delivered, String> {
        let (origin, timeout) = (delivery.dest.origin(), delivery.timeout);
        if !self.may_call(delivery.dest) {
            return Err("is not called without TLS".to_owned());
        }
        let url = Url::parse(delivery.dest.as_str()).map_err(|_| "has an address that cannot be read".to_owned())?;
        let read_alike = url.host_str().map(|host| host.trim_matches(['[', ']'])) == Some(origin.host())
            && url.port_or_known_default() == Some(origin.port());
        if !read_alike && origin.host().parse::<IpAddr>().is_err() {
            return Err("has an address that can be read in two ways".to_owned());
        }
        let addresses = self.resolve(delivery.dest).await?;
        let builder = self.builder(delivery.ca.unwrap_or_default(), None, delivery.now);
        let client = builder.and_then(|builder| {
            builder
                .https_only(origin.is_tls())
                .resolve_to_addrs(origin.host(), &addresses)
                .connect_timeout(timeout)
                .timeout(timeout)
                .build()
                .map_err(|error| SetupError::Tls(error.to_string()))
        });
        let client = client.map_err(|error| error.to_string())?;
        let request = delivery
            .headers
            .into_iter()
            .fold(client.post(url), |request, (name, value)| request.header(name, value));
        let response = request
            .body(delivery.body)
            .send()
            .await
            .map_err(|error| broken(&error).to_owned())?;
        Ok(judged(response.status(), response.headers()))
    }

    /// All addresses of the host, if none of them is inside a network.
    async fn resolve(&self, dest: &Destination) -> Result<Vec<SocketAddr>, String> {
        let origin = dest.origin();
        let found = tokio::net::lookup_host((origin.host(), origin.port())).await;
        let found: Vec<SocketAddr> = found.map_err(|_| "has a name that does not resolve".to_owned())?.collect();
        let allowed = |address: &SocketAddr| {
            let local = self.loopback && address.ip().is_loopback();
            is_public(address.ip()) || local
        };
        match found.iter().all(allowed) && !found.is_empty() {
            true => Ok(found),
            false => Err("resolves to an address inside a network".to_owned()),
        }
    }
}

fn failed(why: String) -> Delivered {
    Delivered::Failed { why, retry_after: None }
}

fn judged(status: StatusCode, headers: &HeaderMap) -> Delivered {
    match status {
        _ if status.is_success() => Delivered::Taken,
        StatusCode::PAYLOAD_TOO_LARGE => Delivered::TooLarge,
        StatusCode::GONE => Delivered::Gone,
        _ if status.is_redirection() => failed(format!("answered {}: redirects are not followed", status.as_u16())),
        _ => {
            let seconds = headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
            Delivered::Failed {
                why: format!("answered {}", status.as_u16()),
                retry_after: seconds.map(|seconds| seconds.min(LONGEST_WAIT_SECONDS)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbound(loopback: bool) -> Outbound {
        let folder = tempfile::tempdir().unwrap();
        Outbound::new(folder.path().to_owned(), Duration::from_secs(5)).with_loopback(loopback)
    }

    async fn deliver(outbound: &Outbound, dest: &str) -> Delivered {
        let dest: Destination = dest.parse().unwrap();
        let delivery = Delivery {
            dest: &dest,
            ca: None,
            headers: vec![("content-type", "application/json".to_owned())],
            body: b"{}".to_vec(),
            timeout: Duration::from_secs(5),
            now: Micros(0),
        };
        outbound.deliver(delivery).await
    }

    #[tokio::test]
    async fn nothing_inside_a_network_is_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let outbound = outbound(false);
        for host in [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
        ] {
            for scheme in ["https", "http"] {
                let told = deliver(&outbound, &format!("{scheme}://{host}:{port}/x")).await;
                assert!(matches!(told, Delivered::Failed { .. }), "{host}: {told:?}");
            }
        }
        let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err(), "something was connected to");
    }

    #[tokio::test]
    async fn the_switch_for_tests_opens_plain_http_to_this_machine_alone() {
        let outbound = outbound(true);
        let told = deliver(&outbound, "http://10.0.0.1:8080/").await;
        assert_eq!(told, failed("is not called without TLS".to_owned()));
        let told = deliver(&outbound, "https://10.0.0.1:8443/").await;
        assert_eq!(told, failed("resolves to an address inside a network".to_owned()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dest = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        let (told, _) = tokio::join!(deliver(&outbound, &dest), async { drop(listener.accept().await) });
        assert_eq!(told, failed("broke off its answer".to_owned()));
    }

    #[test]
    fn only_2xx_is_taken() {
        let told = |status: u16| judged(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        assert_eq!((told(200), told(204)), (Delivered::Taken, Delivered::Taken));
        assert_eq!((told(413), told(410)), (Delivered::TooLarge, Delivered::Gone));
        for status in [301, 302, 307, 308, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(told(status), Delivered::Failed { .. }), "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "99999".parse().unwrap());
        let Delivered::Failed { retry_after, .. } = judged(StatusCode::TOO_MANY_REQUESTS, &headers) else {
            panic!("taken");
        };
        assert_eq!(retry_after, Some(LONGEST_WAIT_SECONDS));
    }
}
