//! Conditions of a query. Paths are checked against the schema, and values against the type of the attribute. A path
//! follows to-one relations; rows in which one of them is not set do not match, as in JPQL. For to-many relations there
//! is [`Filter::among`].

use super::literal::{Literal, render_like_pattern, render_literal};
use super::query::{QueryError, resolve_attribute, resolve_member};
use super::select::Select;
use crate::schema::{Entity, FieldKind, Member};

/// A condition; it is checked when the query is built.
#[derive(Debug, Clone)]
pub struct Filter(Node);

#[derive(Debug, Clone)]
enum Node {
    Compare(String, &'static str, Literal),
    Between(String, Literal, Literal),
    OneOf(String, Vec<Literal>),
    Among(String, Box<Select>),
    Null(String, &'static str),
    Contains(String, String),
    Joined(&'static str, Vec<Filter>),
    Not(Box<Filter>),
}

impl Filter {
    pub fn eq(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, "=", value)
    }

    pub fn ne(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, "<>", value)
    }

    pub fn lt(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, "<", value)
    }

    pub fn le(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, "<=", value)
    }

    pub fn gt(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, ">", value)
    }

    pub fn ge(path: &str, value: impl Into<Literal>) -> Self {
        Self::compare(path, ">=", value)
    }

    /// Between `low` and `high`, including both.
    pub fn between(path: &str, low: impl Into<Literal>, high: impl Into<Literal>) -> Self {
        Self(Node::Between(path.to_owned(), low.into(), high.into()))
    }

    /// One of a few values. The list must not be empty; for long lists of ids use [`split`](super::split).
    pub fn one_of<L: Into<Literal>>(path: &str, values: impl IntoIterator<Item = L>) -> Self {
        Self(Node::OneOf(path.to_owned(), values.into_iter().map(Into::into).collect()))
    }

    /// One of the values that another query selects. It must have one column, and no order, INCLUDE or LIMIT.
    pub fn in_select(path: &str, select: Select) -> Self {
        Self(Node::Among(path.to_owned(), Box::new(select)))
    }

    /// Not set; also for a to-one relation.
    pub fn is_null(path: &str) -> Self {
        Self(Node::Null(path.to_owned(), "IS NULL"))
    }

    /// Set; also for a to-one relation.
    pub fn not_null(path: &str) -> Self {
        Self(Node::Null(path.to_owned(), "IS NOT NULL"))
    }

    /// Contains the text; `%` and `_` are ordinary characters.
    pub fn contains(path: &str, text: &str) -> Self {
        Self(Node::Contains(path.to_owned(), text.to_owned()))
    }

    /// All conditions; the list must not be empty.
    pub fn all(filters: Vec<Self>) -> Self {
        Self(Node::Joined(" AND ", filters))
    }

    /// At least one of the conditions; the list must not be empty.
    pub fn any(filters: Vec<Self>) -> Self {
        Self(Node::Joined(" OR ", filters))
    }

    pub fn negated(self) -> Self {
        Self(Node::Not(Box::new(self)))
    }

    fn compare(path: &str, operator: &'static str, value: impl Into<Literal>) -> Self {
        Self(Node::Compare(path.to_owned(), operator, value.into()))
    }

    /// Renders the condition for a variable; `depth` is the nesting of selects.
    pub(super) fn render_condition(
        &self,
        entity: &'static Entity,
        variable: &str,
        depth: usize,
    ) -> Result<String, QueryError> {
        let value = |path: &str, value: &Literal| render_literal(path, resolve_attribute(entity, path)?.kind, value);
        Ok(match &self.0 {
            Node::Compare(path, operator, with) => format!("{variable}.{path} {operator} {}", value(path, with)?),
            Node::Between(path, low, high) => {
                format!("{variable}.{path} BETWEEN {} AND {}", value(path, low)?, value(path, high)?)
            }
            Node::OneOf(path, values) => {
                let values = values.iter().map(|v| value(path, v)).collect::<Result<Vec<String>, _>>()?;
                format!("{variable}.{path} IN ({})", join_parts(&values, ",")?)
            }
            Node::Among(path, select) => {
                let field = resolve_attribute(entity, path)?;
                format!("{variable}.{path} IN ({})", select.sub_select(field.kind, depth + 1)?)
            }
            Node::Null(path, test) => match resolve_member(entity, path)? {
                Member::Field(_) | Member::One(_) => format!("{variable}.{path} {test}"),
                Member::Many(_) => return Err(QueryError::ToMany(path.clone())),
            },
            Node::Contains(path, text) => {
                if resolve_attribute(entity, path)?.kind != FieldKind::String {
                    return Err(QueryError::Kind(path.clone()));
                }
                format!("{variable}.{path} LIKE {}", render_like_pattern(text)?)
            }
            Node::Joined(word, filters) => {
                let parts = filters
                    .iter()
                    .map(|f| f.render_condition(entity, variable, depth))
                    .collect::<Result<Vec<_>, _>>()?;
                format!("({})", join_parts(&parts, word)?)
            }
            Node::Not(filter) => format!("NOT ({})", filter.render_condition(entity, variable, depth)?),
        })
    }
}

fn join_parts(parts: &[String], separator: &str) -> Result<String, QueryError> {
    if parts.is_empty() { Err(QueryError::Empty) } else { Ok(parts.join(separator)) }
}
