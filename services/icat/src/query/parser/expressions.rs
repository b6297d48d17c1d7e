//! Expressions: paths, literals, arithmetic, CASE and scalar sub-selects.

use super::aggregates::{find_aggregate, parse_aggregate};
use super::conditions::{is_sub_select, parse_condition, parse_sub_select};
use super::functions::parse_call;
use super::lexer::Token;
use super::literals;
use super::scope::{Operand, Scope, describe_kind, is_comparable, is_null};
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::{ArithmeticOperator, ColumnKind, Expr, Function, Literal};

/// The maximum number of terms of a sum or product.
const MAX_TERMS: usize = 200;

pub type TypedExpr = (Expr, ColumnKind);

/// `a + b - c`
pub fn parse_operand(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = parse_product(cursor, scope)?;
    for _ in 0..MAX_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("+")) => ArithmeticOperator::Add,
            Some(Token::Sign("-")) => ArithmeticOperator::Subtract,
            // The lexer keeps the sign with the number: `a -1`.
            Some(Token::Integer(n)) if *n < 0 => ArithmeticOperator::Add,
            Some(Token::Real(n)) if *n < 0.0 => ArithmeticOperator::Add,
            _ => return Ok(left),
        };
        cursor.at += usize::from(matches!(cursor.peek(), Some(Token::Sign(_))));
        let right = parse_product(cursor, scope)?;
        left = build_arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad_parameter("too many numbers in one sum"))
}

/// `a * b / c`
fn parse_product(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = parse_signed(cursor, scope)?;
    for _ in 0..MAX_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("*")) => ArithmeticOperator::Multiply,
            Some(Token::Sign("/")) => ArithmeticOperator::Divide,
            _ => return Ok(left),
        };
        cursor.at += 1;
        let right = parse_signed(cursor, scope)?;
        left = build_arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad_parameter("too many numbers in one product"))
}

fn parse_signed(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    cursor.parse_nested(|cursor| {
        if cursor.take_sign("+") {
            return parse_signed(cursor, scope);
        }
        if cursor.take_sign("-") {
            let (inner, kind) = to_number(parse_signed(cursor, scope)?)?;
            return Ok(Operand::Typed(Expr::Negative(Box::new(inner), kind), kind));
        }
        parse_primary(cursor, scope)
    })
}

fn build_arithmetic(left: Operand, operator: ArithmeticOperator, right: Operand) -> Result<Operand, QueryError> {
    let ((left, a), (right, b)) = (to_number(left)?, to_number(right)?);
    let is_whole = is_whole(&left, a) && is_whole(&right, b);
    let has_decimals = operator == ArithmeticOperator::Divide || a == ColumnKind::F64 || b == ColumnKind::F64;
    let kind = if has_decimals { ColumnKind::F64 } else { ColumnKind::I64 };
    Ok(Operand::Typed(
        Expr::Arithmetic { left: Box::new(left), operator, right: Box::new(right), is_whole, kind },
        kind,
    ))
}

fn is_whole(expr: &Expr, kind: ColumnKind) -> bool {
    kind == ColumnKind::I64 || matches!(expr, Expr::Arithmetic { is_whole: true, .. })
}

/// Converts an operand to a number; a string counts as the number that it begins with.
pub fn to_number(operand: Operand) -> Result<TypedExpr, QueryError> {
    let (expr, kind) = Scope::infer_kind(operand)?;
    match kind {
        ColumnKind::I64 | ColumnKind::F64 => Ok((expr, kind)),
        ColumnKind::Text => Ok((call_function(Function::Number, expr), ColumnKind::F64)),
        _ => Err(QueryError::bad_parameter(format!("arithmetic takes numbers, not {}", describe_kind(kind)))),
    }
}

pub fn call_function(function: Function, argument: Expr) -> Expr {
    Expr::Call { function, arguments: vec![argument] }
}

/// Converts an operand to a string; integers are accepted.
pub fn to_string_expr(operand: Operand, place: &str) -> Result<Expr, QueryError> {
    let refused =
        |what: String| QueryError::bad_parameter(format!("{place} takes strings and whole numbers, not {what}"));
    match operand {
        Operand::Typed(expr, ColumnKind::Text) => Ok(expr),
        Operand::Typed(expr, ColumnKind::I64) => Ok(call_function(Function::Text, expr)),
        Operand::Typed(_, ColumnKind::Date) => {
            Err(QueryError::bad_parameter(format!("{place} takes no times: compare them with BETWEEN, < or >")))
        }
        Operand::Typed(_, kind) => Err(refused(describe_kind(kind))),
        Operand::Literal(token) => {
            let literal = if is_null(&token) { Some(Literal::Null) } else { literals::bind_text(&token) };
            literal.map(Expr::Literal).ok_or_else(|| refused(token.to_string()))
        }
    }
}

/// Gives a selected expression the type that it has in icat.server: integer arithmetic yields an integer, and an integer
/// divided by a decimal number has four decimals.
pub fn infer_selected_type((expr, kind): TypedExpr) -> TypedExpr {
    match expr {
        Expr::Arithmetic { left, operator: ArithmeticOperator::Divide, right, is_whole: true, .. }
            if is_plain_division(&left, &right) =>
        {
            (Expr::Call { function: Function::WholeQuotient, arguments: vec![*left, *right] }, ColumnKind::I64)
        }
        Expr::Arithmetic { is_whole: true, .. } if kind == ColumnKind::F64 => {
            (call_function(Function::Truncate, expr), ColumnKind::I64)
        }
        Expr::Arithmetic { left, operator: ArithmeticOperator::Divide, right, .. }
            if is_rounded_quotient(&left, &right) =>
        {
            (Expr::Call { function: Function::RoundedQuotient, arguments: vec![*left, *right] }, ColumnKind::F64)
        }
        other => (other, kind),
    }
}

