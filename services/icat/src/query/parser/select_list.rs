//! Parses the SELECT list: what it may contain, and the types that icat.server gives its columns.

use icat_client::schema;

use super::aggregates::{build_aggregate, find_aggregate};
use super::conditions::is_sub_select;
use super::expressions::{infer_selected_type, parse_operand};
use super::lexer::Token;
use super::scope::{ResolvedPath, Scope, resolve_path_from};
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::{Column, ColumnKind, Expr, Origin, Path, Source, Step, Var};

/// Checks that every name in the SELECT list is a function, a keyword, or begins with a variable.
pub fn check_names(list: &TokenCursor<'_>, scope: &Scope<'_>) -> Result<(), QueryError> {
    const WORDS: [&str; 11] = [
        "DISTINCT",
        "NULL",
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
    let mut ahead = 0;
    while let Some(token) = list.peek_at(ahead) {
        let length = list.sub_select_length(ahead);
        let here = ahead;
        ahead += length.max(1);
        if length > 0 {
            continue;
        }
        if scope.is_outermost() {
            require_selectable(token, list.peek_at(here + 1))?;
        }
        let Token::Name(name) = token else { continue };
        let head = name.split('.').next().unwrap_or_default();
        let is_word = WORDS.iter().any(|word| head.eq_ignore_ascii_case(word)) || name.starts_with("org.icatproject.");
        let called = matches!(list.peek_at(here + 1), Some(Token::Sign("("))) && !is_only_in_conditions(name);
        // In icat.server, a variable that is spelled like an entity means the entity.
        let is_entity = scope.is_outermost() && schema::find_entity(head).is_some();
        if !is_word && !called && (is_entity || scope.find_variable(head).is_none()) {
            let head = head.to_uppercase();
            let text = format!("idVar '{head}' referenced in the SELECT clause is not defined in the FROM clause.");
            return Err(QueryError::bad_parameter(text));
        }
    }
    Ok(())
}

/// Functions that icat.server does not accept in the SELECT list.
fn is_only_in_conditions(name: &str) -> bool {
    ["COALESCE", "NULLIF", "CASE", "SELECT"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Refuses what icat.server accepts in conditions but not in the SELECT list.
fn require_selectable(token: &Token, next: Option<&Token>) -> Result<(), QueryError> {
    let is_call = matches!(next, Some(Token::Sign("(")));
    match token {
        Token::Text(_) | Token::Timestamp(_) => Err(QueryError::bad_parameter(format!(
            "the SELECT list takes no strings such as {token}: select the attributes, and add the string in your program"
        ))),
        Token::Name(name) if is_call && name.eq_ignore_ascii_case("SIZE") => Err(QueryError::bad_parameter(
            "SIZE is only allowed in conditions: write SELECT i.name, COUNT(d) FROM Investigation i JOIN i.datasets d \
             GROUP BY i.name",
        )),
        _ => Ok(()),
    }
}

/// Parses the selected expressions; also returns the name of a variable that is selected alone.
pub fn parse_columns(
    cursor: &mut TokenCursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
) -> Result<(Vec<Column>, Option<String>), QueryError> {
    let mut columns = Vec::new();
    let mut selected = None;
    let wrapped = cursor.encloses_all() && !is_sub_select(cursor) && cursor.take_sign("(");
    loop {
        let (expr, kind) = parse_selected_expression(cursor, scope, sources, &mut selected)?;
        columns.push(Column { kind, expr });
        if !cursor.take_sign(",") {
            break;
        }
    }
    if wrapped {
        cursor.expect_sign(")")?;
    }
    Ok((columns, selected))
}

/// Parses a path or an aggregate of a path, which may lead to many rows, or any other expression.
fn parse_selected_expression(
    cursor: &mut TokenCursor<'_>,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
    selected: &mut Option<String>,
) -> Result<(Expr, ColumnKind), QueryError> {
    let ends = |token: Option<&Token>| matches!(token, None | Some(Token::Sign("," | ")")));
    let Some(Token::Name(name)) = cursor.peek() else {
        return parse_expression(cursor, scope);
    };
    let object = name.eq_ignore_ascii_case("OBJECT").then(|| cursor.enclosed_name()).flatten();
    if let Some(variable) = object.filter(|variable| !variable.contains('.')) {
        cursor.at += 4;
        let (path, kind) = resolve_selected_path(variable, scope, sources)?;
        *selected = Some(variable.to_owned());
        return Ok((Expr::Path(path), kind));
    }
    let is_path = |name: &str| scope.find_variable(name.split('.').next().unwrap_or_default()).is_some();
    if is_path(name) && ends(cursor.peek_at(1)) {
        cursor.at += 1;
        let (path, kind) = resolve_selected_path(name, scope, sources)?;
        *selected = Some(name.to_owned()).filter(|name| !name.contains('.'));
        return Ok((Expr::Path(path), kind));
    }
    if let Some((function, distinct, path, length)) = cursor.match_path_aggregate(find_aggregate)
        && is_path(path)
        && ends(cursor.peek_at(length))
    {
        cursor.at += length;
        let (path, kind) = resolve_selected_path(path, scope, sources)?;
        return build_aggregate(function, distinct, (Expr::Path(path), kind));
    }
    parse_expression(cursor, scope)
}

fn parse_expression(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<(Expr, ColumnKind), QueryError> {
    let typed = scope.with_aggregates(true, || Scope::infer_kind(parse_operand(cursor, scope)?))?;
    Ok(if scope.is_outermost() { infer_selected_type(typed) } else { typed })
}

/// Resolves a path; a path that leads to many rows becomes a join.
fn resolve_selected_path(
    name: &str,
    scope: &mut Scope<'_>,
    sources: &mut Vec<Source>,
) -> Result<(Path, ColumnKind), QueryError> {
    let mut parts = name.split('.');
    let head = parts.next().unwrap_or_default();
    let Some((var, entity)) = scope.find_variable(head) else {
        return Err(QueryError::bad_parameter(format!(
            "idVar '{}' referenced in the SELECT clause is not defined in the FROM clause.",
            head.to_uppercase()
        )));
    };
    match resolve_path_from(var, entity, parts)? {
        ResolvedPath::Value(path, kind) => Ok((path, kind)),
        ResolvedPath::Many(parent, many) => {
            let steps = parent.steps.iter().map(|one| Step::One(one)).chain([Step::Many(many)]).collect();
            let target = many.target();
            let hidden: Var = scope.declare_anonymous(target);
            let origin = Origin::Join { from: parent.var, steps, left: false };
            sources.push(Source { var: hidden, entity: target, origin });
            Ok((Path { var: hidden, steps: Vec::new(), field: None }, ColumnKind::Entity(target)))
        }
    }
}
