//! Passwords and session ids from files, the terminal, and the environment.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use console::Term;
use service_kit::cli::Failure;

/// The environment variable with a session id.
pub const SESSION_VARIABLE: &str = "ICAT_SESSION_ID";

/// Asks for a new password twice, because the input is invisible. An empty answer is not repeated.
pub fn ask_new_password(account: &str) -> Result<String, Failure> {
    let password = ask_password(account)?;
    if !password.is_empty() && ask_password(&format!("{account} again"))? != password {
        return Err(Failure::Usage("the two passwords differ; nothing was changed".to_owned()));
    }
    Ok(password)
}

/// Reads the first line of a file, or of stdin for `-`, without its line end.
pub fn read_first_line(what: &str, file: &Path) -> Result<String, Failure> {
    let read = || -> io::Result<String> {
        let line = if file == Path::new("-") {
            io::stdin().lines().next()
        } else {
            BufReader::new(File::open(file)?).lines().next()
        };
        Ok(line.transpose()?.unwrap_or_default())
    };
    read().map_err(|e| Failure::Failed(format!("cannot read the {what} from {}: {e}", file.display())))
}

/// Asks for a password on the terminal.
pub fn ask_password(user: &str) -> Result<String, Failure> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::Usage("there is no terminal to ask for the password; say --password-file".to_owned()));
    }
    let asked = terminal.write_str(&format!("Password of {user}: ")).and_then(|()| terminal.read_secure_line());
    asked.map_err(|e| Failure::Failed(format!("cannot read the password: {e}")))
}

/// The session id in the environment, if there is one.
pub fn session_from_environment() -> Option<String> {
    std::env::var_os(SESSION_VARIABLE)?.into_string().ok().map(|id| id.trim().to_owned())
}
