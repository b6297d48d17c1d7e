//! A site that outgrows `SQLite`, and one that goes back: every row moves, and ids go on where they were.

use service_kit::db::CopyState;
use service_kit::fulltext::{FulltextQuery, build_index_tokens};
use service_kit::{Db, DbError, Engine, Migration, Val};
use testkit::TestDb;

const ROWS: i64 = 2_500;

/// A table of each kind of value, one that refers to it, and one that stays empty.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE thing (id BIGINT PRIMARY KEY, name {text}, weight DOUBLE PRECISION, picture {blob}, \
          size BIGINT); \
          CREATE TABLE part (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL REFERENCES thing (id)); \
          CREATE TABLE empty (id BIGINT PRIMARY KEY, note {text} NOT NULL); \
          CREATE TABLE counter (n BIGINT NOT NULL); INSERT INTO counter (n) VALUES (1); \
          {fulltext thing_words};",
}];
const ADD_WORDS: &str = "INSERT INTO thing_words (rowid, tokens) VALUES ($1, $2)";
const ADD: &str = "INSERT INTO thing (id, name, weight, picture, size) VALUES ($1, $2, $3, $4, $5)";
const ADD_PART: &str = "INSERT INTO part (id, thing) VALUES ($1, $2)";
const ADD_LEASE: &str = "INSERT INTO lease (name, fence, holder, expires_at) VALUES ('sweep', 7, 'h', 9)";
const ALL: &str = "SELECT id, name, weight, picture, size FROM thing ORDER BY id";
const PARTS: &str = "SELECT id, thing FROM part ORDER BY id";
const LEASES: &str = "SELECT name, fence, holder, expires_at FROM lease";

/// The kinds take turns in being NULL; the extremes of each come by.
fn thing_values(n: i64, id: i64) -> [Val; 5] {
    let (texts, floats) =
        (["", "Größe 'x' \\ %", "日本語\n\t\"", "a"], [0.0, 0.1, 5e-324, f64::MAX, -1.5e-9, 1.0 / 3.0]);
    let integers = [0, -1, i64::MIN, i64::MAX, 1 << 53];
    let place = |length: usize| usize::try_from(n).unwrap() % length;
    let unless = |bit: i64| (n >> bit) & 1 == 0;
    [
        id.into(),
        Val::Text(unless(0).then(|| format!("{}{}", texts[place(4)], n / 4))),
        Val::F64(unless(1).then(|| floats[place(6)])),
        Val::Blob(unless(2).then(|| n.to_le_bytes().repeat(place(5)))),
        Val::I64(unless(3).then(|| integers[place(5)])),
    ]
}

async fn fill_tables(db: &Db) -> i64 {
    db.write(async |tx| {
        let ids = tx.allocate_ids(usize::try_from(ROWS).unwrap()).await?;
        for (n, id) in (0..).zip(&ids) {
            tx.execute(ADD, &thing_values(n, *id)).await?;
        }
        for thing in ids.iter().take(3) {
            let id = tx.allocate_ids(1).await?[0];
            tx.execute(ADD_PART, &[id.into(), (*thing).into()]).await?;
        }
        for (thing, text) in ids.iter().zip(["Beam is back", "no light", "BEAM lost"]) {
            tx.execute(ADD_WORDS, &[(*thing).into(), build_index_tokens([text], &[]).into()]).await?;
        }
        tx.execute(ADD_LEASE, &[]).await?;
        tx.execute("UPDATE counter SET n = 9", &[]).await?;
        Ok::<_, DbError>(ids[0])
    })
    .await
    .unwrap()
}

