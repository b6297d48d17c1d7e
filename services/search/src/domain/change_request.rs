//! Bodies of `POST /modify` and `POST /addNow` as changes of rows.

use events::messages::icat::Verb;
use icat_client::schema::find_entity;
use serde_json::Value;
use thiserror::Error;

use crate::domain::document::{Document, EntityRow, name_type, parse_document};
use crate::domain::entity::EntityKind;

/// A change of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowChange {
    /// Creates the row or replaces it.
    Upsert(EntityRow),
    /// Creates the row from what a document of another shows, unless it is there.
    InsertStub(EntityRow),
    /// Deletes the row and those that belong to it.
    Delete(EntityKind, i64),
    DeleteAll(EntityKind),
    /// Rows that are upserted from now on belong to this generation.
    BeginGeneration(EntityKind, i64),
    /// Deletes the rows of earlier generations, except those that are only known from documents of others.
    DeleteOlderGenerations(EntityKind, i64),
}

/// A document that cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedDocument {
    pub entity: String,
    /// 0 if the document has none.
    pub entity_id: i64,
    pub reason: String,
    pub document: String,
}

/// Documents or operations of one request.
const MAX_ITEMS: usize = 100_000;
/// Documents that cannot be indexed and are kept, of one request.
const MAX_REJECTED: usize = 1_000;

/// Faults of a whole request; nothing of it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body has {0} items; send at most {MAX_ITEMS} at once")]
    TooMany(usize),
    #[error("the body must be an array, but is {0}")]
    NotAnArray(&'static str),
    #[error("an operation must be an object with exactly one of the keys create, update and delete, but got {0}")]
    NotAnOperation(String),
}

/// The changes of a request, and the documents that cannot be indexed.
#[derive(Debug, Default)]
pub struct ParsedChanges {
    pub changes: Vec<RowChange>,
    pub rejected: Vec<RejectedDocument>,
    /// What has changed in the catalogue, also rows that are not indexed.
    pub changed_rows: Vec<ChangedRow>,
}

/// A change of a row in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChangedRow {
    /// Name in the schema of ICAT.
    pub entity: &'static str,
    pub verb: Verb,
    pub id: i64,
}

/// Parses the operations of `POST /modify`. Entities that are not indexed are left out: servers of other versions send them.
pub fn parse_modify(body: &str) -> Result<ParsedChanges, RequestError> {
    let mut parsed = ParsedChanges::default();
    for operation in parse_array(body)? {
        let one = operation.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let (verb, content) = one.ok_or_else(|| not_an_operation(&operation))?;
        let change = match verb.as_str() {
            "create" => Verb::Created,
            "update" => Verb::Updated,
            "delete" => Verb::Deleted,
            _ => return Err(not_an_operation(&operation)),
        };
        let name = content.get("_index").and_then(Value::as_str).unwrap_or_default();
        if let (Some(entity), Some(id)) = (find_entity(name), content.get("_id").and_then(Value::as_i64)) {
            parsed.changed_rows.push(ChangedRow { entity: entity.name, verb: change, id });
        }
        let Ok(entity) = name.parse::<EntityKind>() else { continue };
        if change == Verb::Deleted {
            match content.get("_id").and_then(Value::as_i64) {
                Some(id) => parsed.changes.push(RowChange::Delete(entity, id)),
                None => parsed.reject(entity, content, "the operation has no _id"),
            }
        } else {
            parsed.add_document(entity, content.get("doc").unwrap_or(&Value::Null));
        }
    }
    Ok(parsed)
}

/// Parses the documents of `POST /addNow`.
pub fn parse_documents(entity: EntityKind, body: &str) -> Result<ParsedChanges, RequestError> {
    let mut parsed = ParsedChanges::default();
    for document in parse_array(body)? {
        parsed.add_document(entity, &document);
    }
    Ok(parsed)
}

