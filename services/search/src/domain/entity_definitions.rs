//! The attributes and relations of each entity that is indexed.

use super::entity::{Attribute, Definition, EntityKind, EntityKind as E, Partition, Relation, ValueKind};

const fn integer(name: &'static str) -> Attribute {
    Attribute { name, kind: ValueKind::Integer }
}

const fn number(name: &'static str) -> Attribute {
    Attribute { name, kind: ValueKind::Number }
}

const fn text(name: &'static str) -> Attribute {
    Attribute { name, kind: ValueKind::Text }
}

const fn term(name: &'static str) -> Attribute {
    Attribute { name, kind: ValueKind::Term }
}

const fn relation(name: &'static str, target: EntityKind) -> Relation {
    Relation { name, target }
}

const PARAMETER: &[Attribute] =
    &[term("stringValue"), number("numericValue"), integer("dateTimeValue"), number("rangeTop"), number("rangeBottom")];
const NAME: &[Attribute] = &[text("name")];

const fn define_entity(
    kind: EntityKind,
    partition: Partition,
    prefix: &'static str,
    attributes: &'static [Attribute],
    relations: &'static [Relation],
) -> Definition {
    Definition { kind, partition, prefix, attributes, relations }
}

/// Rows that only join others.
const fn define_link(kind: EntityKind, relations: &'static [Relation]) -> Definition {
    define_entity(kind, Partition::SmallEntities, "", &[], relations)
}

const fn define_parameter(kind: EntityKind, relations: &'static [Relation]) -> Definition {
    define_entity(kind, Partition::Parameters, "", PARAMETER, relations)
}

/// Rows that refer to no others, and are shown by these under a prefix.
const fn define_shown(kind: EntityKind, prefix: &'static str, attributes: &'static [Attribute]) -> Definition {
    define_entity(kind, Partition::SmallEntities, prefix, attributes, &[])
}

/// In the order of [`EntityKind`].
pub(super) static DEFINITIONS: &[Definition] = &[
    define_entity(
        E::Datafile,
        Partition::Datafiles,
        "",
        &[
            text("name"),
            text("description"),
            text("doi"),
            Attribute { name: "location", kind: ValueKind::Path },
            integer("date"),
            integer("fileSize"),
            integer("fileCount"),
        ],
        &[
            relation("dataset", E::Dataset),
            relation("investigation", E::Investigation),
            relation("sample", E::Sample),
            relation("datafileFormat", E::DatafileFormat),
        ],
    ),
    define_entity(
        E::Dataset,
        Partition::Datasets,
        "",
        &[
            text("name"),
            text("description"),
            text("doi"),
            integer("startDate"),
            integer("endDate"),
            integer("date"),
            integer("fileSize"),
            integer("fileCount"),
        ],
        &[relation("investigation", E::Investigation), relation("sample", E::Sample), relation("type", E::DatasetType)],
    ),
    define_entity(
        E::Investigation,
        Partition::SmallEntities,
        "",
        &[
            text("name"),
            text("visitId"),
            text("title"),
            text("summary"),
            text("doi"),
            integer("startDate"),
            integer("endDate"),
            integer("date"),
            integer("fileSize"),
            integer("fileCount"),
        ],
        &[relation("facility", E::Facility), relation("type", E::InvestigationType)],
    ),
    define_entity(
        E::Sample,
        Partition::SmallEntities,
        "sample.",
        NAME,
        &[relation("investigation", E::Investigation), relation("type", E::SampleType)],
    ),
    define_link(E::InvestigationSample, &[relation("investigation", E::Investigation), relation("sample", E::Sample)]),
    define_parameter(E::DatafileParameter, &[relation("datafile", E::Datafile), relation("type", E::ParameterType)]),
    define_parameter(E::DatasetParameter, &[relation("dataset", E::Dataset), relation("type", E::ParameterType)]),
    define_parameter(
        E::InvestigationParameter,
        &[relation("investigation", E::Investigation), relation("type", E::ParameterType)],
    ),
    define_parameter(E::SampleParameter, &[relation("sample", E::Sample), relation("type", E::ParameterType)]),
    define_link(E::DatasetTechnique, &[relation("dataset", E::Dataset), relation("technique", E::Technique)]),
    define_link(E::InvestigationUser, &[relation("investigation", E::Investigation), relation("user", E::User)]),
    define_link(E::InstrumentScientist, &[relation("instrument", E::Instrument), relation("user", E::User)]),
    define_link(
        E::InvestigationInstrument,
        &[relation("investigation", E::Investigation), relation("instrument", E::Instrument)],
    ),
    define_link(
        E::InvestigationFacilityCycle,
        &[relation("investigation", E::Investigation), relation("facilityCycle", E::FacilityCycle)],
    ),
    define_shown(E::Instrument, "instrument.", &[text("name"), text("fullName")]),
    define_shown(E::User, "user.", &[term("name"), text("fullName")]),
    define_shown(E::SampleType, "sample.type.", NAME),
    define_shown(E::InvestigationType, "type.", NAME),
    define_shown(E::DatasetType, "type.", NAME),
    define_shown(E::DatafileFormat, "datafileFormat.", NAME),
    define_shown(E::Facility, "facility.", NAME),
    define_shown(E::FacilityCycle, "facilityCycle.", &[]),
    define_shown(E::ParameterType, "type.", &[text("name"), term("units")]),
    define_shown(E::Technique, "technique.", &[text("name"), text("description"), text("pid")]),
];
