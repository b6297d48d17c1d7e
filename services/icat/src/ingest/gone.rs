//! Files that are catalogued below the ingested directory and are not on disk any more.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;

use service_kit::{Tx, Val};

use super::catalogue::{Catalogue, find_entity};
use super::datasets::KnownFile;
use super::scan::Tree;
use super::{FILES_PER_COMMIT, IngestError};
use crate::error::Error;
use crate::store::entities;
use crate::write;

pub const LIST_DATASETS: &str =
    "SELECT id, name, location FROM dataset WHERE investigation_id = $1 AND location IS NOT NULL ORDER BY id";

/// A datafile without its file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GoneFile {
    pub dataset: String,
    pub name: String,
    /// Relative to the storage root.
    pub location: String,
    #[serde(skip)]
    pub(super) id: i64,
    #[serde(skip)]
    dataset_id: i64,
}

/// Refuses to forget files where the disk looks as if it were not mounted.
pub fn require_mounted(tree: &Tree) -> Result<(), IngestError> {
    let is_empty = |path: &std::path::Path| {
        let source = |source| IngestError::Read { path: path.display().to_string(), source };
        Ok::<_, IngestError>(fs::read_dir(path).map_err(source)?.next().is_none())
    };
    for directory in [&tree.root, &tree.directory] {
        if is_empty(directory)? {
            return Err(IngestError::Usage(format!(
                "{} is empty: is it mounted? --forget-gone removes nothing from the catalogue while nothing is on disk",
                directory.display()
            )));
        }
    }
    Ok(())
}

impl Catalogue<'_> {
    /// The files of datasets that have no file in the directory any more.
    pub async fn list_gone_datasets(&self, investigation: i64, tree: &Tree) -> Result<Vec<GoneFile>, IngestError> {
        let rows = self.db.read().await?.all(LIST_DATASETS, &[investigation.into()]).await?;
        let mut gone = Vec::new();
        for row in rows {
            let (id, name, location): (i64, String, String) = (row.get("id")?, row.get("name")?, row.get("location")?);
            let was_scanned = tree.datasets.iter().any(|dataset| dataset.name == name);
            if !was_scanned && is_below(&tree.base, &location) {
                gone.extend(files_not_on_disk(tree, (id, &name), &location, &self.list_files(id).await?));
            }
        }
        Ok(gone)
    }

    /// Removes the rows of files that are gone, and what belongs to them. Rows that meanwhile point elsewhere stay.
    pub async fn forget_files(&self, gone: &[GoneFile]) -> Result<usize, IngestError> {
        let entity = find_entity("Datafile")?;
        let author = self.author();
        let mut forgotten = 0;
        for files in gone.chunks(FILES_PER_COMMIT) {
            let remove = async |tx: &mut Tx| {
                let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
                let stored = entities::by_ids(tx, entity, &ids).await?;
                let location = entities::place(entity, "location");
                let is_still_gone = |file: &GoneFile| {
                    let row = stored.iter().find(|row| row.id == file.id);
                    row.zip(location).is_some_and(|(row, at)| row.values[at] == Val::from(&file.location))
                };
                let targets: Vec<_> =
                    files.iter().filter(|file| is_still_gone(file)).map(|file| (entity, file.id)).collect();
                write::remove(tx, &targets, &author, None).await?;
                Ok::<_, Error>(targets.len())
            };
            forgotten += author.transaction(self.db, &self.outbox, remove).await?;
        }
        let datasets: BTreeSet<i64> = gone.iter().map(|file| file.dataset_id).collect();
        for dataset in datasets {
            self.update_dataset_totals(dataset).await?;
        }
        Ok(forgotten)
    }
}

/// Files below `directory`, relative to the storage root, that the disk does not have, by name. Those that cannot be
/// looked at are not said to be gone.
pub fn files_not_on_disk(
    tree: &Tree,
    (dataset_id, dataset): (i64, &str),
    directory: &str,
    files: &HashMap<String, KnownFile>,
) -> Vec<GoneFile> {
    let mut gone: Vec<GoneFile> = files
        .iter()
        .filter_map(|(name, known)| Some((name, known.id, known.location.as_deref()?)))
        .filter(|(.., location)| is_below(directory, location) && is_gone(tree, location))
        .map(|(name, id, location)| GoneFile {
            dataset: dataset.to_owned(),
            name: name.clone(),
            location: location.to_owned(),
            id,
            dataset_id,
        })
        .collect();
    gone.sort_by(|a, b| a.name.cmp(&b.name));
    gone
}

/// What merely cannot be looked at is not said to be gone.
fn is_gone(tree: &Tree, location: &str) -> bool {
    let found = fs::symlink_metadata(tree.root.join(location.trim_start_matches('/')));
    found.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Catalogued files of a dataset that lie on disk outside the directory where the dataset is now.
pub fn count_left_behind(tree: &Tree, directory: &str, files: &HashMap<String, KnownFile>) -> usize {
    let locations = files.values().filter_map(|known| known.location.as_deref());
    locations.filter(|location| !is_below(directory, location) && !is_gone(tree, location)).count()
}

/// Whether a location is `directory` or lies below it; everything lies below the root, which is empty.
fn is_below(directory: &str, location: &str) -> bool {
    let location = location.trim_matches('/');
    directory.is_empty()
        || location.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_a_longer_name_is_not_below() {
        for (directory, location, expected) in [
            ("raw/a", "raw/a/x.h5", true),
            ("raw/a", "/raw/a/", true),
            ("raw/a", "raw/ab/x.h5", false),
            ("raw/a", "raw", false),
            ("", "raw", true),
        ] {
            assert_eq!(is_below(directory, location), expected, "{location} below {directory}");
        }
    }
}
