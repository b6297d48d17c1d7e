//! Runs searches on threads that may block, with a deadline each.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use service_kit::{Blocking, ConfigError, Ctx, Problem};

use crate::config::Config;
use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::deadline::Deadline;
use crate::domain::paths::PathRules;
use crate::domain::units::Units;
use crate::error::Error;
use crate::index::SharedSnapshot;
use crate::index::snapshot::Snapshot;
use crate::planner::{Planner, QueryBudget, RelatedPlans};

/// Searches at once; more wait.
const THREADS: usize = 8;
/// Searches that wait.
const WAITING: usize = 256;

/// What the settings say about the texts of queries.
struct QueryRules {
    rules: PathRules,
    synonyms: Synonyms,
    units: Units,
    zone: TimeZone,
}

/// Answers searches from the newest snapshot.
pub struct SearchService {
    snapshot: SharedSnapshot,
    query_rules: Arc<QueryRules>,
    pool: Blocking,
    /// For the service's own questions, which must not wait for users.
    own_pool: Blocking,
    max_search_time: Duration,
}

impl SearchService {
    pub fn new(ctx: &Ctx, config: &Config, snapshot: SharedSnapshot, rules: PathRules) -> Result<Self, ConfigError> {
        let synonyms = config.read_synonyms()?;
        let zone = ctx.config.core.icat.parse_time_zone()?;
        let pool = ctx.pools.open("search", THREADS, WAITING);
        Ok(Self {
            snapshot,
            query_rules: Arc::new(QueryRules { rules, synonyms, units: config.units.clone(), zone }),
            pool,
            own_pool: ctx.pools.open("search.catalogue", 1, 1),
            max_search_time: config.max_search_time,
        })
    }

    /// Runs one search on the newest snapshot. The deadline counts from now, so that a search which waited too long for a thread
    /// ends at once.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let deadline = self.start_deadline();
        let snapshot = self.take_snapshot().await?;
        self.run_on(snapshot, deadline, search).await
    }

    /// When a search that begins now must end.
    pub fn start_deadline(&self) -> Deadline {
        Deadline::after(self.max_search_time)
    }

    /// The index as it is now; waits while it is being opened.
    pub async fn take_snapshot(&self) -> Result<Snapshot, Problem> {
        Ok(self.snapshot.wait_for_snapshot(self.max_search_time).await.ok_or(Error::NotOpen)?)
    }

    /// Answers a question of the service itself, however long it takes.
    pub async fn run_without_limit<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run_in(&self.own_pool, self.take_snapshot().await?, Deadline::never(), question).await
    }

    /// Runs a part of a search that must end at the deadline.
    pub async fn run_on<T: Send + 'static>(
        &self,
        snapshot: Snapshot,
        deadline: Deadline,
        search: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run_in(&self.pool, snapshot, deadline, search).await
    }

    async fn run_in<T: Send + 'static>(
        &self,
        pool: &Blocking,
        snapshot: Snapshot,
        deadline: Deadline,
        search: impl FnOnce(&Planner<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let query_rules = Arc::clone(&self.query_rules);
        let run = move || {
            let QueryRules { rules, synonyms, units, zone } = &*query_rules;
            search(&Planner {
                snapshot: &snapshot,
                rules,
                synonyms,
                units,
                zone,
                deadline,
                budget: QueryBudget::default(),
                related: RelatedPlans::default(),
                readable: None,
            })
        };
        Ok(pool.run(run).await??)
    }
}
