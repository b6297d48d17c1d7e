//! The WHERE and HAVING clauses of the JPQL-like form.

use super::QueryError;
use super::cursor::Cursor;
use super::jpql;
use super::lexer::Token;
use super::scope::{Operand, Resolved, Scope};
use super::tree::{Aggregate, ColumnKind, Cond, Expr, Function, Operator, Pattern};

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
        if cursor.word("EXISTS") {
            return Ok(Cond::Exists { select: Box::new(sub_select(cursor, scope)?) });
        }
        if cursor.is_sign("(") {
            cursor.sign("(");
            let inner = condition(cursor, scope)?;
            cursor.expect_sign(")")?;
            return Ok(inner);
        }
        predicate(cursor, scope)
    })
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
        if cursor.is_any_word(&["ALL", "ANY", "SOME"]) || is_sub_select(cursor) {
            return Err(QueryError::unsupported("comparing with a sub-select"));
        }
        let right = operand(cursor, scope)?;
        let (left, right) = scope.same_kind(left, right)?;
        return Ok(Cond::Compare { left, operator, right });
    }
    let negated = cursor.word("NOT");
    if !negated && cursor.word("IS") {
        let negated = cursor.word("NOT");
        cursor.expect_word("NULL")?;
        return Ok(Cond::IsNull { value: typed(left)?.0, negated });
    }
    if cursor.word("LIKE") {
        return like(cursor, left, negated);
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
    if cursor.is_word("MEMBER") {
        return Err(QueryError::unsupported("MEMBER OF"));
    }
    Err(cursor.expected("COMPARISON, LIKE, BETWEEN, IN, IS"))
}

/// `f.datafiles IS [NOT] EMPTY`, whose left side leads to many rows.
fn emptiness(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Option<Cond>, QueryError> {
    let Some(Token::Name(name)) = cursor.peek() else { return Ok(None) };
    if !matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("IS")) {
        return Ok(None);
    }
    let Resolved::Many(parent, many) = scope.resolve(name)? else { return Ok(None) };
    cursor.at += 2;
    let negated = cursor.word("NOT");
    cursor.expect_word("EMPTY")?;
    Ok(Some(Cond::IsEmpty { parent, many, negated }))
}

fn typed(operand: Operand) -> Result<(Expr, ColumnKind), QueryError> {
    match operand {
        Operand::Typed(expr, kind) => Ok((expr, kind)),
        Operand::Literal(token) => Err(QueryError::unsupported(&format!("the literal {token} on the left side"))),
    }
}

pub fn between(
    scope: &Scope<'_>,
    value: Operand,
    low: Operand,
    high: Operand,
    negated: bool,
) -> Result<Cond, QueryError> {
    let (value, kind) = typed(value)?;
    let (value, low) = scope.same_kind(Operand::Typed(value, kind), low)?;
    let (value, high) = scope.same_kind(Operand::Typed(value, kind), high)?;
    Ok(Cond::Between { value, low, high, negated })
}

pub fn like(cursor: &mut Cursor<'_>, left: Operand, negated: bool) -> Result<Cond, QueryError> {
    let (left, kind) = typed(left)?;
    if kind != ColumnKind::Text {
        return Err(QueryError::bad("LIKE compares strings"));
    }
    let pattern = match cursor.next()? {
        Token::Text(text) => text.clone(),
        Token::Parameter(name) if name == "user" => return Ok(Cond::Like { left, pattern: Pattern::User, negated }),
        _ => {
            cursor.at -= 1;
            return Err(cursor.expected("STRING"));
        }
    };
    let escape = if cursor.word("ESCAPE") {
        match cursor.next()? {
            Token::Text(text) if text.chars().count() == 1 => text.chars().next(),
            _ => return Err(QueryError::bad("ESCAPE takes one character in quotes")),
        }
    } else {
        None
    };
    Ok(Cond::Like { left, pattern: Pattern::Text(escaped(&pattern, escape)?), negated })
}

/// The same pattern with the backslash as its escape character; without ESCAPE there is none in JPQL.
fn escaped(pattern: &str, escape: Option<char>) -> Result<String, QueryError> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = if Some(c) == escape {
            chars.next().ok_or_else(|| QueryError::bad("the pattern ends in its escape character"))?
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
    Ok(out)
}

fn membership(cursor: &mut Cursor<'_>, scope: &Scope<'_>, value: Operand, negated: bool) -> Result<Cond, QueryError> {
    let (value, kind) = typed(value)?;
    if is_sub_select(cursor) {
        let select = Box::new(sub_select(cursor, scope)?);
        return Ok(Cond::InSelect { value, select, negated });
    }
    cursor.expect_sign("(")?;
    let mut list = Vec::new();
    loop {
        let item = operand(cursor, scope)?;
        list.push(scope.same_kind(Operand::Typed(value.clone(), kind), item)?.1);
        if !cursor.sign(",") {
            break;
        }
    }
    cursor.expect_sign(")")?;
    Ok(Cond::In { value, list, negated })
}

