//! A migration makes the ids of existing tables row ids of `SQLite`; rows, indexes and constraints stay.

use std::path::Path;

use service_kit::config::Config;
use service_kit::db::{Migrate, Target};
use service_kit::{Db, DbError, Engine, Micros, Migration};

const BEFORE: Migration = Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE box (id BIGINT PRIMARY KEY, name {text} NOT NULL UNIQUE);
          CREATE TABLE thing (
              id BIGINT PRIMARY KEY,
              box_id BIGINT NOT NULL REFERENCES box (id),
              weight DOUBLE PRECISION,
              picture {blob},
              UNIQUE (box_id, weight)
          );
          CREATE INDEX thing_weight ON thing (weight, id);
          CREATE TABLE empty (id BIGINT PRIMARY KEY, thing_id BIGINT REFERENCES thing (id));
          CREATE INDEX empty_thing_id ON empty (thing_id);
          CREATE TABLE named (name {text} PRIMARY KEY, box_id BIGINT REFERENCES box (id));",
};
const COLUMN: Migration =
    Migration { version: 2, name: "column", sql: "ALTER TABLE thing ADD COLUMN note {text} NOT NULL DEFAULT '-';" };
const REBUILD: Migration = Migration { version: 3, name: "row_ids", sql: "{rowid_tables};" };
const AFTER: Migration = Migration {
    version: 4,
    name: "after",
    sql: "ALTER TABLE thing ADD COLUMN more BIGINT; CREATE TABLE later (id {primary_key}, thing_id BIGINT REFERENCES thing (id));",
};
const BROKEN: Migration = Migration { version: 4, name: "after", sql: "NONSENSE" };
/// Takes until it is interrupted.
const ENDLESS: Migration = Migration {
    version: 4,
    name: "after",
    sql: "CREATE TABLE endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
          SELECT COUNT(*) AS n FROM n;",
};

const ROWS: i64 = 2_000;

