//! Hubs as an operator runs them: the real binary over a data folder, killed and started again.
//!
//! A [`House`] is a data folder with its database, contracts and client certificates. It is made once a test by the
//! binary's own commands and copied wherever a test wants to begin afresh.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

use super::caller::{Caller, Identity, LINES, Line};
use super::control;
use super::disk::Disk;

/// The database of a house.
#[derive(Debug, Clone)]
enum Kept {
    /// In the data folder.
    Sqlite,
    /// In a database of its own on the server of `COUNTERFOIL_TEST_DATABASE_URL`.
    Postgres { server: String, name: String },
}

/// A data folder, its database, and who may call.
pub(crate) struct House {
    folder: tempfile::TempDir,
    kept: Kept,
    identities: Vec<Identity>,
    /// Environment of every command that is not every house's.
    settings: Vec<(&'static str, String)>,
}

/// How a hub is started.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Start<'a> {
    /// A disk that can fail.
    pub(crate) disk: Option<&'a Disk>,
    /// Write down what the disk is told.
    pub(crate) log: bool,
    /// The control: SQLite with `synchronous=OFF`.
    pub(crate) without_sync: bool,
    /// The control: a database that was restored is trusted.
    pub(crate) trusting: bool,
}

impl House {
    /// On SQLite, in a folder of its own.
    pub(crate) async fn on_sqlite() -> Self {
        Self::build(Kept::Sqlite).await
    }

    /// On PostgreSQL, in a database of its own; `None` if the tests were given no server.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let server = std::env::var("COUNTERFOIL_TEST_DATABASE_URL").ok()?;
        Some(Self::on_server(server).await)
    }

    /// The same on a server that the test brings.
    pub(crate) async fn on_server(server: String) -> Self {
        let name = format!("faults_{}", uuid::Uuid::new_v4().simple());
        let admin = Database::connect(&server).await.expect("the PostgreSQL server of the tests");
        admin
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database");
        admin.close().await.expect("closed");
        Self::build(Kept::Postgres { server, name }).await
    }

    /// Has the server hold the database as a copy of itself, as a dump that is loaded again is one.
    pub(crate) async fn copy_database(&self, statements: &[&str]) {
        let Kept::Postgres { server, name } = &self.kept else {
            panic!("SQLite has no server")
        };
        let admin = Database::connect(server).await.expect("the PostgreSQL server of the tests");
        for statement in statements {
            let sql = statement.replace("{live}", name).replace("{copy}", &format!("{name}_copy"));
            admin
                .execute_unprepared(&sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        admin.close().await.expect("closed");
    }

    async fn build(kept: Kept) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut house = Self {
            folder,
            kept,
            identities: Vec::new(),
            settings: Vec::new(),
        };
        fs::create_dir(house.data()).expect("data folder");
        house.run(&["migrate"]);
        house.run(&["partner", "apply"]);
        for line in &LINES {
            let identity = house.issue(line.party);
            house.identities.push(identity);
        }
        house
    }

    /// A setting of this house, from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.settings.push((name, value));
    }

    /// A certificate for a system of a party.
    pub(crate) fn issue(&self, party: &str) -> Identity {
        let out = self.folder.path().join(party);
        let to = out.display().to_string();
        self.run(&["certificate", "issue", party, "line", "--out", &to]);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Identity {
            ca: read("ca.pem"),
            certificate: read("client.pem"),
            key: read("client.key"),
        }
    }

    /// The same house, in another place. SQLite only.
    pub(crate) fn copy(&self) -> Self {
        assert!(matches!(self.kept, Kept::Sqlite), "a server's database is not copied");
        let copy = self.emptied();
        copy_folder(&self.data(), &copy.data());
        copy
    }

    /// The same house with nothing in its data folder. SQLite only.
    pub(crate) fn emptied(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let house = Self {
            folder,
            kept: self.kept.clone(),
            identities: self.identities.clone(),
            settings: self.settings.clone(),
        };
        fs::create_dir(house.data()).expect("data folder");
        house
    }

    /// Everything the hub keeps.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for what the test keeps itself.
    pub(crate) fn aside(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self) -> String {
        match &self.kept {
            Kept::Sqlite => format!("sqlite://{}", self.data().join("counterfoil.db").display()),
            Kept::Postgres { server, name } => {
                // `postgres://user@host/db?host=/folder`: another database, the rest as it stands.
                let (base, query) = server
                    .split_once('?')
                    .map_or((server.as_str(), ""), |(base, query)| (base, query));
                let (head, _) = base.rsplit_once('/').expect("a URL with a database");
                format!("{head}/{name}?{query}")
            }
        }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments);
        // Settings come by environment too, and unknown ones are refused: nothing of ours may leak in.
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(control::ON, "1");
        command
            .env("COUNTERFOIL_DATA_DIR", self.data())
            .env("COUNTERFOIL_DATABASE_URL", self.url());
        command.env(
            "COUNTERFOIL_PARTNER_CONFIG",
            concat!(env!("CARGO_MANIFEST_DIR"), "/partner-config"),
        );
        command
            .env("COUNTERFOIL_LOG_FILTER", "warn,counterfoil::app=info")
            .env("RUST_BACKTRACE", "0");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// A command of the operator that succeeds.
    pub(crate) fn run(&self, arguments: &[&str]) {
        let (status, text) = self.told(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {text}");
    }

    /// A command of the operator: its exit status, and what it said.
    pub(crate) fn told(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self
            .command(env!("CARGO_BIN_EXE_counterfoil"), arguments)
            .output()
            .expect("the binary");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Starts a hub and waits until it takes calls.
    pub(crate) fn start(&self, how: Start<'_>) -> HubProcess {
        self.try_start(how)
            .unwrap_or_else(|log| panic!("the hub did not start:\n{log}"))
    }

    /// The same; what the hub wrote if it ended before it was ready.
    pub(crate) fn try_start(&self, how: Start<'_>) -> Result<HubProcess, String> {
        let mut command = match how.without_sync || how.trusting {
            false => self.command(env!("CARGO_BIN_EXE_counterfoil"), &["serve"]),
            true => self.command(&control::program(), &control::ARGUMENTS),
        };
        if how.without_sync {
            command.env(control::WITHOUT_SYNC, "1");
        }
        if how.trusting {
            command.env(control::TRUSTING, "1");
        }
        // Any free ports; the hub says which it took.
        command
            .env("COUNTERFOIL_LISTEN", "127.0.0.1:0")
            .env("COUNTERFOIL_OPERATIONS_LISTEN", "127.0.0.1:0");
        let (log, out) = std::io::pipe().expect("a pipe");
        command.stdout(out.try_clone().expect("a pipe")).stderr(out);
        if let Some(disk) = how.disk {
            disk.under(&mut command, how.log);
        }
        let started = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let child = command.spawn().expect("the binary");
        // With it goes our own end of the pipe: it ends when the hub does.
        drop(command);
        let (serves, port) = mpsc::channel();
        let words = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&words);
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                let line = line + "\n";
                let port = port_in(&line);
                written.lock().expect("the log").push_str(&line);
                // Nobody waits any more for a second one.
                let _told = port.map(|port| serves.send(port));
            }
        });
        let mut hub = HubProcess {
            child,
            port: 0,
            words,
            started,
        };
        match port.recv_timeout(Duration::from_secs(60)) {
            Ok(port) => hub.port = port,
            Err(_) => return Err(hub.words()),
        }
        Ok(hub)
    }

    /// A system of the line's party, with connections of its own.
    pub(crate) fn caller(&self, line: &Line, hub: &HubProcess) -> Caller {
        let at = LINES
            .iter()
            .position(|other| other.party == line.party)
            .expect("a known line");
        Caller::new(&self.identities[at], hub.port)
    }

    /// The database itself, beside the hub: for what only its tables tell.
    pub(crate) async fn database(&self) -> DatabaseConnection {
        Database::connect(self.url()).await.expect("the database")
    }

    /// Jobs that a hub before this one held are free now, as they are anyway a lease after its death: nobody waits for that.
    pub(crate) async fn leases_of_the_dead_end(&self, hub: &HubProcess) {
        let db = self.database().await;
        let sql = "UPDATE capture_job SET lease_until = 0 WHERE state = 'running' AND lease_until < $1";
        let held_since_then = hub.started.as_micros() as i64 + LEASE.as_micros() as i64;
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [held_since_then.into()]);
        db.execute_raw(statement).await.expect("leases");
        db.close().await.expect("closed");
    }

    /// As if the time had passed for which a subscription stays with the process that delivers; while no hub runs.
    pub(crate) async fn deliveries_of_the_dead_end(&self) {
        let db = self.database().await;
        let sql = "UPDATE subscription SET lease_until = 0";
        let ended = db.execute_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        ended.expect("leases");
        db.close().await.expect("closed");
    }

    /// `PRAGMA integrity_check` of SQLite; PostgreSQL checks its pages itself.
    pub(crate) async fn integrity(&self) -> String {
        match self.kept {
            Kept::Postgres { .. } => "ok".to_owned(),
            Kept::Sqlite => {
                let db = self.database().await;
                let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
                let rows = db.query_all_raw(statement).await.expect("a check");
                let said = rows
                    .iter()
                    .map(|row| row.try_get_by_index(0).expect("text"))
                    .collect::<Vec<String>>()
                    .join("; ");
                db.close().await.expect("closed");
                said
            }
        }
    }

    /// Gives the database back to the server.
    pub(crate) async fn tear_down(self) {
        if let Kept::Postgres { server, name } = &self.kept {
            let admin = Database::connect(server).await.expect("the PostgreSQL server of the tests");
            admin
                .execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)"))
                .await
                .expect("dropped");
            admin.close().await.expect("closed");
        }
    }
}

