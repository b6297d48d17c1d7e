//! Databases with settings of a test's own.

use std::path::Path;

use service_kit::config::Config;
use service_kit::db::{DatabaseConfig, Migrate, Target};
use service_kit::{Db, DbError, Micros, Migration, Val};
use testkit::Backend;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE thing (id BIGINT PRIMARY KEY, name {text} NOT NULL, picture {blob});",
}];
const ADD: &str = "INSERT INTO thing (id, name, picture) VALUES ($1, $2, $3)";
const IDS: &str = "SELECT id FROM thing ORDER BY id";

/// Settings of `[database]` besides its address.
pub async fn database_config(backend: &Backend, settings: &str) -> DatabaseConfig {
    let toml = format!("[database]\nurl = \"{}\"\n{settings}\n", backend.new_url().await);
    Config::from_toml(&[], &toml).unwrap().core.database
}

/// A migrated database; that of `SQLite` lies in the directory.
pub async fn open_migrated(directory: &Path, config: &DatabaseConfig) -> Db {
    let db = Db::open(&Target::from_config(config, directory, "sample").unwrap(), config).await.unwrap();
    db.migrate(MIGRATIONS, Migrate::Auto, Micros::default()).await.unwrap();
    db
}

pub async fn add_row(db: &Db, id: i64, bytes: usize) -> Result<u64, DbError> {
    let vals = [id.into(), "n".into(), Val::Blob(Some(vec![7; bytes]))];
    db.write(async |tx| tx.execute(ADD, &vals).await).await
}

pub async fn list_ids(db: &Db) -> Vec<i64> {
    let rows = db.read().await.unwrap().fetch_all(IDS, &[]).await.unwrap();
    rows.iter().map(|row| row.get("id").unwrap()).collect()
}
