//! Writing the indices.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::sha256_hex;

use super::bulk::BulkRequest;
use super::client::Call;
use super::cluster::OpenSearchIndex;
use super::directories::build_directory;
use super::document::build_document;
use super::mapping::{INDEX_VERSION, build_template};
use super::names::{IndexKind, document_id, rename_field};
use crate::domain::change_request::{RejectedDocument, RowChange};
use crate::domain::document::EntityRow;
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::paths::PathRules;
use crate::index::error::IndexError;
use crate::index::fields::relation_field;
use crate::index::identity::IndexIdentity;
use crate::index::index_view::IndexView;
use crate::index::index_writer::{IndexWriter, OpenedIndex};

/// Versions of one batch; later changes of a larger batch have the last one.
const VERSIONS_PER_BATCH: i64 = 1 << 20;
/// The field with the version of a document.
const VERSION: &str = "version";
/// Directories that are known to be there, at most.
const MAX_KNOWN_DIRECTORIES: usize = 1_000_000;

pub struct OpenSearchWriter {
    index: Arc<OpenSearchIndex>,
    identity: IndexIdentity,
    rules: PathRules,
    generations: HashMap<EntityKind, i64>,
    new_generations: BTreeMap<EntityKind, i64>,
    bulk: BulkRequest,
    /// Rows of deleted rows, which are deleted with them: entity and relation, with the ids.
    deleted_owners: BTreeMap<(EntityKind, &'static str), Vec<i64>>,
    /// Directories that were written since the start.
    known_directories: HashSet<String>,
}

impl OpenSearchWriter {
    /// Opens the indices, or creates them. Indices of an earlier version are replaced by empty ones. Blocks the thread.
    pub fn open(index: Arc<OpenSearchIndex>, opened: OpenedIndex) -> Result<Self, IndexError> {
        index.connect()?;
        index.put_templates()?;
        let found = index.find_identity()?;
        let identity = match (found, opened.known_identity) {
            // Versions of writes come from the database: indices of another one would refuse them.
            (Some(found), known) if known.as_ref() != Some(&found) => return Err(IndexError::OtherDatabase),
            (Some(found), Some(_)) if index.find_last_batch()? > opened.next_batch => {
                tracing::error!(index = found, "the index contains changes that the database does not know");
                return Err(IndexError::OtherDatabase);
            }
            (Some(found), Some(_)) if index.is_complete(&found)? => IndexIdentity { text: found, is_new: false },
            _ => {
                index.create_indices(&opened.new_identity)?;
                IndexIdentity { text: opened.new_identity, is_new: true }
            }
        };
        Ok(Self {
            index,
            identity,
            rules: opened.rules,
            generations: opened.generations,
            new_generations: BTreeMap::new(),
            bulk: BulkRequest::default(),
            deleted_owners: BTreeMap::new(),
            known_directories: HashSet::new(),
        })
    }

    fn name_index(&self, entity: EntityKind) -> String {
        self.index.names.index(IndexKind::of_entity(entity), &self.identity.text)
    }

    fn apply_change(&mut self, change: RowChange, version: i64) -> Result<(), IndexError> {
        if !matches!(change, RowChange::Delete(..)) {
            self.delete_dependents(version)?;
        }
        match change {
            RowChange::Upsert(row) => {
                self.add_directories(&row);
                let document = self.build_document(&row, false, version);
                self.bulk.add_index(&self.name_index(row.entity), &document_id(row.entity, row.id), version, &document);
            }
            RowChange::InsertStub(row) => {
                let document = self.build_document(&row, true, version);
                self.bulk.add_create(&self.name_index(row.entity), &document_id(row.entity, row.id), &document);
            }
            RowChange::Delete(entity, id) => {
                self.bulk.add_delete(&self.name_index(entity), &document_id(entity, id), version);
                for dependent in entity.list_dependents() {
                    self.deleted_owners.entry(dependent).or_default().push(id);
                }
            }
            RowChange::DeleteAll(entity) => {
                self.delete_by_query(entity, &json!({"term": {"entity": entity.to_string()}}), version)?;
            }
            RowChange::BeginGeneration(entity, generation) => {
                self.generations.insert(entity, generation);
                self.new_generations.insert(entity, generation);
            }
            RowChange::DeleteOlderGenerations(entity, generation) => {
                let entity_name = entity.to_string();
                let older = json!({"bool": {
                    "filter": [{"term": {"entity": &entity_name}}, {"range": {"generation": {"lt": generation}}}],
                    "must_not": [{"term": {"stub": &entity_name}}],
                }});
                self.delete_by_query(entity, &older, version)?;
            }
        }
        if self.bulk.is_full() { self.bulk.send(&self.index.client) } else { Ok(()) }
    }

