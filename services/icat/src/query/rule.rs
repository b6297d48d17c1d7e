//! Rules as queries: which rows a rule grants.

use std::sync::Arc;

use icat_client::schema::{Entity, ToOne};

use super::environment::ParseContext;
use super::error::QueryError;
use super::parent_rewrite::select_by_parent;
use super::parser::parse_search;
use super::tree::SelectBody;

/// The `what` of a rule: the rows of an entity that it covers.
#[derive(Debug, Clone)]
pub struct Rule {
    pub entity: &'static Entity,
    /// For UPDATE rules on one attribute.
    pub attribute: Option<String>,
    /// Whether it covers only some rows: it has a condition or joins.
    pub restricted: bool,
    /// Whether it has a condition, which is what icat.server takes for restricting.
    pub conditional: bool,
    pub(super) body: SelectBody,
    /// The same rule as a select of parent rows, if its rows are restricted by their parent alone.
    pub(super) by_parent: Option<(&'static ToOne, SelectBody)>,
}

impl Rule {
    /// Whether its condition on a row may depend on other rows of the same entity.
    pub fn reads_other_rows(&self) -> bool {
        let mut places = 0;
        self.body.visit_read_entities(&mut |entity| places += usize::from(entity.name == self.entity.name));
        places > 1
    }
}

/// Which rows of an entity a user may access.
#[derive(Debug, Clone)]
pub enum Access {
    All,
    None,
    /// Rows that at least one of the rules covers.
    Rules(Vec<Arc<Rule>>),
}

/// Parses a rule's `what` in either form of the language.
pub fn parse_rule(text: &str, ctx: &ParseContext) -> Result<Rule, QueryError> {
    let search = parse_search(text, ctx)?;
    let body = search.body;
    let [column] = search.columns.as_slice() else {
        return Err(QueryError::bad_parameter("a rule must be about one entity"));
    };
    if body.distinct || body.limit.is_some() || !body.order_by.is_empty() || !body.group_by.is_empty() {
        return Err(QueryError::bad_parameter("a rule must not have DISTINCT, GROUP BY, ORDER BY or LIMIT"));
    }
    if !search.includes.is_empty() {
        return Err(QueryError::bad_parameter("a rule must not have INCLUDE"));
    }
    let (variable, attribute) = column
        .rule_target()
        .ok_or_else(|| QueryError::bad_parameter("a rule must select an entity or one of its attributes"))?;
    let restricted = body.filter.is_some() || body.sources.len() > 1;
    let conditional = body.filter.is_some();
    let entity = body.entity_of(variable);
    let by_parent = select_by_parent(&body, variable);
    Ok(Rule { entity, attribute, restricted, conditional, body: body.select_variable(variable), by_parent })
}
