//! How many connections there may be: in all, of one address before it has shown a certificate, of one party.
//!
//! Counts only; a count is given back when its guard is dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::settings::Limits;
use crate::domain::ids::PartyId;

/// The counters of one listener.
#[derive(Clone)]
pub(super) struct Caps {
    all: Arc<Semaphore>,
    addresses: Tally<IpAddr>,
    parties: Tally<PartyId>,
}

/// One connection; what it counts against goes when it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    _all: OwnedSemaphorePermit,
    _address: Option<Held<IpAddr>>,
    _party: Option<Held<PartyId>>,
}

impl Counted {
    /// From now on it counts against its party and not against its address: many parties may share a proxy.
    pub(super) fn authenticated(self, party: Held<PartyId>) -> Self {
        Self {
            _address: None,
            _party: Some(party),
            ..self
        }
    }
}

impl Caps {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            addresses: Tally::new(limits.handshakes_per_address),
            parties: Tally::new(limits.connections_per_party),
        }
    }

    /// Room for a new connection, if there is any.
    pub(super) fn connection(&self, from: IpAddr) -> Option<Counted> {
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Counted {
            _all: all,
            _address: Some(self.addresses.hold(from)?),
            _party: None,
        })
    }

    /// Room for one more connection of a party, if there is any.
    pub(super) fn party(&self, party: &PartyId) -> Option<Held<PartyId>> {
        self.parties.hold(party.clone())
    }
}

/// How many there are of each key, up to a limit.
struct Tally<K> {
    limit: usize,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Tally<K> {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit,
            counts: Arc::clone(&self.counts),
        }
    }
}

impl<K: Eq + Hash + Clone> Tally<K> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: Arc::default(),
        }
    }

    fn hold(&self, key: K) -> Option<Held<K>> {
        // A panic while the map was held cannot leave it half changed.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Held {
            key,
            counts: Arc::clone(&self.counts),
        })
    }
}

/// One of a key.
#[derive(Debug)]
pub(super) struct Held<K: Eq + Hash> {
    key: K,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn caps() -> Caps {
        Caps::new(&Limits {
            connections: 3,
            handshakes_per_address: 2,
            connections_per_party: 1,
            ..Limits::default()
        })
    }

    fn from(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn a_dropped_connection_makes_room() {
        let caps = caps();
        let held: Vec<_> = [1, 1, 2].map(|last| caps.connection(from(last)).unwrap()).into();
        assert!(caps.connection(from(3)).is_none(), "three in all");
        drop(held);
        assert!(caps.connection(from(3)).is_some());
        assert!(caps.addresses.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn an_address_is_counted_until_it_has_shown_a_certificate() {
        let caps = caps();
        let (first, _second) = (caps.connection(from(1)).unwrap(), caps.connection(from(1)).unwrap());
        assert!(caps.connection(from(1)).is_none());
        let party = "aurora".parse().unwrap();
        let _first = first.authenticated(caps.party(&party).unwrap());
        assert!(caps.connection(from(1)).is_some());
        assert!(caps.party(&party).is_none(), "one of this party");
        assert!(caps.party(&"meridian".parse().unwrap()).is_some());
    }
}
