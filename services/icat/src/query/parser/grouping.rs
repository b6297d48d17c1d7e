//! Checks selects with aggregates.

use crate::query::error::QueryError;
use crate::query::tree::{Column, Expr, Path, SelectBody};

/// Refuses expressions that have no single value per group; drops ORDER BY if there is only one row.
pub fn check_grouping(body: &mut SelectBody, columns: &[Column]) -> Result<(), QueryError> {
    let mut has_aggregate = columns.iter().any(|column| column.expr.has_aggregate());
    if let Some(having) = &body.having {
        having.visit_operands(&mut |operand| has_aggregate |= operand.has_aggregate());
        if !has_aggregate && body.group_by.is_empty() {
            return Err(QueryError::bad_parameter(
                "HAVING needs GROUP BY or an aggregate: write the condition after WHERE",
            ));
        }
    }
    if body.group_by.iter().any(Expr::has_aggregate) {
        return Err(QueryError::bad_parameter("GROUP BY must not have aggregates"));
    }
    let ordered = body.order_by.iter().any(|(expr, _)| expr.has_aggregate());
    if !has_aggregate && body.group_by.is_empty() {
        return if ordered {
            Err(QueryError::bad_parameter("an aggregate in ORDER BY needs GROUP BY"))
        } else {
            Ok(())
        };
    }
    if columns.iter().any(|column| column.expr.has_sub_select()) {
        return Err(QueryError::bad_parameter("a sub-select beside aggregates is a query of its own: send it as one"));
    }
    if body.group_by.is_empty() {
        // There is one row.
        body.order_by.clear();
    }
    if let Some(having) = &body.having {
        let mut loose = false;
        having.visit_operands(&mut |operand| loose |= has_ungrouped_path(operand, &body.group_by));
        if loose {
            return Err(QueryError::bad_parameter("HAVING takes aggregates, and paths that GROUP BY lists"));
        }
    }
    Ok(())
}

/// Whether a path outside of aggregates is not grouped by.
fn has_ungrouped_path(expr: &Expr, groups: &[Expr]) -> bool {
    let mut loose = false;
    expr.visit_paths(&mut |path, within| loose |= !within && !groups.iter().any(|group| is_path(group, path)), false);
    loose
}

fn is_path(group: &Expr, path: &Path) -> bool {
    matches!(group, Expr::Path(grouped) if grouped.is_same_as(path))
}
