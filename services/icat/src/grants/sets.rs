//! The sets that are stored, and which rule has which.

use std::collections::HashMap;
use std::sync::Arc;

use service_kit::{DbError, Engine, Micros, Tx};

use crate::query::{GrantSelect, GrantSet, Param, QueryEnvironment, Rule, compile_grant};
use crate::store::MaintainedSets;
use crate::store::grants::{self, SetRow};

/// The stored sets by their selects and values.
#[derive(Debug, Clone)]
pub struct GrantSets {
    engine: Engine,
    ids: HashMap<(String, String), i64>,
    maintained: Arc<MaintainedSets>,
}

impl GrantSets {
    /// The sets of the snapshot `tx`.
    pub async fn load(tx: &mut Tx) -> Result<Self, DbError> {
        let sets = grants::list_sets(tx).await?;
        let key = |set: &SetRow| (set.select_text.clone(), set.select_values.clone());
        let ids = sets.iter().map(|set| (key(set), set.id)).collect();
        Ok(Self { engine: tx.engine(), ids, maintained: Arc::new(MaintainedSets::from_rows(sets)?) })
    }

    /// No sets: every rule is evaluated row by row.
    pub fn none(engine: Engine) -> Self {
        Self { engine, ids: HashMap::new(), maintained: Arc::default() }
    }

    /// What changes of rows need to know of the sets.
    pub fn maintained(&self) -> &Arc<MaintainedSets> {
        &self.maintained
    }

    /// The stored set of a rule.
    pub fn find_set(&self, rule: &Rule) -> Option<GrantSet> {
        let select = select_for_rule(rule, self.engine)?;
        let key = (select.sql, render_values(&select.params));
        Some(GrantSet { id: *self.ids.get(&key)?, for_everybody: select.for_everybody })
    }
}

/// The select of a rule's set, if it can be one.
pub fn select_for_rule(rule: &Rule, engine: Engine) -> Option<GrantSelect> {
    // Neither the user nor the time is part of it.
    let env = QueryEnvironment {
        user: "",
        now: Micros::default(),
        start_of_today: Micros::default(),
        engine,
        row_cap: u64::MAX,
        strict: false,
        granted_user: None,
    };
    compile_grant(rule, &env)
}

/// Values of a select as they are stored.
pub fn render_values(params: &[Param]) -> String {
    serde_json::to_string(params).unwrap_or_else(|e| unreachable!("numbers and texts are JSON: {e}"))
}
