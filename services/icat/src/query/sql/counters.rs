//! Writes searches that counters of datafiles answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use icat_client::schema::ToOne;

use super::{AccessLookup, Scope, SqlWriter, join_parts, push_clause};
use crate::query::counted_search::{Counted, CountedSearch};
use crate::query::environment::QueryEnvironment;
use crate::query::rule::{Access, Rule};
use crate::query::statement::Statement;
use crate::query::tree::SearchQuery;
use crate::store::datafile_counters::CounterLevel;

/// The statement of a search that counters answer; `None` if they cannot, or if the user may read no datafile.
pub fn compile_counted(
    search: &SearchQuery,
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Option<Statement> {
    let by_dataset = CountedSearch::from_search(search)?;
    let by_investigation = by_dataset.by_investigation().and_then(|counted| write_counted(&counted, access, env));
    by_investigation.or_else(|| write_counted(&by_dataset, access, env))
}

fn write_counted(counted: &CountedSearch, access: AccessLookup<'_>, env: &QueryEnvironment<'_>) -> Option<Statement> {
    let mut restrictions = vec![(0, icat_client::schema::find_entity("Datafile")?)];
    if env.strict {
        restrictions.extend(counted.joined.iter().map(|steps| (*steps, counted.path[*steps - 1].target())));
    }
    let mut rules = Vec::new();
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
    let (mut tables, mut owner_id) = ("datafile_counter c".to_owned(), "c.owner_id".to_owned());
    if !everything {
        let mut frame = writer.build_from_clause_of_owners(&counted.body);
        let filter = counted.body.filter.as_ref().map(|cond| writer.write_condition(&mut frame, cond));
        conditions.extend(filter.map(|cond| format!("({cond})")));
        owner_id = format!("{}.id", frame.find_alias(counted.var));
        tables = format!("{} JOIN {tables} ON c.owner_id = {owner_id}", writer.write_tables(&frame));
    }
    for (rules, path) in rules {
        conditions.push(if everything {
            format!("c.owner_id IN ({})", writer.ancestor_rules_list(&rules, path)?)
        } else {
            writer.ancestor_rules_condition(&owner_id, &rules, path)
        });
    }
    // What can fail is evaluated on datafiles, so that its errors do not depend on the counters.
    if writer.can_fail || writer.exceeds_limits() {
        return None;
    }
    let columns: Vec<String> = counted.counted.iter().map(|counted| writer.write_sum(*counted)).collect();
    let mut sql = format!("SELECT {} FROM {tables}", columns.join(", "));
    push_clause(&mut sql, " WHERE ", join_parts(&conditions, " AND "));
    Some(Statement { row_limit: Some(1), ..Statement::new(sql, writer.params) })
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
    fn write_sum(&self, counted: Counted) -> String {
        match counted {
            Counted::Files => "CAST(COALESCE(SUM(c.files), 0) AS BIGINT)".to_owned(),
            Counted::Size => {
                let size = self
                    .env
                    .engine
                    .whole_number("(CAST(SUM(c.size_high) AS BIGINT) * 4294967296 + CAST(SUM(c.size_low) AS BIGINT))");
                format!("CASE WHEN CAST(SUM(c.sized_files) AS BIGINT) > 0 THEN CAST({size} AS BIGINT) END")
            }
        }
    }
}
