//! Who may read and write which logbook. A permission is a type that only this module makes: what needs the permission takes
//! it as an argument, so that a forgotten check does not compile.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use identity::{Caller, Identity, Permission};
use service_kit::{Code, Problem, Secret};

use crate::catalogue::instruments::Instruments;
use crate::catalogue::visits::Visits;
use crate::domain::logbook::Logbook;
use crate::domain::logbook_set::LogbookSet;
use crate::error::Error;

/// The scope of API keys that write.
pub const WRITE: &str = "logbook:write";
/// The scope of API keys that read.
pub const READ: &str = "logbook:read";

/// A logbook that the caller may read.
#[derive(Debug, Clone)]
pub struct ReadableLogbook(Logbook);

/// A logbook that the caller may write.
#[derive(Debug, Clone)]
pub struct WritableLogbook(Logbook);

/// A logbook whose whole history the caller may read, also entries that were removed.
#[derive(Debug, Clone)]
pub struct ReadableHistory(Logbook);

/// Proof that the caller is an administrator.
#[derive(Debug, Clone, Copy)]
pub struct Administrator(());

/// A caller with an API key that may write.
#[derive(Debug, Clone, Copy)]
pub struct ProgramCaller<'c>(&'c Caller);

/// A caller with a session.
#[derive(Debug, Clone, Copy)]
pub struct PersonCaller<'c>(&'c Caller);

/// The logbooks that somebody may read.
pub enum ReadableLogbooks {
    All,
    /// Not `complete` if there are more than the set contains.
    Set {
        logbooks: LogbookSet,
        complete: bool,
    },
}

/// Checks permissions.
pub struct Permissions {
    identity: Identity,
    visits: Arc<Visits>,
    instruments: Arc<Instruments>,
}

impl Permissions {
    pub fn new(identity: Identity, visits: Arc<Visits>, instruments: Arc<Instruments>) -> Self {
        Self { identity, visits, instruments }
    }

    /// Members, instrument scientists and, once it is released, everybody may read an investigation's logbook; its scientists
    /// that of an instrument; whoever has logged in that of the facility. Administrators may read everything.
    pub async fn require_read(&self, caller: &Caller, logbook: &Logbook) -> Result<ReadableLogbook, Problem> {
        match logbook {
            Logbook::Investigation(id) => {
                let either = [Permission::Administer, Permission::ReadLogbook(*id)];
                self.identity.require_any_permission(caller, &either).await?;
            }
            Logbook::Instrument(name) => {
                let id = self.find_instrument_id(caller, name).await?;
                self.identity.require_permission(caller, Permission::ReadInstrumentLogbook(id)).await?;
            }
            Logbook::Facility => caller.require_scope(READ)?,
            Logbook::Unassigned => drop(self.require_administrator(caller).await?),
        }
        Ok(ReadableLogbook(logbook.clone()))
    }

    /// What [`Self::require_read`] allows, without a query for each logbook.
    pub async fn list_readable(&self, caller: &Caller) -> Result<ReadableLogbooks, Problem> {
        caller.require_scope(READ)?;
        if self.is_administrator(caller).await? {
            return Ok(ReadableLogbooks::All);
        }
        let visible = self.identity.find_visible_investigations(caller).await?;
        let mut instruments = BTreeSet::new();
        for (id, name) in &*self.identity.list_instruments_of_scientist(caller).await? {
            let Logbook::Instrument(name) = Logbook::from_ids(None, Some(name)) else { continue };
            // Several instruments may have names that are the same logbook, of which only one counts.
            if self.find_instrument(caller, &name).await? == Some(*id) {
                instruments.insert(name);
            }
        }
        let logbooks = LogbookSet { investigations: visible.investigations, instruments: Arc::new(instruments) };
        Ok(ReadableLogbooks::Set { logbooks, complete: visible.complete })
    }

    /// Who may write a logbook under embargo; afterwards it is closed to people, and those who may read it are told so. The
    /// facility's logbook is written by administrators.
    pub async fn require_write(&self, caller: &Caller, logbook: &Logbook) -> Result<WritableLogbook, Problem> {
        if !caller.instruments().is_empty() {
            self.require_own_instrument(caller, logbook).await?;
        }
        match logbook {
            Logbook::Investigation(id) => self.require_write_investigation(caller, *id).await?,
            Logbook::Instrument(name) => {
                let id = self.find_instrument_id(caller, name).await?;
                self.identity.require_permission(caller, Permission::WriteInstrumentLogbook(id)).await?;
            }
            Logbook::Facility | Logbook::Unassigned => drop(self.require_administrator(caller).await?),
        }
        Ok(WritableLogbook(logbook.clone()))
    }

