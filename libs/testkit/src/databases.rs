//! A fresh database per test on every engine at hand.

use std::sync::Once;

use service_kit::config::Config;
use service_kit::db::{Migrate, Target};
use service_kit::{Db, Micros, Migration};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

const POSTGRES: &str = "TESTKIT_POSTGRES";
const LOSSY_POSTGRES: &str = "TESTKIT_POSTGRES_LOSSY";
/// Whether this program has said which engines it tests.
static SAID: Once = Once::new();

/// An engine that tests can make databases on.
#[derive(Debug, Clone)]
pub enum Backend {
    Sqlite,
    /// Address of a server, with a database to connect to.
    Postgres(String),
}

/// A migrated database of its own; its files go when this is dropped.
#[derive(Debug)]
pub struct TestDb {
    pub db: Db,
    pub engine: &'static str,
    pub target: Target,
    _dir: TempDir,
}

/// The engines that tests run on: `SQLite`, and `PostgreSQL` where a server is named. Says once which.
pub fn list_backends() -> Vec<Backend> {
    let all: Vec<Backend> = std::iter::once(Backend::Sqlite).chain(postgres_url().map(Backend::Postgres)).collect();
    SAID.call_once(|| match all.len() {
        1 => eprintln!("engines: SQLite ({POSTGRES} is not set)"),
        _ => eprintln!("engines: SQLite, PostgreSQL"),
    });
    all
}

/// The `PostgreSQL` server for tests.
pub fn postgres_url() -> Option<String> {
    test_variable(POSTGRES)
}

/// A `PostgreSQL` server that runs with `fsync = off`, which must be refused.
pub fn lossy_postgres_url() -> Option<String> {
    test_variable(LOSSY_POSTGRES)
}

#[expect(clippy::disallowed_methods, reason = "which servers a test may use is no setting of the product")]
fn test_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Backend {
    /// The `[database] url` of a new empty database.
    pub async fn new_url(&self) -> String {
        match self {
            Self::Sqlite => "sqlite".to_owned(),
            Self::Postgres(server) => {
                let name = fresh_name();
                let mut admin = PgConnection::connect(server).await.expect("the PostgreSQL server for tests answers");
                let create = format!("CREATE DATABASE {name}");
                sqlx::query(AssertSqlSafe(create)).execute(&mut admin).await.expect("databases can be made on it");
                with_database(server, &name)
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "names of databases differ between runs")]
fn fresh_name() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple())
}

/// The same server address with another database name.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').map_or((server, None), |(address, query)| (address, Some(query)));
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let root = address[after_scheme..].find('/').map_or(address, |at| &address[..after_scheme + at]);
    match query {
        Some(query) => format!("{root}/{name}?{query}"),
        None => format!("{root}/{name}"),
    }
}

/// One migrated database per engine.
pub async fn create_databases(service: &str, migrations: &[Migration]) -> Vec<TestDb> {
    let mut all = Vec::new();
    for backend in list_backends() {
        let dir = TempDir::new().expect("a temporary directory");
        let toml = format!("[database]\nurl = \"{}\"\n", backend.new_url().await);
        let config = Config::from_toml(&[], &toml).expect("valid settings").core.database;
        let target = Target::from_config(&config, dir.path(), service).expect("a usable address");
        let db = Db::open(&target, &config).await.expect("the database opens");
        db.migrate(migrations, Migrate::Auto, Micros::default()).await.expect("the migrations run");
        let engine = match backend {
            Backend::Sqlite => "SQLite",
            Backend::Postgres(_) => "PostgreSQL",
        };
        all.push(TestDb { db, engine, target, _dir: dir });
    }
    all
}
