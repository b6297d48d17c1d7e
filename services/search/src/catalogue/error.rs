//! Why rows of the catalogue cannot be read now.

use icat_client::IcatError;
use service_kit::{DbError, Problem};
use thiserror::Error;

use crate::domain::change_request::RequestError;
use crate::error::Error;

#[derive(Debug, Error)]
pub enum FeedError {
    #[error("the catalogue cannot be read")]
    Catalogue(#[from] IcatError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Index(#[from] Error),
    #[error(transparent)]
    Search(#[from] Problem),
    #[error("rows of the catalogue are no documents")]
    Rows(#[from] RequestError),
}
