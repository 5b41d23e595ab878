//! Watches the floor for one process: judges the database at the start, follows holds and confirmations of other processes, and
//! keeps the witness.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::domain::serial::floor::{Counters, Doubt, Identity, Scene, Seen, Witness, behind, judge};
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::serial::floor::{self as store, FloorRow};
use crate::storage::serial::witness;

use super::{hold, hub_itself};

/// The witness is written this often at most: what was issued after it last was, and before a crash, it does not know.
const WITNESS_EVERY: Duration = Duration::from_secs(1);

/// One process's watch over the floor.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    identity: Identity,
    written: Option<Instant>,
    distrusts: bool,
}

/// What a database says of itself.
pub(super) struct Look {
    pub(super) row: Option<FloorRow>,
    pub(super) scene: Scene,
}

/// What the database is known by from now on: a server by itself, a file by a name that it is given once.
pub(super) async fn identity(hub: &Hub) -> Result<Identity, ServiceError> {
    if let Some(server) = store::server_state(hub.db()).await? {
        return Ok(server.identity);
    }
    let stored = store::read(hub.db()).await?.map(|row| row.identity);
    Ok(stored.unwrap_or_else(|| Identity(format!("hub={}", fresh_lineage(hub)))))
}

pub(super) fn fresh_lineage(hub: &Hub) -> String {
    hub.new_id(hub.now()).simple().to_string()
}

/// Everything that a judgement needs.
pub(super) async fn look(hub: &Hub, folder: &Path) -> Result<Look, ServiceError> {
    let row = store::read(hub.db()).await?;
    let server = store::server_state(hub.db()).await?;
    let folder = folder.to_owned();
    let seen = on_disk(move || witness::read(&folder)).await?;
    Ok(Look {
        scene: Scene {
            stored_identity: row.as_ref().map(|row| row.identity.clone()),
            identity: match &server {
                Some(server) => server.identity.clone(),
                None => identity(hub).await?,
            },
            database_birth: database_birth(hub).await?,
            log_position: server.map(|server| server.log_position),
            counters: store::counters(hub.db()).await?,
            witness: seen,
        },
        row,
    })
}

/// Writes a witness of how things stand.
pub(super) async fn write_witness(hub: &Hub, folder: &Path, identity: Identity, counters: Counters) -> Result<(), ServiceError> {
    let server = store::server_state(hub.db()).await?;
    let witness = Witness {
        database: identity,
        birth: String::new(),
        database_birth: database_birth(hub).await?,
        log_position: server.map(|server| server.log_position),
        counters,
    };
    let name = hub.new_id(hub.now()).simple().to_string();
    let folder = folder.to_owned();
    on_disk(move || witness::write(&folder, witness, &name)).await
}

async fn database_birth(hub: &Hub) -> Result<Option<String>, ServiceError> {
    match store::database_file(hub.db()).await? {
        Some(file) => on_disk(move || witness::birth(&file)).await.map(Some),
        None => Ok(None),
    }
}

/// Files are asked in a thread that may wait.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| ServiceError::Internal(format!("looking after {}: {error}", witness::NAME)))?;
    done.map_err(|error| ServiceError::Internal(format!("the witness {} or the database file: {error}", witness::NAME)))
}

impl Keeper {
    /// Judges the database before anything moves, and holds it if there is a doubt. `distrusts` is always true but in the control of
    /// the tests, which shows what happens without.
    pub async fn open(hub: &Hub, folder: &Path, distrusts: bool) -> Result<Self, ServiceError> {
        let temporary = folder.to_owned();
        on_disk(move || witness::remove_temporary(&temporary)).await?;
        let Look { row, scene } = look(hub, folder).await?;
        let mut keeper = Self {
            folder: folder.to_owned(),
            identity: scene.identity.clone(),
            written: None,
            distrusts,
        };
        if !hub.db().has_one_process() && !scene.identity.0.contains("system=") {
            tracing::warn!(
                "the database role may not call pg_control_system(): a restore into another cluster is noticed less surely; \
                 grant it EXECUTE on that function"
            );
        }
        let doubt = judge(&scene).filter(|_| distrusts);
        let held = row.and_then(|row| row.held).map(|(_, why)| why);
        match held.or_else(|| doubt.as_ref().map(Doubt::to_string)) {
            Some(why) => keeper.begin_held(hub, scene, why).await?,
            None => keeper.begin_free(hub, scene).await?,
        }
        Ok(keeper)
    }

