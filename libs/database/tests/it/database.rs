//! What every service may rely on, on each engine.

use service_kit::config::Config;
use service_kit::db::{Migrate, Target};
use service_kit::{Db, DbError, Engine, Micros, Migration, Val, fulltext};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE thing (id BIGINT PRIMARY KEY, name {text} NOT NULL UNIQUE, weight DOUBLE PRECISION, \
          picture {blob}, size BIGINT);",
}];
const ADD: &str = "INSERT INTO thing (id, name, weight, picture, size) VALUES ($1, $2, $3, $4, $5)";
const COUNT: &str = "SELECT COUNT(*) AS n FROM thing";

async fn count_things(db: &Db) -> i64 {
    db.read().await.unwrap().fetch_one(COUNT, &[]).await.unwrap().get("n").unwrap()
}

fn thing_values(id: i64, name: &str) -> [Val; 5] {
    [id.into(), name.into(), None::<f64>.into(), Val::Blob(None), None::<i64>.into()]
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_went_in() {
    for test in testkit::create_databases("values", MIGRATIONS).await {
        let full: [Val; 5] = [1.into(), "Größe 'x' \\ %".into(), 0.1.into(), vec![0, 255].into(), i64::MIN.into()];
        test.db
            .write(async |tx| {
                tx.execute(ADD, &full).await?;
                tx.execute(ADD, &thing_values(2, "b")).await
            })
            .await
            .unwrap();
        let rows = test.db.read().await.unwrap().fetch_all("SELECT * FROM thing ORDER BY id", &[]).await.unwrap();
        assert_eq!(rows[0].get::<String>("name").unwrap(), "Größe 'x' \\ %");
        assert_eq!(rows[0].get::<Option<f64>>("weight").unwrap(), Some(0.1));
        assert_eq!(rows[0].get::<Vec<u8>>("picture").unwrap(), [0, 255]);
        assert_eq!(rows[0].get_at::<i64>(4).unwrap(), i64::MIN);
        assert_eq!(rows[1].get::<Option<Vec<u8>>>("picture").unwrap(), None);
        assert!(matches!(rows[1].get::<f64>("weight"), Err(DbError::Column { .. })), "{}", test.engine);
    }
}

/// sqlx caches statements by text, with the types of their first parameters.
#[tokio::test]
async fn one_text_with_values_of_two_kinds_keeps_both() {
    for test in testkit::create_databases("kinds", MIGRATIONS).await {
        let set = "UPDATE thing SET weight = $1 WHERE id = 1";
        let weight = async |val: Val| {
            test.db.write(async |tx| tx.execute(set, std::slice::from_ref(&val)).await).await.unwrap();
            let row =
                test.db.read().await.unwrap().fetch_one("SELECT weight FROM thing WHERE id = 1", &[]).await.unwrap();
            row.get::<Option<f64>>("weight").unwrap()
        };
        test.db.write(async |tx| tx.execute(ADD, &thing_values(1, "a")).await).await.unwrap();
        assert_eq!(weight(Val::I64(Some(3))).await, Some(3.0), "{}", test.engine);
        assert_eq!(weight(Val::F64(Some(0.5))).await, Some(0.5), "{}", test.engine);
        assert_eq!(weight(Val::F64(None)).await, None, "{}", test.engine);
        assert_eq!(weight(Val::I64(Some(4))).await, Some(4.0), "{}", test.engine);
    }
}

#[tokio::test]
async fn a_failed_statement_poisons_the_transaction_even_if_the_error_is_dropped() {
    for test in testkit::create_databases("poison", MIGRATIONS).await {
        let outcome = test
            .db
            .write(async |tx| {
                tx.execute(ADD, &thing_values(1, "a")).await?;
                let refused = tx.execute(ADD, &thing_values(2, "a")).await;
                assert!(matches!(refused, Err(DbError::Unique(_))), "{refused:?}");
                let after = tx.execute(ADD, &thing_values(3, "c")).await;
                assert!(matches!(after, Err(DbError::Poisoned)), "{after:?}");
                Ok::<_, DbError>(())
            })
            .await;
        assert!(matches!(outcome, Err(DbError::Poisoned)), "{}: {outcome:?}", test.engine);
        assert_eq!(count_things(&test.db).await, 0, "{}", test.engine);
        test.db.write(async |tx| tx.execute(ADD, &thing_values(1, "a")).await).await.unwrap();
        assert_eq!(count_things(&test.db).await, 1, "{}: the connection is usable again", test.engine);
    }
}

#[tokio::test]
async fn an_error_of_the_caller_undoes_everything() {
    for test in testkit::create_databases("undo", MIGRATIONS).await {
        let outcome = test
            .db
            .write(async |tx| {
                tx.execute(ADD, &thing_values(1, "a")).await?;
                Err::<(), _>(DbError::NoRow)
            })
            .await;
        assert!(matches!(outcome, Err(DbError::NoRow)));
        assert_eq!(count_things(&test.db).await, 0, "{}", test.engine);
    }
}

#[tokio::test]
async fn a_snapshot_for_reading_cannot_write() {
    for test in testkit::create_databases("readonly", MIGRATIONS).await {
        let refused = test.db.read().await.unwrap().execute(ADD, &thing_values(1, "a")).await;
        assert!(refused.is_err(), "{}", test.engine);
        assert_eq!(count_things(&test.db).await, 0, "{}", test.engine);
    }
}

#[tokio::test]
async fn text_with_nul_is_refused_before_it_reaches_the_database() {
    for test in testkit::create_databases("nul", MIGRATIONS).await {
        let refused = test.db.write(async |tx| tx.execute(ADD, &thing_values(1, "a\0b")).await).await;
        assert!(matches!(refused, Err(DbError::Nul)), "{}", test.engine);
    }
}

/// A text that no engine can make shorter.
fn incompressible_text(bytes: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 33) % 94).unwrap())
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
async fn what_an_index_takes_is_stored_and_more_is_told_as_such() {
    for test in testkit::create_databases("long", MIGRATIONS).await {
        let add = async |id: i64, name: String| {
            test.db.write(async |tx| tx.execute(ADD, &thing_values(id, &name)).await).await
        };
        add(1, incompressible_text(2_500)).await.unwrap();
        let longer = add(2, incompressible_text(4_000)).await;
        match test.db.engine() {
            Engine::Sqlite => assert!(longer.is_ok(), "{longer:?}"),
            Engine::Postgres => assert!(matches!(longer, Err(DbError::Data(_))), "{longer:?}"),
        }
        add(3, "short".to_owned()).await.unwrap();
    }
}

