//! The classic form: `0,10 Dataset.name ORDER BY name [complete = TRUE] <-> Investigation [name = 'A']`.

use std::cell::Cell;

use icat_client::schema::{self, Entity};

use super::condition::{between, like};
use super::cursor::Cursor;
use super::expression::{aggregate_of, aggregated, parameter};
use super::include;
use super::jpql::{most, whole};
use super::lexer::{Token, tokens};
use super::scope::{Operand, Resolved, Scope, is_null, resolve_from};
use super::tree::{Body, Column, ColumnKind, Cond, Expr, Operator, Origin, Path, Search, Source, Step, Var};
use super::{Get, ParseContext, QueryError};

pub fn search(text: &str, ctx: &ParseContext) -> Result<Search, QueryError> {
    let tokens = tokens(text)?;
    let mut cursor = Cursor::new(&tokens);
    let limit = leading_limit(&mut cursor)?;
    let mut body = Body { limit, distinct: cursor.word("DISTINCT"), ..Body::default() };
    let counter = Cell::new(0);
    let mut scope = Scope::new(&counter, ctx);

    let function = match (cursor.peek(), cursor.peek_at(1)) {
        (Some(Token::Name(name)), Some(Token::Sign("("))) => aggregate_of(name),
        _ => None,
    };
    if function.is_some() {
        cursor.at += 2;
    }
    let mut parts = cursor.name()?.split('.');
    let entity = known(parts.next().unwrap_or_default())?;
    let var = scope.declare(entity.name, entity)?;
    let (path, kind) = value(resolve_from(var, entity, parts)?)?;
    body.sources.push(Source { var, entity, origin: Origin::Root });

    let mut includes = Vec::new();
    let column = if let Some(function) = function {
        cursor.expect_sign(")")?;
        let (expr, kind) = aggregated(function, false, (Expr::Path(path), kind))?;
        Column { kind, expr }
    } else {
        let whole_entity = path.field.is_none() && path.steps.is_empty();
        loop {
            if body.order_by.is_empty() && cursor.word("ORDER") {
                body.order_by = order(&mut cursor, var, entity)?;
            } else if whole_entity && includes.is_empty() && cursor.word("INCLUDE") {
                includes = include_list(&mut cursor, entity)?;
            } else {
                break;
            }
        }
        Column { kind, expr: Expr::Path(path) }
    };
    let conditions = chain(&mut cursor, &mut scope, (var, entity), &mut body.sources)?;
    cursor.end()?;
    body.filter = match conditions.len() {
        0 => None,
        1 => conditions.into_iter().next(),
        _ => Some(Cond::And(conditions)),
    };
    Ok(Search { columns: vec![column], includes, body })
}

/// `Entity [INCLUDE …]`, the query of a single row.
pub fn get(text: &str) -> Result<Get, QueryError> {
    let tokens = tokens(text)?;
    let mut cursor = Cursor::new(&tokens);
    let entity = known(cursor.name()?)?;
    let includes = if cursor.word("INCLUDE") { include_list(&mut cursor, entity)? } else { Vec::new() };
    match cursor.peek() {
        None => Ok(Get { entity, includes }),
        Some(token) => Err(QueryError::bad(format!("Trailing tokens at end of query {token}..."))),
    }
}

fn known(name: &str) -> Result<&'static Entity, QueryError> {
    schema::find_entity(name).ok_or_else(|| QueryError::bad(format!("{name} is not an ICAT entity")))
}

fn value(resolved: Resolved) -> Result<(Path, ColumnKind), QueryError> {
    match resolved {
        Resolved::Value(path, kind) => Ok((path, kind)),
        Resolved::Many(_, many) => Err(QueryError::bad(format!("{} leads to many rows", many.name))),
    }
}

fn include_list(cursor: &mut Cursor<'_>, entity: &'static Entity) -> Result<Vec<include::Include>, QueryError> {
    if include::one(cursor)? { Ok(include::all_to_one(entity)) } else { include::types(cursor, entity) }
}

