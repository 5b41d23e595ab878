//! What every use case needs: database, registry, clock, randomness, limits.

use std::sync::Arc;

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::config::settings::Limits;
use crate::domain::party::Registry;
use crate::domain::policy::Policy;
use crate::domain::serial::key::MasterKey;
use crate::domain::time::Micros;
use crate::outbound::Outbound;
use crate::storage::Db;
use crate::storage::object::ObjectStore;

use super::capture::ready::Kept;
use super::serial::floor::Floor;
use super::serial::{PoolCache, Turns, Writer};
use super::slice::Trees;

/// Tells the time. The real one is in `app`; tests set theirs.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Micros;
}

/// Makes random bytes. The real one is in `app`; tests seed theirs.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// What a [`Hub`] is put together from.
pub struct HubParts {
    /// The database.
    pub db: Db,
    /// Documents as they came in.
    pub objects: ObjectStore,
    /// Seals owners' keys.
    pub master_key: MasterKey,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// Limits on everything.
    pub limits: Limits,
    /// Calls to partners' systems.
    pub outbound: Outbound,
    /// The contracts as they stand in the database.
    pub registry: Registry,
}

/// The running hub, as the use cases see it. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    objects: ObjectStore,
    master_key: MasterKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    limits: Limits,
    registry: ArcSwap<Registry>,
    policy: ArcSwap<Policy>,
    outbound: Outbound,
    broker_turns: Turns,
    pools: PoolCache,
    serial_writer: Writer,
    floor: Floor,
    ready: Kept,
    trees: Trees,
}

impl Hub {
    /// Puts a hub together.
    #[must_use]
    pub fn new(parts: HubParts) -> Self {
        let HubParts {
            db,
            objects,
            master_key,
            clock,
            random,
            limits,
            outbound,
            registry,
        } = parts;
        let registry = ArcSwap::from_pointee(registry);
        Self {
            inner: Arc::new(Inner {
                db,
                objects,
                master_key,
                clock,
                random,
                limits,
                registry,
                policy: ArcSwap::from_pointee(unread()),
                outbound,
                broker_turns: Turns::default(),
                pools: PoolCache::default(),
                serial_writer: Writer::default(),
                floor: Floor::default(),
                ready: Kept::default(),
                trees: Trees::default(),
            }),
        }
    }

    /// Documents that were checked and wait for their jobs.
    pub(super) fn ready(&self) -> &Kept {
        &self.inner.ready
    }

    /// Trees of events that slices were asked of.
    pub(super) fn trees(&self) -> &Trees {
        &self.inner.trees
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Documents as they came in.
    #[must_use]
    pub fn objects(&self) -> &ObjectStore {
        &self.inner.objects
    }

    /// Seals owners' keys.
    #[must_use]
    pub fn master_key(&self) -> &MasterKey {
        &self.inner.master_key
    }

    /// Pools that this process has used, with their unsealed keys.
    #[must_use]
    pub fn pools(&self) -> &PoolCache {
        &self.inner.pools
    }

    /// Where requests for serial numbers wait to be committed together.
    #[must_use]
    pub fn serial_writer(&self) -> &Writer {
        &self.inner.serial_writer
    }

    /// Whether serial numbers may move.
    #[must_use]
    pub fn floor(&self) -> &Floor {
        &self.inner.floor
    }

    /// Calls to partners' systems.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.inner.outbound
    }

    /// Who of this process orders numbers at a manufacturer's own system.
    #[must_use]
    pub fn broker_turns(&self) -> &Turns {
        &self.inner.broker_turns
    }

    /// Limits on everything.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Fills a buffer with random bytes.
    pub fn fill_random(&self, buffer: &mut [u8]) {
        self.inner.random.fill(buffer);
    }

    /// The contracts as they stand; one request loads it once and is judged by it to its end.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.inner.registry.load_full()
    }

    /// Swaps the contracts whole.
    pub fn set_registry(&self, registry: Registry) {
        self.inner.registry.store(Arc::new(registry));
    }

    /// The grants as this process last read them; whoever goes by them holds their version against the stored one.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.inner.policy.load_full()
    }

    /// Swaps the grants whole.
    pub fn set_policy(&self, policy: Arc<Policy>) {
        self.inner.policy.store(policy);
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.inner.clock.now()
    }

    /// A fresh time-ordered id (UUID version 7, RFC 9562 clause 5.7): ids made later sort later, to the millisecond.
    #[must_use]
    pub fn new_id(&self, at: Micros) -> Uuid {
        new_id(self.inner.random.as_ref(), at)
    }
}

/// No version that is ever stored.
fn unread() -> Policy {
    Policy {
        version: -1,
        ..Policy::default()
    }
}

/// The same for who has no [`Hub`]: a command that opens the database alone.
pub fn new_id(random: &dyn Random, at: Micros) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("registry", &self.registry().version())
            .finish_non_exhaustive()
    }
}
