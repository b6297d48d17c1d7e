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
use crate::index::identity::{IndexIdentity, find_database};
use crate::index::index_view::IndexView;
use crate::index::index_writer::{IndexWriter, OpenedIndex};

/// Versions of one batch; later changes of a larger batch have the last one.
const VERSIONS_PER_BATCH: i64 = 1 << 20;
/// Ids of deleted rows in one request that deletes their dependents; a condition accepts 65,536.
const DELETIONS_AT_ONCE: usize = 10_000;
/// How long the cluster is asked to wait for a task before it is asked again.
const TASK_WAIT: &str = "30s";
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
    /// Writes the indices of the known identity, which are there. Blocks the thread.
    pub fn open(index: Arc<OpenSearchIndex>, opened: OpenedIndex) -> Result<Self, IndexError> {
        let identity = opened.known_identity.ok_or(IndexError::OtherDatabase)?;
        Ok(Self {
            index,
            identity: IndexIdentity { text: identity, is_new: false },
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
                if self.deleted_owners.values().map(Vec::len).sum::<usize>() >= DELETIONS_AT_ONCE {
                    self.delete_dependents(version)?;
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
        if self.bulk.is_full() { self.bulk.send(&self.index) } else { Ok(()) }
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
        self.bulk.send(&self.index)?;
        let index = self.name_index(entity);
        self.index.refresh(&index)?;
        let earlier = json!({"bool": {"filter": [query, {"range": {VERSION: {"lt": version}}}]}});
        // A document that was written once more meanwhile is looked at again.
        while self.index.run_deletion(&index, &earlier)? > 0 {
            self.index.refresh(&index)?;
        }
        Ok(())
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
        self.bulk.send(&self.index)?;
        for kind in IndexKind::list_all() {
            self.index.refresh(&self.index.names.index(kind, &self.identity.text))?;
        }
        self.index.commits.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn open_view(&self) -> Arc<dyn IndexView> {
        self.index.open_view(&self.identity.text)
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

    /// The indices of a kind, with what they say of themselves.
    fn list_indices(&self, kind: IndexKind) -> Result<Vec<(String, Value)>, IndexError> {
        let path = format!("{}/_mapping", self.names.pattern(kind));
        let found = self.client.find_json(Call::new(Method::GET, "/{index}/_mapping", path))?;
        let found = found.as_ref().and_then(Value::as_object).into_iter().flatten();
        Ok(found.map(|(index, mapping)| (index.clone(), mapping["mappings"]["_meta"].clone())).collect())
    }

    /// Whether the indices that belong to the changes of a database are there. Fails if there are those of another one.
    pub fn is_ready(&self, known_identity: Option<&str>, next_batch: i64) -> Result<bool, IndexError> {
        let wanted = json!({"identity": known_identity, "version": INDEX_VERSION});
        let mut is_complete = true;
        for kind in IndexKind::list_all() {
            let found = self.list_indices(kind)?;
            // Versions of writes come from the database: indices of another one would refuse them.
            let is_ours = |meta: &Value| {
                let found = meta["identity"].as_str().map(find_database);
                found.is_some() && found == known_identity.map(find_database)
            };
            if !found.iter().all(|(_, meta)| is_ours(meta)) {
                return Err(IndexError::OtherDatabase);
            }
            is_complete &= found.iter().any(|(_, meta)| *meta == wanted);
        }
        match known_identity.filter(|_| is_complete) {
            Some(known) if self.find_last_batch(known)? > next_batch => Err(IndexError::OtherDatabase),
            known => Ok(known.is_some()),
        }
    }

    /// Deletes documents, and returns how many were written meanwhile and are still there. The cluster goes on if nobody waits.
    fn run_deletion(&self, index: &str, query: &Value) -> Result<u64, IndexError> {
        self.check_writable()?;
        let path = format!("{index}/_delete_by_query?conflicts=proceed&slices=auto&wait_for_completion=false");
        let call = Call::new(Method::POST, "/{index}/_delete_by_query", path);
        let started = self.client.request_json(call.with_json(&json!({"query": query})))?;
        let task = started["task"].as_str().unwrap_or_default();
        loop {
            self.check_writable()?;
            let path = format!("_tasks/{task}?wait_for_completion=true&timeout={TASK_WAIT}");
            let state = match self.client.request_json(Call::new(Method::GET, "/_tasks/{id}", path)) {
                // It runs for longer than the cluster waits.
                Err(IndexError::Refused(reason)) if reason.to_lowercase().contains("timed out") => continue,
                state => state?,
            };
            if state["completed"] != json!(true) {
                continue;
            }
            let outcome = &state["response"];
            let failures = outcome["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
            return match failures.first() {
                Some(failure) => Err(IndexError::Unavailable(format!("documents were not deleted: {failure}"))),
                None => Ok(outcome["version_conflicts"].as_u64().unwrap_or_default()),
            };
        }
    }

    /// How often the datafiles were refreshed; `None` if there is no index.
    pub fn count_refreshes(&self, identity: &str) -> Result<Option<u64>, IndexError> {
        let index = self.names.index(IndexKind::of_entity(EntityKind::Datafile), identity);
        let path = format!("{index}/_stats/refresh?filter_path=_all.primaries.refresh.external_total");
        let found = self.client.find_json(Call::new(Method::GET, "/{index}/_stats/refresh", path))?;
        Ok(found.and_then(|found| found["_all"]["primaries"]["refresh"]["external_total"].as_u64()))
    }

    /// The last batch of which a document is in the index, or 0.
    fn find_last_batch(&self, identity: &str) -> Result<i64, IndexError> {
        let mut last = 0;
        for kind in IndexKind::list_all().filter(|kind| *kind != IndexKind::Directories) {
            let index = self.names.index(kind, identity);
            self.refresh(&index)?;
            let call = Call::new(Method::POST, "/{index}/_search", format!("{index}/_search"));
            let body = json!({"size": 1, "sort": [{VERSION: {"order": "desc", "missing": "_last"}}], "_source": false});
            let found = self.client.find_json(call.with_json(&body))?.unwrap_or_default();
            last = last.max(found["hits"]["hits"][0]["sort"][0].as_i64().unwrap_or_default());
        }
        Ok(last / VERSIONS_PER_BATCH)
    }

    /// Creates empty indices, makes them the current ones at once, and deletes the ones before. Blocks the thread.
    pub fn create_indices(&self, identity: &str) -> Result<(), IndexError> {
        self.check_writable()?;
        self.put_templates()?;
        let mut actions = Vec::new();
        for kind in IndexKind::list_all() {
            let (index, alias) = (self.names.index(kind, identity), self.names.alias(kind));
            // With the indices, their aliases are removed.
            actions.extend(self.list_indices(kind)?.iter().map(|(old, _)| json!({"remove_index": {"index": old}})));
            let body = json!({"mappings": {"_meta": {"identity": identity, "version": INDEX_VERSION}}});
            self.client.request_json(Call::new(Method::PUT, "/{index}", index.clone()).with_json(&body))?;
            actions.push(json!({"add": {"index": index, "alias": alias}}));
        }
        self.check_writable()?;
        let swap = Call::new(Method::POST, "/_aliases", "_aliases".to_owned());
        self.client.request_json(swap.with_json(&json!({"actions": actions})))?;
        Ok(())
    }
}
