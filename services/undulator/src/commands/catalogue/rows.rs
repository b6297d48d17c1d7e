//! Rows of the catalogue in one transaction: found by their unique key, and created if they are missing.

use icat::error::Error;
use icat::query::ParseContext;
use icat::store::Author;
use icat::store::entities::{self, NewRow, StoredRow, is_null, value_index};
use icat::validation;
use icat_client::schema::{self, Entity, FieldKind};
use jiff::Timestamp;
use service_kit::{Tx, Val};

use super::lookup::start_of_today;
use super::{CatalogueError, Report};

pub struct Rows<'a> {
    pub(super) tx: &'a mut Tx,
    author: &'a Author,
    parse: &'a ParseContext,
    report: Report,
}

/// What to do with a stored attribute that has another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherValues {
    /// It is a conflict.
    Conflict,
    Change,
}

impl OtherValues {
    /// From the option `--change` of the command line.
    pub fn from_option(change: bool) -> Self {
        if change { Self::Change } else { Self::Conflict }
    }
}

/// Attributes and to-one relations of a row by name.
pub type Values<'v> = [(&'v str, Val)];

impl<'a> Rows<'a> {
    pub fn new(tx: &'a mut Tx, author: &'a Author, parse: &'a ParseContext) -> Self {
        Self { tx, author, parse, report: Report::default() }
    }

    pub fn into_report(self) -> Report {
        self.report
    }

    /// Adds further information to the report.
    pub fn add_note(&mut self, note: String) {
        self.report.notes.push(note);
    }

    /// The id of the row with this unique key.
    pub async fn find_by_key(&mut self, kind: &str, key: &Values<'_>) -> Result<Option<i64>, CatalogueError> {
        let entity = require_entity(kind)?;
        Ok(entities::find_by_key(self.tx, entity, &fill_values(entities::empty_values(entity), entity, key)?).await?)
    }

    /// All rows of a kind.
    pub async fn list_all(&mut self, kind: &str) -> Result<Vec<StoredRow>, CatalogueError> {
        Ok(entities::list_all(self.tx, require_entity(kind)?).await?)
    }

    /// Finds the row with the unique key of these values, or creates it. Stored values that differ from the given ones
    /// are a conflict. Rows of a kind without unique key are compared by all values.
    pub async fn ensure_row(&mut self, kind: &str, values: &Values<'_>) -> Result<i64, CatalogueError> {
        self.ensure_row_as(kind, values, render_label(require_entity(kind)?, values)).await
    }

    /// The same, with a given name in the report.
    pub async fn ensure_row_as(
        &mut self,
        kind: &str,
        values: &Values<'_>,
        label: String,
    ) -> Result<i64, CatalogueError> {
        let entity = require_entity(kind)?;
        let full = fill_values(entities::new_values(entity), entity, values)?;
        let found = if entity.unique.is_empty() {
            entities::find_equal(self.tx, entity, &full).await?.first().copied()
        } else {
            entities::find_by_key(self.tx, entity, &full).await?
        };
        let Some(id) = found else { return self.create_row(entity, label, full).await };
        let stored = entities::get_by_id(self.tx, entity, id).await?.map(|row| row.values).unwrap_or_default();
        match describe_difference(entity, &stored, values) {
            None => self.report.unchanged += 1,
            Some(difference) => self.report.conflicts.push(format!("{label}: {difference}")),
        }
        Ok(id)
    }

    /// The same, but empty attributes are filled in; with `OtherValues::Change`, other values are replaced too.
    pub async fn ensure_filled_row(
        &mut self,
        kind: &str,
        values: &Values<'_>,
        other_values: OtherValues,
    ) -> Result<i64, CatalogueError> {
        let entity = require_entity(kind)?;
        let label = render_label(entity, values);
        let Some(id) = self.find_by_key(kind, values).await? else {
            return self.ensure_row_as(kind, values, label).await;
        };
        let stored = entities::get_by_id(self.tx, entity, id).await?.map(|row| row.values).unwrap_or_default();
        let (mut changes, mut changed) = (Vec::new(), Vec::new());
        for (name, val) in values.iter().filter(|(_, val)| !is_null(val)) {
            let at = value_index(entity, name).ok_or_else(|| unknown_member(entity, name))?;
            let Some(before) = stored.get(at).filter(|before| *before != val) else { continue };
            let (old, new) = (render_value(entity, name, before), render_value(entity, name, val));
            if is_empty(before) || other_values == OtherValues::Change {
                changes.push((at, val.clone()));
                changed.push(format!("{label}: {name} was {old}, is {new}"));
            } else {
                self.report.conflicts.push(format!("{label}: {name} is {old}, not {new}"));
            }
        }
        if changes.is_empty() {
            self.report.unchanged += 1;
            return Ok(id);
        }
        let mut full = stored;
        for (at, val) in &changes {
            full[*at] = val.clone();
        }
        validation::check_lengths(entity, &full)?;
        entities::update_row(self.tx, entity, id, &changes, self.author).await?;
        self.report.changed.extend(changed);
        Ok(id)
    }

    async fn create_row(
        &mut self,
        entity: &'static Entity,
        label: String,
        values: Vec<Val>,
    ) -> Result<i64, CatalogueError> {
        validation::require_not_null(entity, &values)?;
        validation::check_lengths(entity, &values)?;
        validation::check_entity_rules(self.tx, entity, &values, self.parse).await?;
        let id = self.tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
        entities::insert_rows(self.tx, entity, vec![NewRow { id, values }], self.author).await?;
        self.report.created.push(label);
        Ok(id)
    }

    /// The start of the current day in the time zone of the facility; in microseconds UTC.
    pub fn start_of_today(&self) -> Result<i64, CatalogueError> {
        start_of_today(self.author.changed_at, &self.parse.time_zone)
    }

