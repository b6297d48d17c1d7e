//! Compares granted rows and counters with what they follow from, and computes them anew. They differ only if another program has
//! changed rows in the database.

use service_kit::{Db, DbError};

use super::LONG_WORK;
use super::synchronize_grants;
use crate::query::{Param, ParseContext};
use crate::store::{datafile_counters, grants, rules};

/// What is wrong, one line for each set of granted rows and each kind of counter; nothing if all is right.
pub async fn find_deviations(db: &Db) -> Result<Vec<String>, DbError> {
    let mut tx = db.read().await?;
    let mut deviations = Vec::new();
    for set in grants::list_sets(&mut tx).await? {
        let params: Vec<Param> = serde_json::from_str(&set.select_values)
            .map_err(|e| DbError::Setup(format!("the values of grant_set {} are not valid: {e}", set.id)))?;
        let vals: Vec<_> = params.into_iter().map(Into::into).collect();
        let (missing, excess) = grants::count_deviations(&mut tx, set.id, (&set.select_text, &vals)).await?;
        if missing + excess > 0 {
            deviations.push(format!(
                "granted rows of {}: {missing} are missing, {excess} should not be there ({})",
                set.entity, set.select_text
            ));
        }
    }
    for (what, owners) in datafile_counters::count_deviations(&mut tx).await? {
        if owners > 0 {
            deviations.push(format!("{what}: {owners} counters of datafiles are wrong"));
        }
    }
    Ok(deviations)
}

/// Computes all granted rows and counters anew. Rows can be read but not changed meanwhile.
pub async fn rebuild_derived_rows(db: &Db, parse: &ParseContext) -> Result<(), DbError> {
    db.write_with(LONG_WORK, async |tx| {
        tx.require_table_lock(datafile_counters::LOCKED_TABLE)?;
        grants::lock_sets(tx)?;
        grants::raise_permission_epoch(tx).await?;
        for set in grants::list_sets(tx).await? {
            grants::delete_set(tx, set.id).await?;
        }
        rules::bump_rule_version(tx).await?;
        datafile_counters::rebuild_counters(tx).await
    })
    .await?;
    synchronize_grants(db, parse).await.map(drop)
}
