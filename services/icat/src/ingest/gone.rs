//! Files that are catalogued below the ingested directory and are not on disk any more.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;

use super::IngestError;
use super::catalogue::Catalogue;
use super::datasets::KnownFile;
use super::scan::Tree;

pub const LIST_DATASETS: &str =
    "SELECT id, name, location FROM dataset WHERE investigation_id = $1 AND location IS NOT NULL ORDER BY id";

/// A datafile without its file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GoneFile {
    pub dataset: String,
    pub name: String,
    /// Relative to the storage root.
    pub location: String,
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
                gone.extend(files_not_on_disk(tree, &name, &location, &self.list_files(id).await?));
            }
        }
        Ok(gone)
    }
}

/// Files below `directory`, relative to the storage root, that the disk does not have, by name. Those that cannot be
/// looked at are not said to be gone.
pub fn files_not_on_disk(
    tree: &Tree,
    dataset: &str,
    directory: &str,
    files: &HashMap<String, KnownFile>,
) -> Vec<GoneFile> {
    let mut gone: Vec<GoneFile> = files
        .iter()
        .filter_map(|(name, known)| Some((name, known.location.as_deref()?)))
        .filter(|(_, location)| is_below(directory, location))
        .filter(|(_, location)| {
            let found = fs::symlink_metadata(tree.root.join(location.trim_start_matches('/')));
            found.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
        })
        .map(|(name, location)| GoneFile {
            dataset: dataset.to_owned(),
            name: name.clone(),
            location: location.to_owned(),
        })
        .collect();
    gone.sort_by(|a, b| a.name.cmp(&b.name));
    gone
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
