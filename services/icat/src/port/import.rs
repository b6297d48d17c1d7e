//! `POST /port`: the lines of a dump become rows. As in icat.server a line that cannot be stored ends the import, and what
//! stands before it stays stored; unlike there, lines are stored in batches.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use icat_client::schema::{Entity, FieldKind};
use serde::Deserialize;
use service_kit::{Tx, Val};

use super::read::{self, Cell, Column, Header, KeyPart, Reference};
use super::{Attributes, stamps};
use crate::auth::{self, Operation};
use crate::error::Error;
use crate::state::State;
use crate::store::Author;
use crate::store::entities::{self, NewRow, Stamp, is_null, place};
use crate::write::{Permit, check};

/// Lines of one transaction.
const BATCH: usize = 500;
/// A line that is longer is refused.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// More references are forgotten and looked up again.
const MOST_REFERENCES: usize = 200_000;
/// Times that differ by less are the same, because databases round them.
const ONE_SECOND: i64 = 1_000_000;

/// What to do with a row whose key is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Duplicate {
    /// End the import.
    #[default]
    Throw,
    /// Leave the stored row as it is.
    Ignore,
    /// Leave it if all values are equal, else end the import.
    Check,
    /// Overwrite it.
    Overwrite,
}

/// The `json` of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportRequest {
    pub session_id: Option<String>,
    #[serde(default)]
    pub duplicate: Duplicate,
    attributes: Option<String>,
}

impl ImportRequest {
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|e| Error::BadParameter(format!("{e} in json {text}")))
    }

    pub fn attributes(&self) -> Result<Attributes, Error> {
        let refused = || Error::BadParameter("attributes must be USER or ALL".to_owned());
        Attributes::parse(self.attributes.as_deref()).ok_or_else(refused)
    }
}

/// One line of values and where it stands.
struct Line {
    number: usize,
    cells: Vec<Cell>,
}

/// A line with its references resolved.
struct Resolved {
    name: Option<String>,
    values: Vec<Val>,
    /// Members that the header names.
    named: Vec<usize>,
    stamps: Option<(Stamp, Stamp)>,
}

/// Takes a file piece by piece.
pub struct Importer {
    state: Arc<State>,
    user_name: String,
    duplicate: Duplicate,
    attributes: Attributes,
    /// What has come after the last end of a line.
    rest: Vec<u8>,
    lines_read: usize,
    has_version: bool,
    header: Option<Arc<Header>>,
    batch: Vec<Line>,
    /// Ids of rows that the file gives a name.
    names: HashMap<(&'static str, String), i64>,
    /// Ids of stored rows by the values of their keys.
    references: HashMap<String, i64>,
}

impl Importer {
    pub fn new(state: Arc<State>, user_name: String, duplicate: Duplicate, attributes: Attributes) -> Self {
        Self {
            state,
            user_name,
            duplicate,
            attributes,
            rest: Vec::new(),
            lines_read: 0,
            has_version: false,
            header: None,
            batch: Vec::new(),
            names: HashMap::new(),
            references: HashMap::new(),
        }
    }

    /// Takes the next piece of the file; whole lines of it are stored when enough have come.
    pub async fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.rest.extend_from_slice(piece);
        let complete = std::mem::take(&mut self.rest);
        let mut lines = complete.split(|byte| *byte == b'\n');
        self.rest = lines.next_back().unwrap_or_default().to_vec();
        for line in lines {
            self.line(line).await?;
        }
        if self.rest.len() > LONGEST_LINE {
            return Err(self.refused(&format!("a line is longer than {LONGEST_LINE} bytes")));
        }
        Ok(())
    }

    /// Stores what is left.
    pub async fn finish(mut self) -> Result<(), Error> {
        let last = std::mem::take(&mut self.rest);
        if !last.is_empty() {
            self.line(&last).await?;
        }
        self.flush().await
    }

