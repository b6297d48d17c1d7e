//! Local accounts: names, passwords, administration and logins.

mod administration;
mod imported_hash;
mod login;
mod password;

use std::fmt;

use service_kit::{BuildError, DbError};
use thiserror::Error;

pub use self::administration::{Account, Accounts, ImportedPassword};
pub use self::login::{LocalLogins, LoginAttempt};
pub use self::password::PasswordPolicy;
pub(crate) use self::password::verify_password;

const MAX_NAME_BYTES: usize = 200;

/// A local account: `db/alice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName {
    pub mechanism: String,
    pub name: String,
}

/// Why an account cannot be created or changed.
#[derive(Debug, Error)]
pub enum AccountError {
    #[error("{0}")]
    Invalid(String),
    #[error("there is no account {0}")]
    Unknown(AccountName),
    #[error("there is an account {0} already")]
    Exists(AccountName),
    #[error("hashing failed: {0}")]
    Hash(argon2::password_hash::Error),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Setup(#[from] BuildError),
}

impl AccountName {
    /// Reads `MECHANISM/NAME`; the mechanism must be one of those kept here.
    pub fn parse(text: &str, mechanisms: &[String]) -> Result<Self, AccountError> {
        let known = mechanisms.join(", ");
        let (mechanism, name) = text.split_once('/').ok_or_else(|| {
            AccountError::Invalid(format!("`{text}` lacks its mechanism; write it like db/alice (mechanisms: {known})"))
        })?;
        if !mechanisms.iter().any(|m| m == mechanism) {
            return Err(AccountError::Invalid(format!(
                "`{mechanism}` is not a mechanism with local accounts; auth.local_mechanisms lists {known}"
            )));
        }
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('/') || name.chars().any(char::is_control) {
            return Err(AccountError::Invalid(format!(
                "a user name has 1 to {MAX_NAME_BYTES} bytes, no slash and no control characters"
            )));
        }
        Ok(Self { mechanism: mechanism.to_owned(), name: name.to_owned() })
    }
}

/// As ICAT names the user: `db/alice`.
impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mechanism, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_a_known_mechanism() {
        let mechanisms = ["db".to_owned(), "simple".to_owned()];
        let parse = |text: &str| AccountName::parse(text, &mechanisms);
        assert_eq!(parse("db/alice").unwrap(), AccountName { mechanism: "db".into(), name: "alice".into() });
        assert_eq!(parse("db/alice").unwrap().to_string(), "db/alice");
        for refused in ["alice", "ldap/alice", "db/", "db/a/b", "db/a\0b", &format!("db/{}", "x".repeat(201))] {
            assert!(parse(refused).is_err(), "{refused:?}");
        }
    }
}
