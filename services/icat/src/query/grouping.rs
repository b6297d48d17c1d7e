//! What a select with aggregates may have beside them.

use super::QueryError;
use super::tree::{Body, Column, Expr, Path};

/// Refuses what has no one value for a group, and drops an order where there is but one row.
pub fn check(body: &mut Body, columns: &[Column]) -> Result<(), QueryError> {
    let mut has_aggregate = columns.iter().any(|column| column.expr.has_aggregate());
    if let Some(having) = &body.having {
        having.operands(&mut |operand| has_aggregate |= operand.has_aggregate());
        if !has_aggregate && body.group_by.is_empty() {
            return Err(QueryError::bad("HAVING needs GROUP BY or an aggregate: write the condition after WHERE"));
        }
    }
    if body.group_by.iter().any(Expr::has_aggregate) {
        return Err(QueryError::bad("GROUP BY must not have aggregates"));
    }
    let ordered = body.order_by.iter().any(|(expr, _)| expr.has_aggregate());
    if !has_aggregate && body.group_by.is_empty() {
        return if ordered { Err(QueryError::bad("an aggregate in ORDER BY needs GROUP BY")) } else { Ok(()) };
    }
    if columns.iter().any(|column| column.expr.has_select()) {
        return Err(QueryError::bad("a sub-select beside aggregates is a query of its own: send it as one"));
    }
    if body.group_by.is_empty() {
        // There is one row.
        body.order_by.clear();
    }
    if let Some(having) = &body.having {
        let mut loose = false;
        having.operands(&mut |operand| loose |= has_loose(operand, &body.group_by));
        if loose {
            return Err(QueryError::bad("HAVING takes aggregates, and paths that GROUP BY lists"));
        }
    }
    Ok(())
}

/// Whether a path stands outside of aggregates that is none of the grouped ones.
fn has_loose(expr: &Expr, groups: &[Expr]) -> bool {
    let mut loose = false;
    expr.paths(&mut |path, within| loose |= !within && !groups.iter().any(|group| is_path(group, path)), false);
    loose
}

fn is_path(group: &Expr, path: &Path) -> bool {
    matches!(group, Expr::Path(grouped) if grouped.is(path))
}
