//! Parses the classic form: `0,10 Dataset.name ORDER BY name [complete = TRUE] <-> Investigation [name = 'A']`.

use std::cell::Cell;

use icat_client::schema::{self, Entity};

use super::aggregates::{build_aggregate, find_aggregate};
use super::conditions::{build_between, parse_like};
use super::expressions::resolve_parameter;
use super::includes;
use super::jpql::{parse_limit_number, parse_row_count};
use super::lexer::{Token, tokenize};
use super::scope::{Operand, ResolvedPath, Scope, is_null, resolve_path_from};
use super::token_cursor::TokenCursor;
use crate::query::environment::ParseContext;
use crate::query::error::QueryError;
use crate::query::tree::GetQuery;
use crate::query::tree::{
    Column, ColumnKind, ComparisonOperator, Condition, Expr, Include, Origin, Path, SearchQuery, SelectBody, Source,
    Step, Var,
};

pub fn parse_search(text: &str, ctx: &ParseContext) -> Result<SearchQuery, QueryError> {
    let tokens = tokenize(text)?;
    let mut cursor = TokenCursor::new(&tokens);
    let limit = parse_leading_limit(&mut cursor)?;
    let mut body = SelectBody { limit, distinct: cursor.take_word("DISTINCT"), ..SelectBody::default() };
    let counter = Cell::new(0);
    let mut scope = Scope::new(&counter, ctx);

    let function = match (cursor.peek(), cursor.peek_at(1)) {
        (Some(Token::Name(name)), Some(Token::Sign("("))) => find_aggregate(name),
        _ => None,
    };
    if function.is_some() {
        cursor.at += 2;
    }
    let mut parts = cursor.take_name()?.split('.');
    let entity = find_entity(parts.next().unwrap_or_default())?;
    let var = scope.declare_variable(entity.name, entity)?;
    let (path, kind) = require_value(resolve_path_from(var, entity, parts)?)?;
    body.sources.push(Source { var, entity, origin: Origin::Root });

    let mut includes = Vec::new();
    let column = if let Some(function) = function {
        cursor.expect_sign(")")?;
        let (expr, kind) = build_aggregate(function, false, (Expr::Path(path), kind))?;
        Column { kind, expr }
    } else {
        let whole_entity = path.field.is_none() && path.steps.is_empty();
        loop {
            if body.order_by.is_empty() && cursor.take_word("ORDER") {
                body.order_by = parse_order_by(&mut cursor, var, entity)?;
            } else if whole_entity && includes.is_empty() && cursor.take_word("INCLUDE") {
                includes = parse_include(&mut cursor, entity)?;
            } else {
                break;
            }
        }
        Column { kind, expr: Expr::Path(path) }
    };
    let conditions = parse_joined_entities(&mut cursor, &mut scope, (var, entity), &mut body.sources)?;
    cursor.expect_end()?;
    body.filter = match conditions.len() {
        0 => None,
        1 => conditions.into_iter().next(),
        _ => Some(Condition::And(conditions)),
    };
    Ok(SearchQuery { columns: vec![column], includes, body })
}

/// Parses `Entity [INCLUDE …]`, the query of a single row.
pub fn parse_get(text: &str) -> Result<GetQuery, QueryError> {
    let tokens = tokenize(text)?;
    let mut cursor = TokenCursor::new(&tokens);
    let entity = find_entity(cursor.take_name()?)?;
    let includes = if cursor.take_word("INCLUDE") { parse_include(&mut cursor, entity)? } else { Vec::new() };
    match cursor.peek() {
        None => Ok(GetQuery { entity, includes }),
        Some(token) => Err(QueryError::bad_parameter(format!("Trailing tokens at end of query {token}..."))),
    }
}

fn find_entity(name: &str) -> Result<&'static Entity, QueryError> {
    schema::find_entity(name).ok_or_else(|| QueryError::bad_parameter(format!("{name} is not an ICAT entity")))
}

