//! Why the index cannot answer.

use service_kit::Problem;
use tantivy::TantivyError;

use crate::domain::deadline::TimedOut;
use crate::error::Error;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    #[error("the search index failed: {0}")]
    Engine(TantivyError),
    #[error("this pattern has too many wildcards; use fewer of them")]
    Pattern,
    #[error("this search has too many words for the search engine, with their synonyms; use fewer of them")]
    TooManyConditions,
    #[error("another process writes the search index now")]
    LeaseLost,
    #[error("the position after which the search goes on does not fit its order")]
    Position,
    #[error("the search engine does not answer: {0}")]
    Unavailable(String),
    #[error("the search engine refused a request: {0}")]
    Refused(String),
    #[error("the pages of this search have ended because the search engine was restarted; start the search again")]
    PointInTimeEnded,
    #[error("the indices of this cluster and prefix belong to another database, or to a later state of this one")]
    OtherDatabase,
    #[error("a row in the search index cannot be read: {0}")]
    Row(String),
}

impl From<TantivyError> for IndexError {
    fn from(error: TantivyError) -> Self {
        Self::Engine(error)
    }
}

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::TimedOut(e) => Self::TimedOut(e.to_string()),
            IndexError::Pattern | IndexError::TooManyConditions | IndexError::Position => {
                Self::Query(error.to_string())
            }
            IndexError::LeaseLost => Self::LeaseLost,
            IndexError::OtherDatabase => Self::OtherIndex,
            IndexError::PointInTimeEnded => Self::PointInTimeEnded,
            IndexError::Unavailable(reason) => Self::EngineUnavailable(reason),
            e => Self::Index(Box::new(e)),
        }
    }
}

impl From<IndexError> for Problem {
    fn from(e: IndexError) -> Self {
        Error::from(e).into()
    }
}
