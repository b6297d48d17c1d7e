//! Lowers the typed tree to SQL that both engines accept.
//!
//! Every select has its own FROM clause: table aliases and the joins that its paths imply. Aliases are generated, so a rule
//! inside a query cannot capture names of the query. In the strict form, rows that the user may not read are invisible in
//! FROM, behind relations and in sub-selects. Expressions that can fail are not evaluated on invisible rows.

mod conditions;
mod counters;
mod deciding_rows;
mod expressions;
mod failure_guards;
mod first_rows;
mod from_clause;
mod grant_pairs;
mod grouping;
mod ordering;
mod rule_conditions;

use std::sync::Arc;

use icat_client::schema::Entity;

pub use self::deciding_rows::compile_deciding_selects;
use self::failure_guards::guard_columns;
use self::from_clause::FromClause;
pub use self::grant_pairs::compile_grant;
use self::grouping::{is_grouped, wrap_constants_in_aggregates};
use self::ordering::{is_never_null, order_with_nulls_last};
use crate::query::environment::QueryEnvironment;
use crate::query::error::QueryError;
use crate::query::parent_rewrite::is_narrow_filter;
use crate::query::rule::{Access, Rule};
use crate::query::statement::{Param, Plan, Statement};
use crate::query::tree::{Aggregate, Column, ColumnKind, Condition, Expr, Path, SearchQuery, SelectBody, Var};
use crate::query::whole_rows::WholeRows;

/// `SQLite` joins at most 64 tables.
const MAX_TABLES: usize = 60;
/// Below the limit of `SQLite` on parameters per statement.
const MAX_PARAMS: usize = 30_000;
/// Parsing megabytes of SQL takes the engines seconds.
const MAX_SQL_BYTES: usize = 4_000_000;

