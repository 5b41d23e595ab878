//! A limit on everything: bytes, depth, counts, time.
//!
//! Only the numbers; whoever reads an input enforces its own.

use serde::{Deserialize, Serialize};

use super::source::SettingsError;

/// A limit on everything. Each is a named setting in `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest EPCIS document, in bytes as received.
    pub document_bytes: u64,
    /// Documents up to this size are checked before they are answered; larger ones are checked by their capture job.
    pub checked_at_once_bytes: u64,
    /// Most events in one document.
    pub events_per_document: usize,
    /// Largest single event (or header) of a document, in bytes as held in memory: about 150,000 EPCs.
    pub event_bytes: usize,
    /// Most EPCs of a document that are stored at a time, unless one event names more; each takes some kilobytes of memory meanwhile.
    pub things_per_piece: usize,
    /// Deepest nesting in a JSON or XML document.
    pub document_depth: usize,
    /// Most findings of one code per document and brand owner; the rest is counted.
    pub findings_per_code: usize,
    /// Largest GraphQL request body.
    pub graphql_bytes: usize,
    /// Deepest GraphQL selection.
    pub graphql_depth: usize,
    /// Highest GraphQL cost; a list costs its page size times its content.
    pub graphql_complexity: usize,
    /// Most fields after expansion of fragments.
    pub graphql_fields: usize,
    /// Most fragment spreads in one GraphQL document.
    pub graphql_spreads: usize,
    /// Longest GraphQL document, in bytes; variables do not count.
    pub graphql_query_bytes: usize,
    /// Most directives in one GraphQL document.
    pub graphql_directives: usize,
    /// Most fields at the root of a mutation: each of them writes.
    pub graphql_mutations: usize,
    /// Largest page of any list.
    pub page: usize,
    /// Most serial numbers in one request.
    pub serials_per_request: u64,
    /// Most serial numbers in one list that somebody else made.
    pub serials_per_import: usize,
    /// Most serial numbers named in one report of what became of them.
    pub serials_per_report: usize,
    /// Most requests for serial numbers that one transaction commits.
    pub serial_requests_per_commit: usize,
    /// Requests for serial numbers of one product that wait in this process; more are asked to come later.
    pub waiting_serial_requests: usize,
    /// Most serial numbers in one look-up.
    pub lookup_numbers: usize,
    /// Largest body of a look-up.
    pub lookup_bytes: usize,
    /// Largest message of a packaging line in one of the dialects, in bytes.
    pub dialect_bytes: usize,
    /// A message of a dialect without request id that names a work order or a reference, sent again within these minutes by the same
    /// system and asking for the same: the same numbers, unless they were confirmed or used. 0: always new ones.
    pub reask_minutes: u64,
    /// The same where neither is named.
    pub reask_unreferenced_minutes: u64,
    /// Time for one call to a partner's own system.
    pub upstream_timeout_ms: u64,
    /// Time between two looks at the supply of serial numbers.
    pub replenish_interval_ms: u64,
    /// Hours after which an allocation that was neither confirmed nor used raises an alert.
    pub unacknowledged_after_hours: u64,
    /// Hours before the end of a lease at which an alert is raised.
    pub lease_warning_hours: u64,
    /// Days before a product reaches its density at which an alert is raised.
    pub density_warning_days: u64,
    /// Most days that an emergency can be declared for.
    pub emergency_days: u64,
    /// Time for one request, from its headers to the begin of its answer.
    pub request_timeout_ms: u64,
    /// The same where a document is sent: it may be large and the line slow.
    pub upload_timeout_ms: u64,
    /// Time for the headers of a request.
    pub header_timeout_ms: u64,
    /// Time for the TLS handshake.
    pub handshake_timeout_ms: u64,
    /// Time a connection may stay open without a request.
    pub idle_timeout_ms: u64,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one network address that have not shown a certificate yet.
    pub handshakes_per_address: usize,
    /// Connections of one party.
    pub connections_per_party: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Time that requests get to end when the hub is told to stop.
    pub drain_timeout_ms: u64,
    /// Capture jobs of one party that wait; more are asked to come later.
    pub waiting_jobs_per_party: u64,
    /// Most events that one call of a query looks at; who asks for more gets shorter pages, or is asked to narrow the query.
    pub query_rows: usize,
    /// Most things in one slice of an event; each takes some two kilobytes of proof.
    pub slice_things: usize,
    /// Queries that one party keeps under a name.
    pub queries_per_party: usize,
    /// Time that a page token can be used.
    pub page_token_seconds: u32,
    /// Most events in one answer of the SOAP query interface, which has no pages.
    pub poll_events: usize,
    /// Grants of one party that stand: proposed or in force, and not over.
    pub grants_per_party: u64,
    /// Fewest parties of whose events a total may tell together to who does not see them: 3 or more.
    pub totals_contributors: usize,
    /// Most that one of them may have of such a total, in percent: 60 or less.
    pub totals_share_percent: u64,
    /// Such a total is rounded to a multiple of this: 5 or more.
    pub totals_rounding: u64,
    /// How often the totals of one month and product are told to a party, the first time and each time that they have changed: 1 to 12.
    pub totals_releases: usize,
    /// Subscriptions of one party.
    pub subscriptions_per_party: usize,
    /// Deliveries to subscribers at the same time in this process; one party has at most a quarter of them.
    pub deliveries_at_once: usize,
    /// Most events in one delivery to a subscriber.
    pub delivery_events: usize,
    /// Largest delivery to a subscriber, in bytes, unless a single event is larger.
    pub delivery_bytes: usize,
    /// Time for one delivery to a subscriber.
    pub delivery_timeout_ms: u64,
    /// A subscription whose deliveries have failed for so many hours is disabled.
    pub delivery_retry_hours: u32,
    /// Open WebSockets of one party in this process.
    pub sockets_per_party: usize,
    /// Time that the reader of a WebSocket has to take what it is sent.
    pub socket_send_timeout_ms: u64,
}

