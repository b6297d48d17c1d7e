//! What downloads refuse, and the only mapping to the wire.

use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem};

pub fn bad_request(text: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, "download/bad-request", text)
}

/// A datafile without a file behind it; why not is for the log.
pub fn not_available(datafile: i64, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    let why = why.into();
    tracing::warn!(datafile.id = datafile, error = %why, "the file of a datafile cannot be read");
    let text = format!("The file of Datafile[id:{datafile}] is not available");
    Problem::new(Code::NotFound, "download/not-available", text).with_source(why)
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