fn require_value(resolved: ResolvedPath) -> Result<(Path, ColumnKind), QueryError> {
    match resolved {
        ResolvedPath::Value(path, kind) => Ok((path, kind)),
        ResolvedPath::Many(_, many) => Err(QueryError::bad_parameter(format!("{} leads to many rows", many.name))),
    }
}

fn parse_include(cursor: &mut TokenCursor<'_>, entity: &'static Entity) -> Result<Vec<Include>, QueryError> {
    if includes::parse_include_one(cursor)? {
        Ok(includes::include_all_to_one(entity))
    } else {
        includes::parse_include_types(cursor, entity)
    }
}

/// Parses a leading `0,10`, `,10` or `10,`; python-icat writes `0, 10`.
fn parse_leading_limit(cursor: &mut TokenCursor<'_>) -> Result<Option<(u64, Option<u64>)>, QueryError> {
    let is_number = |token: Option<&Token>| matches!(token, Some(Token::Integer(_)));
    if !is_number(cursor.peek()) && !cursor.is_sign(",") {
        return Ok(None);
    }
    let offset = if cursor.is_sign(",") { 0 } else { parse_limit_number(cursor)? };
    cursor.expect_sign(",")?;
    let count = if is_number(cursor.peek()) { parse_row_count(cursor)? } else { None };
    Ok(Some((offset, count)))
}

fn parse_order_by(
    cursor: &mut TokenCursor<'_>,
    var: Var,
    entity: &'static Entity,
) -> Result<Vec<(Expr, bool)>, QueryError> {
    cursor.expect_word("BY")?;
    let mut items = Vec::new();
    loop {
        let (path, _) = require_value(resolve_path_from(var, entity, cursor.take_name()?.split('.'))?)?;
        let descending = cursor.take_word("DESC");
        if !descending {
            cursor.take_word("ASC");
        }
        items.push((Expr::Path(path), descending));
        if !cursor.take_sign(",") {
            return Ok(items);
        }
    }
}

