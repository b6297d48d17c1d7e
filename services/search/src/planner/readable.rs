//! What a caller may read, as conditions on the index.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use identity::{Completeness, ReadableList, ReadableRows};

use super::{Planner, QueryBudget, RelatedPlans};
use crate::domain::document::EntityRow;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Ids, Plan, collect_set};
use crate::error::Error;

/// What a caller may read, for conditions on related rows: a search must not tell what rows contain that the caller may not read.
#[derive(Debug, Default)]
pub struct ReadableScope {
    plans: HashMap<EntityKind, Plan>,
    /// Entities that the search asked for although they were not looked up. Their rows count as unreadable.
    missing: RefCell<BTreeSet<EntityKind>>,
}

impl ReadableScope {
    pub fn new(plans: HashMap<EntityKind, Plan>) -> Self {
        Self { plans, missing: RefCell::default() }
    }

    /// Entities that must be looked up before the search is complete.
    pub fn take_missing(&self) -> BTreeSet<EntityKind> {
        self.missing.take()
    }

    fn restrict_plan(&self, entity: EntityKind, plan: &Plan) -> Plan {
        let Some(readable) = self.plans.get(&entity) else {
            self.missing.borrow_mut().insert(entity);
            return Plan::Nothing;
        };
        Plan::and(vec![plan.clone(), readable.clone()])
    }
}

/// The rows of an entity that a caller may read.
#[derive(Debug, Clone)]
pub struct ReadablePlan {
    pub plan: Plan,
    pub completeness: Completeness,
}

impl Planner<'_> {
    /// The ids of the rows of a plan, or of the rows they refer to; of those that the caller may read, if there is a caller.
    pub fn collect_ids(&self, entity: EntityKind, plan: &Plan, relation: Option<&str>) -> Result<Ids, Error> {
        // Then it does not matter what the caller may read.
        if !self.snapshot.may_match(entity, plan)? {
            return Ok(Ids::default());
        }
        Ok(self.snapshot.collect_ids(entity, &self.restrict_plan(entity, plan), relation, self.deadline)?)
    }

    /// The rows of a plan that the caller may read, if there is a caller.
    pub fn restrict_plan<'q>(&self, entity: EntityKind, plan: &'q Plan) -> Cow<'q, Plan> {
        match self.readable {
            Some(scope) => Cow::Owned(scope.restrict_plan(entity, plan)),
            None => Cow::Borrowed(plan),
        }
    }

    /// Rows by their ids: those that the caller may read, if there is a caller. Blocks the thread.
    pub fn fetch_rows(
        &self,
        entity: EntityKind,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, EntityRow>, Error> {
        if self.readable.is_none() {
            let ids: Vec<i64> = ids.into_iter().collect();
            return Ok(self.snapshot.fetch_rows(entity, &ids, self.deadline)?);
        }
        let ids = self.collect_ids(entity, &Plan::Ids(collect_set(ids)), None)?;
        let ids: Vec<i64> = ids.iter().map(u64::cast_signed).collect();
        Ok(self.snapshot.fetch_rows(entity, &ids, self.deadline)?)
    }

    /// The same planner for a caller.
    pub fn restrict_to<'s>(&'s self, scope: &'s ReadableScope) -> Planner<'s> {
        Planner { readable: Some(scope), budget: QueryBudget::default(), related: RelatedPlans::default(), ..*self }
    }

    /// The same planner for what the caller may know in any case.
    pub(super) fn without_restriction(&self) -> Planner<'_> {
        Planner { readable: None, budget: QueryBudget::default(), related: RelatedPlans::default(), ..*self }
    }

    /// The condition on rows of an entity that a caller may read. Lists of rows that are not in the index are left out, so that
    /// the condition is never wider than the rights. Blocks the thread.
    pub fn plan_readable_rows(&self, entity: EntityKind, readable: &ReadableRows) -> Result<ReadablePlan, Error> {
        self.plan_readable_among(entity, readable, None)
    }

    /// The same for rows that refer to one of a few rows, which is faster than looking at all that the caller may read.
    pub fn plan_readable_among(
        &self,
        entity: EntityKind,
        readable: &ReadableRows,
        among: Option<(&str, &Ids)>,
    ) -> Result<ReadablePlan, Error> {
        let ReadableRows::Lists { lists, completeness } = readable else {
            return Ok(ReadablePlan { plan: Plan::All, completeness: Completeness::Exact });
        };
        let mut completeness = *completeness;
        let mut plans = Vec::new();
        for list in lists {
            match self.plan_list(entity, list, among)? {
                Some(plan) => plans.push(plan),
                None if completeness == Completeness::Exact => completeness = Completeness::Partial,
                None => {}
            }
        }
        // It is no reason for a row to match better.
        let plan = match Plan::or(plans) {
            Plan::Nothing => Plan::Nothing,
            plan => Plan::Constant(Box::new(plan), 0.0),
        };
        Ok(ReadablePlan { plan, completeness })
    }

    /// `None` if the index does not have a relation of the path.
    fn plan_list(
        &self,
        entity: EntityKind,
        list: &ReadableList,
        among: Option<(&str, &Ids)>,
    ) -> Result<Option<Plan>, Error> {
        let Some(path) = find_relations(entity, &list.path) else { return Ok(None) };
        let ids = Arc::clone(&list.ids);
        let mut steps = path.into_iter().rev();
        let Some((last, _)) = steps.next() else { return Ok(Some(Plan::Ids(ids))) };
        let mut plan = Plan::Related(last, ids);
        // From the row that decides towards the entity.
        for (relation, owner) in steps {
            let target = owner.find_relation_target(relation).unwrap_or(owner);
            let mut conditions = vec![plan];
            if let Some((_, few)) = among.filter(|(name, _)| owner == entity && *name == relation) {
                conditions.push(Plan::Ids(Ids::clone(few)));
            }
            let ids = self.snapshot.collect_ids(target, &Plan::and(conditions), None, self.deadline)?;
            plan = Plan::Related(relation, ids);
        }
        Ok(Some(plan))
    }
}