const WORDS: &[Migration] = &[Migration { version: 1, name: "words", sql: "{fulltext thing_words};" }];

/// More than a megabyte of words that all differ, and of more than one byte per letter.
#[tokio::test]
async fn the_words_of_a_very_long_text_are_indexed_alike_on_both_engines() {
    for test in testkit::create_databases("words", WORDS).await {
        let text: String = (0..30_000).fold(String::new(), |text, n| text + &format!("{n:ä>60} "));
        let tokens = fulltext::build_index_tokens([text.as_str()], &[fulltext::label_token(7)]);
        let vals = [1.into(), tokens.into()];
        let add = "INSERT INTO thing_words (rowid, tokens) VALUES ($1, $2)";
        test.db.write(async |tx| tx.execute(add, &vals).await).await.unwrap();
        let found = async |word: &str| {
            let sql = format!(
                "SELECT rowid FROM thing_words WHERE {}",
                test.db.engine().fulltext_condition("thing_words", "$1")
            );
            let asked = fulltext::FulltextQuery::parse(word)
                .unwrap()
                .to_match_expression(test.db.engine(), &[fulltext::label_token(7)]);
            test.db.read().await.unwrap().fetch_all(&sql, &[asked]).await.unwrap().len()
        };
        let nth = |n: i32| format!("{n:ä>60}");
        let seen = [found(&nth(0)).await, found(&nth(8_000)).await, found(&nth(19_000)).await];
        assert_eq!(seen, [1, 1, 0], "{}: the first megabyte, and its label", test.engine);
    }
}

