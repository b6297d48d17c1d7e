//! From the typed tree to SQL that both engines take.
//!
//! Every select has a frame of its own: table aliases and the joins that its paths imply. Aliases are made up here, so
//! a rule that stands inside a query can capture nothing of it. In the strict form, rows that the user may not read are
//! as if they were not there: in FROM, behind relations and in sub-selects alike. What can fail is not evaluated on them.

mod conditions;
mod frame;
mod groups;
mod guard;
mod values;

use std::fmt::Write as _;
use std::sync::Arc;

use icat_client::schema::Entity;

use self::frame::Frame;
use self::groups::{aggregate_constants, is_grouped};
use self::guard::guard_values;
use super::parent::is_narrow;
use super::tree::{Aggregate, Body, Column, Expr, Origin, Path, Search};
use super::{Access, Env, Param, Plan, QueryError, Rule, Statement};

/// `SQLite` joins no more tables than 64.
const MOST_TABLES: usize = 60;
/// More parameters no statement of `SQLite` has.
const MOST_PARAMS: usize = 30_000;
/// Megabytes take the engines seconds to read.
const MOST_WRITTEN: usize = 4_000_000;

/// Which rows of an entity the user may read.
pub type Readable<'a> = &'a dyn Fn(&'static Entity) -> Access;

pub fn search(search: &Search, access: Readable<'_>, env: &Env<'_>) -> Result<Plan, QueryError> {
    let body = &search.body;
    let whole = !is_narrow(body.filter.as_ref());
    let visible = env.strict.then_some(access);
    let mut writer = Writer { visible, access: Some(access), whole, ..Writer::new(*env) };
    let mut frame = writer.frame(body, None);
    let mut rows: Vec<(&'static Entity, String)> = Vec::new();
    for column in &search.columns {
        writer.authorised(&mut frame, body, column, &mut rows);
    }
    let mut grants: Vec<String> = Vec::new();
    for (entity, id) in rows {
        match access(entity) {
            Access::All => {}
            Access::None if is_single_count(search) => return Ok(Plan::Zero),
            Access::None => return Ok(Plan::Empty),
            Access::Rules(rules) => grants.push(writer.grant(&mut frame, &id, &rules)),
        }
    }
    let sql = writer.finish(&mut frame, search, grants)?;
    if writer.widest > MOST_TABLES || writer.params.len() > MOST_PARAMS || writer.is_full() {
        let text = "the query is too large: it joins too many entities, lists too many values or nests too much";
        return Err(QueryError::bad(text));
    }
    Ok(Plan::Run(Statement { sql, params: writer.params }))
}

/// "COUNT and exactly one path": then nothing readable is zero, else it is no row.
fn is_single_count(search: &Search) -> bool {
    matches!(search.columns.as_slice(), [Column { expr: Expr::Aggregate { function: Aggregate::Count, .. }, .. }])
}

pub fn filter(entity: &'static Entity, rules: &[Arc<Rule>], ids: &[i64], env: &Env<'_>) -> Statement {
    let mut writer = Writer::new(*env);
    let list = writer.id_list(ids);
    let grant = writer.readable("e.id", rules);
    // Half a rule grants nothing.
    let grant = if writer.is_full() { "1 = 0" } else { &grant };
    let sql = format!("SELECT e.id FROM {} e WHERE e.id IN {list} AND {grant} ORDER BY e.id", entity.table);
    Statement { sql, params: writer.params }
}

struct Writer<'e> {
    env: Env<'e>,
    params: Vec<Param>,
    aliases: usize,
    /// The most tables that one select joins.
    widest: usize,
    /// Bytes of SQL, those of a part again in what it is part of.
    written: usize,
    /// The question is about whole tables, so that lists of what rules are about are made once.
    whole: bool,
    /// Set where rows that the user may not read count as absent. Rules themselves see everything.
    visible: Option<Readable<'e>>,
    /// The user's rights, whatever is visible.
    access: Option<Readable<'e>>,
    /// Within the SELECT list.
    is_selecting: bool,
    /// Where one row stands for a group: the SQL of what is grouped by. Any other path has the least value of its group.
    groups: Option<Vec<String>>,
    /// Set by whatever is written that can fail on a row.
    can_fail: bool,
    /// How many aggregates are written.
    aggregates: usize,
}

impl<'e> Writer<'e> {
    fn new(env: Env<'e>) -> Self {
        Self {
            env,
            params: Vec::new(),
            aliases: 0,
            widest: 0,
            written: 0,
            whole: false,
            visible: None,
            access: None,
            is_selecting: false,
            groups: None,
            can_fail: false,
            aggregates: 0,
        }
    }

    fn bind(&mut self, param: Param) -> String {
        self.params.push(param);
        format!("${}", self.params.len())
    }

    /// Writes a part, unless too much is written already: some functions say an argument more than once, so that what they
    /// nest grows by powers.
    fn bounded(&mut self, write: impl FnOnce(&mut Self) -> String) -> String {
        if self.is_full() {
            return String::new();
        }
        let sql = write(self);
        self.written += sql.len();
        if self.is_full() { String::new() } else { sql }
    }

    fn is_full(&self) -> bool {
        self.written > MOST_WRITTEN
    }

    fn new_alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// What makes a row count as present; `None` where every row does.
    fn present(&mut self, entity: &'static Entity, id: &str) -> Option<String> {
        match self.visible.map(|visible| visible(entity))? {
            Access::All => None,
            Access::None => Some("1 = 0".to_owned()),
            Access::Rules(rules) => Some(self.readable(id, &rules)),
        }
    }

    /// One of the rules must be about the row. A NULL id is nothing's, so it is not readable.
    fn readable(&mut self, id: &str, rules: &[Arc<Rule>]) -> String {
        // What is grouped in the query around is nothing to a rule.
        let around = (self.visible.take(), self.groups.take(), std::mem::take(&mut self.is_selecting));
        let grants: Vec<String> = rules.iter().map(|rule| self.about(rule, id)).collect();
        (self.visible, self.groups, self.is_selecting) = around;
        balanced(&grants, " OR ")
    }

    /// Asked row by row, so that what a rule costs depends on the rows in question and not on all that it is about; for a
    /// question about a whole table by a list, where the rule allows it.
    fn about(&mut self, rule: &Rule, id: &str) -> String {
        if let (true, Some((relation, parents)), Some(row)) = (self.whole, &rule.by_parent, id.strip_suffix(".id")) {
            return format!("{row}.{} IN ({})", relation.column, self.sub_select(parents, None));
        }
        let body = &rule.body;
        let mut frame = self.frame(body, None);
        let selected: Vec<String> = body.selected.iter().map(|expr| self.expr(&mut frame, expr)).collect();
        let row = format!("{} = {id}", selected.join(", "));
        let mut conditions = vec![row];
        conditions.extend(body.filter.as_ref().map(|cond| self.cond(&mut frame, cond)));
        exists(&format!("SELECT 1 FROM {} WHERE {}", self.tables(&frame), conditions.join(" AND ")))
    }

    /// Everything between FROM and WHERE.
    fn tables(&mut self, frame: &Frame<'_>) -> String {
        self.widest = self.widest.max(frame.tables);
        format!("{}{}", frame.from, frame.joins)
    }

    /// Adds the last row on each selected path, which is what the user must be allowed to read, unless FROM or a join has
    /// seen to it already.
    fn authorised(
        &mut self,
        frame: &mut Frame<'_>,
        body: &Body,
        column: &Column,
        rows: &mut Vec<(&'static Entity, String)>,
    ) {
        let mut paths: Vec<&Path> = Vec::new();
        column.expr.paths(&mut |path, _| paths.push(path), false);
        for path in paths {
            let entity = path.steps.last().map_or_else(|| body.entity(path.var), |one| one.target());
            let by_key = !path.steps.is_empty() && path.field.is_none_or(|field| field.name == "id");
            let seen_to = match self.visible.map(|visible| visible(entity)) {
                None | Some(Access::None) => false,
                Some(_) => !by_key,
            };
            if !seen_to {
                let id = self.path(frame, &Path { field: None, ..path.clone() });
                if !rows.iter().any(|(known, known_id)| *known == entity && *known_id == id) {
                    rows.push((entity, id));
                }
            }
        }
    }

    /// Its one column is `v`.
    fn sub_select(&mut self, body: &Body, outer: Option<&Frame<'_>>) -> String {
        let (outer_groups, is_selecting) = (self.groups.take(), std::mem::take(&mut self.is_selecting));
        let mut frame = self.frame(body, outer);
        let is_grouped = is_grouped(body, body.selected.iter());
        let mut groups = Vec::with_capacity(body.group_by.len());
        let mut failing = Vec::new();
        for expr in &body.group_by {
            let (group, can_fail) = self.noting(|writer| writer.expr(&mut frame, expr));
            failing.extend(can_fail.then_some(groups.len()));
            groups.push(group);
        }
        let mut columns = Vec::with_capacity(body.selected.len());
        for expr in &body.selected {
            let write = |writer: &mut Self| writer.expr(&mut frame, expr);
            columns.push(self.noting(|writer| writer.in_group(body, &groups, is_grouped, expr, write)));
        }
        let (filter, having) = self.conditions(&mut frame, body);
        let mut conditions: Vec<String> = frame.present.clone();
        conditions.extend(filter);
        let mut columns = guard_values(&frame, columns, (&mut groups, &failing), is_grouped);
        aggregate_constants(body, body.selected.iter(), &mut columns);
        (self.groups, self.is_selecting) = (outer_groups, is_selecting);
        let distinct = if body.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{} AS v FROM {}", columns.join(", "), self.tables(&frame));
        clause(&mut sql, " WHERE ", listed(&conditions, " AND "));
        clause(&mut sql, " GROUP BY ", listed(&groups, ", "));
        clause(&mut sql, " HAVING ", having);
        sql
    }

    fn finish(&mut self, frame: &mut Frame<'_>, search: &Search, grants: Vec<String>) -> Result<String, QueryError> {
        let body = &search.body;
        let mut groups = self.grouped_by(frame, body);
        let is_grouped = is_grouped(body, search.columns.iter().map(|column| &column.expr));
        let mut columns = Vec::with_capacity(search.columns.len());
        for column in &search.columns {
            columns.push(self.in_group(body, &groups, is_grouped, &column.expr, |writer| writer.column(frame, column)));
        }
        aggregate_constants(body, search.columns.iter().map(|column| &column.expr), &mut columns);
        let (filter, having) = self.conditions(frame, body);
        let mut conditions: Vec<String> = frame.present.clone();
        conditions.extend(filter);
        conditions.extend(grants);
        let mut orders = Vec::with_capacity(body.order_by.len());
        for (expr, descending) in &body.order_by {
            orders.push((self.expr(frame, expr), *descending, expr));
        }
        // DISTINCT with ORDER BY is a grouping, because PostgreSQL sorts distinct rows by selected columns only. As in
        // icat.server a row stands there once for each value that it is sorted by.
        let regrouped = body.distinct && !is_grouped && !orders.is_empty();
        if regrouped {
            groups.extend(columns.iter().cloned().chain(orders.iter().map(|(expr, ..)| expr.clone())));
            groups.dedup();
        }
        let distinct = if body.distinct && !regrouped { "DISTINCT " } else { "" };
        if body.distinct && !regrouped && !orders.is_empty() {
            return Err(QueryError::bad("DISTINCT with aggregates must not have ORDER BY"));
        }
        let mut sql = format!("SELECT {distinct}{} FROM {}", columns.join(", "), self.tables(frame));
        clause(&mut sql, " WHERE ", listed(&conditions, " AND "));
        clause(&mut sql, " GROUP BY ", listed(&groups, ", "));
        clause(&mut sql, " HAVING ", having);
        let orders: Vec<String> = orders
            .into_iter()
            .map(|(expr, descending, source)| {
                let grouped = !groups.is_empty() && !source.has_aggregate() && !groups.contains(&expr);
                let (function, direction) = if descending { ("MAX", "DESC") } else { ("MIN", "ASC") };
                let key = if grouped { format!("{function}({expr})") } else { expr };
                if never_null(source, body) {
                    return format!("{key} {direction}");
                }
                // NULLs stand last. Not written as NULLS LAST: with LIMIT and OFFSET it made SQLite skip rows (found by the
                // property test) where the first key has a unique index.
                format!("CASE WHEN {key} IS NULL THEN 1 ELSE 0 END, {key} {direction}")
            })
            .collect();
        clause(&mut sql, " ORDER BY ", listed(&orders, ", "));
        let (offset, count) = body.limit.unwrap_or((0, None));
        let count = count.unwrap_or(u64::MAX).min(self.env.row_cap);
        let count = self.bind(Param::I64(i64::try_from(count).unwrap_or(i64::MAX)));
        let _ = write!(sql, " LIMIT {count}");
        if offset > 0 {
            let offset = self.bind(Param::I64(i64::try_from(offset).unwrap_or(i64::MAX)));
            let _ = write!(sql, " OFFSET {offset}");
        }
        Ok(sql)
    }
}

/// LIMIT 1 says nothing that EXISTS does not, and keeps `SQLite` 3.51 from making a join of it whose rows an OFFSET of the
/// outer query then counts one by one (mended in later versions).
fn exists(select: &str) -> String {
    format!("EXISTS ({select} LIMIT 1)")
}

/// An attribute of the row itself that always has a value, and a row that is always there: its index gives the order.
fn never_null(expr: &Expr, body: &Body) -> bool {
    let Expr::Path(path) = expr else { return false };
    let always_there = |source: &super::tree::Source| match &source.origin {
        Origin::Root => true,
        Origin::Join { left, .. } => !left,
    };
    path.steps.is_empty()
        && path.field.is_none_or(|field| !field.nullable)
        && body.sources.iter().any(|source| source.var == path.var && always_there(source))
}

fn listed(parts: &[String], between: &str) -> Option<String> {
    if parts.is_empty() { None } else { Some(parts.join(between)) }
}

/// Parenthesised in halves, because `SQLite` refuses a chain of more than 1,000 terms as too deep.
fn balanced(parts: &[String], word: &str) -> String {
    const SHORT: usize = 50;
    if parts.len() <= SHORT {
        return format!("({})", parts.join(word));
    }
    let (first, second) = parts.split_at(parts.len() / 2);
    format!("({}{word}{})", balanced(first, word), balanced(second, word))
}

fn clause(sql: &mut String, word: &str, rest: Option<String>) {
    if let Some(rest) = rest {
        sql.push_str(word);
        sql.push_str(&rest);
    }
}
