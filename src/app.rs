//! Composition root: settings to running hub, and its end.
//!
//! The only place that knows the real clock and the real randomness, and the only one that puts listeners and workers
//! together. It has no use case of its own.
//!
//! # Invariants
//! - No listener opens before the schema is this build's, the database is durable, the master key is the database's own and
//!   the contracts are read; and no serial number is given out from a database that may have been restored.
//! - Shutdown closes the listeners first, lets requests end, then stops the workers, then closes the database.

mod master_key;
mod real;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::settings::Settings;
use crate::outbound::Outbound;
use crate::service::Hub;
use crate::service::ServiceError;
use crate::service::capture;
use crate::service::certificate::{Authority, AuthorityError, Revocations};
use crate::service::hub::{Clock, HubParts, Random};
use crate::service::serial::floor::Keeper;
use crate::service::serial::verify_pools;
use crate::service::subscription;
use crate::storage::db::DbOptions;
use crate::storage::object::ObjectStore;
use crate::storage::{Db, StorageError, migration, party};
use crate::transport::metrics::Metrics;
use crate::transport::operations::{self, Alive, Operations};
use crate::transport::tls::admission::Admission;
use crate::transport::tls::{self, TlsError, TlsServer};
use crate::transport::{graphql, http};
use crate::worker;

pub use master_key::MasterKeyError;
pub use real::{SystemClock, SystemRandom, fresh_id};

/// Why there is no running hub.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The database.
    #[error("cannot use the database")]
    Storage(#[from] StorageError),
    /// It has data of an older build.
    #[error("the database is of an older version ({} steps behind): back it up, then run `counterfoil migrate`", .0.len())]
    Pending(Vec<String>),
    /// The master key.
    #[error("cannot use the master key")]
    MasterKey(#[from] MasterKeyError),
    /// The CA.
    #[error("cannot use the hub's CA")]
    Authority(#[from] AuthorityError),
    /// TLS.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    /// Another process serves from this folder.
    #[error("another hub process serves from {}: SQLite is for one; use PostgreSQL for several", .0.display())]
    Served(PathBuf),
    /// The stored samples of a pool's serial numbers.
    #[error("the serial number pools do not verify")]
    Pools(#[from] ServiceError),
    /// What tells a restored database.
    #[error("cannot tell how far serial numbers have gone")]
    Floor(#[source] ServiceError),
    /// A port.
    #[error("cannot listen on {addr}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// What was acknowledged is on the disk.
const DURABLE: &str = "FULL";

/// What a start is put together from; tests replace the seams.
pub struct Start {
    /// The settings.
    pub settings: Settings,
    /// Migrate a PostgreSQL database that has data of an older build, instead of refusing it.
    pub migrate: bool,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes random bytes.
    pub random: Arc<dyn Random>,
    /// SQLite `PRAGMA synchronous`. No setting leads here: with anything but `FULL` the hub loses what it has acknowledged
    /// when the power goes, which the control of the fault tests has to show.
    pub sqlite_synchronous: &'static str,
    /// Whether a database that may have been restored issues no number until that is confirmed. No setting leads here: without,
    /// the hub issues numbers twice, which the control of the fault tests has to show.
    pub distrusts_restores: bool,
}

impl Start {
    /// With the real clock and randomness.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            migrate: false,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            sqlite_synchronous: DURABLE,
            distrusts_restores: true,
        }
    }
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start")
            .field("settings", &self.settings)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// A hub that is open and does not serve: for commands that work on its data.
#[derive(Debug)]
pub struct OpenHub {
    /// The hub.
    pub hub: Hub,
    /// Its CA.
    pub authority: Arc<Authority>,
}

/// Opens the hub: folders, schema, master key, contracts.
pub async fn open(start: Start) -> Result<OpenHub, StartError> {
    let Start {
        settings,
        migrate,
        clock,
        random,
        sqlite_synchronous,
        distrusts_restores: _,
    } = start;
    make_data_dir(&settings)?;
    // One process at a time makes schema, key and CA in this folder.
    let lock = lock_folder(&settings.data_dir)?;
    let url = settings.database_url();
    let status = migration::status(&url).await?;
    // An embedded database has no other process to be asked first, and a new one nothing to lose.
    let may_migrate = migrate || status.is_new() || url.starts_with("sqlite:");
    if !status.pending.is_empty() && !may_migrate {
        return Err(StartError::Pending(status.pending));
    }
    if !status.pending.is_empty() {
        let steps = migration::migrate(&url).await?;
        tracing::info!(?steps, "the database has been migrated");
    }
    let db = Db::open(&DbOptions {
        sqlite_synchronous,
        ..db_options(&settings)
    })
    .await?;
    if sqlite_synchronous == DURABLE {
        migration::assert_durable(&db).await?;
    } else {
        tracing::warn!(
            sqlite_synchronous,
            "this hub loses what it has acknowledged when the power goes"
        );
    }
    let master_key = master_key::open(&settings, &db, random.as_ref()).await?;
    let authority = Arc::new(Authority::open(&settings.ca_dir(), &settings.trust_domain, clock.now())?);
    drop(lock);
    let objects = settings.data_dir.join("objects");
    let objects = ObjectStore::open(objects.clone()).map_err(|source| StartError::Folder { folder: objects, source })?;
    let registry = party::load_registry(&db).await?;
    let secrets = settings.secrets_dir();
    let hub = Hub::new(HubParts {
        db,
        objects,
        master_key,
        clock,
        random,
        outbound: Outbound::new(secrets, Duration::from_millis(settings.limits.upstream_timeout_ms))
            .with_loopback(settings.webhook_loopback),
        limits: settings.limits,
        registry,
    });
    // A permutation that gives other numbers than it gave would issue serials twice: better no hub.
    verify_pools(&hub).await?;
    Ok(OpenHub { hub, authority })
}

/// How the settings say the database is opened.
#[must_use]
pub fn db_options(settings: &Settings) -> DbOptions {
    DbOptions {
        url: settings.database_url(),
        max_connections: settings.database_connections,
        acquire_timeout: Duration::from_secs(10),
        sqlite_synchronous: DURABLE,
    }
}

/// Makes the data folder, for its owner alone; one that is there keeps its mode.
pub fn make_data_dir(settings: &Settings) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&settings.data_dir);
    made.map_err(|source| StartError::Folder {
        folder: settings.data_dir.clone(),
        source,
    })
}

/// An embedded database belongs to one serving process: another one would take its capture jobs for those of a dead one.
fn alone(settings: &Settings) -> Result<std::fs::File, StartError> {
    let folder = settings.data_dir.clone();
    match std::fs::File::create(folder.join(".serving")).map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Ok(file),
        Ok((Err(std::fs::TryLockError::WouldBlock), _)) => Err(StartError::Served(folder)),
        Ok((Err(std::fs::TryLockError::Error(source)), _)) | Err(source) => Err(StartError::Folder { folder, source }),
    }
}

/// Held until the file is dropped.
fn lock_folder(folder: &std::path::Path) -> Result<std::fs::File, StartError> {
    let locked = std::fs::File::create(folder.join(".lock")).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| StartError::Folder {
        folder: folder.to_owned(),
        source,
    })
}

