//! Writing the index. There is one writer per directory in all processes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use roaring::RoaringTreemap;
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{BooleanQuery, Occur, RangeQuery, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, IndexReader, ReloadPolicy, Term};

use super::document::build_document;
use super::identity_file::read_or_create_identity;
use super::schema::PartitionFields;
use super::view::EmbeddedView;
use crate::domain::change_request::RowChange;
use crate::domain::deadline::Deadline;
use crate::domain::document::EntityRow;
use crate::domain::entity::{EntityKind, Partition};
use crate::domain::paths::PathRules;
use crate::domain::plan::Plan;
use crate::index::error::IndexError;
use crate::index::fields::{id_field, relation_field};
use crate::index::identity::IndexIdentity;
use crate::index::index_view::IndexView;
use crate::index::index_writer::{IndexWriter, OpenedIndex};

/// Bytes that each thread collects before it writes a segment.
const MEMORY_PER_THREAD: usize = 32 * 1024 * 1024;

/// Threads that build the segments of datafiles.
const INDEXING_THREADS: usize = 2;

/// Raised whenever the fields change, so that an older index is not read. The new one is empty and must be populated.
const INDEX_VERSION: u32 = 4;

struct PartitionIndex {
    fields: Arc<PartitionFields>,
    reader: IndexReader,
    writer: tantivy::IndexWriter,
    is_changed: bool,
}

/// The index in a directory.
pub struct EmbeddedIndex {
    identity: IndexIdentity,
    partitions: BTreeMap<Partition, PartitionIndex>,
    /// Ids of the rows, stubs included, of entities to which others refer.
    referenced_ids: HashMap<EntityKind, RoaringTreemap>,
    generations: HashMap<EntityKind, i64>,
    /// Of `generations`, those that have begun since they were taken last.
    new_generations: BTreeMap<EntityKind, i64>,
    /// Entities whose `referenced_ids` are read again after the next commit.
    outdated: BTreeSet<EntityKind>,
    rules: Arc<PathRules>,
}

impl EmbeddedIndex {
    /// Opens the index, or creates it if the directory is empty. Blocks the thread.
    pub fn open(directory: &Path, opened: OpenedIndex) -> Result<Self, IndexError> {
        let directory = directory.join(format!("version-{INDEX_VERSION}"));
        let identity = read_or_create_identity(&directory, &opened.new_identity)?;
        let mut partitions = BTreeMap::new();
        for partition in Partition::ALL {
            let directory = directory.join(partition.name());
            std::fs::create_dir_all(&directory)?;
            let fields = Arc::new(PartitionFields::new(partition));
            let directory = tantivy::directory::MmapDirectory::open(&directory).map_err(tantivy::TantivyError::from)?;
            let index = Index::open_or_create(directory, fields.schema.clone())?;
            let threads = if partition == Partition::Datafiles { INDEXING_THREADS } else { 1 };
            let options = IndexWriterOptions::builder()
                .memory_budget_per_thread(MEMORY_PER_THREAD)
                .num_worker_threads(threads)
                .num_merge_threads(1)
                .build();
            let writer = index.writer_with_options(options)?;
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            partitions.insert(partition, PartitionIndex { fields, reader, writer, is_changed: false });
        }
        let mut store = Self {
            identity,
            partitions,
            referenced_ids: HashMap::new(),
            outdated: BTreeSet::new(),
            generations: opened.generations,
            new_generations: BTreeMap::new(),
            rules: Arc::new(opened.rules),
        };
        let referenced = EntityKind::list_all().flat_map(EntityKind::relations).map(|relation| relation.target);
        store.read_referenced_ids(referenced.collect())?;
        Ok(store)
    }

    fn read_referenced_ids(&mut self, entities: BTreeSet<EntityKind>) -> Result<(), IndexError> {
        let view = self.build_view();
        for entity in entities {
            let ids = view.collect_ids(entity, &Plan::All, None, Deadline::never())?;
            self.referenced_ids.insert(entity, Arc::unwrap_or_clone(ids));
        }
        Ok(())
    }

    fn build_view(&self) -> EmbeddedView {
        let searchers = self
            .partitions
            .iter()
            .map(|(partition, index)| (*partition, (Arc::clone(&index.fields), index.reader.searcher())))
            .collect();
        EmbeddedView { rules: Arc::clone(&self.rules), searchers }
    }

