//! ICAT's query language (icat.server 6.2), from text to bound SQL.
//!
//! Both forms, the JPQL-like `SELECT …` and the classic `Dataset <-> Investigation [name = 'A']`, become the same typed
//! tree; the tree becomes SQL in which nothing of the text stands but as a parameter. Unlike icat.server, any white space
//! separates words, literals mean the same in every clause, rows that the user may not read count as absent wherever a
//! query meets them, and a rule that restricts by joins alone counts as restricting.

mod classic;
mod condition;
mod cursor;
mod expression;
mod grouping;
mod include;
mod jpql;
mod lexer;
mod literals;
mod parent;
mod scope;
mod select_list;
mod sql;
mod tree;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use icat_client::schema::Entity;
use jiff::tz::TimeZone;
use service_kit::{Engine, Val};
use thiserror::Error;

pub use self::include::Include;
use self::tree::SelectBody;
pub use self::tree::{Column, ColumnKind, SearchQuery};

/// Why a query cannot be answered; the text is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    #[error("{0}")]
    BadParameter(String),
}

impl QueryError {
    fn bad_parameter(text: impl Into<String>) -> Self {
        Self::BadParameter(text.into())
    }
}

/// What reading a query depends on besides its text.
#[derive(Debug, Clone)]
pub struct ParseContext {
    /// The zone of times that come without one.
    pub time_zone: TimeZone,
}

/// The query of a single row: its kind and what to include.
#[derive(Debug, Clone)]
pub struct GetQuery {
    pub entity: &'static Entity,
    pub includes: Vec<Include>,
}

/// The `what` of a rule: which rows of an entity it is about.
#[derive(Debug, Clone)]
pub struct Rule {
    pub entity: &'static Entity,
    /// For UPDATE rules on one attribute.
    pub attribute: Option<String>,
    /// Whether it is about some rows only: it has a condition or joins.
    pub restricted: bool,
    /// Whether it has a condition, which is what icat.server takes for restricting.
    pub conditional: bool,
    body: SelectBody,
    /// The same by what its rows belong to, where it speaks of nothing else.
    by_parent: Option<(&'static icat_client::schema::ToOne, SelectBody)>,
}

/// Which rows of an entity a user may read.
#[derive(Debug, Clone)]
pub enum Access {
    All,
    None,
    /// Those that at least one rule is about.
    Rules(Vec<Arc<Rule>>),
}

/// What a compiled query depends on besides its tree.
#[derive(Debug, Clone, Copy)]
pub struct QueryEnvironment<'a> {
    /// The session's user name, for `:user`.
    pub user: &'a str,
    /// For `CURRENT_TIMESTAMP`, microseconds UTC.
    pub now_micros: i64,
    /// For `CURRENT_DATE`: when the facility's day began, microseconds UTC.
    pub today_micros: i64,
    pub engine: Engine,
    /// The most rows to fetch.
    pub row_cap: u64,
    /// Whether rows that the user may not read count as absent in FROM, JOIN, WHERE and sub-selects too. icat.server
    /// checks what is selected and nothing else, so that conditions can probe unreadable data.
    pub strict: bool,
}

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    I64(i64),
    F64(f64),
    Text(String),
}

impl From<Param> for Val {
    fn from(param: Param) -> Self {
        match param {
            Param::I64(v) => v.into(),
            Param::F64(v) => v.into(),
            Param::Text(v) => v.into(),
        }
    }
}

/// SQL and what is bound to its `$1`, `$2`…
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Param>,
}

/// How a search is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    Run(Statement),
    /// `[]`: the user may read nothing of what is selected.
    Empty,
    /// `[0]`: the same for a single COUNT.
    Zero,
}

/// Reads a search in either form.
pub fn parse_search(text: &str, ctx: &ParseContext) -> Result<SearchQuery, QueryError> {
    if is_select(text) { jpql::parse_search(text, ctx) } else { classic::parse_search(text, ctx) }
}

/// Reads `Entity`, `Entity INCLUDE …` in the classic form, or `Entity [AS] x INCLUDE x.relation, …`.
pub fn parse_get(text: &str) -> Result<GetQuery, QueryError> {
    let second = text.split_whitespace().nth(1);
    if second.is_none_or(|word| word.eq_ignore_ascii_case("INCLUDE")) {
        classic::parse_get(text)
    } else {
        jpql::parse_get(text)
    }
}

/// Reads a rule's `what` in either form.
pub fn parse_rule(text: &str, ctx: &ParseContext) -> Result<Rule, QueryError> {
    let search = parse_search(text, ctx)?;
    let body = search.body;
    let [column] = search.columns.as_slice() else {
        return Err(QueryError::bad_parameter("a rule must be about one entity"));
    };
    if body.distinct || body.limit.is_some() || !body.order_by.is_empty() || !body.group_by.is_empty() {
        return Err(QueryError::bad_parameter("a rule must not have DISTINCT, GROUP BY, ORDER BY or LIMIT"));
    }
    if !search.includes.is_empty() {
        return Err(QueryError::bad_parameter("a rule must not have INCLUDE"));
    }
    let (variable, attribute) = column
        .rule_target()
        .ok_or_else(|| QueryError::bad_parameter("a rule must select an entity or one of its attributes"))?;
    let restricted = body.filter.is_some() || body.sources.len() > 1;
    let conditional = body.filter.is_some();
    let entity = body.entity_of(variable);
    let by_parent = parent::select_by_parent(&body, variable);
    Ok(Rule { entity, attribute, restricted, conditional, body: body.select_variable(variable), by_parent })
}

/// Turns a search into SQL that finds just the rows that the user may read.
pub fn compile_search(
    search: &SearchQuery,
    access: &dyn Fn(&'static Entity) -> Access,
    env: &QueryEnvironment<'_>,
) -> Result<Plan, QueryError> {
    sql::compile_search(search, access, env)
}

/// SQL that finds which of `ids` the rules are about; its one column is the id.
pub fn compile_filter(
    entity: &'static Entity,
    rules: &[Arc<Rule>],
    ids: &[i64],
    env: &QueryEnvironment<'_>,
) -> Statement {
    sql::compile_filter(entity, rules, ids, env)
}

fn is_select(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}
