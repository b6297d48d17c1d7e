//! Checked queries in ICAT's JPQL-like language. [`Select`](super::Select) builds them from names of the schema and
//! literals. A query can be restricted to one page, or to a list of ids.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::include::Includes;
use crate::schema::{Entity, Field, Member};

/// Why a query cannot be built: a bug of the program that builds it, or a value that no row can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    #[error("{0} is not an ICAT entity")]
    UnknownEntity(String),
    #[error("{entity} has no member {member}")]
    UnknownMember { entity: &'static str, member: String },
    #[error("{0} leads to many rows")]
    ToMany(String),
    #[error("{0} is not an attribute")]
    NotAnAttribute(String),
    #[error("a value does not fit the attribute {0}")]
    Kind(String),
    #[error("a string must not hold U+0000")]
    Nul,
    #[error("a list of values or conditions must not be empty")]
    Empty,
    #[error("this combination of clauses has no meaning: {0}")]
    Clauses(&'static str),
    #[error("the length of the answers has no bound")]
    Unbounded,
    #[error("not even one id fits into an address of {0} bytes")]
    TooLong(usize),
}

impl QueryError {
    pub(super) fn unknown_member(entity: &'static Entity, member: &str) -> Self {
        Self::UnknownMember { entity: entity.name, member: member.to_owned() }
    }
}

/// A string literal for a query.
pub fn quote_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The member at the end of a path.
pub(super) fn resolve_member(entity: &'static Entity, path: &str) -> Result<Member, QueryError> {
    match path.split_once('.') {
        None => entity.find_member(path).ok_or_else(|| QueryError::unknown_member(entity, path)),
        Some((name, rest)) => match entity.find_member(name) {
            Some(Member::One(one)) => resolve_member(one.target(), rest),
            Some(Member::Many(_)) => Err(QueryError::ToMany(name.to_owned())),
            Some(Member::Field(_)) | None => Err(QueryError::unknown_member(entity, name)),
        },
    }
}

/// The attribute at the end of a path.
pub(super) fn resolve_attribute(entity: &'static Entity, path: &str) -> Result<&'static Field, QueryError> {
    match resolve_member(entity, path)? {
        Member::Field(field) => Ok(field),
        Member::One(_) | Member::Many(_) => Err(QueryError::NotAnAttribute(path.to_owned())),
    }
}

/// A checked query; [`Display`](fmt::Display) renders it.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) entity: &'static Entity,
    pub(super) variable: String,
    pub(super) selected: String,
    pub(super) id_at: IdPosition,
    pub(super) conditions: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) includes: Includes,
    pub(super) limit: Option<(u32, u32)>,
}

/// Where the id is in a row of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdPosition {
    Entity,
    Bare,
    Column(usize),
    Nowhere,
}

impl Query {
    /// The selected entity.
    pub fn entity(&self) -> &'static Entity {
        self.entity
    }

    /// `Entity o INCLUDE …`: what ICAT requires in addition to an id.
    pub(super) fn text_for_get(&self) -> String {
        format!("{} {}{}", self.entity.name, self.variable, self.includes.render_clause(&self.variable))
    }

    /// The maximum number of included entities per row; `None` if there is no limit.
    pub(super) fn included_per_row(&self) -> Option<u64> {
        self.includes.per_row()
    }

    /// An error unless the query can be read in pages.
    pub(super) fn check_pages(&self) -> Result<(), QueryError> {
        if self.id_at == IdPosition::Nowhere {
            return Err(QueryError::Clauses("pages need the id of each row"));
        }
        if self.limit.is_some() || !self.order.is_empty() {
            return Err(QueryError::Clauses("pages have their own order and LIMIT"));
        }
        Ok(())
    }

    /// The next rows in the order of their ids.
    pub(super) fn next_page(&self, after: Option<i64>, count: u32) -> Self {
        let mut page = self.clone();
        page.conditions.extend(after.map(|id| format!("{}.id > {id}", self.variable)));
        page.order = vec![format!("{}.id", self.variable)];
        page.limit = Some((0, count));
        page
    }

    /// The same, for rows whose attribute is one of the numbers.
    pub(super) fn with_ids(&self, path: &str, ids: &[i64]) -> Self {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut query = self.clone();
        query.conditions.push(format!("{}.{path} IN ({})", self.variable, ids.join(",")));
        query
    }

    /// The id of a row of the answer.
    pub fn row_id(&self, row: &Value) -> Option<i64> {
        match self.id_at {
            IdPosition::Entity => row.get(self.entity.name)?.get("id")?.as_i64(),
            IdPosition::Bare => row.as_i64(),
            IdPosition::Column(place) => row.get(place)?.as_i64(),
            IdPosition::Nowhere => None,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT {} FROM {} {}", self.selected, self.entity.name, self.variable)?;
        if !self.conditions.is_empty() {
            write!(f, " WHERE {}", self.conditions.join(" AND "))?;
        }
        if !self.order.is_empty() {
            write!(f, " ORDER BY {}", self.order.join(", "))?;
        }
        f.write_str(&self.includes.render_clause(&self.variable))?;
        match self.limit {
            Some((offset, count)) => write!(f, " LIMIT {offset},{count}"),
            None => Ok(()),
        }
    }
}
