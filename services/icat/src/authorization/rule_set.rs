//! The parsed rules of one version, and the rights that they give to a user.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use icat_client::schema::Entity;

use super::Operation;
use crate::config::{AuthorizationConfig, Strictness};
use crate::grants::GrantSets;
use crate::query::{Access, ParseContext, Rule, parse_rule};
use crate::store::MaintainedSets;
use crate::store::rules::{Memberships, RuleRow};

/// All rules, parsed, as of one version.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) version: i64,
    by_entity: HashMap<&'static str, Vec<RuleEntry>>,
    public_steps: HashSet<(String, String)>,
    authorization: AuthorizationConfig,
    maintained_sets: Arc<MaintainedSets>,
}

#[derive(Debug)]
struct RuleEntry {
    rule: Arc<Rule>,
    flags: String,
    grouping: Option<i64>,
}

impl RuleSet {
    /// Parses rules and finds their sets of granted rows. A rule that cannot be parsed grants nothing; writes refuse such rules,
    /// so it was stored in another way.
    pub fn new(
        version: i64,
        rules: &[RuleRow],
        public_steps: Vec<(String, String)>,
        parse: &ParseContext,
        authorization: AuthorizationConfig,
        sets: &GrantSets,
    ) -> Self {
        let mut by_entity: HashMap<&str, Vec<RuleEntry>> = HashMap::new();
        for row in rules {
            match parse_rule(&row.what, parse) {
                Ok(rule) => {
                    let set = if Operation::Read.is_granted_by(&row.flags) { sets.find_set(&rule) } else { None };
                    by_entity.entry(rule.entity.name).or_default().push(RuleEntry {
                        rule: Arc::new(rule.with_grant(set)),
                        flags: row.flags.clone(),
                        grouping: row.grouping,
                    });
                }
                Err(e) => tracing::warn!(rule.id = row.id, error = %e, "rule cannot be parsed and grants nothing"),
            }
        }
        let (public_steps, maintained_sets) = (public_steps.into_iter().collect(), Arc::clone(sets.maintained()));
        Self { version, by_entity, public_steps, authorization, maintained_sets }
    }

    fn is_public_table(&self, entity: &Entity) -> bool {
        let any_flags = self.authorization.public_tables == Strictness::Compatible;
        self.rules_for(entity).iter().any(|entry| {
            let granting = any_flags || Operation::Read.is_granted_by(&entry.flags);
            granting && entry.grouping.is_none() && entry.rule.attribute.is_none() && !self.is_restricting(&entry.rule)
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

/// What one user may do, as of one version of the rules.
#[derive(Debug, Clone)]
pub struct Rights {
    pub user_name: String,
    pub is_root: bool,
    /// The id of the user's row, if there is one.
    user_id: Option<i64>,
    groups: HashSet<i64>,
    rules: Arc<RuleSet>,
}

impl Rights {
    pub fn new(user_name: String, is_root: bool, memberships: Memberships, rules: Arc<RuleSet>) -> Self {
        let Memberships { user_id, groups } = memberships;
        Self { user_name, is_root, user_id, groups: groups.into_iter().collect(), rules }
    }

    /// The user of sets of granted rows.
    pub fn granted_user(&self) -> i64 {
        self.user_id.unwrap_or_default()
    }

    /// The sets of granted rows, for who changes rows in the same snapshot.
    pub fn maintained_sets(&self) -> &Arc<MaintainedSets> {
        &self.rules.maintained_sets
    }

    /// The rows of an entity on which the user may perform an operation.
    pub fn access_to(&self, entity: &Entity, operation: Operation) -> Access {
        if operation == Operation::Read && self.rules.is_public_table(entity) {
            return Access::All;
        }
        self.granted_access(entity, operation, |rule| rule.attribute.is_none())
    }

    /// The rows of an entity that the user may read.
    pub fn read_access(&self, entity: &Entity) -> Access {
        self.access_to(entity, Operation::Read)
    }

    /// The rows in which a rule about this attribute or to-one relation alone lets the user change it.
    pub fn attribute_update_access(&self, entity: &Entity, name: &str) -> Access {
        self.granted_access(entity, Operation::Update, |rule| rule.attribute.as_deref() == Some(name))
    }

    /// The rows that the user may read by following a relation. A public step shows rows that a search would hide.
    pub fn relation_read_access(&self, origin: &Entity, relation: &str, target: &Entity) -> Access {
        let step = (origin.name.to_owned(), relation.to_owned());
        if self.is_root || self.rules.is_public_table(target) || self.rules.public_steps.contains(&step) {
            return Access::All;
        }
        self.read_access(target)
    }

    fn granted_access(&self, entity: &Entity, operation: Operation, is_wanted: impl Fn(&Rule) -> bool) -> Access {
        if self.is_root {
            return Access::All;
        }
        let mine = self.rules.rules_for(entity).iter().filter(|entry| {
            operation.is_granted_by(&entry.flags)
                && is_wanted(&entry.rule)
                && entry.grouping.is_none_or(|grouping| self.groups.contains(&grouping))
        });
        let mine: Vec<&RuleEntry> = mine.collect();
        if mine.is_empty() {
            Access::None
        } else if mine.iter().any(|entry| !self.rules.is_restricting(&entry.rule)) {
            Access::All
        } else {
            Access::Rules(mine.iter().map(|entry| Arc::clone(&entry.rule)).collect())
        }
    }
}