    /// Finds or creates a user.
    pub async fn ensure_user(&mut self, name: &str) -> Result<i64, CatalogueError> {
        match self.find_by_key("User", &[("name", name.into())]).await? {
            Some(id) => Ok(id),
            None => self.ensure_row("User", &[("name", name.into())]).await,
        }
    }

    /// The same; a new user gets the full name.
    pub async fn ensure_user_with_full_name(&mut self, name: &str, full_name: &str) -> Result<i64, CatalogueError> {
        match self.find_by_key("User", &[("name", name.into())]).await? {
            Some(id) => Ok(id),
            None => self.ensure_row("User", &[("name", name.into()), ("fullName", full_name.into())]).await,
        }
    }

    /// The rows of a kind whose to-one relation leads to a row.
    pub async fn list_children(
        &mut self,
        kind: &str,
        relation: &str,
        parent: i64,
    ) -> Result<Vec<StoredRow>, CatalogueError> {
        let pairs = self.list_child_ids(kind, relation, &[parent]).await?;
        let ids: Vec<i64> = pairs.iter().map(|(_, id)| *id).collect();
        self.find_by_ids(kind, &ids).await
    }

    /// Pairs of (parent, child): the rows of a kind whose to-one relation leads to one of the parents.
    pub async fn list_child_ids(
        &mut self,
        kind: &str,
        relation: &str,
        parents: &[i64],
    ) -> Result<Vec<(i64, i64)>, CatalogueError> {
        let entity = require_entity(kind)?;
        let one = entity.find_to_one(relation).ok_or_else(|| unknown_member(entity, relation))?;
        Ok(entities::list_child_ids(self.tx, entity, one.column, parents, usize::MAX).await?)
    }

    /// The rows of a kind with these ids.
    pub async fn find_by_ids(&mut self, kind: &str, ids: &[i64]) -> Result<Vec<StoredRow>, CatalogueError> {
        Ok(entities::find_by_ids(self.tx, require_entity(kind)?, ids).await?)
    }

    /// Removes a row on which nothing depends; `label` names it in the report.
    pub async fn remove_row(&mut self, kind: &str, id: i64, label: String) -> Result<(), CatalogueError> {
        entities::delete_rows(self.tx, require_entity(kind)?, &[id], self.author).await?;
        self.report.removed.push(label);
        Ok(())
    }
}

/// An attribute or key of a stored row.
pub fn get_value<'r>(kind: &str, row: &'r StoredRow, name: &str) -> Option<&'r Val> {
    let at = value_index(schema::find_entity(kind)?, name)?;
    row.values.get(at)
}

/// An attribute of a stored row as text; empty for NULL.
pub fn get_text(kind: &str, row: &StoredRow, name: &str) -> String {
    get_value(kind, row, name).filter(|val| !is_null(val)).map(ToString::to_string).unwrap_or_default()
}

/// A whole number, a time or the id of another row; `None` for NULL.
pub fn get_number(kind: &str, row: &StoredRow, name: &str) -> Option<i64> {
    match get_value(kind, row, name) {
        Some(Val::I64(number)) => *number,
        _ => None,
    }
}

/// Whether an attribute has no value.
fn is_empty(val: &Val) -> bool {
    is_null(val) || matches!(val, Val::Text(Some(text)) if text.is_empty())
}

fn require_entity(kind: &str) -> Result<&'static Entity, CatalogueError> {
    schema::find_entity(kind).ok_or_else(|| Error::BadParameter(format!("{kind} is not an ICAT entity")).into())
}

fn unknown_member(entity: &Entity, name: &str) -> CatalogueError {
    Error::BadParameter(format!("{} has no {name}", entity.name)).into()
}

fn fill_values(mut values: Vec<Val>, entity: &'static Entity, given: &Values<'_>) -> Result<Vec<Val>, CatalogueError> {
    for (name, val) in given {
        let at = value_index(entity, name).ok_or_else(|| unknown_member(entity, name))?;
        values[at] = val.clone();
    }
    Ok(values)
}

/// The first given value that differs from the stored one.
fn describe_difference(entity: &'static Entity, stored: &[Val], given: &Values<'_>) -> Option<String> {
    given.iter().filter(|(_, val)| !is_null(val)).find_map(|(name, val)| {
        let stored = stored.get(value_index(entity, name)?)?;
        let show = |val| render_value(entity, name, val);
        (stored != val).then(|| format!("{name} is {}, not {}", show(stored), show(val)))
    })
}

/// A value in a readable form.
fn render_value(entity: &Entity, name: &str, val: &Val) -> String {
    let kind = entity.fields.iter().find(|field| field.name == name).map(|field| field.kind);
    match (kind, val) {
        (_, val) if is_null(val) => "empty".to_owned(),
        (Some(FieldKind::Date), Val::I64(Some(micros))) => {
            Timestamp::from_microsecond(*micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
        }
        (Some(FieldKind::Boolean), val) => (*val == Val::from(true)).to_string(),
        (None, val) => format!("the row {val}"),
        (Some(_), val) => format!("`{val}`"),
    }
}

/// The kind and the texts of the row, such as `Instrument ID29`.
fn render_label(entity: &Entity, values: &Values<'_>) -> String {
    let is_key = |name: &str| entity.unique.is_empty() || entity.unique.contains(&name);
    let texts = values.iter().filter(|(name, val)| is_key(name) && !is_null(val));
    let texts = texts.filter_map(|(_, val)| if let Val::Text(Some(text)) = val { Some(text.as_str()) } else { None });
    [entity.name].into_iter().chain(texts).collect::<Vec<_>>().join(" ")
}
