//! Checks whether users of the catalogue can log in.

use service_kit::cli::Failure;
use service_kit::{Config, Sources, has_database};

use super::Report;
use crate::commands::account_errors::to_failure;

/// Adds notes about users without a local account. They are no errors: accounts of other mechanisms are external, and
/// an account may be created later.
pub async fn note_missing_accounts(settings: &Config, users: &[String], report: &mut Report) {
    match list_missing(settings, users).await {
        Ok(missing) => report.notes.extend(missing.iter().map(|user| {
            format!("there is no account {user}; `undulator auth user add {user}` makes one, with which to log in")
        })),
        Err(e) => report.notes.push(format!("nobody knows whether there are accounts to log in with: {e}")),
    }
}

async fn list_missing(settings: &Config, users: &[String]) -> Result<Vec<String>, Failure> {
    let mechanisms = auth::Config::from_settings(settings)?.local_mechanisms;
    let is_local =
        |user: &str| user.split_once('/').is_some_and(|(mechanism, _)| mechanisms.iter().any(|m| m == mechanism));
    let mut missing: Vec<String> = users.iter().filter(|user| is_local(user)).cloned().collect();
    // Without the database, the accounts are external.
    if missing.is_empty() || !has_database(&auth::SERVICE, settings).await? {
        return Ok(Vec::new());
    }
    let accounts = auth::open_accounts(settings, &Sources::default()).await.map_err(to_failure)?;
    let known = accounts.list_accounts().await.map_err(to_failure);
    accounts.close().await;
    let known: Vec<String> = known?.iter().map(|account| account.name.to_string()).collect();
    missing.retain(|user| !known.contains(user));
    Ok(missing)
}
