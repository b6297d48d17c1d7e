//! The GROUP BY clause: what the query lists, and what it selects beside its aggregates.

use super::Writer;
use super::frame::Frame;
use crate::query::tree::{Body, Expr, Path};

impl Writer<'_> {
    /// Selected paths that GROUP BY does not list are grouped by as well, because `PostgreSQL` demands it.
    pub fn groups<'x>(
        &mut self,
        frame: &mut Frame<'_>,
        body: &Body,
        columns: impl Iterator<Item = (&'x Expr, &'x String)>,
    ) -> Vec<String> {
        let mut groups: Vec<String> = body.group_by.iter().map(|expr| self.expr(frame, expr)).collect();
        if groups.is_empty() {
            return groups;
        }
        for (expr, sql) in columns {
            if groups.contains(sql) {
                continue;
            }
            let mut loose: Vec<&Path> = Vec::new();
            expr.paths(
                &mut |path, within| {
                    if !within {
                        loose.push(path);
                    }
                },
                false,
            );
            for path in loose {
                let column = self.path(frame, path);
                if !groups.contains(&column) {
                    groups.push(column);
                }
            }
        }
        groups
    }
}
