//! The directories of files, each of which has a document of its own. They stay when their files are deleted; whoever counts the
//! files leaves such directories out.

use serde_json::{Value, json};

use super::names::IndexKind;
use super::view::{OpenSearchView, list_hits};
use crate::domain::deadline::Deadline;
use crate::index::error::IndexError;
use crate::index::index_view::DirectoryRequest;

/// Separates the parts of canonical paths.
const SEPARATOR: char = '/';
/// Directories that are read at once, at most.
const PAGE_SIZE: usize = 10_000;

/// The document of a directory: its path in lower case, and what paths in it begin with.
pub fn build_directory(path: &str) -> Value {
    let parent = path.rfind(SEPARATOR).map_or("", |end| &path[..=end]);
    // At the root, the separators before a path belong to the name: `/data`, `//host`.
    let is_root = parent.chars().all(|c| c == SEPARATOR);
    let mut parents = vec![parent];
    if is_root && !parent.is_empty() {
        parents.push("");
    }
    json!({"path": path, "parent": parents})
}

impl OpenSearchView {
    /// The directories of a request, in their order.
    pub(super) fn find_directories(
        &self,
        request: &DirectoryRequest<'_>,
        deadline: Deadline,
    ) -> Result<Vec<String>, IndexError> {
        let prefix = format!("{}{}", request.directory, request.name_prefix);
        let mut body = json!({
            "size": request.limit.min(PAGE_SIZE), "sort": [{"path": "asc"}], "track_total_hits": false,
            "query": {"bool": {"filter": [
                {"term": {"parent": request.directory}}, {"prefix": {"path": {"value": prefix}}},
            ]}},
        });
        if let Some(after) = request.after {
            body["search_after"] = json!([after]);
        }
        let answer = self.points.search_index(IndexKind::Directories, body, deadline)?;
        Ok(list_hits(&answer).iter().filter_map(|hit| hit["sort"][0].as_str().map(str::to_owned)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_at_the_root_keeps_its_separators() {
        for (path, parents) in [
            ("/data", json!(["/", ""])),
            ("//host", json!(["//", ""])),
            ("//host/share", json!(["//host/"])),
            ("c:", json!([""])),
            ("/data/2024", json!(["/data/"])),
        ] {
            assert_eq!(build_directory(path)["parent"], parents, "{path}");
        }
    }
}
