//! Names of fields, as icat.server and portals write them, and where their values are.

use super::entity::{Attribute, EntityKind, Relation};

/// What a field contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue {
    Attribute(&'static Attribute),
    /// The id of the row itself.
    Id,
    /// The id of a related row, by the name of the relation.
    RelatedId(&'static str),
}

/// A field of an entity or of one that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Relations that lead to the owner, by name.
    pub path: Vec<&'static str>,
    pub owner: EntityKind,
    pub value: FieldValue,
}

/// Finds a field by its name, such as `sample.type.name`; the first letter may be a capital.
pub fn find_field(entity: EntityKind, name: &str) -> Option<Field> {
    let name = strip_own_prefix(entity, name);
    let investigation = || entity.find_relation("investigation").map(|relation| relation.name);
    // Datafiles and datasets show the visit of their investigation under a name without a path.
    if name == "visitId" && entity.find_attribute(name).is_none() {
        return find_in(EntityKind::Investigation, name, vec![investigation()?]);
    }
    find_in(entity, name, Vec::new())
}

/// What rows may lead to through rows between them: the entity of these, and the first part of the names of its fields.
const LINKS: [(EntityKind, &str); 3] = [
    (EntityKind::DatasetTechnique, "technique"),
    (EntityKind::InvestigationInstrument, "instrument"),
    (EntityKind::InvestigationUser, "user"),
];

/// Fields of rows that an entity leads to through rows of another one, such as `technique.name` and `instrument.name`.
pub fn find_linked_field(entity: EntityKind, name: &str) -> Option<(EntityKind, Field)> {
    let (first, _) = name.split_once('.')?;
    let (link, _) =
        LINKS.iter().find(|(link, prefix)| prefix.eq_ignore_ascii_case(first) && is_linked(entity, *link))?;
    Some((*link, find_field(*link, name)?))
}

/// The names of these fields.
pub fn list_linked_fields(entity: EntityKind) -> impl Iterator<Item = String> {
    LINKS.iter().filter(move |(link, _)| is_linked(entity, *link)).flat_map(|(link, prefix)| {
        let target = link.find_relation_target(prefix);
        target.into_iter().flat_map(EntityKind::attributes).map(move |attribute| format!("{prefix}.{}", attribute.name))
    })
}

/// Whether both belong to the same row.
fn is_linked(entity: EntityKind, link: EntityKind) -> bool {
    link != entity
        && (link.find_relation_to(entity).is_some()
            || entity.relations().iter().any(|relation| link.find_relation_to(relation.target).is_some()))
}

fn strip_own_prefix(entity: EntityKind, name: &str) -> &str {
    let prefix = entity.prefix();
    match name.get(..prefix.len()) {
        Some(start) if !prefix.is_empty() && start.eq_ignore_ascii_case(prefix) => &name[prefix.len()..],
        _ => name,
    }
}

fn find_in(entity: EntityKind, name: &str, mut path: Vec<&'static str>) -> Option<Field> {
    if name == "id" {
        return Some(Field { path, owner: entity, value: FieldValue::Id });
    }
    if let Some(attribute) = entity.find_attribute(name) {
        return Some(Field { path, owner: entity, value: FieldValue::Attribute(attribute) });
    }
    let (first, rest) = name.split_once('.')?;
    let relation = entity.relations().iter().find(|relation| has_name(relation, first))?;
    if rest == "id" {
        return Some(Field { path, owner: entity, value: FieldValue::RelatedId(relation.name) });
    }
    path.push(relation.name);
    find_in(relation.target, rest, path)
}

/// `DataGateway` writes names with a small first letter, others with a capital.
fn has_name(relation: &Relation, name: &str) -> bool {
    relation.name.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe_field(entity: EntityKind, name: &str) -> String {
        let Some(field) = find_field(entity, name) else { return "none".to_owned() };
        let value = match field.value {
            FieldValue::Attribute(attribute) => attribute.name.to_owned(),
            FieldValue::Id => "id".to_owned(),
            FieldValue::RelatedId(relation) => format!("{relation} id"),
        };
        format!("{}: {} of {}", field.path.join(" "), value, field.owner)
    }

    #[test]
    fn names_lead_to_the_owner_of_the_value() {
        use EntityKind::{Datafile, DatafileParameter, Dataset, InvestigationUser, Sample, SampleType};
        for (entity, name, expected) in [
            (Datafile, "name", ": name of Datafile"),
            (Datafile, "id", ": id of Datafile"),
            (Datafile, "visitId", "investigation: visitId of Investigation"),
            (Dataset, "investigation.title", "investigation: title of Investigation"),
            (Datafile, "sample.type.name", "sample type: name of SampleType"),
            (Datafile, "sample.type.id", "sample: type id of Sample"),
            (Datafile, "sample.id", ": sample id of Datafile"),
            (Datafile, "DatafileFormat.name", "datafileFormat: name of DatafileFormat"),
            (DatafileParameter, "type.units", "type: units of ParameterType"),
            (InvestigationUser, "user.fullName", "user: fullName of User"),
            (Sample, "sample.name", ": name of Sample"),
            (Sample, "sample.id", ": id of Sample"),
            (Sample, "sample.type.name", "type: name of SampleType"),
            (Sample, "type.name", "type: name of SampleType"),
            (SampleType, "sample.type.name", ": name of SampleType"),
            (Datafile, "nam", "none"),
            (Datafile, "investigation.", "none"),
            (Datafile, "", "none"),
        ] {
            assert_eq!(describe_field(entity, name), expected, "{entity} {name}");
        }
    }
}
