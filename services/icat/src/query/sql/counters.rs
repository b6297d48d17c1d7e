//! Writes searches that counters of datafiles answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use icat_client::schema::{Entity, ToOne};

use super::from_clause::FromClause;
use super::ordering::order_with_nulls_last;
use super::{AccessLookup, Scope, SqlWriter, join_parts, push_clause};
use crate::query::counted_search::{CountedColumn, CountedSearch};
use crate::query::environment::QueryEnvironment;
use crate::query::rule::{Access, Rule};
use crate::query::statement::Statement;
use crate::query::tree::{Column, SearchQuery};
use crate::store::datafile_counters::CounterLevel;

/// The statement of a search that counters answer; `None` if they cannot, or if the user may read no datafile.
pub fn compile_counted(
    search: &SearchQuery,
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Option<Statement> {
    let by_dataset = CountedSearch::from_search(search)?;
    let by_investigation =
        by_dataset.by_investigation().and_then(|counted| write_counted(&counted, &search.columns, access, env));
    by_investigation.or_else(|| write_counted(&by_dataset, &search.columns, access, env))
}

/// Rules about datafiles, or about rows on the way to the owners, and the relations from there to the owners.
type OwnerRules<'c> = Vec<(Vec<Arc<Rule>>, &'c [&'static ToOne])>;

/// The rules that decide which owners count; `None` if they depend on other rows, or if the user may read nothing.
fn find_owner_rules<'c>(
    counted: &'c CountedSearch,
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Option<OwnerRules<'c>> {
    let mut restrictions: Vec<(usize, &'static Entity)> = vec![(0, icat_client::schema::find_entity("Datafile")?)];
    if env.strict {
        restrictions.extend(counted.joined.iter().map(|steps| (*steps, counted.path[*steps - 1].target())));
    }
    if counted.columns.iter().any(|column| counted.is_of_owner(*column)) {
        restrictions.push((counted.path.len(), counted.owner));
    }
    let mut rules: OwnerRules<'c> = Vec::new();
    for (steps, entity) in restrictions {
        match access(entity) {
            Access::All => {}
            Access::None => return None,
            Access::Rules(of_entity) => {
                let path = &counted.path[steps..];
                if !of_entity.iter().all(|rule| depends_on_ancestor(rule, path)) {
                    return None;
                }
                let known = |(other, other_path): &(Vec<Arc<Rule>>, &[&'static ToOne])| {
                    describe_rules(other, other_path) == describe_rules(&of_entity, path)
                };
                if !rules.iter().any(known) {
                    rules.push((of_entity, path));
                }
            }
        }
    }
    Some(rules)
}

fn write_counted(
    counted: &CountedSearch,
    columns: &[Column],
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Option<Statement> {
    let rules = find_owner_rules(counted, access, env)?;
    let mut writer = SqlWriter {
        visibility: env.strict.then_some(access),
        access: Some(access),
        scope: Scope::from_filter(counted.body.filter.as_ref()),
        ..SqlWriter::new(*env)
    };
    let everything = counted.selects_everything();
    let level = match counted.owner.name {
        _ if everything && rules.is_empty() => CounterLevel::Catalogue,
        "Dataset" => CounterLevel::Dataset,
        _ => CounterLevel::Investigation,
    };
    let mut conditions = vec![format!("c.level = {}", level.as_i64())];
    let (mut tables, mut groups) = ("datafile_counter c".to_owned(), Vec::new());
    if everything {
        for (rules, path) in rules {
            conditions.push(format!("c.owner_id IN ({})", writer.ancestor_rules_list(&rules, path)?));
        }
    } else {
        let mut frame = writer.build_from_clause_of_owners(&counted.body);
        let filter = counted.body.filter.as_ref().map(|cond| writer.write_condition(&mut frame, cond));
        let mut of_owners: Vec<String> = filter.map(|cond| format!("({cond})")).into_iter().collect();
        let owner_id = format!("{}.id", frame.find_alias(counted.var));
        for (rules, path) in rules {
            of_owners.push(writer.ancestor_rules_condition(&owner_id, &rules, path));
        }
        groups = writer.write_group_by(&mut frame, &counted.body);
        of_owners.extend(writer.write_group_grants(&mut frame, counted, columns, access)?);
        let owners = writer.write_tables(&frame);
        if counted.is_distinct {
            let filter = join_parts(&of_owners, " AND ").map(|cond| format!(" WHERE {cond}")).unwrap_or_default();
            conditions.push(format!("c.owner_id IN (SELECT {owner_id} FROM {owners}{filter})"));
        } else {
            tables = format!("{owners} JOIN {tables} ON c.owner_id = {owner_id}");
            conditions.extend(of_owners);
        }
    }
    // What can fail is evaluated on datafiles, so that its errors do not depend on the counters.
    if writer.can_fail || writer.exceeds_limits() {
        return None;
    }
    let columns: Vec<String> = counted.columns.iter().map(|column| writer.write_sum(*column, &groups)).collect();
    let mut sql = format!("SELECT {} FROM {tables}", columns.join(", "));
    push_clause(&mut sql, " WHERE ", join_parts(&conditions, " AND "));
    if groups.is_empty() {
        return Some(Statement { row_limit: Some(1), ..Statement::new(sql, writer.params) });
    }
    // An owner whose files were deleted still has counters.
    push_clause(&mut sql, " GROUP BY ", join_parts(&groups, ", "));
    sql.push_str(" HAVING CAST(SUM(c.files) AS BIGINT) > 0");
    let orders: Vec<(String, bool)> =
        counted.order.iter().map(|(column, descending)| (writer.write_sum(*column, &groups), *descending)).collect();
    let orders = orders.iter().map(|(key, descending)| order_with_nulls_last(key, *descending)).collect::<Vec<_>>();
    push_clause(&mut sql, " ORDER BY ", join_parts(&orders, ", "));
    let row_limit = writer.write_limit(&mut sql, &counted.body);
    let is_sorted = !orders.is_empty();
    Some(Statement { is_sorted, row_limit, ..Statement::new(sql, writer.params) })
}

/// Whether a rule decides about rows by the ancestor to which `path` leads, or by one of its ancestors.
fn depends_on_ancestor(rule: &Rule, path: &[&'static ToOne]) -> bool {
    rule.path.len() >= path.len() && rule.path.iter().zip(path).all(|(known, one)| known.name == one.name)
}

/// What rules say about the ancestor to which `path` leads; mostly the same for datafiles, datasets and investigations.
fn describe_rules(rules: &[Arc<Rule>], path: &[&'static ToOne]) -> BTreeSet<String> {
    let describe = |rule: &Arc<Rule>| {
        let rest: Vec<&str> = rule.path[path.len()..].iter().map(|one| one.name).collect();
        match rule.grant {
            Some(set) => format!("{rest:?} {set:?}"),
            None => format!("{rest:?} {:?}", rule.body),
        }
    };
    rules.iter().map(describe).collect()
}

impl SqlWriter<'_> {
    /// The conditions that the user may read the rows at the ends of the paths that are grouped by and selected; `None` if there
    /// are rows of an entity that the user may not read. The rules about owners are conditions already.
    fn write_group_grants(
        &mut self,
        frame: &mut FromClause<'_>,
        counted: &CountedSearch,
        columns: &[Column],
        access: AccessLookup<'_>,
    ) -> Option<Vec<String>> {
        let mut rows = Vec::new();
        for (place, column) in counted.columns.iter().zip(columns) {
            let CountedColumn::Group(index) = place else { continue };
            if !counted.is_of_owner(*place) {
                let column = Column { kind: column.kind, expr: counted.body.group_by[*index].clone() };
                self.rows_to_authorize(frame, &counted.body, &column, &mut rows);
            }
        }
        let mut grants = Vec::new();
        for (entity, id) in rows {
            match access(entity) {
                Access::All => {}
                Access::None => return None,
                Access::Rules(rules) => grants.push(self.add_grant(frame, &id, &rules)),
            }
        }
        Some(grants)
    }

    fn write_sum(&self, column: CountedColumn, groups: &[String]) -> String {
        match column {
            CountedColumn::Group(index) => groups[index].clone(),
            CountedColumn::Files => "CAST(COALESCE(SUM(c.files), 0) AS BIGINT)".to_owned(),
            CountedColumn::Size => {
                let size = self
                    .env
                    .engine
                    .whole_number("(CAST(SUM(c.size_high) AS BIGINT) * 4294967296 + CAST(SUM(c.size_low) AS BIGINT))");
                format!("CASE WHEN CAST(SUM(c.sized_files) AS BIGINT) > 0 THEN CAST({size} AS BIGINT) END")
            }
        }
    }
}
