//! What can fail is evaluated on rows that the user may read and on no others: an error would say what stands in a row
//! that is hidden. The engines evaluate the conditions of a WHERE clause in any order, also those of its sub-selects and
//! HAVING, and the branches of a CASE in theirs.

use std::slice;
use std::sync::Arc;

use icat_client::schema::Entity;

use super::from_clause::FromClause;
use super::{SqlWriter, join_balanced};
use crate::query::rule::Rule;
use crate::query::tree::{Condition, SelectBody};

/// A condition of several that must all hold.
struct Conjunct {
    sql: String,
    can_fail: bool,
    has_aggregate: bool,
}

impl SqlWriter<'_> {
    /// Writes something; whether that can fail on a row.
    pub fn track_failures<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = std::mem::take(&mut self.can_fail);
        let written = write(self);
        let can_fail = self.can_fail;
        self.can_fail |= before;
        (written, can_fail)
    }

    /// What makes a row of this select count as present. Beyond a LEFT JOIN there may be none.
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

    /// What must hold for a selected row that neither FROM nor a join has seen to.
    pub fn add_grant(&mut self, frame: &mut FromClause<'_>, id: &str, rules: &[Arc<Rule>]) -> String {
        let (grant, can_fail) = self.track_failures(|writer| writer.rules_condition(id, rules));
        if can_fail && self.visible.is_some() {
            frame.rights_can_fail = true;
            frame.rights.push(grant.clone());
        }
        grant
    }

    /// The conditions of the WHERE and HAVING clauses.
    pub fn write_where_and_having(
        &mut self,
        frame: &mut FromClause<'_>,
        body: &SelectBody,
    ) -> (Option<String>, Option<String>) {
        let mut filter = self.split_conjuncts(frame, body.filter.as_ref());
        let mut having = self.split_conjuncts(frame, body.having.as_ref());
        if !frame.rights.is_empty() {
            // The engines themselves move a condition on what is grouped by to WHERE.
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

/// Where a rule can fail too, no condition may choose the rows that it is asked about.
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

/// The columns of a sub-select, which the engines may make part of the select around it; with those groups that can fail.
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
        // What is aggregated comes after WHERE.
        if is_group || (can_fail && !is_grouped) { guard_with_rights(frame, &sql) } else { sql }
    });
    let columns = columns.collect();
    for at in failing {
        groups[*at] = guard_with_rights(frame, &groups[*at]);
    }
    columns
}
