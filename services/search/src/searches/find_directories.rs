//! The directories in which a caller may read files.

use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use super::CatalogueSearches;
use crate::domain::entity::EntityKind;
use crate::domain::plan::Plan;
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
            let readable = rights.plan_shown(planner)?.remove(&EntityKind::Datafile).unwrap_or(Plan::Nothing);
            planner.list_directories(&readable, &path, limit)
        };
        let (found, has_more) = self.authorized.engine().run(list).await?;
        let directories = found.into_iter().map(|DirectoryCount { path, files }| {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            Directory { path, name, files }
        });
        Ok(DirectoryList { directories: directories.collect(), has_more })
    }
}
