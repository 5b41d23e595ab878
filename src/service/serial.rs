//! Serial number requests.
