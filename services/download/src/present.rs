//! Whether the datafiles of a prepared selection are still in the catalogue. Asked with the reader account, because the
//! id of a prepared selection is all that its bearer has, and not at every range.

use service_kit::Problem;

use crate::error::{not_found, of_icat};
use crate::manifest::Manifest;
use crate::selection::existing;
use crate::state::State;

/// How long an answer counts.
const FOR_MICROS: i64 = 60 * 1_000_000;

/// 404 if one of them was deleted. Without a reader account nobody can tell; a deletion through this service removes the
/// file as well.
pub async fn check(state: &State, manifest: &Manifest) -> Result<(), Problem> {
    let now = state.clock.now_micros();
    let Some(reader) = &state.reader else { return Ok(()) };
    if manifest.sources.is_empty() || manifest.was_present_since(now - FOR_MICROS) {
        return Ok(());
    }
    let mut ids: Vec<i64> = manifest.sources.iter().map(|source| source.datafile).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = reader.with_session(async |icat, session| existing(icat, session, "Datafile", &ids).await).await;
    if found.map_err(of_icat)?.len() < ids.len() {
        return Err(not_found("One of the datafiles requested has been deleted"));
    }
    manifest.is_present_at(now);
    Ok(())
}
