//! The order of a dump: which entity types are in which chunk, and which are nested in others.

use icat_client::schema::{Entity, find_entity};

/// A chunk of a dump.
#[derive(Debug)]
pub struct Chunk {
    /// The entity type of which each row has a chunk of its own; otherwise there is one chunk.
    pub each: Option<&'static str>,
    pub kinds: &'static [ChunkKind],
}

/// An entity type in a chunk.
#[derive(Debug)]
pub struct ChunkKind {
    pub name: &'static str,
    /// The to-one relations from a row to the row that owns the chunk; empty for that row itself, and in chunks of all
    /// rows.
    pub owner: &'static [&'static str],
    /// To-many relations whose rows are nested in the row.
    pub parts: &'static [&'static str],
}

const fn chunk_kind(name: &'static str, owner: &'static [&'static str], parts: &'static [&'static str]) -> ChunkKind {
    ChunkKind { name, owner, parts }
}

/// The chunks of python-icat 1.7.
pub static CHUNKS: &[Chunk] = &[
    Chunk {
        each: None,
        kinds: &[
            chunk_kind("User", &[], &[]),
            chunk_kind("Grouping", &[], &["userGroups"]),
            chunk_kind("Rule", &[], &[]),
            chunk_kind("PublicStep", &[], &[]),
        ],
    },
    Chunk {
        each: None,
        kinds: &[
            chunk_kind("Technique", &[], &[]),
            chunk_kind("Facility", &[], &[]),
            chunk_kind("Instrument", &[], &["instrumentScientists"]),
            chunk_kind("ParameterType", &[], &["permissibleStringValues"]),
            chunk_kind("DataPublicationType", &[], &[]),
            chunk_kind("InvestigationType", &[], &[]),
            chunk_kind("SampleType", &[], &[]),
            chunk_kind("DatasetType", &[], &[]),
            chunk_kind("DatafileFormat", &[], &[]),
            chunk_kind("FacilityCycle", &[], &[]),
            chunk_kind("Application", &[], &[]),
        ],
    },
    Chunk { each: None, kinds: &[chunk_kind("FundingReference", &[], &[])] },
    Chunk {
        each: Some("Investigation"),
        kinds: &[
            chunk_kind(
                "Investigation",
                &[],
                &[
                    "fundingReferences",
                    "investigationFacilityCycles",
                    "investigationGroups",
                    "investigationInstruments",
                    "investigationUsers",
                    "keywords",
                    "parameters",
                    "publications",
                    "shifts",
                ],
            ),
            chunk_kind("Sample", &["investigation"], &["parameters"]),
            chunk_kind("Dataset", &["investigation"], &["datasetInstruments", "datasetTechniques", "parameters"]),
            chunk_kind("Datafile", &["dataset", "investigation"], &["parameters"]),
        ],
    },
    Chunk {
        each: None,
        kinds: &[chunk_kind(
            "DataCollection",
            &[],
            &["dataCollectionDatafiles", "dataCollectionDatasets", "dataCollectionInvestigations", "parameters"],
        )],
    },
    Chunk {
        each: Some("DataPublication"),
        kinds: &[
            chunk_kind("DataPublication", &[], &["dates", "fundingReferences", "relatedItems", "subjects"]),
            chunk_kind("DataPublicationUser", &["publication"], &["affiliations"]),
        ],
    },
    Chunk {
        each: None,
        kinds: &[
            chunk_kind("Study", &[], &["studyInvestigations"]),
            chunk_kind("RelatedDatafile", &[], &[]),
            chunk_kind("Job", &[], &[]),
        ],
    },
];

impl ChunkKind {
    pub fn find_entity(&self) -> &'static Entity {
        // A test checks that every name is in the schema.
        find_entity(self.name).unwrap_or_else(|| unreachable!("{} is no kind of the schema", self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use icat_client::schema::all_entities;

    use super::*;

    #[test]
    fn every_kind_stands_in_one_place_of_a_dump() {
        let mut seen = BTreeSet::new();
        for chunk_kind in CHUNKS.iter().flat_map(|chunk| chunk.kinds) {
            assert!(seen.insert(chunk_kind.name), "{}", chunk_kind.name);
            for part in chunk_kind.parts {
                let many =
                    chunk_kind.find_entity().find_to_many(part).unwrap_or_else(|| panic!("{}.{part}", chunk_kind.name));
                assert!(seen.insert(many.target), "{}", many.target);
            }
            let mut here = chunk_kind.find_entity();
            for step in chunk_kind.owner {
                here = here.find_to_one(step).expect(step).target();
            }
        }
        let all: BTreeSet<&str> = all_entities().iter().map(|entity| entity.name).collect();
        assert_eq!(seen, all);
    }
}
