//! Writing the index: changes are applied in their order and become visible, and durable, by a commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::IndexError;
use super::identity::IndexIdentity;
use super::index_view::IndexView;
use crate::domain::change_request::{RejectedDocument, RowChange};
use crate::domain::entity::EntityKind;
use crate::domain::paths::PathRules;

/// The only writer of an index in all processes. All methods block the thread.
pub trait IndexWriter: Send {
    /// Which index this is.
    fn identity(&self) -> &IndexIdentity;

    /// Applies changes of the batch with this id; they are visible after the next commit. Ids of batches grow, and a batch that
    /// was not committed may come again. Waits while the engine is busy.
    fn apply_changes(&mut self, batch: i64, changes: Vec<RowChange>) -> Result<(), IndexError>;

    /// Makes all changes durable and visible.
    fn commit(&mut self) -> Result<(), IndexError>;

    /// The rows of the last commit.
    fn open_view(&self) -> Arc<dyn IndexView>;

    /// The generations that have begun since this was called last, to be stored with the changes that began them.
    fn take_new_generations(&mut self) -> BTreeMap<EntityKind, i64>;

    /// The rows that the engine refused since this was called last, although they had been checked.
    fn take_refused_rows(&mut self) -> Vec<RejectedDocument> {
        Vec::new()
    }
}

/// What a writer must know when it opens an index.
pub struct OpenedIndex {
    pub rules: PathRules,
    /// Of each entity, which rows are of the last population.
    pub generations: HashMap<EntityKind, i64>,
    /// The index to which the changes in the database belong, if one is known.
    pub known_identity: Option<String>,
    /// Of an index that is created now.
    pub new_identity: String,
}
