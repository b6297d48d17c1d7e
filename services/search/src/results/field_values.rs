//! Values of fields that complete what somebody types: names of instruments, techniques, types and formats.

use std::collections::HashSet;

use crate::domain::analysis::lowercase_chars;
use crate::domain::entity::EntityKind;
use crate::domain::field::{FieldValue, find_field, find_linked_field};
use crate::domain::plan::{Plan, TermField, TermKind};
use crate::error::Error;
use crate::planner::Planner;

/// The names of parameters; the parameters themselves have values of many kinds.
pub const PARAMETER_NAME: &str = "parameter.name";
/// Fields that can be completed, if the target has them.
const FIELDS: [&str; 7] = [
    "instrument.name",
    "technique.name",
    "sample.type.name",
    "type.name",
    "datafileFormat.name",
    "facility.name",
    PARAMETER_NAME,
];
/// Rows that are looked at in one block: the caller may be able to read none of many.
const LOOKED_AT_ONCE: usize = 200;

/// Finds the entity whose names are the values of a field. Names of users are not among them.
pub fn find_named_entity(target: EntityKind, field: &str) -> Result<EntityKind, Error> {
    lookup_named_entity(target, field).ok_or_else(|| {
        let possible = FIELDS.into_iter().filter(|field| lookup_named_entity(target, field).is_some());
        let possible = possible.collect::<Vec<_>>().join(", ");
        Error::Query(format!("the values of {field} cannot be listed for {target}; possible are {possible}"))
    })
}

fn lookup_named_entity(target: EntityKind, field: &str) -> Option<EntityKind> {
    use EntityKind::{
        DatafileFormat, DatasetType, Facility, Instrument, InvestigationType, ParameterType, SampleType, Technique,
    };
    if field == PARAMETER_NAME {
        return Some(ParameterType);
    }
    let field = find_field(target, field).or_else(|| find_linked_field(target, field).map(|(_, field)| field))?;
    let is_name = matches!(field.value, FieldValue::Attribute(attribute) if attribute.name == "name");
    let is_listed = matches!(
        field.owner,
        DatafileFormat | DatasetType | Facility | Instrument | InvestigationType | SampleType | Technique
    );
    (is_name && is_listed).then_some(field.owner)
}

impl Planner<'_> {
    /// Names of rows of the plan that have a word which begins with a text: those that begin with it themselves come first. Also
    /// returns whether there are more. Blocks the thread.
    pub fn list_names(
        &self,
        entity: EntityKind,
        readable: &Plan,
        start: &str,
        limit: usize,
    ) -> Result<(Vec<String>, bool), Error> {
        let start = lowercase_chars(start.trim());
        let names = self.snapshot.list_terms(entity, "name", self.deadline)?;
        let ranked = names.into_iter().filter_map(|name| {
            let lowercase = lowercase_chars(&name);
            Some((rank_name(&lowercase, &start)?, lowercase, name))
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_unstable();
        let names: Vec<String> = ranked.into_iter().map(|(_, _, name)| name).collect();
        let mut shown = Vec::new();
        for block in names.chunks(LOOKED_AT_ONCE) {
            let readable = self.find_names_of_rows(entity, readable, block)?;
            shown.extend(block.iter().filter(|name| readable.contains(*name)).cloned());
            if shown.len() > limit {
                shown.truncate(limit);
                return Ok((shown, true));
            }
        }
        Ok((shown, false))
    }

    /// Which of these names rows of the plan have.
    fn find_names_of_rows(
        &self,
        entity: EntityKind,
        readable: &Plan,
        names: &[String],
    ) -> Result<HashSet<String>, Error> {
        let term = TermField { attribute: "name", kind: TermKind::Whole };
        let named = Plan::or(names.iter().map(|name| Plan::Term(term, name.clone())).collect());
        let ids = self.snapshot.collect_ids(entity, &Plan::and(vec![named, readable.clone()]), None, self.deadline)?;
        let ids: Vec<i64> = ids.iter().map(u64::cast_signed).collect();
        let rows = self.snapshot.fetch_rows(entity, &ids, self.deadline)?;
        Ok(rows.values().filter_map(|row| row.find_text("name")).map(str::to_owned).collect())
    }
}

/// 0 if the name begins with the text, and 1 if another word of it does; both in lower case.
fn rank_name(name: &str, start: &str) -> Option<u8> {
    if name.starts_with(start) {
        return Some(0);
    }
    let mut before = None;
    let begins_word = |(place, c): (usize, char)| {
        let is_start = before.replace(c).is_some_and(|before: char| !before.is_alphanumeric());
        is_start && name[place..].starts_with(start)
    };
    name.char_indices().any(begins_word).then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_the_beginning_of_a_word() {
        for (name, start, expected) in [
            ("neutron powder diffraction", "neu", Some(0)),
            ("neutron powder diffraction", "powder d", Some(1)),
            ("neutron powder diffraction", "", Some(0)),
            ("neutron powder diffraction", "iffraction", None),
            ("x-ray", "ray", Some(1)),
            ("größe é", "é", Some(1)),
        ] {
            assert_eq!(rank_name(name, start), expected, "{name}: {start}");
        }
    }

    #[test]
    fn names_of_people_and_free_texts_are_not_listed() {
        use EntityKind::{Datafile, Dataset, Investigation};
        for (target, field, expected) in [
            (Datafile, "instrument.name", EntityKind::Instrument),
            (Dataset, "technique.name", EntityKind::Technique),
            (Dataset, "type.name", EntityKind::DatasetType),
            (Investigation, "type.name", EntityKind::InvestigationType),
            (Datafile, "sample.type.name", EntityKind::SampleType),
            (Datafile, "parameter.name", EntityKind::ParameterType),
        ] {
            assert_eq!(find_named_entity(target, field).unwrap(), expected, "{target} {field}");
        }
        for (target, field) in [
            (Datafile, "name"),
            (Datafile, "type.name"),
            (Datafile, "dataset.name"),
            (Investigation, "user.name"),
            (Investigation, "technique.name"),
            (Investigation, "instrument.fullName"),
            (Datafile, ""),
        ] {
            let refused = find_named_entity(target, field).unwrap_err().to_string();
            assert!(refused.contains("possible are instrument.name, "), "{refused}");
        }
    }
}
