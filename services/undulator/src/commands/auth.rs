//! `undulator auth user …`: local accounts.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use auth::{AccountName, Accounts};
use serde_json::json;
use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Sources, require_database};

use super::account_errors::to_failure;
use super::account_import::import_accounts;
use super::catalogue::{self, Catalogue, OnConflict, OtherValues};
use super::passwords::{ask_new_password, read_first_line};
use crate::cli::{AccountCommand, AddUser, NewUser};

pub async fn run_account_command(settings: &Config, command: AccountCommand, json: bool) -> Result<(), Failure> {
    let accounts = auth::open_accounts(settings, &Sources::default()).await.map_err(to_failure)?;
    let outcome = match command {
        AccountCommand::Add(options) => create_account(settings, &accounts, &options, json).await,
        AccountCommand::Import(options) => import_accounts(&accounts, &options, json).await,
        AccountCommand::List => list_accounts(&accounts, json).await,
        AccountCommand::Lock(options) => {
            let name = parse_name(&accounts, &options.account)?;
            let changed = accounts.lock_account(&name).await.map_err(to_failure)?;
            print_lock(&name, true, changed, json)
        }
        AccountCommand::Unlock(options) => {
            let name = parse_name(&accounts, &options.account)?;
            let changed = accounts.unlock_account(&name).await.map_err(to_failure)?;
            print_lock(&name, false, changed, json)
        }
        AccountCommand::Remove(options) => remove_account(&accounts, &options.account, json).await,
        AccountCommand::SetPassword(options) => set_password(&accounts, &options, json).await,
        AccountCommand::Unbind { user } => unbind_user_name(&accounts, &user, json).await,
    };
    accounts.close().await;
    outcome
}

/// The former `auth add-user`: creates an account, or sets the password of an existing one.
pub async fn add_user(settings: &Config, options: &AddUser, json: bool) -> Result<(), Failure> {
    let accounts = auth::open_accounts(settings, &Sources::default()).await.map_err(to_failure)?;
    let name = parse_name(&accounts, &options.account)?;
    let password = read_new_password(options)?;
    let created = accounts.create_account_or_set_password(&name, &password).await.map_err(to_failure)?;
    accounts.close().await;
    let action = if created { "created" } else { "changed the password of" };
    print_result(json, &json!({"account": name.to_string(), "created": created}), &format!("{action} {name}"))
}

async fn create_account(settings: &Config, accounts: &Accounts, options: &NewUser, json: bool) -> Result<(), Failure> {
    let NewUser { account: options, full_name } = options;
    let name = parse_name(accounts, &options.account)?;
    if full_name.is_some() {
        require_database(&icat::SERVICE, settings).await?;
    }
    accounts.create_account(&name, &read_new_password(options)?).await.map_err(to_failure)?;
    let mut sentence = format!("created {name}");
    if let Some(full_name) = full_name {
        sentence.push('\n');
        sentence.push_str(&set_full_name(settings, &name, full_name).await?.render_text());
    }
    print_result(json, &json!({"account": name.to_string(), "created": true}), &sentence)
}

/// Stores the full name of a user in the catalogue.
async fn set_full_name(settings: &Config, name: &AccountName, full_name: &str) -> Result<catalogue::Report, Failure> {
    let catalogue = Catalogue::open(settings, None).await?;
    let name = name.to_string();
    let report = catalogue
        .change_rows(OnConflict::Refuse, false, async |rows| {
            rows.name_user(&name, Some(full_name), OtherValues::Change).await.map(drop)
        })
        .await?;
    catalogue.close().await;
    Ok(report)
}

async fn set_password(accounts: &Accounts, options: &AddUser, json: bool) -> Result<(), Failure> {
    let name = parse_name(accounts, &options.account)?;
    accounts.set_password(&name, &read_new_password(options)?).await.map_err(to_failure)?;
    let sentence = format!("changed the password of {name}, and ended its sessions");
    print_result(json, &json!({"account": name.to_string()}), &sentence)
}

async fn remove_account(accounts: &Accounts, account: &str, json: bool) -> Result<(), Failure> {
    let name = parse_name(accounts, account)?;
    accounts.remove_account(&name).await.map_err(to_failure)?;
    print_result(json, &json!({"account": name.to_string()}), &format!("removed {name}, and ended its sessions"))
}

async fn unbind_user_name(accounts: &Accounts, user: &str, json: bool) -> Result<(), Failure> {
    if !accounts.unbind_user_name(user).await.map_err(to_failure)? {
        return Err(Failure::Failed(format!("{user} belongs to no user of an identity provider")));
    }
    let sentence = format!("{user} belongs to the next user who logs in with this name");
    print_result(json, &json!({"account": user, "unbound": true}), &sentence)
}

async fn list_accounts(accounts: &Accounts, json: bool) -> Result<(), Failure> {
    let all = accounts.list_accounts().await.map_err(to_failure)?;
    let width = all.iter().map(|account| account.name.to_string().chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for account in &all {
        let name = account.name.to_string();
        let set_at = account.password_set_at.strftime("%Y-%m-%d").to_string();
        let locked = account.locked_at.map(|at| format!("  locked since {}", at.strftime("%Y-%m-%d")));
        lines.push(format!("{name:<width$}  password of {set_at}{}", locked.unwrap_or_default()));
        values.push(json!({
            "account": name,
            "password_set_at": account.password_set_at.to_string(),
            "locked_at": account.locked_at.map(|at| at.to_string()),
        }));
    }
    let sentence = if lines.is_empty() { "there are no accounts".to_owned() } else { lines.join("\n") };
    print_result(json, &values, &sentence)
}

fn print_lock(name: &AccountName, locked: bool, changed: bool, json: bool) -> Result<(), Failure> {
    let sentence = match (locked, changed) {
        (true, true) => format!("locked {name}, and ended its sessions"),
        (true, false) => format!("{name} is locked already"),
        (false, true) => format!("unlocked {name}"),
        (false, false) => format!("{name} is not locked"),
    };
    print_result(json, &json!({"account": name.to_string(), "locked": locked, "changed": changed}), &sentence)
}

fn parse_name(accounts: &Accounts, account: &str) -> Result<AccountName, Failure> {
    accounts.parse_name(account).map_err(to_failure)
}

/// Reads a new password from the file, from the terminal, or from stdin.
fn read_new_password(options: &AddUser) -> Result<String, Failure> {
    match options.password_file.as_deref() {
        None if io::stdin().is_terminal() => ask_new_password(&options.account),
        file => read_first_line("password", file.unwrap_or(Path::new("-"))),
    }
}
