//! What an engine answers.

use std::collections::{BTreeSet, HashMap};

use super::error::IndexError;
use crate::domain::deadline::Deadline;
use crate::domain::document::EntityRow;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Hit, Ids, Order, Plan, SortValue};

/// A search for rows of one entity.
#[derive(Debug)]
pub struct SearchRequest<'r> {
    pub entity: EntityKind,
    pub plan: &'r Plan,
    /// The last one must make the order of rows unique.
    pub order: &'r [Order],
    /// Only rows after the one with these values, one for each of `order`.
    pub after: Option<&'r [SortValue]>,
    pub limit: usize,
}

/// A page of a result.
#[derive(Debug)]
pub struct HitPage {
    pub hits: Vec<Hit>,
    /// All rows of the result, on whatever page.
    pub total: u64,
}

/// Ranges whose rows are counted: the first bound belongs to the range, the second does not.
#[derive(Debug, Clone, PartialEq)]
pub enum CountedRanges {
    Integers(Vec<(i64, i64)>),
    Numbers(Vec<(f64, f64)>),
}

/// Directories directly in another one.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryRequest<'r> {
    /// Ends with the separator or is empty; in lower case.
    pub directory: &'r str,
    /// How their names begin.
    pub name_prefix: &'r str,
    /// Only those after this path.
    pub after: Option<&'r str>,
    pub limit: usize,
}

/// The index as it was at one moment. All methods block the thread, until the deadline at most.
pub trait IndexView: Send + Sync {
    /// The first rows of a result and the number of all.
    fn search_rows(&self, request: &SearchRequest<'_>, deadline: Deadline) -> Result<HitPage, IndexError>;

    /// Whether rows of a plan may exist; false only if none does. An engine that would have to search for them does not.
    fn may_match(&self, _entity: EntityKind, _plan: &Plan) -> Result<bool, IndexError> {
        Ok(true)
    }

    /// The ids of the rows of a plan, or of the rows they refer to. Also of rows that are only known from documents of others.
    fn collect_ids(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: Option<&str>,
        deadline: Deadline,
    ) -> Result<Ids, IndexError>;

    /// How many rows have each value of a term.
    fn count_terms(
        &self,
        entity: EntityKind,
        plan: &Plan,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<HashMap<String, u64>, IndexError>;

    /// The different values of an attribute, also of rows that are only known from documents of others.
    fn list_terms(
        &self,
        entity: EntityKind,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<BTreeSet<String>, IndexError>;

    /// How many rows refer to each id.
    fn count_related(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: &str,
        deadline: Deadline,
    ) -> Result<HashMap<i64, u64>, IndexError>;

    /// How many rows have a value within each range.
    fn count_ranges(
        &self,
        entity: EntityKind,
        plan: &Plan,
        attribute: &str,
        ranges: &CountedRanges,
        deadline: Deadline,
    ) -> Result<Vec<u64>, IndexError>;

    /// Ids that rows refer to by two relations, as `(one, other)`; without the second relation, their own ids.
    fn collect_links(
        &self,
        entity: EntityKind,
        plan: &Plan,
        one: &str,
        other: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<(i64, i64)>, IndexError>;

    /// Rows by their ids; those that are not there are left out.
    fn fetch_rows(
        &self,
        entity: EntityKind,
        ids: &[i64],
        deadline: Deadline,
    ) -> Result<HashMap<i64, EntityRow>, IndexError>;

    /// The paths of directories, in lower case and in their order; of files of all users.
    fn list_directories(&self, request: &DirectoryRequest<'_>, deadline: Deadline) -> Result<Vec<String>, IndexError>;

    /// Ids of rows with the ids that they refer to, as `(related, own)`, in their order.
    fn collect_pairs(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: &str,
        deadline: Deadline,
    ) -> Result<Vec<(i64, i64)>, IndexError> {
        let mut pairs = self.collect_links(entity, plan, relation, None, deadline)?;
        pairs.sort_unstable();
        Ok(pairs)
    }
}
