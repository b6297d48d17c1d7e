//! The errors of auth.

use std::time::Duration;

use icat_client::client::{LOGINS_UNAVAILABLE, TOO_MANY_FAILED_LOGINS};
use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem};

/// An icat.server passes on the words of an authenticator, but not when to come back.
const UNTOLD_WAIT: Duration = Duration::from_secs(10);

/// The slug of a page that is only for those who are logged in.
pub const NOT_LOGGED_IN: &str = "auth/not-logged-in";

/// Wrong password or unknown name.
pub fn bad_credentials() -> Problem {
    Problem::new(Code::Forbidden, "auth/bad-credentials", "The username and password do not match")
}

pub fn logins_unavailable(source: Problem) -> Problem {
    let seconds = source.retry_after.unwrap_or(5);
    Problem::new(Code::Unavailable, "auth/logins-unavailable", LOGINS_UNAVAILABLE)
        .with_retry_after(seconds)
        .with_source(source)
}

/// Too many logins have failed before; `wait` is the time until the next one is looked at.
pub fn too_many_failed_logins(wait: Duration) -> Problem {
    let seconds = u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(u32::MAX);
    Problem::new(Code::TooManyRequests, "auth/too-many-failed-logins", TOO_MANY_FAILED_LOGINS).with_retry_after(seconds)
}

/// Wrong credentials, or a session that has ended.
pub fn session_over() -> Problem {
    let text = "ICAT does not accept these credentials: they are wrong, or the session has ended";
    Problem::new(Code::Unauthenticated, "auth/bad-credentials", text)
}

pub fn no_credentials(text: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "auth/no-credentials", text)
}

/// Something that only the user may do, and not whoever finds their browser.
pub fn login_too_old() -> Problem {
    let text = "You logged in more than ten minutes ago. Log out, log in again, and try once more.";
    Problem::new(Code::Forbidden, "auth/login-too-old", text)
}

/// The refresh token is not valid, or its login is over. Which of the two nobody is told.
pub fn refresh_refused() -> Problem {
    let text = "the refresh token is not valid, or the login is over; log in again";
    Problem::new(Code::Unauthenticated, "auth/bad-refresh-token", text)
}

pub fn refresh_token_reused() -> Problem {
    let text =
        "this refresh token was used before, so somebody may have a copy of it: the login was ended; log in again";
    Problem::new(Code::Unauthenticated, "auth/refresh-token-reused", text)
}

pub fn bad_token(text: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "auth/bad-token", text)
}

/// An error of ICAT for a client of ICAT+, which knows 403 and 500.
pub fn from_icat_error(e: IcatError) -> Problem {
    match e {
        IcatError::Refused { code: IcatCode::Session, message } if message == LOGINS_UNAVAILABLE => {
            Problem::new(Code::Unavailable, "auth/logins-unavailable", LOGINS_UNAVAILABLE).with_retry_after(5)
        }
        IcatError::Refused { code: IcatCode::Session, message } if message == TOO_MANY_FAILED_LOGINS => {
            too_many_failed_logins(UNTOLD_WAIT)
        }
        IcatError::Refused { code: IcatCode::Session | IcatCode::InsufficientPrivileges, message } => {
            Problem::new(Code::Forbidden, "auth/refused", message)
        }
        IcatError::Refused { message, .. } => {
            Problem::new(Code::BadGateway, "auth/icat-failed", "ICAT cannot open sessions now").with_source(message)
        }
        IcatError::Unavailable(_) => {
            Problem::new(Code::Unavailable, "auth/icat-down", "ICAT does not answer; try again later")
                .with_retry_after(10)
                .with_source(e)
        }
        IcatError::Nonsense(_) => {
            Problem::new(Code::BadGateway, "auth/icat-nonsense", "ICAT answered something unexpected").with_source(e)
        }
    }
}

/// The same for a client of the token interface: refused credentials are 401, without the text of ICAT, which may repeat them.
pub fn from_login_error(e: IcatError) -> Problem {
    let problem = from_icat_error(e);
    if problem.code == Code::Forbidden { session_over() } else { problem }
}
