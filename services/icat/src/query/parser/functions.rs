//! Calls of functions.

use super::expressions::{TypedExpr, call_function, parse_operand, to_number, to_string_expr, unify_kinds};
use super::lexer::Token;
use super::scope::{Operand, ResolvedPath, Scope, describe_kind};
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::{ColumnKind, Expr, Function, TrimSide};

/// The arguments of a function, in parentheses after its name.
pub fn parse_call(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>, name: &str) -> Result<TypedExpr, QueryError> {
    cursor.expect_sign("(")?;
    let typed = match name {
        "SIZE" => parse_size(cursor, scope)?,
        "TRIM" => parse_trim(cursor, scope)?,
        "FUNCTION" => {
            let Token::Text(name) = cursor.next()? else {
                cursor.at -= 1;
                return Err(cursor.expected_error("STRING"));
            };
            let mut arguments = Vec::new();
            while cursor.take_sign(",") {
                arguments.push(parse_operand(cursor, scope)?);
            }
            bind_function(scope, &name.to_uppercase(), arguments)?
        }
        _ => {
            let mut arguments = vec![parse_operand(cursor, scope)?];
            while cursor.take_sign(",") {
                arguments.push(parse_operand(cursor, scope)?);
            }
            bind_function(scope, name, arguments)?
        }
    };
    cursor.expect_sign(")")?;
    Ok(typed)
}

fn bind_function(scope: &Scope<'_>, name: &str, arguments: Vec<Operand>) -> Result<TypedExpr, QueryError> {
    let count = arguments.len();
    let (function, counts, kind) = match name {
        "LOWER" => (Function::Lower, 1..=1, ColumnKind::Text),
        "UPPER" => (Function::Upper, 1..=1, ColumnKind::Text),
        "LENGTH" => (Function::Length, 1..=1, ColumnKind::I64),
        "CONCAT" => (Function::Concat, 2..=20, ColumnKind::Text),
        "SUBSTRING" => (Function::Substring, 2..=3, ColumnKind::Text),
        "LOCATE" => (Function::Locate, 2..=3, ColumnKind::I64),
        "ABS" => (Function::Abs, 1..=1, ColumnKind::I64),
        "SQRT" => (Function::Sqrt, 1..=1, ColumnKind::F64),
        "MOD" => (Function::Mod, 2..=2, ColumnKind::I64),
        "COALESCE" => (Function::Coalesce, 2..=20, ColumnKind::I64),
        "NULLIF" => (Function::NullIf, 2..=2, ColumnKind::I64),
        other => return Err(QueryError::bad_parameter(format!("there is no function {other}"))),
    };
    if !counts.contains(&count) {
        return Err(QueryError::bad_parameter(format!("{name} does not take {count} arguments")));
    }
    if matches!(function, Function::Coalesce | Function::NullIf) {
        let (arguments, kind) = unify_kinds(scope, arguments)?;
        return Ok((Expr::Call { function, arguments }, kind));
    }
    let mut first = None;
    let mut exprs = Vec::with_capacity(count);
    for (place, argument) in arguments.into_iter().enumerate() {
        let texts = match function {
            Function::Substring => 1,
            Function::Locate => 2,
            Function::Abs | Function::Sqrt | Function::Mod => 0,
            _ => count,
        };
        let (expr, its) = if place < texts {
            (to_string_expr(argument, name)?, ColumnKind::Text)
        } else if matches!(function, Function::Abs | Function::Sqrt) {
            to_number(argument)?
        } else {
            require_kind(argument, &format!("{name} takes whole numbers"), |kind| kind == ColumnKind::I64)?
        };
        first.get_or_insert(its);
        exprs.push(expr);
    }
    let kind = if function == Function::Abs { first.unwrap_or(kind) } else { kind };
    Ok((Expr::Call { function, arguments: exprs }, kind))
}

/// `SIZE(f.datafiles)`
fn parse_size(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<TypedExpr, QueryError> {
    let name = cursor.take_name()?;
    match scope.resolve_path(name)? {
        ResolvedPath::Many(parent, many) => Ok((Expr::Size { parent, many }, ColumnKind::I64)),
        ResolvedPath::Value(..) => {
            Err(QueryError::bad_parameter(format!("SIZE takes what leads to many rows, not {name}")))
        }
    }
}

/// `TRIM([LEADING | TRAILING | BOTH] ['c'] [FROM] string)`
fn parse_trim(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<TypedExpr, QueryError> {
    let sides = [("LEADING", TrimSide::Leading), ("TRAILING", TrimSide::Trailing), ("BOTH", TrimSide::Both)];
    let side = sides.into_iter().find(|(word, _)| cursor.take_word(word)).map(|(_, side)| side);
    let mut what = None;
    if !cursor.take_word("FROM") {
        let first = parse_operand(cursor, scope)?;
        if cursor.take_word("FROM") {
            what = Some(to_string_expr(first, "TRIM")?);
        } else {
            let function = Function::Trim(side.unwrap_or(TrimSide::Both));
            return Ok((call_function(function, to_string_expr(first, "TRIM")?), ColumnKind::Text));
        }
    }
    let arguments = [to_string_expr(parse_operand(cursor, scope)?, "TRIM")?].into_iter().chain(what).collect();
    Ok((Expr::Call { function: Function::Trim(side.unwrap_or(TrimSide::Both)), arguments }, ColumnKind::Text))
}

fn require_kind(operand: Operand, complaint: &str, fits: impl Fn(ColumnKind) -> bool) -> Result<TypedExpr, QueryError> {
    let (expr, kind) = Scope::infer_kind(operand)?;
    if fits(kind) {
        Ok((expr, kind))
    } else {
        Err(QueryError::bad_parameter(format!("{complaint}, not {}", describe_kind(kind))))
    }
}
