//! Parses `SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [INCLUDE …] [LIMIT …]`.

use std::cell::Cell;

use icat_client::schema;

use super::conditions::parse_condition;
use super::expressions::parse_operand;
use super::includes;
use super::lexer::{Token, tokenize};
use super::scope::Scope;
use super::token_cursor::TokenCursor;
use super::{grouping, select_list};
use crate::query::environment::ParseContext;
use crate::query::error::QueryError;
use crate::query::tree::GetQuery;
use crate::query::tree::Include;
use crate::query::tree::{Column, ColumnKind, Expr, Literal, Origin, SearchQuery, SelectBody, Source, Step};

/// Keywords, which cannot be aliases.
const CLAUSES: [&str; 12] =
    ["WHERE", "GROUP", "HAVING", "ORDER", "INCLUDE", "LIMIT", "JOIN", "INNER", "LEFT", "OUTER", "FROM", "AS"];

pub fn parse_search(text: &str, ctx: &ParseContext) -> Result<SearchQuery, QueryError> {
    let tokens = tokenize(text)?;
    let mut cursor = TokenCursor::new(&tokens);
    let counter = Cell::new(0);
    let mut scope = Scope::new(&counter, ctx);
    let (mut body, columns, selected) = parse_select(&mut cursor, &mut scope)?;
    let mut includes: Option<Vec<Include>> = None;
    loop {
        if includes.is_none() && cursor.take_word("INCLUDE") {
            includes = Some(parse_include(&mut cursor, &columns, selected.as_deref())?);
        } else if body.limit.is_none() && cursor.take_word("LIMIT") {
            body.limit = Some(parse_limit(&mut cursor)?);
        } else {
            break;
        }
    }
    cursor.expect_end()?;
    Ok(SearchQuery { columns, includes: includes.unwrap_or_default(), body })
}

/// Parses `Entity [AS] x [INCLUDE x.relation, …]`, the query of a single row.
pub fn parse_get(text: &str) -> Result<GetQuery, QueryError> {
    let tokens = tokenize(text)?;
    let mut cursor = TokenCursor::new(&tokens);
    let name = cursor.take_name()?;
    let entity =
        schema::find_entity(name).ok_or_else(|| QueryError::bad_parameter(format!("{name} is not an ICAT entity")))?;
    cursor.take_word("AS");
    let variable = cursor.take_name()?;
    let mut includes = Vec::new();
    if cursor.take_word("INCLUDE") {
        includes = if includes::parse_include_one(&mut cursor)? {
            includes::include_all_to_one(entity)
        } else {
            includes::parse_include_paths(&mut cursor, Some(variable), entity)?
        };
    }
    match cursor.peek() {
        None => Ok(GetQuery { entity, includes }),
        Some(token) => Err(QueryError::bad_parameter(format!("Trailing tokens at end of query {token}..."))),
    }
}

/// Parses a sub-select; its variables shadow those of outer selects.
pub fn parse_sub_select(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
) -> Result<(SelectBody, ColumnKind), QueryError> {
    cursor.parse_nested(|cursor| {
        let mut inner = scope.child_scope();
        let (mut body, mut columns, _) = parse_select(cursor, &mut inner)?;
        if !body.order_by.is_empty() {
            return Err(QueryError::bad_parameter("a sub-select must not have ORDER BY"));
        }
        match (columns.pop(), columns.is_empty()) {
            (Some(column), true) => {
                body.selected = vec![column.expr];
                Ok((body, column.kind))
            }
            _ => Err(QueryError::bad_parameter("a sub-select selects one thing")),
        }
    })
}

type ParsedSelect = (SelectBody, Vec<Column>, Option<String>);

