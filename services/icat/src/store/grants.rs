//! Rows of granted rows, their sets, and the permission epoch.

use std::collections::BTreeMap;

use service_kit::{DbError, Tx, Val};

pub const SETS: &str = "SELECT id, entity, select_text, select_values, source_tables FROM grant_set ORDER BY id";
pub const INSERT_SET: &str = "INSERT INTO grant_set (id, entity, select_text, select_values, source_tables) \
                              VALUES ($1, $2, $3, $4, $5)";
pub const DELETE_SET: &str = "DELETE FROM grant_set WHERE id = $1";
pub const DELETE_ROWS_OF_SET: &str = "DELETE FROM grant_row WHERE set_id = $1";
pub const RAISE_EPOCH: &str = "UPDATE permission_epoch SET n = n + 1";
pub const EPOCH: &str = "SELECT n FROM permission_epoch";
/// The statements without those that depend on the engine, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [SETS, INSERT_SET, DELETE_SET, DELETE_ROWS_OF_SET, RAISE_EPOCH, EPOCH];

/// The table that is locked while sets are added and removed, see [`Tx::require_table_lock`].
pub const LOCKED_TABLE: &str = "grant_set";
/// Ids per statement.
const IDS_PER_STATEMENT: usize = 10_000;

/// A set as it is stored; values and sources are JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRow {
    pub id: i64,
    pub entity: String,
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
            source_tables: row.get("source_tables")?,
        })
    };
    tx.fetch_all(SETS, &[]).await?.iter().map(row).collect()
}

/// Waits for writers of rows that sets follow from, and makes others wait, before a set is added or removed.
pub fn lock_sets(tx: &mut Tx) -> Result<(), DbError> {
    tx.require_table_lock(LOCKED_TABLE)
}

pub async fn insert_set(tx: &mut Tx, set: &SetRow) -> Result<(), DbError> {
    let texts = [&set.entity, &set.select_text, &set.select_values, &set.source_tables];
    let vals: Vec<Val> = [set.id.into()].into_iter().chain(texts.map(|text| Val::from(text.as_str()))).collect();
    tx.execute(INSERT_SET, &vals).await.map(drop)
}

/// Removes a set with its rows.
pub async fn delete_set(tx: &mut Tx, id: i64) -> Result<(), DbError> {
    tx.execute(DELETE_ROWS_OF_SET, &[id.into()]).await?;
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