impl Limits {
    /// What totals of others' events tell of few can be made less, and never more than the hub was made for.
    pub(super) fn check_totals(&self) -> Result<(), SettingsError> {
        if self.totals_contributors < 3 {
            return Err(SettingsError::value("limits.totals_contributors", "must be at least 3"));
        }
        if !(1..=60).contains(&self.totals_share_percent) {
            return Err(SettingsError::value("limits.totals_share_percent", "must be from 1 to 60"));
        }
        if self.totals_rounding < 5 {
            return Err(SettingsError::value("limits.totals_rounding", "must be at least 5"));
        }
        if !(1..=12).contains(&self.totals_releases) {
            return Err(SettingsError::value("limits.totals_releases", "must be from 1 to 12"));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 1 << 30,
            checked_at_once_bytes: 8 << 20,
            events_per_document: 100_000,
            event_bytes: 16 << 20,
            things_per_piece: 10_000,
            document_depth: 64,
            findings_per_code: 100,
            graphql_bytes: 1 << 20,
            graphql_depth: 16,
            graphql_complexity: 20_000,
            graphql_fields: 1_000,
            graphql_spreads: 50,
            graphql_query_bytes: 32 << 10,
            graphql_directives: 50,
            graphql_mutations: 10,
            page: 200,
            serials_per_request: 1_000_000,
            serials_per_import: 1_000_000,
            serials_per_report: 100_000,
            serial_requests_per_commit: 256,
            waiting_serial_requests: 4_096,
            lookup_numbers: 100_000,
            lookup_bytes: 16 << 20,
            dialect_bytes: 1 << 20,
            reask_minutes: 1_440,
            reask_unreferenced_minutes: 5,
            upstream_timeout_ms: 10_000,
            replenish_interval_ms: 60_000,
            unacknowledged_after_hours: 24,
            lease_warning_hours: 72,
            density_warning_days: 180,
            emergency_days: 30,
            request_timeout_ms: 30_000,
            upload_timeout_ms: 600_000,
            header_timeout_ms: 10_000,
            handshake_timeout_ms: 5_000,
            idle_timeout_ms: 60_000,
            connections: 4_096,
            handshakes_per_address: 256,
            connections_per_party: 128,
            streams_per_connection: 64,
            drain_timeout_ms: 10_000,
            waiting_jobs_per_party: 1_000,
            query_rows: 20_000,
            slice_things: 1_000,
            queries_per_party: 1_000,
            page_token_seconds: 3_600,
            poll_events: 10_000,
            grants_per_party: 1_000,
            totals_contributors: 3,
            totals_share_percent: 60,
            totals_rounding: 10,
            totals_releases: 3,
            subscriptions_per_party: 100,
            deliveries_at_once: 16,
            delivery_events: 100,
            delivery_bytes: 4 << 20,
            delivery_timeout_ms: 10_000,
            delivery_retry_hours: 168,
            sockets_per_party: 16,
            socket_send_timeout_ms: 10_000,
        }
    }
}
