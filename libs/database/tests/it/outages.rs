//! Servers and locks that fail a transaction: what the error says, and that the next one works.

use std::path::Path;

use service_kit::{Db, DbError};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::Backend;

use crate::opened::{add_row, database_config, list_ids, open_migrated};

/// A database of the `PostgreSQL` server, and a way to it that the service does not use.
async fn open_postgres() -> Option<(Db, String, PgConnection)> {
    let Some(server) = testkit::postgres_url() else {
        println!("no PostgreSQL at hand");
        return None;
    };
    let config =
        database_config(&Backend::Postgres(server.clone()), "max_connections = 2\nlock_timeout = \"200ms\"").await;
    let url = config.url.clone().unwrap();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let db = open_migrated(Path::new("-"), &config).await;
    Some((db, name, PgConnection::connect(&server).await.unwrap()))
}

async fn run_statement(admin: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(admin).await.unwrap();
}

fn end_connections(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

#[tokio::test]
async fn a_connection_that_the_server_ends_within_a_transaction_is_replaced() {
    let Some((db, name, mut admin)) = open_postgres().await else { return };
    for id in 0..5 {
        let outcome = db
            .write(async |tx| {
                tx.fetch_one("SELECT 1 AS n", &[]).await?;
                run_statement(&mut admin, end_connections(&name)).await;
                tx.fetch_one("SELECT 1 AS n", &[]).await.map(drop)
            })
            .await;
        assert!(matches!(outcome, Err(DbError::Unavailable(_))), "{outcome:?}");
        add_row(&db, id, 10).await.unwrap();
        db.check_ready().await.unwrap();
    }
    // During COMMIT nobody knows.
    let outcome = db
        .write(async |tx| {
            tx.execute("INSERT INTO thing (id, name) VALUES (100, 'n')", &[]).await?;
            run_statement(&mut admin, end_connections(&name)).await;
            Ok::<_, DbError>(())
        })
        .await;
    assert!(matches!(outcome, Err(DbError::CommitUnknown(_))), "{outcome:?}");
    assert_eq!(list_ids(&db).await, [0, 1, 2, 3, 4]);
}

/// Nobody asks a connection whether it still works before using it.
#[tokio::test]
async fn connections_that_the_server_has_ended_meanwhile_are_replaced_unnoticed() {
    let Some((db, name, mut admin)) = open_postgres().await else { return };
    for id in 0..5 {
        let (first, second) = tokio::join!(db.read(), db.read());
        drop((first.unwrap(), second.unwrap()));
        run_statement(&mut admin, end_connections(&name)).await;
        add_row(&db, id, 10).await.unwrap();
        run_statement(&mut admin, end_connections(&name)).await;
        assert_eq!(list_ids(&db).await.len(), usize::try_from(id).unwrap() + 1);
    }
}

/// A full disk of the server cannot be made here; its error can.
#[tokio::test]
async fn a_full_disk_of_the_server_is_told_as_such() {
    let Some((db, _, _)) = open_postgres().await else { return };
    let raise = |code: &str| format!("DO $$ BEGIN RAISE 'no room' USING ERRCODE = '{code}'; END $$");
    for (code, expected) in
        [("53100", "DiskFull"), ("53200", "Unavailable"), ("58030", "Unavailable"), ("57P03", "Unavailable")]
    {
        let outcome = db.write(async |tx| tx.execute(&raise(code), &[]).await).await;
        assert!(format!("{outcome:?}").starts_with(&format!("Err({expected}")), "{code}: {outcome:?}");
        db.check_ready().await.unwrap();
    }
    add_row(&db, 1, 10).await.unwrap();
}

#[tokio::test]
async fn a_server_that_only_reads_is_not_ready() {
    let Some((db, name, mut admin)) = open_postgres().await else { return };
    let mut set = async |value: &str| {
        run_statement(&mut admin, format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}")).await;
        run_statement(&mut admin, end_connections(&name)).await;
    };
    set("on").await;
    let refused = (add_row(&db, 1, 10).await, db.check_ready().await);
    assert!(matches!(refused, (Err(DbError::Unavailable(_)), Err(DbError::Unavailable(_)))), "{refused:?}");
    assert_eq!(list_ids(&db).await, [0; 0], "reading goes on");
    set("off").await;
    db.check_ready().await.unwrap();
    add_row(&db, 2, 10).await.unwrap();
    assert_eq!(list_ids(&db).await, [2]);
}

#[tokio::test]
async fn a_write_waits_for_locks_as_long_as_is_set_and_not_longer() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "lock_timeout = \"200ms\"").await).await;
        add_row(&db, 1, 10).await.unwrap();
        let change = "UPDATE thing SET name = 'x' WHERE id = 1";
        db.write(async |tx| {
            tx.execute(change, &[]).await?;
            let started = std::time::Instant::now();
            let waited = db.write(async |tx| tx.execute(change, &[]).await).await;
            assert!(matches!(waited, Err(DbError::Busy(_))), "{waited:?}");
            assert!(started.elapsed().as_millis() >= 200, "{:?}", started.elapsed());
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        db.write(async |tx| tx.execute(change, &[]).await).await.unwrap();
    }
}

/// Not only this process has the file open: commands write beside a server.
#[tokio::test]
async fn a_write_waits_for_another_process_as_long_as_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let config = database_config(&Backend::Sqlite, "lock_timeout = \"200ms\"").await;
    let (db, other) = (open_migrated(dir.path(), &config).await, open_migrated(dir.path(), &config).await);
    db.write(async |tx| {
        tx.execute("DELETE FROM thing", &[]).await?;
        let waited = add_row(&other, 1, 10).await;
        assert!(matches!(waited, Err(DbError::Busy(_))), "{waited:?}");
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    add_row(&other, 1, 10).await.unwrap();
    other.check_ready().await.unwrap();
}
