//! The builder of queries. [`Select::build`] checks names against the schema, values against the types of attributes, and
//! the combination of clauses, and returns a [`Query`].

use super::filter::Filter;
use super::include::Includes;
use super::query::{IdPosition, Query, QueryError, resolve_attribute};
use crate::schema::{self, Entity, FieldKind};

/// A query that is being built; nothing is checked before [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct Select {
    entity: String,
    columns: Columns,
    filters: Vec<Filter>,
    order: Vec<(String, bool)>,
    includes: Vec<String>,
    limit: Option<(u32, u32)>,
}

#[derive(Debug, Clone)]
enum Columns {
    Entity,
    Count,
    Values(Vec<String>),
}

impl Select {
    /// Whole entities, as `{"Dataset":{…}}`.
    pub fn rows(entity: &str) -> Self {
        Self::new(entity, Columns::Entity)
    }

    /// Attributes, also of entities in to-one relations (`investigation.name`). Each row is a value if there is one column,
    /// otherwise an array.
    pub fn values(entity: &str, columns: &[&str]) -> Self {
        Self::new(entity, Columns::Values(columns.iter().map(|&column| column.to_owned()).collect()))
    }

    /// The number of rows.
    pub fn count(entity: &str) -> Self {
        Self::new(entity, Columns::Count)
    }

    fn new(entity: &str, columns: Columns) -> Self {
        let entity = entity.to_owned();
        Self { entity, columns, filters: Vec::new(), order: Vec::new(), includes: Vec::new(), limit: None }
    }

    /// Adds a condition that rows must meet.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Adds an attribute to sort by.
    pub fn order_by(mut self, path: &str) -> Self {
        self.order.push((path.to_owned(), false));
        self
    }

    /// Adds an attribute to sort by in descending order.
    pub fn order_by_descending(mut self, path: &str) -> Self {
        self.order.push((path.to_owned(), true));
        self
    }

    /// Includes the entities at the end of a path of relations, and those along the path.
    pub fn include(mut self, path: &str) -> Self {
        self.includes.push(path.to_owned());
        self
    }

    /// Limits the answer to `count` rows after the first `offset` ones.
    pub fn limit(mut self, offset: u32, count: u32) -> Self {
        self.limit = Some((offset, count));
        self
    }

    /// Checks names, types of values and clauses.
    pub fn build(self) -> Result<Query, QueryError> {
        self.compile_query(0)
    }

    /// Renders a select within a condition. Its only column must be comparable with `kind`.
    pub(super) fn sub_select(&self, kind: FieldKind, depth: usize) -> Result<String, QueryError> {
        let Columns::Values(columns) = &self.columns else {
            return Err(QueryError::Clauses("a sub-select selects one attribute"));
        };
        if columns.len() != 1 || !self.order.is_empty() || !self.includes.is_empty() || self.limit.is_some() {
            return Err(QueryError::Clauses("a sub-select has one attribute, no order, INCLUDE or LIMIT"));
        }
        let query = self.clone().compile_query(depth)?;
        let whole = |kind| matches!(kind, FieldKind::Long | FieldKind::Integer);
        let selected = resolve_attribute(query.entity, &columns[0])?.kind;
        if selected != kind && !(whole(selected) && whole(kind)) {
            return Err(QueryError::Kind(columns[0].clone()));
        }
        Ok(query.to_string())
    }

    fn compile_query(self, depth: usize) -> Result<Query, QueryError> {
        let entity = schema::find_entity(&self.entity).ok_or_else(|| QueryError::UnknownEntity(self.entity.clone()))?;
        let variable = if depth == 0 { "o".to_owned() } else { format!("o{depth}") };
        let (selected, id_at) = match &self.columns {
            Columns::Entity => (variable.clone(), IdPosition::Entity),
            Columns::Count => (format!("COUNT({variable})"), IdPosition::Nowhere),
            Columns::Values(columns) => select_columns(entity, &variable, columns)?,
        };
        let mut includes = Includes::default();
        for path in &self.includes {
            includes.add_path(entity, path)?;
        }
        if !includes.is_empty() && !matches!(self.columns, Columns::Entity) {
            return Err(QueryError::Clauses("INCLUDE goes with whole entities"));
        }
        if matches!(self.columns, Columns::Count) && (!self.order.is_empty() || self.limit.is_some()) {
            return Err(QueryError::Clauses("a count has no order and no LIMIT"));
        }
        if self.limit.is_some_and(|(offset, count)| i32::try_from(offset.max(count)).is_err()) {
            return Err(QueryError::Clauses("LIMIT takes numbers to 2147483647"));
        }
        let mut order = Vec::new();
        for (path, descending) in &self.order {
            resolve_attribute(entity, path)?;
            order.push(format!("{variable}.{path}{}", if *descending { " DESC" } else { "" }));
        }
        let conditions = self.filters.iter().map(|filter| filter.render_condition(entity, &variable, depth));
        let conditions = conditions.collect::<Result<_, _>>()?;
        Ok(Query { entity, variable, selected, id_at, conditions, order, includes, limit: self.limit })
    }
}

fn select_columns(
    entity: &'static Entity,
    variable: &str,
    columns: &[String],
) -> Result<(String, IdPosition), QueryError> {
    if columns.is_empty() {
        return Err(QueryError::Empty);
    }
    for column in columns {
        resolve_attribute(entity, column)?;
    }
    let id_at = match columns.iter().position(|column| column == "id") {
        None => IdPosition::Nowhere,
        Some(_) if columns.len() == 1 => IdPosition::Bare,
        Some(place) => IdPosition::Column(place),
    };
    let selected: Vec<String> = columns.iter().map(|column| format!("{variable}.{column}")).collect();
    Ok((selected.join(", "), id_at))
}
