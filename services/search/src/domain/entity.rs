//! The entities of the catalogue that are indexed, with their attributes and relations.
//!
//! A document of icat.server contains attributes of other entities: that of a datafile has the name of its dataset. The index
//! stores each attribute once, with the entity that owns it, and relations as ids. A change of a name therefore changes one
//! document, however many others show it.

use std::fmt;
use std::str::FromStr;

use super::entity_definitions::DEFINITIONS;
use EntityKind as E;

/// How the values of an attribute are indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Words, and the whole text as one term.
    Text,
    /// The whole text as one term.
    Term,
    /// The path of a file.
    Path,
    /// Integers of 64 bits; dates are milliseconds since 1970.
    Integer,
    /// Numbers with fractions.
    Number,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: ValueKind,
}

/// A row of the entity refers to one row of another.
#[derive(Debug)]
pub struct Relation {
    /// As in the names of fields, such as `datafileFormat`.
    pub name: &'static str,
    pub target: EntityKind,
}

/// Which index contains the rows of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    Datafiles,
    Datasets,
    Parameters,
    SmallEntities,
}

impl Partition {
    pub const ALL: [Self; 4] = [Self::Datafiles, Self::Datasets, Self::Parameters, Self::SmallEntities];

    /// Also the name of its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Datafiles => "datafiles",
            Self::Datasets => "datasets",
            Self::Parameters => "parameters",
            Self::SmallEntities => "small-entities",
        }
    }
}

/// An entity that is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    Datafile,
    Dataset,
    Investigation,
    Sample,
    InvestigationSample,
    DatafileParameter,
    DatasetParameter,
    InvestigationParameter,
    SampleParameter,
    DatasetTechnique,
    InvestigationUser,
    InstrumentScientist,
    InvestigationInstrument,
    InvestigationFacilityCycle,
    Instrument,
    User,
    SampleType,
    InvestigationType,
    DatasetType,
    DatafileFormat,
    Facility,
    FacilityCycle,
    ParameterType,
    Technique,
}

/// What is known of an entity.
pub(super) struct Definition {
    pub kind: EntityKind,
    pub partition: Partition,
    pub prefix: &'static str,
    pub attributes: &'static [Attribute],
    pub relations: &'static [Relation],
}

impl EntityKind {
    pub fn list_all() -> impl Iterator<Item = Self> {
        DEFINITIONS.iter().map(|definition| definition.kind)
    }

    fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    pub fn partition(self) -> Partition {
        self.definition().partition
    }

    /// What the names of its own fields begin with in its documents.
    pub fn prefix(self) -> &'static str {
        self.definition().prefix
    }

    pub fn attributes(self) -> &'static [Attribute] {
        self.definition().attributes
    }

    pub fn relations(self) -> &'static [Relation] {
        self.definition().relations
    }

    pub fn find_attribute(self, name: &str) -> Option<&'static Attribute> {
        self.attributes().iter().find(|attribute| attribute.name == name)
    }

    pub fn find_relation(self, name: &str) -> Option<&'static Relation> {
        self.relations().iter().find(|relation| relation.name == name)
    }

    /// The entity to which a relation leads.
    pub fn find_relation_target(self, name: &str) -> Option<Self> {
        self.find_relation(name).map(|relation| relation.target)
    }

    /// The name of the first relation that leads to rows of another entity.
    pub fn find_relation_to(self, target: Self) -> Option<&'static str> {
        self.relations().iter().find(|relation| relation.target == target).map(|relation| relation.name)
    }

    /// The entity of this name, whatever the case of its letters.
    pub fn find_ignoring_case(name: &str) -> Option<Self> {
        Self::list_all().find(|kind| kind.to_string().eq_ignore_ascii_case(name))
    }

    /// Entities whose rows belong to a row of this one and are deleted with it, with the names of their relations to it.
    /// A row whose type, format, facility or sample is deleted stays: the catalogue deletes or changes it in its own message.
    pub fn list_dependents(self) -> impl Iterator<Item = (Self, &'static str)> {
        let owns = !matches!(
            self,
            E::Sample | E::SampleType | E::InvestigationType | E::DatasetType | E::DatafileFormat | E::Facility
        );
        let relations_to = move |kind: Self| kind.relations().iter().filter(move |relation| relation.target == self);
        Self::list_all().flat_map(move |kind| relations_to(kind).map(move |relation| (kind, relation.name))).filter(
            move |(kind, _)| owns || (self == E::Sample && matches!(kind, E::SampleParameter | E::InvestigationSample)),
        )
    }
}

/// No entity has this name, or it is not indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotIndexed;

impl FromStr for EntityKind {
    type Err = NotIndexed;

    /// The name in the letters of the schema.
    fn from_str(name: &str) -> Result<Self, NotIndexed> {
        Self::list_all().find(|kind| kind.to_string() == name).ok_or(NotIndexed)
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names of the variants are those of the schema of ICAT.
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_in_the_order_of_the_entities() {
        for (position, entity) in EntityKind::list_all().enumerate() {
            assert_eq!(entity as usize, position);
        }
    }

    #[test]
    fn rows_are_deleted_with_their_owner_and_not_with_their_type() {
        let dependents = |entity: EntityKind| {
            let mut names: Vec<String> = entity.list_dependents().map(|(kind, by)| format!("{kind} {by}")).collect();
            names.sort();
            names.join(", ")
        };
        assert_eq!(dependents(E::Dataset), "Datafile dataset, DatasetParameter dataset, DatasetTechnique dataset");
        assert_eq!(dependents(E::Sample), "InvestigationSample sample, SampleParameter sample");
        assert_eq!(dependents(E::DatasetType), "");
        assert_eq!(dependents(E::User), "InstrumentScientist user, InvestigationUser user");
    }
}
