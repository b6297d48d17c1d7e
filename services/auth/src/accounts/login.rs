//! A login with a local account: the password, whether the account is open, and what operators see of it.

use std::net::IpAddr;

use service_kit::{Blocking, Code, Ctx, Db, Problem};

use super::password::verify_password;
use crate::error::{bad_credentials, logins_unavailable};
use crate::observation::{LoginObserver, Outcome};
use crate::store::accounts;

/// Hashing is slow on purpose: so many run at once, so many more may wait.
const PASSWORD_THREADS: usize = 2;
const PASSWORD_QUEUE: usize = 64;

/// What somebody sent to log in.
pub struct Attempt<'a> {
    pub mechanism: &'a str,
    pub name: &'a str,
    pub password: String,
    /// Of the client, as far as ICAT knows it.
    pub address: Option<IpAddr>,
}

/// Checks passwords of local accounts, a few at a time.
pub struct LocalLogins {
    db: Db,
    pool: Blocking,
    observer: LoginObserver,
}

impl LocalLogins {
    pub fn new(ctx: &Ctx, observer: LoginObserver) -> Self {
        Self { db: ctx.db.clone(), pool: ctx.pools.open("password", PASSWORD_THREADS, PASSWORD_QUEUE), observer }
    }

    /// Lets the owner of an open account in. A wrong password, an unknown name and a closed account are refused alike
    /// and after the same time.
    pub async fn log_in(&self, attempt: Attempt<'_>) -> Result<(), Problem> {
        let Attempt { mechanism, name, password, address } = attempt;
        let checked = self.check(mechanism, name, password).await;
        let outcome = checked.as_ref().copied().unwrap_or_else(Outcome::of_problem);
        self.observer.observe_local(mechanism, name, address, outcome);
        match checked {
            Ok(Outcome::Accepted) => Ok(()),
            Ok(_) => Err(bad_credentials()),
            Err(problem) if problem.code == Code::Unavailable => Err(logins_unavailable(problem)),
            Err(problem) => Err(problem),
        }
    }

    async fn check(&self, mechanism: &str, name: &str, password: String) -> Result<Outcome, Problem> {
        let before = accounts::find(&mut self.db.read().await?, mechanism, name).await?;
        let hash = before.as_ref().map(|account| account.password_hash.clone());
        let fits = self.pool.run(move || verify_password(hash.as_deref(), &password)).await?;
        if !fits {
            let known = before.is_some_and(|account| account.removed_at.is_none());
            return Ok(if known { Outcome::WrongPassword } else { Outcome::UnknownAccount });
        }
        // The account may have been locked, or its password changed, while this waited for its turn.
        let after = accounts::find(&mut self.db.read().await?, mechanism, name).await?;
        Ok(match after {
            Some(account) if account.locked_at.is_some() => Outcome::Locked,
            Some(account) if Some(&account) == before.as_ref() && account.is_open() => Outcome::Accepted,
            Some(_) => Outcome::WrongPassword,
            None => Outcome::UnknownAccount,
        })
    }
}