/// Everything in a database, floats by their bits.
async fn read_content(db: &Db) -> Vec<String> {
    let mut tx = db.read().await.unwrap();
    let mut all = Vec::new();
    for row in tx.fetch_all(ALL, &[]).await.unwrap() {
        let weight: Option<f64> = row.get("weight").unwrap();
        all.push(format!(
            "{} {:?} {:?} {:?} {:?}",
            row.get::<i64>("id").unwrap(),
            row.get::<Option<String>>("name").unwrap(),
            weight.map(f64::to_bits),
            row.get::<Option<Vec<u8>>>("picture").unwrap(),
            row.get::<Option<i64>>("size").unwrap(),
        ));
    }
    for row in tx.fetch_all(PARTS, &[]).await.unwrap() {
        all.push(format!("{} {}", row.get::<i64>("id").unwrap(), row.get::<i64>("thing").unwrap()));
    }
    let found = format!(
        "SELECT rowid FROM thing_words WHERE {} ORDER BY rowid",
        tx.engine().fulltext_condition("thing_words", "$1")
    );
    let question = FulltextQuery::parse("be*").unwrap().to_match_expression(tx.engine(), &[]);
    for row in tx.fetch_all(&found, &[question]).await.unwrap() {
        all.push(format!("beam {}", row.get::<i64>("rowid").unwrap()));
    }
    let counter: i64 = tx.fetch_one("SELECT n FROM counter", &[]).await.unwrap().get("n").unwrap();
    all.push(format!("counter {counter}"));
    for row in tx.fetch_all(LEASES, &[]).await.unwrap() {
        all.push(format!("{} {}", row.get::<String>("name").unwrap(), row.get::<i64>("fence").unwrap()));
    }
    all
}

async fn next_id(db: &Db) -> i64 {
    db.write(async |tx| tx.allocate_ids(1).await).await.unwrap()[0]
}

fn expected_content(first: i64) -> Vec<String> {
    let shown = |val: &Val| match val {
        Val::I64(v) => format!("{v:?}"),
        Val::F64(v) => format!("{:?}", v.map(f64::to_bits)),
        Val::Text(v) => format!("{v:?}"),
        Val::Blob(v) => format!("{v:?}"),
    };
    let things = (0..ROWS).map(|n| {
        let [_, name, weight, picture, size] = &thing_values(n, first + n);
        format!("{} {} {} {} {}", first + n, shown(name), shown(weight), shown(picture), shown(size))
    });
    let parts = (0..3).map(|n| format!("{} {}", first + ROWS + n, first + n));
    let found = [first, first + 2].map(|id| format!("beam {id}"));
    things.chain(parts).chain(found).chain(["counter 9", "sweep 7"].map(str::to_owned)).collect()
}

/// Copies, and sees that the target has it all and goes on counting.
async fn assert_copied(from: &TestDb, to: &TestDb, expected: &[String], highest: i64) {
    let way = format!("{} to {}", from.engine, to.engine);
    assert_eq!(from.db.compare_for_copy(&to.db, MIGRATIONS).await.unwrap(), CopyState::Empty, "{way}");
    let tables = from.db.copy_to(&to.db, MIGRATIONS).await.unwrap();
    let rows = |table: &str| tables.iter().find(|(name, _)| name == table).map(|(_, rows)| *rows);
    assert_eq!(rows("thing"), Some(2_500), "{way}");
    assert_eq!(
        (rows("part"), rows("empty"), rows("lease"), rows("outbox"), rows("thing_words")),
        (Some(3), Some(0), Some(1), Some(0), Some(3)),
        "{way}"
    );
    assert_eq!((rows("migration"), rows("id_sequence")), (None, None), "{way}: those are the migrations' own");
    assert!(read_content(&to.db).await == expected, "{way}: every value as it was");

    let again = from.db.copy_to(&to.db, MIGRATIONS).await.unwrap_err().to_string();
    assert_eq!(again, "the target is not empty", "{way}");
    assert!(read_content(&to.db).await == expected, "{way}: and the refusal changed nothing");
    assert_eq!(from.db.compare_for_copy(&to.db, MIGRATIONS).await.unwrap(), CopyState::Same, "{way}");
    to.db.write(async |tx| tx.execute("INSERT INTO empty (id, note) VALUES (1, 'own')", &[]).await).await.unwrap();
    let different = from.db.compare_for_copy(&to.db, MIGRATIONS).await.unwrap();
    assert_eq!(different, CopyState::Different { table: "empty".to_owned(), rows: 1 }, "{way}");
    to.db.write(async |tx| tx.execute("DELETE FROM empty", &[]).await).await.unwrap();
    let next = next_id(&to.db).await;
    assert!(next > highest, "{way}: {next} after {highest}");
    println!("{way}: {} rows, next id {next} after {highest}", expected.len());
}