/// Parses everything up to INCLUDE and LIMIT. FROM is parsed first, because SELECT uses its variables.
fn parse_select(cursor: &mut TokenCursor<'_>, scope: &mut Scope<'_>) -> Result<ParsedSelect, QueryError> {
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
    let mut body = SelectBody { sources: parse_from(cursor, scope)?, ..SelectBody::default() };
    let mut names = cursor.slice(list, list_end);
    select_list::check_names(&names, scope)?;
    body.distinct = names.take_word("DISTINCT");
    let (columns, selected) = select_list::parse_columns(&mut names, scope, &mut body.sources)?;
    names.expect_end()?;

    if cursor.take_word("WHERE") {
        body.filter = Some(parse_condition(cursor, scope)?);
    }
    if cursor.take_word("GROUP") {
        cursor.expect_word("BY")?;
        body.group_by = parse_list(cursor, |cursor| parse_key(cursor, scope, &columns, "GROUP BY"))?;
    }
    if cursor.take_word("HAVING") {
        body.having = Some(scope.with_aggregates(true, || parse_condition(cursor, scope))?);
    }
    if cursor.take_word("ORDER") {
        cursor.expect_word("BY")?;
        body.order_by =
            scope.with_aggregates(true, || parse_list(cursor, |cursor| parse_order_item(cursor, scope, &columns)))?;
    }
    grouping::check_grouping(&mut body, &columns)?;
    Ok((body, columns, selected))
}

fn parse_list<T>(
    cursor: &mut TokenCursor<'_>,
    mut item: impl FnMut(&mut TokenCursor<'_>) -> Result<T, QueryError>,
) -> Result<Vec<T>, QueryError> {
    let mut items = vec![item(cursor)?];
    while cursor.take_sign(",") {
        items.push(item(cursor)?);
    }
    Ok(items)
}

/// Parses a key of ORDER BY or GROUP BY: an expression, or the number of a column.
fn parse_key(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    columns: &[Column],
    clause: &str,
) -> Result<Expr, QueryError> {
    let first = cursor.at;
    let (expr, _) = Scope::infer_kind(parse_operand(cursor, scope)?)?;
    match expr {
        Expr::Literal(Literal::I64(n)) if cursor.at == first + 1 => {
            let column = usize::try_from(n).ok().and_then(|n| columns.get(n.checked_sub(1)?));
            let refused = || {
                QueryError::bad_parameter(format!(
                    "{clause} {n} names a column, of which the query has {}",
                    columns.len()
                ))
            };
            column.map(|column| column.expr.clone()).ok_or_else(refused)
        }
        expr if expr.is_constant() => {
            let text = format!("{clause} takes attributes, what is computed of them, or the number of a column");
            Err(QueryError::bad_parameter(text))
        }
        expr => Ok(expr),
    }
}

fn parse_order_item(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    columns: &[Column],
) -> Result<(Expr, bool), QueryError> {
    let expr = parse_key(cursor, scope, columns, "ORDER BY")?;
    let descending = cursor.take_word("DESC");
    if !descending {
        cursor.take_word("ASC");
    }
    Ok((expr, descending))
}

fn parse_from(cursor: &mut TokenCursor<'_>, scope: &mut Scope<'_>) -> Result<Vec<Source>, QueryError> {
    let mut sources = Vec::new();
    parse_root_source(cursor, scope, &mut sources)?;
    loop {
        if cursor.take_sign(",") {
            parse_root_source(cursor, scope, &mut sources)?;
        } else if cursor.is_any_word(&["JOIN", "INNER", "LEFT"]) {
            let left = cursor.take_word("LEFT");
            cursor.take_word(if left { "OUTER" } else { "INNER" });
            cursor.expect_word("JOIN")?;
            if cursor.is_word("FETCH") {
                return Err(QueryError::bad_parameter("FETCH is not allowed in the FROM clause"));
            }
            let path = cursor.take_name()?.to_owned();
            parse_join(cursor, scope, &mut sources, &path, left)?;
        } else {
            return Ok(sources);
        }
    }
}

/// `Entity [AS] v`, `v.relation [AS] w` or `IN (v.relation) [AS] w`
fn parse_root_source(
    cursor: &mut TokenCursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
) -> Result<(), QueryError> {
    if cursor.is_word("IN") && matches!(cursor.peek_at(1), Some(Token::Sign("("))) {
        cursor.at += 2;
        let path = cursor.take_name()?.to_owned();
        cursor.expect_sign(")")?;
        return parse_join(cursor, scope, sources, &path, false);
    }
    let name = cursor.take_name()?;
    if name.contains('.') {
        return parse_join(cursor, scope, sources, name, false);
    }
    let entity = schema::find_entity(name).ok_or_else(|| {
        QueryError::bad_parameter(format!("No information to determine type of {name} in the FROM clause"))
    })?;
    let var = scope.declare_variable(parse_alias(cursor)?, entity)?;
    sources.push(Source { var, entity, origin: Origin::Root });
    Ok(())
}

fn parse_alias<'t>(cursor: &mut TokenCursor<'t>) -> Result<&'t str, QueryError> {
    cursor.take_word("AS");
    if cursor.is_any_word(&CLAUSES) {
        return Err(cursor.expected_error("NAME"));
    }
    cursor.take_name()
}

