//! Counters of the transport, in the OpenMetrics text format.
//!
//! Labels are routes and codes of ours, never parties, identifiers or anything else that came in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::service::serial::WriterCounts;

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum HandshakeOutcome {
    /// With a known party.
    Accepted,
    /// No certificate, or one that does not let anybody in.
    Refused,
    /// Not finished in time.
    TimedOut,
    /// More connections than allowed.
    TooMany,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    outcome: HandshakeOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// All of them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

struct Inner {
    registry: Registry,
    handshakes: Family<HandshakeLabels, Counter>,
    connections: Gauge,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    registry_version: Gauge<i64, std::sync::atomic::AtomicI64>,
    panics: Counter<u64, AtomicU64>,
    serial_requests: Counter<u64, AtomicU64>,
    serial_transactions: Counter<u64, AtomicU64>,
}

impl Default for Inner {
    fn default() -> Self {
        // 1 ms to 16 s.
        let durations =
            Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15)));
        let mut inner = Self {
            registry: Registry::with_prefix("counterfoil"),
            handshakes: Family::default(),
            connections: Gauge::default(),
            requests: Family::default(),
            durations,
            registry_version: Gauge::default(),
            panics: Counter::default(),
            serial_requests: Counter::default(),
            serial_transactions: Counter::default(),
        };
        let registry = &mut inner.registry;
        registry.register("tls_handshakes", "TLS handshakes by outcome", inner.handshakes.clone());
        registry.register("connections", "Open authenticated connections", inner.connections.clone());
        registry.register("requests", "Requests by route, method and status", inner.requests.clone());
        let help = "Time from headers to the begin of the answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, inner.durations.clone());
        registry.register(
            "registry_version",
            "Version of the contracts in force",
            inner.registry_version.clone(),
        );
        registry.register(
            "panics",
            "Requests that ended in a fault of the hub's own",
            inner.panics.clone(),
        );
        registry.register(
            "serial_requests",
            "Requests for serial numbers that were decided",
            inner.serial_requests.clone(),
        );
        registry.register(
            "serial_transactions",
            "Transactions that decided them",
            inner.serial_transactions.clone(),
        );
        inner
    }
}

/// Counts as an open connection until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// One handshake.
    pub fn handshake(&self, outcome: HandshakeOutcome) {
        self.inner.handshakes.get_or_create(&HandshakeLabels { outcome }).inc();
    }

    /// One more open connection.
    #[must_use]
    pub fn open_connection(&self) -> OpenConnection {
        self.inner.connections.inc();
        OpenConnection(self.inner.connections.clone())
    }

    /// One answered request. `route` is a pattern of the router, `method` one of the known ones.
    pub fn request(&self, route: &str, method: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            route: route.to_owned(),
            method: method.to_owned(),
            status,
        };
        self.inner.requests.get_or_create(&labels).inc();
        self.inner
            .durations
            .get_or_create(&RouteLabels { route: route.to_owned() })
            .observe(took.as_secs_f64());
    }

    /// One request that panicked.
    pub fn panicked(&self) {
        self.inner.panics.inc();
    }

    /// The contracts in force.
    pub fn registry_version(&self, version: i64) {
        self.inner.registry_version.set(version);
    }

    /// How many requests for serial numbers were committed, in how many transactions; both since the process began.
    pub fn serial_writer(&self, counts: WriterCounts) {
        self.inner.serial_requests.inner().store(counts.requests, Ordering::Relaxed);
        self.inner
            .serial_transactions
            .inner()
            .store(counts.transactions, Ordering::Relaxed);
    }

    /// All of them as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.inner.registry)?;
        Ok(text)
    }
}
