//! What the databases hold, read past the services.

use std::collections::BTreeMap;

use service_kit::{Config, Db, ServiceDef, SystemClock, open_database};
use tempfile::TempDir;
use testkit::probe;

/// What is stored.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Names and ids of the facilities.
    pub catalogue: BTreeMap<String, i64>,
    /// Ids of facilities, one per effect.
    pub effects: Vec<i64>,
    /// Events that the bus does not have.
    pub waiting: i64,
}

pub async fn read_rows(config: &Config) -> Rows {
    let config = config.with_setting("database.migrate", "never").unwrap();
    let mut rows = Rows::default();
    let db = open_database(&icat::SERVICE, &config, &SystemClock).await.unwrap();
    let mut tx = db.read().await.unwrap();
    for row in tx.fetch_all("SELECT name, id FROM facility", &[]).await.unwrap() {
        rows.catalogue.insert(row.get("name").unwrap(), row.get("id").unwrap());
    }
    rows.waiting = count_outbox(&mut tx).await;
    drop(tx);
    db.close().await;
    let db = open_database(&probe::SERVICE, &config, &SystemClock).await.unwrap();
    let mut tx = db.read().await.unwrap();
    for row in tx.fetch_all("SELECT entity_id FROM effect WHERE entity = 'Facility'", &[]).await.unwrap() {
        rows.effects.push(row.get("entity_id").unwrap());
    }
    drop(tx);
    db.close().await;
    rows
}

/// How many events of the catalogue the bus does not have.
pub async fn count_waiting(config: &Config, alive: bool) -> i64 {
    let config = config.with_setting("database.migrate", "never").unwrap();
    let (db, _copy) = open_service_database(&icat::SERVICE, &config, alive).await;
    let waiting = count_outbox(&mut db.read().await.unwrap()).await;
    db.close().await;
    waiting
}

async fn count_outbox(tx: &mut service_kit::Tx) -> i64 {
    tx.fetch_one("SELECT COUNT(*) AS n FROM outbox", &[]).await.unwrap().get("n").unwrap()
}

/// The database; of a killed process that had `SQLite` a copy, because whoever opens the file first repairs it, and that
/// is to be the process when it starts again.
async fn open_service_database(service: &ServiceDef, config: &Config, alive: bool) -> (Db, Option<TempDir>) {
    if alive || config.core.database.url.as_deref() != Some("sqlite") {
        return (open_database(service, config, &SystemClock).await.unwrap(), None);
    }
    let copy = TempDir::new().unwrap();
    for end in ["db", "db-wal"] {
        let name = format!("{}.{end}", service.name);
        let from = config.core.data_dir.join(&name);
        if from.exists() {
            std::fs::copy(from, copy.path().join(&name)).unwrap();
        }
    }
    let config = config.with_setting("data_dir", copy.path()).unwrap();
    (open_database(service, &config, &SystemClock).await.unwrap(), Some(copy))
}
