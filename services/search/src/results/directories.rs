//! The directories in which the caller may read files.

use crate::domain::analysis::normalize_term;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Order, Plan, SortKey, TermField, TermKind};
use crate::error::Error;
use crate::index::index_view::{DirectoryRequest, SearchRequest};
use crate::planner::Planner;

/// Directories that are looked at in one block: the caller may be able to read no file in many.
const LOOKED_AT_ONCE: usize = 200;

/// A directory with the number of files in it and in the directories below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryCount {
    pub path: String,
    pub files: u64,
}

impl Planner<'_> {
    /// The directories whose paths begin with a text, up to the next separator, in the order of their names; only files of the
    /// plan count. Also returns whether there may be more. Blocks the thread.
    pub fn list_directories(
        &self,
        readable: &Plan,
        text: &str,
        limit: usize,
    ) -> Result<(Vec<DirectoryCount>, bool), Error> {
        let canonical = self.canonicalize_start(text);
        let (directory, name) = match canonical.rfind('/') {
            Some(end) => canonical.split_at(end + 1),
            None => ("", canonical.as_str()),
        };
        let mut shown = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let request =
                DirectoryRequest { directory, name_prefix: name, after: after.as_deref(), limit: LOOKED_AT_ONCE };
            let block = self.snapshot.list_directories(&request, self.deadline)?;
            for path in &block {
                let Some(found) = self.count_directory(path, readable)? else { continue };
                // Only a further one that the caller may know of says that there are more.
                if shown.len() == limit {
                    return Ok((shown, true));
                }
                shown.push(found);
            }
            if block.len() < LOOKED_AT_ONCE {
                return Ok((shown, false));
            }
            after = block.into_iter().next_back();
        }
    }

    /// The beginning of a path as it is in the index: with the separator at its end, if it has one there.
    fn canonicalize_start(&self, text: &str) -> String {
        let ends_with_separator = text.ends_with(|c| self.rules.is_separator(c));
        match self.rules.canonicalize(text) {
            Ok(path) if ends_with_separator => path.start_of_content(),
            Ok(path) => path.text_lower().to_owned(),
            Err(_) => normalize_term(text.trim()),
        }
    }

    /// `None` if no file of the plan is in the directory.
    fn count_directory(&self, directory: &str, readable: &Plan) -> Result<Option<DirectoryCount>, Error> {
        let term = TermField { attribute: "location", kind: TermKind::Directory };
        let plan = Plan::and(vec![Plan::Term(term, directory.to_owned()), readable.clone()]);
        let order = [Order { key: SortKey::Id, descending: false }];
        let request = SearchRequest { entity: EntityKind::Datafile, plan: &plan, order: &order, after: None, limit: 1 };
        let page = self.snapshot.search_rows(&request, self.deadline)?;
        let Some(hit) = page.hits.first() else { return Ok(None) };
        // The letters of the index are lower case; those of a file in it are not.
        let rows = self.snapshot.fetch_rows(EntityKind::Datafile, &[hit.id], self.deadline)?;
        let location = rows.get(&hit.id).and_then(|row| row.find_text("location"));
        let canonical = location.and_then(|location| self.rules.canonicalize(location).ok());
        let in_its_case = canonical.as_ref().and_then(|path| {
            let place = path.directories_lower().position(|lower| lower == directory)?;
            path.directories().nth(place)
        });
        Ok(Some(DirectoryCount { path: in_its_case.unwrap_or(directory).to_owned(), files: page.total }))
    }
}
