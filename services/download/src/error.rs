//! What downloads refuse, and the only mapping to the wire.

use std::io;

use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem};

use crate::manifest::Missing;
use crate::storage::describe_failure;

pub fn bad_request(text: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, "download/bad-request", text)
}

pub fn not_found(text: impl Into<String>) -> Problem {
    Problem::new(Code::NotFound, "download/not-found", text)
}

/// Switched off, or nothing that a store without an archive can do; the texts are those of ids.server.
pub fn not_implemented(text: &str) -> Problem {
    Problem::new(Code::NotImplemented, "download/not-implemented", text)
}

pub const SWITCHED_OFF: &str = "This operation has been configured to be unavailable";
pub const SINGLE_LEVEL: &str = "This operation is unavailable for single level storage";

pub fn no_storage() -> Problem {
    Problem::new(Code::Internal, "download/no-storage", "no storage is configured for downloads")
}

/// What was prepared is not there any more; going on with it would join two generations.
pub fn changed(datafile: i64) -> Problem {
    let text = format!(
        "The file of Datafile[id:{datafile}] has changed since this selection was prepared; prepare it again and start over"
    );
    Problem::new(Code::NotFound, "download/changed", text)
}

pub const NO_LOCATION: &str = "download/no-location";

/// A datafile alone that has no file; the text is that of ids.server.
pub fn no_location(datafile: i64) -> Problem {
    Problem::new(Code::NotFound, NO_LOCATION, format!("Datafile {datafile}"))
}

/// Files that are named; the rest is a number.
const MOST_NAMED: usize = 10;

/// Of a selection of `total` files some cannot be had.
pub fn missing_files(missing: &[Missing], total: usize) -> Problem {
    let named = |file: &Missing| format!("{} (Datafile[id:{}]: {})", file.name, file.datafile, file.reason);
    let list: Vec<String> = missing.iter().take(MOST_NAMED).map(named).collect();
    let list = list.join(", ");
    let further = match missing.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    tracing::warn!(files.missing = missing.len(), files.total = total, files = list, "files cannot be read");
    let text = match (missing, total) {
        ([file], 1) => format!("The file of Datafile[id:{}] is not available: {}", file.datafile, file.reason),
        _ => format!("{} of the {total} files of this selection cannot be read: {list}{further}", missing.len()),
    };
    Problem::new(Code::NotFound, "download/not-available", text)
}

/// A datafile without a file behind it; what the system says is for the log.
pub fn not_available(datafile: i64, why: io::Error) -> Problem {
    tracing::warn!(datafile.id = datafile, error = %why, "the file of a datafile cannot be read");
    let text = format!("The file of Datafile[id:{datafile}] is not available: {}", describe_failure(&why));
    Problem::new(Code::NotFound, "download/not-available", text).with_source(why)
}

/// What ICAT says to a new row: where the row is at fault, the caller who described it is.
pub fn of_icat_about_row(e: IcatError) -> Problem {
    match e {
        IcatError::Refused {
            code: IcatCode::ObjectAlreadyExists | IcatCode::Validation | IcatCode::BadParameter,
            message,
        } => bad_request(message),
        e => of_icat(e),
    }
}

/// Whether a write may be stored although it failed: there was no answer, or the catalogue failed in the middle of it. What it
/// refuses with a reason is not, nor what it never heard of.
pub fn may_be_done(e: &IcatError) -> bool {
    match e {
        IcatError::Refused { code, .. } => *code == IcatCode::Internal,
        IcatError::Unavailable(e) => !e.is_connect(),
        IcatError::Nonsense(_) => true,
    }
}

/// The catalogue may have a datafile for an upload or not; nobody is asked to try again, for then there might be two.
pub fn outcome_unknown(e: IcatError) -> Problem {
    let text =
        "the catalogue failed while it stored the datafile, which may be stored or not; look before you send it again";
    Problem::new(Code::OutcomeUnknown, "download/outcome-unknown", text).with_source(e)
}

/// What ICAT's answer means here: a dead session is a 403 as in ids.server, ICAT being down a 503.
pub fn of_icat(e: IcatError) -> Problem {
    match e {
        IcatError::Refused { code: IcatCode::Session, message } => {
            Problem::new(Code::Unauthenticated, "download/session", message)
        }
        IcatError::Refused { code: IcatCode::InsufficientPrivileges, message } => {
            Problem::new(Code::Forbidden, "download/insufficient-privileges", message)
        }
        IcatError::Refused { code: IcatCode::NoSuchObjectFound, message } => {
            Problem::new(Code::NotFound, "download/not-found", message)
        }
        IcatError::Refused { code, message } => {
            Problem::internal(format!("ICAT refused a query of ours: {code:?} {message}"))
        }
        IcatError::Unavailable(_) => {
            Problem::new(Code::Unavailable, "download/icat-down", "ICAT does not answer; try again later")
                .with_retry_after(10)
                .with_source(e)
        }
        IcatError::Nonsense(_) => {
            Problem::new(Code::BadGateway, "download/icat-nonsense", "ICAT answered something unexpected")
                .with_source(e)
        }
    }
}
