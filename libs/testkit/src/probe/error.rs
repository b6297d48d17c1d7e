//! What the probe refuses, and the only mapping to the wire.

use service_kit::{Code, DbError, Problem};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("a name has 1 to 255 bytes and no control characters")]
    BadName,
    #[error("there is a thing with this name already")]
    NameTaken,
    #[error("there is no thing {0}")]
    NoSuchThing(i64),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let text = e.to_string();
        match e {
            Error::BadName => Self::new(Code::Validation, "probe/bad-name", text),
            Error::NameTaken => Self::new(Code::Conflict, "probe/name-taken", text),
            Error::NoSuchThing(_) => Self::new(Code::NotFound, "probe/no-such-thing", text),
            Error::Database(e) => e.into(),
        }
    }
}
