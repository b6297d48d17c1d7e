//! Who may read what: rules, groups, public tables and public steps, as icat.server 6.2 combines them.
//!
//! Rules only ever add rights. A rule without grouping holds for everybody, one with a grouping for its members, by the
//! exact text of the session's user name. Stricter than icat.server in two points: a table is public only by a rule
//! that grants READ, and a rule that restricts by joins alone counts as restricting.

mod sessions;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use icat_client::schema::Entity;
use service_kit::{DbError, Tx};

pub use self::sessions::{Login, SessionStatus, end, log_in, purge, refresh, status, user_of};
use crate::query::{Access, ParseContext, Rule, parse_rule};
use crate::state::State;
use crate::store::rules::{self, ReadRule};

/// All READ rules, parsed, as of one version.
#[derive(Debug)]
pub struct RuleBook {
    version: i64,
    by_entity: HashMap<&'static str, Vec<BookedRule>>,
    public_steps: HashSet<(String, String)>,
}

#[derive(Debug)]
struct BookedRule {
    rule: Arc<Rule>,
    grouping: Option<i64>,
}

impl RuleBook {
    /// Parses rules. One that cannot be parsed grants nothing; writes refuse such rules, so it came another way.
    pub fn new(version: i64, rules: &[ReadRule], public_steps: Vec<(String, String)>, parse: &ParseContext) -> Self {
        let mut by_entity: HashMap<&str, Vec<BookedRule>> = HashMap::new();
        for row in rules {
            match parse_rule(&row.what, parse) {
                Ok(rule) => by_entity
                    .entry(rule.entity.name)
                    .or_default()
                    .push(BookedRule { rule: Arc::new(rule), grouping: row.grouping }),
                Err(e) => tracing::warn!(rule.id = row.id, error = %e, "rule cannot be parsed and grants nothing"),
            }
        }
        Self { version, by_entity, public_steps: public_steps.into_iter().collect() }
    }

    fn is_public_table(&self, entity: &Entity) -> bool {
        self.rules(entity).iter().any(|r| r.grouping.is_none() && !r.rule.restricted)
    }

    fn rules(&self, entity: &Entity) -> &[BookedRule] {
        self.by_entity.get(entity.name).map_or(&[], Vec::as_slice)
    }
}

/// The rights of one user at one moment.
#[derive(Debug, Clone)]
pub struct Rights {
    pub user_name: String,
    pub is_root: bool,
    groups: HashSet<i64>,
    book: Arc<RuleBook>,
}

impl Rights {
    pub fn new(user_name: String, is_root: bool, groups: HashSet<i64>, book: Arc<RuleBook>) -> Self {
        Self { user_name, is_root, groups, book }
    }

    /// Which rows of an entity the user may read.
    pub fn read(&self, entity: &Entity) -> Access {
        if self.is_root {
            return Access::All;
        }
        let rules = self.book.rules(entity);
        let mine: Vec<&BookedRule> =
            rules.iter().filter(|r| r.grouping.is_none_or(|grouping| self.groups.contains(&grouping))).collect();
        if mine.is_empty() {
            Access::None
        } else if mine.iter().any(|r| !r.rule.restricted) {
            Access::All
        } else {
            Access::Rules(mine.iter().map(|r| Arc::clone(&r.rule)).collect())
        }
    }

    /// Which rows may be read by following a relation: a public step shows what a search would hide.
    pub fn read_step(&self, origin: &Entity, relation: &str, target: &Entity) -> Access {
        let step = (origin.name.to_owned(), relation.to_owned());
        if self.is_root || self.book.is_public_table(target) || self.book.public_steps.contains(&step) {
            return Access::All;
        }
        self.read(target)
    }
}

/// The rights of a user as the snapshot `tx` sees them.
pub async fn rights(state: &State, tx: &mut Tx, user_name: String) -> Result<Rights, DbError> {
    let is_root = state.is_root(&user_name);
    let groups = rules::groups_of(tx, &user_name).await?.into_iter().collect();
    let book = book(state, tx).await?;
    Ok(Rights::new(user_name, is_root, groups, book))
}

async fn book(state: &State, tx: &mut Tx) -> Result<Arc<RuleBook>, DbError> {
    let version = rules::version(tx).await?;
    let cached = state.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(book) = cached.filter(|book| book.version == version) {
        return Ok(book);
    }
    let (rows, steps) = (rules::read_rules(tx).await?, rules::public_steps(tx).await?);
    let book = Arc::new(RuleBook::new(version, &rows, steps, &state.parse));
    let mut cached = state.rules.lock().unwrap_or_else(PoisonError::into_inner);
    // A slower request with an older snapshot must not put its rules in place of newer ones.
    if cached.as_ref().is_none_or(|present| present.version < version) {
        *cached = Some(Arc::clone(&book));
    }
    Ok(book)
}
