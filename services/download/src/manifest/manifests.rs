//! How a selection becomes a manifest: the files are looked at, what is known of their checksums is gathered, and what
//! was not seen before is stored.

use std::sync::Arc;

use service_kit::{DbError, Problem, Tx};

use super::{Frozen, Manifest, Missing, hash};
use crate::domain::archive::Form;
use crate::domain::{checksums, file_names};
use crate::error;
use crate::selection::Datafile;
use crate::state::State;
use crate::storage::{Storage, describe_failure};
use crate::store::{self, manifests::Head};
use crate::transfer::{Broken, refused};

/// The files of a selection as they were found.
#[derive(Debug, Default)]
pub struct Selected {
    pub files: Vec<Frozen>,
    pub missing: Vec<Missing>,
}

impl Selected {
    /// All files; 404 that names those that cannot be had.
    pub fn require_all(self) -> Result<Vec<Frozen>, Problem> {
        let total = self.files.len() + self.missing.len();
        if self.missing.is_empty() { Ok(self.files) } else { Err(error::missing_files(&self.missing, total)) }
    }
}

/// Looks at the files of a selection, in the order of their datafiles' ids.
pub async fn freeze(state: &State, storage: &Storage, files: &[Datafile]) -> Result<Selected, Problem> {
    let locations: Vec<String> = files.iter().map(|file| file.location.clone()).collect();
    let identities = storage.identify_all(locations).await?;
    let locations: Vec<&str> = files.iter().map(|file| file.location.as_str()).collect();
    let known = {
        let mut tx = state.db.read().await?;
        store::checksums::known(&mut tx, &state.config.storage, &locations).await?
    };
    let mut selected = Selected::default();
    for ((file, identity), name) in files.iter().zip(identities).zip(paths(files)) {
        let identity = match identity {
            Ok(identity) => identity,
            Err(e) => {
                let reason = describe_failure(&e).to_owned();
                selected.missing.push(Missing { datafile: file.id, name, size: file.size, reason });
                continue;
            }
        };
        let read = known.get(&file.location).filter(|(of, _)| *of == identity).map(|(_, crc)| *crc);
        let told = || checksums::of_catalogue(file.checksum.as_deref(), file.size, identity.size);
        if file.size.is_some_and(|size| u64::try_from(size) != Ok(identity.size)) {
            tracing::warn!(
                datafile.id = file.id,
                catalogue.size = file.size,
                disk.size = identity.size,
                "the catalogue has another size than the disk; the disk counts"
            );
        }
        let crc = read.or_else(|| state.config.trust_checksums.then(told).flatten());
        selected.files.push(Frozen { datafile: file.id, name, location: file.location.clone(), identity, crc });
    }
    Ok(selected)
}

/// The paths of files in archives, each a different one; also of those that turn out to be missing, so that it does not
/// depend on them how the others are called.
fn paths(files: &[Datafile]) -> Vec<String> {
    let path = |file: &Datafile| {
        let [facility, investigation, visit, dataset] = &*file.folders;
        file_names::member(&["ids", facility, investigation, visit, dataset, &file.name])
    };
    let mut paths: Vec<String> = files.iter().map(path).collect();
    file_names::unique(&mut paths);
    paths
}

/// Looks at all files of a manifest again before its first byte is sent: 404 that names what has changed or is missing.
pub async fn require_files(state: &State, storage: &Storage, manifest: &Manifest) -> Result<(), Problem> {
    let locations = manifest.sources.iter().map(|source| source.location.clone()).collect();
    let found = storage.identify_all(locations).await?;
    let mut missing = Vec::new();
    for (place, (source, found)) in manifest.sources.iter().zip(found).enumerate() {
        match found {
            Ok(identity) if identity == source.identity => {}
            Ok(_) => return Err(refused(state, manifest, Broken::Changed(place)).await),
            Err(e) => missing.push(Missing {
                datafile: source.datafile,
                name: manifest.members()[place].name.clone(),
                size: i64::try_from(source.identity.size).ok(),
                reason: describe_failure(&e).to_owned(),
            }),
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(error::missing_files(&missing, manifest.sources.len())) }
}

/// Checksums stand in front where all of them are known at the first moment, else behind.
fn form(files: &[Frozen]) -> Form {
    if files.iter().all(|file| file.crc.is_some() || file.identity.size == 0) {
        Form::ZipStored
    } else {
        Form::ZipBlocks
    }
}

/// Stores what was frozen, or finds the same as it was frozen before.
pub async fn store(tx: &mut Tx, files: &[Frozen], now: i64) -> Result<Head, DbError> {
    store::manifests::create(tx, &hash(files), form(files), files, now).await
}

/// A stored manifest from memory or from its rows; `None` if it is stale or gone.
pub async fn load(state: &State, id: i64) -> Result<Option<Arc<Manifest>>, Problem> {
    if let Some(cached) = state.manifests.get(id) {
        return Ok(Some(cached));
    }
    let _turn = state.manifests.turn(id).await;
    if let Some(cached) = state.manifests.get(id) {
        return Ok(Some(cached));
    }
    let (head, files) = {
        let mut tx = state.db.read().await?;
        let Some(head) = store::manifests::get(&mut tx, id).await? else { return Ok(None) };
        (head, store::manifests::members(&mut tx, id).await?)
    };
    Ok(Some(state.manifests.put(id, Manifest::new(Some(id), head.hash, head.form, files))))
}

/// A file alone, as it is; `id` is that of the manifest it was frozen in, if it was.
pub fn single(id: Option<i64>, file: Frozen) -> Arc<Manifest> {
    let files = vec![file];
    Arc::new(Manifest::new(id, hash(&files), Form::Raw, files))
}
