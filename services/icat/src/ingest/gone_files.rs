//! Finds files that are catalogued below the ingested directory but no longer on disk, and removes them from the catalogue.
//!
//! A row does not say in which storage its file is, and a directory does not say what should be mounted on it. So a file
//! counts as gone only if no storage has it, and its row stays if a disk may be missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use service_kit::{Tx, Val};

use super::catalogue::{IngestCatalogue, find_entity};
use super::datasets::KnownFile;
use super::scan::{LeftOut, Tree};
use super::storage_probe::{FileState, StorageProbe, is_there};
use super::{FILES_PER_COMMIT, IngestError, Report};
use crate::error::Error;
use crate::mutations;
use crate::store::entities;

pub const LIST_DATASETS: &str =
    "SELECT id, name, location FROM dataset WHERE investigation_id = $1 AND location IS NOT NULL ORDER BY id";
/// Files of a dataset that have a DOI themselves or belong to something that has one.
pub const LIST_PUBLISHED: &str = "SELECT f.id FROM datafile f JOIN dataset d ON d.id = f.dataset_id \
     WHERE f.dataset_id = $1 AND (f.doi <> '' OR d.doi <> '' \
     OR EXISTS (SELECT 1 FROM datacollectiondatafile m JOIN datacollection c ON c.id = m.datacollection_id \
         WHERE m.datafile_id = f.id \
         AND (c.doi <> '' OR EXISTS (SELECT 1 FROM datapublication p WHERE p.datacollection_id = c.id LIMIT 1)) LIMIT 1) \
     OR EXISTS (SELECT 1 FROM datacollectiondataset m JOIN datacollection c ON c.id = m.datacollection_id \
         WHERE m.dataset_id = d.id \
         AND (c.doi <> '' OR EXISTS (SELECT 1 FROM datapublication p WHERE p.datacollection_id = c.id LIMIT 1)) LIMIT 1) \
     OR EXISTS (SELECT 1 FROM datacollectioninvestigation m JOIN datacollection c ON c.id = m.datacollection_id \
         WHERE m.investigation_id = d.investigation_id \
         AND (c.doi <> '' OR EXISTS (SELECT 1 FROM datapublication p WHERE p.datacollection_id = c.id LIMIT 1)) LIMIT 1))";

/// A datafile whose file is gone.
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

/// The gone files found so far.
#[derive(Default)]
pub struct GoneSurvey {
    gone: Vec<GoneFile>,
    /// The number of files that are catalogued below the directory.
    catalogued: usize,
    /// Datasets whose files are all gone although their directory is a mount point: the disk may have been replaced.
    replaced: HashMap<i64, String>,
}

impl GoneSurvey {
    /// Looks for the files of a dataset below its directory, which is relative to the storage root.
    pub fn look_for_files(
        &mut self,
        disk: &StorageProbe<'_>,
        (dataset_id, dataset): (i64, &str),
        directory: &str,
        files: &HashMap<String, KnownFile>,
    ) {
        let mut gone = Vec::new();
        let mut catalogued = 0;
        for (name, known) in files {
            let Some(location) = known.location.as_deref().filter(|location| is_below(directory, location)) else {
                continue;
            };
            let found = disk.find_file(location);
            catalogued += usize::from(found != FileState::InOtherStorage);
            if matches!(found, FileState::Gone | FileState::Unmounted(_)) {
                let (dataset, name, location) = (dataset.to_owned(), name.clone(), location.to_owned());
                gone.push(GoneFile { dataset, name, location, id: known.id, dataset_id });
            }
        }
        if catalogued > 0 && gone.len() == catalogued && disk.is_mount_of_its_own(directory) {
            self.replaced.insert(dataset_id, directory.to_owned());
        }
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        self.catalogued += catalogued;
        self.gone.extend(gone);
    }
}

