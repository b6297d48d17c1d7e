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
        if tx.sees_uncommitted_changes() {
            return Ok(rule_set);
        }
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // A slower request with an older snapshot must not replace newer rules.
        if latest.as_ref().is_none_or(|known| known.version < version) {
            *latest = Some(Arc::clone(&rule_set));
        }
        Ok(rule_set)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join;
    use icat_client::schema::find_entity;
    use jiff::tz::TimeZone;
    use service_kit::Db;

    use super::*;
    use crate::authorization::Operation;
    use crate::query::Access;

    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS n FROM n";

    async fn store_rule(db: &Db, what: &str) -> Result<(), DbError> {
        let insert = "INSERT INTO rule_ (id, create_id, create_time, mod_id, mod_time, crudflags, what) \
                      VALUES (1, 'x', 0, 'x', 0, 'R', $1)";
        db.write(async |tx| {
            tx.execute(insert, &[what.into()]).await?;
            rules::bump_rule_version(tx).await
        })
        .await
    }

    /// Transactions of `SQLite` that share a commit see rules that may be undone.
    #[tokio::test]
    async fn rules_that_were_undone_are_not_kept() {
        for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
            let db = &test.db;
            let parse = ParseContext { time_zone: TimeZone::UTC };
            let cache = RuleCache::new(Vec::new(), AuthorizationConfig::STRICT, parse);
            let can_read = async |entity: &str| {
                let rights = cache.load_rights(&mut db.read().await.unwrap(), "u".to_owned()).await.unwrap();
                !matches!(rights.access_to(find_entity(entity).unwrap(), Operation::Read), Access::None)
            };
            let break_off = db.write(async |tx| {
                cache.load_rights(tx, "u".to_owned()).await?;
                tx.fetch_one(ENDLESS, &[]).await
            });
            // Both are given up while the second one computes.
            let both = join(store_rule(db, "Dataset"), break_off);
            assert!(tokio::time::timeout(Duration::from_millis(300), both).await.is_err(), "{}", test.engine);
            db.write(async |tx| tx.execute("DELETE FROM rule_", &[]).await).await.unwrap();
            store_rule(db, "Instrument").await.unwrap();
            assert!(can_read("Instrument").await, "{}", test.engine);
            assert!(!can_read("Dataset").await, "{}", test.engine);
        }
    }
}
