//! The conditions under which rules cover a row.
//!
//! Rules are arranged by the relations that lead to the row that decides, so that each ancestor is looked up once. What a set of
//! granted rows answers is looked up there. Conditions are evaluated row by row, so that their cost depends on the rows in
//! question, or for queries on whole tables as lists of ancestors.

use std::sync::Arc;

use icat_client::schema::{Entity, ToOne};

use super::{Scope, SqlWriter, join_balanced};
use crate::query::rule::{GrantSet, Rule};
use crate::query::statement::Param;
use crate::query::tree::SelectBody;

/// Rules about rows of one entity, by the relations to the rows that decide.
struct RuleTree<'r> {
    entity: &'static Entity,
    sets: Vec<GrantSet>,
    selects: Vec<&'r SelectBody>,
    parents: Vec<(&'static ToOne, RuleTree<'r>)>,
}

impl<'r> RuleTree<'r> {
    fn empty(entity: &'static Entity) -> Self {
        Self { entity, sets: Vec::new(), selects: Vec::new(), parents: Vec::new() }
    }

    fn new(entity: &'static Entity, rules: &'r [Arc<Rule>], uses_sets: bool) -> Self {
        let mut tree = Self::empty(entity);
        for rule in rules {
            let mut node = &mut tree;
            for relation in &rule.path {
                node = node.parent_node(relation);
            }
            match rule.grant {
                Some(set) if uses_sets => node.sets.push(set),
                _ => node.selects.push(&rule.body),
            }
        }
        tree.sort_sets();
        tree
    }

    fn parent_node(&mut self, relation: &'static ToOne) -> &mut Self {
        let known = self.parents.iter().position(|(known, _)| known.name == relation.name);
        let index = known.unwrap_or(self.parents.len());
        if known.is_none() {
            self.parents.push((relation, Self::empty(relation.target())));
        }
        &mut self.parents[index].1
    }

    fn find_ancestor(&self, path: &[&'static ToOne]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, relation| {
            tree.parents.iter().find(|(known, _)| known.name == relation.name).map(|(_, parent)| parent)
        })
    }

    /// Several rules may have the same set.
    fn sort_sets(&mut self) {
        self.sets.sort_unstable();
        self.sets.dedup();
        for (_, parent) in &mut self.parents {
            parent.sort_sets();
        }
    }
}

