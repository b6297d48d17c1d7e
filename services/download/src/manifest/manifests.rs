//! Creates manifests from the files of a selection, stores them, and loads them again.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Clock, Ctx, Db, DbError, Micros, Problem, Tx};

use super::cache::ManifestCache;
use super::{Manifest, RecordedChecksums};
use crate::config::Config;
use crate::domain::archive::LayoutFormat;
use crate::domain::file_errors::describe_failure;
use crate::domain::manifest_entry::{ManifestEntry, MissingFile, choose_zip_format, hash_entries};
use crate::domain::{checksums, file_names};
use crate::error;
use crate::selection::Datafile;
use crate::storage::Storage;
use crate::store::{self, manifests::ManifestHeader};

/// The time of the last use is stored with this precision.
const LAST_USE_PRECISION: Duration = Duration::from_hours(24);

/// All manifests: in the database, and the current ones in memory.
pub struct Manifests {
    db: Db,
    clock: Arc<dyn Clock>,
    cache: ManifestCache,
    storage_name: String,
    trust_checksums: bool,
}

/// The files of a selection as they were found.
#[derive(Debug, Default)]
pub struct SelectedFiles {
    pub entries: Vec<ManifestEntry>,
    pub missing: Vec<MissingFile>,
}

impl SelectedFiles {
    /// All files; 404 with the names of those that are missing or cannot be read.
    pub fn require_all(self) -> Result<Vec<ManifestEntry>, Problem> {
        let total = self.entries.len() + self.missing.len();
        if self.missing.is_empty() { Ok(self.entries) } else { Err(error::missing_files(&self.missing, total)) }
    }
}

