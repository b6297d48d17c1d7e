//! Stores the lines of a dump as rows: resolves references, handles duplicates, checks rights.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use icat_client::schema::{Entity, FieldKind};
use service_kit::{Micros, Tx, Val};

use super::import::{DuplicateAction, PartLines};
use super::parser::{self, Cell, Column, Header, KeyPart, Reference};
use super::stamp_fields;
use super::upload::{Line, with_line_number};
use crate::authorization::Operation;
use crate::error::Error;
use crate::mutations::Permissions;
use crate::query::ParseContext;
use crate::store::Author;
use crate::store::entities::{self, NewRow, Stamp, is_null, value_index};
use crate::unkeyed_rows::{Part, UnkeyedRowMatcher, part_relations};
use crate::validation;

/// Times that differ by less are considered equal, because databases round them.
const ONE_SECOND: i64 = 1_000_000;

/// When more references are cached, the cache is cleared.
const MAX_CACHED_REFERENCES: usize = 200_000;

/// A line with its references resolved.
struct ResolvedLine {
    name: Option<String>,
    values: Vec<Val>,
    /// Indexes of the members that the header names.
    named: Vec<usize>,
    stamps: Option<(Stamp, Stamp)>,
}

/// The state of an import.
pub struct ImportState<'p> {
    duplicate: DuplicateAction,
    parts: &'p PartLines,
    parse: &'p ParseContext,
    /// Ids of rows by the names that the file gives them.
    names: HashMap<(&'static str, String), i64>,
    /// Ids of stored rows by the values of their keys.
    references: HashMap<String, i64>,
    twins: UnkeyedRowMatcher,
}

impl<'p> ImportState<'p> {
    pub fn new(duplicate: DuplicateAction, parts: &'p PartLines, parse: &'p ParseContext) -> Self {
        let (names, references) = (HashMap::new(), HashMap::new());
        Self { duplicate, parts, parse, names, references, twins: UnkeyedRowMatcher::default() }
    }
}

/// Stores lines within the transaction of an import.
pub struct BatchWriter<'b> {
    pub tx: &'b mut Tx,
    pub author: &'b Author,
    pub permissions: Permissions<'b>,
    pub state: ImportState<'b>,
}

type Finding<'f> = Pin<Box<dyn Future<Output = Result<Option<i64>, Error>> + Send + 'f>>;

