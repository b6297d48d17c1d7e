//! The directories of files, from the terms of the index.

use std::collections::BTreeSet;

use super::view::EmbeddedView;
use crate::domain::deadline::Deadline;
use crate::domain::entity::EntityKind;
use crate::domain::plan::TermKind;
use crate::index::error::IndexError;
use crate::index::fields::term_field;
use crate::index::index_view::DirectoryRequest;

impl EmbeddedView {
    /// The directories of a request, from the dictionaries of the segments.
    pub(super) fn list_child_directories(
        &self,
        request: &DirectoryRequest<'_>,
        deadline: Deadline,
    ) -> Result<Vec<String>, IndexError> {
        let DirectoryRequest { directory, name_prefix, after, limit } = *request;
        let entity = EntityKind::Datafile;
        let Some((fields, searcher)) = self.searchers.get(&entity.partition()) else { return Ok(Vec::new()) };
        let Some(field) = fields.find(&term_field(entity, "location", TermKind::Directory)) else {
            return Ok(Vec::new());
        };
        let mut found = BTreeSet::new();
        for segment in searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut wanted = after.map_or_else(|| format!("{directory}{name_prefix}"), |after| format!("{after}\0"));
            let mut in_segment = 0;
            // Each step jumps over all that lies below the last directory.
            while in_segment < limit {
                deadline.check()?;
                let mut terms = index.terms().range().ge(wanted.as_bytes()).into_stream()?;
                if !terms.advance() {
                    break;
                }
                let Ok(term) = std::str::from_utf8(terms.key()) else { break };
                let Some(rest) = term.strip_prefix(directory).filter(|rest| rest.starts_with(name_prefix)) else {
                    break;
                };
                // At the root, the separators before a path belong to the name: `/data`, `//host`.
                // `/` and `//` themselves are none.
                let lead = if directory.is_empty() { rest.len() - rest.trim_start_matches(SEPARATOR).len() } else { 0 };
                let end = rest[lead..].find(SEPARATOR).map_or(rest.len(), |end| lead + end);
                let name = if end == lead { "" } else { &rest[..end] };
                let child = format!("{directory}{}", &rest[..end]);
                // After the directory itself, other names may come before what lies in it.
                wanted = if end == rest.len() { format!("{child}\0") } else { format!("{child}{AFTER_SEPARATOR}") };
                // What lies in `after` comes after it as well.
                let is_new = after.is_none_or(|after| child.as_str() > after);
                if !name.is_empty() && is_new && found.insert(child) {
                    in_segment += 1;
                }
            }
        }
        Ok(found.into_iter().take(limit).collect())
    }
}

/// Of paths in the index.
const SEPARATOR: char = '/';
/// The character after [`SEPARATOR`].
const AFTER_SEPARATOR: char = '0';
