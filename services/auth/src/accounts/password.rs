//! Passwords of local accounts: the rules for new ones, and their argon2id hashes with the parameters of OWASP.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::{AccountError, AccountName, imported_hash};

/// Longer passwords only cost time.
const MAX_PASSWORD_BYTES: usize = 1024;
/// zxcvbn estimates this many guesses for eight random characters; passwords of known words need fewer.
const MIN_GUESSES: u64 = 100_000_000;

/// Rules for new passwords (NIST SP 800-63B, 3.1.1.2): long enough, not a known one, not the name of the account.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// In characters.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// The hash of a new password that keeps the rules. It takes a tenth of a second on purpose.
    pub fn hash_new_password(self, account: &AccountName, password: &str) -> Result<String, AccountError> {
        self.check_password(account, password)?;
        hash_password(password).map_err(AccountError::Hash)
    }

    pub fn check_password(self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        let refuse = |text: String| Err(AccountError::Invalid(text));
        if password.len() > MAX_PASSWORD_BYTES {
            return refuse(format!("the password is longer than {MAX_PASSWORD_BYTES} bytes"));
        }
        let length = password.chars().count();
        if length < self.min_length {
            return refuse(format!(
                "the password has {length} characters, and at least {} are needed (auth.password_min_length)",
                self.min_length
            ));
        }
        let (user_name, lower) = (account.to_string(), password.to_lowercase());
        if lower.trim() == account.name.to_lowercase() || lower.trim() == user_name.to_lowercase() {
            return refuse("the password is the name of the account; choose another".to_owned());
        }
        let estimate = zxcvbn::zxcvbn(password, &[&account.name, &user_name, "undulator", "icat"]);
        if estimate.guesses() >= MIN_GUESSES {
            return Ok(());
        }
        let reason = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        let reason = reason.map(|warning| format!(" {warning}")).unwrap_or_default();
        refuse(format!(
            "the password is a known one or easily guessed.{reason} Use several words that do not belong together, or \
             one from a password manager"
        ))
    }
}

/// Hashes a password with a new salt; the result names the algorithm.
pub fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

/// Whether the password belongs to the hash. Without a hash it takes as long, so that the time reveals nothing; with one of another
/// program it takes a little longer.
pub fn verify_password(hash: Option<&str>, password: &str) -> bool {
    let stored = hash.filter(|hash| !hash.is_empty());
    let imported = stored.filter(|hash| imported_hash::is_imported(hash));
    let hash = stored.filter(|_| imported.is_none()).unwrap_or(&DUMMY_HASH);
    let is_right =
        PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    match imported {
        Some(hash) => imported_hash::verify_password(hash, password),
        None => is_right && stored.is_some(),
    }
}

/// A hash of the same cost that belongs to no account.
static DUMMY_HASH: LazyLock<String> = LazyLock::new(|| hash_password("nobody has this name").unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_names_its_algorithm_and_is_salted() {
        let (first, second) = (hash_password("secret").unwrap(), hash_password("secret").unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(verify_password(Some(&first), "secret") && !verify_password(Some(&first), "Secret"));
        for nobody in [None, Some("")] {
            assert!(!verify_password(nobody, "secret") && !verify_password(nobody, "nobody has this name"));
        }
    }

    #[test]
    fn short_known_and_obvious_passwords_are_refused() {
        let policy = PasswordPolicy { min_length: 12 };
        let account = |name: &str| AccountName { mechanism: "db".to_owned(), name: name.to_owned() };
        let refused =
            |name: &str, password: &str| policy.check_password(&account(name), password).map_err(|e| e.to_string());
        for (password, reason) in [
            ("", "has 0 characters"),
            ("k7#Qv!x2Lp9", "has 11 characters"),
            ("äöüß-µ€-änd", "has 11 characters"),
            ("password1234", "known one"),
            ("Password123!", "known one"),
            ("passwordpassword", "known one"),
            ("P@ssw0rdP@ssw0rd", "known one"),
            ("123456789012", "known one"),
            ("qwertyuiop123", "known one"),
            ("aaaaaaaaaaaaaaaa", "known one"),
            ("abcdefghijklmn", "known one"),
            ("iloveyou2024", "known one"),
            ("alice.wonder", "name of the account"),
            ("Alice.Wonder", "name of the account"),
            ("db/alice.wonder", "name of the account"),
            ("alice.wonder1", "known one"),
            (&"x".repeat(1025), "longer than 1024 bytes"),
        ] {
            let text = refused("alice.wonder", password).expect_err(password);
            assert!(text.contains(reason), "{password}: {text}");
            assert!(password.len() < 4 || reason.contains("name") || !text.contains(password), "{text}");
        }
        for accepted in ["correct horse battery", "zumkaltenstrahlrohr", "0f3a9c17b2e84d56", "Нейтронный поток 7"]
        {
            assert_eq!(refused("alice", accepted), Ok(()), "{accepted}");
        }
        let short = PasswordPolicy { min_length: 8 };
        assert!(short.check_password(&account("alice"), "k7#Qv!x2").is_ok());
        assert!(short.check_password(&account("alice"), "password").is_err());
    }
}
