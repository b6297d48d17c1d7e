//! Updates of many rows at once, on each engine.

use std::collections::BTreeMap;

use service_kit::{DbError, Migration, RowUpdate, Val};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE thing (id {primary_key}, author {text} NOT NULL, rev BIGINT NOT NULL, name {text} NOT NULL UNIQUE, \
          weight DOUBLE PRECISION, picture {blob}, size BIGINT);",
}];
/// More than one statement takes, on both engines.
const THINGS: i64 = 1_100;

fn build_update(columns: &[&'static str]) -> RowUpdate<'static> {
    RowUpdate { table: "thing", shared: vec![("author", "new".into())], counted: "rev", columns: columns.to_vec() }
}

async fn create_things(db: &service_kit::Db) {
    db.write(async |tx| {
        for id in 1..=THINGS {
            let sql = "INSERT INTO thing (id, author, rev, name, weight, size) VALUES ($1, 'old', $2, $3, 1.5, 7)";
            tx.execute(sql, &[id.into(), (id * 10).into(), format!("n{id}").into()]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn each_row_gets_its_own_values() {
    for test in testkit::create_databases("row_updates", MIGRATIONS).await {
        create_things(&test.db).await;
        // Every second row, and one that is not stored.
        let ids: Vec<i64> = (2..=THINGS).step_by(2).chain([THINGS + 5]).collect();
        let row = |id: &i64| {
            let weight = if *id % 4 == 0 { Val::F64(None) } else { Val::F64(Some(0.1)) };
            vec![(*id).into(), format!("Größe 'x' \\ {id}").into(), weight, vec![0, 255].into(), Val::I64(Some(-*id))]
        };
        let update = build_update(&["name", "weight", "picture", "size"]);
        let updated =
            test.db.write(async |tx| tx.update_rows(&update, ids.iter().map(row).collect()).await).await.unwrap();
        let updated: BTreeMap<i64, i64> = updated.into_iter().collect();
        let expected: BTreeMap<i64, i64> = (2..=THINGS).step_by(2).map(|id| (id, id * 10 + 1)).collect();
        assert_eq!(updated, expected, "{}", test.engine);
        let rows = test.db.read().await.unwrap().fetch_all("SELECT * FROM thing ORDER BY id", &[]).await.unwrap();
        assert_eq!(rows.len(), usize::try_from(THINGS).unwrap());
        for row in rows {
            let id: i64 = row.get("id").unwrap();
            let found: (String, i64, String, Option<f64>, Option<i64>) = (
                row.get("author").unwrap(),
                row.get("rev").unwrap(),
                row.get("name").unwrap(),
                row.get("weight").unwrap(),
                row.get("size").unwrap(),
            );
            let is_updated = id % 2 == 0;
            let expected = if is_updated {
                let weight = if id % 4 == 0 { None } else { Some(0.1) };
                ("new".to_owned(), id * 10 + 1, format!("Größe 'x' \\ {id}"), weight, Some(-id))
            } else {
                ("old".to_owned(), id * 10, format!("n{id}"), Some(1.5), Some(7))
            };
            assert_eq!(found, expected, "{}", test.engine);
            let picture: Option<Vec<u8>> = row.get("picture").unwrap();
            assert_eq!(picture, is_updated.then(|| vec![0, 255]), "{}", test.engine);
        }
    }
}

#[tokio::test]
async fn rows_that_cannot_be_stored_are_refused() {
    for test in testkit::create_databases("row_updates", MIGRATIONS).await {
        create_things(&test.db).await;
        let try_names = async |names: &[(i64, Val)]| {
            let rows: Vec<Vec<Val>> = names.iter().map(|(id, name)| vec![(*id).into(), name.clone()]).collect();
            test.db.write(async |tx| tx.update_rows(&build_update(&["name"]), rows.clone()).await).await
        };
        assert!(matches!(try_names(&[(1, "x".into()), (2, "n9".into())]).await, Err(DbError::Unique(_))));
        assert!(matches!(try_names(&[(1, "x".into()), (2, Val::Text(None))]).await, Err(DbError::Constraint(_))));
        assert!(matches!(try_names(&[(1, "x".into()), (2, "a\0b".into())]).await, Err(DbError::Nul)));
        assert!(matches!(try_names(&[(1, "x".into()), (2, 5.into())]).await, Err(DbError::Setup(_))));
        let count = "SELECT COUNT(*) AS n FROM thing WHERE author = 'new' OR name = 'x'";
        let row = test.db.read().await.unwrap().fetch_one(count, &[]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 0, "{}", test.engine);
        assert!(try_names(&[]).await.unwrap().is_empty());
    }
}
