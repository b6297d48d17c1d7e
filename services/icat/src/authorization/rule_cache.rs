//! The parsed rules, read again when their version in the database has changed.

use std::sync::{Arc, Mutex, PoisonError};

use service_kit::{DbError, Tx};

use super::{Rights, RuleSet};
use crate::config::AuthorizationConfig;
use crate::grants::GrantSets;
use crate::query::ParseContext;
use crate::store::rules;

/// Computes the rights of users. Caches the parsed rules of the latest version.
pub struct RuleCache {
    root_user_names: Vec<String>,
    authorization: AuthorizationConfig,
    parse: ParseContext,
    latest: Mutex<Option<Arc<RuleSet>>>,
}

impl RuleCache {
    pub fn new(root_user_names: Vec<String>, authorization: AuthorizationConfig, parse: ParseContext) -> Self {
        Self { root_user_names, authorization, parse, latest: Mutex::new(None) }
    }

    /// Whether the user may do everything.
    pub fn is_root(&self, user_name: &str) -> bool {
        self.root_user_names.iter().any(|name| name == user_name)
    }

    /// The rights of a user in the snapshot `tx`.
    pub async fn load_rights(&self, tx: &mut Tx, user_name: String) -> Result<Rights, DbError> {
        let is_root = self.is_root(&user_name);
        let (version, memberships) = rules::find_version_and_memberships(tx, &user_name).await?;
        let rule_set = self.load_rule_set(tx, version).await?;
        Ok(Rights::new(user_name, is_root, memberships, rule_set))
    }

    async fn load_rule_set(&self, tx: &mut Tx, version: i64) -> Result<Arc<RuleSet>, DbError> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(rule_set) = latest.filter(|rule_set| rule_set.version == version) {
            return Ok(rule_set);
        }
        let (rows, steps) = (rules::list_rules(tx).await?, rules::list_public_steps(tx).await?);
        let sets = GrantSets::load(tx).await?;
        let rule_set = Arc::new(RuleSet::new(version, &rows, steps, &self.parse, self.authorization, &sets));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // A slower request with an older snapshot must not replace newer rules.
        if latest.as_ref().is_none_or(|known| known.version < version) {
            *latest = Some(Arc::clone(&rule_set));
        }
        Ok(rule_set)
    }
}
