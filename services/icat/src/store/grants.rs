//! Rows of granted rows, their sets, and the permission epoch.

use std::collections::BTreeMap;

use service_kit::{DbError, Engine, Tx, Val};

pub const SETS: &str = "SELECT id, entity, select_text, select_values FROM grant_set ORDER BY id";
pub const INSERT_SET: &str = "INSERT INTO grant_set (id, entity, select_text, select_values, source_tables) \
                              VALUES ($1, $2, $3, $4, $5)";
pub const INSERT_SOURCE: &str = "INSERT INTO grant_source (entity, set_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub const DELETE_SET: &str = "DELETE FROM grant_set WHERE id = $1";
pub const DELETE_SOURCES_OF_SET: &str = "DELETE FROM grant_source WHERE set_id = $1";
pub const DELETE_ROWS_OF_SET: &str = "DELETE FROM grant_row WHERE set_id = $1";
pub const RAISE_SET_VERSION: &str = "UPDATE grant_set_version SET n = n + 1";
pub const RAISE_EPOCH: &str = "UPDATE permission_epoch SET n = n + 1";
pub const EPOCH: &str = "SELECT n FROM permission_epoch";
/// The statements without those that depend on the engine, for the test that prepares them on each engine.
pub const ALL: [&str; 9] = [
    SETS,
    INSERT_SET,
    INSERT_SOURCE,
    DELETE_SET,
    DELETE_SOURCES_OF_SET,
    DELETE_ROWS_OF_SET,
    RAISE_SET_VERSION,
    RAISE_EPOCH,
    EPOCH,
];

/// Ids per statement.
const IDS_PER_STATEMENT: usize = 10_000;

/// A set as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRow {
    pub id: i64,
    pub entity: String,
    pub select_text: String,
    pub select_values: String,
}

/// A set and what it is filled from, as JSON.
#[derive(Debug, Clone)]
pub struct SetSources {
    pub id: i64,
    pub select_text: String,
    pub select_values: String,
    pub source_tables: String,
}

/// A user and a row that a set grants to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    pub user: i64,
    pub row: i64,
}

pub async fn list_sets(tx: &mut Tx) -> Result<Vec<SetRow>, DbError> {
    let row = |row: &service_kit::Row| {
        Ok(SetRow {
            id: row.get("id")?,
            entity: row.get("entity")?,
            select_text: row.get("select_text")?,
            select_values: row.get("select_values")?,
        })
    };
    tx.fetch_all(SETS, &[]).await?.iter().map(row).collect()
}

/// SQL of [`lock_sets`].
pub fn lock_sets_statement(engine: Engine) -> String {
    format!(
        "SELECT s.id, s.select_text, s.select_values, s.source_tables FROM grant_set_version v \
         LEFT JOIN grant_source g ON g.entity = $1 LEFT JOIN grant_set s ON s.id = g.set_id{}",
        match engine.for_share_clause() {
            "" => String::new(),
            clause => format!("{clause} OF v"),
        }
    )
}

/// The sets that follow from rows of an entity; until the transaction ends none is added or removed.
pub async fn lock_sets(tx: &mut Tx, entity: &str) -> Result<Vec<SetSources>, DbError> {
    let mut sets = Vec::new();
    for row in tx.fetch_all(&lock_sets_statement(tx.engine()), &[entity.into()]).await? {
        if let Some(id) = row.get::<Option<i64>>("id")? {
            sets.push(SetSources {
                id,
                select_text: row.get("select_text")?,
                select_values: row.get("select_values")?,
                source_tables: row.get("source_tables")?,
            });
        }
    }
    Ok(sets)
}

/// Locks the sets against writers of their sources, before one is added or removed.
pub async fn raise_set_version(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(RAISE_SET_VERSION, &[]).await.map(drop)
}

/// Stores a set; `columns` are its entity, select, values and source tables. `sources` are the entities of the source tables.
pub async fn insert_set(
    tx: &mut Tx,
    id: i64,
    columns: [&str; 4],
    sources: impl Iterator<Item = &str>,
) -> Result<(), DbError> {
    let [entity, select, values, tables] = columns.map(Val::from);
    tx.execute(INSERT_SET, &[id.into(), entity, select, values, tables]).await?;
    for source in sources {
        tx.execute(INSERT_SOURCE, &[source.into(), id.into()]).await?;
    }
    Ok(())
}