impl Manifests {
    pub fn new(ctx: &Ctx, config: &Config) -> Self {
        Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            cache: ManifestCache::new(config.manifest_memory.as_u64()),
            storage_name: config.storage.clone(),
            trust_checksums: config.trust_checksums,
        }
    }

    /// Looks at the files of a selection, in the order of their datafiles' ids.
    pub async fn select_files(&self, storage: &Storage, datafiles: &[Datafile]) -> Result<SelectedFiles, Problem> {
        let locations: Vec<String> = datafiles.iter().map(|file| file.location.clone()).collect();
        let identities = storage.identify_files(locations).await?;
        let locations: Vec<&str> = datafiles.iter().map(|file| file.location.as_str()).collect();
        let known = {
            let mut tx = self.db.read().await?;
            store::checksums::find_checksums(&mut tx, &self.storage_name, &locations).await?
        };
        let mut selected = SelectedFiles::default();
        for ((file, identity), name) in datafiles.iter().zip(identities).zip(assign_archive_paths(datafiles)) {
            let identity = match identity {
                Ok(identity) => identity,
                Err(e) => {
                    let reason = describe_failure(&e).to_owned();
                    selected.missing.push(MissingFile { datafile: file.id, name, size: file.size, reason });
                    continue;
                }
            };
            let read = known.get(&file.location).filter(|(of, _)| *of == identity).map(|(_, crc)| *crc);
            let catalogued = || checksums::parse_catalogue_checksum(file.checksum.as_deref(), file.size, identity.size);
            if file.size.is_some_and(|size| u64::try_from(size) != Ok(identity.size)) {
                tracing::warn!(
                    datafile.id = file.id,
                    catalogue.size = file.size,
                    disk.size = identity.size,
                    "sizes in the catalogue and on disk differ; the size on disk is used"
                );
            }
            let crc = read.or_else(|| self.trust_checksums.then(catalogued).flatten());
            let entry = ManifestEntry { datafile: file.id, name, location: file.location.clone(), identity, crc };
            selected.entries.push(entry);
        }
        Ok(selected)
    }

    /// A stored manifest from memory or from the database; `None` if it does not exist or a file of it has changed.
    pub async fn load_manifest(&self, id: i64) -> Result<Option<Arc<Manifest>>, Problem> {
        if let Some(cached) = self.cache.get(id) {
            return Ok(Some(cached));
        }
        let _guard = self.cache.lock_loading(id).await;
        if let Some(cached) = self.cache.get(id) {
            return Ok(Some(cached));
        }
        let (header, entries) = {
            let mut tx = self.db.read().await?;
            let Some(header) = store::manifests::get_manifest(&mut tx, id).await? else { return Ok(None) };
            (header, store::manifests::list_entries(&mut tx, id).await?)
        };
        Ok(Some(self.cache.insert(id, Manifest::new(Some(id), header.hash, header.zip_format, entries))))
    }

    /// The manifest of these files: the one that was stored at the first request for them, or a new one.
    pub async fn load_or_create_manifest(&self, entries: &[ManifestEntry]) -> Result<Arc<Manifest>, Problem> {
        let now = self.clock.now_micros();
        let known = {
            let mut tx = self.db.read().await?;
            store::manifests::find_manifest_by_hash(&mut tx, &hash_entries(entries)).await?
        };
        let id = match known {
            Some(header) => {
                if self.cache.get(header.id).is_none() {
                    let update = async |tx: &mut Tx| {
                        store::manifests::update_last_used(tx, header.id, now, now - LAST_USE_PRECISION).await
                    };
                    self.db.write(update).await?;
                }
                header.id
            }
            None => self.db.write(async |tx| store_manifest(tx, entries, now).await).await?.id,
        };
        let loaded = self.load_manifest(id).await?;
        loaded.ok_or_else(|| error::not_found("A file has changed while it was looked at; try again"))
    }

    /// Marks a manifest as outdated because a file of it has changed; nobody can download with it any more. `found_crc` is
    /// the checksum of the file where only that differs.
    pub async fn mark_changed(
        &self,
        manifest: &Manifest,
        member: usize,
        found_crc: Option<u32>,
    ) -> Result<(), DbError> {
        let (now, source) = (self.clock.now_micros(), &manifest.sources[member]);
        let mark = async |tx: &mut Tx| {
            if let Some(id) = manifest.id {
                store::manifests::mark_manifest_stale(tx, id, source.datafile, now).await?;
            }
            // The next manifest must have the checksum that was found, not the one of the catalogue.
            match found_crc {
                Some(crc) => {
                    let (location, identity) = (&source.location, &source.identity);
                    store::checksums::upsert_checksum(tx, &self.storage_name, location, identity, crc).await
                }
                None => Ok(()),
            }
        };
        self.db.write(mark).await?;
        if let Some(id) = manifest.id {
            self.cache.remove(id);
        }
        Ok(())
    }

    /// Takes over the checksums that other processes have stored.
    pub async fn merge_stored_checksums(&self, manifest: &Manifest) -> Result<(), Problem> {
        let Some(id) = manifest.id else { return Ok(()) };
        let stored = {
            let mut tx = self.db.read().await?;
            store::manifests::list_checksums(&mut tx, id).await?
        };
        // A difference shows when the file is read.
        let _mismatch = manifest.checksums.merge_stored(&stored);
        Ok(())
    }

    /// Stores checksums with their manifest, and with their files for other manifests.
    pub async fn store_checksums(
        &self,
        tx: &mut Tx,
        manifest: &Manifest,
        recorded: &RecordedChecksums,
    ) -> Result<(), DbError> {
        let Some(id) = manifest.id else { return Ok(()) };
        for (member, crc) in recorded {
            store::manifests::set_checksum(tx, id, *member, *crc).await?;
            if let Some(source) = manifest.sources.get(*member) {
                let (location, identity) = (&source.location, &source.identity);
                store::checksums::upsert_checksum(tx, &self.storage_name, location, identity, *crc).await?;
            }
        }
        Ok(())
    }
}

/// The paths of datafiles in archives, each unique. Files that turn out to be missing have one too, so that the paths of the
/// others do not depend on them.
fn assign_archive_paths(datafiles: &[Datafile]) -> Vec<String> {
    let path = |file: &Datafile| {
        let [facility, investigation, visit, dataset] = &*file.folders;
        file_names::archive_path(&["ids", facility, investigation, visit, dataset, &file.name])
    };
    let mut paths: Vec<String> = datafiles.iter().map(path).collect();
    file_names::make_unique(&mut paths);
    paths
}

/// Stores a manifest, or finds the stored one with the same files.
pub async fn store_manifest(tx: &mut Tx, entries: &[ManifestEntry], now: Micros) -> Result<ManifestHeader, DbError> {
    store::manifests::create_manifest(tx, &hash_entries(entries), choose_zip_format(entries), entries, now).await
}

/// A manifest of one file that is sent as it is; `id` is that of the stored manifest that it belongs to, if any.
pub fn build_single_file_manifest(id: Option<i64>, entry: ManifestEntry) -> Arc<Manifest> {
    let entries = vec![entry];
    Arc::new(Manifest::new(id, hash_entries(&entries), LayoutFormat::Raw, entries))
}
