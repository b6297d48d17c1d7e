//! The errors of downloads.

use std::io;

use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem};

use crate::domain::file_errors::describe_failure;
use crate::domain::invalid_parameter::InvalidParameter;
use crate::domain::manifest_entry::MissingFile;

pub fn bad_request(text: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, "download/bad-request", text)
}

impl From<InvalidParameter> for Problem {
    fn from(e: InvalidParameter) -> Self {
        bad_request(e.0)
    }
}

pub fn not_found(text: impl Into<String>) -> Problem {
    Problem::new(Code::NotFound, "download/not-found", text)
}

/// 501 with a text of ids.server: uploads are switched off, or the storage has no archive.
pub fn not_implemented(text: &str) -> Problem {
    Problem::new(Code::NotImplemented, "download/not-implemented", text)
}

pub const SWITCHED_OFF: &str = "This operation has been configured to be unavailable";
pub const SINGLE_LEVEL: &str = "This operation is unavailable for single level storage";

pub fn no_storage() -> Problem {
    Problem::new(Code::Internal, "download/no-storage", "no storage is configured for downloads")
}

/// A prepared file has changed. To continue the download would join bytes of two versions.
pub fn file_changed(datafile: i64) -> Problem {
    let text = format!(
        "The file of Datafile[id:{datafile}] has changed since this selection was prepared; prepare it again and start over"
    );
    Problem::new(Code::NotFound, "download/changed", text)
}

/// An unprepared file changes while it is sent.
pub fn file_changing(datafile: i64) -> Problem {
    let text = format!("The file of Datafile[id:{datafile}] changes at this moment; try again");
    Problem::new(Code::Unavailable, "download/changing", text).with_retry_after(2)
}

/// The checksums of an archive are being computed, which takes about `seconds`.
pub fn checksums_pending(seconds: u32) -> Problem {
    let text = "The checksums at the end of this archive are being computed; try again later, or ask for format=tar";
    Problem::new(Code::Unavailable, "download/hashing", text).with_retry_after(seconds)
}

/// A storage cannot be opened now; `cause` goes to the log only.
pub fn storage_unavailable(storage: &str, cause: String) -> Problem {
    let text = format!("the storage {storage} cannot be used now; try again later");
    Problem::new(Code::Unavailable, "download/storage-down", text).with_retry_after(10).with_source(cause)
}

/// The token of a signed URL is invalid or has expired.
pub fn bad_token() -> Problem {
    Problem::new(Code::Forbidden, "download/bad-token", "The link is invalid or has expired")
}

/// An upload sent no data for too long.
pub fn upload_stalled() -> Problem {
    Problem::new(Code::Timeout, "download/silent", "The upload stalled and timed out")
}

/// The investigation or facility of a dataset is not readable; the text is that of ids.server.
pub fn dataset_not_readable() -> Problem {
    let text = "READ access to the dataset's Investigation or Facility is not allowed.";
    Problem::new(Code::Forbidden, "download/insufficient-privileges", text)
}

pub const NO_LOCATION: &str = "download/no-location";

/// A single datafile without a location; the text is that of ids.server.
pub fn no_location(datafile: i64) -> Problem {
    Problem::new(Code::NotFound, NO_LOCATION, format!("Datafile {datafile}"))
}

/// How many missing files an error names; the others are counted.
const MAX_NAMED: usize = 10;

/// Files of a selection of `total` files are missing or cannot be read.
pub fn missing_files(missing: &[MissingFile], total: usize) -> Problem {
    let named = |file: &MissingFile| format!("{} (Datafile[id:{}]: {})", file.name, file.datafile, file.reason);
    let list: Vec<String> = missing.iter().take(MAX_NAMED).map(named).collect();
    let list = list.join(", ");
    let further = match missing.len().saturating_sub(MAX_NAMED) {
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

/// The file of a datafile cannot be read; the error of the operating system goes to the log only.
pub fn file_not_available(datafile: i64, why: io::Error) -> Problem {
    tracing::warn!(datafile.id = datafile, error = %why, "the file of a datafile cannot be read");
    let text = format!("The file of Datafile[id:{datafile}] is not available: {}", describe_failure(&why));
    Problem::new(Code::NotFound, "download/not-available", text).with_source(why)
}

/// An error of ICAT to a new datafile: an invalid row is the fault of the caller who described it.
pub fn from_icat_create_error(e: IcatError) -> Problem {
    match e {
        IcatError::Refused {
            code: IcatCode::ObjectAlreadyExists | IcatCode::Validation | IcatCode::BadParameter,
            message,
        } => bad_request(message),
        e => from_icat_error(e),
    }
}

/// Whether a write may have succeeded although it returned an error: there was no answer, or the catalogue failed in the
/// middle of it. A refusal and a failed connection mean that nothing was stored.
pub fn may_have_succeeded(e: &IcatError) -> bool {
    match e {
        IcatError::Refused { code, .. } => *code == IcatCode::Internal,
        IcatError::Unavailable(e) => !e.is_connect(),
        IcatError::Nonsense(_) => true,
    }
}

/// The catalogue may have stored the datafile of an upload. Without `Retry-After`, because a repetition could store two.
pub fn outcome_unknown(e: IcatError) -> Problem {
    let text =
        "the catalogue failed while it stored the datafile, which may be stored or not; look before you send it again";
    Problem::new(Code::OutcomeUnknown, "download/outcome-unknown", text).with_source(e)
}

/// An error of ICAT: an ended session is 403 as in ids.server, an unreachable ICAT 503.
pub fn from_icat_error(e: IcatError) -> Problem {
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
            Problem::internal(format!("ICAT refused a query of this service: {code:?} {message}"))
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