fn is_sub_select(cursor: &Cursor<'_>) -> bool {
    cursor.is_sign("(") && matches!(cursor.peek_at(1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("SELECT"))
}

fn sub_select(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<super::tree::Body, QueryError> {
    cursor.expect_sign("(")?;
    let body = jpql::sub_select(cursor, scope)?;
    cursor.expect_sign(")")?;
    Ok(body)
}

/// A path, an aggregate, a function, a parameter or a literal.
pub fn operand(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let operand = match cursor.next()? {
        Token::Parameter(name) if name == "user" => Operand::Typed(Expr::User, ColumnKind::Text),
        Token::Parameter(name) => {
            return Err(QueryError::bad(format!("there is no parameter :{name}; only :user can be named")));
        }
        Token::Name(name) => named(cursor, scope, name)?,
        Token::Sign(_) => {
            cursor.at -= 1;
            return Err(cursor.expected("NAME, STRING, NUMBER, PARAMETER"));
        }
        literal => Operand::Literal(literal.clone()),
    };
    if let Some(Token::Sign(sign @ ("+" | "-" | "*" | "/"))) = cursor.peek() {
        return Err(QueryError::unsupported(&format!("arithmetic ({sign})")));
    }
    Ok(operand)
}

fn named(cursor: &mut Cursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Operand, QueryError> {
    let upper = name.to_uppercase();
    if cursor.is_sign("(") {
        if let Some(function) = aggregate_of(&upper) {
            let (expr, kind) = aggregate(cursor, scope, function)?;
            return Ok(Operand::Typed(expr, kind));
        }
        return function(cursor, scope, &upper);
    }
    match upper.as_str() {
        "TRUE" | "FALSE" => return Ok(Operand::Literal(Token::Name(upper))),
        "CURRENT_TIMESTAMP" => return Ok(Operand::Typed(Expr::Now, ColumnKind::Date)),
        "CURRENT_DATE" | "CURRENT_TIME" | "CASE" => return Err(QueryError::unsupported(&upper)),
        _ => {}
    }
    let is_enum = name.starts_with("org.icatproject.") && scope.variable("org").is_none();
    if is_enum {
        return Ok(Operand::Literal(Token::Name(name.to_owned())));
    }
    let (path, kind) = scope.value(name)?;
    Ok(Operand::Typed(Expr::Path(path), kind))
}

fn function(cursor: &mut Cursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Operand, QueryError> {
    let (function, kind) = match name {
        "LOWER" => (Function::Lower, ColumnKind::Text),
        "UPPER" => (Function::Upper, ColumnKind::Text),
        "LENGTH" => (Function::Length, ColumnKind::I64),
        other => return Err(QueryError::unsupported(&format!("the function {other}"))),
    };
    cursor.expect_sign("(")?;
    let (argument, given) = scope.value(cursor.name()?)?;
    cursor.expect_sign(")")?;
    if given != ColumnKind::Text {
        return Err(QueryError::bad(format!("{name} takes a string")));
    }
    Ok(Operand::Typed(Expr::Function { function, argument }, kind))
}

pub fn aggregate_of(word: &str) -> Option<Aggregate> {
    Some(match word.to_uppercase().as_str() {
        "COUNT" => Aggregate::Count,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        "SUM" => Aggregate::Sum,
        "AVG" => Aggregate::Avg,
        _ => return None,
    })
}

/// `(path)`, `(DISTINCT path)`, `(DISTINCT(path))` after the name of an aggregate.
pub fn aggregate(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    function: Aggregate,
) -> Result<(Expr, ColumnKind), QueryError> {
    cursor.expect_sign("(")?;
    let distinct = cursor.word("DISTINCT");
    let wrapped = distinct && cursor.sign("(");
    let (argument, kind) = scope.value(cursor.name()?)?;
    if wrapped {
        cursor.expect_sign(")")?;
    }
    cursor.expect_sign(")")?;
    let kind = aggregate_kind(function, kind)?;
    Ok((Expr::Aggregate { function, distinct, argument, kind }, kind))
}

pub fn aggregate_kind(function: Aggregate, of: ColumnKind) -> Result<ColumnKind, QueryError> {
    match (function, of) {
        (Aggregate::Count, _) => Ok(ColumnKind::I64),
        (Aggregate::Avg, ColumnKind::I64 | ColumnKind::F64) => Ok(ColumnKind::F64),
        (Aggregate::Sum, ColumnKind::I64 | ColumnKind::F64) => Ok(of),
        (Aggregate::Min | Aggregate::Max, kind) if !matches!(kind, ColumnKind::Entity(_) | ColumnKind::Bool) => {
            Ok(kind)
        }
        _ => Err(QueryError::bad(format!("{function:?} of this kind of value has no meaning"))),
    }
}
