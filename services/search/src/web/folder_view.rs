//! The directories of files beside the rows: those in which the open one lies, and those in it. Each is a link that opens it and
//! narrows the search to it.

use serde::Serialize;

use super::number_format::format_count;
use super::page_query::PageQuery;
use crate::searches::find_directories::{Directory, DirectoryTree};

/// Directories that are shown at first.
const FIRST_DIRECTORIES: usize = 30;
/// Directories that are shown where somebody asks for all.
const ALL_DIRECTORIES: usize = 1_000;
/// The value of `all` in the address of a page with all directories.
const EXPANDED: &str = "folders";

/// The tree from the outermost directory to those in the open one.
#[derive(Debug, Serialize)]
pub struct FolderView {
    /// The address of the search in all directories.
    root_address: String,
    /// The open directory and those in which it lies.
    open: Vec<FolderLink>,
    /// Those in the open one.
    inside: Vec<FolderLink>,
    /// The address of the page with all that are in the open one.
    more: Option<String>,
}

#[derive(Debug, Serialize)]
struct FolderLink {
    path: String,
    name: String,
    files: String,
    address: String,
}

/// How many directories to look for.
pub fn folder_limit(query: &PageQuery) -> usize {
    if query.expanded.as_deref() == Some(EXPANDED) { ALL_DIRECTORIES } else { FIRST_DIRECTORIES }
}

impl FolderView {
    /// `None` if there are no directories at all.
    pub fn from_tree(query: &PageQuery, tree: DirectoryTree) -> Option<Self> {
        let DirectoryTree { open, inside, has_more } = tree;
        if open.is_empty() && inside.is_empty() {
            return None;
        }
        let link = |directory: Directory| {
            let Directory { path, name, files } = directory;
            let address = query.change_query(|query| query.directory.clone_from(&path)).address();
            FolderLink { path, name, files: format_count(files), address }
        };
        let is_expandable = has_more && folder_limit(query) < ALL_DIRECTORIES;
        Some(Self {
            root_address: query.change_query(|query| query.directory.clear()).address(),
            open: open.into_iter().map(link).collect(),
            inside: inside.into_iter().map(link).collect(),
            more: is_expandable
                .then(|| query.change_query(|query| query.expanded = Some(EXPANDED.to_owned())).address()),
        })
    }

    /// A directory for examples: the first one that is shown.
    pub fn first_path(&self) -> Option<&str> {
        self.open.last().or(self.inside.first()).map(|folder| folder.path.as_str())
    }
}
