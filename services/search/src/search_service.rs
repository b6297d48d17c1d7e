//! Runs searches on threads that may block, with a deadline each.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Blocking, Ctx, Problem};

use crate::config::Config;
use crate::domain::deadline::Deadline;
use crate::error::Error;
use crate::index::SharedSnapshot;
use crate::paths::PathRules;
use crate::planner::Planner;
use crate::units::Units;

/// Searches at once; more wait.
const THREADS: usize = 8;
/// Searches that wait.
const WAITING: usize = 256;

/// Answers searches from the newest snapshot.
pub struct SearchService {
    snapshot: SharedSnapshot,
    rules: Arc<PathRules>,
    units: Arc<Units>,
    pool: Blocking,
    max_search_time: Duration,
}

impl SearchService {
    pub fn new(ctx: &Ctx, config: &Config, snapshot: SharedSnapshot, rules: PathRules) -> Self {
        let pool = ctx.pools.open("search", THREADS, WAITING);
        let units = Arc::new(config.units.clone());
        Self { snapshot, rules: Arc::new(rules), units, pool, max_search_time: config.max_search_time }
    }

    /// Runs one search. The deadline counts from now, so that a search which waited too long for a thread ends at once.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let snapshot = self.snapshot.get().ok_or(Error::NotOpen)?;
        let (rules, units) = (Arc::clone(&self.rules), Arc::clone(&self.units));
        let deadline = Deadline::after(self.max_search_time);
        let run = move || search(&Planner { snapshot: &snapshot, rules: &rules, units: &units, deadline });
        Ok(self.pool.run(run).await??)
    }
}
