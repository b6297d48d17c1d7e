//! Changes granted rows in the transaction that changes what they follow from.
//!
//! Before source rows are updated or deleted, the pairs that follow from them are noted; at the end of the transaction those that
//! no longer follow from anything are deleted, and the pairs that follow from new and updated rows are inserted. So the cost depends
//! on the rows that change, not on the size of the sets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use icat_client::schema::Entity;
use service_kit::{DbError, Tx, Val};

use super::grants::{self, Pair, SetRow};
use crate::domain::granted::{Param, SourceTable};

/// The changes of one transaction that may change granted rows.
#[derive(Debug, Default)]
pub struct GrantMaintenance {
    /// All sets, once they are known.
    sets: Option<Arc<MaintainedSets>>,
    is_epoch_raised: bool,
    /// New and updated rows, by entity.
    touched: HashMap<&'static str, BTreeSet<i64>>,
    /// Pairs that may no longer hold, by set.
    doubtful: HashMap<i64, HashSet<Pair>>,
}

/// The sets as of one version of the rules.
#[derive(Debug, Default)]
pub struct MaintainedSets(Vec<MaintainedSet>);

impl MaintainedSets {
    pub fn from_rows(rows: Vec<SetRow>) -> Result<Self, DbError> {
        rows.into_iter().map(MaintainedSet::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Debug)]
struct MaintainedSet {
    id: i64,
    select: String,
    vals: Vec<Val>,
    sources: Vec<SourceTable>,
}

impl GrantMaintenance {
    /// Takes the sets as the transaction's snapshot has them; otherwise they are read when they are needed.
    pub fn set_known_sets(&mut self, sets: Arc<MaintainedSets>) {
        self.sets = Some(sets);
    }

    /// Notes rows that have been inserted.
    pub async fn note_inserted(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<(), DbError> {
        let grants = |source: &SourceTable| source.entity == entity.name && source.has_foreign_key;
        if self.has_source(tx, grants).await? {
            self.raise_epoch(tx).await?;
            self.touched.entry(entity.name).or_default().extend(ids);
        }
        Ok(())
    }

    /// Notes what follows from rows before these columns of them are updated.
    pub async fn note_updates(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        ids: impl IntoIterator<Item = i64>,
        columns: &[&str],
    ) -> Result<(), DbError> {
        let is_used = |source: &SourceTable| {
            source.entity == entity.name && source.columns.iter().any(|column| columns.contains(&column.as_str()))
        };
        if self.has_source(tx, is_used).await? {
            self.raise_epoch(tx).await?;
            let ids: Vec<i64> = ids.into_iter().collect();
            self.note_doubtful(tx, &ids, is_used).await?;
            self.touched.entry(entity.name).or_default().extend(ids);
        }
        Ok(())
    }

    /// Notes what follows from rows before they are deleted. Rows that refer to them have been deleted before.
    pub async fn note_deletion(&mut self, tx: &mut Tx, entity: &'static Entity, ids: &[i64]) -> Result<(), DbError> {
        let grants = |source: &SourceTable| source.entity == entity.name && source.has_foreign_key;
        if self.has_source(tx, grants).await? {
            self.raise_epoch(tx).await?;
            self.note_doubtful(tx, ids, grants).await?;
            if let Some(touched) = self.touched.get_mut(entity.name) {
                for id in ids {
                    touched.remove(id);
                }
            }
        }
        Ok(())
    }

    /// Brings the sets up to date, at the end of the transaction.
    pub async fn update_sets(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        let (touched, mut doubtful) = (std::mem::take(&mut self.touched), std::mem::take(&mut self.doubtful));
        let Some(sets) = self.sets.clone() else { return Ok(()) };
        for set in &sets.0 {
            let select = (set.select.as_str(), set.vals.as_slice());
            if let Some(mut pairs) = doubtful.remove(&set.id) {
                let rows: BTreeSet<i64> = pairs.iter().map(|pair| pair.row).collect();
                let rows: Vec<i64> = rows.into_iter().collect();
                for pair in grants::find_pairs(tx, select, &set.row_column(), &rows).await? {
                    pairs.remove(&pair);
                }
                grants::delete_pairs(tx, set.id, &pairs.into_iter().collect::<Vec<_>>()).await?;
            }
            for source in &set.sources {
                if let Some(ids) = touched.get(source.entity.as_str()) {
                    let ids: Vec<i64> = ids.iter().copied().collect();
                    grants::insert_pairs(tx, set.id, select, Some((&source.id_column(), &ids))).await?;
                }
            }
        }
        Ok(())
    }

    async fn note_doubtful(
        &mut self,
        tx: &mut Tx,
        ids: &[i64],
        is_source: impl Fn(&SourceTable) -> bool,
    ) -> Result<(), DbError> {
        let Some(sets) = self.sets.clone() else { return Ok(()) };
        for set in &sets.0 {
            for source in set.sources.iter().filter(|source| is_source(source)) {
                let select = (set.select.as_str(), set.vals.as_slice());
                let pairs = grants::find_pairs(tx, select, &source.id_column(), ids).await?;
                self.doubtful.entry(set.id).or_default().extend(pairs);
            }
        }
        Ok(())
    }

    async fn has_source(&mut self, tx: &mut Tx, is_source: impl Fn(&SourceTable) -> bool) -> Result<bool, DbError> {
        let sets = match &self.sets {
            Some(sets) => sets,
            None => self.sets.insert(Arc::new(MaintainedSets::from_rows(grants::list_sets(tx).await?)?)),
        };
        Ok(sets.0.iter().any(|set| set.sources.iter().any(&is_source)))
    }

    async fn raise_epoch(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        if !std::mem::replace(&mut self.is_epoch_raised, true) {
            grants::raise_permission_epoch(tx).await?;
        }
        Ok(())
    }
}

impl MaintainedSet {
    fn parse(set: SetRow) -> Result<Self, DbError> {
        let invalid = |e: serde_json::Error| DbError::Setup(format!("grant_set {} is not valid: {e}", set.id));
        let params: Vec<Param> = serde_json::from_str(&set.select_values).map_err(invalid)?;
        let sources = serde_json::from_str(&set.source_tables).map_err(invalid)?;
        Ok(Self { id: set.id, select: set.select_text, vals: params.into_iter().map(Val::from).collect(), sources })
    }

    /// The first source is the table of the granted rows.
    fn row_column(&self) -> String {
        self.sources.first().map(SourceTable::id_column).unwrap_or_default()
    }
}
