//! Settings that all queries share.

use std::sync::Arc;

use service_kit::{Clock, Engine};

use crate::authorization::Rights;
use crate::config::{Config, Strictness};
use crate::domain::values::start_of_day;
use crate::query::{ParseContext, QueryEnvironment};

/// Settings and clock of queries, built once per process.
pub struct QuerySettings {
    pub clock: Arc<dyn Clock>,
    pub parse: ParseContext,
    /// The most entities of one answer.
    pub max_entities: u32,
    strict: bool,
}

impl QuerySettings {
    pub fn new(config: &Config, parse: ParseContext, clock: Arc<dyn Clock>) -> Self {
        let strict = config.authorization.conditions == Strictness::Strict;
        Self { clock, parse, max_entities: config.max_entities, strict }
    }

    /// The environment of a user's query that starts now.
    pub fn new_environment<'a>(&self, rights: &'a Rights, engine: Engine) -> QueryEnvironment<'a> {
        let now = self.clock.now_micros();
        QueryEnvironment {
            user: &rights.user_name,
            now,
            start_of_today: start_of_day(now, &self.parse.time_zone),
            engine,
            row_cap: u64::from(self.max_entities) + 1,
            strict: self.strict,
            granted_user: Some(rights.granted_user()),
        }
    }
}
