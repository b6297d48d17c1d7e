//! Runs searches on threads that may block, with a deadline each.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Blocking, ConfigError, Ctx, Problem};

use crate::config::Config;
use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::deadline::Deadline;
use crate::domain::paths::PathRules;
use crate::domain::units::Units;
use crate::error::Error;
use crate::index::SharedSnapshot;
use crate::planner::{Planner, QueryBudget};

/// Searches at once; more wait.
const THREADS: usize = 8;
/// Searches that wait.
const WAITING: usize = 256;

/// What the settings say about the texts of queries.
struct QueryRules {
    rules: PathRules,
    synonyms: Synonyms,
    units: Units,
}

/// Answers searches from the newest snapshot.
pub struct SearchService {
    snapshot: SharedSnapshot,
    query_rules: Arc<QueryRules>,
    pool: Blocking,
    max_search_time: Duration,
}

impl SearchService {
    pub fn new(ctx: &Ctx, config: &Config, snapshot: SharedSnapshot, rules: PathRules) -> Result<Self, ConfigError> {
        let synonyms = config.read_synonyms()?;
        let pool = ctx.pools.open("search", THREADS, WAITING);
        Ok(Self {
            snapshot,
            query_rules: Arc::new(QueryRules { rules, synonyms, units: config.units.clone() }),
            pool,
            max_search_time: config.max_search_time,
        })
    }

    /// Runs one search. The deadline counts from now, so that a search which waited too long for a thread ends at once.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let deadline = Deadline::after(self.max_search_time);
        let snapshot = self.snapshot.wait_for_snapshot(self.max_search_time).await.ok_or(Error::NotOpen)?;
        let query_rules = Arc::clone(&self.query_rules);
        let run = move || {
            let QueryRules { rules, synonyms, units } = &*query_rules;
            search(&Planner { snapshot: &snapshot, rules, synonyms, units, deadline, budget: QueryBudget::default() })
        };
        Ok(self.pool.run(run).await??)
    }
}
