//! Conditions on related rows that a query repeats: the rows are searched for once.

use std::cell::RefCell;
use std::collections::HashMap;

use super::text::{FieldCondition, PathPart};
use crate::domain::entity::EntityKind;
use crate::domain::field::Field;
use crate::domain::plan::Plan;
use crate::error::Error;

/// What was found for the conditions of a query so far.
#[derive(Debug, Default)]
pub struct RelatedPlans(RefCell<HashMap<(EntityKind, String), Plan>>);

impl RelatedPlans {
    /// The plan for a condition on a field of related rows; `find` searches for it the first time.
    pub(super) fn find_or_insert(
        &self,
        entity: EntityKind,
        (field, part): (&Field, PathPart),
        condition: &FieldCondition<'_>,
        find: impl FnOnce() -> Result<Plan, Error>,
    ) -> Result<Plan, Error> {
        let key = (entity, format!("{field:?} {part:?} {condition:?}"));
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let plan = find()?;
        self.0.borrow_mut().insert(key, plan.clone());
        Ok(plan)
    }
}
