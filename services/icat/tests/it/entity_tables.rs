//! The migrations make exactly the tables and columns of the entities.

use std::collections::BTreeSet;

use icat_client::schema::{Entity, FieldKind, all_entities};
use service_kit::{Db, Engine, Tx, Val};

/// Name, type and whether it may be NULL.
type Column = (String, String, bool);

/// The tables that have a column of all entities; tables of sessions and events have none.
async fn list_entity_tables(tx: &mut Tx) -> BTreeSet<String> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'create_id' \
             WHERE m.type = 'table'"
        }
        Engine::Postgres => {
            "SELECT table_name::text AS name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name = 'create_id'"
        }
    };
    tx.fetch_all(sql, &[]).await.unwrap().iter().map(|row| row.get("name").unwrap()).collect()
}

async fn list_columns(tx: &mut Tx, table: &str) -> BTreeSet<Column> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "SELECT name, CASE WHEN pk = 1 THEN LOWER(REPLACE(type, 'INTEGER', 'BIGINT')) ELSE LOWER(type) END AS kind, CASE WHEN \"notnull\" = 1 OR pk > 0 THEN 0 ELSE 1 END AS nullable \
             FROM pragma_table_info($1)"
        }
        Engine::Postgres => {
            "SELECT column_name::text AS name, data_type::text AS kind, \
             CASE WHEN is_nullable = 'YES' THEN 1::bigint ELSE 0::bigint END AS nullable \
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
        }
    };
    let rows = tx.fetch_all(sql, &[Val::from(table)]).await.unwrap();
    let columns = rows
        .iter()
        .map(|row| (row.get("name").unwrap(), row.get("kind").unwrap(), row.get::<i64>("nullable").unwrap() == 1));
    columns.collect()
}

fn list_expected_columns(entity: &Entity) -> BTreeSet<Column> {
    let base = [("id", "bigint"), ("create_id", "text"), ("create_time", "bigint"), ("mod_id", "text")];
    let base = base.into_iter().chain([("mod_time", "bigint"), ("rev", "bigint")]);
    let base = base.map(|(name, kind)| (name.to_owned(), kind.to_owned(), false));
    let fields = entity.fields.iter().map(|field| {
        let kind = match field.kind {
            FieldKind::String => "text",
            FieldKind::Double => "double precision",
            FieldKind::Long | FieldKind::Integer | FieldKind::Boolean | FieldKind::Date | FieldKind::Enum(_) => {
                "bigint"
            }
        };
        (field.column.to_owned(), kind.to_owned(), field.nullable && field.kind != FieldKind::Boolean)
    });
    let one = entity.one.iter().map(|one| (one.column.to_owned(), "bigint".to_owned(), one.nullable));
    base.chain(fields).chain(one).collect()
}

async fn require_entity_tables(db: &Db) {
    let tx = &mut db.read().await.unwrap();
    let expected: BTreeSet<String> = all_entities().iter().map(|entity| entity.table.to_owned()).collect();
    assert_eq!(list_entity_tables(tx).await, expected);
    for entity in all_entities() {
        assert_eq!(list_columns(tx, entity.table).await, list_expected_columns(entity), "{}", entity.name);
    }
}

#[tokio::test]
async fn migrations_make_the_tables_of_the_entities() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        require_entity_tables(&test.db).await;
    }
}
