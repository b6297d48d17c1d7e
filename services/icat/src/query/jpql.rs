//! `SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [INCLUDE …] [LIMIT …]`

use std::cell::Cell;

use icat_client::schema;

use super::condition::condition;
use super::cursor::Cursor;
use super::expression::operand;
use super::include::{self, Include};
use super::lexer::{Token, tokens};
use super::scope::Scope;
use super::tree::{Body, Column, ColumnKind, Expr, Literal, Origin, Search, Source, Step};
use super::{Get, ParseContext, QueryError, grouping, select_list};

/// Words that end a list of names.
const CLAUSES: [&str; 12] =
    ["WHERE", "GROUP", "HAVING", "ORDER", "INCLUDE", "LIMIT", "JOIN", "INNER", "LEFT", "OUTER", "FROM", "AS"];

pub fn search(text: &str, ctx: &ParseContext) -> Result<Search, QueryError> {
    let tokens = tokens(text)?;
    let mut cursor = Cursor::new(&tokens);
    let counter = Cell::new(0);
    let mut scope = Scope::new(&counter, ctx);
    let (mut body, columns, selected) = select(&mut cursor, &mut scope)?;
    let mut includes: Option<Vec<Include>> = None;
    loop {
        if includes.is_none() && cursor.word("INCLUDE") {
            includes = Some(include(&mut cursor, &columns, selected.as_deref())?);
        } else if body.limit.is_none() && cursor.word("LIMIT") {
            body.limit = Some(limit(&mut cursor)?);
        } else {
            break;
        }
    }
    cursor.end()?;
    Ok(Search { columns, includes: includes.unwrap_or_default(), body })
}

/// `Entity [AS] x [INCLUDE x.relation, …]`, the query of a single row.
pub fn get(text: &str) -> Result<Get, QueryError> {
    let tokens = tokens(text)?;
    let mut cursor = Cursor::new(&tokens);
    let name = cursor.name()?;
    let entity = schema::find_entity(name).ok_or_else(|| QueryError::bad(format!("{name} is not an ICAT entity")))?;
    cursor.word("AS");
    let variable = cursor.name()?;
    let mut includes = Vec::new();
    if cursor.word("INCLUDE") {
        includes = if include::one(&mut cursor)? {
            include::all_to_one(entity)
        } else {
            include::paths(&mut cursor, Some(variable), entity)?
        };
    }
    match cursor.peek() {
        None => Ok(Get { entity, includes }),
        Some(token) => Err(QueryError::bad(format!("Trailing tokens at end of query {token}..."))),
    }
}

