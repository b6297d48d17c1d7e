//! The records of a dump, in either format.

use icat_client::schema::{self, Entity, Field, FieldKind, Member, ToMany, ToOne};
use service_kit::Val;

use super::ImportError;
use crate::domain::values::{parse_date, to_exact_i64};

/// One entity of a dump with its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub entity: &'static Entity,
    /// The key by which other records refer to it; empty for parts.
    pub key: String,
    pub fields: Vec<(&'static Field, Val)>,
    /// References by key.
    pub ones: Vec<(&'static ToOne, String)>,
    pub parts: Vec<(&'static ToMany, Record)>,
}

impl Record {
    pub fn new(entity: &'static Entity, key: String) -> Self {
        Self { entity, key, fields: Vec::new(), ones: Vec::new(), parts: Vec::new() }
    }

    /// The row of the record and those of its parts.
    pub fn count_rows(&self) -> usize {
        1 + self.parts.iter().map(|(_, part)| part.count_rows()).sum::<usize>()
    }

    /// For messages: the key, or the kind of a part.
    pub fn label(&self) -> &str {
        if self.key.is_empty() { self.entity.name } else { &self.key }
    }

    /// What a name in the dump means here.
    pub fn find_member(&self, name: &str) -> Result<Member, ImportError> {
        // Names that older versions of the schema had.
        let name = match (self.entity.name, name) {
            ("DataCollection", "dataCollectionParameters") => "parameters",
            ("InvestigationGroup" | "UserGroup", "group") => "grouping",
            (_, name) => name,
        };
        self.entity
            .find_member(name)
            .ok_or_else(|| ImportError::Format(format!("{}: {} has no `{name}`", self.label(), self.entity.name)))
    }

    /// Takes an attribute's text as its kind of value.
    pub fn set_field(&mut self, field: &'static Field, text: &str) -> Result<(), ImportError> {
        let val = parse_value(field.kind, text).ok_or_else(|| {
            ImportError::Format(format!("{}: `{text}` is not a valid value for {}", self.label(), field.name))
        })?;
        self.fields.push((field, val));
        Ok(())
    }
}

/// `investigationType` in a dump is the entity `InvestigationType`.
pub fn entity_from_tag(tag: &str) -> Result<&'static Entity, ImportError> {
    let mut chars = tag.chars();
    let name: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    schema::find_entity(&name).ok_or_else(|| ImportError::Format(format!("`{tag}` is not an entity type of ICAT 6.2")))
}

fn parse_value(kind: FieldKind, text: &str) -> Option<Val> {
    let trimmed = text.trim();
    Some(match kind {
        FieldKind::String => text.into(),
        FieldKind::Long | FieldKind::Integer => {
            trimmed.parse().ok().or_else(|| trimmed.parse().ok().and_then(to_exact_i64))?.into()
        }
        FieldKind::Double => trimmed.parse::<f64>().ok().filter(|n| n.is_finite())?.into(),
        FieldKind::Boolean => match trimmed.to_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => return None,
        },
        FieldKind::Date => parse_date(trimmed)?.into(),
        FieldKind::Enum(def) => {
            let place = def.values.iter().position(|value| *value == trimmed)?;
            Val::I64(i64::try_from(place).ok())
        }
    })
}
