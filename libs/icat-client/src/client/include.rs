//! The INCLUDE clause. ICAT requires that each relation is listed once, with a name if several relations start there:
//! `INCLUDE o.investigation AS i1, i1.facility, i1.type`. Therefore the paths are turned into a tree.

use super::query::QueryError;
use crate::schema::{Entity, Member};

/// The relations to follow from a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Includes {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    relation: &'static str,
    many: bool,
    below: Includes,
}

impl Includes {
    /// Adds `relation.relation…`.
    pub(super) fn add_path(&mut self, entity: &'static Entity, path: &str) -> Result<(), QueryError> {
        let (mut here, mut entity) = (self, entity);
        for name in path.split('.') {
            let (relation, target, many) = match entity.find_member(name) {
                Some(Member::One(one)) => (one.name, one.target(), false),
                Some(Member::Many(many)) => (many.name, many.target(), true),
                _ => return Err(QueryError::unknown_member(entity, name)),
            };
            let known = here.steps.iter().position(|step| step.relation == relation);
            let place = known.unwrap_or_else(|| {
                here.steps.push(Step { relation, many, below: Self::default() });
                here.steps.len() - 1
            });
            here = &mut here.steps[place].below;
            entity = target;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The maximum number of included entities per row; `None` if there is no limit.
    pub(super) fn per_row(&self) -> Option<u64> {
        self.steps.iter().try_fold(0, |sum, step| {
            let below = step.below.per_row()?;
            (!step.many).then_some(sum + 1 + below)
        })
    }

    /// ` INCLUDE …`, or nothing.
    pub(super) fn render_clause(&self, variable: &str) -> String {
        let mut parts = Vec::new();
        self.push_parts(variable, &mut parts, &mut 0);
        if parts.is_empty() { String::new() } else { format!(" INCLUDE {}", parts.join(", ")) }
    }

    fn push_parts(&self, variable: &str, parts: &mut Vec<String>, names: &mut usize) {
        for step in &self.steps {
            if step.below.is_empty() {
                parts.push(format!("{variable}.{}", step.relation));
                continue;
            }
            *names += 1;
            let name = format!("i{names}");
            parts.push(format!("{variable}.{} AS {name}", step.relation));
            step.below.push_parts(&name, parts, names);
        }
    }
}
