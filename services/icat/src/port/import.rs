//! `POST /port`: the lines of a dump become rows. As in icat.server a line that cannot be stored ends the import, and what
//! stands before it stays stored; unlike there, lines are stored in batches.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::Attributes;
use super::batch::Batch;
use super::read::{self, Cell, Header};
use crate::auth;
use crate::error::Error;
use crate::state::State;
use crate::store::Author;
use crate::write::Permit;

/// Lines of one transaction.
const BATCH: usize = 500;
/// A line that is longer is refused.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// More references are forgotten and looked up again.
const MOST_REFERENCES: usize = 200_000;

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
pub struct Line {
    pub number: usize,
    pub cells: Vec<Cell>,
}

/// Takes a file piece by piece.
pub struct Importer {
    pub(super) state: Arc<State>,
    user_name: String,
    pub(super) duplicate: Duplicate,
    attributes: Attributes,
    /// What has come after the last end of a line.
    rest: Vec<u8>,
    lines_read: usize,
    has_version: bool,
    header: Option<Arc<Header>>,
    batch: Vec<Line>,
    /// Ids of rows that the file gives a name.
    pub(super) names: HashMap<(&'static str, String), i64>,
    /// Ids of stored rows by the values of their keys.
    pub(super) references: HashMap<String, i64>,
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