async fn fill_tables(db: &Db) {
    db.write(async |tx| {
        // Not in the order of ids.
        tx.execute("INSERT INTO box (id, name) VALUES (9, 'b'), (4, 'a')", &[]).await?;
        tx.execute("INSERT INTO named (name, box_id) VALUES ('n', 4)", &[]).await?;
        for id in (1..=ROWS).rev() {
            let sql = "INSERT INTO thing (id, box_id, weight, picture) VALUES ($1, 9, $2, $3)";
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let weight = id as f64 / 8.0;
            tx.execute(sql, &[(id * 10).into(), weight.into(), vec![7_u8; 2_000].into()]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

/// All rows as texts, sorted.
async fn list_rows(db: &Db) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in [
        ("box", "CAST(id AS TEXT) || name"),
        ("named", "name || CAST(box_id AS TEXT)"),
        ("thing", "CAST(id AS TEXT) || ' ' || CAST(box_id AS TEXT) || ' ' || CAST(weight * 8 AS TEXT) || ' ' || note"),
        ("empty", "CAST(id AS TEXT)"),
    ] {
        let sql = format!("SELECT {columns} AS shown FROM {table} ORDER BY 1");
        for row in db.read().await.unwrap().fetch_all(&sql, &[]).await.unwrap() {
            rows.push(format!("{table} {}", row.get::<String>("shown").unwrap()));
        }
    }
    rows
}

/// Tables whose primary key is an index of its own.
async fn list_separate_keys(db: &Db) -> Vec<String> {
    let sql = "SELECT m.name FROM sqlite_master m JOIN pragma_index_list(m.name) i \
               WHERE m.type = 'table' AND i.origin = 'pk' AND m.name IN ('box', 'thing', 'empty', 'later') ORDER BY 1";
    let rows = db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get("name").unwrap()).collect()
}

/// Indexes with their columns, and whether they are unique.
async fn list_indexes(db: &Db) -> Vec<String> {
    let sql = "SELECT m.name || ' ' || i.origin || ' ' || i.\"unique\" || ' ' || \
                   (SELECT GROUP_CONCAT(c.name, ',') FROM pragma_index_info(i.name) c) AS shown \
               FROM sqlite_master m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin <> 'pk' ORDER BY 1";
    let rows = db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get("shown").unwrap()).collect()
}

async fn run_migrations(db: &Db, migrations: &[Migration]) -> Result<usize, DbError> {
    db.migrate(migrations, Migrate::Auto, Micros::default()).await
}

async fn require_constraints(db: &Db) {
    let refused = async |sql: &str| db.write(async |tx| tx.execute(sql, &[]).await).await.unwrap_err();
    for sql in [
        "INSERT INTO thing (id, box_id) VALUES (1, 77)",
        "INSERT INTO thing (id, box_id) VALUES (1, NULL)",
        "INSERT INTO thing (id, box_id) VALUES (10, 9)",
        "INSERT INTO thing (id, box_id, weight) VALUES (1, 9, 0.125)",
        "DELETE FROM box WHERE id = 9",
        "INSERT INTO empty (id, thing_id) VALUES (1, 1)",
    ] {
        let e = refused(sql).await;
        assert!(matches!(e, DbError::Constraint(_) | DbError::Unique(_)), "{sql}: {e:?}");
    }
}

#[tokio::test]
async fn ids_become_row_ids_and_everything_else_stays() {
    for test in testkit::create_databases("rowid", &[BEFORE, COLUMN]).await {
        fill_tables(&test.db).await;
        let ids = test.db.write(async |tx| tx.allocate_ids(3).await).await.unwrap();
        let (before, is_sqlite) = (list_rows(&test.db).await, test.db.engine() == Engine::Sqlite);
        assert_eq!(before.len(), 3 + usize::try_from(ROWS).unwrap(), "the control");
        let indexes = if is_sqlite { list_indexes(&test.db).await } else { Vec::new() };
        if is_sqlite {
            assert_eq!(list_separate_keys(&test.db).await, ["box", "empty", "thing"], "the control");
            let plan = test.db.migration_plan(&[BEFORE, COLUMN, REBUILD]).await.unwrap();
            assert!(plan[0].1.contains(" FROM thing ORDER BY id;"), "{plan:?}");
        }
        assert_eq!(run_migrations(&test.db, &[BEFORE, COLUMN, REBUILD]).await.unwrap(), 1, "{}", test.engine);
        assert_eq!(run_migrations(&test.db, &[BEFORE, COLUMN, REBUILD, AFTER]).await.unwrap(), 1, "{}", test.engine);
        assert_eq!(list_rows(&test.db).await, before, "{}", test.engine);
        if is_sqlite {
            assert_eq!(list_separate_keys(&test.db).await, Vec::<String>::new());
            assert_eq!(list_indexes(&test.db).await, indexes);
        }
        require_constraints(&test.db).await;
        let next = test.db.write(async |tx| tx.allocate_ids(1).await).await.unwrap();
        assert!(next[0] > ids[2], "{next:?} after {ids:?}");
    }
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_the_tables_as_they_were() {
    for test in testkit::create_databases("rowid", &[BEFORE, COLUMN]).await {
        fill_tables(&test.db).await;
        let before = list_rows(&test.db).await;
        assert!(run_migrations(&test.db, &[BEFORE, COLUMN, REBUILD, BROKEN]).await.is_err(), "{}", test.engine);
        assert_eq!(list_rows(&test.db).await, before, "{}", test.engine);
        if test.db.engine() == Engine::Sqlite {
            assert_eq!(list_separate_keys(&test.db).await, ["box", "empty", "thing"]);
        }
        require_constraints(&test.db).await;
        assert_eq!(run_migrations(&test.db, &[BEFORE, COLUMN, REBUILD, AFTER]).await.unwrap(), 2, "{}", test.engine);
        assert_eq!(list_rows(&test.db).await, before, "{}", test.engine);
    }
}

async fn open_file(dir: &Path) -> Db {
    let config = Config::from_toml(&[], "").unwrap().core.database;
    Db::open(&Target::Sqlite(dir.join("rowid.db")), &config).await.unwrap()
}

/// What a killed process leaves is what its files contain at that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_in_the_middle_leaves_the_tables_as_they_were() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open_file(dir.path()).await;
    run_migrations(&db, &[BEFORE, COLUMN]).await.unwrap();
    fill_tables(&db).await;
    let before = list_rows(&db).await;
    let log = dir.path().join("rowid.db-wal");
    let log_size = std::fs::metadata(&log).unwrap().len();
    let killed = async {
        testkit::wait_until("rebuilt pages are in the log", async || {
            (std::fs::metadata(&log).unwrap().len() > log_size + 1_000_000).then_some(())
        })
        .await;
        for file in ["rowid.db", "rowid.db-wal"] {
            std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
        }
    };
    tokio::select! {
        done = run_migrations(&db, &[BEFORE, COLUMN, REBUILD, ENDLESS]) => panic!("it does not end by itself: {done:?}"),
        () = killed => {}
    }
    let after = open_file(copy.path()).await;
    assert_eq!(list_rows(&after).await, before);
    assert_eq!(list_separate_keys(&after).await, ["box", "empty", "thing"]);
    assert_eq!(run_migrations(&after, &[BEFORE, COLUMN, REBUILD, AFTER]).await.unwrap(), 2);
    assert_eq!(list_rows(&after).await, before);
    db.close().await;
}

/// A row without its parent can come only from another program; it is refused rather than kept unseen.
#[tokio::test]
async fn a_row_without_its_parent_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_file(dir.path()).await;
    run_migrations(&db, &[BEFORE]).await.unwrap();
    db.write(async |tx| tx.execute("INSERT INTO box (id, name) VALUES (4, 'a')", &[]).await).await.unwrap();
    db.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("rowid.db")).foreign_keys(false);
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("INSERT INTO thing (id, box_id) VALUES (1, 77), (2, 77)").execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let db = open_file(dir.path()).await;
    let refused = run_migrations(&db, &[BEFORE, COLUMN, REBUILD]).await.unwrap_err().to_string();
    assert!(refused.starts_with("2 rows of thing refer to rows of box that do not exist"), "{refused}");
    assert_eq!(list_separate_keys(&db).await, ["box", "empty", "thing"]);
}