/// Each relation of a path with the entity that has it in the index.
fn find_relations(entity: EntityKind, path: &[String]) -> Option<Vec<(&'static str, EntityKind)>> {
    let mut steps = path.iter().map(String::as_str).peekable();
    let mut owner = entity;
    let mut found = Vec::new();
    while let Some(step) = steps.next() {
        // A datafile is indexed with what it has through its dataset.
        let is_shorter = owner == EntityKind::Datafile && step == "dataset";
        let step = if is_shorter { steps.next_if(|next| matches!(*next, "investigation" | "sample")) } else { None }
            .unwrap_or(step);
        let relation = owner.find_relation(step)?;
        found.push((relation.name, owner));
        owner = relation.target;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_catalogue_are_found_in_the_index() {
        use EntityKind::{Datafile, DatafileParameter, Dataset, Investigation, Sample};
        let find = |entity, path: &str| {
            let path: Vec<String> = path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
            find_relations(entity, &path)
                .map(|steps| steps.iter().map(|(name, owner)| format!("{owner} {name}")).collect::<Vec<_>>().join(", "))
        };
        for (entity, path, expected) in [
            (Datafile, "dataset.investigation", Some("Datafile investigation")),
            (Datafile, "dataset", Some("Datafile dataset")),
            (Datafile, "dataset.type", Some("Datafile dataset, Dataset type")),
            (Datafile, "dataset.sample.type", Some("Datafile sample, Sample type")),
            (Datafile, "", Some("")),
            (Dataset, "investigation.type", Some("Dataset investigation, Investigation type")),
            (Investigation, "facility", Some("Investigation facility")),
            (Sample, "investigation", Some("Sample investigation")),
            (
                DatafileParameter,
                "datafile.dataset.investigation",
                Some("DatafileParameter datafile, Datafile investigation"),
            ),
            (Datafile, "dataset.complete", None),
            (Dataset, "keywords", None),
        ] {
            assert_eq!(find(entity, path).as_deref(), expected, "{entity} {path}");
        }
    }
}