/// Removes a set with its rows.
pub async fn delete_set(tx: &mut Tx, id: i64) -> Result<(), DbError> {
    tx.execute(DELETE_ROWS_OF_SET, &[id.into()]).await?;
    tx.execute(DELETE_SOURCES_OF_SET, &[id.into()]).await?;
    tx.execute(DELETE_SET, &[id.into()]).await.map(drop)
}

/// Raises the permission epoch. Transactions that do so run one after the other, and each sees what the earlier ones stored.
pub async fn raise_permission_epoch(tx: &mut Tx) -> Result<(), DbError> {
    tx.require_table_lock("permission_epoch")?;
    tx.execute(RAISE_EPOCH, &[]).await.map(drop)
}

/// The number of the last change of granted rows.
pub async fn get_permission_epoch(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(EPOCH, &[]).await?.get("n")
}

/// The pairs that a select yields for source rows with these ids; `column` is the id of their table, or of the granted rows.
pub async fn find_pairs(
    tx: &mut Tx,
    (select, vals): (&str, &[Val]),
    column: &str,
    ids: &[i64],
) -> Result<Vec<Pair>, DbError> {
    let list = tx.engine().id_list(&format!("${}", vals.len() + 1));
    let sql = format!("{select} AND {column} IN {list}");
    let mut pairs = Vec::new();
    for ids in ids.chunks(IDS_PER_STATEMENT) {
        for row in &tx.fetch_all(&sql, &with_value(vals, Val::from_ids(ids))).await? {
            pairs.push(Pair { user: row.get("user_id")?, row: row.get("row_id")? });
        }
    }
    Ok(pairs)
}

/// Inserts the pairs of a select for source rows with these ids; all pairs without ids. Returns the number of new ones.
pub async fn insert_pairs(
    tx: &mut Tx,
    set: i64,
    (select, vals): (&str, &[Val]),
    rows: Option<(&str, &[i64])>,
) -> Result<u64, DbError> {
    let insert = |select: &str| {
        format!(
            "INSERT INTO grant_row (set_id, user_id, row_id) SELECT {set}, found.user_id, found.row_id FROM ({select}) found \
             WHERE 1 = 1 ON CONFLICT DO NOTHING"
        )
    };
    let Some((column, ids)) = rows else { return tx.execute(&insert(select), vals).await };
    let list = tx.engine().id_list(&format!("${}", vals.len() + 1));
    let sql = insert(&format!("{select} AND {column} IN {list}"));
    let mut stored = 0;
    for ids in ids.chunks(IDS_PER_STATEMENT) {
        stored += tx.execute(&sql, &with_value(vals, Val::from_ids(ids))).await?;
    }
    Ok(stored)
}

/// Deletes pairs of a set, with one statement per user or per row, whichever are fewer.
pub async fn delete_pairs(tx: &mut Tx, set: i64, pairs: &[Pair]) -> Result<(), DbError> {
    let group = |key: fn(&Pair) -> (i64, i64)| {
        let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (key, value) in pairs.iter().map(key) {
            groups.entry(key).or_default().push(value);
        }
        groups
    };
    let (users, rows) = (group(|pair| (pair.user, pair.row)), group(|pair| (pair.row, pair.user)));
    let (key, value, groups) =
        if users.len() <= rows.len() { ("user_id", "row_id", users) } else { ("row_id", "user_id", rows) };
    let list = tx.engine().id_list("$3");
    let sql = format!("DELETE FROM grant_row WHERE set_id = $1 AND {key} = $2 AND {value} IN {list}");
    for (key, values) in groups {
        for values in values.chunks(IDS_PER_STATEMENT) {
            tx.execute(&sql, &[set.into(), key.into(), Val::from_ids(values)]).await?;
        }
    }
    Ok(())
}

/// The numbers of pairs that a select yields but the set does not have, and the other way round.
pub async fn count_deviations(tx: &mut Tx, set: i64, (select, vals): (&str, &[Val])) -> Result<(i64, i64), DbError> {
    let stored = format!("SELECT user_id, row_id FROM grant_row WHERE set_id = {set}");
    let mut count = async |left: &str, right: &str| {
        let sql = format!("SELECT COUNT(*) AS n FROM ({left} EXCEPT {right}) deviations");
        tx.fetch_one(&sql, vals).await?.get("n")
    };
    Ok((count(select, &stored).await?, count(&stored, select).await?))
}

fn with_value(vals: &[Val], last: Val) -> Vec<Val> {
    vals.iter().cloned().chain([last]).collect()
}
