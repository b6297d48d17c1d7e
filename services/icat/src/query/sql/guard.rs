//! What can fail is evaluated on rows that the user may read and on no others: an error would say what stands in a row
//! that is hidden. The engines evaluate the conditions of a WHERE clause in any order, also those of its sub-selects and
//! HAVING, and the branches of a CASE in theirs.

use std::slice;
use std::sync::Arc;

use icat_client::schema::Entity;

use super::frame::Frame;
use super::{Writer, balanced};
use crate::query::Rule;
use crate::query::tree::{Body, Cond};

/// A condition of several that must all hold.
struct Part {
    sql: String,
    can_fail: bool,
    has_aggregate: bool,
}

impl Writer<'_> {
    /// Writes something; whether that can fail on a row.
    pub fn noting<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let before = std::mem::take(&mut self.can_fail);
        let written = write(self);
        let can_fail = self.can_fail;
        self.can_fail |= before;
        (written, can_fail)
    }

    /// What makes a row of this select count as present. Beyond a LEFT JOIN there may be none.
    pub fn admit(&mut self, frame: &mut Frame<'_>, entity: &'static Entity, alias: &str, left: bool) -> Option<String> {
        let (present, can_fail) = self.noting(|writer| writer.present(entity, &format!("{alias}.id")));
        let present = present?;
        frame.rights_can_fail |= can_fail;
        frame.rights.push(if left { format!("({present} OR {alias}.id IS NULL)") } else { present.clone() });
        Some(present)
    }

    /// What must hold for a selected row that neither FROM nor a join has seen to.
    pub fn grant(&mut self, frame: &mut Frame<'_>, id: &str, rules: &[Arc<Rule>]) -> String {
        let (grant, can_fail) = self.noting(|writer| writer.readable(id, rules));
        if can_fail && self.visible.is_some() {
            frame.rights_can_fail = true;
            frame.rights.push(grant.clone());
        }
        grant
    }

    /// The conditions of the WHERE and HAVING clauses.
    pub fn conditions(&mut self, frame: &mut Frame<'_>, body: &Body) -> (Option<String>, Option<String>) {
        let mut filter = self.parts(frame, body.filter.as_ref());
        let mut having = self.parts(frame, body.having.as_ref());
        if !frame.rights.is_empty() {
            // The engines themselves move a condition on what is grouped by to WHERE.
            let moves = |part: &mut Part| {
                !body.group_by.is_empty() && !part.has_aggregate && (part.can_fail || frame.rights_can_fail)
            };
            filter.extend(having.extract_if(.., moves));
        }
        let (guarded, plain): (Vec<Part>, Vec<Part>) =
            filter.into_iter().partition(|part| is_guarded(frame, slice::from_ref(part)));
        let guarded = all(guarded).map(|cond| guard(frame, &cond));
        let plain = all(plain);
        (all_of(plain.into_iter().chain(guarded).collect()), all(having))
    }

    fn parts(&mut self, frame: &mut Frame<'_>, cond: Option<&Cond>) -> Vec<Part> {
        let conds = match cond {
            Some(Cond::And(parts)) => parts.as_slice(),
            Some(cond) => slice::from_ref(cond),
            None => &[],
        };
        let mut parts = Vec::with_capacity(conds.len());
        for cond in conds {
            let aggregates = self.aggregates;
            let (sql, can_fail) = self.noting(|writer| writer.cond(frame, cond));
            parts.push(Part { sql, can_fail, has_aggregate: self.aggregates > aggregates });
        }
        parts
    }
}

/// Where a rule can fail too, no condition may choose the rows that it is asked about.
fn is_guarded(frame: &Frame<'_>, parts: &[Part]) -> bool {
    !frame.rights.is_empty() && (frame.rights_can_fail || parts.iter().any(|part| part.can_fail))
}

fn all(parts: Vec<Part>) -> Option<String> {
    all_of(parts.into_iter().map(|part| part.sql).collect())
}

fn all_of(mut parts: Vec<String>) -> Option<String> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(balanced(&parts, " AND ")),
    }
}

fn guard(frame: &Frame<'_>, sql: &str) -> String {
    format!("CASE WHEN {} THEN {sql} END", balanced(&frame.rights, " AND "))
}

/// The columns of a sub-select, which the engines may make part of the select around it; with those groups that can fail.
pub fn guard_values(
    frame: &Frame<'_>,
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
        if is_group || (can_fail && !is_grouped) { guard(frame, &sql) } else { sql }
    });
    let columns = columns.collect();
    for at in failing {
        groups[*at] = guard(frame, &groups[*at]);
    }
    columns
}