/// `0,10`, `,10` or `10,` before everything else; python-icat writes `0, 10`.
fn leading_limit(cursor: &mut Cursor<'_>) -> Result<Option<(u64, Option<u64>)>, QueryError> {
    let is_number = |token: Option<&Token>| matches!(token, Some(Token::Integer(_)));
    if !is_number(cursor.peek()) && !cursor.is_sign(",") {
        return Ok(None);
    }
    let offset = if cursor.is_sign(",") { 0 } else { whole(cursor)? };
    cursor.expect_sign(",")?;
    let count = if is_number(cursor.peek()) { most(cursor)? } else { None };
    Ok(Some((offset, count)))
}

fn order(cursor: &mut Cursor<'_>, var: Var, entity: &'static Entity) -> Result<Vec<(Expr, bool)>, QueryError> {
    cursor.expect_word("BY")?;
    let mut items = Vec::new();
    loop {
        let (path, _) = value(resolve_from(var, entity, cursor.name()?.split('.'))?)?;
        let descending = cursor.word("DESC");
        if !descending {
            cursor.word("ASC");
        }
        items.push((Expr::Path(path), descending));
        if !cursor.sign(",") {
            return Ok(items);
        }
    }
}

/// `[cond] <-> Entity [cond] <-> …`: the kinds are joined by whatever relations link them.
fn chain(
    cursor: &mut Cursor<'_>,
    scope: &mut Scope<'_>,
    first: (Var, &'static Entity),
    sources: &mut Vec<Source>,
) -> Result<Vec<Cond>, QueryError> {
    let mut conditions: Vec<Cond> = bracketed(cursor, scope, first)?.into_iter().collect();
    let mut named = vec![first];
    while cursor.sign("<->") {
        let entity = known(cursor.name()?)?;
        if named.iter().any(|(_, known)| *known == entity) {
            return Err(QueryError::bad(format!("{} is named twice", entity.name)));
        }
        let here = (scope.declare(entity.name, entity)?, entity);
        named.push(here);
        conditions.extend(bracketed(cursor, scope, here)?);
    }
    link(&named, sources)?;
    Ok(conditions)
}

/// Finds the relations from the first kind to all others, nearest first; each must be reached in one way.
fn link(named: &[(Var, &'static Entity)], sources: &mut Vec<Source>) -> Result<(), QueryError> {
    // Each with the kinds on the way to it, itself included.
    let mut reached: Vec<(Var, Vec<&'static Entity>)> =
        named.iter().take(1).map(|(var, entity)| (*var, vec![*entity])).collect();
    let mut at = 0;
    while at < reached.len() {
        let (from, way) = reached[at].clone();
        let Some((here, before)) = way.split_last() else { break };
        at += 1;
        let ones = here.one.iter().map(Step::One);
        for step in ones.chain(here.many.iter().map(Step::Many)) {
            let target = step.target();
            let Some((var, _)) = named.iter().find(|(_, entity)| *entity == target) else { continue };
            if before.last() == Some(&target) {
                continue;
            }
            let on: Vec<&'static Entity> = way.iter().copied().chain([target]).collect();
            if reached.iter().any(|(_, way)| way.last() == Some(&target)) {
                let names: Vec<&str> = on.iter().map(|entity| entity.name).collect();
                return Err(QueryError::bad(format!(
                    "Can't have loop in graph of entities. '{}' was encountered twice following {}",
                    target.name,
                    names.join(" -> ")
                )));
            }
            reached.push((*var, on));
            let origin = Origin::Join { from, steps: vec![step], left: false };
            sources.push(Source { var: *var, entity: target, origin });
        }
    }
    match named.iter().find(|(_, entity)| !reached.iter().any(|(_, way)| way.last() == Some(entity))) {
        Some((_, missing)) => Err(QueryError::bad(format!("Unable to reach {}", missing.name))),
        None => Ok(()),
    }
}

type Here = (Var, &'static Entity);

fn bracketed(cursor: &mut Cursor<'_>, scope: &Scope<'_>, here: Here) -> Result<Option<Cond>, QueryError> {
    if !cursor.sign("[") {
        return Ok(None);
    }
    let condition = any(cursor, scope, here)?;
    cursor.expect_sign("]")?;
    Ok(Some(condition))
}

fn any(cursor: &mut Cursor<'_>, scope: &Scope<'_>, here: Here) -> Result<Cond, QueryError> {
    let mut parts = vec![all(cursor, scope, here)?];
    while cursor.word("OR") {
        parts.push(all(cursor, scope, here)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Cond::Or(parts) })
}

fn all(cursor: &mut Cursor<'_>, scope: &Scope<'_>, here: Here) -> Result<Cond, QueryError> {
    let mut parts = vec![factor(cursor, scope, here)?];
    while cursor.word("AND") {
        parts.push(factor(cursor, scope, here)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Cond::And(parts) })
}

fn factor(cursor: &mut Cursor<'_>, scope: &Scope<'_>, here: Here) -> Result<Cond, QueryError> {
    cursor.nested(|cursor| {
        if cursor.word("NOT") {
            return Ok(Cond::Not(Box::new(factor(cursor, scope, here)?)));
        }
        if cursor.sign("(") {
            let inner = any(cursor, scope, here)?;
            cursor.expect_sign(")")?;
            return Ok(inner);
        }
        predicate(cursor, scope, here)
    })
}

fn predicate(cursor: &mut Cursor<'_>, scope: &Scope<'_>, here: Here) -> Result<Cond, QueryError> {
    let left = operand(cursor, here)?;
    if let Some(Token::Sign(sign)) = cursor.peek()
        && let Some(operator) = Operator::of(sign)
    {
        cursor.at += 1;
        let right = operand(cursor, here)?;
        let (left, right) = scope.same_kind(left, right)?;
        return Ok(Cond::Compare { left, operator, right });
    }
    if cursor.word("LIKE") {
        let pattern = operand(cursor, here)?;
        return like(cursor, left, pattern, false);
    }
    if cursor.word("BETWEEN") {
        let low = operand(cursor, here)?;
        cursor.expect_word("AND")?;
        let high = operand(cursor, here)?;
        return between(scope, left, low, high, false);
    }
    if cursor.word("IN") {
        let Operand::Typed(value, kind) = left else {
            return Err(QueryError::bad("IN takes an attribute on its left"));
        };
        cursor.expect_sign("(")?;
        let mut list = Vec::new();
        loop {
            let item = operand(cursor, here)?;
            list.push(scope.same_kind(Operand::Typed(value.clone(), kind), item)?.1);
            if !cursor.sign(",") {
                break;
            }
        }
        cursor.expect_sign(")")?;
        return Ok(Cond::In { value, list, negated: false });
    }
    Err(cursor.expected("COMPARISON, LIKE, BETWEEN, IN"))
}

/// An attribute of this entity, `:user`, or a literal; a name that is no attribute is TRUE, FALSE or an enumerated value.
fn operand(cursor: &mut Cursor<'_>, (var, entity): Here) -> Result<Operand, QueryError> {
    match cursor.next()? {
        Token::Parameter(name) => parameter(name),
        token if is_null(token) => Err(QueryError::bad(
            "NULL does not stand in conditions of the old syntax: write SELECT d FROM Dataset d WHERE d.endDate IS NULL",
        )),
        Token::Name(name) if name.eq_ignore_ascii_case("CURRENT_TIMESTAMP") => {
            Ok(Operand::Typed(Expr::Now, ColumnKind::Date))
        }
        Token::Name(name) => match resolve_from(var, entity, name.split('.')) {
            Ok(resolved) => {
                let (path, kind) = value(resolved)?;
                Ok(Operand::Typed(Expr::Path(path), kind))
            }
            Err(_) if !name.contains('.') || name.starts_with("org.icatproject.") => {
                Ok(Operand::Literal(Token::Name(name.clone())))
            }
            Err(e) => Err(e),
        },
        Token::Sign(_) => {
            cursor.at -= 1;
            Err(cursor.expected("NAME, STRING, NUMBER, PARAMETER"))
        }
        literal => Ok(Operand::Literal(literal.clone())),
    }
}
