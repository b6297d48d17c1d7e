//! Conditions on related rows that a query repeats: the rows are searched for once.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::domain::entity::EntityKind;
use crate::domain::field::Field;
use crate::domain::plan::Plan;
use crate::error::Error;

/// What was found for the conditions of a query so far.
#[derive(Debug, Default)]
pub struct RelatedPlans(RefCell<HashMap<(EntityKind, String), Plan>>);

impl RelatedPlans {
    /// The plan for a condition on a field of related rows; `find` searches for it the first time. Conditions with sets of ids
    /// are searched for each time, because different ones may look the same.
    pub fn find_or_insert(
        &self,
        entity: EntityKind,
        field: &Field,
        condition: Plan,
        find: impl FnOnce(Plan) -> Result<Plan, Error>,
    ) -> Result<Plan, Error> {
        if condition.has_ids() {
            return find(condition);
        }
        let key = (entity, format!("{} {condition:?}", field.path.join(".")));
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let plan = find(condition)?;
        self.0.borrow_mut().insert(key, plan.clone());
        Ok(plan)
    }
}
