//! Who may do what: rules, groups, public tables and public steps, as icat.server 6.2 combines them.
//!
//! Rules only ever add rights. A rule without grouping holds for everybody, one with a grouping for its members, by the
//! exact text of the session's user name. Stricter than icat.server unless `catalogue.authorization` says otherwise: a
//! table is public only by a rule that grants READ, and a rule that restricts by joins alone counts as restricting.

mod sessions;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use icat_client::schema::Entity;
use service_kit::{DbError, Tx};

pub use self::sessions::{
    Login, SessionStatus, end_session, get_status, log_in, purge_expired, refresh_session, require_user,
    revoke_sessions,
};
use crate::config::{AuthorizationConfig, Strictness};
use crate::query::{Access, ParseContext, Rule, parse_rule};
use crate::state::State;
use crate::store::rules::{self, RuleRow};

/// What a rule's `crudFlags` grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Read,
    Update,
    Delete,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Create, Self::Read, Self::Update, Self::Delete];

    /// As refusals name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Read => "READ",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// As it stands in `crudFlags`; icat.server takes either case.
    fn is_granted_by(self, flags: &str) -> bool {
        let letter = self.name().as_bytes()[0];
        flags.bytes().any(|flag| flag.eq_ignore_ascii_case(&letter))
    }
}

/// All rules, parsed, as of one version.
#[derive(Debug)]
pub struct RuleSet {
    version: i64,
    by_entity: HashMap<&'static str, Vec<RuleEntry>>,
    public_steps: HashSet<(String, String)>,
    authorization: AuthorizationConfig,
}

#[derive(Debug)]
struct RuleEntry {
    rule: Arc<Rule>,
    flags: String,
    grouping: Option<i64>,
}

impl RuleSet {
    /// Parses rules. One that cannot be parsed grants nothing; writes refuse such rules, so it came another way.
    pub fn new(
        version: i64,
        rules: &[RuleRow],
        public_steps: Vec<(String, String)>,
        parse: &ParseContext,
        authorization: AuthorizationConfig,
    ) -> Self {
        let mut by_entity: HashMap<&str, Vec<RuleEntry>> = HashMap::new();
        for row in rules {
            match parse_rule(&row.what, parse) {
                Ok(rule) => by_entity.entry(rule.entity.name).or_default().push(RuleEntry {
                    rule: Arc::new(rule),
                    flags: row.flags.clone(),
                    grouping: row.grouping,
                }),
                Err(e) => tracing::warn!(rule.id = row.id, error = %e, "rule cannot be parsed and grants nothing"),
            }
        }
        Self { version, by_entity, public_steps: public_steps.into_iter().collect(), authorization }
    }

    fn is_public_table(&self, entity: &Entity) -> bool {
        let any_flags = self.authorization.public_tables == Strictness::Compatible;
        self.rules_for(entity).iter().any(|booked| {
            let granting = any_flags || Operation::Read.is_granted_by(&booked.flags);
            granting
                && booked.grouping.is_none()
                && booked.rule.attribute.is_none()
                && !self.is_restricting(&booked.rule)
        })
    }

    fn is_restricting(&self, rule: &Rule) -> bool {
        match self.authorization.join_rules {
            Strictness::Strict => rule.restricted,
            Strictness::Compatible => rule.conditional,
        }
    }

    fn rules_for(&self, entity: &Entity) -> &[RuleEntry] {
        self.by_entity.get(entity.name).map_or(&[], Vec::as_slice)
    }
}

/// The rights of one user at one moment.
#[derive(Debug, Clone)]
pub struct Rights {
    pub user_name: String,
    pub is_root: bool,
    groups: HashSet<i64>,
    book: Arc<RuleSet>,
}

impl Rights {
    pub fn new(user_name: String, is_root: bool, groups: HashSet<i64>, book: Arc<RuleSet>) -> Self {
        Self { user_name, is_root, groups, book }
    }

    /// On which rows of an entity the user may do something.
    pub fn access_to(&self, entity: &Entity, operation: Operation) -> Access {
        if operation == Operation::Read && self.book.is_public_table(entity) {
            return Access::All;
        }
        self.granted_access(entity, operation, |rule| rule.attribute.is_none())
    }

    /// Which rows of an entity the user may read.
    pub fn read_access(&self, entity: &Entity) -> Access {
        self.access_to(entity, Operation::Read)
    }

    /// In which rows the user may change this attribute or to-one relation by a rule about it alone.
    pub fn attribute_update_access(&self, entity: &Entity, name: &str) -> Access {
        self.granted_access(entity, Operation::Update, |rule| rule.attribute.as_deref() == Some(name))
    }

    /// Which rows may be read by following a relation: a public step shows what a search would hide.
    pub fn relation_read_access(&self, origin: &Entity, relation: &str, target: &Entity) -> Access {
        let step = (origin.name.to_owned(), relation.to_owned());
        if self.is_root || self.book.is_public_table(target) || self.book.public_steps.contains(&step) {
            return Access::All;
        }
        self.read_access(target)
    }

    fn granted_access(&self, entity: &Entity, operation: Operation, about: impl Fn(&Rule) -> bool) -> Access {
        if self.is_root {
            return Access::All;
        }
        let mine = self.book.rules_for(entity).iter().filter(|booked| {
            operation.is_granted_by(&booked.flags)
                && about(&booked.rule)
                && booked.grouping.is_none_or(|grouping| self.groups.contains(&grouping))
        });
        let mine: Vec<&RuleEntry> = mine.collect();
        if mine.is_empty() {
            Access::None
        } else if mine.iter().any(|booked| !self.book.is_restricting(&booked.rule)) {
            Access::All
        } else {
            Access::Rules(mine.iter().map(|booked| Arc::clone(&booked.rule)).collect())
        }
    }
}

/// The rights of a user as the snapshot `tx` sees them.
pub async fn load_rights(state: &State, tx: &mut Tx, user_name: String) -> Result<Rights, DbError> {
    let is_root = state.is_root(&user_name);
    let groups = rules::list_group_ids(tx, &user_name).await?.into_iter().collect();
    let book = load_rule_set(state, tx).await?;
    Ok(Rights::new(user_name, is_root, groups, book))
}

async fn load_rule_set(state: &State, tx: &mut Tx) -> Result<Arc<RuleSet>, DbError> {
    let version = rules::get_rule_version(tx).await?;
    let cached = state.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(book) = cached.filter(|book| book.version == version) {
        return Ok(book);
    }
    let (rows, steps) = (rules::list_rules(tx).await?, rules::list_public_steps(tx).await?);
    let book = Arc::new(RuleSet::new(version, &rows, steps, &state.parse, state.config.authorization));
    let mut cached = state.rules.lock().unwrap_or_else(PoisonError::into_inner);
    // A slower request with an older snapshot must not put its rules in place of newer ones.
    if cached.as_ref().is_none_or(|present| present.version < version) {
        *cached = Some(Arc::clone(&book));
    }
    Ok(book)
}