impl SqlWriter<'_> {
    /// The condition that at least one rule covers the row. It does not hold for a NULL id.
    pub fn rules_condition(&mut self, id: &str, rules: &[Arc<Rule>]) -> String {
        self.ancestor_rules_condition(id, rules, &[])
    }

    /// The same for the ancestor of rows to which `path` leads; each of the rules must depend on the ancestor alone.
    pub fn ancestor_rules_condition(&mut self, id: &str, rules: &[Arc<Rule>], path: &[&'static ToOne]) -> String {
        let Some(rule) = rules.first() else { return "1 = 0".to_owned() };
        // Rules see all rows, and grouping of the outer query does not apply inside a rule.
        let around = (self.visibility.take(), self.groups.take(), std::mem::take(&mut self.is_selecting));
        let tree = RuleTree::new(rule.entity, rules, self.env.granted_user.is_some());
        let condition = match tree.find_ancestor(path) {
            None => "1 = 0".to_owned(),
            Some(tree) if self.scope != Scope::FewRows => self.write_tree_as_lists(tree, id),
            Some(tree) => self.write_tree_by_row(tree, id),
        };
        (self.visibility, self.groups, self.is_selecting) = around;
        condition
    }

    /// The same as one list of all rows that the rules cover.
    pub fn ancestor_rules_list(&mut self, rules: &[Arc<Rule>], path: &[&'static ToOne]) -> Option<String> {
        let around = (self.visibility.take(), self.groups.take(), std::mem::take(&mut self.is_selecting));
        let tree = RuleTree::new(rules.first()?.entity, rules, self.env.granted_user.is_some());
        let list = tree.find_ancestor(path).map(|tree| self.write_tree_list(tree));
        (self.visibility, self.groups, self.is_selecting) = around;
        list
    }

    /// A select of the rows that decide about others, of which lists would be made; `None` if there are none, because each row
    /// decides about itself.
    pub fn deciding_rows(&mut self, rules: &[Arc<Rule>]) -> Option<String> {
        let around = (self.visibility.take(), self.groups.take(), std::mem::take(&mut self.is_selecting));
        let tree = RuleTree::new(rules.first()?.entity, rules, self.env.granted_user.is_some());
        let mut lists = self.write_granted_lists(&tree.sets);
        for (_, parent) in &tree.parents {
            self.write_deciding_rows(parent, &mut lists);
        }
        (self.visibility, self.groups, self.is_selecting) = around;
        (!lists.is_empty()).then(|| lists.join(" UNION ALL "))
    }

    fn write_deciding_rows(&mut self, tree: &RuleTree<'_>, lists: &mut Vec<String>) {
        lists.extend(self.write_granted_lists(&tree.sets));
        for body in &tree.selects {
            lists.push(self.write_sub_select(body, None));
        }
        for (_, parent) in &tree.parents {
            self.write_deciding_rows(parent, lists);
        }
    }

    /// Looks up the row and its ancestors.
    fn write_tree_by_row(&mut self, tree: &RuleTree<'_>, id: &str) -> String {
        let mut conditions = Vec::new();
        for (user, sets) in self.split_by_user(&tree.sets) {
            let (sets, user) = (write_set_list(&sets), self.bind_parameter(Param::I64(user)));
            let select = format!("SELECT 1 FROM grant_row WHERE {sets} AND user_id = {user} AND row_id = {id}");
            conditions.push(probe_condition(&select));
        }
        for body in &tree.selects {
            conditions.push(self.write_select_probe(body, id));
        }
        if let Some(row) = id.strip_suffix(".id") {
            conditions.extend(self.write_parents_by_row(tree, row));
        } else if !tree.parents.is_empty() {
            let row = self.new_alias();
            let parents = join_balanced(&self.write_parents_by_row(tree, &row), " OR ");
            let select = format!("SELECT 1 FROM {} {row} WHERE {row}.id = {id} AND {parents}", tree.entity.table);
            conditions.push(probe_condition(&select));
        }
        join_balanced(&conditions, " OR ")
    }

    fn write_parents_by_row(&mut self, tree: &RuleTree<'_>, row: &str) -> Vec<String> {
        let parents = tree.parents.iter();
        parents
            .map(|(relation, parent)| self.write_tree_by_row(parent, &format!("{row}.{}", relation.column)))
            .collect()
    }

    /// The condition that a select yields the row with this id.
    fn write_select_probe(&mut self, body: &SelectBody, id: &str) -> String {
        let mut frame = self.build_from_clause(body, None);
        let selected: Vec<String> = body.selected.iter().map(|expr| self.write_expression(&mut frame, expr)).collect();
        let mut conditions = vec![format!("{} = {id}", selected.join(", "))];
        conditions.extend(body.filter.as_ref().map(|cond| self.write_condition(&mut frame, cond)));
        let tables = match frame.tables.as_slice() {
            [(entity, alias)] => self.env.engine.row_by_id(entity.table, alias, id),
            _ => self.write_tables(&frame),
        };
        probe_condition(&format!("SELECT 1 FROM {tables} WHERE {}", conditions.join(" AND ")))
    }

    /// Compares the foreign keys of the row with lists of parents.
    fn write_tree_as_lists(&mut self, tree: &RuleTree<'_>, id: &str) -> String {
        let mut conditions = Vec::new();
        let granted = self.write_granted_lists(&tree.sets);
        if !granted.is_empty() {
            conditions.push(format!("{id} IN ({})", granted.join(" UNION ALL ")));
        }
        for body in &tree.selects {
            conditions.push(self.write_select_probe(body, id));
        }
        for (relation, parent) in &tree.parents {
            match id.strip_suffix(".id") {
                Some(row) => {
                    let parents = self.write_tree_list(parent);
                    conditions.push(format!("{row}.{} IN ({parents})", relation.column));
                }
                None => {
                    let rows = self.write_rows_of_parents(tree.entity, relation, parent);
                    conditions.push(format!("{id} IN ({rows})"));
                }
            }
        }
        join_balanced(&conditions, " OR ")
    }

    /// A select of the ids of all rows that the rules cover.
    fn write_tree_list(&mut self, tree: &RuleTree<'_>) -> String {
        let mut lists = self.write_granted_lists(&tree.sets);
        for body in &tree.selects {
            lists.push(self.write_sub_select(body, None));
        }
        for (relation, parent) in &tree.parents {
            lists.push(self.write_rows_of_parents(tree.entity, relation, parent));
        }
        lists.join(" UNION ALL ")
    }

    fn write_rows_of_parents(
        &mut self,
        entity: &'static Entity,
        relation: &'static ToOne,
        parent: &RuleTree<'_>,
    ) -> String {
        let parents = self.write_tree_list(parent);
        let row = self.new_alias();
        format!("SELECT {row}.id AS v FROM {} {row} WHERE {row}.{} IN ({parents})", entity.table, relation.column)
    }

    /// Selects of the granted rows, for the user and for everybody.
    pub fn write_granted_lists(&mut self, sets: &[GrantSet]) -> Vec<String> {
        let mut lists = Vec::new();
        for (user, sets) in self.split_by_user(sets) {
            let (sets, user) = (write_set_list(&sets), self.bind_parameter(Param::I64(user)));
            lists.push(format!("SELECT row_id AS v FROM grant_row WHERE {sets} AND user_id = {user}"));
        }
        lists
    }

    /// The ids of sets by the user under whom their rows stand.
    fn split_by_user(&self, sets: &[GrantSet]) -> Vec<(i64, Vec<i64>)> {
        let of = |for_everybody: bool| -> Vec<i64> {
            sets.iter().filter(|set| set.for_everybody == for_everybody).map(|set| set.id).collect()
        };
        let user = self.env.granted_user.unwrap_or_default();
        [(user, of(false)), (0, of(true))].into_iter().filter(|(_, sets)| !sets.is_empty()).collect()
    }
}

fn write_set_list(sets: &[i64]) -> String {
    match sets {
        [set] => format!("set_id = {set}"),
        sets => format!("set_id IN ({})", sets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Whether a select has a row, looked up for each row of the outer query: with OFFSET `PostgreSQL` neither joins it nor lists
/// its rows beforehand.
pub fn probe_condition(select: &str) -> String {
    format!("EXISTS ({select} LIMIT 1 OFFSET 0)")
}
