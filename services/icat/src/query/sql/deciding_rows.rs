//! Writes selects of the rows that decide what rules cover.

use std::cmp::Reverse;
use std::sync::Arc;

use icat_client::schema::ToOne;

use super::SqlWriter;
use crate::query::deciding_rows::{DecidingSelect, DecidingSelects};
use crate::query::environment::QueryEnvironment;
use crate::query::rule::{GrantSet, Rule};
use crate::query::statement::Statement;
use crate::query::tree::SelectBody;

/// Selects of the rows that decide what the rules cover: one for the sets of granted rows of each path, and one for each other
/// rule. Each yields at most `max_ids` ids and one more, which tells that there are more.
pub fn compile_deciding_selects(rules: &[Arc<Rule>], max_ids: u64, env: &QueryEnvironment<'_>) -> DecidingSelects {
    let uses_sets = env.granted_user.is_some();
    let (granted, mut selected): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().map(Arc::as_ref).partition(|rule| uses_sets && rule.grant.is_some());
    let mut selects: Vec<DecidingSelect> = group_sets(&granted)
        .into_iter()
        .map(|(path, sets)| {
            let mut writer = SqlWriter::new(*env);
            let select = writer.write_granted_lists(&sets).join(" UNION ALL ");
            DecidingSelect { path, statement: collect_ids(&select, max_ids, writer) }
        })
        .collect();
    let mut is_complete = true;
    selected.sort_by_key(|rule| Reverse(rule.path.len()));
    for rule in selected {
        let mut writer = SqlWriter::new(*env);
        // A join can yield a row many times.
        let body = SelectBody { distinct: rule.body.sources.len() > 1, ..rule.body.clone() };
        let select = writer.write_sub_select(&body, None);
        if writer.can_fail || writer.exceeds_limits() {
            is_complete = false;
            continue;
        }
        let select = DecidingSelect { path: rule.path.clone(), statement: collect_ids(&select, max_ids, writer) };
        // Groups often have the same rule.
        if !selects.contains(&select) {
            selects.push(select);
        }
    }
    DecidingSelects { selects, is_complete }
}

/// The sets of granted rows of each path.
fn group_sets(rules: &[&Rule]) -> Vec<(Vec<&'static ToOne>, Vec<GrantSet>)> {
    let mut groups: Vec<(Vec<&'static ToOne>, Vec<GrantSet>)> = Vec::new();
    for rule in rules {
        match groups.iter_mut().find(|(path, _)| *path == rule.path) {
            Some((_, sets)) => sets.extend(rule.grant),
            None => groups.push((rule.path.clone(), rule.grant.into_iter().collect())),
        }
    }
    for (_, sets) in &mut groups {
        // Several rules may have the same set.
        sets.sort_unstable();
        sets.dedup();
    }
    groups
}

fn collect_ids(select: &str, max_ids: u64, writer: SqlWriter<'_>) -> Statement {
    let limit = max_ids.saturating_add(1);
    let sql = format!("SELECT STRING_AGG(CAST(deciding.v AS TEXT), ',') FROM ({select} LIMIT {limit}) deciding");
    Statement::new(sql, writer.params)
}
