//! Changes of all entries that a filter finds, while nobody else writes to their logbooks.

use service_kit::{Problem, Tx};

use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::Entries;
use crate::store::entry_lists::list_involved_logbooks;
use crate::store::filter_conditions::Scope;
use crate::store::logbooks;

impl Entries {
    /// Does the work while the logbooks of these entries and `target` are locked. Which ones they are is looked up before; once
    /// they are locked there may be others, because entries were written or moved meanwhile, and then it starts anew.
    pub(super) async fn with_logbooks_locked<T>(
        &self,
        scope: &Scope,
        filter: &Filter,
        target: Option<&Logbook>,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        loop {
            let known = list_involved_logbooks(&mut self.db.read().await?, scope, filter).await?;
            let done = self
                .db
                .write_read_committed(async |tx| -> Result<Option<T>, Problem> {
                    let mut locked = known.clone();
                    if let Some(target) = target {
                        locked.push(logbooks::find_or_create_logbook(tx, target).await?);
                    }
                    logbooks::lock_logbooks(tx, &locked).await?;
                    let involved = list_involved_logbooks(tx, scope, filter).await?;
                    let is_all = involved.iter().all(|id| locked.contains(id));
                    if is_all { work(tx).await.map(Some) } else { Ok(None) }
                })
                .await?;
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }
}
