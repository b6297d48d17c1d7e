//! The WHERE and HAVING clauses of the JPQL-like form.

use super::QueryError;
use super::cursor::Cursor;
use super::expression::{operand, string};
use super::jpql;
use super::lexer::Token;
use super::scope::{Operand, Resolved, Scope, comparable, is_null, words};
use super::tree::{Body, ColumnKind, Cond, Expr, Literal, Operator, Pattern};

/// `a OR b`
pub fn condition(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Cond, QueryError> {
    let mut parts = vec![conjunction(cursor, scope)?];
    while cursor.word("OR") {
        parts.push(conjunction(cursor, scope)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Cond::Or(parts) })
}

fn conjunction(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Cond, QueryError> {
    let mut parts = vec![factor(cursor, scope)?];
    while cursor.word("AND") {
        parts.push(factor(cursor, scope)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Cond::And(parts) })
}

fn factor(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Cond, QueryError> {
    cursor.nested(|cursor| {
        if cursor.word("NOT") {
            return Ok(Cond::Not(Box::new(factor(cursor, scope)?)));
        }
        if cursor.is_word("EXISTS") && matches!(cursor.peek_at(1), Some(Token::Sign("("))) {
            cursor.at += 1;
            return Ok(Cond::Exists { select: Box::new(sub_select(cursor, scope)?.0) });
        }
        if cursor.is_sign("(") && !is_sub_select(cursor) && !encloses_value(cursor) {
            cursor.sign("(");
            let inner = condition(cursor, scope)?;
            cursor.expect_sign(")")?;
            return Ok(inner);
        }
        predicate(cursor, scope)
    })
}

/// Whether the parenthesis here holds a value, as in `(a + 1) * 2 > b`, and not a condition: what follows tells.
fn encloses_value(cursor: &Cursor<'_>) -> bool {
    let mut depth = 0_usize;
    for ahead in 0.. {
        match cursor.peek_at(ahead) {
            Some(Token::Sign("(")) => depth += 1,
            Some(Token::Sign(")")) if depth == 1 => {
                return match cursor.peek_at(ahead + 1) {
                    Some(Token::Sign(sign)) => matches!(*sign, "+" | "-" | "*" | "/") || Operator::of(sign).is_some(),
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

fn predicate(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Cond, QueryError> {
    if let Some(empty) = emptiness(cursor, scope)? {
        return Ok(empty);
    }
    let left = operand(cursor, scope)?;
    if let Some(Token::Sign(sign)) = cursor.peek()
        && let Some(operator) = Operator::of(sign)
    {
        cursor.at += 1;
        return comparison(cursor, scope, left, operator);
    }
    let negated = cursor.word("NOT");
    if !negated && cursor.word("IS") {
        let negated = cursor.word("NOT");
        cursor.expect_word("NULL")?;
        return Ok(Cond::IsNull { value: Scope::typed(left)?.0, negated });
    }
    if cursor.word("LIKE") {
        let pattern = operand(cursor, scope)?;
        return like(cursor, left, pattern, negated);
    }
    if cursor.word("BETWEEN") {
        let low = operand(cursor, scope)?;
        cursor.expect_word("AND")?;
        let high = operand(cursor, scope)?;
        return between(scope, left, low, high, negated);
    }
    if cursor.word("IN") {
        return membership(cursor, scope, left, negated);
    }
    if cursor.word("MEMBER") {
        cursor.word("OF");
        return member(cursor, scope, left, negated);
    }
    Err(cursor.expected("COMPARISON, LIKE, BETWEEN, IN, IS, MEMBER"))
}

/// The right side of a comparison: a value, or `ALL`, `ANY` or `SOME` of a sub-select.
fn comparison(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    left: Operand,
    operator: Operator,
) -> Result<Cond, QueryError> {
    let quantifier = cursor.is_any_word(&["ALL", "ANY", "SOME"]) && matches!(cursor.peek_at(1), Some(Token::Sign("(")));
    if !quantifier {
        let right = operand(cursor, scope)?;
        return compared(scope, left, operator, right);
    }
    let all = cursor.is_word("ALL");
    cursor.at += 1;
    let (select, kind) = sub_select(cursor, scope)?;
    let value = beside(scope, left, kind)?;
    Ok(Cond::Quantified { value, operator, all, select: Box::new(select) })
}

/// Two values; `= NULL` and `<> NULL` ask whether there is one, as EclipseLink has it.
fn compared(scope: &Scope<'_>, left: Operand, operator: Operator, right: Operand) -> Result<Cond, QueryError> {
    let names_null = |operand: &Operand| matches!(operand, Operand::Literal(token) if is_null(token));
    let negated = match operator {
        Operator::Equal => Some(false),
        Operator::NotEqual => Some(true),
        _ => None,
    };
    match negated {
        Some(negated) if names_null(&right) => Ok(Cond::IsNull { value: Scope::typed(left)?.0, negated }),
        Some(negated) if names_null(&left) => Ok(Cond::IsNull { value: Scope::typed(right)?.0, negated }),
        _ => {
            let (left, right) = scope.same_kind(left, right)?;
            Ok(Cond::Compare { left, operator, right })
        }
    }
}

/// A value that is compared with values of this kind.
fn beside(scope: &Scope<'_>, value: Operand, kind: ColumnKind) -> Result<Expr, QueryError> {
    match value {
        Operand::Literal(token) => scope.literal(&token, kind),
        Operand::Typed(expr, its) if comparable(its, kind) => Ok(expr),
        Operand::Typed(_, its) => {
            Err(QueryError::bad(format!("{} cannot be compared with {}", words(its), words(kind))))
        }
    }
}

/// `f.datafiles IS [NOT] EMPTY`, whose left side leads to many rows.
fn emptiness(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Option<Cond>, QueryError> {
    let Some(Token::Name(name)) = cursor.peek() else { return Ok(None) };
    if !matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("IS")) {
        return Ok(None);
    }
    let Ok(Resolved::Many(parent, many)) = scope.resolve(name) else { return Ok(None) };
    cursor.at += 2;
    let negated = cursor.word("NOT");
    cursor.expect_word("EMPTY")?;
    Ok(Some(Cond::IsEmpty { parent, many, negated }))
}

pub fn between(
    scope: &Scope<'_>,
    value: Operand,
    low: Operand,
    high: Operand,
    negated: bool,
) -> Result<Cond, QueryError> {
    // A literal takes the kind of whichever bound has one.
    let given = [&value, &low, &high].into_iter().find_map(|operand| match operand {
        Operand::Typed(_, kind) => Some(*kind),
        Operand::Literal(_) => None,
    });
    let [value, low, high] = [value, low, high].map(|operand| match given {
        Some(kind) => beside(scope, operand, kind),
        None => Scope::typed(operand).map(|(expr, _)| expr),
    });
    let (value, low, high) = (value?, low?, high?);
    let numbers = [&value, &low, &high].iter().all(|expr| !matches!(expr, Expr::Literal(Literal::Text(_))));
    let texts = [&value, &low, &high].iter().all(|expr| matches!(expr, Expr::Literal(Literal::Text(_))));
    if given.is_none() && !numbers && !texts {
        return Err(QueryError::bad("BETWEEN compares values of one kind"));
    }
    Ok(Cond::Between { value, low, high, negated })
}

/// What follows the pattern of a LIKE is its escape character; without one it is the backslash, as in MariaDB.
pub fn like(cursor: &mut Cursor<'_>, left: Operand, pattern: Operand, negated: bool) -> Result<Cond, QueryError> {
    let left = string(left, "LIKE")?;
    let pattern = string(pattern, "LIKE")?;
    let escape = if cursor.word("ESCAPE") {
        match cursor.next()? {
            Token::Text(text) => text.chars().next().filter(|_| text.chars().count() == 1),
            _ => None,
        }
        .ok_or_else(|| QueryError::bad("ESCAPE takes one character in quotes"))?
    } else {
        '\\'
    };
    let pattern = match pattern {
        Expr::Literal(Literal::Text(text)) => Pattern::Text(escaped(&text, escape)),
        computed => Pattern::Computed(computed, escape),
    };
    Ok(Cond::Like { left, pattern, negated })
}

/// The same pattern with the backslash as its escape character. One at the end stands for itself.
fn escaped(pattern: &str, escape: char) -> String {
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

fn membership(cursor: &mut Cursor<'_>, scope: &Scope<'_>, value: Operand, negated: bool) -> Result<Cond, QueryError> {
    if is_sub_select(cursor) {
        let (select, kind) = sub_select(cursor, scope)?;
        return Ok(Cond::InSelect { value: beside(scope, value, kind)?, select: Box::new(select), negated });
    }
    let (value, kind) = Scope::typed(value)?;
    cursor.expect_sign("(")?;
    let mut list = Vec::new();
    loop {
        let item = operand(cursor, scope)?;
        list.push(beside(scope, item, kind)?);
        if !cursor.sign(",") {
            break;
        }
    }
    cursor.expect_sign(")")?;
    Ok(Cond::In { value, list, negated })
}

/// `u MEMBER OF g.users`
fn member(cursor: &mut Cursor<'_>, scope: &Scope<'_>, value: Operand, negated: bool) -> Result<Cond, QueryError> {
    let name = cursor.name()?;
    let Resolved::Many(parent, many) = scope.resolve(name)? else {
        return Err(QueryError::bad(format!("MEMBER OF takes what leads to many rows, not {name}")));
    };
    let value = beside(scope, value, ColumnKind::Entity(many.target()))?;
    Ok(Cond::MemberOf { value, parent, many, negated })
}

pub fn is_sub_select(cursor: &Cursor<'_>) -> bool {
    cursor.is_sign("(") && matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("SELECT"))
}

pub fn sub_select(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<(Body, ColumnKind), QueryError> {
    cursor.expect_sign("(")?;
    let select = jpql::sub_select(cursor, scope)?;
    cursor.expect_sign(")")?;
    Ok(select)
}
