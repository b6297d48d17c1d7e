//! How a selection becomes a manifest: the files are looked at, what is known of their checksums is gathered, and what
//! was not seen before is stored.

use std::sync::Arc;

use service_kit::{DbError, Problem, Tx};

use super::{Frozen, Manifest, hash};
use crate::archive::Form;
use crate::domain::{checksums, names};
use crate::error;
use crate::selection::Datafile;
use crate::state::State;
use crate::storage::Storage;
use crate::store::{self, manifests::Head};

/// Looks at the files of a selection, in the order of their datafiles' ids.
pub async fn freeze(state: &State, storage: &Storage, files: &[Datafile]) -> Result<Vec<Frozen>, Problem> {
    let locations: Vec<String> = files.iter().map(|file| file.location.clone()).collect();
    let identities = storage.identify_all(locations).await?;
    let identities = identities.map_err(|(at, e)| error::not_available(files[at].id, e))?;
    let mut paths: Vec<String> = files
        .iter()
        .map(|file| {
            let [facility, investigation, visit, dataset] = &*file.folders;
            names::member(&["ids", facility, investigation, visit, dataset, &file.name])
        })
        .collect();
    names::unique(&mut paths);
    let locations: Vec<&str> = files.iter().map(|file| file.location.as_str()).collect();
    let known = {
        let mut tx = state.db.read().await?;
        store::checksums::known(&mut tx, &state.config.storage, &locations).await?
    };
    let frozen = files.iter().zip(identities).zip(paths).map(|((file, identity), name)| {
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
        Frozen { datafile: file.id, name, location: file.location.clone(), identity, crc }
    });
    Ok(frozen.collect())
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