    fn build_document(&self, row: &EntityRow, is_stub: bool, version: i64) -> Value {
        let generation = self.generations.get(&row.entity).copied().unwrap_or(0);
        let mut document = build_document(row, is_stub, generation, &self.rules);
        document[VERSION] = version.into();
        document
    }

    fn add_directories(&mut self, row: &EntityRow) {
        let paths = row.entity.attributes().iter().filter(|attribute| attribute.kind == ValueKind::Path);
        let index = self.index.names.index(IndexKind::Directories, &self.identity.text);
        for attribute in paths {
            let path = row.find_text(attribute.name).and_then(|text| self.rules.canonicalize(text).ok());
            let Some(path) = path else { continue };
            // The outer directories of a known one are known.
            for directory in path.directories_lower().rev() {
                if self.known_directories.contains(directory) {
                    break;
                }
                if self.known_directories.len() >= MAX_KNOWN_DIRECTORIES {
                    self.known_directories.clear();
                }
                self.known_directories.insert(directory.to_owned());
                let id = sha256_hex(directory);
                self.bulk.add_create(&index, &id, &build_directory(directory));
            }
        }
    }

    /// Deletes what belongs to the rows that were deleted just now.
    fn delete_dependents(&mut self, version: i64) -> Result<(), IndexError> {
        let mut conditions: BTreeMap<IndexKind, (EntityKind, Vec<Value>)> = BTreeMap::new();
        for ((dependent, relation), ids) in std::mem::take(&mut self.deleted_owners) {
            let condition = json!({"terms": {(rename_field(&relation_field(dependent, relation))): ids}});
            conditions.entry(IndexKind::of_entity(dependent)).or_insert((dependent, Vec::new())).1.push(condition);
        }
        for (entity, conditions) in conditions.into_values() {
            self.delete_by_query(entity, &json!({"bool": {"should": conditions, "minimum_should_match": 1}}), version)?;
        }
        Ok(())
    }

    /// Deletes documents that were written before this version; those of later ones stay, whenever the cluster comes to it.
    fn delete_by_query(&mut self, entity: EntityKind, query: &Value, version: i64) -> Result<(), IndexError> {
        self.bulk.send(&self.index.client)?;
        let index = self.name_index(entity);
        self.index.refresh(&index)?;
        let earlier = json!({"bool": {"filter": [query, {"range": {VERSION: {"lt": version}}}]}});
        let path = format!("{index}/_delete_by_query?conflicts=proceed&slices=auto");
        let call = Call::new(Method::POST, "/{index}/_delete_by_query", path);
        let answer = self.index.client.request_json(call.with_json(&json!({"query": earlier})))?;
        let failures = answer["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
        match failures.first() {
            Some(failure) => Err(IndexError::Unavailable(format!("documents were not deleted: {failure}"))),
            None => Ok(()),
        }
    }
}

impl IndexWriter for OpenSearchWriter {
    fn identity(&self) -> &IndexIdentity {
        &self.identity
    }

    fn apply_changes(&mut self, batch: i64, changes: Vec<RowChange>) -> Result<(), IndexError> {
        let first = batch.saturating_mul(VERSIONS_PER_BATCH);
        for (change, number) in changes.into_iter().zip(0..) {
            self.apply_change(change, first.saturating_add(i64::min(number, VERSIONS_PER_BATCH - 1)))?;
        }
        self.delete_dependents(first.saturating_add(VERSIONS_PER_BATCH - 1))
    }