    fn apply_change(&mut self, change: RowChange) -> Result<(), IndexError> {
        match change {
            RowChange::Upsert(row) => {
                self.delete_row(row.entity, row.id);
                self.add_row(&row, false)
            }
            RowChange::InsertStub(row) => {
                if self.referenced_ids.get(&row.entity).is_some_and(|known| known.contains(row.id.cast_unsigned())) {
                    return Ok(());
                }
                self.add_row(&row, true)
            }
            RowChange::Delete(entity, id) => {
                self.delete_row(entity, id);
                if let Some(known) = self.referenced_ids.get_mut(&entity) {
                    known.remove(id.cast_unsigned());
                }
                for (dependent, relation) in entity.list_dependents() {
                    self.delete_term(dependent, &relation_field(dependent, relation), id);
                }
                Ok(())
            }
            RowChange::DeleteAll(entity) => {
                self.delete_all(entity);
                Ok(())
            }
            RowChange::BeginGeneration(entity, generation) => {
                self.generations.insert(entity, generation);
                self.new_generations.insert(entity, generation);
                Ok(())
            }
            RowChange::DeleteOlderGenerations(entity, generation) => self.delete_older_generations(entity, generation),
        }
    }

    fn add_row(&mut self, row: &EntityRow, is_stub: bool) -> Result<(), IndexError> {
        let Some(index) = self.partitions.get_mut(&row.entity.partition()) else { return Ok(()) };
        let generation = self.generations.get(&row.entity).copied().unwrap_or(0);
        let document = build_document(&index.fields, row, is_stub, generation, &self.rules);
        index.writer.add_document(document)?;
        index.is_changed = true;
        if let Some(known) = self.referenced_ids.get_mut(&row.entity) {
            known.insert(row.id.cast_unsigned());
        }
        Ok(())
    }

    fn delete_row(&mut self, entity: EntityKind, id: i64) {
        self.delete_term(entity, &id_field(entity), id);
    }

    fn delete_term(&mut self, entity: EntityKind, field: &str, id: i64) {
        let Some(index) = self.partitions.get_mut(&entity.partition()) else { return };
        let Some(field) = index.fields.find(field) else { return };
        index.writer.delete_term(Term::from_field_i64(field, id));
        index.is_changed = true;
    }

    fn delete_all(&mut self, entity: EntityKind) {
        let Some(index) = self.partitions.get_mut(&entity.partition()) else { return };
        index.writer.delete_term(Term::from_field_text(index.fields.entity, &entity.to_string()));
        index.is_changed = true;
        if let Some(known) = self.referenced_ids.get_mut(&entity) {
            known.clear();
        }
    }

    fn delete_older_generations(&mut self, kind: EntityKind, generation: i64) -> Result<(), IndexError> {
        let Some(index) = self.partitions.get_mut(&kind.partition()) else { return Ok(()) };
        let name = kind.to_string();
        let entity = Term::from_field_text(index.fields.entity, &name);
        let stub = Term::from_field_text(index.fields.stub, &name);
        let earlier = Bound::Excluded(Term::from_field_i64(index.fields.generation, generation));
        let query = BooleanQuery::new(vec![
            (Occur::Must, Box::new(TermQuery::new(entity, IndexRecordOption::Basic))),
            (Occur::Must, Box::new(RangeQuery::new(Bound::Unbounded, earlier))),
            (Occur::MustNot, Box::new(TermQuery::new(stub, IndexRecordOption::Basic))),
        ]);
        index.writer.delete_query(Box::new(query))?;
        index.is_changed = true;
        if self.referenced_ids.contains_key(&kind) {
            self.outdated.insert(kind);
        }
        Ok(())
    }
}

impl IndexWriter for EmbeddedIndex {
    fn identity(&self) -> &IndexIdentity {
        &self.identity
    }

    fn apply_changes(&mut self, _: i64, changes: Vec<RowChange>) -> Result<(), IndexError> {
        changes.into_iter().try_for_each(|change| self.apply_change(change))
    }

    fn commit(&mut self) -> Result<(), IndexError> {
        for index in self.partitions.values_mut().filter(|index| index.is_changed) {
            index.writer.commit()?;
            index.is_changed = false;
            index.reader.reload()?;
        }
        let outdated = std::mem::take(&mut self.outdated);
        self.read_referenced_ids(outdated)
    }

    fn open_view(&self) -> Arc<dyn IndexView> {
        Arc::new(self.build_view())
    }

    fn take_new_generations(&mut self) -> BTreeMap<EntityKind, i64> {
        std::mem::take(&mut self.new_generations)
    }
}
