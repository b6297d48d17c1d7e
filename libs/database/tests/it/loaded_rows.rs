//! Rows of an import, on each engine.

use service_kit::{Db, DbError, Migration, RowInsert, Val};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE owner (id {primary_key}); INSERT INTO owner (id) VALUES (1), (2); \
          CREATE TABLE thing (id {primary_key}, author {text} NOT NULL, owner_id BIGINT REFERENCES owner (id), \
          name {text} NOT NULL, weight DOUBLE PRECISION, picture {blob}, UNIQUE (owner_id, name));",
}];

fn build_insert() -> RowInsert<'static> {
    RowInsert {
        table: "thing",
        shared: vec![("author", "a".into())],
        columns: vec!["id", "owner_id", "name", "weight", "picture"],
        skip_existing: true,
    }
}

fn thing(id: i64, owner: Option<i64>, name: &str) -> Vec<Val> {
    let weight = if id % 2 == 0 { None } else { Some(0.1) };
    let picture = if id % 3 == 0 { None } else { Some(vec![0, 255]) };
    vec![id.into(), Val::I64(owner), name.into(), Val::F64(weight), Val::Blob(picture)]
}

/// Rows that make others many.
fn list_fillers() -> Vec<Vec<Val>> {
    (0..500).map(|n| thing(1_000_000 + n, Some(2), &format!("filler{n}"))).collect()
}

async fn count_things(db: &Db) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM thing WHERE id < 1000000";
    db.read().await.unwrap().fetch_one(sql, &[]).await.unwrap().get("n").unwrap()
}

async fn load_things(db: &Db, rows: Vec<Vec<Val>>) -> Result<Vec<usize>, DbError> {
    db.write(async |tx| tx.load_rows(&build_insert(), rows.clone()).await).await
}

#[tokio::test]
async fn values_of_every_kind_are_loaded() {
    for test in testkit::create_databases("loaded_rows", MIGRATIONS).await {
        let names = ["Größe 'x' \\ %\t\n".to_owned(), String::new(), "l".repeat(200_000)];
        let rows = (1..).zip(&names).map(|(id, name)| thing(id, (id > 1).then_some(1), name)).chain(list_fillers());
        assert_eq!(load_things(&test.db, rows.collect()).await.unwrap().len(), 503, "{}", test.engine);
        let rows = test.db.read().await.unwrap().fetch_all("SELECT * FROM thing ORDER BY id", &[]).await.unwrap();
        for ((id, row), name) in (1..).zip(&rows).zip(&names) {
            assert_eq!(row.get::<i64>("id").unwrap(), id);
            assert_eq!(row.get::<String>("author").unwrap(), "a");
            assert_eq!(row.get::<Option<i64>>("owner_id").unwrap(), (id > 1).then_some(1));
            assert_eq!(&row.get::<String>("name").unwrap(), name);
            assert_eq!(row.get::<Option<f64>>("weight").unwrap(), if id % 2 == 0 { None } else { Some(0.1) });
            let picture = row.get::<Option<Vec<u8>>>("picture").unwrap();
            assert_eq!(picture, if id % 3 == 0 { None } else { Some(vec![0, 255]) });
        }
        assert_eq!(rows.len(), names.len() + 500);
        assert!(load_things(&test.db, Vec::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn rows_whose_key_is_known_are_left_out() {
    for test in testkit::create_databases("loaded_rows", MIGRATIONS).await {
        let many = |first: i64| (0..3_000).map(|n| thing(first + n, Some(1), &format!("n{n}"))).collect::<Vec<_>>();
        assert_eq!(load_things(&test.db, many(1)).await.unwrap().len(), 3_000);
        assert!(load_things(&test.db, many(10_001)).await.unwrap().is_empty(), "{}", test.engine);
        let mut mixed = vec![
            thing(20_001, Some(1), "n7"),
            thing(20_002, Some(2), "n7"),
            thing(20_003, Some(1), "new"),
            thing(20_004, Some(1), "new"),
            // A key with a NULL equals no other.
            thing(20_005, None, "n7"),
            thing(20_006, None, "n7"),
        ];
        let few = mixed.len();
        mixed.extend(list_fillers());
        let loaded = load_things(&test.db, mixed.clone()).await.unwrap();
        let expected: Vec<usize> = [1, 2, 4, 5].into_iter().chain(few..mixed.len()).collect();
        assert_eq!(loaded, expected, "{}", test.engine);
        mixed.truncate(few);
        let renumbered =
            mixed.into_iter().map(|row| [30_000_i64.into()].into_iter().chain(row.into_iter().skip(1)).collect());
        assert_eq!(load_things(&test.db, renumbered.take(3).collect()).await.unwrap(), [0_usize; 0], "{}", test.engine);
        assert_eq!(count_things(&test.db).await, 3_004);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_stored_are_refused_as_by_other_statements() {
    for test in testkit::create_databases("loaded_rows", MIGRATIONS).await {
        let refused = async |row: Vec<Val>| {
            let rows = list_fillers().into_iter().chain([row]).collect();
            let error = load_things(&test.db, rows).await.unwrap_err();
            // The connection goes on.
            assert!(load_things(&test.db, Vec::new()).await.unwrap().is_empty());
            error
        };
        let missing_owner = refused(thing(2, Some(9), "b")).await;
        assert!(matches!(missing_owner, DbError::Constraint(_)), "{}: {missing_owner:?}", test.engine);
        let no_name = vec![2.into(), 1.into(), Val::Text(None), Val::F64(None), Val::Blob(None)];
        let no_name = refused(no_name).await;
        assert!(matches!(no_name, DbError::Constraint(_)), "{}: {no_name:?}", test.engine);
        assert!(matches!(refused(thing(2, Some(1), "a\0b")).await, DbError::Nul));
        assert!(matches!(refused(vec![2.into()]).await, DbError::Setup(_)));
        let rows = load_things(&test.db, list_fillers()).await.unwrap();
        assert_eq!(rows.len(), 500, "{}: none of them was stored", test.engine);
    }
}

/// What was loaded before a failure is undone with the transaction, and the connection is used again.
#[tokio::test]
async fn a_transaction_with_refused_rows_stores_nothing() {
    for test in testkit::create_databases("loaded_rows", MIGRATIONS).await {
        let outcome = test
            .db
            .write(async |tx| {
                tx.load_rows(&build_insert(), list_fillers()).await?;
                let rows =
                    (1..=200).map(|id| thing(id, Some(if id == 150 { 9 } else { 1 }), &format!("n{id}"))).collect();
                assert!(tx.load_rows(&build_insert(), rows).await.is_err());
                tx.load_rows(&build_insert(), vec![thing(300, Some(1), "c")]).await
            })
            .await;
        assert!(matches!(outcome, Err(DbError::Poisoned)), "{}: {outcome:?}", test.engine);
        assert_eq!(load_things(&test.db, list_fillers()).await.unwrap().len(), 500, "{}", test.engine);
    }
}
