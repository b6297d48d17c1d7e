//! Errors of accounts as errors of commands.

use auth::AccountError;
use service_kit::cli::Failure;

pub fn to_failure(e: AccountError) -> Failure {
    match e {
        AccountError::Invalid(text) => Failure::Usage(text),
        AccountError::Setup(e) => e.into(),
        other => Failure::from_error(&other),
    }
}