impl BatchWriter<'_> {
    /// Stores lines of one entity type; fails with the error of the first line that cannot be stored.
    pub async fn store_lines(&mut self, header: &Header, lines: &[Line]) -> Result<(), Error> {
        if self.state.references.len() > MAX_CACHED_REFERENCES {
            self.state.references.clear();
        }
        if !header.entity.unique.is_empty() {
            return self.store_keyed_lines(header, lines).await;
        }
        for line in lines {
            self.store_unkeyed_line(header, line).await.map_err(|e| with_line_number(e, line.number))?;
        }
        Ok(())
    }

    /// Stores lines with a unique key: new rows in one batch, duplicates one by one.
    async fn store_keyed_lines(&mut self, header: &Header, lines: &[Line]) -> Result<(), Error> {
        let entity = header.entity;
        let ids = self.tx.allocate_ids(lines.len()).await?;
        let mut read: Vec<(usize, i64, ResolvedLine)> = Vec::with_capacity(lines.len());
        // The error of a line that is invalid. The lines before it are stored first, because one of them may fail earlier.
        let mut fault = None;
        for (line, id) in lines.iter().zip(ids) {
            let outcome = self.resolve_valid_line(header, line).await;
            match outcome {
                Ok(resolved) => read.push((line.number, id, resolved)),
                Err(e) => {
                    fault = Some(with_line_number(e, line.number));
                    break;
                }
            }
        }
        let rows = read.iter().map(|(_, id, resolved)| NewRow { id: *id, values: resolved.values.clone() });
        let stored = entities::load_new_rows(self.tx, entity, rows.collect(), self.author).await?;
        let created: Vec<i64> = read.iter().map(|(_, id, _)| *id).filter(|id| stored.contains(id)).collect();
        let all_allowed = match self.permissions.require_operation(self.tx, Operation::Create, entity, &created).await {
            Ok(()) => true,
            Err(Error::Forbidden(_)) => false,
            Err(e) => return Err(e),
        };
        for (number, id, resolved) in &read {
            if !stored.contains(id) {
                self.handle_duplicate(header, resolved).await.map_err(|e| with_line_number(e, *number))?;
                continue;
            }
            if !all_allowed {
                let allowed = self.permissions.require_operation(self.tx, Operation::Create, entity, &[*id]).await;
                allowed.map_err(|e| with_line_number(e, *number))?;
            }
            if let Some((created, modified)) = &resolved.stamps {
                entities::update_stamps(self.tx, entity, *id, created, modified).await?;
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Resolves a line that is valid or whose key is already stored.
    async fn resolve_valid_line(&mut self, header: &Header, line: &Line) -> Result<ResolvedLine, Error> {
        let resolved = self.resolve_line(header, line).await?;
        match self.check_row(header.entity, &resolved.values).await {
            Err(Error::Database(e)) => Err(e.into()),
            Err(e) if self.state.duplicate == DuplicateAction::Throw => Err(e),
            Err(e) => match entities::find_by_key(self.tx, header.entity, &resolved.values).await? {
                Some(_) => Ok(resolved),
                None => Err(e),
            },
            Ok(()) => Ok(resolved),
        }
    }

    /// Handles a line whose key is already stored.
    async fn handle_duplicate(&mut self, header: &Header, resolved: &ResolvedLine) -> Result<(), Error> {
        let entity = header.entity;
        let twin = entities::find_by_key(self.tx, entity, &resolved.values).await?;
        match (twin, self.state.duplicate) {
            (Some(_), DuplicateAction::Ignore) => Ok(()),
            (Some(twin), DuplicateAction::Check) => self.compare_row(entity, twin, resolved).await,
            (Some(twin), DuplicateAction::Overwrite) => self.overwrite_row(entity, twin, resolved).await,
            (_, DuplicateAction::Throw) | (None, _) => {
                validation::require_unique_key(self.tx, entity, &resolved.values, None, &HashSet::new()).await?;
                Err(Error::AlreadyExists(format!("{} exists", entity.name)))
            }
        }
    }

    /// Stores a line without a unique key, unless an equal row is stored.
    async fn store_unkeyed_line(&mut self, header: &Header, line: &Line) -> Result<(), Error> {
        let entity = header.entity;
        let resolved = self.resolve_line(header, line).await?;
        let twin = match self.resolve_parts(entity, resolved.name.as_deref()).await? {
            Some(parts) => self.state.twins.take_match(self.tx, entity, &resolved.values, parts).await?,
            None => None,
        };
        let id = match twin {
            Some(twin) => twin,
            None => self.create_row(entity, &resolved).await?,
        };
        if let Some(name) = resolved.name {
            self.state.names.insert((entity.name, name), id);
        }
        Ok(())
    }

    /// The parts that the file lists for a row; `None` if one of them refers to a row that is not stored, so that no stored row
    /// can have it.
    async fn resolve_parts(&mut self, entity: &'static Entity, name: Option<&str>) -> Result<Option<Vec<Part>>, Error> {
        let Some(name) = name else { return Ok(Some(Vec::new())) };
        let owner = (entity.name, name.to_owned());
        let lines = self.state.parts.get(&owner);
        let mut parts = Vec::new();
        for (header, line) in lines.into_iter().flatten() {
            let Some(many) = part_relations(entity).find(|many| many.target == header.entity.name) else { continue };
            // The part's owner has no id yet; parts are compared without it.
            self.state.names.insert(owner.clone(), 0);
            let resolved = self.resolve_line(header, line).await;
            self.state.names.remove(&owner);
            match resolved {
                Ok(resolved) => parts.push((many, resolved.values)),
                Err(Error::NotFound(_)) => return Ok(None),
                Err(e) => return Err(with_line_number(e, line.number)),
            }
        }
        Ok(Some(parts))
    }

    async fn create_row(&mut self, entity: &'static Entity, resolved: &ResolvedLine) -> Result<i64, Error> {
        self.check_row(entity, &resolved.values).await?;
        let id = self.tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
        let row = NewRow { id, values: resolved.values.clone() };
        entities::insert_rows(self.tx, entity, vec![row], self.author).await?;
        if let Some((created, modified)) = &resolved.stamps {
            entities::update_stamps(self.tx, entity, id, created, modified).await?;
        }
        self.permissions.require_operation(self.tx, Operation::Create, entity, &[id]).await?;
        Ok(id)
    }

    async fn check_row(&mut self, entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
        validation::require_not_null(entity, values)?;
        validation::check_lengths(entity, values)?;
        validation::check_entity_rules(self.tx, entity, values, self.state.parse).await
    }

    async fn compare_row(&mut self, entity: &'static Entity, twin: i64, resolved: &ResolvedLine) -> Result<(), Error> {
        let stored = entities::get_by_id(self.tx, entity, twin).await?.map(|row| row.values).unwrap_or_default();
        for at in &resolved.named {
            let is_date = entity.fields.get(*at).is_some_and(|field| field.kind == FieldKind::Date);
            let equal = match (&stored[*at], &resolved.values[*at]) {
                (Val::I64(Some(a)), Val::I64(Some(b))) if is_date => (a - b).abs() < ONE_SECOND,
                (a, b) => a == b,
            };
            if !equal {
                let name = member_name(entity, *at);
                let (old, new) = (&stored[*at], &resolved.values[*at]);
                let text =
                    format!("Duplicate check fails for field {name} of {}: {old} is stored, not {new}", entity.name);
                return Err(Error::Validation(text));
            }
        }
        Ok(())
    }

    /// Overwrites all members but those of the key. Members that the header does not name are cleared.
    async fn overwrite_row(
        &mut self,
        entity: &'static Entity,
        twin: i64,
        resolved: &ResolvedLine,
    ) -> Result<(), Error> {
        self.check_row(entity, &resolved.values).await?;
        let named: Vec<&'static str> = resolved.named.iter().map(|at| member_name(entity, *at)).collect();
        self.permissions.require_update(self.tx, entity, twin, &named, false).await?;
        let changes: Vec<(usize, Val)> = resolved.values.iter().cloned().enumerate().collect();
        entities::update_row(self.tx, entity, twin, &changes, self.author).await?;
        if let Some((created, modified)) = &resolved.stamps {
            entities::update_stamps(self.tx, entity, twin, created, modified).await?;
        }
        Ok(())
    }

    /// Resolves the references of a line; values are in the order of a row's values.
    async fn resolve_line(&mut self, header: &Header, line: &Line) -> Result<ResolvedLine, Error> {
        let entity = header.entity;
        let bad = |text: String| Error::BadParameter(text);
        let mut resolved =
            ResolvedLine { name: None, values: entities::new_values(entity), named: Vec::new(), stamps: None };
        let mut stamped: [Option<Val>; 4] = [const { None }; 4];
        for column in &header.columns {
            match column {
                Column::Name(number) => {
                    resolved.name = get_cell(line, *number)?.as_text().map(str::to_owned);
                }
                Column::Field(field, number) => {
                    let val = parser::parse_value(field, get_cell(line, *number)?, &self.state.parse.time_zone);
                    let val = val.map_err(bad)?;
                    if let Some(which) = stamp_fields().iter().position(|stamp| stamp.name == field.name) {
                        stamped[which] = Some(val);
                    } else if let Some(at) = value_index(entity, field.name) {
                        resolved.values[at] = val;
                        resolved.named.push(at);
                    }
                }
                Column::One(one, reference) => {
                    let id = self.resolve_reference(one.target(), reference, line).await?;
                    if let Some(at) = value_index(entity, one.name) {
                        resolved.values[at] = Val::I64(id);
                        resolved.named.push(at);
                    }
                }
            }
        }
        resolved.stamps = build_stamps(stamped, self.author);
        Ok(resolved)
    }

    /// The id of the row that a reference names; `None` if the reference is NULL.
    fn resolve_reference<'f>(
        &'f mut self,
        target: &'static Entity,
        reference: &'f Reference,
        line: &'f Line,
    ) -> Finding<'f> {
        Box::pin(async move {
            let parts = match reference {
                Reference::Name(number) => {
                    let Some(name) = get_cell(line, *number)?.as_text() else { return Ok(None) };
                    let known = self.state.names.get(&(target.name, name.to_owned())).copied();
                    let missing = || Error::NotFound(format!("the file has no {} named {name}", target.name));
                    return known.ok_or_else(missing).map(Some);
                }
                Reference::Key(parts) => parts,
            };
            let cells = reference_cells(reference, line)?;
            if cells.first().is_none_or(|cell| **cell == Cell::Null) {
                return Ok(None);
            }
            let key = format!("{} {cells:?}", target.name);
            if let Some(id) = self.state.references.get(&key) {
                return Ok(Some(*id));
            }
            let mut values = entities::empty_values(target);
            for part in parts {
                let (name, val) = match part {
                    KeyPart::Field(field, number) => {
                        let val = parser::parse_value(field, get_cell(line, *number)?, &self.state.parse.time_zone);
                        (field.name, val.map_err(Error::BadParameter)?)
                    }
                    KeyPart::One(one, inner) => {
                        (one.name, Val::I64(self.resolve_reference(one.target(), inner, line).await?))
                    }
                };
                if let Some(at) = value_index(target, name) {
                    values[at] = val;
                }
            }
            let found = entities::find_by_key(self.tx, target, &values).await?;
            let id = found.ok_or_else(|| {
                let named = target.unique.iter().filter_map(|name| {
                    let val = value_index(target, name).and_then(|at| values.get(at))?;
                    (!is_null(val)).then(|| format!("{name} = '{val}'"))
                });
                Error::NotFound(format!("there is no {} with {}", target.name, named.collect::<Vec<_>>().join(", ")))
            })?;
            self.state.references.insert(key, id);
            Ok(Some(id))
        })
    }
}