/// The number of gone files that stay in the catalogue, by path and reason.
type KeptReasons = BTreeMap<(String, &'static str), usize>;

impl IngestCatalogue<'_> {
    /// Looks for the files of datasets that no longer have a file in the directory.
    pub async fn look_for_datasets(
        &self,
        investigation: i64,
        disk: &StorageProbe<'_>,
        survey: &mut GoneSurvey,
    ) -> Result<(), IngestError> {
        let rows = self.db.read().await?.fetch_all(LIST_DATASETS, &[investigation.into()]).await?;
        for row in rows {
            let (id, name, location): (i64, String, String) = (row.get("id")?, row.get("name")?, row.get("location")?);
            let was_scanned = disk.tree.datasets.iter().any(|dataset| dataset.name == name);
            if !was_scanned && is_below(&disk.tree.base, &location) {
                let files = self.list_files(id).await?;
                survey.look_for_files(disk, (id, &name), location.trim_matches('/'), &files);
            }
        }
        Ok(())
    }

    /// Lists gone files, and removes them from the catalogue if that is requested and safe.
    pub async fn list_or_forget(
        &self,
        disk: &StorageProbe<'_>,
        mut survey: GoneSurvey,
        report: &mut Report,
    ) -> Result<(), IngestError> {
        survey.gone.retain(|file| matches!(disk.find_file(&file.location), FileState::Gone | FileState::Unmounted(_)));
        if self.options.forget_gone && !survey.gone.is_empty() {
            let refused = disk.find_unmounted().or_else(|| disk.find_vanished());
            match refused.or_else(|| self.refuse_most(disk.tree, &survey)) {
                Some(refused) => report.refused.push(refused),
                None => self.forget_gone_files(disk, &survey, report).await?,
            }
        }
        report.gone = survey.gone;
        Ok(())
    }

    /// Refuses to forget more than half of the catalogued files: the directory is more likely wrong or not mounted.
    fn refuse_most(&self, tree: &Tree, survey: &GoneSurvey) -> Option<LeftOut> {
        let (gone, all) = (survey.gone.len(), survey.catalogued);
        (gone * 2 > all && !self.options.most_may_be_gone).then(|| LeftOut {
            path: tree.directory.display().to_string(),
            reason: format!(
                "{gone} of the {all} files that are catalogued below it are gone: is it mounted? They stay in the catalogue; \
                 --most-may-be-gone forgets them all the same"
            ),
        })
    }

    async fn forget_gone_files(
        &self,
        disk: &StorageProbe<'_>,
        survey: &GoneSurvey,
        report: &mut Report,
    ) -> Result<(), IngestError> {
        let mut kept = KeptReasons::new();
        let mut forgettable = Vec::new();
        let published = list_published(&mut self.db.read().await?, survey.gone.iter()).await?;
        for file in &survey.gone {
            let replaced = survey.replaced.get(&file.dataset_id).filter(|_| !self.options.most_may_be_gone);
            let reason = if published.contains(&file.id) {
                Some((file.location.clone(), "has a DOI, or is part of what has one"))
            } else if let FileState::Unmounted(directory) = disk.find_file(&file.location) {
                let reason = "is empty or cannot be read: is something not mounted there? Remove it if its files are gone for good";
                Some((directory.display().to_string(), reason))
            } else {
                replaced.map(|directory| {
                    let reason = "is another disk than the root of the storage, and none of its files is there: is it the right \
                                  one? --most-may-be-gone forgets them all the same";
                    (directory.clone(), reason)
                })
            };
            match reason {
                Some(reason) => *kept.entry(reason).or_default() += 1,
                None => forgettable.push(file.clone()),
            }
        }
        for ((path, reason), files) in kept {
            let reason = format!("{reason} (files that are gone and stay in the catalogue: {files})");
            report.refused.push(LeftOut { path, reason });
        }
        if self.options.dry_run {
            report.forgotten = forgettable.len();
            return Ok(());
        }
        self.remove_rows(disk, &forgettable, report).await
    }

    /// Removes the rows of gone files and their dependents. Rows that meanwhile have another location or a DOI stay, and those
    /// of files that are back.
    async fn remove_rows(
        &self,
        disk: &StorageProbe<'_>,
        gone: &[GoneFile],
        report: &mut Report,
    ) -> Result<(), IngestError> {
        let entity = find_entity("Datafile")?;
        let author = self.new_author();
        for files in gone.chunks(FILES_PER_COMMIT) {
            let files: Vec<&GoneFile> =
                files.iter().filter(|file| disk.find_file(&file.location) == FileState::Gone).collect();
            // Checked after the files: if the disk disappeared meanwhile, they are not gone.
            if let Some(refused) = disk.find_unmounted() {
                report.refused.push(refused);
                break;
            }
            let remove = async |tx: &mut Tx| {
                let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
                let stored = entities::find_by_ids(tx, entity, &ids).await?;
                let published = list_published(tx, files.iter().copied()).await?;
                let location = entities::value_index(entity, "location");
                let is_still_gone = |file: &GoneFile| {
                    let row = stored.iter().find(|row| row.id == file.id);
                    let is_here =
                        row.zip(location).is_some_and(|(row, at)| row.values[at] == Val::from(&file.location));
                    is_here && !published.contains(&file.id)
                };
                let targets: Vec<_> =
                    files.iter().filter(|file| is_still_gone(file)).map(|file| (entity, file.id)).collect();
                mutations::delete_entities(tx, &targets, &author, None).await?;
                Ok::<_, Error>(targets.len())
            };
            report.forgotten += author.run_transaction(self.db, &self.outbox, remove).await?;
        }
        let datasets: BTreeSet<i64> = gone.iter().map(|file| file.dataset_id).collect();
        for dataset in datasets {
            self.update_dataset_totals(dataset).await?;
        }
        Ok(())
    }
}

async fn list_published<'f>(
    tx: &mut Tx,
    files: impl Iterator<Item = &'f GoneFile>,
) -> Result<HashSet<i64>, service_kit::DbError> {
    let datasets: BTreeSet<i64> = files.map(|file| file.dataset_id).collect();
    let mut published = HashSet::new();
    for dataset in datasets {
        for row in tx.fetch_all(LIST_PUBLISHED, &[dataset.into()]).await? {
            published.insert(row.get("id")?);
        }
    }
    Ok(published)
}

/// The number of catalogued files of a dataset that are on disk outside of its present directory.
pub fn count_left_behind(tree: &Tree, directory: &str, files: &HashMap<String, KnownFile>) -> usize {
    let locations = files.values().filter_map(|known| known.location.as_deref());
    locations.filter(|location| !is_below(directory, location) && is_there(&tree.root, location)).count()
}

/// Whether a location is `directory` or below it; everything is below the empty root.
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
