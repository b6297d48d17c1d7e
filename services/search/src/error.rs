//! What the search refuses, and the only mapping to the wire.

use service_kit::{Code, DbError, Problem};
use thiserror::Error;

use crate::domain::change_request::RequestError;

#[derive(Debug, Error)]
pub enum Error {
    /// A mistake in a query, with a text for the user.
    #[error("{0}")]
    Query(String),
    #[error("{0}")]
    TimedOut(String),
    #[error("{0}")]
    Conflict(String),
    #[error("the body of the request cannot be read: {0}")]
    Body(String),
    #[error("the body of the request has more than {0} bytes")]
    TooLarge(usize),
    #[error("requests of this kind are not accepted from this address; see search.icat_server_addresses")]
    AddressRefused,
    #[error(
        "requests of this kind need the secret in search.icat_server_secret, as Authorization: Bearer, or as the password of Basic"
    )]
    SecretRefused,
    #[error("an icat.server fills this index; send the request to it")]
    FilledByIcatServer,
    #[error("population of {0} already requested")]
    AlreadyRequested(String),
    #[error("files cannot be downloaded here: no download service is known; see search.download_url")]
    NoDownloads,
    #[error("another process writes the search index now")]
    LeaseLost,
    #[error("the search index is being opened; try again in a few seconds")]
    NotOpen,
    #[error("the search index cannot be written at the moment; the changes are stored, and are searchable later")]
    NotWritten,
    #[error(
        "the changes in the database of the search belong to another index: each facility needs a database of its own; if this is the \
         right database, delete search.index_dir, or in OpenSearch the indices whose names begin with \
         search.opensearch_index_prefix, and populate the index again"
    )]
    OtherIndex,
    #[error("the pages of this search have ended because the search engine was restarted; start the search again")]
    PointInTimeEnded,
    /// Why is only for the log.
    #[error("the search engine does not answer; try again in a few seconds")]
    EngineUnavailable(String),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Index(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A search that took too long, for users: it is no fault of their request, which may be faster later. icat.server calls it INTERNAL,
/// and `DataGateway` shows a hint for its text.
pub fn report_timeout(problem: Problem) -> Problem {
    match problem.code {
        Code::Timeout => Problem::new(Code::Unavailable, "search/timed-out", problem.detail),
        _ => problem,
    }
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let text = e.to_string();
        match e {
            Error::Query(_) => Self::new(Code::BadRequest, "search/query", text),
            Error::Body(_) => Self::new(Code::BadRequest, "search/body", text),
            Error::Request(_) => Self::new(Code::BadRequest, "search/request", text),
            Error::TimedOut(_) => Self::new(Code::Timeout, "search/timed-out", text),
            Error::Conflict(_) => Self::new(Code::Conflict, "search/locked", text),
            Error::TooLarge(_) => Self::new(Code::TooLarge, "search/too-large", text),
            Error::AddressRefused => Self::new(Code::Forbidden, "search/address-refused", text),
            Error::SecretRefused => {
                let refused = Self::new(Code::Unauthenticated, "search/secret-refused", text);
                // Clients with a password in their URL send it after such a challenge only.
                refused.with_header("www-authenticate", "Basic realm=\"icat.lucene\"")
            }
            Error::NoDownloads => Self::new(Code::NotFound, "search/no-downloads", text),
            Error::FilledByIcatServer => Self::new(Code::NotImplemented, "search/filled-by-icat-server", text),
            Error::AlreadyRequested(_) => Self::new(Code::Conflict, "search/already-requested", text),
            Error::OtherIndex | Error::LeaseLost => Self::internal(text),
            Error::NotWritten => Self::new(Code::Unavailable, "search/not-written", text).with_retry_after(30),
            Error::PointInTimeEnded => Self::new(Code::Conflict, "search/point-in-time-ended", text),
            Error::EngineUnavailable(reason) => {
                Self::new(Code::Unavailable, "search/engine-unavailable", text).with_source(reason).with_retry_after(5)
            }
            Error::NotOpen => Self::new(Code::Unavailable, "search/not-open", text).with_retry_after(1),
            Error::Index(e) => Self::internal(e),
            Error::Database(e) => e.into(),
        }
    }
}
