//! How commands fail: 1 failed, 2 usage, 3 configuration.

use thiserror::Error;

use crate::config::ConfigError;
use crate::db::DbError;
use crate::serve::ServeError;
use crate::service_def::BuildError;

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Config(#[from] ConfigError),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Config(_) => 3,
        }
    }

    /// Any other error, with its causes.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        Self::Failed(crate::problem::format_error_chain(error))
    }
}

impl From<BuildError> for Failure {
    fn from(e: BuildError) -> Self {
        match e {
            BuildError::Config(e) => Self::Config(e),
            BuildError::Database(DbError::Setup(text)) => Self::Config(ConfigError(text)),
            e => Self::from_error(&e),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(e: ServeError) -> Self {
        match e {
            ServeError::Config(e) => Self::Config(e),
            ServeError::Build { service, source } => match Self::from(source) {
                Self::Config(ConfigError(text)) => Self::Config(ConfigError(format!("service {service}: {text}"))),
                failure => failure,
            },
            e => Self::from_error(&e),
        }
    }
}
