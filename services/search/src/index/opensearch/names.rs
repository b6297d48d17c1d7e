//! Names of indices, fields and documents.

use crate::domain::entity::{EntityKind, Partition};

/// How many letters of the identity are in the name of an index.
const IDENTITY_LENGTH: usize = 8;

/// The names of the indices of one facility.
#[derive(Debug, Clone)]
pub struct IndexNames {
    prefix: String,
}

/// What an index contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndexKind {
    Rows(Partition),
    Directories,
}

impl IndexKind {
    pub fn list_all() -> impl Iterator<Item = Self> {
        Partition::ALL.into_iter().map(Self::Rows).chain([Self::Directories])
    }

    pub fn of_entity(entity: EntityKind) -> Self {
        Self::Rows(entity.partition())
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Rows(partition) => partition.name(),
            Self::Directories => "directories",
        }
    }
}

impl IndexNames {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The alias of the current index.
    pub fn alias(&self, kind: IndexKind) -> String {
        format!("{}-{}", self.prefix, kind.name())
    }

    /// The index with this identity.
    pub fn index(&self, kind: IndexKind, identity: &str) -> String {
        let own = identity.rsplit('.').next().unwrap_or(identity);
        let short: String = own.chars().filter(char::is_ascii_alphanumeric).take(IDENTITY_LENGTH).collect();
        format!("{}-{}", self.alias(kind), short.to_ascii_lowercase())
    }

    /// The template of the settings and fields of indices of this kind.
    pub fn template(&self, kind: IndexKind) -> String {
        self.alias(kind)
    }

    /// Matches the names of all indices of this kind, whatever their identity.
    pub fn pattern(&self, kind: IndexKind) -> String {
        format!("{}-*", self.alias(kind))
    }
}

/// The name of a field. OpenSearch takes dots for levels of objects.
pub fn rename_field(field: &str) -> String {
    field.replace('.', ":")
}

/// The lower 32 bits of an id, for conditions with many ids.
pub fn low_bits_field(field: &str) -> String {
    format!("{}:low", rename_field(field))
}

/// The upper 32 bits of an id, unless they are 0.
pub fn high_bits_field(field: &str) -> String {
    format!("{}:high", rename_field(field))
}

/// The canonical path, in lower case or in its own case, which is compared with patterns.
pub fn compared_path_field(entity: EntityKind, attribute: &str, is_lower_case: bool) -> String {
    let case = if is_lower_case { "lower" } else { "own" };
    format!("{entity}:{attribute}:compared-{case}-case")
}

/// The id of the document of a row.
pub fn document_id(entity: EntityKind, id: i64) -> String {
    format!("{entity}-{id}")
}

/// The id of the row of a document.
pub fn parse_document_id(text: &str) -> Option<i64> {
    text.split_once('-')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_documents_are_read_back() {
        for id in [0, 7, i64::MAX, -1] {
            assert_eq!(parse_document_id(&document_id(EntityKind::Datafile, id)), Some(id));
        }
        assert_eq!(parse_document_id("Datafile"), None);
    }

    #[test]
    fn indices_are_named_by_prefix_kind_and_identity() {
        let names = IndexNames::new("site");
        let identity = "fedcba98-7654-3210-fedc-ba9876543210.01234567-89ab-cdef-0123-456789abcdef";
        let kind = IndexKind::of_entity(EntityKind::Datafile);
        assert_eq!(names.index(kind, identity), "site-datafiles-01234567");
        assert_eq!(names.alias(IndexKind::Directories), "site-directories");
    }
}
