//! Conditions on related rows, as sets of ids.

use super::Planner;
use crate::domain::entity::EntityKind;
use crate::domain::field::{Field, FieldValue, find_field};
use crate::domain::plan::{Ids, Plan, TermField, TermKind};
use crate::error::Error;

use EntityKind::{Investigation, InvestigationSample, Sample};

impl Planner<'_> {
    /// A condition on the owner of a field, as a condition on the rows that lead to it.
    pub fn plan_through_relations(&self, entity: EntityKind, field: &Field, condition: Plan) -> Result<Plan, Error> {
        let mut owners = vec![entity];
        for step in &field.path {
            let target = owners.last().and_then(|owner| owner.find_relation(step)).map(|relation| relation.target);
            owners.extend(target);
        }
        let mut plan = condition;
        for (step, owner) in field.path.iter().zip(owners.iter().skip(1)).rev() {
            plan = match plan {
                Plan::All | Plan::Nothing => return Ok(plan),
                plan => match self.collect_ids(*owner, &plan, None)? {
                    none if none.is_empty() => Plan::Nothing,
                    ids => Plan::Related(step, ids),
                },
            };
        }
        Ok(plan)
    }

    /// The rows of `target` that belong to the rows of a plan: datafiles to their parameters, investigations to their
    /// samples, and everything to what belongs to its investigation.
    pub(super) fn join(&self, entity: EntityKind, plan: &Plan, target: EntityKind) -> Result<Plan, Error> {
        if entity == target {
            return Ok(plan.clone());
        }
        if target == Investigation
            && let Some(samples) = self.find_samples(entity, plan)?
        {
            let mut ids = (*self.collect_ids(Sample, &Plan::Ids(samples.clone()), Some("investigation"))?).clone();
            ids |= &*self.collect_ids(InvestigationSample, &Plan::Related("sample", samples), Some("investigation"))?;
            return Ok(Plan::Ids(ids.into()));
        }
        if let Some(relation) = entity.find_relation_to(target) {
            return Ok(Plan::Ids(self.collect_ids(entity, plan, Some(relation))?));
        }
        if let Some(relation) = target.find_relation_to(entity) {
            return Ok(Plan::Related(relation, self.collect_ids(entity, plan, None)?));
        }
        for shared in target.relations() {
            if let Some(relation) = entity.find_relation_to(shared.target) {
                return Ok(Plan::Related(shared.name, self.collect_ids(entity, plan, Some(relation))?));
            }
        }
        Ok(Plan::Nothing)
    }

    /// The samples that a condition speaks of, if it speaks of samples.
    fn find_samples(&self, entity: EntityKind, plan: &Plan) -> Result<Option<Ids>, Error> {
        Ok(match entity {
            Sample => Some(self.collect_ids(Sample, plan, None)?),
            EntityKind::SampleParameter => Some(self.collect_ids(entity, plan, Some("sample"))?),
            _ => None,
        })
    }

    /// Rows whose field is exactly this text.
    pub fn plan_exact(&self, entity: EntityKind, name: &str, text: &str) -> Result<Plan, Error> {
        let Some(field) = find_field(entity, name) else { return Ok(Plan::Nothing) };
        let FieldValue::Attribute(attribute) = field.value else { return Ok(Plan::Nothing) };
        let term = TermField { attribute: attribute.name, kind: TermKind::Whole };
        self.plan_through_relations(entity, &field, Plan::Term(term, text.to_owned()))
    }
}
