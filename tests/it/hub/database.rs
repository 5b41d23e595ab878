//! A database for one test: a file on SQLite, a copy of a migrated template on PostgreSQL.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use counterfoil::storage::Db;
use counterfoil::storage::db::DbOptions;
use counterfoil::storage::migration::migrate;
use counterfoil_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::OnceCell;

/// Names the PostgreSQL server to run on, as a user who may create databases.
const SERVER: &str = "COUNTERFOIL_TEST_DATABASE_URL";

/// The template is made once a process; the lock below keeps processes apart.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A database that is gone after the test.
pub struct TestDatabase {
    url: String,
    /// Server and name of what must be dropped.
    drop: Option<(String, String)>,
}

impl TestDatabase {
    /// A migrated and empty one.
    pub async fn create(folder: &Path) -> Self {
        match std::env::var(SERVER) {
            Ok(server) => postgres(server).await,
            Err(_) => sqlite(folder).await,
        }
    }

    /// One that had come so many steps far when `fill` put something into it, and was brought to the present then.
    pub async fn create_at_step(folder: &Path, steps: u32, fill: impl AsyncFnOnce(&DatabaseConnection)) -> Self {
        let database = match std::env::var(SERVER) {
            Ok(server) => {
                let name = format!("counterfoil_test_{}", uuid::Uuid::new_v4().simple());
                let admin = connect(&server).await;
                run(&admin, &format!("CREATE DATABASE {name}")).await;
                admin.close().await.expect("closed");
                Self {
                    url: with_database(&server, &name),
                    drop: Some((server, name)),
                }
            }
            Err(_) => Self {
                url: format!("sqlite://{}?mode=rwc", folder.join("hub.db").display()),
                drop: None,
            },
        };
        let connection = connect(&database.url).await;
        Migrator::up(&connection, Some(steps)).await.expect("the schema of then");
        fill(&connection).await;
        connection.close().await.expect("closed");
        migrate(&database.url).await.expect("the schema");
        database
    }

    /// Opens it as a hub process would.
    pub async fn open(&self) -> Db {
        let options = DbOptions {
            url: self.url.clone(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(30),
            sqlite_synchronous: "FULL",
        };
        Db::open(&options).await.expect("the database of the test")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.drop.take() else { return };
        // A thread of its own: a runtime cannot wait for itself.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let admin = connect(&server).await;
                run(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        if dropping.join().is_err() {
            eprintln!("the database of a test could not be dropped");
        }
    }
}

async fn sqlite(folder: &Path) -> TestDatabase {
    let url = format!("sqlite://{}?mode=rwc", folder.join("hub.db").display());
    migrate(&url).await.expect("the schema");
    TestDatabase { url, drop: None }
}

async fn postgres(server: String) -> TestDatabase {
    let template = TEMPLATE.get_or_init(|| template(server.clone())).await;
    let name = format!("counterfoil_test_{}", uuid::Uuid::new_v4().simple());
    let admin = connect(&server).await;
    run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    admin.close().await.expect("closed");
    TestDatabase {
        url: with_database(&server, &name),
        drop: Some((server, name)),
    }
}

/// Named after the steps it has run: another state of the schema is another template.
async fn template(server: String) -> String {
    let name = format!("counterfoil_template_{}", fingerprint());
    let building = format!("{name}_building");
    let admin = connect(&server).await;
    run(&admin, "SELECT pg_advisory_lock(7263542)").await;
    let known = sea_orm::Statement::from_string(
        admin.get_database_backend(),
        format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"),
    );
    if admin.query_one_raw(known).await.expect("an answer").is_none() {
        run(&admin, &format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)")).await;
        run(&admin, &format!("CREATE DATABASE {building}")).await;
        migrate(&with_database(&server, &building)).await.expect("the schema");
        run(&admin, &format!("ALTER DATABASE {building} RENAME TO {name}")).await;
    }
    admin.close().await.expect("closed");
    name
}

fn fingerprint() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/src");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the steps")
        .map(|entry| entry.expect("a step").path())
        .collect();
    files.sort();
    let text: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("a step")).collect();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    digest.as_ref().iter().take(8).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String grows");
        hex
    })
}

/// The same server, another database: `postgres://user@/db?host=/folder` and `postgres://user@host:port/db`.
fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server
        .split_once('?')
        .map_or((server, None), |(base, query)| (base, Some(query)));
    let (head, _) = base.rsplit_once('/').expect("a URL with a database");
    query.map_or_else(|| format!("{head}/{name}"), |query| format!("{head}/{name}?{query}"))
}

/// One connection, so that a session lock is held by who took it.
async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options)
        .await
        .unwrap_or_else(|error| panic!("{SERVER} or the temp folder: {error}"))
}

async fn run(connection: &DatabaseConnection, sql: &str) {
    connection
        .execute_unprepared(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
