//! Searching for words, in one logbook or in all that the caller may read.

use std::sync::Arc;

use identity::Caller;
use serde_json::Value;
use service_kit::fulltext::{ExcerptPart, FulltextQuery};
use service_kit::{Db, Problem};

use crate::catalogue::permissions::{Permissions, ReadableLogbook, ReadableLogbooks};
use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::EntryRenderer;
use crate::store::filter_conditions::{Scope, find_scope};
use crate::store::logbooks;
use crate::store::search::{Reach, search_entries};

/// Bytes of an entry's text around what was found.
const EXCERPT_BYTES: usize = 240;
/// Texts of an entry that are shown.
const MAX_EXCERPTS: usize = 3;

/// What is searched for, and which part of the results is asked for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    pub words: FulltextQuery,
    pub filter: Filter,
    /// What follows this place; a [`SearchResult::next`].
    pub before: Option<i64>,
    pub limit: i64,
}

/// What was found.
pub struct SearchResult {
    pub hits: Vec<SearchHit>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<i64>,
    /// False if the caller may read more logbooks than were searched.
    pub complete: bool,
}

pub struct SearchHit {
    /// The name of the logbook.
    pub logbook: Option<String>,
    /// The rendered entry.
    pub entry: Value,
    /// The passages of the entry that match.
    pub excerpts: Vec<Vec<ExcerptPart>>,
}

/// Searches entries.
pub struct EntrySearch {
    db: Db,
    permissions: Arc<Permissions>,
    renderer: Arc<EntryRenderer>,
}

impl EntrySearch {
    pub fn new(db: Db, permissions: Arc<Permissions>, renderer: Arc<EntryRenderer>) -> Self {
        Self { db, permissions, renderer }
    }

    /// Entries with the texts in which something was found.
    pub async fn search_entries(
        &self,
        caller: &Caller,
        logbook: &Logbook,
        request: &SearchRequest,
    ) -> Result<SearchResult, Problem> {
        let (found, next, complete) = self.find_entries(caller, logbook, request).await?;
        let mut tx = self.db.read().await?;
        let ids: Vec<i64> = found.iter().map(|entry| entry.logbook_id).collect();
        let names = logbooks::list_logbook_names(&mut tx, &ids).await?;
        let rendered = self.renderer.render_within(&mut tx, &found).await?;
        let hits = found.iter().zip(rendered).map(|(found, entry)| {
            let logbook = names.get(&found.logbook_id).cloned();
            SearchHit { logbook, entry, excerpts: find_excerpts(&request.words, found) }
        });
        Ok(SearchResult { hits: hits.collect(), next, complete })
    }

    /// The entries, where the next part begins, and whether all readable logbooks were searched.
    pub async fn find_entries(
        &self,
        caller: &Caller,
        logbook: &Logbook,
        request: &SearchRequest,
    ) -> Result<(Vec<Entry>, Option<i64>, bool), Problem> {
        let (reach, complete) = self.find_reach(caller, logbook).await?;
        let (found, next) = self.find_within(&reach, request).await?;
        Ok((found, next, complete))
    }

    /// The entries of one logbook, and where the next part begins.
    pub async fn find_in_logbook(
        &self,
        logbook: &ReadableLogbook,
        request: &SearchRequest,
    ) -> Result<(Vec<Entry>, Option<i64>), Problem> {
        let reach = self.find_reach_of_logbook(logbook).await?;
        self.find_within(&reach, request).await
    }

    async fn find_within(&self, reach: &Reach, request: &SearchRequest) -> Result<(Vec<Entry>, Option<i64>), Problem> {
        let SearchRequest { words, filter, before, limit } = request;
        let mut tx = self.db.read().await?;
        let mut found = search_entries(&mut tx, reach, words, filter, *before, limit + 1).await?;
        let has_more = i64::try_from(found.len()).unwrap_or(i64::MAX) > *limit;
        if has_more {
            found.pop();
        }
        let next = if has_more { found.last().map(|entry| entry.seq) } else { None };
        Ok((found, next))
    }

    /// The logbooks that are searched, and whether these are all that the caller may read. The facility means all.
    async fn find_reach(&self, caller: &Caller, logbook: &Logbook) -> Result<(Reach, bool), Problem> {
        match logbook {
            Logbook::Investigation(_) | Logbook::Instrument(_) => {
                let readable = self.permissions.require_read(caller, logbook).await?;
                Ok((self.find_reach_of_logbook(&readable).await?, true))
            }
            Logbook::Facility | Logbook::Unassigned => Ok(match self.permissions.list_readable(caller).await? {
                ReadableLogbooks::All => (Reach::Everything, true),
                ReadableLogbooks::Set { logbooks, complete } => (Reach::Set(logbooks), complete),
            }),
        }
    }

    async fn find_reach_of_logbook(&self, logbook: &ReadableLogbook) -> Result<Reach, Problem> {
        Ok(match find_scope(&mut self.db.read().await?, logbook).await? {
            Scope::Logbook(id) => Reach::Logbook(id),
            Scope::Instrument(name) => Reach::Instrument(name),
            Scope::Everything => Reach::Everything,
        })
    }
}

fn find_excerpts(words: &FulltextQuery, entry: &Entry) -> Vec<Vec<ExcerptPart>> {
    let content = &entry.content;
    let texts: Vec<String> = content.readable_texts().into_iter().chain(content.tags.iter().cloned()).collect();
    let found = texts.iter().map(|text| words.extract_excerpt(text, EXCERPT_BYTES)).filter(|pieces| !pieces.is_empty());
    found.take(MAX_EXCERPTS).collect()
}
