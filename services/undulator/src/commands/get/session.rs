//! Who downloads, and which rows of the catalogue are meant.

use std::path::Path;
use std::time::Duration;

use console::Term;
use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, Select};
use service_kit::cli::Failure;
use service_kit::problem;

use super::server::Server;
use crate::cli::Get;
use crate::commands::auth::first_line;

const VARIABLE: &str = "ICAT_SESSION_ID";
const TIMEOUT: Duration = Duration::from_mins(1);

/// An open session; one that we opened is ended by [`end`](Self::end).
pub struct Session {
    icat: Option<IcatClient>,
    pub id: String,
    ours: bool,
}

impl Session {
    /// `None` where nobody was named: a prepared selection needs nobody.
    pub async fn open(server: &Server, options: &Get) -> Result<Option<Self>, Failure> {
        let icat = server.icat.as_ref().map(|root| IcatClient::new(server.http.clone(), root).with_timeout(TIMEOUT));
        if let Some(user) = &options.user {
            let icat = icat.ok_or_else(|| Failure::Usage("--user needs --url or --icat-url".to_owned()))?;
            if server.icat.as_ref().is_some_and(|root| is_open(root)) {
                eprintln!(
                    "warning: over http:// anybody on the way can read the password; is there an https:// address?"
                );
            }
            let id = log_in(&icat, user, options.password_file.as_deref()).await?;
            return Ok(Some(Self { icat: Some(icat), id, ours: true }));
        }
        let id = match &options.session_file {
            Some(file) => Some(first_line("session id", file)?.trim().to_owned()),
            None => from_environment(),
        };
        match id {
            Some(id) if id.is_empty() => Err(Failure::Usage("the session id is empty".to_owned())),
            Some(id) => Ok(Some(Self { icat, id, ours: false })),
            None if options.what.prepared.is_some() => Ok(None),
            None => {
                let text =
                    "say who downloads: --user MECHANISM/NAME, --session-file FILE, or a session id in the variable";
                Err(Failure::Usage(format!("{text} {VARIABLE}")))
            }
        }
    }

    /// Ids of the one investigation of this name, or with this id.
    pub async fn investigation(&self, wanted: &str, visit: Option<&str>) -> Result<i64, Failure> {
        let icat = self.icat()?;
        let mut select = Select::values("Investigation", &["id", "visitId"]).filter(Filter::eq("name", wanted));
        if let Some(visit) = visit {
            select = select.filter(Filter::eq("visitId", visit));
        }
        let query = select.order_by("id").build().map_err(|e| Failure::from_error(&e))?;
        let rows = icat.query_rows(&self.id, &query).await.map_err(|e| Failure::Failed(explain(&e)))?;
        match (rows.as_slice(), wanted.parse()) {
            ([row], _) => row[0].as_i64().ok_or_else(|| Failure::Failed("the catalogue answers nonsense".to_owned())),
            ([], Ok(id)) => Ok(id),
            ([], Err(_)) => {
                Err(Failure::Failed(format!("there is no investigation `{wanted}` that this user may read")))
            }
            (several, _) => {
                let visits: Vec<&str> = several.iter().filter_map(|row| row[1].as_str()).collect();
                let text = format!("`{wanted}` has the visits {}; name one with --visit", visits.join(", "));
                Err(Failure::Usage(text))
            }
        }
    }

    pub fn icat(&self) -> Result<&IcatClient, Failure> {
        self.icat.as_ref().ok_or_else(|| Failure::Usage("name the catalogue with --url or --icat-url".to_owned()))
    }

    /// Logs out if we logged in. That it did not succeed hurts nobody: the session ends by itself.
    pub async fn end(&self) {
        if let (true, Some(icat)) = (self.ours, &self.icat) {
            let _ended = icat.end_session(&self.id).await;
        }
    }
}

async fn log_in(icat: &IcatClient, user: &str, password_file: Option<&Path>) -> Result<String, Failure> {
    let refused = |e: &IcatError| Failure::Failed(format!("{user} cannot log in: {}", explain(e)));
    match user.split_once('/') {
        None => match icat.login(user, &[]).await {
            Err(IcatError::Refused { message, .. }) => Err(name_mechanisms(icat, user, &message).await),
            outcome => outcome.map_err(|e| refused(&e)),
        },
        Some((mechanism, name)) => {
            let password = match password_file {
                Some(file) => first_line("password", file)?,
                None => ask(user)?,
            };
            let outcome = icat.login(mechanism, &[("username", name), ("password", &password)]).await;
            outcome.map_err(|e| refused(&e))
        }
    }
}

/// In the words of whoever downloads: not those of the libraries in between.
pub fn explain(e: &IcatError) -> String {
    match e {
        IcatError::Unavailable(cause) => format!("the catalogue does not answer ({})", problem::root_cause(cause)),
        e => problem::format_error_chain(e),
    }
}

/// A name without mechanism is the commonest mistake: says which mechanisms the catalogue has.
async fn name_mechanisms(icat: &IcatClient, user: &str, message: &str) -> Failure {
    let Ok(properties) = icat.get_properties().await else {
        return Failure::Failed(format!("{user} cannot log in: {message}"));
    };
    let known: Vec<&str> = properties.authenticators.iter().map(|known| known.mnemonic.as_str()).collect();
    let list = known.join(", ");
    if known.contains(&user) {
        return Failure::Failed(format!("{user} cannot log in: {message}; with a name it is {user}/NAME"));
    }
    // One that asks for something: nobody has a name at the others.
    let asking = properties.authenticators.iter().find(|known| !known.keys.is_empty());
    let example = asking.map_or("db", |known| &known.mnemonic);
    Failure::Usage(format!(
        "--user {user} names no mechanism by which to log in; write MECHANISM/NAME, such as {example}/{user}. This catalogue \
         has {list}"
    ))
}

/// Whether what is sent there can be read on its way.
fn is_open(root: &str) -> bool {
    let here = ["localhost", "127.", "[::1]"];
    root.strip_prefix("http://").is_some_and(|host| !here.iter().any(|name| host.starts_with(name)))
}

pub fn ask(user: &str) -> Result<String, Failure> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::Usage("there is no terminal to ask for the password; say --password-file".to_owned()));
    }
    let asked = terminal.write_str(&format!("Password of {user}: ")).and_then(|()| terminal.read_secure_line());
    asked.map_err(|e| Failure::Failed(format!("cannot read the password: {e}")))
}

/// Not one of the settings of the suite, which a computer that only downloads has none of.
/// The session of the variable, if there is one.
pub fn from_environment() -> Option<String> {
    std::env::var_os(VARIABLE)?.into_string().ok().map(|id| id.trim().to_owned())
}
