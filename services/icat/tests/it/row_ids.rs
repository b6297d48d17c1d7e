//! A catalogue of a version before the ids of entities were row ids on `SQLite` is migrated with all that it holds.

use std::collections::BTreeSet;

use icat::store::entities::{self, NewRow, StoredRow, new_values, value_columns};
use icat_client::schema::{Entity, FieldKind, all_entities};
use service_kit::db::{CopyState, Migrate};
use service_kit::{Db, DbError, Engine, Micros, Migration, RowInsert, Tx, Val};

/// Rows of each entity type.
const ROWS: i64 = 3;

/// The migrations up to the one before the ids became row ids.
fn earlier_migrations() -> &'static [Migration] {
    let all = icat::SERVICE.migrations;
    let count = all.iter().position(|migration| migration.name == "row_ids").unwrap();
    &all[..count]
}

/// A row of an entity type; it refers to the row with the same number of each other type.
fn create_row(entity: &'static Entity, number: i64, id_of: impl Fn(&Entity, i64) -> i64) -> NewRow {
    let mut values = new_values(entity);
    for (field, value) in entity.fields.iter().zip(&mut values) {
        *value = match field.kind {
            FieldKind::String => format!("{} {number}", field.name).into(),
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            FieldKind::Double => (number as f64 / 4.0).into(),
            FieldKind::Boolean | FieldKind::Enum(_) => (number % 2).into(),
            FieldKind::Long | FieldKind::Integer | FieldKind::Date => (number * 1_000_000).into(),
        };
    }
    for (one, value) in entity.one.iter().zip(&mut values[entity.fields.len()..]) {
        *value = id_of(one.target(), number).into();
    }
    NewRow { id: id_of(entity, number), values }
}

/// As every version has done it, without what later migrations keep beside the rows.
async fn insert_rows(tx: &mut Tx, entity: &'static Entity, rows: Vec<NewRow>) -> Result<(), DbError> {
    let stamps = ["create_id", "create_time", "mod_id", "mod_time"];
    let insert = RowInsert {
        table: entity.table,
        shared: stamps.into_iter().zip(["db/ada".into(), 7.into(), "db/ada".into(), 8.into()]).collect(),
        columns: ["id"].into_iter().chain(value_columns(entity)).collect(),
        skip_existing: false,
    };
    let rows = rows.into_iter().map(|row| [Val::from(row.id)].into_iter().chain(row.values).collect());
    tx.insert_rows(&insert, rows.collect()).await.map(drop)
}

async fn fill_tables(db: &Db) {
    db.write(async |tx| {
        let count = i64::try_from(all_entities().len()).unwrap() * ROWS;
        let ids = tx.allocate_ids(usize::try_from(count).unwrap()).await?;
        // Not in the order of the ids.
        let id_of = |entity: &Entity, number: i64| {
            let place = all_entities().iter().position(|known| known.name == entity.name).unwrap();
            ids[place * usize::try_from(ROWS).unwrap() + usize::try_from(number).unwrap()]
        };
        for entity in all_entities() {
            let rows = (0..ROWS).rev().map(|number| create_row(entity, number, id_of)).collect();
            insert_rows(tx, entity, rows).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

async fn list_rows(db: &Db) -> Vec<(&'static str, StoredRow)> {
    let mut rows = Vec::new();
    let tx = &mut db.read().await.unwrap();
    for entity in all_entities() {
        let stored = entities::list_all(tx, entity).await.unwrap();
        assert_eq!(i64::try_from(stored.len()).unwrap(), ROWS, "{}", entity.name);
        rows.extend(stored.into_iter().map(|row| (entity.name, row)));
    }
    rows
}

/// Everything that `SQLite` knows of the tables and indexes, without the quotes that a renamed table has.
async fn describe_schema(db: &Db) -> BTreeSet<String> {
    let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || COALESCE(sql, '') AS shown FROM sqlite_master";
    let rows = db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
    let shown = rows.iter().map(|row| row.get::<String>("shown").unwrap().replace('"', ""));
    shown.collect()
}

/// Tables whose primary key is an index beside the table.
async fn list_separate_keys(db: &Db) -> Vec<String> {
    let sql = "SELECT m.name FROM sqlite_master m JOIN pragma_index_list(m.name) i \
               WHERE m.type = 'table' AND i.origin = 'pk' AND m.sql LIKE '% id %' ORDER BY 1";
    let rows = db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
    let names = rows.iter().map(|row| row.get("name").unwrap());
    names.filter(|name: &String| all_entities().iter().any(|entity| entity.table == name)).collect()
}

#[tokio::test]
async fn a_catalogue_of_an_earlier_version_keeps_all_it_holds() {
    let current = testkit::create_databases("icat", icat::SERVICE.migrations).await;
    let earlier = testkit::create_databases("icat", earlier_migrations()).await;
    for (old, new) in earlier.iter().zip(&current) {
        fill_tables(&old.db).await;
        let before = list_rows(&old.db).await;
        let is_sqlite = old.db.engine() == Engine::Sqlite;
        if is_sqlite {
            assert_eq!(list_separate_keys(&old.db).await.len(), all_entities().len(), "the control");
        }
        old.db.migrate(icat::SERVICE.migrations, Migrate::Auto, Micros::default()).await.unwrap();
        assert_eq!(list_rows(&old.db).await, before, "{}", old.engine);
        if is_sqlite {
            assert_eq!(list_separate_keys(&old.db).await, Vec::<String>::new());
            assert_eq!(describe_schema(&old.db).await, describe_schema(&new.db).await);
        }
        // A second row with the same key, and a row without its parent.
        for entity in all_entities() {
            let Some((_, twin)) = before.iter().find(|(name, _)| *name == entity.name) else { continue };
            let insert = async |values: Vec<Val>| {
                let id = old.db.write(async |tx| tx.allocate_ids(1).await).await.unwrap()[0];
                assert!(id > before.iter().map(|(_, row)| row.id).max().unwrap(), "ids keep rising");
                old.db
                    .write(async |tx| insert_rows(tx, entity, vec![NewRow { id, values: values.clone() }]).await)
                    .await
            };
            if !entity.unique.is_empty() {
                let refused = insert(twin.values.clone()).await;
                assert!(matches!(refused, Err(DbError::Unique(_))), "{}: {refused:?}", entity.name);
            }
            if let Some(at) = entity.one.first().map(|_| entity.fields.len()) {
                let mut values = twin.values.clone();
                values[at] = 999_999.into();
                // Another key, so that only the missing parent is wrong.
                for value in &mut values[..at] {
                    match value {
                        Val::Text(_) => *value = "other".into(),
                        Val::I64(_) => *value = 77.into(),
                        Val::F64(_) | Val::Blob(_) => {}
                    }
                }
                let refused = insert(values).await;
                assert!(matches!(refused, Err(DbError::Constraint(_))), "{}: {refused:?}", entity.name);
            }
        }
    }
    // And it can be moved to the other engine.
    let [sqlite, rest @ ..] = earlier.as_slice() else { unreachable!("SQLite is always there") };
    for target in testkit::create_databases("icat", icat::SERVICE.migrations).await.iter().take(1 + rest.len()) {
        sqlite.db.copy_to(&target.db, icat::SERVICE.migrations).await.unwrap();
        assert_eq!(list_rows(&target.db).await, list_rows(&sqlite.db).await, "{}", target.engine);
        let state = sqlite.db.compare_for_copy(&target.db, icat::SERVICE.migrations).await.unwrap();
        assert_eq!(state, CopyState::Same, "{}", target.engine);
    }
}
