//! Which attributes of the catalogue's rows go into documents, and under which names. The values are those that icat.server 6
//! sends to icat.lucene, so that it does not matter where a document comes from.

use icat_client::schema::{Entity, FieldKind, find_entity};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::domain::entity::EntityKind;

/// What is read of an entity.
#[derive(Debug)]
pub struct DocumentColumns {
    pub kind: EntityKind,
    pub entity: &'static Entity,
    /// Attributes and ids of related rows; the first is `id`.
    paths: Vec<String>,
    fields: Vec<FieldSource>,
    /// Ids of related rows that may be missing. Each needs a query of its own, because in ICAT's query language a path through a
    /// relation leaves out the rows without it.
    optional: Vec<OptionalId>,
}

/// Where the value of a field comes from.
#[derive(Debug)]
struct FieldSource {
    name: String,
    /// The first of these columns that has a value.
    columns: Vec<usize>,
    /// The value if none has one.
    default: Option<i64>,
    is_date: bool,
}

/// A related row that may be missing.
#[derive(Debug)]
pub struct OptionalId {
    pub path: String,
    pub field: String,
}

impl DocumentColumns {
    /// `None` if the schema of ICAT 6.2 does not have the entity.
    pub fn for_entity(kind: EntityKind) -> Option<Self> {
        let entity = find_entity(&kind.to_string())?;
        let mut columns = Self { kind, entity, paths: vec!["id".to_owned()], fields: Vec::new(), optional: Vec::new() };
        for attribute in kind.attributes() {
            let (sources, default) = list_sources(kind, attribute.name);
            let is_date = sources.iter().filter_map(|name| entity.find_field(name)).any(|f| f.kind == FieldKind::Date);
            let places = sources.iter().map(|source| columns.add_path(source)).collect();
            columns.fields.push(FieldSource { name: attribute.name.to_owned(), columns: places, default, is_date });
        }
        for relation in kind.relations() {
            let steps = list_steps(kind, relation.name);
            let (path, field) = (format!("{}.id", steps.join(".")), format!("{}.id", relation.name));
            if is_optional(entity, steps) {
                columns.optional.push(OptionalId { path, field });
            } else {
                let place = columns.add_path(&path);
                columns.fields.push(FieldSource { name: field, columns: vec![place], default: None, is_date: false });
            }
        }
        Some(columns)
    }

    fn add_path(&mut self, path: &str) -> usize {
        self.paths.iter().position(|known| known == path).unwrap_or_else(|| {
            self.paths.push(path.to_owned());
            self.paths.len() - 1
        })
    }

    /// The columns of the main query.
    pub fn list_paths(&self) -> Vec<&str> {
        self.paths.iter().map(String::as_str).collect()
    }

    pub fn optional_ids(&self) -> &[OptionalId] {
        &self.optional
    }

    /// The document of a row of the main query: a value if there is one column, else an array.
    pub fn build_document(&self, row: &Value) -> Map<String, Value> {
        let column = |place: usize| if self.paths.len() == 1 { Some(row) } else { row.get(place) };
        let mut document = Map::new();
        document.insert("id".to_owned(), column(0).cloned().unwrap_or_default());
        for field in &self.fields {
            let value = field.columns.iter().filter_map(|place| column(*place)).find(|value| !value.is_null());
            let value = match value {
                Some(Value::String(text)) if field.is_date => {
                    text.parse().ok().map(|at: Timestamp| at.as_millisecond().into())
                }
                Some(value) => Some(value.clone()),
                None => field.default.map(Value::from),
            };
            document.extend(value.map(|value| (field.name.clone(), value)));
        }
        document
    }
}

/// The attributes from which icat.server takes the value, and the value without them.
fn list_sources(kind: EntityKind, attribute: &'static str) -> (Vec<&'static str>, Option<i64>) {
    use EntityKind::{Datafile, Dataset, Investigation};
    match (kind, attribute) {
        (Datafile, "date") => (vec!["datafileModTime", "datafileCreateTime", "modTime"], None),
        (Datafile, "fileCount") => (Vec::new(), Some(1)),
        (Dataset | Investigation, "date" | "startDate") => (vec!["startDate", "createTime"], None),
        (Dataset | Investigation, "endDate") => (vec!["endDate", "modTime"], None),
        (_, "fileSize" | "fileCount") => (vec![attribute], Some(0)),
        _ => (vec![attribute], None),
    }
}

fn list_steps(kind: EntityKind, relation: &'static str) -> &'static [&'static str] {
    match (kind, relation) {
        (EntityKind::Datafile, "investigation") => &["dataset", "investigation"],
        (EntityKind::Datafile, "sample") => &["dataset", "sample"],
        _ => find_relation(kind, relation),
    }
}

/// The relation as a path of one step.
fn find_relation(kind: EntityKind, name: &str) -> &'static [&'static str] {
    let found = kind.relations().iter().find(|relation| relation.name == name);
    found.map_or(&[], |relation| std::slice::from_ref(&relation.name))
}

fn is_optional(entity: &'static Entity, steps: &[&str]) -> bool {
    let mut entity = entity;
    steps.iter().any(|step| match entity.find_to_one(step) {
        Some(relation) => {
            entity = relation.target();
            relation.nullable
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::document::parse_document;

    #[test]
    fn all_columns_are_in_the_schema() {
        for kind in EntityKind::list_all() {
            let Some(columns) = DocumentColumns::for_entity(kind) else {
                assert_eq!(kind, EntityKind::InvestigationSample, "only ICAT 7 has it");
                continue;
            };
            let optional = columns.optional.iter().map(|optional| optional.path.as_str());
            for path in columns.list_paths().into_iter().chain(optional) {
                icat_client::Select::values(columns.entity.name, &[path]).build().unwrap();
            }
        }
    }

    #[test]
    fn a_datafile_has_the_values_that_icat_server_sends() {
        let columns = DocumentColumns::for_entity(EntityKind::Datafile).unwrap();
        assert_eq!(
            columns.list_paths(),
            [
                "id",
                "name",
                "description",
                "doi",
                "location",
                "datafileModTime",
                "datafileCreateTime",
                "modTime",
                "fileSize",
                "dataset.id",
                "dataset.investigation.id"
            ]
        );
        let optional: Vec<&str> = columns.optional.iter().map(|optional| optional.path.as_str()).collect();
        assert_eq!(optional, ["dataset.sample.id", "datafileFormat.id"]);
        let row = json!([
            7,
            "a.nxs",
            null,
            null,
            "/a.nxs",
            null,
            "2024-03-01T00:00:00.000Z",
            "2025-01-01T00:00:00.000Z",
            null,
            3,
            2
        ]);
        let document = Value::Object(columns.build_document(&row));
        assert_eq!(
            document,
            json!({
                "id": 7, "name": "a.nxs", "location": "/a.nxs", "date": 1_709_251_200_000_i64, "fileSize": 0, "fileCount": 1,
                "dataset.id": 3, "investigation.id": 2,
            })
        );
        assert_eq!(parse_document(EntityKind::Datafile, &document).unwrap().row.relations.len(), 2);
    }

    #[test]
    fn one_column_is_no_array() {
        let columns = DocumentColumns::for_entity(EntityKind::FacilityCycle).unwrap();
        assert_eq!(Value::Object(columns.build_document(&json!(9))), json!({"id": 9}));
    }
}