/// How long a hub may hold a capture job without a word.
const LEASE: Duration = Duration::from_secs(10);

/// One running hub. Dropped, it is killed.
pub(crate) struct HubProcess {
    child: Child,
    port: u16,
    /// What it wrote, line by line as it comes.
    words: Arc<Mutex<String>>,
    /// Since 1970, by the clock that the hub reads too.
    started: Duration,
}

impl HubProcess {
    /// SIGKILL, now.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill").args(["-TERM", &id]).status().expect("kill").success(),
            "the hub is gone"
        );
        let status = self.child.wait().expect("the hub's end");
        assert!(status.success(), "{status}\n{}", self.words());
    }

    /// Where it takes calls.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the hub's state")
    }

    /// How it ended, if it does within a moment.
    pub(crate) async fn ends_soon(&mut self) -> Option<ExitStatus> {
        self.ends_within(Duration::from_millis(500)).await
    }

    /// How it ended, if it was killed: it has, and on a busy machine that takes a while to be seen.
    pub(crate) async fn dies(&mut self) -> Option<ExitStatus> {
        self.ends_within(Duration::from_secs(20)).await
    }

    async fn ends_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || began.elapsed() > patience {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it wrote.
    pub(crate) fn words(&self) -> String {
        self.words.lock().expect("the log").clone()
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From the line in which a hub says that it serves.
fn port_in(words: &str) -> Option<u16> {
    let (_, rest) = words.split_once("machine_addr=127.0.0.1:")?;
    let (port, _) = rest.split_once(|character: char| !character.is_ascii_digit())?;
    port.parse().ok()
}

/// What a backup is: every file by its content.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("file");
        }
    }
}
