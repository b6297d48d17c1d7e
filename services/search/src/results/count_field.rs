//! How many rows of a result have each value of a field, with the rights of the caller.
//!
//! A field belongs to the rows themselves, to rows that they refer to (`dataset.name`), or to rows that refer to the same as they
//! do: the instruments of the investigation of a datafile. In the last case a row counts once for each of them.

use std::collections::HashMap;

use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{Field, FieldValue, find_field};
use crate::domain::plan::{Plan, collect_set};
use crate::error::Error;
use crate::planner::Planner;

/// Where the values of a field are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedField {
    /// The rows between, such as `InvestigationInstrument`.
    link: Option<Link>,
    field: Field,
    attribute: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    entity: EntityKind,
    /// The relation of the rows that are searched for to the shared row; `None` if they are the shared rows.
    own: Option<&'static str>,
    /// The relation of the rows between to the shared row.
    shared: &'static str,
}

impl CountedField {
    /// A field of the rows themselves, or of rows that they refer to.
    pub fn without_link(field: Field, attribute: &'static str) -> Self {
        Self { link: None, field, attribute }
    }

    /// The entities whose rows are looked at, besides the target.
    pub fn list_entities(&self, target: EntityKind) -> Vec<EntityKind> {
        let start = self.link.map_or(target, |link| link.entity);
        let mut entities: Vec<EntityKind> = self.link.iter().map(|link| link.entity).collect();
        let mut owner = start;
        for step in &self.field.path {
            owner = owner.find_relation_target(step).unwrap_or(owner);
            entities.push(owner);
        }
        entities
    }

    /// The key of a filter for values of the field.
    pub fn filter_key(&self, name: &str) -> String {
        match self.link {
            Some(link) => format!("{}.{name}", link.entity),
            None => name.to_owned(),
        }
    }
}

/// Finds a field by its name, such as `datafileFormat.name` or `instrument.name`.
pub fn resolve_field(target: EntityKind, name: &str) -> Result<CountedField, Error> {
    find_counted_field(target, name).ok_or_else(|| {
        let possible = EXAMPLES.into_iter().filter(|name| find_counted_field(target, name).is_some());
        let possible = possible.collect::<Vec<_>>().join(", ");
        Error::Query(format!("{target} has no field {name} with values to choose from; possible are {possible}"))
    })
}

/// Fields that an error names, if the target has them.
const EXAMPLES: [&str; 11] = [
    "datafileFormat.name",
    "dataset.name",
    "type.name",
    "sample.name",
    "sample.type.name",
    "investigation.name",
    "visitId",
    "facility.name",
    "instrument.name",
    "technique.name",
    "user.fullName",
];

const SAMPLE_PREFIX: &str = "sample.";

fn find_counted_field(target: EntityKind, name: &str) -> Option<CountedField> {
    use EntityKind::{DatasetTechnique, InvestigationInstrument, InvestigationUser, Sample};
    if let Some(counted) = find_field(target, name).and_then(|field| to_counted(None, field)) {
        return Some(counted);
    }
    let links = [InvestigationInstrument, DatasetTechnique, InvestigationUser, Sample];
    // Of the samples of the same investigation only what says that it is of samples: they have a type, too.
    let is_of_sample = name.get(..SAMPLE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(SAMPLE_PREFIX));
    let is_named = |entity: &EntityKind| *entity != Sample || is_of_sample;
    let mut links = links.into_iter().filter(is_named);
    links.find_map(|entity| to_counted(Some(find_link(target, entity)?), find_field(entity, name)?))
}

/// Text that is one value: not descriptions and paths.
fn to_counted(link: Option<Link>, field: Field) -> Option<CountedField> {
    let FieldValue::Attribute(attribute) = field.value else { return None };
    let is_value = matches!(attribute.kind, ValueKind::Text | ValueKind::Term);
    let is_long = matches!(attribute.name, "description" | "summary" | "title");
    (is_value && !is_long).then_some(CountedField { link, field, attribute: attribute.name })
}

fn find_link(target: EntityKind, entity: EntityKind) -> Option<Link> {
    if target == entity {
        return None;
    }
    if let Some(shared) = entity.find_relation_to(target) {
        return Some(Link { entity, own: None, shared });
    }
    target
        .relations()
        .iter()
        .find_map(|own| Some(Link { entity, own: Some(own.name), shared: entity.find_relation_to(own.target)? }))
}

