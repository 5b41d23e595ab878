//! A PostgreSQL cluster of a test's own, which it may restart, cut off and put back as it likes.
//!
//! It is there if the tests were given a server at all: then `initdb` is on this machine too, as `tests/run` sees to.

use std::path::{Path, PathBuf};
use std::process::Command;

use sea_orm::{ConnectionTrait, Database, Statement};

use super::house::copy_folder;

/// A running cluster on a socket in a folder of its own. Dropped, it is gone.
pub(crate) struct Cluster {
    // The path of a socket has at most 107 bytes: not in the temp folder of the environment.
    folder: tempfile::TempDir,
    bin: PathBuf,
}

impl Cluster {
    /// `None` if the tests run without PostgreSQL.
    pub(crate) fn start() -> Option<Self> {
        std::env::var_os("COUNTERFOIL_TEST_DATABASE_URL")?;
        let folder = tempfile::Builder::new()
            .prefix("counterfoil-pg.")
            .tempdir_in("/tmp")
            .expect("a folder");
        let cluster = Self { folder, bin: bin() };
        if is_root() {
            ran(Command::new("chown").arg("postgres").arg(cluster.folder.path()));
        }
        let data = cluster.data().display().to_string();
        let arguments = [
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ];
        ran(cluster.server("initdb").args(["--pgdata", &data]).args(arguments));
        cluster.up();
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its URL, with a database that is always there.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Starts it.
    pub(crate) fn up(&self) {
        self.up_with("");
    }

    /// Starts it as a standby that becomes the primary: on a timeline of its own.
    pub(crate) fn take_over(&self) {
        let signal = self.data().join("recovery.signal");
        std::fs::write(&signal, "").expect("a signal");
        self.give_away(&signal);
        self.up_with("-c restore_command=false");
    }

    fn up_with(&self, more: &str) {
        let options = format!(
            "{more} -c listen_addresses='' -c unix_socket_directories='{}' -c fsync=on -c synchronous_commit=on -c max_connections=200",
            self.folder.path().display()
        );
        ran(self.control("start").args(["--wait", "--silent", "--options", &options]));
    }

    /// Stops it as a crash does, without a last checkpoint.
    pub(crate) fn crash(&self) {
        ran(self.control("stop").args(["--mode=immediate", "--silent"]));
    }

    /// Stops it in good order.
    pub(crate) fn down(&self) {
        ran(self.control("stop").args(["--mode=fast", "--silent"]));
    }

    /// Copies a cluster that is down.
    pub(crate) fn back_up(&self) {
        let backup = self.folder.path().join("backup");
        copy_folder(&self.data(), &backup);
        self.give_away(&backup);
    }

    /// Puts the copy in the place of a cluster that is down.
    pub(crate) fn restore(&self) {
        std::fs::remove_dir_all(self.data()).expect("removed");
        copy_folder(&self.folder.path().join("backup"), &self.data());
        self.give_away(&self.data());
    }

    fn give_away(&self, folder: &Path) {
        ran(Command::new("chmod").args(["-R", "go-rwx"]).arg(folder));
        if is_root() {
            ran(Command::new("chown").args(["-R", "postgres"]).arg(folder));
        }
    }

    /// Cuts every connection of every hub; how many.
    pub(crate) async fn cut_connections(&self) -> i64 {
        let admin = Database::connect(self.url()).await.expect("the cluster");
        let sql = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let statement = Statement::from_string(admin.get_database_backend(), sql);
        let row = admin.query_one_raw(statement).await.expect("an answer").expect("a row");
        admin.close().await.expect("closed");
        row.try_get_by_index(0).expect("a count")
    }

    fn control(&self, what: &str) -> Command {
        let mut command = self.server("pg_ctl");
        command.arg(what).arg("--pgdata").arg(self.data());
        command.arg("--log").arg(self.folder.path().join("server.log"));
        command
    }

    /// PostgreSQL refuses to run as root.
    fn server(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // The working folder may be closed to its user.
        command.current_dir("/tmp");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _gone = self.control("stop").args(["--mode=immediate", "--silent"]).output();
    }
}

/// Where the newest PostgreSQL of this machine is, as `tests/run` finds it.
fn bin() -> PathBuf {
    let found = Command::new("bash")
        .args([
            "-c",
            "find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | grep . || command -v initdb",
        ])
        .output();
    let found = String::from_utf8(found.expect("bash").stdout).expect("a path");
    let initdb = Path::new(found.trim());
    assert!(initdb.exists(), "the fault tests need PostgreSQL: apt-get install postgresql");
    initdb.parent().expect("a folder").to_owned()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout == b"0\n"
}

fn ran(command: &mut Command) {
    // Not `output()`: a server that is started keeps the pipes open.
    let log = tempfile::NamedTempFile::new().expect("a file");
    let to = || log.reopen().expect("a file");
    let status = command.stdin(std::process::Stdio::null()).stdout(to()).stderr(to()).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = std::fs::read(log.path()).expect("what it said");
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}