    fn commit(&mut self) -> Result<(), IndexError> {
        self.bulk.send(&self.index.client)?;
        for kind in IndexKind::list_all() {
            self.index.refresh(&self.index.names.index(kind, &self.identity.text))?;
        }
        self.index.commits.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn open_view(&self) -> Arc<dyn IndexView> {
        self.index.open_view()
    }

    fn take_new_generations(&mut self) -> BTreeMap<EntityKind, i64> {
        std::mem::take(&mut self.new_generations)
    }

    fn take_refused_rows(&mut self) -> Vec<RejectedDocument> {
        self.bulk.take_refused()
    }
}

impl OpenSearchIndex {
    /// Makes what was written visible.
    fn refresh(&self, index: &str) -> Result<(), IndexError> {
        self.client.request_json(Call::new(Method::POST, "/{index}/_refresh", format!("{index}/_refresh"))).map(drop)
    }

    fn put_templates(&self) -> Result<(), IndexError> {
        for kind in IndexKind::list_all() {
            let shards = if kind == IndexKind::of_entity(EntityKind::Datafile) { self.datafile_shards } else { 1 };
            let template = build_template(kind, &self.names.pattern(kind), shards, self.replicas);
            let path = format!("_index_template/{}", self.names.template(kind));
            self.client.request_json(Call::new(Method::PUT, "/_index_template/{name}", path).with_json(&template))?;
        }
        Ok(())
    }

    /// The indices that an alias names, with what is known of them.
    fn list_indices(&self, kind: IndexKind) -> Result<Vec<(String, Value)>, IndexError> {
        let path = format!("{}/_mapping", self.names.alias(kind));
        let found = self.client.find_json(Call::new(Method::GET, "/{index}/_mapping", path))?;
        let found = found.as_ref().and_then(Value::as_object).into_iter().flatten();
        Ok(found.map(|(index, mapping)| (index.clone(), mapping["mappings"]["_meta"].clone())).collect())
    }

    /// The identity of the current indices.
    fn find_identity(&self) -> Result<Option<String>, IndexError> {
        for kind in IndexKind::list_all() {
            for (_, meta) in self.list_indices(kind)? {
                if let Some(identity) = meta["identity"].as_str() {
                    return Ok(Some(identity.to_owned()));
                }
            }
        }
        Ok(None)
    }

    /// The last batch of which a document is in the index, or 0.
    fn find_last_batch(&self) -> Result<i64, IndexError> {
        let mut last = 0;
        for kind in IndexKind::list_all().filter(|kind| *kind != IndexKind::Directories) {
            let call = Call::new(Method::POST, "/{index}/_search", format!("{}/_search", self.names.alias(kind)));
            let body = json!({"size": 1, "sort": [{VERSION: {"order": "desc", "missing": "_last"}}], "_source": false});
            let found = self.client.find_json(call.with_json(&body))?.unwrap_or_default();
            last = last.max(found["hits"]["hits"][0]["sort"][0].as_i64().unwrap_or_default());
        }
        Ok(last / VERSIONS_PER_BATCH)
    }

    /// Whether all indices of this identity are there, and have today's fields.
    fn is_complete(&self, identity: &str) -> Result<bool, IndexError> {
        for kind in IndexKind::list_all() {
            let wanted = json!({"identity": identity, "version": INDEX_VERSION});
            if !self.list_indices(kind)?.iter().any(|(_, meta)| *meta == wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Creates empty indices, makes them the current ones at once, and deletes the ones before.
    fn create_indices(&self, identity: &str) -> Result<(), IndexError> {
        let (mut actions, mut replaced) = (Vec::new(), Vec::new());
        for kind in IndexKind::list_all() {
            let (index, alias) = (self.names.index(kind, identity), self.names.alias(kind));
            for (old, _) in self.list_indices(kind)? {
                actions.push(json!({"remove": {"index": old, "alias": &alias}}));
                replaced.push(old);
            }
            let body = json!({"mappings": {"_meta": {"identity": identity, "version": INDEX_VERSION}}});
            self.client.request_json(Call::new(Method::PUT, "/{index}", index.clone()).with_json(&body))?;
            actions.push(json!({"add": {"index": index, "alias": alias}}));
        }
        let swap = Call::new(Method::POST, "/_aliases", "_aliases".to_owned());
        self.client.request_json(swap.with_json(&json!({"actions": actions})))?;
        for old in replaced {
            self.client.find_json(Call::new(Method::DELETE, "/{index}", old))?;
        }
        Ok(())
    }
}
