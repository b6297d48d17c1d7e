//! The FROM clause of one select as it is built: tables, aliases, and the joins that paths imply.

use std::collections::HashMap;
use std::fmt::Write as _;

use icat_client::schema::{Entity, ToMany, ToOne};

use super::SqlWriter;
use crate::query::tree::{Origin, Path, RULE_RESTRICTED, SelectBody, Step, Var};

#[derive(Default)]
pub struct FromClause<'f> {
    outer: Option<&'f FromClause<'f>>,
    aliases: HashMap<Var, String>,
    pub from: String,
    /// Aliases of implied joins by the alias and relation that they start from.
    implied: HashMap<(String, &'static str), String>,
    pub joins: String,
    /// Visibility conditions of root variables, which have no ON clause.
    pub root_visibility: Vec<String>,
    /// Visibility conditions of all rows of this select, including joined rows.
    pub rights: Vec<String>,
    /// Whether evaluating them can fail.
    pub rights_can_fail: bool,
    /// The tables and their aliases.
    pub tables: Vec<(&'static Entity, String)>,
}

impl FromClause<'_> {
    pub fn find_alias(&self, var: Var) -> String {
        let here = self.aliases.get(&var).cloned();
        here.or_else(|| self.outer.map(|outer| outer.find_alias(var))).unwrap_or_default()
    }
}

impl SqlWriter<'_> {
    /// Builds the FROM clause of a select, with an alias for each variable.
    pub fn build_from_clause<'f>(&mut self, body: &SelectBody, outer: Option<&'f FromClause<'f>>) -> FromClause<'f> {
        self.build_from_clause_with(body, outer, true)
    }

    /// The same without conditions on root variables.
    pub fn build_from_clause_of_owners(&mut self, body: &SelectBody) -> FromClause<'static> {
        self.build_from_clause_with(body, None, false)
    }

    fn build_from_clause_with<'f>(
        &mut self,
        body: &SelectBody,
        outer: Option<&'f FromClause<'f>>,
        restricts_roots: bool,
    ) -> FromClause<'f> {
        let mut frame = FromClause { outer, ..FromClause::default() };
        for source in &body.sources {
            let alias = match &source.origin {
                Origin::Root => {
                    let alias = self.new_alias();
                    let join = if frame.from.is_empty() { "" } else { " CROSS JOIN " };
                    let _ = write!(frame.from, "{join}{} {alias}", source.entity.table);
                    frame.tables.push((source.entity, alias.clone()));
                    if restricts_roots {
                        let present = self.add_visibility(&mut frame, source.entity, &alias, false);
                        frame.root_visibility.extend(present);
                    }
                    alias
                }
                Origin::Join { from, steps, left } => self.write_join(&mut frame, *from, steps, *left),
            };
            frame.aliases.insert(source.var, alias);
        }
        frame
    }

    /// Joins relation by relation; a LEFT JOIN over several relations is a LEFT JOIN at each.
    fn write_join(&mut self, frame: &mut FromClause<'_>, from: Var, steps: &[Step], left: bool) -> String {
        let mut here = frame.find_alias(from);
        let keyword = if left { " LEFT JOIN " } else { " JOIN " };
        for step in steps {
            let alias = self.new_alias();
            let on = match step {
                Step::One(one) => format!("{alias}.id = {here}.{}", one.column),
                Step::Many(many) => format!("{alias}.{} = {here}.id", many.inverse().column),
            };
            let table = step.target().table;
            if frame.from.is_empty() {
                // A sub-select that starts from a variable of the outer select.
                let _ = write!(frame.from, "(SELECT 1 AS one) {}", self.new_alias());
            }
            let _ = write!(frame.from, "{keyword}{table} {alias} ON {on}");
            frame.tables.push((step.target(), alias.clone()));
            if let Some(present) = self.add_visibility(frame, step.target(), &alias, left) {
                let _ = write!(frame.from, " AND {present}");
            }
            here = alias;
        }
        here
    }

    /// Adds implied joins along to-one relations and returns the last alias. Rows without a target drop out, as in JPQL.
    fn join_to_one_path(&mut self, frame: &mut FromClause<'_>, var: Var, steps: &[&'static ToOne]) -> String {
        let mut here = frame.find_alias(var);
        for one in steps {
            let key = (here.clone(), one.name);
            if let Some(known) = frame.implied.get(&key) {
                here.clone_from(known);
                continue;
            }
            let alias = self.new_alias();
            let _ = write!(frame.joins, " JOIN {} {alias} ON {alias}.id = {here}.{}", one.target().table, one.column);
            frame.tables.push((one.target(), alias.clone()));
            if let Some(present) = self.add_visibility(frame, one.target(), &alias, false) {
                let _ = write!(frame.joins, " AND {present}");
            }
            frame.implied.insert(key, alias.clone());
            here = alias;
        }
        here
    }

    /// Writes the column of a path. The id of the last row is read from the foreign key, without a join.
    pub fn write_path(&mut self, frame: &mut FromClause<'_>, path: &Path) -> String {
        let wants_id = path.field.is_none_or(|field| field.name == "id");
        match (path.steps.split_last(), path.field) {
            (Some((last, before)), _) if wants_id => {
                format!("{}.{}", self.join_to_one_path(frame, path.var, before), last.column)
            }
            (None, None) => format!("{}.id", frame.find_alias(path.var)),
            (_, Some(field)) => {
                let alias = self.join_to_one_path(frame, path.var, &path.steps);
                if field.name == RULE_RESTRICTED.name {
                    // A condition of the classic form is in brackets, and strings occur only in conditions.
                    let has_where = self.env.engine.position_of("'WHERE'", &format!("UPPER({alias}.what)"));
                    let has_brackets = self.env.engine.position_of("'['", &format!("{alias}.what"));
                    return format!("CASE WHEN {has_where} > 0 OR {has_brackets} > 0 THEN 1 ELSE 0 END");
                }
                format!("{alias}.{}", field.column)
            }
            (Some(_), None) => unreachable!("a path without a field wants the id"),
        }
    }

    /// Writes a select of the visible rows that a to-many relation leads to.
    pub fn select_members(
        &mut self,
        frame: &mut FromClause<'_>,
        what: &str,
        parent: &Path,
        many: &'static ToMany,
    ) -> String {
        let parent = self.write_path(frame, parent);
        let alias = self.new_alias();
        let (table, column) = (many.target().table, many.inverse().column);
        let what = what.replace("{}", &alias);
        let mut sql = format!("SELECT {what} FROM {table} {alias} WHERE {alias}.{column} = {parent}");
        if let Some(present) = self.visibility_condition(many.target(), &format!("{alias}.id")) {
            let _ = write!(sql, " AND {present}");
        }
        sql
    }
}
