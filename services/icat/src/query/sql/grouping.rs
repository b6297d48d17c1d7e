//! The GROUP BY clause, and selected expressions that are not grouped by.

use super::SqlWriter;
use super::from_clause::FromClause;
use crate::query::tree::{Expr, SelectBody};

/// Whether the select aggregates rows: it has GROUP BY, an aggregate or HAVING.
pub fn is_grouped<'x>(body: &SelectBody, mut selected: impl Iterator<Item = &'x Expr>) -> bool {
    !body.group_by.is_empty() || body.having.is_some() || selected.any(Expr::has_aggregate)
}

/// `SQLite` accepts HAVING without GROUP BY only if an aggregate is selected, so constants are wrapped in aggregates.
pub fn wrap_constants_in_aggregates<'x>(
    body: &SelectBody,
    mut selected: impl Iterator<Item = &'x Expr>,
    columns: &mut [String],
) {
    if body.having.is_some() && body.group_by.is_empty() && selected.all(Expr::is_constant) {
        for column in columns {
            *column = format!("COALESCE(MIN({column}), {column})");
        }
    }
}

impl SqlWriter<'_> {
    pub fn write_group_by(&mut self, frame: &mut FromClause<'_>, body: &SelectBody) -> Vec<String> {
        body.group_by.iter().map(|expr| self.write_expression(frame, expr)).collect()
    }

    /// Writes a selected expression. There is one row per group, so a path that is not grouped by yields the least value of
    /// its group; `MariaDB` yields any of them.
    pub fn write_in_group(
        &mut self,
        body: &SelectBody,
        groups: &[String],
        is_grouped: bool,
        expr: &Expr,
        write: impl FnOnce(&mut Self) -> String,
    ) -> String {
        if !is_grouped {
            return write(self);
        }
        let text = format!("{expr:?}");
        let same = body.group_by.iter().zip(groups).find(|(grouped, _)| format!("{grouped:?}") == text);
        if let Some((_, sql)) = same {
            return sql.clone();
        }
        self.groups = Some(groups.to_vec());
        let sql = write(self);
        self.groups = None;
        sql
    }
}