/// A hub that serves. Dropping it does not stop it: call [`RunningHub::shutdown`].
#[derive(Debug)]
pub struct RunningHub {
    hub: Hub,
    authority: Arc<Authority>,
    /// Where partners' machines call.
    pub machine_addr: SocketAddr,
    /// Where health and metrics are.
    pub operations_addr: SocketAddr,
    stop: CancellationToken,
    stop_workers: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    /// Held as long as this process serves an embedded database.
    _alone: Option<std::fs::File>,
}

/// Starts a hub with the real clock and randomness.
pub async fn start(settings: Settings) -> Result<RunningHub, StartError> {
    start_with(Start::new(settings)).await
}

/// Starts a hub.
pub async fn start_with(start: Start) -> Result<RunningHub, StartError> {
    let (settings, distrusts_restores) = (start.settings.clone(), start.distrusts_restores);
    let OpenHub { hub, authority } = open(start).await?;
    let alone = if hub.db().has_one_process() {
        Some(alone(&settings)?)
    } else {
        None
    };
    let keeper = Keeper::open(&hub, &settings.data_dir, distrusts_restores).await;
    let keeper = keeper.map_err(StartError::Floor)?;
    if hub.registry().parties().next().is_none() {
        tracing::warn!("the hub knows no party: nobody can call it until `counterfoil partner apply` was run");
    }
    let revocations = Revocations::default();
    revocations.refresh(&hub).await?;
    let metrics = Metrics::default();
    let server_certificate = authority.issue_server(&settings.server_names, hub.now())?;
    let admission = Admission::new(hub.clone(), &authority, revocations.clone()).map_err(TlsError::from)?;
    let admission = Arc::new(admission);
    let config = tls::server_config(&admission, &server_certificate)?;
    let (machine, machine_addr) = listen(settings.listen).await?;
    let (operations_port, operations_addr) = listen(settings.operations_listen).await?;
    if settings.webhook_loopback {
        tracing::warn!("`webhook_loopback` is set, which is for tests: subscriptions may deliver to this machine by plain HTTP");
    }
    if !operations_addr.ip().is_loopback() {
        tracing::warn!(%operations_addr, "the operations port is open to the network and asks nobody who they are");
    }

    if hub.db().has_one_process() {
        // What a process held that was killed here need not wait for its lease: there is no other that might still work on it.
        let released = capture::release_all(&hub).await?;
        let deliveries = subscription::release_all(&hub).await?;
        tracing::info!(
            released,
            deliveries,
            "capture jobs and deliveries of the last run are due again"
        );
    }
    let (stop, stop_workers) = (CancellationToken::new(), CancellationToken::new());
    let (capture_alive, registry_alive, floor_alive) = (Alive::default(), Alive::default(), Alive::default());
    let replenish_alive = Alive::default();
    let (lease_alive, subscription_alive, grant_alive) = (Alive::default(), Alive::default(), Alive::default());
    let workers = vec![
        work(capture_alive.clone(), worker::capture::run(hub.clone(), stop_workers.clone())),
        work(
            registry_alive.clone(),
            worker::registry::run(hub.clone(), revocations.clone(), stop_workers.clone()),
        ),
        work(
            replenish_alive.clone(),
            worker::replenish::run(hub.clone(), stop_workers.clone()),
        ),
        work(
            floor_alive.clone(),
            worker::floor::run(hub.clone(), keeper, stop_workers.clone()),
        ),
        work(lease_alive.clone(), worker::lease::run(hub.clone(), stop_workers.clone())),
        work(grant_alive.clone(), worker::grant::run(hub.clone(), stop_workers.clone())),
        work(
            subscription_alive.clone(),
            worker::subscription::run(hub.clone(), stop_workers.clone()),
        ),
    ];
    let router = http::router_with(hub.clone(), graphql::build(hub.clone()), metrics.clone());
    let server = TlsServer {
        config,
        admission,
        router,
        metrics: metrics.clone(),
    };
    let checks = vec![
        ("capture_worker", capture_alive),
        ("registry_worker", registry_alive),
        ("floor_worker", floor_alive),
        ("replenish_worker", replenish_alive),
        ("lease_worker", lease_alive),
        ("grant_worker", grant_alive),
        ("subscription_worker", subscription_alive),
    ];
    let operations = Operations {
        hub: hub.clone(),
        revocations,
        metrics,
        workers: checks,
        stop: stop.clone(),
    };
    let stop_operations = stop_workers.clone();
    let listeners = vec![
        tokio::spawn(tls::serve(machine, server, stop.clone())),
        tokio::spawn(async move {
            if let Err(error) = operations::serve(operations_port, operations, stop_operations).await {
                tracing::error!(%error, "the operations port failed");
            }
        }),
    ];
    tracing::info!(%machine_addr, %operations_addr, version = hub.registry().version(), "counterfoil serves");
    Ok(RunningHub {
        hub,
        authority,
        machine_addr,
        operations_addr,
        stop,
        stop_workers,
        listeners,
        workers,
        _alone: alone,
    })
}