/// A select within a condition; its variables hide those around it.
pub fn sub_select(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<(Body, ColumnKind), QueryError> {
    cursor.nested(|cursor| {
        let mut inner = scope.inner();
        let (mut body, mut columns, _) = select(cursor, &mut inner)?;
        if !body.order_by.is_empty() {
            return Err(QueryError::bad("a sub-select must not have ORDER BY"));
        }
        match (columns.pop(), columns.is_empty()) {
            (Some(column), true) => {
                body.selected = vec![column.expr];
                Ok((body, column.kind))
            }
            _ => Err(QueryError::bad("a sub-select selects one thing")),
        }
    })
}

type Selected = (Body, Vec<Column>, Option<String>);

/// Everything up to INCLUDE and LIMIT. FROM is read first, because SELECT uses its variables.
fn select(cursor: &mut Cursor<'_>, scope: &mut Scope<'_>) -> Result<Selected, QueryError> {
    cursor.expect_word("SELECT")?;
    let list = cursor.at;
    let mut depth = 0_usize;
    while depth > 0 || !cursor.is_word("FROM") {
        match cursor.next()? {
            Token::Sign("(") => depth += 1,
            Token::Sign(")") => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let list_end = cursor.at;
    cursor.expect_word("FROM")?;
    let mut body = Body { sources: from(cursor, scope)?, ..Body::default() };
    let mut names = cursor.part(list, list_end);
    select_list::check_names(&names, scope)?;
    body.distinct = names.word("DISTINCT");
    let (columns, selected) = select_list::read_columns(&mut names, scope, &mut body.sources)?;
    names.end()?;

    if cursor.word("WHERE") {
        body.filter = Some(condition(cursor, scope)?);
    }
    if cursor.word("GROUP") {
        cursor.expect_word("BY")?;
        body.group_by = list_of(cursor, |cursor| key(cursor, scope, &columns, "GROUP BY"))?;
    }
    if cursor.word("HAVING") {
        body.having = Some(scope.aggregating(true, || condition(cursor, scope))?);
    }
    if cursor.word("ORDER") {
        cursor.expect_word("BY")?;
        body.order_by = scope.aggregating(true, || list_of(cursor, |cursor| order(cursor, scope, &columns)))?;
    }
    grouping::check(&mut body, &columns)?;
    Ok((body, columns, selected))
}

fn list_of<T>(
    cursor: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<T, QueryError>,
) -> Result<Vec<T>, QueryError> {
    let mut items = vec![item(cursor)?];
    while cursor.sign(",") {
        items.push(item(cursor)?);
    }
    Ok(items)
}

/// What is sorted or grouped by: an expression, or the number of a column.
fn key(cursor: &mut Cursor<'_>, scope: &Scope<'_>, columns: &[Column], clause: &str) -> Result<Expr, QueryError> {
    let first = cursor.at;
    let (expr, _) = Scope::typed(operand(cursor, scope)?)?;
    match expr {
        Expr::Literal(Literal::I64(n)) if cursor.at == first + 1 => {
            let column = usize::try_from(n).ok().and_then(|n| columns.get(n.checked_sub(1)?));
            let refused =
                || QueryError::bad(format!("{clause} {n} names a column, of which the query has {}", columns.len()));
            column.map(|column| column.expr.clone()).ok_or_else(refused)
        }
        expr if expr.is_constant() => {
            let text = format!("{clause} takes attributes, what is computed of them, or the number of a column");
            Err(QueryError::bad(text))
        }
        expr => Ok(expr),
    }
}

fn order(cursor: &mut Cursor<'_>, scope: &Scope<'_>, columns: &[Column]) -> Result<(Expr, bool), QueryError> {
    let expr = key(cursor, scope, columns, "ORDER BY")?;
    let descending = cursor.word("DESC");
    if !descending {
        cursor.word("ASC");
    }
    Ok((expr, descending))
}

fn from(cursor: &mut Cursor<'_>, scope: &mut Scope<'_>) -> Result<Vec<Source>, QueryError> {
    let mut sources = Vec::new();
    root(cursor, scope, &mut sources)?;
    loop {
        if cursor.sign(",") {
            root(cursor, scope, &mut sources)?;
        } else if cursor.is_any_word(&["JOIN", "INNER", "LEFT"]) {
            let left = cursor.word("LEFT");
            cursor.word(if left { "OUTER" } else { "INNER" });
            cursor.expect_word("JOIN")?;
            if cursor.is_word("FETCH") {
                return Err(QueryError::bad("FETCH is not allowed in the FROM clause"));
            }
            let path = cursor.name()?.to_owned();
            join(cursor, scope, &mut sources, &path, left)?;
        } else {
            return Ok(sources);
        }
    }
}

/// `Entity [AS] v`, `v.relation [AS] w` or `IN (v.relation) [AS] w`
fn root(cursor: &mut Cursor<'_>, scope: &mut Scope<'_>, sources: &mut Vec<Source>) -> Result<(), QueryError> {
    if cursor.is_word("IN") && matches!(cursor.peek_at(1), Some(Token::Sign("("))) {
        cursor.at += 2;
        let path = cursor.name()?.to_owned();
        cursor.expect_sign(")")?;
        return join(cursor, scope, sources, &path, false);
    }
    let name = cursor.name()?;
    if name.contains('.') {
        return join(cursor, scope, sources, name, false);
    }
    let entity = schema::find_entity(name)
        .ok_or_else(|| QueryError::bad(format!("No information to determine type of {name} in the FROM clause")))?;
    let var = scope.declare(alias(cursor)?, entity)?;
    sources.push(Source { var, entity, origin: Origin::Root });
    Ok(())
}

fn alias<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, QueryError> {
    cursor.word("AS");
    if cursor.is_any_word(&CLAUSES) {
        return Err(cursor.expected("NAME"));
    }
    cursor.name()
}

/// A variable for the rows that a path leads to.
fn join(
    cursor: &mut Cursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
    path: &str,
    left: bool,
) -> Result<(), QueryError> {
    let mut parts = path.split('.');
    let head = parts.next().unwrap_or_default();
    let (from, mut entity) = scope
        .variable(head)
        .ok_or_else(|| QueryError::bad(format!("No information to determine type of {path} in the FROM clause")))?;
    let mut steps = Vec::new();
    for relation in parts {
        let step =
            entity.find_to_one(relation).map(Step::One).or_else(|| entity.find_to_many(relation).map(Step::Many));
        let step =
            step.ok_or_else(|| QueryError::bad(format!("{} has no relationship field {relation}", entity.name)))?;
        entity = step.target();
        steps.push(step);
    }
    if steps.is_empty() {
        return Err(QueryError::bad(format!("{path} in the FROM clause leads nowhere")));
    }
    let var = scope.declare(alias(cursor)?, entity)?;
    sources.push(Source { var, entity, origin: Origin::Join { from, steps, left } });
    Ok(())
}

fn include(cursor: &mut Cursor<'_>, columns: &[Column], selected: Option<&str>) -> Result<Vec<Include>, QueryError> {
    let [column] = columns else {
        return Err(QueryError::bad("INCLUDE is only valid for one quantity in the SELECT clause"));
    };
    let entity = match column.kind {
        ColumnKind::Entity(entity) => Some(entity),
        _ => None,
    };
    if include::one(cursor)? {
        return Ok(entity.map(include::all_to_one).unwrap_or_default());
    }
    match entity {
        Some(entity) => include::paths(cursor, selected, entity),
        None => {
            let head = cursor.name()?.split('.').next().unwrap_or_default().to_uppercase();
            Err(QueryError::bad(format!("variable {head} mentioned in INCLUDE clause is not defined")))
        }
    }
}

/// `offset, count` or `offset, *`
fn limit(cursor: &mut Cursor<'_>) -> Result<(u64, Option<u64>), QueryError> {
    let offset = whole(cursor)?;
    cursor.expect_sign(",")?;
    let count = if cursor.sign("*") { None } else { most(cursor)? };
    Ok((offset, count))
}

/// How many rows; 0 is no limit.
pub fn most(cursor: &mut Cursor<'_>) -> Result<Option<u64>, QueryError> {
    Ok(Some(whole(cursor)?).filter(|count| *count > 0))
}

pub fn whole(cursor: &mut Cursor<'_>) -> Result<u64, QueryError> {
    match cursor.next()? {
        Token::Integer(n) if i32::try_from(*n).is_ok_and(|n| n >= 0) => Ok(n.unsigned_abs()),
        token => Err(QueryError::bad(format!("LIMIT takes numbers from 0 to 2147483647, not {token}"))),
    }
}
