//! Files that may have no datafile: after a deletion, and after an upload that did not come to its end. Whether one has,
//! only the catalogue knows, and only the reader account sees all of it.

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, Select};
use service_kit::{Problem, problem};

use crate::error::of_icat;
use crate::state::State;
use crate::store::unclaimed::Unclaimed;
use crate::{storage, store};

/// Looks at each file, and removes those that no datafile has. What cannot be settled now stays noted for later.
pub async fn settle(state: &State, files: &[Unclaimed]) {
    for file in files {
        let settled = match is_claimed(state, file).await {
            Ok(true) => keep(state, &file.location).await,
            Ok(false) => remove(state, &file.location).await,
            Err(e) => Err(e),
        };
        if let Err(e) = settled {
            let error = problem::format_error_chain(&e);
            tracing::warn!(file.location = file.location, error, "it is not settled yet whether a file has a datafile");
        }
    }
}

async fn is_claimed(state: &State, file: &Unclaimed) -> Result<bool, Problem> {
    let location = &file.location;
    match &state.reader {
        _ if file.temporary => Ok(false),
        Some(reader) => reader
            .with_session(async |icat, session| has_datafile(icat, session, location).await)
            .await
            .map_err(of_icat),
        None => {
            tracing::warn!(
                file.location = location,
                "the file stays: without icat.reader nobody can see whether another datafile has it"
            );
            Ok(true)
        }
    }
}

/// Notes of a file that it has a datafile, or is to stay without.
pub async fn keep(state: &State, location: &str) -> Result<(), Problem> {
    Ok(state.db.write(async |tx| store::unclaimed::done(tx, location).await).await?)
}

/// Removes a file that is known to have no datafile.
pub async fn remove(state: &State, location: &str) -> Result<(), Problem> {
    let path = location.to_owned();
    let removed = state.storage()?.run_queued(move |root| storage::remove(root, &path)).await?;
    match removed {
        Err(e) if storage::is_impossible(&e) => {
            tracing::warn!(file.location = location, error = %e, "nothing is removed: the location is no place of a file");
            return keep(state, location).await;
        }
        removed => removed.map_err(Problem::internal)?,
    }
    tracing::info!(file.location = location, "removed a file that no datafile has");
    let storage = &state.config.storage;
    let forgotten = state.db.write(async |tx| {
        store::unclaimed::done(tx, location).await?;
        store::checksums::forget(tx, storage, location).await
    });
    Ok(forgotten.await?)
}

async fn has_datafile(icat: &IcatClient, session: &str, location: &str) -> Result<bool, IcatError> {
    let select = Select::values("Datafile", &["id"]).filter(Filter::eq("location", location)).limit(0, 1);
    let query = select.build().map_err(|e| IcatError::Nonsense(format!("a query that is not one: {e}")))?;
    Ok(!icat.query_rows(session, &query).await?.is_empty())
}