/// Whether both sides are simple, so that integer division applies.
fn is_plain_division(left: &Expr, right: &Expr) -> bool {
    [left, right].iter().all(|side| !matches!(side, Expr::Arithmetic { .. } | Expr::Negative(..)))
}

fn is_rounded_quotient(left: &Expr, right: &Expr) -> bool {
    let is_attribute = |expr: &Expr| match expr {
        Expr::Path(path) => path.field.is_some_and(|field| ColumnKind::from_field_kind(field.kind) == ColumnKind::I64),
        _ => false,
    };
    is_attribute(left) && matches!(right, Expr::Literal(Literal::F64(_)))
}

fn parse_primary(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    if is_sub_select(cursor) {
        let (select, kind) = parse_sub_select(cursor, scope)?;
        return Ok(Operand::Typed(Expr::Select(Box::new(select)), kind));
    }
    if cursor.take_sign("(") {
        let inner = parse_operand(cursor, scope)?;
        cursor.expect_sign(")")?;
        return Ok(inner);
    }
    match cursor.next()? {
        Token::Parameter(name) => resolve_parameter(name),
        Token::Name(name) => parse_named(cursor, scope, name),
        Token::Sign(_) => {
            cursor.at -= 1;
            Err(cursor.expected_error("NAME, STRING, NUMBER, PARAMETER"))
        }
        literal => Ok(Operand::Literal(literal.clone())),
    }
}

/// Resolves `:user`, the only parameter.
pub fn resolve_parameter(name: &str) -> Result<Operand, QueryError> {
    if name == "user" {
        return Ok(Operand::Typed(Expr::User, ColumnKind::Text));
    }
    Err(QueryError::bad_parameter(format!("there is no parameter :{name}; only :user can be named")))
}

fn parse_named(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Operand, QueryError> {
    let upper = name.to_uppercase();
    if cursor.is_sign("(") {
        let (expr, kind) = match find_aggregate(&upper) {
            Some(function) => parse_aggregate(cursor, scope, function)?,
            None => parse_call(cursor, scope, &upper)?,
        };
        return Ok(Operand::Typed(expr, kind));
    }
    match upper.as_str() {
        "TRUE" | "FALSE" | "NULL" => return Ok(Operand::Literal(Token::Name(upper))),
        "CURRENT_TIMESTAMP" => return Ok(Operand::Typed(Expr::Now, ColumnKind::Date)),
        "CURRENT_DATE" => return Ok(Operand::Typed(Expr::Today, ColumnKind::Date)),
        "CURRENT_TIME" => {
            return Err(QueryError::bad_parameter("CURRENT_TIME is a time of day, and no attribute is one"));
        }
        "CASE" if scope.find_variable(name).is_none() => {
            return cursor.parse_nested(|cursor| parse_case(cursor, scope));
        }
        _ => {}
    }
    if name.starts_with("org.icatproject.") && scope.find_variable("org").is_none() {
        return Ok(Operand::Literal(Token::Name(name.to_owned())));
    }
    let (path, kind) = scope.resolve_value(name)?;
    Ok(Operand::Typed(Expr::Path(path), kind))
}

/// Parses `CASE WHEN cond THEN a [WHEN …] ELSE b END`; all values are of one kind.
fn parse_case(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    while cursor.take_word("WHEN") {
        conditions.push(parse_condition(cursor, scope)?);
        cursor.expect_word("THEN")?;
        values.push(parse_operand(cursor, scope)?);
    }
    if conditions.is_empty() {
        return Err(cursor.expected_error("WHEN"));
    }
    cursor.expect_word("ELSE")?;
    values.push(parse_operand(cursor, scope)?);
    cursor.expect_word("END")?;
    let (mut values, kind) = unify_kinds(scope, values)?;
    let otherwise = Box::new(values.pop().ok_or_else(|| QueryError::bad_parameter("CASE without ELSE"))?);
    let branches = conditions.into_iter().zip(values).collect();
    Ok(Operand::Typed(Expr::Case { branches, otherwise }, kind))
}

/// Converts all values to the kind of the first that has one; integers next to decimal numbers become decimal numbers.
pub fn unify_kinds(scope: &Scope<'_>, values: Vec<Operand>) -> Result<(Vec<Expr>, ColumnKind), QueryError> {
    let given = values.iter().find_map(|value| match value {
        Operand::Typed(_, kind) => Some(*kind),
        Operand::Literal(_) => None,
    });
    let mut kind = given;
    let mut exprs = Vec::with_capacity(values.len());
    for value in values {
        let (expr, its) = match (value, kind) {
            (Operand::Literal(token), Some(kind)) => match (&token, kind) {
                (Token::Real(_), ColumnKind::I64) => Scope::infer_kind(Operand::Literal(token))?,
                _ => (scope.bind_literal(&token, kind)?, kind),
            },
            (operand, _) => Scope::infer_kind(operand)?,
        };
        kind = match kind {
            None => Some(its),
            Some(kind) if !is_comparable(kind, its) => {
                return Err(QueryError::bad_parameter(format!(
                    "{} and {} are not of one kind",
                    describe_kind(kind),
                    describe_kind(its)
                )));
            }
            Some(ColumnKind::I64) if its == ColumnKind::F64 => Some(its),
            known => known,
        };
        exprs.push(expr);
    }
    kind.map(|kind| (exprs, kind)).ok_or_else(|| QueryError::bad_parameter("a list of values is empty"))
}
