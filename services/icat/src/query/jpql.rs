//! `SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [INCLUDE …] [LIMIT …]`

use std::cell::Cell;

use icat_client::schema;

use super::condition::condition;
use super::cursor::Cursor;
use super::expression::{aggregate_of, aggregated, operand};
use super::grouping;
use super::include::{self, Include};
use super::lexer::{Token, tokens};
use super::scope::{Resolved, Scope, resolve_from};
use super::tree::{Body, Column, ColumnKind, Expr, Origin, Path, Search, Source, Step, Var};
use super::{Get, ParseContext, QueryError};

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
    let entity = schema::entity(name).ok_or_else(|| QueryError::bad(format!("{name} is not an ICAT entity")))?;
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
    declared(&names, scope)?;
    body.distinct = names.word("DISTINCT");
    let (columns, selected) = select_list(&mut names, scope, &mut body.sources)?;
    names.end()?;

    if cursor.word("WHERE") {
        body.filter = Some(condition(cursor, scope)?);
    }
    if cursor.word("GROUP") {
        cursor.expect_word("BY")?;
        body.group_by = list_of(cursor, |cursor| Ok(Scope::typed(operand(cursor, scope)?)?.0))?;
    }
    if cursor.word("HAVING") {
        body.having = Some(scope.aggregating(true, || condition(cursor, scope))?);
    }
    if cursor.word("ORDER") {
        cursor.expect_word("BY")?;
        body.order_by = scope.aggregating(true, || list_of(cursor, |cursor| order(cursor, scope)))?;
    }
    grouping::check(&mut body, &columns)?;
    Ok((body, columns, selected))
}

/// Every name in the SELECT list that is neither a function nor a word of the language begins with a variable.
fn declared(list: &Cursor<'_>, scope: &Scope<'_>) -> Result<(), QueryError> {
    const WORDS: [&str; 10] = [
        "DISTINCT",
        "LEADING",
        "TRAILING",
        "BOTH",
        "FROM",
        "TRUE",
        "FALSE",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    ];
    for ahead in 0.. {
        let Some(token) = list.peek_at(ahead) else { break };
        let Token::Name(name) = token else { continue };
        let head = name.split('.').next().unwrap_or_default();
        let is_word = WORDS.iter().any(|word| head.eq_ignore_ascii_case(word)) || name.starts_with("org.icatproject.");
        let called = matches!(list.peek_at(ahead + 1), Some(Token::Sign("("))) && !is_only_in_conditions(name);
        if !is_word && !called && scope.variable(head).is_none() {
            let head = head.to_uppercase();
            let text = format!("idVar '{head}' referenced in the SELECT clause is not defined in the FROM clause.");
            return Err(QueryError::bad(text));
        }
    }
    Ok(())
}

/// As in icat.server, whose SELECT list knows no more than the functions of the language's own keywords.
fn is_only_in_conditions(name: &str) -> bool {
    ["COALESCE", "NULLIF", "CASE", "SELECT"].iter().any(|word| name.eq_ignore_ascii_case(word))
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

fn order(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<(Expr, bool), QueryError> {
    let (expr, _) = Scope::typed(operand(cursor, scope)?)?;
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
    let entity = schema::entity(name)
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
        let step = entity.one(relation).map(Step::One).or_else(|| entity.many(relation).map(Step::Many));
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

/// The selected expressions, and the name of the variable that is selected alone.
fn select_list(
    cursor: &mut Cursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
) -> Result<(Vec<Column>, Option<String>), QueryError> {
    let mut columns = Vec::new();
    let mut selected = None;
    let wrapped = cursor.encloses_all() && cursor.sign("(");
    loop {
        let (expr, kind) = selected_expression(cursor, scope, sources, &mut selected)?;
        columns.push(Column { kind, expr });
        if !cursor.sign(",") {
            break;
        }
    }
    if wrapped {
        cursor.expect_sign(")")?;
    }
    Ok((columns, selected))
}

/// A path or an aggregate of one, either of which may lead to many rows, or any other expression.
fn selected_expression(
    cursor: &mut Cursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
    selected: &mut Option<String>,
) -> Result<(Expr, ColumnKind), QueryError> {
    let ends = |token: Option<&Token>| matches!(token, None | Some(Token::Sign("," | ")")));
    let Some(Token::Name(name)) = cursor.peek() else {
        return scope.aggregating(true, || Scope::typed(operand(cursor, scope)?));
    };
    let is_path = |name: &str| scope.variable(name.split('.').next().unwrap_or_default()).is_some();
    if is_path(name) && ends(cursor.peek_at(1)) {
        cursor.at += 1;
        let (path, kind) = selected_path(name, scope, sources)?;
        *selected = Some(name.to_owned()).filter(|name| !name.contains('.'));
        return Ok((Expr::Path(path), kind));
    }
    if let Some((function, distinct, path, length)) = cursor.aggregate_of_path(aggregate_of)
        && is_path(path)
        && ends(cursor.peek_at(length))
    {
        cursor.at += length;
        let (path, kind) = selected_path(path, scope, sources)?;
        return aggregated(function, distinct, (Expr::Path(path), kind));
    }
    scope.aggregating(true, || Scope::typed(operand(cursor, scope)?))
}

/// A path; one that leads to many rows becomes a join.
fn selected_path(
    name: &str,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
) -> Result<(Path, ColumnKind), QueryError> {
    let mut parts = name.split('.');
    let head = parts.next().unwrap_or_default();
    let Some((var, entity)) = scope.variable(head) else {
        return Err(QueryError::bad(format!(
            "idVar '{}' referenced in the SELECT clause is not defined in the FROM clause.",
            head.to_uppercase()
        )));
    };
    match resolve_from(var, entity, parts)? {
        Resolved::Value(path, kind) => Ok((path, kind)),
        Resolved::Many(parent, many) => {
            let steps = parent.steps.iter().map(|one| Step::One(one)).chain([Step::Many(many)]).collect();
            let target = many.target();
            let hidden: Var = scope.declare_hidden(target);
            let origin = Origin::Join { from: parent.var, steps, left: false };
            sources.push(Source { var: hidden, entity: target, origin });
            Ok((Path { var: hidden, steps: Vec::new(), field: None }, ColumnKind::Entity(target)))
        }
    }
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
    let count = if cursor.sign("*") { None } else { Some(whole(cursor)?) };
    Ok((offset, count))
}

pub fn whole(cursor: &mut Cursor<'_>) -> Result<u64, QueryError> {
    match cursor.next()? {
        Token::Integer(n) if i32::try_from(*n).is_ok_and(|n| n >= 0) => Ok(n.unsigned_abs()),
        token => Err(QueryError::bad(format!("LIMIT takes numbers from 0 to 2147483647, not {token}"))),
    }
}
