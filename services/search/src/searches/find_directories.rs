//! The directories in which a caller may read files.

use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use super::CatalogueSearches;
use crate::domain::analysis::normalize_term;
use crate::domain::entity::EntityKind;
use crate::planner::Planner;
use crate::results::directories::DirectoryCount;

/// Directories in which the caller may read files.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryList {
    /// In the order of their names
    pub directories: Vec<Directory>,
    /// Whether there may be more
    pub has_more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// With `/` as separator
    pub path: String,
    pub name: String,
    /// Files in it and in the directories below that the caller may read
    pub files: u64,
}

/// A directory in its place.
#[derive(Debug)]
pub struct DirectoryTree {
    /// The directories in which it lies, from the outermost, and the directory itself.
    pub open: Vec<Directory>,
    /// The directories in it.
    pub inside: Vec<Directory>,
    /// Whether there may be more in it.
    pub has_more: bool,
}

impl DirectoryTree {
    /// Whether there are directories, and none begins with a separator. Those that do come first.
    pub fn is_relative(&self) -> bool {
        !self.inside.is_empty() && !self.inside.iter().any(|directory| directory.path.starts_with('/'))
    }
}

impl Directory {
    fn from_count(counted: DirectoryCount) -> Self {
        let DirectoryCount { path, files } = counted;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        Self { path, name, files }
    }
}

impl CatalogueSearches {
    /// The directories whose paths begin with a text. Beside an icat.server, whose rights are looked up for single files, there
    /// are none.
    pub async fn find_directories(
        &self,
        caller: &Caller,
        path: String,
        limit: usize,
    ) -> Result<DirectoryList, Problem> {
        let rights = self.authorized.find_rights(caller, [EntityKind::Datafile]).await?;
        let list = move |planner: &Planner<'_>| {
            let readable = rights.plan_shown(planner, EntityKind::Datafile)?;
            planner.list_directories(&readable, &path, limit)
        };
        let (found, has_more) = self.authorized.engine().run(list).await?;
        let directories = found.into_iter().map(Directory::from_count);
        Ok(DirectoryList { directories: directories.collect(), has_more })
    }

    /// A directory with those in which it lies and those in it; without a directory, the outermost ones. Those without a file that
    /// the caller may read are left out.
    pub async fn find_directory_tree(
        &self,
        caller: &Caller,
        directory: String,
        limit: usize,
    ) -> Result<DirectoryTree, Problem> {
        let rights = self.authorized.find_rights(caller, [EntityKind::Datafile]).await?;
        let find = move |planner: &Planner<'_>| {
            let readable = rights.plan_shown(planner, EntityKind::Datafile)?;
            let (mut open, mut start) = (Vec::new(), String::new());
            if let Ok(path) = planner.rules.canonicalize(&directory) {
                for outer in path.directories().chain([path.text()]) {
                    // The first of those that begin with this path is the directory itself, if it has files.
                    let (found, _) = planner.list_directories(&readable, outer, 1)?;
                    let is_same = |found: &DirectoryCount| normalize_term(&found.path) == normalize_term(outer);
                    open.extend(found.into_iter().filter(is_same));
                }
                start = path.start_of_content();
            }
            let (inside, has_more) = planner.list_directories(&readable, &start, limit)?;
            Ok((open, inside, has_more))
        };
        let (open, inside, has_more) = self.authorized.engine().run(find).await?;
        let directories = |found: Vec<DirectoryCount>| found.into_iter().map(Directory::from_count).collect();
        Ok(DirectoryTree { open: directories(open), inside: directories(inside), has_more })
    }
}