    async fn begin_free(&mut self, hub: &Hub, scene: Scene) -> Result<(), ServiceError> {
        hub.floor().begin(scene.counters);
        // INVARIANT: the witness comes first: from when the row is there, a start without witness is held.
        self.write(hub).await?;
        // A server may be known by more than it was, if its role may ask for more.
        let (identity, lineage) = (scene.identity, fresh_lineage(hub));
        hub.db()
            .write(move |tx| Box::pin(async move { Ok(store::know(tx, &identity, &lineage).await?) }))
            .await
    }

    /// The witness stays as it is: it may be all that tells how far numbers had gone.
    async fn begin_held(&mut self, hub: &Hub, scene: Scene, why: String) -> Result<(), ServiceError> {
        let mut reached = scene.counters;
        if let (Seen::Witness(witness, _), true) = (scene.witness, self.distrusts) {
            for (counter, next) in witness.counters {
                let known = reached.entry(counter).or_default();
                *known = next.max(*known);
            }
        }
        hub.floor().begin(reached);
        self.hold(hub, &why).await
    }

    async fn hold(&self, hub: &Hub, why: &str) -> Result<(), ServiceError> {
        say_held(hub, why);
        hold(hub, hub_itself(hub).as_ref(), why).await?;
        Ok(())
    }

    /// Follows what other processes have done, holds if the database is another than it was, writes the witness if numbers moved.
    pub async fn follow(&mut self, hub: &Hub) -> Result<(), ServiceError> {
        let row = store::read(hub.db()).await?;
        match (row, hub.floor().held()) {
            (
                Some(FloorRow {
                    held: Some((_, why)), ..
                }),
                None,
            ) => say_held(hub, &why),
            (Some(FloorRow { held: Some(_), .. }), Some(_)) => {}
            (Some(row), held) => match self.doubt(hub, &row, held.is_some()).await? {
                Some(why) => self.hold(hub, &why).await?,
                None if held.is_some() => self.free(hub, row.identity).await?,
                None => self.write_if_moved(hub).await?,
            },
            // The row is gone with everything else that is stored: the next look at the pools will say so.
            (None, _) => {}
        }
        Ok(())
    }

    /// What this process knows against a database that is not held.
    async fn doubt(&self, hub: &Hub, row: &FloorRow, stopped: bool) -> Result<Option<String>, ServiceError> {
        if !self.distrusts {
            return Ok(None);
        }
        if let Some(server) = store::server_state(hub.db()).await?
            && let Some((stored, found)) = row.identity.difference(&server.identity)
        {
            let (stored, found) = (stored.to_owned(), found.to_owned());
            return Ok(Some(Doubt::OtherDatabase { stored, found }.to_string()));
        }
        if !stopped {
            return Ok(None);
        }
        // It stopped by itself, or somebody confirmed less than it has seen.
        let reached = hub.floor().all_reached();
        Ok(behind(&store::counters(hub.db()).await?, &reached).map(|doubt| doubt.to_string()))
    }

    async fn free(&mut self, hub: &Hub, identity: Identity) -> Result<(), ServiceError> {
        self.identity = identity;
        hub.floor().begin(store::counters(hub.db()).await?);
        self.write(hub).await?;
        hub.floor().held.store(None);
        tracing::info!("the floor is confirmed: serial numbers are given out again");
        Ok(())
    }

    async fn write_if_moved(&mut self, hub: &Hub) -> Result<(), ServiceError> {
        let due = self.written.is_none_or(|at| at.elapsed() >= WITNESS_EVERY);
        if due && hub.floor().moved.load(Ordering::Acquire) {
            self.write(hub).await?;
        }
        Ok(())
    }

    async fn write(&mut self, hub: &Hub) -> Result<(), ServiceError> {
        // Before the counters are read: what moves in between is written next time.
        hub.floor().moved.store(false, Ordering::Release);
        let written = write_witness(hub, &self.folder, self.identity.clone(), hub.floor().all_reached()).await;
        if written.is_err() {
            hub.floor().moved.store(true, Ordering::Release);
        }
        self.written = Some(Instant::now());
        written
    }

    /// Writes what the witness does not know yet; for the end, when nothing moves any more.
    pub async fn finish(mut self, hub: &Hub) -> Result<(), ServiceError> {
        match hub.floor().held().is_none() && hub.floor().moved.load(Ordering::Acquire) {
            true => self.write(hub).await,
            false => Ok(()),
        }
    }
}

fn say_held(hub: &Hub, why: &str) {
    hub.floor().stop(why.to_owned());
    tracing::error!(why, "no serial number is given out until `counterfoil serials floor confirm`");
}