/// Declares a variable for the rows that a path leads to.
fn parse_join(
    cursor: &mut TokenCursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
    path: &str,
    left: bool,
) -> Result<(), QueryError> {
    let mut parts = path.split('.');
    let head = parts.next().unwrap_or_default();
    let (from, mut entity) = scope.find_variable(head).ok_or_else(|| {
        QueryError::bad_parameter(format!("No information to determine type of {path} in the FROM clause"))
    })?;
    let mut steps = Vec::new();
    for relation in parts {
        let step =
            entity.find_to_one(relation).map(Step::One).or_else(|| entity.find_to_many(relation).map(Step::Many));
        let step = step.ok_or_else(|| {
            QueryError::bad_parameter(format!("{} has no relationship field {relation}", entity.name))
        })?;
        entity = step.target();
        steps.push(step);
    }
    if steps.is_empty() {
        return Err(QueryError::bad_parameter(format!("{path} in the FROM clause leads nowhere")));
    }
    let var = scope.declare_variable(parse_alias(cursor)?, entity)?;
    sources.push(Source { var, entity, origin: Origin::Join { from, steps, left } });
    Ok(())
}

fn parse_include(
    cursor: &mut TokenCursor<'_>,
    columns: &[Column],
    selected: Option<&str>,
) -> Result<Vec<Include>, QueryError> {
    let [column] = columns else {
        return Err(QueryError::bad_parameter("INCLUDE is only valid for one quantity in the SELECT clause"));
    };
    let entity = match column.kind {
        ColumnKind::Entity(entity) => Some(entity),
        _ => None,
    };
    if includes::parse_include_one(cursor)? {
        return Ok(entity.map(includes::include_all_to_one).unwrap_or_default());
    }
    match entity {
        Some(entity) => includes::parse_include_paths(cursor, selected, entity),
        None => {
            let head = cursor.take_name()?.split('.').next().unwrap_or_default().to_uppercase();
            Err(QueryError::bad_parameter(format!("variable {head} mentioned in INCLUDE clause is not defined")))
        }
    }
}

/// `offset, count` or `offset, *`
fn parse_limit(cursor: &mut TokenCursor<'_>) -> Result<(u64, Option<u64>), QueryError> {
    let offset = parse_limit_number(cursor)?;
    cursor.expect_sign(",")?;
    let count = if cursor.take_sign("*") { None } else { parse_row_count(cursor)? };
    Ok((offset, count))
}

/// Parses a number of rows; 0 means no limit.
pub fn parse_row_count(cursor: &mut TokenCursor<'_>) -> Result<Option<u64>, QueryError> {
    Ok(Some(parse_limit_number(cursor)?).filter(|count| *count > 0))
}

pub fn parse_limit_number(cursor: &mut TokenCursor<'_>) -> Result<u64, QueryError> {
    match cursor.next()? {
        Token::Integer(n) if i32::try_from(*n).is_ok_and(|n| n >= 0) => Ok(n.unsigned_abs()),
        token => Err(QueryError::bad_parameter(format!("LIMIT takes numbers from 0 to 2147483647, not {token}"))),
    }
}