/// Parses `[cond] <-> Entity [cond] <-> …`. The entities are joined by the relations between them.
fn parse_joined_entities(
    cursor: &mut TokenCursor<'_>,
    scope: &mut Scope<'_>,
    first: (Var, &'static Entity),
    sources: &mut Vec<Source>,
) -> Result<Vec<Condition>, QueryError> {
    let mut conditions: Vec<Condition> = parse_bracketed_condition(cursor, scope, first)?.into_iter().collect();
    let mut named = vec![first];
    while cursor.take_sign("<->") {
        let entity = find_entity(cursor.take_name()?)?;
        if named.iter().any(|(_, known)| *known == entity) {
            return Err(QueryError::bad_parameter(format!("{} is named twice", entity.name)));
        }
        let here = (scope.declare_variable(entity.name, entity)?, entity);
        named.push(here);
        conditions.extend(parse_bracketed_condition(cursor, scope, here)?);
    }
    join_entities(&named, sources)?;
    Ok(conditions)
}

/// Joins all entities to the first one by their relations, breadth first; each must be reachable in exactly one way.
fn join_entities(named: &[(Var, &'static Entity)], sources: &mut Vec<Source>) -> Result<(), QueryError> {
    // Reached variables, each with the entities on the way to it, including its own.
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
                return Err(QueryError::bad_parameter(format!(
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
        Some((_, missing)) => Err(QueryError::bad_parameter(format!("Unable to reach {}", missing.name))),
        None => Ok(()),
    }
}

type CurrentEntity = (Var, &'static Entity);

fn parse_bracketed_condition(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    here: CurrentEntity,
) -> Result<Option<Condition>, QueryError> {
    if !cursor.take_sign("[") {
        return Ok(None);
    }
    let condition = parse_disjunction(cursor, scope, here)?;
    cursor.expect_sign("]")?;
    Ok(Some(condition))
}

fn parse_disjunction(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    here: CurrentEntity,
) -> Result<Condition, QueryError> {
    let mut parts = vec![parse_conjunction(cursor, scope, here)?];
    while cursor.take_word("OR") {
        parts.push(parse_conjunction(cursor, scope, here)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
}

fn parse_conjunction(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    here: CurrentEntity,
) -> Result<Condition, QueryError> {
    let mut parts = vec![parse_factor(cursor, scope, here)?];
    while cursor.take_word("AND") {
        parts.push(parse_factor(cursor, scope, here)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
}

fn parse_factor(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>, here: CurrentEntity) -> Result<Condition, QueryError> {
    cursor.parse_nested(|cursor| {
        if cursor.take_word("NOT") {
            return Ok(Condition::Not(Box::new(parse_factor(cursor, scope, here)?)));
        }
        if cursor.take_sign("(") {
            let inner = parse_disjunction(cursor, scope, here)?;
            cursor.expect_sign(")")?;
            return Ok(inner);
        }
        parse_predicate(cursor, scope, here)
    })
}

fn parse_predicate(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    here: CurrentEntity,
) -> Result<Condition, QueryError> {
    let left = parse_operand(cursor, here)?;
    if let Some(Token::Sign(sign)) = cursor.peek()
        && let Some(operator) = ComparisonOperator::from_sign(sign)
    {
        cursor.at += 1;
        let right = parse_operand(cursor, here)?;
        let (left, right) = scope.unify_kinds(left, right)?;
        return Ok(Condition::Compare { left, operator, right });
    }
    if cursor.take_word("LIKE") {
        let pattern = parse_operand(cursor, here)?;
        return parse_like(cursor, left, pattern, false);
    }
    if cursor.take_word("BETWEEN") {
        let low = parse_operand(cursor, here)?;
        cursor.expect_word("AND")?;
        let high = parse_operand(cursor, here)?;
        return build_between(scope, left, low, high, false);
    }
    if cursor.take_word("IN") {
        let Operand::Typed(value, kind) = left else {
            return Err(QueryError::bad_parameter("IN takes an attribute on its left"));
        };
        cursor.expect_sign("(")?;
        let mut list = Vec::new();
        loop {
            let item = parse_operand(cursor, here)?;
            list.push(scope.unify_kinds(Operand::Typed(value.clone(), kind), item)?.1);
            if !cursor.take_sign(",") {
                break;
            }
        }
        cursor.expect_sign(")")?;
        return Ok(Condition::In { value, list, negated: false });
    }
    Err(cursor.expected_error("COMPARISON, LIKE, BETWEEN, IN"))
}

/// Parses an attribute of this entity, `:user`, or a literal. A name that is no attribute is TRUE, FALSE or an enum value.
fn parse_operand(cursor: &mut TokenCursor<'_>, (var, entity): CurrentEntity) -> Result<Operand, QueryError> {
    match cursor.next()? {
        Token::Parameter(name) => resolve_parameter(name),
        token if is_null(token) => Err(QueryError::bad_parameter(
            "conditions of the classic form have no NULL: write SELECT d FROM Dataset d WHERE d.endDate IS NULL",
        )),
        Token::Name(name) if name.eq_ignore_ascii_case("CURRENT_TIMESTAMP") => {
            Ok(Operand::Typed(Expr::Now, ColumnKind::Date))
        }
        Token::Name(name) => match resolve_path_from(var, entity, name.split('.')) {
            Ok(resolved) => {
                let (path, kind) = require_value(resolved)?;
                Ok(Operand::Typed(Expr::Path(path), kind))
            }
            Err(_) if !name.contains('.') || name.starts_with("org.icatproject.") => {
                Ok(Operand::Literal(Token::Name(name.clone())))
            }
            Err(e) => Err(e),
        },
        Token::Sign(_) => {
            cursor.at -= 1;
            Err(cursor.expected_error("NAME, STRING, NUMBER, PARAMETER"))
        }
        literal => Ok(Operand::Literal(literal.clone())),
    }
}
