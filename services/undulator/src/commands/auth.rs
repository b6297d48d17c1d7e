//! `undulator auth add-user MECHANISM/NAME`

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _};
use std::path::Path;

use auth::AccountName;
use service_kit::{Config, SystemClock, open_database};

use service_kit::cli::{Failure, result};

use super::get::ask_password;
use crate::cli::AddUser;

pub async fn add_user(settings: &Config, options: &AddUser, json: bool) -> Result<(), Failure> {
    let (account, password_file) = (options.account.as_str(), options.password_file.as_deref());
    let mechanisms = auth::Config::read(settings)?.local_mechanisms;
    let account = AccountName::parse(account, &mechanisms).map_err(|e| Failure::Usage(e.to_string()))?;
    let password = match password_file {
        None if io::stdin().is_terminal() => ask_new_password(&format!("{}/{}", account.mechanism, account.name))?,
        file => first_line("password", file.unwrap_or(Path::new("-")))?,
    };
    let db = open_database(&auth::SERVICE, settings, &SystemClock).await?;
    let created =
        auth::accounts::set_password(&db, &account, &password, &SystemClock).await.map_err(|e| Failure::of(&e))?;
    db.close().await;
    let name = format!("{}/{}", account.mechanism, account.name);
    let did = if created { "made" } else { "changed the password of" };
    result(json, &serde_json::json!({"account": name, "created": created}), &format!("{did} {name}"))
}

/// Asks twice, because nobody sees what is typed. An empty answer is not asked again.
pub(super) fn ask_new_password(account: &str) -> Result<String, Failure> {
    let password = ask_password(account)?;
    if !password.is_empty() && ask_password(&format!("{account} again"))? != password {
        return Err(Failure::Usage("the two passwords differ; nothing was changed".to_owned()));
    }
    Ok(password)
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
