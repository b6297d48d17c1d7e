//! Parses the WHERE and HAVING clauses of the JPQL-like form.

use super::expressions::{parse_operand, to_string_expr};
use super::jpql;
use super::lexer::Token;
use super::scope::{Operand, ResolvedPath, Scope, describe_kind, is_comparable, is_null};
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::{ColumnKind, ComparisonOperator, Condition, Expr, LikePattern, Literal, SelectBody};

/// `a OR b`
pub fn parse_condition(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Condition, QueryError> {
    let mut parts = vec![parse_conjunction(cursor, scope)?];
    while cursor.take_word("OR") {
        parts.push(parse_conjunction(cursor, scope)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
}

fn parse_conjunction(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Condition, QueryError> {
    let mut parts = vec![parse_factor(cursor, scope)?];
    while cursor.take_word("AND") {
        parts.push(parse_factor(cursor, scope)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
}

fn parse_factor(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Condition, QueryError> {
    cursor.parse_nested(|cursor| {
        if cursor.take_word("NOT") {
            return Ok(Condition::Not(Box::new(parse_factor(cursor, scope)?)));
        }
        if cursor.is_word("EXISTS") && matches!(cursor.peek_at(1), Some(Token::Sign("("))) {
            cursor.at += 1;
            return Ok(Condition::Exists { select: Box::new(parse_sub_select(cursor, scope)?.0) });
        }
        if cursor.is_sign("(") && !is_sub_select(cursor) && !is_parenthesized_value(cursor) {
            cursor.take_sign("(");
            let inner = parse_condition(cursor, scope)?;
            cursor.expect_sign(")")?;
            return Ok(inner);
        }
        parse_predicate(cursor, scope)
    })
}

/// Whether the parentheses here enclose a value, as in `(a + 1) * 2 > b`, and not a condition; decided by what follows.
fn is_parenthesized_value(cursor: &TokenCursor<'_>) -> bool {
    let mut depth = 0_usize;
    for ahead in 0.. {
        match cursor.peek_at(ahead) {
            Some(Token::Sign("(")) => depth += 1,
            Some(Token::Sign(")")) if depth == 1 => {
                return match cursor.peek_at(ahead + 1) {
                    Some(Token::Sign(sign)) => {
                        matches!(*sign, "+" | "-" | "*" | "/") || ComparisonOperator::from_sign(sign).is_some()
                    }
                    Some(Token::Integer(_) | Token::Real(_)) => true,
                    Some(Token::Name(word)) => {
                        ["LIKE", "IN", "BETWEEN", "IS", "NOT", "MEMBER"].iter().any(|w| word.eq_ignore_ascii_case(w))
                    }
                    _ => false,
                };
            }
            Some(Token::Sign(")")) => depth -= 1,
            Some(_) => {}
            None => return false,
        }
    }
    false
}

fn parse_predicate(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Condition, QueryError> {
    if let Some(empty) = parse_is_empty(cursor, scope)? {
        return Ok(empty);
    }
    let left = parse_operand(cursor, scope)?;
    if let Some(Token::Sign(sign)) = cursor.peek()
        && let Some(operator) = ComparisonOperator::from_sign(sign)
    {
        cursor.at += 1;
        return parse_comparison(cursor, scope, left, operator);
    }
    let negated = cursor.take_word("NOT");
    if !negated && cursor.take_word("IS") {
        let negated = cursor.take_word("NOT");
        cursor.expect_word("NULL")?;
        return Ok(Condition::IsNull { value: Scope::infer_kind(left)?.0, negated });
    }
    if cursor.take_word("LIKE") {
        let pattern = parse_operand(cursor, scope)?;
        return parse_like(cursor, left, pattern, negated);
    }
    if cursor.take_word("BETWEEN") {
        let low = parse_operand(cursor, scope)?;
        cursor.expect_word("AND")?;
        let high = parse_operand(cursor, scope)?;
        return build_between(scope, left, low, high, negated);
    }
    if cursor.take_word("IN") {
        return parse_in(cursor, scope, left, negated);
    }
    if cursor.take_word("MEMBER") {
        cursor.take_word("OF");
        return parse_member_of(cursor, scope, left, negated);
    }
    Err(cursor.expected_error("COMPARISON, LIKE, BETWEEN, IN, IS, MEMBER"))
}

/// Parses the right side of a comparison: a value, or `ALL`, `ANY` or `SOME` of a sub-select.
fn parse_comparison(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    left: Operand,
    operator: ComparisonOperator,
) -> Result<Condition, QueryError> {
    let quantifier = cursor.is_any_word(&["ALL", "ANY", "SOME"]) && matches!(cursor.peek_at(1), Some(Token::Sign("(")));
    if !quantifier {
        let right = parse_operand(cursor, scope)?;
        return build_comparison(scope, left, operator, right);
    }
    let all = cursor.is_word("ALL");
    cursor.at += 1;
    let (select, kind) = parse_sub_select(cursor, scope)?;
    let value = bind_operand(scope, left, kind)?;
    Ok(Condition::Quantified { value, operator, all, select: Box::new(select) })
}

/// Builds a comparison; `= NULL` and `<> NULL` mean IS NULL and IS NOT NULL, as in `EclipseLink`.
fn build_comparison(
    scope: &Scope<'_>,
    left: Operand,
    operator: ComparisonOperator,
    right: Operand,
) -> Result<Condition, QueryError> {
    let names_null = |operand: &Operand| matches!(operand, Operand::Literal(token) if is_null(token));
    let negated = match operator {
        ComparisonOperator::Equal => Some(false),
        ComparisonOperator::NotEqual => Some(true),
        _ => None,
    };
    match negated {
        Some(negated) if names_null(&right) => Ok(Condition::IsNull { value: Scope::infer_kind(left)?.0, negated }),
        Some(negated) if names_null(&left) => Ok(Condition::IsNull { value: Scope::infer_kind(right)?.0, negated }),
        _ => {
            let (left, right) = scope.unify_kinds(left, right)?;
            Ok(Condition::Compare { left, operator, right })
        }
    }
}

/// Binds an operand that is compared with values of a kind.
fn bind_operand(scope: &Scope<'_>, value: Operand, kind: ColumnKind) -> Result<Expr, QueryError> {
    match value {
        Operand::Literal(token) => scope.bind_literal(&token, kind),
        Operand::Typed(expr, its) if is_comparable(its, kind) => Ok(expr),
        Operand::Typed(_, its) => Err(QueryError::bad_parameter(format!(
            "{} cannot be compared with {}",
            describe_kind(its),
            describe_kind(kind)
        ))),
    }
}

/// `f.datafiles IS [NOT] EMPTY`, whose left side leads to many rows.
fn parse_is_empty(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Option<Condition>, QueryError> {
    let Some(Token::Name(name)) = cursor.peek() else { return Ok(None) };
    if !matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("IS")) {
        return Ok(None);
    }
    let Ok(ResolvedPath::Many(parent, many)) = scope.resolve_path(name) else { return Ok(None) };
    cursor.at += 2;
    let negated = cursor.take_word("NOT");
    cursor.expect_word("EMPTY")?;
    Ok(Some(Condition::IsEmpty { parent, many, negated }))
}

pub fn build_between(
    scope: &Scope<'_>,
    value: Operand,
    low: Operand,
    high: Operand,
    negated: bool,
) -> Result<Condition, QueryError> {
    // A literal takes the kind of the first operand that has one.
    let given = [&value, &low, &high].into_iter().find_map(|operand| match operand {
        Operand::Typed(_, kind) => Some(*kind),
        Operand::Literal(_) => None,
    });
    let [value, low, high] = [value, low, high].map(|operand| match given {
        Some(kind) => bind_operand(scope, operand, kind),
        None => Scope::infer_kind(operand).map(|(expr, _)| expr),
    });
    let (value, low, high) = (value?, low?, high?);
    let numbers = [&value, &low, &high].iter().all(|expr| !matches!(expr, Expr::Literal(Literal::Text(_))));
    let texts = [&value, &low, &high].iter().all(|expr| matches!(expr, Expr::Literal(Literal::Text(_))));
    if given.is_none() && !numbers && !texts {
        return Err(QueryError::bad_parameter("BETWEEN compares values of one kind"));
    }
    Ok(Condition::Between { value, low, high, negated })
}

/// Parses the optional ESCAPE of a LIKE and builds the condition. The default escape character is the backslash, as in
/// `MariaDB`.
pub fn parse_like(
    cursor: &mut TokenCursor<'_>,
    left: Operand,
    pattern: Operand,
    negated: bool,
) -> Result<Condition, QueryError> {
    let left = to_string_expr(left, "LIKE")?;
    let pattern = to_string_expr(pattern, "LIKE")?;
    let escape = if cursor.take_word("ESCAPE") {
        match cursor.next()? {
            Token::Text(text) => text.chars().next().filter(|_| text.chars().count() == 1),
            _ => None,
        }
        .ok_or_else(|| QueryError::bad_parameter("ESCAPE takes one character in quotes"))?
    } else {
        '\\'
    };
    let pattern = match pattern {
        Expr::Literal(Literal::Text(text)) => LikePattern::Text(normalize_escapes(&text, escape)),
        computed => LikePattern::Computed(computed, escape),
    };
    Ok(Condition::Like { left, pattern, negated })
}

/// Rewrites a pattern to use the backslash as its escape character. An escape character at the end stands for itself.
fn normalize_escapes(pattern: &str, escape: char) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = if c == escape {
            chars.next().unwrap_or(c)
        } else if c == '\\' {
            c
        } else {
            out.push(c);
            continue;
        };
        if matches!(literal, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(literal);
    }
    out
}

fn parse_in(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    value: Operand,
    negated: bool,
) -> Result<Condition, QueryError> {
    if is_sub_select(cursor) {
        let (select, kind) = parse_sub_select(cursor, scope)?;
        return Ok(Condition::InSelect { value: bind_operand(scope, value, kind)?, select: Box::new(select), negated });
    }
    let (value, kind) = Scope::infer_kind(value)?;
    cursor.expect_sign("(")?;
    let mut list = Vec::new();
    loop {
        let item = parse_operand(cursor, scope)?;
        list.push(bind_operand(scope, item, kind)?);
        if !cursor.take_sign(",") {
            break;
        }
    }
    cursor.expect_sign(")")?;
    Ok(Condition::In { value, list, negated })
}

/// `u MEMBER OF g.users`
fn parse_member_of(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    value: Operand,
    negated: bool,
) -> Result<Condition, QueryError> {
    let name = cursor.take_name()?;
    let ResolvedPath::Many(parent, many) = scope.resolve_path(name)? else {
        return Err(QueryError::bad_parameter(format!("MEMBER OF takes what leads to many rows, not {name}")));
    };
    let value = bind_operand(scope, value, ColumnKind::Entity(many.target()))?;
    Ok(Condition::MemberOf { value, parent, many, negated })
}

pub fn is_sub_select(cursor: &TokenCursor<'_>) -> bool {
    cursor.is_sign("(") && matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("SELECT"))
}

pub fn parse_sub_select(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
) -> Result<(SelectBody, ColumnKind), QueryError> {
    cursor.expect_sign("(")?;
    let select = jpql::parse_sub_select(cursor, scope)?;
    cursor.expect_sign(")")?;
    Ok(select)
}
