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

/// In the order of [`EntityKind`].
pub(super) static DEFINITIONS: &[Definition] = &[
    define_entity(
        E::Datafile,
        Partition::Datafiles,
        "",
        const {
            &[
                text("name"),
                text("description"),
                text("doi"),
                Attribute { name: "location", kind: ValueKind::Path },
                integer("date"),
                integer("fileSize"),
                integer("fileCount"),
            ]
        },
        const {
            &[
                relation("dataset", E::Dataset),
                relation("investigation", E::Investigation),
                relation("sample", E::Sample),
                relation("datafileFormat", E::DatafileFormat),
            ]
        },
    ),
    define_entity(
        E::Dataset,
        Partition::Datasets,
        "",
        const {
            &[
                text("name"),
                text("description"),
                text("doi"),
                integer("startDate"),
                integer("endDate"),
                integer("date"),
                integer("fileSize"),
                integer("fileCount"),
            ]
        },
        const {
            &[
                relation("investigation", E::Investigation),
                relation("sample", E::Sample),
                relation("type", E::DatasetType),
            ]
        },
    ),
    define_entity(
        E::Investigation,
        Partition::SmallEntities,
        "",
        const {
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
            ]
        },
        const { &[relation("facility", E::Facility), relation("type", E::InvestigationType)] },
    ),
    define_entity(
        E::Sample,
        Partition::SmallEntities,
        "sample.",
        const { NAME },
        const { &[relation("investigation", E::Investigation), relation("type", E::SampleType)] },
    ),
    define_entity(
        E::InvestigationSample,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("investigation", E::Investigation), relation("sample", E::Sample)] },
    ),
    define_entity(
        E::DatafileParameter,
        Partition::Parameters,
        "",
        const { PARAMETER },
        const { &[relation("datafile", E::Datafile), relation("type", E::ParameterType)] },
    ),
    define_entity(
        E::DatasetParameter,
        Partition::Parameters,
        "",
        const { PARAMETER },
        const { &[relation("dataset", E::Dataset), relation("type", E::ParameterType)] },
    ),
    define_entity(
        E::InvestigationParameter,
        Partition::Parameters,
        "",
        const { PARAMETER },
        const { &[relation("investigation", E::Investigation), relation("type", E::ParameterType)] },
    ),
    define_entity(
        E::SampleParameter,
        Partition::Parameters,
        "",
        const { PARAMETER },
        const { &[relation("sample", E::Sample), relation("type", E::ParameterType)] },
    ),
    define_entity(
        E::DatasetTechnique,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("dataset", E::Dataset), relation("technique", E::Technique)] },
    ),
    define_entity(
        E::InvestigationUser,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("investigation", E::Investigation), relation("user", E::User)] },
    ),
    define_entity(
        E::InstrumentScientist,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("instrument", E::Instrument), relation("user", E::User)] },
    ),
    define_entity(
        E::InvestigationInstrument,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("investigation", E::Investigation), relation("instrument", E::Instrument)] },
    ),
    define_entity(
        E::InvestigationFacilityCycle,
        Partition::SmallEntities,
        "",
        const { &[] },
        const { &[relation("investigation", E::Investigation), relation("facilityCycle", E::FacilityCycle)] },
    ),
    define_entity(
        E::Instrument,
        Partition::SmallEntities,
        "instrument.",
        const { &[text("name"), text("fullName")] },
        const { &[] },
    ),
    define_entity(
        E::User,
        Partition::SmallEntities,
        "user.",
        const { &[term("name"), text("fullName")] },
        const { &[] },
    ),
    define_entity(E::SampleType, Partition::SmallEntities, "sample.type.", const { NAME }, const { &[] }),
    define_entity(E::InvestigationType, Partition::SmallEntities, "type.", const { NAME }, const { &[] }),
    define_entity(E::DatasetType, Partition::SmallEntities, "type.", const { NAME }, const { &[] }),
    define_entity(E::DatafileFormat, Partition::SmallEntities, "datafileFormat.", const { NAME }, const { &[] }),
    define_entity(E::Facility, Partition::SmallEntities, "facility.", const { NAME }, const { &[] }),
    define_entity(E::FacilityCycle, Partition::SmallEntities, "facilityCycle.", const { &[] }, const { &[] }),
    define_entity(
        E::ParameterType,
        Partition::SmallEntities,
        "type.",
        const { &[text("name"), term("units")] },
        const { &[] },
    ),
    define_entity(
        E::Technique,
        Partition::SmallEntities,
        "technique.",
        const { &[text("name"), text("description"), text("pid")] },
        const { &[] },
    ),
];
