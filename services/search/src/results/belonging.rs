//! Rows that belong to others: the parameters of datafiles, the instruments of investigations.

use crate::domain::entity::EntityKind;
use crate::domain::plan::{Ids, Plan};
use crate::error::Error;
use crate::planner::Planner;

impl Planner<'_> {
    /// The rows of `entity` that belong to these rows of `target`, as icat.server joins them: by a relation to the target, by a
    /// row that both refer to, or through the samples of an investigation. Blocks the thread.
    pub fn plan_belonging(&self, entity: EntityKind, target: EntityKind, ids: &Ids) -> Result<Plan, Error> {
        if entity == target {
            return Ok(Plan::Ids(ids.clone()));
        }
        if let Some(relation) = entity.find_relation_to(target) {
            return Ok(Plan::Related(relation, ids.clone()));
        }
        for shared in target.relations() {
            if let Some(relation) = entity.find_relation_to(shared.target) {
                let shared = self.collect_ids(target, &Plan::Ids(ids.clone()), Some(shared.name))?;
                return Ok(Plan::Related(relation, shared));
            }
        }
        for between in entity.relations() {
            if let Some(relation) = between.target.find_relation_to(target) {
                let between_ids = self.collect_ids(between.target, &Plan::Related(relation, ids.clone()), None)?;
                return Ok(Plan::Related(between.name, between_ids));
            }
        }
        Ok(Plan::Nothing)
    }
}
