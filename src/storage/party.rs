//! Parties, agreements, the registry version.
