//! `undulator auth add-user MECHANISM/NAME`

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _};
use std::path::Path;

use auth::Accounts;
use service_kit::{Config, Sources};

use service_kit::cli::{Failure, result};

use super::get::ask_password;

pub async fn add_user(
    settings: &Config,
    account: &str,
    password_file: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let accounts = Accounts::open(settings, &Sources::default()).await.map_err(|e| Failure::of(&e))?;
    let account = accounts.parse_name(account).map_err(|e| Failure::Usage(e.to_string()))?;
    let password = match password_file {
        None if io::stdin().is_terminal() => ask_password(&account.to_string())?,
        file => first_line("password", file.unwrap_or(Path::new("-")))?,
    };
    let created = accounts.create_account_or_set_password(&account, &password).await.map_err(|e| Failure::of(&e))?;
    accounts.close().await;
    let name = account.to_string();
    let did = if created { "made" } else { "changed the password of" };
    result(json, &serde_json::json!({"account": name, "created": created}), &format!("{did} {name}"))
}

/// The first line of the file, or of stdin for `-`; a line end is no part of a password.
pub(super) fn first_line(what: &str, file: &Path) -> Result<String, Failure> {
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
