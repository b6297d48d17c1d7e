//! Compares the counters of datafiles with the datafiles, and counts them anew.

use service_kit::{DbError, Tx};

use super::datafile_counters::{CounterLevel, FILES_OF_DATASET, LOCKED_TABLE, SUM_ID, SUMS};

/// The right counters, as rows of `datafile_counter` without ids.
const RIGHT_COUNTERS: &str = "SELECT 2 AS level, dataset_id AS owner_id, {files} FROM datafile GROUP BY dataset_id \
    UNION ALL SELECT 1, d.investigation_id, {files} FROM datafile \
    JOIN (SELECT id AS owner, investigation_id FROM dataset) d ON d.owner = dataset_id \
    GROUP BY d.investigation_id UNION ALL SELECT 0, 0, {files} FROM datafile";

fn right_counters() -> String {
    RIGHT_COUNTERS.replace("{files}", FILES_OF_DATASET)
}

/// The number of wrong counters of each level, by what they count.
pub async fn count_deviations(tx: &mut Tx) -> Result<Vec<(&'static str, i64)>, DbError> {
    let columns = "level, owner_id, files, sized_files, size_high, size_low";
    let right = format!("SELECT {columns} FROM ({}) computed WHERE files <> 0", right_counters());
    let stored = format!(
        "SELECT {columns} FROM (SELECT level, owner_id, {SUMS} FROM datafile_counter GROUP BY level, owner_id) stored \
         WHERE files <> 0"
    );
    let mut found = Vec::new();
    for (level, what) in [
        (CounterLevel::Catalogue, "the whole catalogue"),
        (CounterLevel::Investigation, "investigations"),
        (CounterLevel::Dataset, "datasets"),
    ] {
        let wrong = format!(
            "SELECT COUNT(DISTINCT owner_id) AS owners FROM (SELECT owner_id FROM ({right} EXCEPT {stored}) a \
             WHERE level = $1 UNION ALL SELECT owner_id FROM ({stored} EXCEPT {right}) b WHERE level = $1) wrong"
        );
        found.push((what, tx.fetch_one(&wrong, &[level.as_i64().into()]).await?.get("owners")?));
    }
    Ok(found)
}

/// Counts all datafiles anew.
pub async fn rebuild_counters(tx: &mut Tx) -> Result<(), DbError> {
    tx.require_table_lock(LOCKED_TABLE)?;
    tx.execute("DELETE FROM datafile_counter", &[]).await?;
    let sql = format!(
        "INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low) \
         SELECT level, owner_id, {SUM_ID}, files, sized_files, size_high, size_low FROM ({}) computed",
        right_counters()
    );
    tx.execute(&sql, &[]).await.map(drop)
}
