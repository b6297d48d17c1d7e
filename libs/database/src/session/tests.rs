use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use super::*;
use crate::writability::Writability;
use crate::{DbError, Tx};

async fn open_pool(connections: u32, directory: &tempfile::TempDir) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(directory.path().join("x.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    SqlitePoolOptions::new().max_connections(connections).connect_with(options).await.unwrap()
}

async fn begin_transaction(pool: &SqlitePool) -> Tx {
    Tx::new(Session::begin_sqlite(pool, "BEGIN").await.unwrap(), Some(Writability::default()))
}

async fn execute_and_commit(pool: &SqlitePool, sql: &str) {
    let mut tx = begin_transaction(pool).await;
    tx.execute(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Whether the connection is the one that was marked.
async fn is_marked(pool: &SqlitePool) -> bool {
    begin_transaction(pool).await.fetch_all("SELECT n FROM temp.mark", &[]).await.is_ok()
}

#[tokio::test]
async fn an_interrupted_write_is_undone_and_its_connection_closed() {
    let directory = tempfile::tempdir().unwrap();
    let pool = open_pool(1, &directory).await;
    execute_and_commit(&pool, "CREATE TABLE t (n BIGINT)").await;
    execute_and_commit(&pool, "CREATE TEMP TABLE mark (n BIGINT)").await;
    assert!(is_marked(&pool).await, "the control: what was committed and what was read leave the connection as it is");

    let mut session = Session::begin_sqlite(&pool, "BEGIN IMMEDIATE").await.unwrap();
    session.limit_statements(StatementTimeout::new(Duration::ZERO)).await.unwrap();
    let mut tx = Tx::new(session, Some(Writability::default()));
    let many = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000) INSERT INTO t SELECT i FROM c";
    let interrupted = tx.execute(many, &[]).await;
    assert!(matches!(interrupted, Err(DbError::TooSlow(_))), "{interrupted:?}");
    tx.roll_back().await.unwrap();
    assert!(!is_marked(&pool).await, "another connection");
    execute_and_commit(&pool, "INSERT INTO t (n) VALUES (1)").await;
    let rows = begin_transaction(&pool).await.fetch_all("SELECT n FROM t", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn a_snapshot_that_is_too_old_to_write_is_a_conflict_and_its_connection_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (open_pool(1, &directory).await, open_pool(1, &directory).await);
    execute_and_commit(&first, "CREATE TABLE t (n BIGINT)").await;
    execute_and_commit(&first, "CREATE TEMP TABLE mark (n BIGINT)").await;
    let mut tx = begin_transaction(&first).await;
    tx.fetch_all("SELECT n FROM t", &[]).await.unwrap();
    execute_and_commit(&second, "INSERT INTO t (n) VALUES (1)").await;
    let refused = tx.execute("INSERT INTO t (n) VALUES (2)", &[]).await;
    assert!(matches!(refused, Err(DbError::Conflict(_))), "{refused:?}");
    tx.roll_back().await.unwrap();
    assert!(!is_marked(&first).await, "another connection");
    execute_and_commit(&first, "INSERT INTO t (n) VALUES (3)").await;
}

/// A runtime that ends takes its transactions with it, whatever they are at.
#[test]
fn a_transaction_may_outlive_its_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (pool, tx) = runtime.block_on(async {
        let pool = open_pool(1, &directory).await;
        execute_and_commit(&pool, "CREATE TABLE t (n BIGINT)").await;
        let mut tx = begin_transaction(&pool).await;
        tx.execute("INSERT INTO t (n) VALUES (1)", &[]).await.unwrap();
        (pool, tx)
    });
    drop(runtime);
    drop(tx);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(execute_and_commit(&pool, "INSERT INTO t (n) VALUES (2)"));
}
