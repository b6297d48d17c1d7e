//! Logins with local accounts.

use std::num::NonZero;
use std::time::Duration;

use service_kit::{Blocking, Code, Ctx, Db, Problem, Tx};
use tokio::sync::Semaphore;

use super::imported_hash::is_imported;
use super::password::{hash_password, verify_password};
use super::{AccountError, AccountName, PasswordPolicy};
use crate::domain::origin::Origin;
use crate::error::{bad_credentials, logins_unavailable};
use crate::login_metrics::LoginOutcome;
use crate::login_recorder::LoginRecorder;
use crate::login_throttle::{Attempt, LoginThrottle};
use crate::store::accounts;

/// Hashing is slow by design: at most this many logins are checked at once, and this many may wait.
const MAX_PASSWORD_THREADS: usize = 2;
const PASSWORD_QUEUE: usize = 64;
/// Of these, so many may come from addresses whose logins have failed lately, so that those who guess together keep nobody else out.
const MAX_SUSPECTS: usize = 16;
/// A login that waits longer is put off: the embedded catalogue waits 15 s for its authenticators, and portals not much longer.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The credentials of a login with a local account.
pub struct LoginAttempt<'a> {
    pub mechanism: &'a str,
    pub name: &'a str,
    pub password: String,
    /// With the address of the client, if ICAT knows it.
    pub origin: &'a Origin,
}

/// Checks logins with local accounts, a few at a time.
pub struct LocalLogins {
    db: Db,
    pool: Blocking,
    suspects: Semaphore,
    recorder: LoginRecorder,
    throttle: LoginThrottle,
    policy: PasswordPolicy,
}

impl LocalLogins {
    pub fn new(ctx: &Ctx, recorder: LoginRecorder, throttle: LoginThrottle, policy: PasswordPolicy) -> Self {
        let pool = ctx.pools.open("password", count_password_threads(), PASSWORD_QUEUE);
        Self { db: ctx.db.clone(), pool, suspects: Semaphore::new(MAX_SUSPECTS), recorder, throttle, policy }
    }

    /// Succeeds with the password of an open account. A wrong password, an unknown name and a closed account get the same
    /// answer after the same time.
    pub async fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<(), Problem> {
        let LoginAttempt { mechanism, name, password, origin } = attempt;
        let begun = self.throttle.begin_attempt(mechanism, name, origin).await?;
        let checked = self.check_in_turn(&begun, mechanism, name, password).await;
        let outcome = checked.as_ref().copied().unwrap_or_else(LoginOutcome::from_problem);
        begun.end_attempt(outcome);
        // No login that the audit log does not have.
        let recorded = self.recorder.record_local_login(mechanism, name, origin, outcome).await;
        let checked = checked.and_then(|outcome| recorded.map(|()| outcome).map_err(Problem::from));
        match checked {
            Ok(LoginOutcome::Accepted) => Ok(()),
            Ok(_) => Err(bad_credentials()),
            Err(problem) if problem.code == Code::Unavailable => Err(logins_unavailable(problem)),
            Err(problem) => Err(problem),
        }
    }

    /// The hash of a new password that keeps the rules. It waits with the logins for its turn.
    pub async fn hash_new_password(
        &self,
        account: &AccountName,
        password: &str,
    ) -> Result<Result<String, AccountError>, Problem> {
        let (policy, account, password) = (self.policy, account.clone(), password.to_owned());
        self.pool.run(move || policy.hash_new_password(&account, &password)).await
    }

    async fn check_in_turn(
        &self,
        attempt: &Attempt,
        mechanism: &str,
        name: &str,
        password: String,
    ) -> Result<LoginOutcome, Problem> {
        let place = attempt.follows_failures().then(|| self.suspects.try_acquire().map_err(|_| too_many_logins()));
        let _place = place.transpose()?;
        self.check_password(mechanism, name, password).await
    }

    async fn check_password(&self, mechanism: &str, name: &str, password: String) -> Result<LoginOutcome, Problem> {
        let before = accounts::find_account(&mut self.db.read().await?, mechanism, name).await?;
        let hash = before.as_ref().map(|account| account.password_hash.clone());
        let is_imported = hash.as_deref().is_some_and(is_imported);
        let checking = self.pool.run(move || {
            let is_right = verify_password(hash.as_deref(), &password);
            // That of another program is replaced.
            let new_hash = if is_right && is_imported { hash.zip(hash_password(&password).ok()) } else { None };
            (is_right, new_hash)
        });
        let (is_right, new_hash) =
            tokio::time::timeout(MAX_WAIT, checking).await.unwrap_or_else(|_| Err(too_many_logins()))?;
        if !is_right {
            let known = before.is_some_and(|account| account.removed_at.is_none());
            return Ok(if known { LoginOutcome::WrongPassword } else { LoginOutcome::UnknownAccount });
        }
        if let Some((old, new)) = new_hash {
            let replace = async |tx: &mut Tx| accounts::replace_hash(tx, mechanism, name, &old, &new).await;
            self.db.write_read_committed(replace).await?;
        }
        // The account may have been locked or changed while the login waited for the pool.
        let after = accounts::find_account(&mut self.db.read().await?, mechanism, name).await?;
        Ok(match after {
            Some(account) if account.locked_at.is_some() => LoginOutcome::Locked,
            Some(account) if before.is_some_and(|before| before.is_unchanged(&account)) && account.is_open() => {
                LoginOutcome::Accepted
            }
            Some(_) => LoginOutcome::WrongPassword,
            None => LoginOutcome::UnknownAccount,
        })
    }
}

/// One core is left to those who have logged in, so that they do not wait for those who log in.
fn count_password_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.saturating_sub(1).clamp(1, MAX_PASSWORD_THREADS)
}

fn too_many_logins() -> Problem {
    Problem::new(Code::Unavailable, "busy", "too many logins at once").with_retry_after(5)
}
