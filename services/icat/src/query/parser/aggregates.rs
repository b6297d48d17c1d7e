//! COUNT, MIN, MAX, SUM and AVG.

use super::expressions::{TypedExpr, call_function, parse_operand};
use super::scope::{Scope, describe_kind};
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::{Aggregate, ColumnKind, Expr, Function};

pub fn find_aggregate(word: &str) -> Option<Aggregate> {
    Some(match word.to_uppercase().as_str() {
        "COUNT" => Aggregate::Count,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        "SUM" => Aggregate::Sum,
        "AVG" => Aggregate::Avg,
        _ => return None,
    })
}

/// Parses `(x)`, `(DISTINCT x)` or `(DISTINCT(x))` after the name of an aggregate.
pub fn parse_aggregate(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    function: Aggregate,
) -> Result<TypedExpr, QueryError> {
    if !scope.allows_aggregates() {
        return Err(QueryError::bad_parameter(format!("{function:?} is only allowed in SELECT, HAVING and ORDER BY")));
    }
    cursor.expect_sign("(")?;
    let distinct = cursor.take_word("DISTINCT");
    let argument = scope.with_aggregates(false, || parse_operand(cursor, scope))?;
    cursor.expect_sign(")")?;
    build_aggregate(function, distinct, Scope::infer_kind(argument)?)
}

pub fn build_aggregate(function: Aggregate, distinct: bool, argument: TypedExpr) -> Result<TypedExpr, QueryError> {
    let (argument, argument_kind) = match argument {
        (text, ColumnKind::Text) if matches!(function, Aggregate::Sum | Aggregate::Avg) => {
            (call_function(Function::Number, text), ColumnKind::F64)
        }
        other => other,
    };
    let kind = infer_aggregate_kind(function, argument_kind)?;
    Ok((Expr::Aggregate { function, distinct, argument: Box::new(argument), argument_kind }, kind))
}

fn infer_aggregate_kind(function: Aggregate, argument_kind: ColumnKind) -> Result<ColumnKind, QueryError> {
    match (function, argument_kind) {
        (Aggregate::Count, _) => Ok(ColumnKind::I64),
        (Aggregate::Avg, ColumnKind::I64 | ColumnKind::F64) => Ok(ColumnKind::F64),
        (Aggregate::Sum, ColumnKind::I64 | ColumnKind::F64) => Ok(argument_kind),
        (Aggregate::Min | Aggregate::Max, kind) if !matches!(kind, ColumnKind::Entity(_) | ColumnKind::Bool) => {
            Ok(kind)
        }
        _ => Err(QueryError::bad_parameter(format!("{function:?} of {} has no meaning", describe_kind(argument_kind)))),
    }
}
