//! The keys by which rows of a dump refer to each other, in python-icat's format:
//! `Dataset_investigation-(facility-(name-ESNF)_name-10100601=2DST_visitId-1=2E1=2DN)_name-e208339`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use icat_client::schema::Entity;
use service_kit::{DbError, Tx, Val};

use crate::search::to_one_key;
use crate::store::entities::{self, StoredRow, value_index};

/// When more keys are cached, the cache is cleared.
const MAX_CACHED_KEYS: usize = 200_000;

/// Keys of rows, without the entity type (`name-ESNF`), or numbered (`DataCollection_00000001`).
#[derive(Default)]
pub struct RowKeys {
    by_id: HashMap<(&'static str, i64), String>,
    /// Rows without a unique key are numbered; the numbers are kept until the end.
    numbered: HashMap<(&'static str, i64), String>,
    counts: HashMap<&'static str, usize>,
}

impl RowKeys {
    /// Assigns the next number to a row without a unique key.
    pub fn assign_number(&mut self, entity: &'static Entity, id: i64) -> String {
        let count = self.counts.entry(entity.name).or_default();
        *count += 1;
        let key = format!("{}_{count:08}", entity.name);
        self.numbered.insert((entity.name, id), key.clone());
        key
    }

    /// The full key of a row that was loaded or numbered before.
    pub fn get(&self, entity: &'static Entity, id: i64) -> Option<String> {
        let numbered = self.numbered.get(&(entity.name, id)).cloned();
        numbered.or_else(|| self.by_id.get(&(entity.name, id)).map(|key| format!("{}_{key}", entity.name)))
    }

    /// Loads the keys of rows, and before them those of the rows that the keys refer to.
    pub async fn load_keys(&mut self, tx: &mut Tx, entity: &'static Entity, ids: HashSet<i64>) -> Result<(), DbError> {
        if self.by_id.len() > MAX_CACHED_KEYS {
            self.by_id.clear();
        }
        let mut waiting: Vec<(&'static Entity, Vec<StoredRow>)> = Vec::new();
        let mut wanted: Vec<(&'static Entity, HashSet<i64>)> = vec![(entity, ids)];
        while let Some((entity, mut ids)) = wanted.pop() {
            ids.retain(|id| !self.by_id.contains_key(&(entity.name, *id)));
            if ids.is_empty() || entity.unique.is_empty() {
                continue;
            }
            let ids: Vec<i64> = ids.into_iter().collect();
            let rows = entities::find_by_ids(tx, entity, &ids).await?;
            for one in entity.unique.iter().filter_map(|name| entity.find_to_one(name)) {
                let at = value_index(entity, one.name).unwrap_or_default();
                wanted.push((one.target(), rows.iter().filter_map(|row| to_one_key(row, at)).collect()));
            }
            waiting.push((entity, rows));
        }
        // The list is processed backwards: what a key refers to was added after it.
        while let Some((entity, rows)) = waiting.pop() {
            for row in &rows {
                let text = self.build_key(entity, row);
                self.by_id.insert((entity.name, row.id), text);
            }
        }
        Ok(())
    }

    fn build_key(&self, entity: &'static Entity, row: &StoredRow) -> String {
        let part = |name: &&'static str| {
            let at = value_index(entity, name).unwrap_or_default();
            match (entity.find_to_one(name), &row.values[at]) {
                (Some(one), Val::I64(Some(id))) => {
                    let inner = self.by_id.get(&(one.target, *id)).map_or("", String::as_str);
                    format!("{name}-({inner})")
                }
                (_, Val::Text(Some(text))) => format!("{name}-{}", quote_key_part(text)),
                (_, other) => format!("{name}-{}", quote_key_part(&other.to_string())),
            }
        };
        entity.unique.iter().map(part).collect::<Vec<_>>().join("_")
    }
}

/// Escapes everything but ASCII letters and digits, as in `=2D`.
fn quote_key_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "={byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_quoted() {
        assert_eq!(quote_key_part("10100601-ST_ü"), "10100601=2DST=5F=C3=BC");
    }
}
