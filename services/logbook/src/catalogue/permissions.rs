//! Who may read and write which logbook.

use identity::{Caller, Permission};
use service_kit::{Code, Problem};

use crate::catalogue::investigation_assignment;
use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::error::Error;
use crate::state::State;
use crate::store::entries;
use crate::store::entries::Scope;

/// Of API keys that write.
pub const WRITE: &str = "logbook:write";
/// Of API keys that read.
pub const READ: &str = "logbook:read";

/// Members, instrument scientists and everybody once it is released; for an instrument its scientists; for the facility
/// whoever has logged in. Administrators may read everything.
pub async fn read(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    match book {
        Book::Investigation(id) => {
            if is_administrator(state, caller).await? {
                return Ok(());
            }
            state.identity.require_permission(caller, Permission::ReadLogbook(*id)).await
        }
        Book::Instrument(name) => {
            let id = instrument(state, caller, name).await?;
            state.identity.require_permission(caller, Permission::ReadInstrumentLogbook(id)).await
        }
        Book::Facility => caller.require_scope(READ),
        Book::Unplaced => administer(state, caller).await,
    }
}

/// The logbooks that somebody may read.
pub struct Readable {
    /// `None`: all.
    pub books: Option<Vec<Book>>,
    /// False if there are more than are listed.
    pub complete: bool,
}

/// Without a question for each: what [`read`] allows, as far as the reader account can tell.
pub async fn readable(state: &State, caller: &Caller) -> Result<Readable, Problem> {
    caller.require_scope(READ)?;
    if is_administrator(state, caller).await? {
        return Ok(Readable { books: None, complete: true });
    }
    let visible = state.identity.find_visible_investigations(caller.subject()).await?;
    let mut books: Vec<Book> = visible.investigations.iter().copied().map(Book::Investigation).collect();
    books.extend(visible.instruments.iter().map(|name| Book::of(None, Some(name))));
    books.push(Book::Facility);
    Ok(Readable { books: Some(books), complete: visible.complete })
}

/// The same while it is under embargo; afterwards it is closed to people, and says so to whoever may read it. The facility's
/// own is for administrators.
pub async fn write(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    if !caller.instruments().is_empty() {
        require_own_instrument(state, caller, book).await?;
    }
    match book {
        Book::Investigation(id) => {
            let decision = state.identity.check_permission(caller, Permission::WriteLogbook(*id)).await?;
            let closed = investigation_assignment::released(state, Some(caller), &[*id]).await?.contains(id);
            // Who may read it is told that it is closed, also with a key that was made for writing alone.
            let has_key = [READ, WRITE].iter().any(|scope| caller.require_scope(scope).is_ok());
            let readable = match caller.session() {
                Some(_) => state.identity.check_permission(caller, Permission::ReadLogbook(*id)).await?.allowed,
                None => {
                    has_key
                        && state
                            .identity
                            .check_permission_of_subject(caller.subject(), Permission::ReadLogbook(*id))
                            .await?
                            .allowed
                }
            };
            let readable = readable || decision.allowed;
            match (decision.allowed, closed, readable) {
                (_, true, true) => Err(Error::Closed(*id).into()),
                (true, ..) => Ok(()),
                (false, ..) => Err(Error::Forbidden(format!("not allowed: {}", decision.rule)).into()),
            }
        }
        Book::Instrument(name) => {
            let id = instrument(state, caller, name).await?;
            state.identity.require_permission(caller, Permission::WriteInstrumentLogbook(id)).await
        }
        Book::Facility | Book::Unplaced => administer(state, caller).await,
    }
}

/// Refuses a key for some instruments what is not theirs.
pub async fn require_own_instrument(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    match book {
        Book::Investigation(id) => {
            require_one_of(caller, *id, &investigation_assignment::instruments_of(state, *id).await?)
        }
        Book::Instrument(name) => caller.require_instrument(Some(name)),
        Book::Facility | Book::Unplaced => caller.require_instrument(None),
    }
}

/// The same for an investigation whose instruments are known.
pub fn require_one_of(caller: &Caller, investigation: i64, instruments: &[String]) -> Result<(), Problem> {
    if instruments.iter().any(|name| caller.may_write_for_instrument(name)) {
        return Ok(());
    }
    let only = caller.instruments().join(", ");
    let text = format!("this API key may only write for {only}; investigation {investigation} is not there");
    Err(Error::Forbidden(text).into())
}

/// Among the logbooks that have entries of an instrument, the numbers of those that are closed: what is done with all of its
/// entries leaves these as they are.
pub async fn closed_among(state: &State, caller: &Caller, scope: &Scope, filter: &Filter) -> Result<Vec<i64>, Problem> {
    let books = entries::books(&mut state.db.read().await?, scope, filter).await?;
    let of_investigations: Vec<(i64, i64)> =
        books.iter().filter_map(|(id, name)| Some((*id, Book::investigation(name)?))).collect();
    let mut closed = Vec::new();
    for part in of_investigations.chunks(100) {
        let ids: Vec<i64> = part.iter().map(|(_, investigation)| *investigation).collect();
        let released = investigation_assignment::released(state, Some(caller), &ids).await?;
        closed.extend(part.iter().filter(|(_, investigation)| released.contains(investigation)).map(|(id, _)| *id));
    }
    Ok(closed)
}

/// Everything that ever happened, also what was removed: whoever could restore it, and afterwards administrators.
pub async fn history(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    caller.require_scope(READ)?;
    match book {
        Book::Investigation(id) => state.identity.require_permission(caller, Permission::WriteLogbook(*id)).await,
        book => write(state, caller, book).await,
    }
}

pub async fn administer(state: &State, caller: &Caller) -> Result<(), Problem> {
    state.identity.require_permission(caller, Permission::Administer).await
}

async fn is_administrator(state: &State, caller: &Caller) -> Result<bool, Problem> {
    Ok(state.identity.check_permission(caller, Permission::Administer).await?.allowed)
}

/// A program that writes.
pub fn program(caller: &Caller) -> Result<(), Problem> {
    if !caller.is_program() {
        let text = "this address is for programs with an API key";
        return Err(Problem::new(Code::Forbidden, "logbook/no-api-key", text));
    }
    caller.require_scope(WRITE)
}

/// Settings of a portal are people's.
pub fn person(caller: &Caller) -> Result<(), Problem> {
    if caller.is_program() {
        return Err(
            Error::Forbidden("settings are people's: come with a session, not with an API key".to_owned()).into()
        );
    }
    Ok(())
}

async fn instrument(state: &State, caller: &Caller, name: &str) -> Result<i64, Problem> {
    let session = caller.session().map(identity::Session::expose);
    let found = investigation_assignment::instrument(state, session, name).await.map_err(|e| {
        Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not answer; try again later")
            .with_retry_after(10)
            .with_source(e)
    })?;
    found.ok_or_else(|| Error::Forbidden(format!("not allowed: there is no instrument {name}")).into())
}