    async fn require_write_investigation(&self, caller: &Caller, id: i64) -> Result<(), Problem> {
        let decision = self.identity.check_permission(caller, Permission::WriteLogbook(id)).await?;
        let is_closed = self.visits.find_released(Some(caller), &[id]).await?.contains(&id);
        // Callers who may read the logbook are told that it is closed, also those whose key has only the scope for writing.
        let has_key = [READ, WRITE].iter().any(|scope| caller.require_scope(scope).is_ok());
        let may_read = match caller.session() {
            Some(_) => self.identity.check_permission(caller, Permission::ReadLogbook(id)).await?.allowed,
            None => {
                has_key
                    && self
                        .identity
                        .check_permission_of_subject(caller.subject(), Permission::ReadLogbook(id))
                        .await?
                        .allowed
            }
        };
        match (decision.allowed, is_closed, may_read || decision.allowed) {
            (_, true, true) => Err(Error::Closed(id).into()),
            (true, ..) => Ok(()),
            (false, ..) => decision.require_allowed_or(|rule| Error::Forbidden(format!("not allowed: {rule}")).into()),
        }
    }

    /// Everything that ever happened, also what was removed, is for those who could restore it, and after the release for
    /// administrators.
    pub async fn require_history(&self, caller: &Caller, logbook: &Logbook) -> Result<ReadableHistory, Problem> {
        caller.require_scope(READ)?;
        match logbook {
            Logbook::Investigation(id) => {
                self.identity.require_permission(caller, Permission::WriteLogbook(*id)).await?;
            }
            logbook => drop(self.require_write(caller, logbook).await?),
        }
        Ok(ReadableHistory(logbook.clone()))
    }

    pub async fn require_administrator(&self, caller: &Caller) -> Result<Administrator, Problem> {
        self.identity.require_permission(caller, Permission::Administer).await?;
        Ok(Administrator(()))
    }

    async fn is_administrator(&self, caller: &Caller) -> Result<bool, Problem> {
        Ok(self.identity.check_permission(caller, Permission::Administer).await?.allowed)
    }

    /// Refuses what a key for some instruments may not write.
    pub async fn require_own_instrument(&self, caller: &Caller, logbook: &Logbook) -> Result<(), Problem> {
        match logbook {
            Logbook::Investigation(id) => {
                require_any_instrument(caller, *id, &self.instruments.list_of_investigation(*id).await?)
            }
            Logbook::Instrument(name) => caller.require_instrument(Some(name)),
            Logbook::Facility | Logbook::Unassigned => caller.require_instrument(None),
        }
    }

    async fn find_instrument_id(&self, caller: &Caller, name: &str) -> Result<i64, Problem> {
        let found = self.find_instrument(caller, name).await?;
        found.ok_or_else(|| Error::Forbidden(format!("not allowed: there is no instrument {name}")).into())
    }

    async fn find_instrument(&self, caller: &Caller, name: &str) -> Result<Option<i64>, Problem> {
        let session = caller.session().map(Secret::expose);
        self.instruments.find_id(session, name).await.map_err(|e| {
            Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not answer; try again later")
                .with_retry_after(10)
                .with_source(e)
        })
    }
}

/// A program that writes.
pub fn require_program(caller: &Caller) -> Result<ProgramCaller<'_>, Problem> {
    if !caller.is_program() {
        let text = "this address is for programs with an API key";
        return Err(Problem::new(Code::Forbidden, "logbook/no-api-key", text));
    }
    caller.require_scope(WRITE)?;
    Ok(ProgramCaller(caller))
}

/// Settings of a portal belong to people.
pub fn require_person(caller: &Caller) -> Result<PersonCaller<'_>, Problem> {
    if caller.is_program() {
        let text = "settings are people's: come with a session, not with an API key";
        return Err(Error::Forbidden(text.to_owned()).into());
    }
    Ok(PersonCaller(caller))
}

/// Refuses a key for some instruments if the investigation is at none of them.
pub fn require_any_instrument(caller: &Caller, investigation: i64, instruments: &[String]) -> Result<(), Problem> {
    if instruments.iter().any(|name| caller.may_write_for_instrument(name)) {
        return Ok(());
    }
    let only = caller.instruments().join(", ");
    let text = format!("this API key may only write for {only}; investigation {investigation} is not there");
    Err(Error::Forbidden(text).into())
}

impl Deref for ReadableLogbook {
    type Target = Logbook;

    fn deref(&self) -> &Logbook {
        &self.0
    }
}

impl Deref for WritableLogbook {
    type Target = Logbook;

    fn deref(&self) -> &Logbook {
        &self.0
    }
}

impl Deref for ReadableHistory {
    type Target = Logbook;

    fn deref(&self) -> &Logbook {
        &self.0
    }
}

impl Deref for ProgramCaller<'_> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        self.0
    }
}

impl Deref for PersonCaller<'_> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        self.0
    }
}
