//! Loads many new rows at once, for imports.
//!
//! Not with COPY, although its rows cost `PostgreSQL` a fifth less: sqlx does not set `TCP_NODELAY`, so that the end of each COPY
//! waits 40 ms for the delayed acknowledgement of its data. With 1,000 rows at once that made imports twice as slow.

use std::collections::HashSet;

use crate::insert::RowInsert;
use crate::{DbError, Tx, Val};

impl Tx {
    /// Inserts rows, without those whose unique key is stored or is that of an earlier row; returns the places of the rows that
    /// were inserted. The first column is `id`, and `insert` must skip stored rows.
    pub async fn load_rows(&mut self, insert: &RowInsert<'_>, rows: Vec<Vec<Val>>) -> Result<Vec<usize>, DbError> {
        let first = rows.iter().filter_map(|row| match row.first() {
            Some(Val::I64(id)) => *id,
            _ => None,
        });
        let ids: Vec<i64> = first.collect();
        if self.insert_rows(insert, rows).await? == ids.len() as u64 {
            return Ok((0..ids.len()).collect());
        }
        let sql = format!("SELECT id FROM {} WHERE id IN {}", insert.table, self.engine().id_list("$1"));
        let stored = self.fetch_all(&sql, &[Val::from_ids(&ids)]).await?;
        let stored: HashSet<i64> = stored.iter().map(|row| row.get_at(0)).collect::<Result<_, _>>()?;
        Ok((0..ids.len()).filter(|place| stored.contains(&ids[*place])).collect())
    }
}
