//! Lines of a dump as rows: references looked up, duplicates dealt with, rights asked for.

use std::collections::HashSet;
use std::pin::Pin;

use icat_client::schema::{Entity, FieldKind};
use service_kit::{Tx, Val};

use super::import::{Duplicate, Importer, Line};
use super::read::{self, Cell, Column, Header, KeyPart, Reference};
use super::stamps;
use crate::auth::Operation;
use crate::error::Error;
use crate::store::Author;
use crate::store::entities::{self, NewRow, Stamp, is_null, place};
use crate::write::{Permit, check};

/// Times that differ by less are the same, because databases round them.
const ONE_SECOND: i64 = 1_000_000;

/// A line with its references resolved.
struct Resolved {
    name: Option<String>,
    values: Vec<Val>,
    /// Members that the header names.
    named: Vec<usize>,
    stamps: Option<(Stamp, Stamp)>,
}

/// Lines of one kind within one transaction.
pub struct Batch<'b> {
    pub importer: &'b mut Importer,
    pub tx: &'b mut Tx,
    pub author: &'b Author,
    pub header: &'b Header,
    pub permit: Permit<'b>,
}

type Finding<'f> = Pin<Box<dyn Future<Output = Result<Option<i64>, Error>> + Send + 'f>>;

impl Batch<'_> {
    /// Creates all lines; fails if one of them is not new, without saying which.
    pub async fn at_once(&mut self, lines: &[Line]) -> Result<(), Error> {
        let entity = self.header.entity;
        let ids = self.tx.allocate_ids(lines.len()).await?;
        let mut rows = Vec::with_capacity(lines.len());
        let mut restamped = Vec::new();
        for (line, id) in lines.iter().zip(&ids) {
            let resolved = self.resolve(line).await?;
            self.check(&resolved.values).await?;
            if let Some(name) = resolved.name {
                self.importer.names.insert((entity.name, name), *id);
            }
            restamped.extend(resolved.stamps.map(|stamps| (*id, stamps)));
            rows.push(NewRow { id: *id, values: resolved.values });
        }
        if entities::insert_new(self.tx, entity, &rows, self.author).await?.len() < rows.len() {
            return Err(Error::Exists("a row is stored already".to_owned()));
        }
        for (id, (created, modified)) in restamped {
            entities::restamp(self.tx, entity, id, &created, &modified).await?;
        }
        self.permit.require(self.tx, Operation::Create, entity, &ids).await
    }

    pub async fn one(&mut self, line: &Line) -> Result<(), Error> {
        let entity = self.header.entity;
        let resolved = self.resolve(line).await?;
        let twin = entities::find_by_key(self.tx, entity, &resolved.values).await?;
        let id = match (twin, self.importer.duplicate) {
            (Some(twin), Duplicate::Ignore) => twin,
            (Some(twin), Duplicate::Check) => {
                self.compare(twin, &resolved).await?;
                twin
            }
            (Some(twin), Duplicate::Overwrite) => {
                self.overwrite(twin, &resolved).await?;
                twin
            }
            (None, _) | (Some(_), Duplicate::Throw) => self.create(&resolved).await?,
        };
        if let Some(name) = resolved.name {
            self.importer.names.insert((entity.name, name), id);
        }
        Ok(())
    }

    async fn create(&mut self, resolved: &Resolved) -> Result<i64, Error> {
        let entity = self.header.entity;
        self.check(&resolved.values).await?;
        check::no_twin(self.tx, entity, &resolved.values, None, &HashSet::new()).await?;
        let id = self.tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
        let row = NewRow { id, values: resolved.values.clone() };
        entities::insert(self.tx, entity, &[row], self.author).await?;
        if let Some((created, modified)) = &resolved.stamps {
            entities::restamp(self.tx, entity, id, created, modified).await?;
        }
        self.permit.require(self.tx, Operation::Create, entity, &[id]).await?;
        Ok(id)
    }

    async fn check(&mut self, values: &[Val]) -> Result<(), Error> {
        let entity = self.header.entity;
        check::not_null(entity, values)?;
        check::lengths(entity, values)?;
        check::rules_of(self.tx, entity, values, &self.importer.state.parse).await
    }

    async fn compare(&mut self, twin: i64, resolved: &Resolved) -> Result<(), Error> {
        let entity = self.header.entity;
        let stored = entities::by_id(self.tx, entity, twin).await?.map(|row| row.values).unwrap_or_default();
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

    /// All members but those of the key; what the header does not name is cleared.
    async fn overwrite(&mut self, twin: i64, resolved: &Resolved) -> Result<(), Error> {
        let entity = self.header.entity;
        self.check(&resolved.values).await?;
        let named: Vec<&'static str> = resolved.named.iter().map(|at| member_name(entity, *at)).collect();
        self.permit.require_update(self.tx, entity, twin, &named, false).await?;
        let changes: Vec<(usize, Val)> = resolved.values.iter().cloned().enumerate().collect();
        entities::update(self.tx, entity, twin, &changes, self.author).await?;
        if let Some((created, modified)) = &resolved.stamps {
            entities::restamp(self.tx, entity, twin, created, modified).await?;
        }
        Ok(())
    }

    /// The values of a line in the order of a row's, its references looked up.
    async fn resolve(&mut self, line: &Line) -> Result<Resolved, Error> {
        let header = self.header;
        let entity = header.entity;
        let bad = |text: String| Error::BadParameter(text);
        let mut resolved =
            Resolved { name: None, values: entities::new_values(entity), named: Vec::new(), stamps: None };
        let mut stamped: [Option<Val>; 4] = [const { None }; 4];
        for column in &header.columns {
            match column {
                Column::Name(number) => {
                    resolved.name = match cell(line, *number)? {
                        Cell::Text(name) | Cell::Bare(name) => Some(name.clone()),
                        Cell::Null => None,
                    };
                }
                Column::Field(field, number) => {
                    let val = read::value(field, cell(line, *number)?, &self.importer.state.parse.time_zone);
                    let val = val.map_err(bad)?;
                    if let Some(which) = stamps().iter().position(|stamp| stamp.name == field.name) {
                        stamped[which] = Some(val);
                    } else if let Some(at) = place(entity, field.name) {
                        resolved.values[at] = val;
                        resolved.named.push(at);
                    }
                }
                Column::One(one, reference) => {
                    let id = self.refer(one.target(), reference, line).await?;
                    if let Some(at) = place(entity, one.name) {
                        resolved.values[at] = Val::I64(id);
                        resolved.named.push(at);
                    }
                }
            }
        }
        resolved.stamps = stamps_of(stamped, self.author);
        Ok(resolved)
    }

    /// The id of the row that a reference names; `None` where the reference is NULL.
    fn refer<'f>(&'f mut self, target: &'static Entity, reference: &'f Reference, line: &'f Line) -> Finding<'f> {
        Box::pin(async move {
            let parts = match reference {
                Reference::Name(number) => {
                    let name = match cell(line, *number)? {
                        Cell::Null => return Ok(None),
                        Cell::Text(name) | Cell::Bare(name) => name,
                    };
                    let known = self.importer.names.get(&(target.name, name.clone())).copied();
                    let missing = || Error::NotFound(format!("the file has no {} named {name}", target.name));
                    return known.ok_or_else(missing).map(Some);
                }
                Reference::Key(parts) => parts,
            };
            let cells = cells_of(reference, line)?;
            if cells.first().is_none_or(|cell| **cell == Cell::Null) {
                return Ok(None);
            }
            let key = format!("{} {cells:?}", target.name);
            if let Some(id) = self.importer.references.get(&key) {
                return Ok(Some(*id));
            }
            let mut values = entities::empty_values(target);
            for part in parts {
                let (name, val) = match part {
                    KeyPart::Field(field, number) => {
                        let val = read::value(field, cell(line, *number)?, &self.importer.state.parse.time_zone);
                        (field.name, val.map_err(Error::BadParameter)?)
                    }
                    KeyPart::One(one, inner) => (one.name, Val::I64(self.refer(one.target(), inner, line).await?)),
                };
                if let Some(at) = place(target, name) {
                    values[at] = val;
                }
            }
            let found = entities::find_by_key(self.tx, target, &values).await?;
            let id = found.ok_or_else(|| {
                let named = target.unique.iter().filter_map(|name| {
                    let val = place(target, name).and_then(|at| values.get(at))?;
                    (!is_null(val)).then(|| format!("{name} = '{val}'"))
                });
                Error::NotFound(format!("there is no {} with {}", target.name, named.collect::<Vec<_>>().join(", ")))
            })?;
            self.importer.references.insert(key, id);
            Ok(Some(id))
        })
    }
}