impl RunningHub {
    /// The hub, for a process that also works on its data (the demo, tests).
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Its CA.
    #[must_use]
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Takes no new requests, lets the running ones end (for `limits.drain_timeout_ms` at most), stops the workers,
    /// closes the database.
    pub async fn shutdown(self) {
        tracing::info!("counterfoil stops");
        self.stop.cancel();
        let mut listeners = self.listeners.into_iter();
        if let Some(machine) = listeners.next() {
            ended("machine port", machine.await);
        }
        self.stop_workers.cancel();
        for operations in listeners {
            ended("operations port", operations.await);
        }
        for worker in self.workers {
            ended("worker", worker.await);
        }
        // Requests whose callers hung up are decided all the same.
        self.hub.serial_writer().drained().await;
        self.hub.db().close().await;
        tracing::info!("counterfoil has stopped");
    }
}

fn ended(what: &str, joined: Result<(), tokio::task::JoinError>) {
    if let Err(error) = joined {
        tracing::error!(what, %error, "did not end well");
    }
}

/// A worker that says whether it runs; one that ends by itself makes the hub not ready.
fn work(alive: Alive, run: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    struct Runs(Alive);
    impl Drop for Runs {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    alive.set(true);
    let runs = Runs(alive);
    tokio::spawn(async move {
        run.await;
        drop(runs);
    })
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
