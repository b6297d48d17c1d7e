//! Guards expressions that can fail, so that they are evaluated only on rows that the user may read: an error would reveal
//! data of a hidden row. Engines evaluate the conditions of WHERE, HAVING and sub-selects in any order, but the branches of
//! CASE in the written order.

use std::slice;
use std::sync::Arc;

use icat_client::schema::Entity;

use super::from_clause::FromClause;
use super::{SqlWriter, join_balanced};
use crate::query::rule::Rule;
use crate::query::tree::{Condition, SelectBody};

/// One of several conditions joined by AND.
struct Conjunct {
    sql: String,
    can_fail: bool,
    has_aggregate: bool,
}

impl SqlWriter<'_> {
    /// Runs `write`; returns its result and whether what it wrote can fail on a row.
    pub fn track_failures<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = std::mem::take(&mut self.can_fail);
        let written = write(self);
        let can_fail = self.can_fail;
        self.can_fail |= before;
        (written, can_fail)
    }

    /// Adds the visibility condition of a row to the select's rights and returns it. After a LEFT JOIN there may be no row.
    pub fn add_visibility(
        &mut self,
        frame: &mut FromClause<'_>,
        entity: &'static Entity,
        alias: &str,
        left: bool,
    ) -> Option<String> {
        let (present, can_fail) =
            self.track_failures(|writer| writer.visibility_condition(entity, &format!("{alias}.id")));
        let present = present?;
        frame.rights_can_fail |= can_fail;
        frame.rights.push(if left { format!("({present} OR {alias}.id IS NULL)") } else { present.clone() });
        Some(present)
    }

    /// Adds and returns the condition that rules cover a selected row that neither FROM nor a join restricts.
    pub fn add_grant(&mut self, frame: &mut FromClause<'_>, id: &str, rules: &[Arc<Rule>]) -> String {
        let (grant, can_fail) = self.track_failures(|writer| writer.rules_condition(id, rules));
        if can_fail && self.visibility.is_some() {
            frame.rights_can_fail = true;
            frame.rights.push(grant.clone());
        }
        grant
    }

    /// Writes the conditions of the WHERE and HAVING clauses.
    pub fn write_where_and_having(
        &mut self,
        frame: &mut FromClause<'_>,
        body: &SelectBody,
    ) -> (Option<String>, Option<String>) {
        let mut filter = self.split_conjuncts(frame, body.filter.as_ref());
        let mut having = self.split_conjuncts(frame, body.having.as_ref());
        if !frame.rights.is_empty() {
            // Engines move a condition on grouped expressions to WHERE, so it is guarded there.
            let moves = |part: &mut Conjunct| {
                !body.group_by.is_empty() && !part.has_aggregate && (part.can_fail || frame.rights_can_fail)
            };
            filter.extend(having.extract_if(.., moves));
        }
        let (guarded, plain): (Vec<Conjunct>, Vec<Conjunct>) =
            filter.into_iter().partition(|part| needs_guard(frame, slice::from_ref(part)));
        let guarded = join_conjunct_sql(guarded).map(|cond| guard_with_rights(frame, &cond));
        let plain = join_conjunct_sql(plain);
        (join_with_and(plain.into_iter().chain(guarded).collect()), join_conjunct_sql(having))
    }

    fn split_conjuncts(&mut self, frame: &mut FromClause<'_>, cond: Option<&Condition>) -> Vec<Conjunct> {
        let conds = match cond {
            Some(Condition::And(parts)) => parts.as_slice(),
            Some(cond) => slice::from_ref(cond),
            None => &[],
        };
        let mut parts = Vec::with_capacity(conds.len());
        for cond in conds {
            let aggregates = self.aggregates;
            let (sql, can_fail) = self.track_failures(|writer| writer.write_condition(frame, cond));
            parts.push(Conjunct { sql, can_fail, has_aggregate: self.aggregates > aggregates });
        }
        parts
    }
}

/// If a rule can fail too, no other condition may decide on which rows it is evaluated.
fn needs_guard(frame: &FromClause<'_>, parts: &[Conjunct]) -> bool {
    !frame.rights.is_empty() && (frame.rights_can_fail || parts.iter().any(|part| part.can_fail))
}

fn join_conjunct_sql(parts: Vec<Conjunct>) -> Option<String> {
    join_with_and(parts.into_iter().map(|part| part.sql).collect())
}

fn join_with_and(mut parts: Vec<String>) -> Option<String> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(join_balanced(&parts, " AND ")),
    }
}

fn guard_with_rights(frame: &FromClause<'_>, sql: &str) -> String {
    format!("CASE WHEN {} THEN {sql} END", join_balanced(&frame.rights, " AND "))
}

/// Guards the columns of a sub-select, and the grouped expressions that can fail: engines may merge a sub-select into the
/// outer select.
pub fn guard_columns(
    frame: &FromClause<'_>,
    columns: Vec<(String, bool)>,
    (groups, failing): (&mut [String], &[usize]),
    is_grouped: bool,
) -> Vec<String> {
    if frame.rights.is_empty() {
        return columns.into_iter().map(|(sql, _)| sql).collect();
    }
    let columns = columns.into_iter().map(|(sql, can_fail)| {
        let is_group = failing.iter().any(|at| groups[*at] == sql);
        // Aggregates are computed after WHERE.
        if is_group || (can_fail && !is_grouped) { guard_with_rights(frame, &sql) } else { sql }
    });
    let columns = columns.collect();
    for at in failing {
        groups[*at] = guard_with_rights(frame, &groups[*at]);
    }
    columns
}