#[tokio::test]
async fn text_is_ordered_and_matched_by_its_bytes() {
    for test in testkit::create_databases("order", MIGRATIONS).await {
        let names = ["a", "B", "Z", "ä", "_"];
        test.db
            .write(async |tx| {
                for (id, name) in (1..).zip(names) {
                    tx.execute(ADD, &thing_values(id, name)).await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        let names = async |sql: &str| -> Vec<String> {
            let rows = test.db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get("name").unwrap()).collect()
        };
        assert_eq!(names("SELECT name FROM thing ORDER BY name").await, ["B", "Z", "_", "a", "ä"], "{}", test.engine);
        assert_eq!(names("SELECT name FROM thing WHERE name LIKE 'A%' ESCAPE '\\'").await, [""; 0], "{}", test.engine);
    }
}

#[tokio::test]
async fn allocated_ids_rise_and_are_never_given_twice() {
    for test in testkit::create_databases("ids", MIGRATIONS).await {
        let first = test.db.write(async |tx| tx.allocate_ids(3).await).await.unwrap();
        let second = test.db.write(async |tx| tx.allocate_ids(1).await).await.unwrap();
        assert_eq!(first.len(), 3);
        assert!(first.is_sorted() && first[2] < second[0], "{}: {first:?} {second:?}", test.engine);
    }
}

#[tokio::test]
async fn migrations_run_once_and_a_database_of_a_newer_version_is_refused() {
    for test in testkit::create_databases("migrate", MIGRATIONS).await {
        assert_eq!(test.db.migrate(MIGRATIONS, Migrate::Auto, Micros::default()).await.unwrap(), 0, "{}", test.engine);
        let newer = [MIGRATIONS[0], Migration { version: 2, name: "more", sql: "CREATE TABLE more (id BIGINT)" }];
        let behind = test.db.migrate(&newer, Migrate::Check, Micros::default()).await.unwrap_err().to_string();
        assert!(behind.contains("2 more") && behind.contains("undulator migrate"), "{behind}");
        assert_eq!(test.db.migrate(&newer, Migrate::Auto, Micros::default()).await.unwrap(), 1);
        let ahead = test.db.migrate(MIGRATIONS, Migrate::Auto, Micros::default()).await.unwrap_err().to_string();
        assert!(ahead.contains("does not know"), "{ahead}");
    }
}

/// A step that fails half-way leaves nothing behind and is tried again next time.
#[tokio::test]
async fn a_failed_migration_leaves_no_trace() {
    for test in testkit::create_databases("half", MIGRATIONS).await {
        let broken =
            [MIGRATIONS[0], Migration { version: 2, name: "b", sql: "CREATE TABLE half (id BIGINT); NONSENSE" }];
        assert!(test.db.migrate(&broken, Migrate::Auto, Micros::default()).await.is_err());
        let fixed = [MIGRATIONS[0], Migration { version: 2, name: "b", sql: "CREATE TABLE half (id BIGINT)" }];
        assert_eq!(test.db.migrate(&fixed, Migrate::Auto, Micros::default()).await.unwrap(), 1, "{}", test.engine);
    }
}

#[tokio::test]
async fn a_statement_that_does_not_hold_is_named() {
    for test in testkit::create_databases("prepare", MIGRATIONS).await {
        test.db.prepare_all(&[ADD, COUNT]).await.unwrap();
        let refused = test.db.prepare_all(&[ADD, "SELECT nothing FROM nowhere"]).await.unwrap_err();
        assert!(refused.to_string().starts_with("SELECT nothing FROM nowhere: "), "{}: {refused}", test.engine);
    }
}

#[tokio::test]
async fn a_postgresql_that_would_lose_writes_is_refused() {
    let Some(server) = testkit::postgres_url() else {
        println!("no PostgreSQL at hand");
        return;
    };
    let open = async |url: &str| {
        let config = Config::from_toml(&[], &format!("[database]\nurl = \"{url}\"\n")).unwrap().core.database;
        let target = Target::from_config(&config, std::path::Path::new("-"), "lossy").unwrap();
        Db::open(&target, &config).await
    };
    let lazy = testkit::Backend::Postgres(server).new_url().await;
    let first = open(&lazy).await.unwrap();
    assert_eq!(first.engine(), Engine::Postgres);
    let database = lazy.rsplit('/').next().unwrap().split('?').next().unwrap();
    let set = Migration { version: 1, name: "x", sql: "SELECT 1" };
    first.migrate(&[set], Migrate::Auto, Micros::default()).await.unwrap();
    let alter = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    first.write(async |tx| tx.execute(&alter, &[]).await).await.unwrap();
    let refused = open(&lazy).await.unwrap_err().to_string();
    assert!(
        refused.contains("synchronous_commit = off") && refused.contains("set synchronous_commit = on"),
        "{refused}"
    );

    let nobody = open("postgres://somebody:canary-90b1@127.0.0.1:9/x").await.unwrap_err().to_string();
    assert!(nobody.contains("cannot reach the PostgreSQL server") && nobody.contains("refused"), "{nobody}");
    assert!(!nobody.contains("canary"), "{nobody}");

    let lossy = testkit::lossy_postgres_url().expect("a second server with fsync = off stands beside the first");
    let refused = open(&lossy).await.unwrap_err().to_string();
    assert!(refused.contains("fsync = off"), "{refused}");
}

/// Nobody's question keeps a connection from everybody else.
#[tokio::test]
async fn a_statement_that_reads_for_too_long_is_given_up() {
    for backend in testkit::list_backends() {
        let settings = format!("[database]\nurl = \"{}\"\nread_timeout = \"100ms\"\n", backend.new_url().await);
        let config = Config::from_toml(&[], &settings).unwrap().core.database;
        let dir = tempfile::tempdir().unwrap();
        let target = Target::from_config(&config, dir.path(), "slow").unwrap();
        let db = Db::open(&target, &config).await.unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
                       SELECT CAST(COUNT(*) AS BIGINT) AS n FROM n";
        let outcome = db.read().await.unwrap().fetch_one(endless, &[]).await.map(drop);
        assert!(matches!(outcome, Err(DbError::TooSlow(_))), "{outcome:?}");
        // The connection works on, and each statement has the time to itself.
        let mut tx = db.read().await.unwrap();
        for _ in 0..3 {
            assert_eq!(
                tx.fetch_one("SELECT CAST(1 AS BIGINT) AS one", &[]).await.unwrap().get::<i64>("one").unwrap(),
                1
            );
        }
    }
}

#[tokio::test]
async fn the_former_name_of_the_base_migration_is_known() {
    for test in testkit::create_databases("renamed", &[]).await {
        let rename = "UPDATE migration SET name = 'floor' WHERE version = -1";
        assert_eq!(test.db.write(async |tx| tx.execute(rename, &[]).await).await.unwrap(), 1);
        let applied = test.db.migrate(&[], Migrate::Auto, Micros::from_i64(0)).await.unwrap();
        assert_eq!(applied, 0);
    }
}

#[tokio::test]
async fn statistics_are_made_where_there_are_none() {
    const INDEXED: &[Migration] =
        &[MIGRATIONS[0], Migration { version: 2, name: "index", sql: "CREATE INDEX thing_size ON thing (size);" }];
    for test in testkit::create_databases("statistics", INDEXED).await {
        test.db
            .write(async |tx| {
                for id in 1..=100 {
                    tx.execute(ADD, &thing_values(id, &format!("n{id}"))).await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        test.db.update_statistics().await.unwrap();
        if test.db.engine() == Engine::Sqlite {
            let sql = "SELECT idx FROM sqlite_stat1 WHERE tbl = 'thing' AND idx = 'thing_size'";
            assert_eq!(test.db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap().len(), 1);
        }
        assert_eq!(count_things(&test.db).await, 100, "{}: and it works on", test.engine);
    }
}

#[tokio::test]
async fn connections_in_use_are_counted() {
    for test in testkit::create_databases("counted", &[]).await {
        let used = || test.db.count_connections().iter().map(|(_, used, _)| used).sum::<usize>();
        assert_eq!(used(), 0, "{}", test.engine);
        let (first, second) = tokio::join!(test.db.read(), test.db.read());
        assert_eq!(used(), 2, "{}", test.engine);
        let within = test.db.write(async |_| Ok::<_, DbError>(used())).await.unwrap();
        assert_eq!(within, 3, "{}", test.engine);
        drop((first.unwrap(), second.unwrap()));
        testkit::wait_until("none is used", async || (used() == 0).then_some(())).await;
    }
}