fn member_name(entity: &'static Entity, at: usize) -> &'static str {
    let names = entity.fields.iter().map(|field| field.name).chain(entity.one.iter().map(|one| one.name));
    names.into_iter().nth(at).unwrap_or_default()
}

fn cell(line: &Line, number: usize) -> Result<&Cell, Error> {
    let short = || Error::BadParameter(format!("the line has {} values, the header names more", line.cells.len()));
    line.cells.get(number).ok_or_else(short)
}

/// All cells that a reference is made of.
fn cells_of<'l>(reference: &Reference, line: &'l Line) -> Result<Vec<&'l Cell>, Error> {
    match reference {
        Reference::Name(number) => Ok(vec![cell(line, *number)?]),
        Reference::Key(parts) => {
            let mut cells = Vec::new();
            for part in parts {
                match part {
                    KeyPart::Field(_, number) => cells.push(cell(line, *number)?),
                    KeyPart::One(_, inner) => cells.extend(cells_of(inner, line)?),
                }
            }
            Ok(cells)
        }
    }
}

/// What the file says about who and when, completed by the present author and time.
fn stamps_of([create_id, create_time, mod_id, mod_time]: [Option<Val>; 4], author: &Author) -> Option<(Stamp, Stamp)> {
    if [&create_id, &create_time, &mod_id, &mod_time].iter().all(|val| val.is_none()) {
        return None;
    }
    let stamp = |user: Option<Val>, at: Option<Val>| Stamp {
        user_name: match user {
            Some(Val::Text(Some(name))) => name,
            _ => author.user_name.clone(),
        },
        at: match at {
            Some(Val::I64(Some(at))) => at,
            _ => author.at,
        },
    };
    Some((stamp(create_id, create_time), stamp(mod_id, mod_time)))
}
