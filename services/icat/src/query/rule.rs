//! Rules as queries: which rows a rule grants.

use std::sync::Arc;

use icat_client::schema::{Entity, ToOne};

use super::environment::ParseContext;
use super::error::QueryError;
use super::parent_rewrite::select_by_ancestor;
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
    /// The relations to the row that decides: an ancestor such as the investigation, or with no relations the row itself.
    pub(super) path: Vec<&'static ToOne>,
    /// Selects the rows that decide.
    pub(super) body: SelectBody,
    /// The set that keeps the rows of `body` ready, if there is one.
    pub(super) grant: Option<GrantSet>,
}

/// A set of granted rows in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantSet {
    pub id: i64,
    /// Whether it is the same for all users, else it has rows for each user.
    pub for_everybody: bool,
}

impl Rule {
    /// The relations to the row that decides whether a row is covered; none if the row itself does.
    pub fn path_to_ancestor(&self) -> &[&'static ToOne] {
        &self.path
    }

    /// Sets or removes the set that keeps the covered rows ready.
    #[must_use]
    pub fn with_grant(self, grant: Option<GrantSet>) -> Self {
        Self { grant, ..self }
    }

    /// Whether its condition on a row may depend on other rows of the same entity.
    pub fn reads_other_rows(&self) -> bool {
        let mut places = 0;
        self.body.visit_read_entities(&mut |entity| places += usize::from(entity.name == self.entity.name));
        // The row itself is selected, unless an ancestor decides.
        places > usize::from(self.path.is_empty())
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
    let is_grouped = !body.group_by.is_empty() || body.having.is_some();
    if body.distinct || body.limit.is_some() || !body.order_by.is_empty() || is_grouped {
        return Err(QueryError::bad_parameter("a rule must not have DISTINCT, GROUP BY, HAVING, ORDER BY or LIMIT"));
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
    let (path, body) = select_by_ancestor(&body, variable);
    Ok(Rule { entity, attribute, restricted, conditional, path, body, grant: None })
}