    async fn line(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.lines_read += 1;
        let text = std::str::from_utf8(bytes).map_err(|_| self.refused("the file is not UTF-8"))?;
        let text = text.trim_end_matches('\r').trim();
        if text.starts_with('#') {
            return Ok(());
        }
        if text.is_empty() {
            self.flush().await?;
            self.header = None;
            return Ok(());
        }
        if !self.has_version {
            // icat.server writes 1.0 and reads any version with the same first number.
            if !text.starts_with("1.") {
                return Err(self.refused(&format!("the file begins with its version, 1.0, not with {text}")));
            }
            self.has_version = true;
            return Ok(());
        }
        if self.header.is_none() {
            let header = read::header(text, self.attributes).map_err(|e| self.refused(&e))?;
            self.header = Some(Arc::new(header));
            return Ok(());
        }
        let cells = read::cells(text).map_err(|e| self.refused(&e))?;
        self.batch.push(Line { number: self.lines_read, cells });
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    fn refused(&self, text: &str) -> Error {
        at_line(Error::BadParameter(text.to_owned()), self.lines_read)
    }

    /// Stores the batch at once if every line of it is new and allowed, else line by line up to the first that cannot be
    /// stored.
    async fn flush(&mut self) -> Result<(), Error> {
        let lines = std::mem::take(&mut self.batch);
        let Some(header) = self.header.clone().filter(|_| !lines.is_empty()) else { return Ok(()) };
        if self.references.len() > MOST_REFERENCES {
            self.references.clear();
        }
        if self.store(&header, &lines, true).await.is_ok() {
            return Ok(());
        }
        match self.store(&header, &lines, false).await {
            Ok(()) => Ok(()),
            Err((done, e)) => {
                self.store(&header, &lines[..done], false).await.map_err(|(_, e)| e)?;
                Err(e)
            }
        }
    }

    /// One transaction. In case of failure: how many lines were good, and what is wrong with the next.
    async fn store(&mut self, header: &Arc<Header>, lines: &[Line], at_once: bool) -> Result<(), (usize, Error)> {
        let author = Author::new(self.user_name.clone(), self.state.clock.now_micros());
        let state = Arc::clone(&self.state);
        let (names, references) = (self.names.clone(), self.references.clone());
        let mut done = 0;
        let stored = author
            .transaction(&state.db, &state.outbox, async |tx| {
                done = 0;
                self.names.clone_from(&names);
                let rights = auth::rights(&state, tx, author.user_name.clone()).await?;
                let permit = Permit { rights: &rights, env: crate::read::env(&state, &rights, tx.engine()) };
                let mut batch = Batch { importer: self, tx, author: &author, header, permit };
                if at_once {
                    return batch.at_once(lines).await;
                }
                for line in lines {
                    batch.one(line).await.map_err(|e| at_line(e, line.number))?;
                    done += 1;
                }
                Ok(())
            })
            .await;
        if stored.is_err() {
            // What was looked up in a transaction that is undone may not be there.
            self.names = names;
            self.references = references;
        }
        stored.map_err(|e| (done, e))
    }
}

/// The words of icat.server.
fn at_line(e: Error, number: usize) -> Error {
    let named = |text: String| format!("{text} at line {number}");
    let e = match e {
        Error::BadParameter(text) => Error::BadParameter(named(text)),
        Error::Forbidden(text) => Error::Forbidden(named(text)),
        Error::NotFound(text) => Error::NotFound(named(text)),
        Error::Exists(text) => Error::Exists(named(text)),
        Error::Validation(text) => Error::Validation(named(text)),
        other => other,
    };
    e.at(number)
}

/// Lines of one kind within one transaction.
struct Batch<'b> {
    importer: &'b mut Importer,
    tx: &'b mut Tx,
    author: &'b Author,
    header: &'b Header,
    permit: Permit<'b>,
}

type Finding<'f> = Pin<Box<dyn Future<Output = Result<Option<i64>, Error>> + Send + 'f>>;

impl Batch<'_> {
    /// Creates all lines; fails if one of them is not new, without saying which.
    async fn at_once(&mut self, lines: &[Line]) -> Result<(), Error> {
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
        if entities::insert_new(self.tx, entity, &rows, self.author).await? < rows.len() {
            return Err(Error::Exists("a row is stored already".to_owned()));
        }
        for (id, (created, modified)) in restamped {
            entities::restamp(self.tx, entity, id, &created, &modified).await?;
        }
        self.permit.require(self.tx, Operation::Create, entity, &ids).await
    }

    async fn one(&mut self, line: &Line) -> Result<(), Error> {
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