fn member_name(entity: &'static Entity, at: usize) -> &'static str {
    let names = entity.fields.iter().map(|field| field.name).chain(entity.one.iter().map(|one| one.name));
    names.into_iter().nth(at).unwrap_or_default()
}

fn get_cell(line: &Line, number: usize) -> Result<&Cell, Error> {
    let short = || Error::BadParameter(format!("the line has {} values, the header names more", line.cells.len()));
    line.cells.get(number).ok_or_else(short)
}

/// All cells that a reference is made of.
fn reference_cells<'l>(reference: &Reference, line: &'l Line) -> Result<Vec<&'l Cell>, Error> {
    match reference {
        Reference::Name(number) => Ok(vec![get_cell(line, *number)?]),
        Reference::Key(parts) => {
            let mut cells = Vec::new();
            for part in parts {
                match part {
                    KeyPart::Field(_, number) => cells.push(get_cell(line, *number)?),
                    KeyPart::One(_, inner) => cells.extend(reference_cells(inner, line)?),
                }
            }
            Ok(cells)
        }
    }
}

/// The creator and modifier that the file names, completed by the present author and time.
fn build_stamps(
    [create_id, create_time, mod_id, mod_time]: [Option<Val>; 4],
    author: &Author,
) -> Option<(Stamp, Stamp)> {
    if [&create_id, &create_time, &mod_id, &mod_time].iter().all(|val| val.is_none()) {
        return None;
    }
    let stamp = |user: Option<Val>, at: Option<Val>| Stamp {
        user_name: match user {
            Some(Val::Text(Some(name))) => name,
            _ => author.user_name.clone(),
        },
        at: match at {
            Some(Val::I64(Some(micros))) => Micros::from_i64(micros),
            _ => author.changed_at,
        },
    };
    Some((stamp(create_id, create_time), stamp(mod_id, mod_time)))
}
