//! Adds the sets of new rules and removes those that no rule has any more.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use service_kit::{Db, DbError, Tx};

use super::LONG_WORK;
use super::sets::{render_values, select_for_rule};
use crate::query::{GrantSelect, ParseContext, parse_rule};
use crate::store::{grants, rules};

/// Keeps the sets in step with the rules.
pub struct GrantSynchronizer {
    db: Db,
    parse: ParseContext,
    /// The version of the rules whose sets are complete.
    done: Mutex<Option<i64>>,
}

impl GrantSynchronizer {
    pub fn new(db: Db, parse: ParseContext) -> Self {
        Self { db, parse, done: Mutex::default() }
    }

    /// Adds and removes sets if the rules have changed since the last time.
    pub async fn synchronize(&self) -> Result<(), DbError> {
        let version = rules::get_rule_version(&mut self.db.read().await?).await?;
        if *self.done.lock().unwrap_or_else(PoisonError::into_inner) == Some(version) {
            return Ok(());
        }
        let version = synchronize_grants(&self.db, &self.parse).await?;
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        Ok(())
    }
}

/// Adds and removes sets until each rule that can have one has it; returns the version of the rules. Each set is a transaction of
/// its own, during which rows that it follows from can be read but not changed.
pub async fn synchronize_grants(db: &Db, parse: &ParseContext) -> Result<i64, DbError> {
    loop {
        let step = db
            .write_with(LONG_WORK, async |tx| {
                let step = find_next_step(tx, parse).await?;
                if !matches!(step, Step::Done(_)) {
                    // Wait for transactions that change rows, and make others wait.
                    grants::lock_sets(tx)?;
                    grants::raise_permission_epoch(tx).await?;
                    take_step(tx, &step).await?;
                    rules::bump_rule_version(tx).await?;
                }
                Ok::<_, DbError>(step)
            })
            .await?;
        if let Step::Done(version) = step {
            return Ok(version);
        }
    }
}

enum Step {
    Add(GrantSelect),
    Remove(i64),
    /// The version of the rules.
    Done(i64),
}

async fn find_next_step(tx: &mut Tx, parse: &ParseContext) -> Result<Step, DbError> {
    let version = rules::get_rule_version(tx).await?;
    let mut wanted: HashMap<(String, String), GrantSelect> = HashMap::new();
    for row in rules::list_rules(tx).await? {
        let reads = row.flags.bytes().any(|flag| flag.eq_ignore_ascii_case(&b'R'));
        // A rule that cannot be parsed grants nothing; whoever loads the rules logs it.
        if let (true, Ok(rule)) = (reads, parse_rule(&row.what, parse))
            && let Some(select) = select_for_rule(&rule, tx.engine())
        {
            wanted.insert((select.sql.clone(), render_values(&select.params)), select);
        }
    }
    for set in grants::list_sets(tx).await? {
        if wanted.remove(&(set.select_text, set.select_values)).is_none() {
            return Ok(Step::Remove(set.id));
        }
    }
    Ok(wanted.into_values().next().map_or(Step::Done(version), Step::Add))
}

async fn take_step(tx: &mut Tx, step: &Step) -> Result<(), DbError> {
    match step {
        Step::Add(select) => {
            let id = tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
            let set = grants::SetRow {
                id,
                entity: select.entity.name.to_owned(),
                select_text: select.sql.clone(),
                select_values: render_values(&select.params),
                source_tables: serde_json::to_string(&select.sources)
                    .unwrap_or_else(|e| unreachable!("names are JSON: {e}")),
            };
            grants::insert_set(tx, &set).await?;
            let vals: Vec<_> = select.params.iter().cloned().map(Into::into).collect();
            grants::insert_pairs(tx, id, (&select.sql, &vals), None).await.map(drop)
        }
        Step::Remove(id) => grants::delete_set(tx, *id).await,
        Step::Done(_) => Ok(()),
    }
}
