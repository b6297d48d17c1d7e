//! Who may read and write which logbook.

use identity::{Ask, Caller};
use service_kit::{Code, Problem};

use crate::bindings;
use crate::domain::book::Book;
use crate::error::Error;
use crate::state::State;

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
            state.identity.require(caller, Ask::ReadInvestigation(*id)).await
        }
        Book::Instrument(name) => {
            let id = instrument(state, caller, name).await?;
            state.identity.require(caller, Ask::ReadInstrumentLogbook(id)).await
        }
        Book::Facility => caller.require_scope(READ),
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
    if is_administrator(state, caller).await? {
        return Ok(Readable { books: None, complete: true });
    }
    let visible = state.identity.visible_to(caller).await?;
    let mut books: Vec<Book> = visible.investigations.iter().copied().map(Book::Investigation).collect();
    books.extend(visible.instruments.iter().map(|name| Book::of(None, Some(name))));
    if caller.require_scope(READ).is_ok() {
        books.push(Book::Facility);
    }
    Ok(Readable { books: Some(books), complete: visible.complete })
}

/// The same while it is under embargo; afterwards it is closed to people, and says so to whoever may read it. The facility's
/// own is for administrators.
pub async fn write(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    match book {
        Book::Investigation(id) => {
            let decision = state.identity.explain(caller, Ask::WriteLogbook(*id)).await?;
            let closed = bindings::bind_to(state, *id).await == bindings::Bound::Late;
            let readable =
                decision.allowed || state.identity.explain(caller, Ask::ReadInvestigation(*id)).await?.allowed;
            match (decision.allowed, closed, readable) {
                (_, true, true) => Err(Error::Closed(*id).into()),
                (true, ..) => Ok(()),
                (false, ..) => Err(Error::Forbidden(format!("not allowed: {}", decision.rule)).into()),
            }
        }
        Book::Instrument(name) => {
            let id = instrument(state, caller, name).await?;
            state.identity.require(caller, Ask::WriteInstrumentLogbook(id)).await
        }
        Book::Facility => administer(state, caller).await,
    }
}

/// Everything that ever happened, also what was removed: whoever could restore it, and afterwards administrators.
pub async fn history(state: &State, caller: &Caller, book: &Book) -> Result<(), Problem> {
    match book {
        Book::Investigation(id) => state.identity.require(caller, Ask::WriteLogbook(*id)).await,
        book => write(state, caller, book).await,
    }
}

pub async fn administer(state: &State, caller: &Caller) -> Result<(), Problem> {
    state.identity.require(caller, Ask::Administer).await
}

async fn is_administrator(state: &State, caller: &Caller) -> Result<bool, Problem> {
    Ok(state.identity.explain(caller, Ask::Administer).await?.allowed)
}

/// A program that writes.
pub fn program(caller: &Caller) -> Result<(), Problem> {
    if !caller.is_program() {
        let text = "this address is for programs with an API key";
        return Err(Problem::new(Code::Forbidden, "logbook/no-api-key", text));
    }
    caller.require_scope(WRITE)
}

async fn instrument(state: &State, caller: &Caller, name: &str) -> Result<i64, Problem> {
    let session = caller.session().map(identity::Session::expose);
    let found = bindings::instrument(state, session, name).await.map_err(|e| {
        Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not answer; try again later")
            .with_retry_after(10)
            .with_source(e)
    })?;
    found.ok_or_else(|| Error::Forbidden(format!("not allowed: there is no instrument {name}")).into())
}