impl Planner<'_> {
    /// The most frequent values of a field among the rows of a plan. Values of rows that the caller may not read do not count.
    /// Blocks the thread.
    pub fn count_field(
        &self,
        target: EntityKind,
        plan: &Plan,
        counted: &CountedField,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, Error> {
        let labels = self.count_all_values(target, plan, counted)?;
        let mut labels: Vec<(String, u64)> = labels.into_iter().collect();
        labels.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        labels.truncate(limit);
        Ok(labels)
    }

    fn count_all_values(
        &self,
        target: EntityKind,
        plan: &Plan,
        counted: &CountedField,
    ) -> Result<HashMap<String, u64>, Error> {
        let mut path = counted.field.path.iter().copied();
        let mut owner = target;
        // Numbers of rows by the id of the row that a step leads to.
        let mut counts = match (counted.link, path.next()) {
            (None, None) => return Ok(self.snapshot.count_terms(target, plan, counted.attribute, self.deadline)?),
            (None, Some(first)) => {
                owner = target.find_relation_target(first).unwrap_or(target);
                self.snapshot.count_related(target, plan, first, self.deadline)?
            }
            (Some(link), first) => {
                let shared = match link.own {
                    Some(own) => self.snapshot.count_related(target, plan, own, self.deadline)?,
                    None => {
                        let ids = self.collect_ids(target, plan, None)?;
                        ids.iter().map(|id| (id.cast_signed(), 1)).collect()
                    }
                };
                owner = first.map_or(link.entity, |first| link.entity.find_relation_target(first).unwrap_or(owner));
                self.count_linked(link, first, &shared)?
            }
        };
        for step in path {
            let rows = self.fetch_rows(owner, counts.keys().copied())?;
            let mut next = HashMap::new();
            for (id, count) in counts {
                if let Some(id) = rows.get(&id).and_then(|row| row.find_relation(step)) {
                    *next.entry(id).or_default() += count;
                }
            }
            counts = next;
            owner = owner.find_relation_target(step).unwrap_or(owner);
        }
        let rows = self.fetch_rows(owner, counts.keys().copied())?;
        let mut labels = HashMap::new();
        for (id, count) in counts {
            if let Some(label) = rows.get(&id).and_then(|row| row.find_text(counted.attribute)) {
                *labels.entry(label.to_owned()).or_default() += count;
            }
        }
        Ok(labels)
    }

    /// The numbers of rows by what the rows between lead to.
    fn count_linked(
        &self,
        link: Link,
        step: Option<&'static str>,
        shared: &HashMap<i64, u64>,
    ) -> Result<HashMap<i64, u64>, Error> {
        let related = Plan::Related(link.shared, collect_set(shared.keys().copied()));
        let between = self.restrict_plan(link.entity, &related);
        let pairs = self.snapshot.collect_links(link.entity, &between, link.shared, step, self.deadline)?;
        let mut counts = HashMap::new();
        for (shared_id, linked) in pairs {
            *counts.entry(linked).or_default() += shared.get(&shared_id).copied().unwrap_or_default();
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_the_names_of_portals() {
        use EntityKind::{Datafile, Dataset, Investigation};
        for (target, name, entities) in [
            (Datafile, "name", vec![]),
            (Datafile, "datafileFormat.name", vec!["DatafileFormat"]),
            (Datafile, "sample.type.name", vec!["Sample", "SampleType"]),
            (Datafile, "instrument.name", vec!["InvestigationInstrument", "Instrument"]),
            (Datafile, "technique.name", vec!["DatasetTechnique", "Technique"]),
            (Dataset, "type.name", vec!["DatasetType"]),
            (Investigation, "instrument.name", vec!["InvestigationInstrument", "Instrument"]),
            (Investigation, "user.fullName", vec!["InvestigationUser", "User"]),
            (Investigation, "sample.name", vec!["Sample"]),
        ] {
            let counted = resolve_field(target, name).unwrap();
            let found: Vec<String> = counted.list_entities(target).iter().map(ToString::to_string).collect();
            assert_eq!(found, entities, "{target} {name}");
        }
        for (target, name) in [
            (Datafile, "location"),
            (Datafile, "description"),
            (Investigation, "technique.name"),
            (Datafile, "type.name"),
            (Datafile, "x"),
        ] {
            let refused = resolve_field(target, name).unwrap_err().to_string();
            assert!(refused.contains("with values to choose from") && refused.contains("instrument.name"), "{refused}");
        }
    }
}
