//! ORDER BY and LIMIT.

use std::fmt::Write as _;

use super::SqlWriter;
use crate::query::statement::Param;
use crate::query::tree::{Expr, Origin, SelectBody, Source};

impl SqlWriter<'_> {
    /// Writes LIMIT and OFFSET, and returns the number of rows.
    pub fn write_limit(&mut self, sql: &mut String, body: &SelectBody) -> Option<usize> {
        let (offset, count) = body.limit.unwrap_or((0, None));
        let limit = count.unwrap_or(u64::MAX).min(self.env.row_cap);
        let count = self.bind_parameter(Param::I64(i64::try_from(limit).unwrap_or(i64::MAX)));
        let _ = write!(sql, " LIMIT {count}");
        if offset > 0 {
            let offset = self.bind_parameter(Param::I64(i64::try_from(offset).unwrap_or(i64::MAX)));
            let _ = write!(sql, " OFFSET {offset}");
        }
        usize::try_from(limit).ok()
    }
}

/// NULLs come last. Not written as NULLS LAST: with LIMIT and OFFSET it made `SQLite` skip rows (found by the property test) if the
/// first key has a unique index.
pub fn order_with_nulls_last(key: &str, descending: bool) -> String {
    format!("CASE WHEN {key} IS NULL THEN 1 ELSE 0 END, {key} {}", if descending { "DESC" } else { "ASC" })
}

/// Whether an expression is an attribute that is never NULL, of a row that always exists: then an index can give the order.
pub fn is_never_null(expr: &Expr, body: &SelectBody) -> bool {
    let Expr::Path(path) = expr else { return false };
    let always_there = |source: &Source| match &source.origin {
        Origin::Root => true,
        Origin::Join { left, .. } => !left,
    };
    path.steps.is_empty()
        && path.field.is_none_or(|field| !field.nullable)
        && body.sources.iter().any(|source| source.var == path.var && always_there(source))
}
