//! Errors of accounts as errors of commands.

use auth::{AccountError, AdministrationError, LinkError};
use service_kit::cli::Failure;

pub fn to_failure(e: AccountError) -> Failure {
    match e {
        AccountError::Invalid(text) => Failure::Usage(text),
        AccountError::Setup(e) => e.into(),
        other => Failure::from_error(&other),
    }
}

pub fn from_administration_error(e: AdministrationError) -> Failure {
    match e {
        AdministrationError::Setup(e) => e.into(),
        AdministrationError::UnknownProvider(_)
        | AdministrationError::Link(LinkError::BadUserName(_) | LinkError::RootName(_)) => {
            Failure::Usage(e.to_string())
        }
        other => Failure::from_error(&other),
    }
}
