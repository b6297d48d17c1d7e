//! The session of a command that is a client of a facility.

use std::path::Path;
use std::time::Duration;

use icat_client::{IcatClient, IcatError};
use service_kit::cli::Failure;
use service_kit::{HttpClient, problem};

use super::login::find_access_token;
use super::passwords::{SESSION_VARIABLE, ask_password, read_first_line, session_from_environment};
use crate::cli::SessionOptions;

const TIMEOUT: Duration = Duration::from_mins(1);

/// An open session, or the access token of a login; a session that was opened here is ended by [`log_out`](Self::log_out).
pub struct Session {
    icat: Option<IcatClient>,
    pub id: String,
    kind: SessionKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionKind {
    /// Of this command, which ends it.
    OpenedHere,
    /// Of the user, who gave its id.
    Given,
    /// An access token, which only the embedded catalogue accepts.
    AccessToken,
}

impl Session {
    /// Logs in, or takes the session id from a file or the environment, or a token of `undulator login` at the `facility`; `None`
    /// if there is none of these. The token is sent to all services, so the facility must not be given if one of them has
    /// another address.
    pub async fn open(
        http: &HttpClient,
        catalogue: Option<&str>,
        facility: Option<&str>,
        options: &SessionOptions,
    ) -> Result<Option<Self>, Failure> {
        let icat = catalogue.map(|root| IcatClient::new(http.clone(), root).with_timeout(TIMEOUT));
        if let Some(user) = &options.user {
            let icat = icat.ok_or_else(|| Failure::Usage("--user needs --url or --icat-url".to_owned()))?;
            catalogue.inspect(|url| warn_if_unencrypted(url));
            let id = log_in(&icat, user, options.password_file.as_deref()).await?;
            return Ok(Some(Self { icat: Some(icat), id, kind: SessionKind::OpenedHere }));
        }
        let given = match &options.session_file {
            Some(file) => Some(read_first_line("session id", file)?.trim().to_owned()),
            None => session_from_environment(),
        };
        match (given, facility) {
            (Some(id), _) if id.is_empty() => Err(Failure::Usage("the session id is empty".to_owned())),
            (Some(id), _) => Ok(Some(Self { icat, id, kind: SessionKind::Given })),
            (None, Some(url)) => {
                let token = find_access_token(http, url).await?;
                Ok(token.map(|id| Self { icat, id, kind: SessionKind::AccessToken }))
            }
            (None, None) => Ok(None),
        }
    }

    pub fn icat(&self) -> Result<&IcatClient, Failure> {
        self.icat.as_ref().ok_or_else(|| Failure::Usage("give the catalogue with --url or --icat-url".to_owned()))
    }

    /// Whether it is an access token, which only the embedded catalogue accepts.
    pub fn is_access_token(&self) -> bool {
        self.kind == SessionKind::AccessToken
    }

    /// Ends a session that was opened here. A failure is ignored, because the session expires.
    pub async fn log_out(&self) {
        if let (SessionKind::OpenedHere, Some(icat)) = (self.kind, &self.icat) {
            let _ended = icat.end_session(&self.id).await;
        }
    }
}

/// The error of a command that needs a session and has none.
pub fn missing_session_error() -> Failure {
    let text = "no session: log in with `undulator login`, or give --user MECHANISM/NAME, --session-file FILE, or a session id in \
                the variable";
    Failure::Usage(format!("{text} {SESSION_VARIABLE}"))
}

async fn log_in(icat: &IcatClient, user: &str, password_file: Option<&Path>) -> Result<String, Failure> {
    let refused = |e: &IcatError| Failure::Failed(format!("{user} cannot log in: {}", explain_icat_error(e)));
    match user.split_once('/') {
        None => match icat.login(user, &[]).await {
            Err(IcatError::Refused { message, .. }) => Err(name_mechanisms(icat, user, &message).await),
            outcome => outcome.map_err(|e| refused(&e)),
        },
        Some((mechanism, name)) => {
            let password = match password_file {
                Some(file) => read_first_line("password", file)?,
                None => ask_password(user)?,
            };
            let outcome = icat.login(mechanism, &[("username", name), ("password", &password)]).await;
            outcome.map_err(|e| refused(&e))
        }
    }
}

/// An error of ICAT as a text for users.
pub fn explain_icat_error(e: &IcatError) -> String {
    match e {
        IcatError::Unavailable(cause) => format!("the catalogue does not answer ({})", problem::root_cause(cause)),
        e => problem::format_error_chain(e),
    }
}

/// The error of a user name without mechanism, with the mechanisms of the catalogue.
async fn name_mechanisms(icat: &IcatClient, user: &str, message: &str) -> Failure {
    let Ok(properties) = icat.get_properties().await else {
        return Failure::Failed(format!("{user} cannot log in: {message}"));
    };
    let known: Vec<&str> = properties.authenticators.iter().map(|known| known.mnemonic.as_str()).collect();
    let list = known.join(", ");
    if known.contains(&user) {
        return Failure::Failed(format!("{user} cannot log in: {message}; with a name it is {user}/NAME"));
    }
    // A mechanism with credentials: others have no user names.
    let asking = properties.authenticators.iter().find(|known| !known.keys.is_empty());
    let example = asking.map_or("db", |known| &known.mnemonic);
    Failure::Usage(format!(
        "--user {user} has no mechanism; write MECHANISM/NAME, such as {example}/{user}. This catalogue \
         has {list}"
    ))
}

/// Warns that a password can be read on the way to this address.
pub fn warn_if_unencrypted(url: &str) {
    if is_unencrypted(url) {
        eprintln!("warning: the password is sent unencrypted over http://; use an https:// address if there is one");
    }
}

/// Whether requests to this address are not encrypted.
fn is_unencrypted(root: &str) -> bool {
    let here = ["localhost", "127.", "[::1]"];
    root.strip_prefix("http://").is_some_and(|host| !here.iter().any(|name| host.starts_with(name)))
}
