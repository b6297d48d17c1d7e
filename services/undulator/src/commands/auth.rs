//! `undulator auth add-user MECHANISM/NAME`

use std::io::Read as _;
use std::path::Path;

use auth::AccountName;
use service_kit::{Config, SystemClock, open_database};

use service_kit::cli::Failure;
use service_kit::cli::result;

pub async fn add_user(settings: &Config, account: &str, password_file: &Path, json: bool) -> Result<(), Failure> {
    let mechanisms = auth::Config::read(settings)?.local_mechanisms;
    let account = AccountName::parse(account, &mechanisms).map_err(|e| Failure::Usage(e.to_string()))?;
    let password = first_line("password", password_file)?;
    let db = open_database(&auth::SERVICE, settings, &SystemClock).await?;
    let created =
        auth::accounts::set_password(&db, &account, &password, &SystemClock).await.map_err(|e| Failure::of(&e))?;
    db.close().await;
    let name = format!("{}/{}", account.mechanism, account.name);
    let did = if created { "made" } else { "changed the password of" };
    result(json, &serde_json::json!({"account": name, "created": created}), &format!("{did} {name}"))
}

/// The first line of the file, or of stdin for `-`; a line end is no part of a password.
pub(super) fn first_line(what: &str, file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|e| Failure::Failed(format!("cannot read the {what} from {}: {e}", file.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