/// Which rows of an entity the user may read.
pub type AccessLookup<'a> = &'a dyn Fn(&'static Entity) -> Access;

pub fn compile_search(
    search: &SearchQuery,
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Result<Plan, QueryError> {
    if let Some(statement) = counters::compile_counted(search, access, env) {
        return Ok(Plan::Run(statement));
    }
    let body = &search.body;
    let scope = Scope::from_filter(body.filter.as_ref());
    let visibility = env.strict.then_some(access);
    let mut writer = SqlWriter { visibility, access: Some(access), scope, ..SqlWriter::new(*env) };
    let mut frame = writer.build_from_clause(body, None);
    let mut rows: Vec<(&'static Entity, String)> = Vec::new();
    for column in &search.columns {
        writer.rows_to_authorize(&mut frame, body, column, &mut rows);
    }
    let mut grants: Vec<String> = Vec::new();
    for (entity, id) in rows {
        match access(entity) {
            Access::All => {}
            Access::None if is_single_count(search) => return Ok(Plan::Zero),
            Access::None => return Ok(Plan::Empty),
            Access::Rules(rules) => grants.push(writer.add_grant(&mut frame, &id, &rules)),
        }
    }
    let first_rows = first_rows::compile_first_rows(search, access, env);
    // Then the user may read little, and sorting that is faster than looking for it in the order of an index.
    if first_rows.is_some() {
        writer.scope = Scope::AllVisibleRows;
    }
    let written = writer.write_search(&mut frame, search, grants)?;
    if writer.exceeds_limits() {
        let text = "the query is too large: it joins too many entities, lists too many values or nests too much";
        return Err(QueryError::bad_parameter(text));
    }
    Ok(Plan::Run(Statement { first_rows, params: writer.params, ..written }))
}

/// Whether the query selects a single COUNT: then the answer for a user without rights is 0, else no row.
fn is_single_count(search: &SearchQuery) -> bool {
    matches!(search.columns.as_slice(), [Column { expr: Expr::Aggregate { function: Aggregate::Count, .. }, .. }])
}

pub fn compile_filter(
    entity: &'static Entity,
    rules: &[Arc<Rule>],
    ids: &[i64],
    env: &QueryEnvironment<'_>,
) -> Statement {
    let mut writer = SqlWriter::new(*env);
    let list = writer.write_id_list(ids);
    let grant = writer.rules_condition("e.id", rules);
    // A rule that was cut off must grant nothing.
    let grant = if writer.is_too_large() { "1 = 0" } else { &grant };
    let sql = format!("SELECT e.id FROM {} e WHERE e.id IN {list} AND {grant} ORDER BY e.id", entity.table);
    Statement { is_sorted: true, ..Statement::new(sql, writer.params) }
}

struct SqlWriter<'e> {
    env: QueryEnvironment<'e>,
    params: Vec<Param>,
    aliases: usize,
    /// The largest number of tables in one select.
    widest: usize,
    /// Bytes of SQL written so far; nested parts count once per level.
    written: usize,
    scope: Scope,
    /// The rights that decide which rows are visible; `None` while rules are written, which see everything.
    visibility: Option<AccessLookup<'e>>,
    /// The user's rights.
    access: Option<AccessLookup<'e>>,
    /// Whether the SELECT list is being written.
    is_selecting: bool,
    /// In a grouped select, the SQL of the grouped expressions. Any other path yields the least value of its group.
    groups: Option<Vec<String>>,
    /// Set when an expression is written that can fail on a row.
    can_fail: bool,
    /// The number of aggregates written so far.
    aggregates: usize,
}

/// How many rows a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Few, so that rules are evaluated row by row.
    FewRows,
    /// Whole tables, so that rules are evaluated as lists of ancestors.
    WholeTables,
    /// Whole tables, and all rows that the user may read are sorted.
    AllVisibleRows,
}

impl Scope {
    fn from_filter(filter: Option<&Condition>) -> Self {
        if is_narrow_filter(filter) { Self::FewRows } else { Self::WholeTables }
    }
}

impl<'e> SqlWriter<'e> {
    fn new(env: QueryEnvironment<'e>) -> Self {
        Self {
            env,
            params: Vec::new(),
            aliases: 0,
            widest: 0,
            written: 0,
            scope: Scope::FewRows,
            visibility: None,
            access: None,
            is_selecting: false,
            groups: None,
            can_fail: false,
            aggregates: 0,
        }
    }

    fn bind_parameter(&mut self, param: Param) -> String {
        self.params.push(param);
        format!("${}", self.params.len())
    }

    /// Writes a part, unless the SQL is already too large: some functions repeat an argument, so that nesting grows
    /// exponentially.
    fn write_bounded(&mut self, write: impl FnOnce(&mut Self) -> String) -> String {
        if self.is_too_large() {
            return String::new();
        }
        let sql = write(self);
        self.written += sql.len();
        if self.is_too_large() { String::new() } else { sql }
    }

    /// Whether an engine would refuse the statement, or take seconds to parse it.
    fn exceeds_limits(&self) -> bool {
        self.widest > MAX_TABLES || self.params.len() > MAX_PARAMS || self.is_too_large()
    }

    fn is_too_large(&self) -> bool {
        self.written > MAX_SQL_BYTES
    }

    fn new_alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// The condition under which a row is visible; `None` if every row is.
    fn visibility_condition(&mut self, entity: &'static Entity, id: &str) -> Option<String> {
        match self.visibility.map(|visible| visible(entity))? {
            Access::All => None,
            Access::None => Some("1 = 0".to_owned()),
            Access::Rules(rules) => Some(self.rules_condition(id, &rules)),
        }
    }

    /// Writes everything between FROM and WHERE.
    fn write_tables(&mut self, frame: &FromClause<'_>) -> String {
        self.widest = self.widest.max(frame.tables.len());
        format!("{}{}", frame.from, frame.joins)
    }

    /// Adds the last row of each selected path, which the user must be allowed to read, unless FROM or a join already
    /// restricts it.
    fn rows_to_authorize(
        &mut self,
        frame: &mut FromClause<'_>,
        body: &SelectBody,
        column: &Column,
        rows: &mut Vec<(&'static Entity, String)>,
    ) {
        let mut paths: Vec<&Path> = Vec::new();
        column.expr.visit_paths(&mut |path, _| paths.push(path), false);
        for path in paths {
            let entity = path.steps.last().map_or_else(|| body.entity_of(path.var), |one| one.target());
            let by_key = !path.steps.is_empty() && path.field.is_none_or(|field| field.name == "id");
            let seen_to = match self.visibility.map(|visible| visible(entity)) {
                None | Some(Access::None) => false,
                Some(_) => !by_key,
            };
            if !seen_to {
                let id = self.write_path(frame, &Path { field: None, ..path.clone() });
                if !rows.iter().any(|(known, known_id)| *known == entity && *known_id == id) {
                    rows.push((entity, id));
                }
            }
        }
    }

    /// Writes a sub-select; its only column is `v`.
    fn write_sub_select(&mut self, body: &SelectBody, outer: Option<&FromClause<'_>>) -> String {
        let (outer_groups, is_selecting) = (self.groups.take(), std::mem::take(&mut self.is_selecting));
        let mut frame = self.build_from_clause(body, outer);
        let is_grouped = is_grouped(body, body.selected.iter());
        let mut groups = Vec::with_capacity(body.group_by.len());
        let mut failing = Vec::new();
        for expr in &body.group_by {
            let (group, can_fail) = self.track_failures(|writer| writer.write_expression(&mut frame, expr));
            failing.extend(can_fail.then_some(groups.len()));
            groups.push(group);
        }
        let mut columns = Vec::with_capacity(body.selected.len());
        for expr in &body.selected {
            let write = |writer: &mut Self| writer.write_expression(&mut frame, expr);
            columns.push(self.track_failures(|writer| writer.write_in_group(body, &groups, is_grouped, expr, write)));
        }
        let (filter, having) = self.write_where_and_having(&mut frame, body);
        let mut conditions: Vec<String> = frame.root_visibility.clone();
        conditions.extend(filter);
        let mut columns = guard_columns(&frame, columns, (&mut groups, &failing), is_grouped);
        wrap_constants_in_aggregates(body, body.selected.iter(), &mut columns);
        (self.groups, self.is_selecting) = (outer_groups, is_selecting);
        let distinct = if body.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{} AS v FROM {}", columns.join(", "), self.write_tables(&frame));
        push_clause(&mut sql, " WHERE ", join_parts(&conditions, " AND "));
        push_clause(&mut sql, " GROUP BY ", join_parts(&groups, ", "));
        push_clause(&mut sql, " HAVING ", having);
        sql
    }

    /// Writes the statement of a search, without its parameters.
    fn write_search(
        &mut self,
        frame: &mut FromClause<'_>,
        search: &SearchQuery,
        grants: Vec<String>,
    ) -> Result<Statement, QueryError> {
        let body = &search.body;
        let mut groups = self.write_group_by(frame, body);
        let is_grouped = is_grouped(body, search.columns.iter().map(|column| &column.expr));
        let mut columns = Vec::with_capacity(search.columns.len());
        for column in &search.columns {
            columns.push(
                self.write_in_group(body, &groups, is_grouped, &column.expr, |writer| {
                    writer.write_column(frame, column)
                }),
            );
        }
        wrap_constants_in_aggregates(body, search.columns.iter().map(|column| &column.expr), &mut columns);
        let (filter, having) = self.write_where_and_having(frame, body);
        let mut conditions: Vec<String> = frame.root_visibility.clone();
        conditions.extend(filter);
        conditions.extend(grants);
        let mut orders = Vec::with_capacity(body.order_by.len());
        for (expr, descending) in &body.order_by {
            orders.push((self.write_expression(frame, expr), *descending, expr));
        }
        // DISTINCT with ORDER BY becomes GROUP BY, because PostgreSQL sorts distinct rows only by selected columns. As in
        // icat.server, a row occurs once for each value that it is sorted by.
        let regrouped = body.distinct && !is_grouped && !orders.is_empty();
        if regrouped {
            groups.extend(columns.iter().cloned().chain(orders.iter().map(|(expr, ..)| expr.clone())));
            groups.dedup();
        }
        let distinct = if body.distinct && !regrouped { "DISTINCT " } else { "" };
        if body.distinct && !regrouped && !orders.is_empty() {
            return Err(QueryError::bad_parameter("DISTINCT with aggregates must not have ORDER BY"));
        }
        let mut sql = format!(" FROM {}", self.write_tables(frame));
        push_clause(&mut sql, " WHERE ", join_parts(&conditions, " AND "));
        push_clause(&mut sql, " GROUP BY ", join_parts(&groups, ", "));
        push_clause(&mut sql, " HAVING ", having);
        let is_sorted = !orders.is_empty();
        let orders: Vec<String> = orders
            .into_iter()
            .map(|(expr, descending, source)| {
                let grouped = !groups.is_empty() && !source.has_aggregate() && !groups.contains(&expr);
                let (function, direction) = if descending { ("MAX", "DESC") } else { ("MIN", "ASC") };
                let key = if grouped { format!("{function}({expr})") } else { expr };
                if is_never_null(source, body) {
                    // An index gives the order of a column, but not that of an expression.
                    return format!("{}{key} {direction}", if self.scope == Scope::AllVisibleRows { "+" } else { "" });
                }
                order_with_nulls_last(&key, descending)
            })
            .collect();
        push_clause(&mut sql, " ORDER BY ", join_parts(&orders, ", "));
        let row_limit = self.write_limit(&mut sql, body);
        let whole_rows = find_selected_rows(search)
            .filter(|_| !is_grouped && !is_sorted)
            .map(|(var, entity)| WholeRows { entity, alias: frame.find_alias(var), rest: sql.clone() });
        Ok(Statement {
            is_sorted,
            row_limit,
            whole_rows,
            ..Statement::new(format!("SELECT {distinct}{}{sql}", columns.join(", ")), Vec::new())
        })
    }
}

/// The variable and entity of a search that selects nothing but the rows of a variable, each as often as it is found.
fn find_selected_rows(search: &SearchQuery) -> Option<(Var, &'static Entity)> {
    let [Column { kind: ColumnKind::Entity(entity), expr: Expr::Path(path) }] = search.columns.as_slice() else {
        return None;
    };
    (path.steps.is_empty() && !search.body.distinct).then_some((path.var, *entity))
}

/// LIMIT 1 keeps `SQLite` 3.51 from turning EXISTS into a join, whose rows an OFFSET of the outer query would then count
/// (fixed in later versions).
fn exists_condition(select: &str) -> String {
    format!("EXISTS ({select} LIMIT 1)")
}

fn join_parts(parts: &[String], between: &str) -> Option<String> {
    if parts.is_empty() { None } else { Some(parts.join(between)) }
}

/// Joins terms as a balanced tree of parentheses, because `SQLite` refuses a chain of more than 1,000 terms as too deep.
fn join_balanced(parts: &[String], word: &str) -> String {
    const SHORT: usize = 50;
    if parts.len() <= SHORT {
        return format!("({})", parts.join(word));
    }
    let (first, second) = parts.split_at(parts.len() / 2);
    format!("({}{word}{})", join_balanced(first, word), join_balanced(second, word))
}

fn push_clause(sql: &mut String, word: &str, rest: Option<String>) {
    if let Some(rest) = rest {
        sql.push_str(word);
        sql.push_str(&rest);
    }
}