fn parse_array(body: &str) -> Result<Vec<Value>, RequestError> {
    match serde_json::from_str(body) {
        Ok(Value::Array(items)) if items.len() > MAX_ITEMS => Err(RequestError::TooMany(items.len())),
        Ok(Value::Array(items)) => Ok(items),
        Ok(other) => Err(RequestError::NotAnArray(name_type(&other))),
        Err(e) => Err(RequestError::NotJson(e.to_string())),
    }
}

/// Characters of an operation that an error shows.
const SHOWN_CHARACTERS: usize = 200;

fn not_an_operation(operation: &Value) -> RequestError {
    RequestError::NotAnOperation(operation.to_string().chars().take(SHOWN_CHARACTERS).collect())
}

impl ParsedChanges {
    fn add_document(&mut self, entity: EntityKind, document: &Value) {
        match parse_document(entity, document) {
            Ok(Document { row, related }) => {
                self.changes.extend(related.into_iter().map(RowChange::InsertStub));
                self.changes.push(RowChange::Upsert(row));
            }
            Err(e) => self.reject(entity, document, &e.to_string()),
        }
    }

    fn reject(&mut self, entity: EntityKind, document: &Value, reason: &str) {
        let entity_id = document.get("id").or_else(|| document.get("_id")).and_then(Value::as_i64).unwrap_or(0);
        if self.rejected.len() >= MAX_REJECTED {
            return;
        }
        self.rejected.push(RejectedDocument {
            entity: entity.to_string(),
            entity_id,
            reason: reason.to_owned(),
            document: document.to_string(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_become_changes() {
        let body = r#"[{"create":{"_index":"Dataset","_id":1,"doc":{"id":3,"name":"scan","type.id":2,"type.name":"raw"}}},
            {"delete":{"_index":"Datafile","_id":7}},
            {"update":{"_index":"Colour","_id":1,"doc":{"id":1}}}]"#;
        let ParsedChanges { changes, rejected, changed_rows } = parse_modify(body).unwrap();
        assert_eq!(changed_rows.len(), 2, "a colour is no entity of ICAT");
        assert!(rejected.is_empty());
        let changes: Vec<String> = changes
            .iter()
            .map(|change| match change {
                RowChange::Upsert(row) => format!("put {} {}", row.entity, row.id),
                RowChange::InsertStub(row) => format!("stub {} {}", row.entity, row.id),
                RowChange::Delete(entity, id) => format!("delete {entity} {id}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(changes, ["stub DatasetType 2", "put Dataset 3", "delete Datafile 7"]);
    }

    #[test]
    fn a_document_that_cannot_be_indexed_does_not_stop_the_others() {
        let body = r#"[{"id":1,"name":"a"},{"id":2,"name":7},{"name":"b"},{"id":4,"name":"c"}]"#;
        let parsed = parse_documents(EntityKind::Datafile, body).unwrap();
        assert_eq!(parsed.changes.len(), 2);
        let reasons: Vec<(i64, &str)> =
            parsed.rejected.iter().map(|one| (one.entity_id, one.reason.as_str())).collect();
        assert_eq!(reasons, [(2, "the field name must be a text, but is a number"), (0, "the document has no id")]);
    }

    #[test]
    fn faults_of_the_request_refuse_all_of_it() {
        let refused = |body: &str| parse_modify(body).unwrap_err().to_string();
        assert_eq!(refused("{}"), "the body must be an array, but is an object");
        assert!(refused("[").starts_with("the body is not JSON: EOF"));
        let operation =
            "an operation must be an object with exactly one of the keys create, update and delete, but got ";
        assert_eq!(refused(r#"[{"upsert":{}}]"#), format!(r#"{operation}{{"upsert":{{}}}}"#));
        assert_eq!(refused(r#"[{"create":{},"delete":{}}]"#), format!(r#"{operation}{{"create":{{}},"delete":{{}}}}"#));
        assert!(parse_modify("[]").unwrap().changes.is_empty());
    }
}
