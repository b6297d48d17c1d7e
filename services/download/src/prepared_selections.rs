//! Selections by the id that `prepareData` gave out.

use std::sync::Arc;

use service_kit::Problem;

use crate::error;
use crate::manifest::{self, Manifest};
use crate::state::State;
use crate::store;
pub use crate::store::prepared_selections::Prepared;

/// What an id stands for; 404 if it is not known, has expired, or a file of it has changed.
pub async fn find(state: &State, id: &str) -> Result<Prepared, Problem> {
    let found = {
        let mut tx = state.db.read().await?;
        store::prepared_selections::get(&mut tx, id).await?
    };
    let unknown = || error::not_found(format!("The preparedId {id} is not known"));
    let prepared = found.ok_or_else(unknown)?;
    if prepared.expires_at <= state.clock.now_micros() {
        return Err(error::not_found(format!("The preparedId {id} has expired; prepare the selection again")));
    }
    match prepared.stale {
        Some(datafile) => Err(error::changed(datafile)),
        None => Ok(prepared),
    }
}

/// The same with its files.
pub async fn load(state: &State, id: &str) -> Result<(Prepared, Arc<Manifest>), Problem> {
    let prepared = find(state, id).await?;
    let manifest = manifest::load(state, prepared.manifest).await?;
    // Marked by somebody else since the row was read.
    let manifest = manifest.ok_or_else(|| error::not_found(format!("The preparedId {id} is not known any more")))?;
    Ok((prepared, manifest))
}
