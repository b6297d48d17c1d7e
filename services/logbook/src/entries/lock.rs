//! Changes of all entries that a filter finds, while nobody else writes where they are.

use service_kit::{Problem, Tx};

use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::state::State;
use crate::store::entries::{Scope, involved};
use crate::store::logbooks;

/// Does the work when all logbooks of these entries are taken, and that of `target`. Which ones they are is looked up before;
/// when they are taken there may be others, written or moved meanwhile, and then it begins anew.
pub async fn in_turn<T>(
    state: &State,
    scope: &Scope,
    filter: &Filter,
    target: Option<&Book>,
    mut work: impl AsyncFnMut(&mut Tx) -> Result<T, Problem>,
) -> Result<T, Problem> {
    loop {
        let known = involved(&mut state.db.read().await?, scope, filter).await?;
        let done = state
            .db
            .write_read_committed(async |tx| -> Result<Option<T>, Problem> {
                let mut taken = known.clone();
                if let Some(target) = target {
                    taken.push(logbooks::find_or_open(tx, target).await?);
                }
                logbooks::take(tx, &taken).await?;
                let is_all = involved(tx, scope, filter).await?.iter().all(|id| taken.contains(id));
                if is_all { work(tx).await.map(Some) } else { Ok(None) }
            })
            .await?;
        if let Some(done) = done {
            return Ok(done);
        }
    }
}