/// `SQLite` → `PostgreSQL` → `SQLite`; without a server at hand `SQLite` → `SQLite`.
#[tokio::test]
async fn a_database_that_goes_there_and_back_is_the_same() {
    let (there, back) =
        (testkit::create_databases("copy", MIGRATIONS).await, testkit::create_databases("copy", MIGRATIONS).await);
    let (start, end) = (&there[0], &back[0]);
    assert_eq!((start.db.engine(), end.db.engine()), (Engine::Sqlite, Engine::Sqlite));
    let first = fill_tables(&start.db).await;
    let (expected, highest) = (expected_content(first), first + ROWS + 2);
    assert!(read_content(&start.db).await == expected, "the control: what was written is what is expected");
    match there.get(1) {
        Some(middle) => {
            assert_copied(start, middle, &expected, highest).await;
            assert_copied(middle, end, &expected, highest).await;
        }
        None => {
            println!("no PostgreSQL at hand");
            assert_copied(start, end, &expected, highest).await;
        }
    }
}

/// A copy that breaks off leaves the target as it was, and the next one succeeds.
#[tokio::test]
async fn a_copy_that_breaks_off_is_undone_and_can_be_repeated() {
    let start = testkit::create_databases("copy", MIGRATIONS).await.remove(0);
    let first = fill_tables(&start.db).await;
    for target in testkit::create_databases("copy", MIGRATIONS).await {
        let things = async || target.db.read().await.unwrap().fetch_all(ALL, &[]).await.unwrap().len();
        let (forbid, allow) = match target.db.engine() {
            Engine::Sqlite => {
                ("CREATE TRIGGER no BEFORE INSERT ON part BEGIN SELECT RAISE(ABORT, 'no'); END", "DROP TRIGGER no")
            }
            Engine::Postgres => {
                ("ALTER TABLE part ADD CONSTRAINT no CHECK (id < 0)", "ALTER TABLE part DROP CONSTRAINT no")
            }
        };
        target.db.write(async |tx| tx.execute(forbid, &[]).await).await.unwrap();
        assert!(start.db.copy_to(&target.db, MIGRATIONS).await.is_err(), "{}", target.engine);
        assert_eq!(things().await, 0, "{}", target.engine);
        let state = start.db.compare_for_copy(&target.db, MIGRATIONS).await.unwrap();
        assert_eq!(state, CopyState::Empty, "{}", target.engine);
        target.db.write(async |tx| tx.execute(allow, &[]).await).await.unwrap();
        start.db.copy_to(&target.db, MIGRATIONS).await.unwrap();
        assert!(read_content(&target.db).await == expected_content(first), "{}", target.engine);
    }
}

#[tokio::test]
async fn tables_of_another_shape_are_refused() {
    let start = testkit::create_databases("copy", MIGRATIONS).await.remove(0);
    fill_tables(&start.db).await;
    let narrow = [Migration { sql: "CREATE TABLE thing (id BIGINT PRIMARY KEY);", ..MIGRATIONS[0] }];
    for target in testkit::create_databases("copy", &narrow).await {
        let refused = start.db.copy_to(&target.db, &narrow).await.unwrap_err().to_string();
        assert_eq!(refused, "table thing has different columns in source and target", "{}", target.engine);
    }
}
