//! Local accounts: names, passwords as argon2id hashes (OWASP's parameters), and verification that takes as long for a
//! name that does not exist as for a wrong password.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use service_kit::{Blocking, Clock, Db, DbError, Problem};
use thiserror::Error;

use crate::store::accounts;

const LONGEST_NAME: usize = 200;
const LONGEST_PASSWORD: usize = 1024;

/// A local account: `db/alice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName {
    pub mechanism: String,
    pub name: String,
}

/// Why an account cannot be made or changed.
#[derive(Debug, Error)]
pub enum AccountError {
    #[error("{0}")]
    Invalid(String),
    #[error("hashing failed: {0}")]
    Hash(argon2::password_hash::Error),
    #[error(transparent)]
    Database(#[from] DbError),
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
                "`{mechanism}` is no mechanism with local accounts; auth.local_mechanisms lists {known}"
            )));
        }
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('/') || name.chars().any(char::is_control) {
            return Err(AccountError::Invalid(format!(
                "a user name has 1 to {LONGEST_NAME} bytes, no slash and no control characters"
            )));
        }
        Ok(Self { mechanism: mechanism.to_owned(), name: name.to_owned() })
    }
}

/// Sets the password of an account, which is made if it is new; whether it was.
pub async fn set_password(
    db: &Db,
    account: &AccountName,
    password: &str,
    clock: &dyn Clock,
) -> Result<bool, AccountError> {
    if password.is_empty() || password.len() > LONGEST_PASSWORD {
        return Err(AccountError::Invalid(format!("a password has 1 to {LONGEST_PASSWORD} bytes")));
    }
    let hash = hash(password).map_err(AccountError::Hash)?;
    let at = clock.now_micros();
    Ok(db.write(async |tx| accounts::set(tx, &account.mechanism, &account.name, &hash, at).await).await?)
}

/// Whether the password is the account's.
pub async fn verify(db: &Db, pool: &Blocking, mechanism: &str, name: &str, password: String) -> Result<bool, Problem> {
    let stored = accounts::find(&mut db.read().await?, mechanism, name).await?;
    pool.run(move || {
        let known = stored.is_some();
        // Unknown names cost a verification too, so that time tells nothing.
        let hash = stored.as_deref().unwrap_or(&NOBODY);
        let fits = PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await
}

/// A hash of the same cost that belongs to nobody.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this name").unwrap_or_default());

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_a_known_mechanism() {
        let mechanisms = ["db".to_owned(), "simple".to_owned()];
        let parse = |text: &str| AccountName::parse(text, &mechanisms);
        assert_eq!(parse("db/alice").unwrap(), AccountName { mechanism: "db".into(), name: "alice".into() });
        for refused in ["alice", "ldap/alice", "db/", "db/a/b", "db/a\0b", &format!("db/{}", "x".repeat(201))] {
            assert!(parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_hash_names_its_algorithm_and_is_salted() {
        let (first, second) = (hash("secret").unwrap(), hash("secret").unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
    }
}
