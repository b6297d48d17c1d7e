//! `undulator auth sessions …`: who is logged in.

use auth::{Administration, LoginRow};
use serde_json::json;
use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Micros, Sources};

use super::account_errors::from_administration_error;
use crate::cli::SessionsCommand;

/// Of the id of a login, in a list for people.
const SHOWN_ID_CHARS: usize = 12;

pub async fn run_sessions_command(settings: &Config, command: SessionsCommand, json: bool) -> Result<(), Failure> {
    let administration =
        auth::open_administration(settings, &Sources::default()).await.map_err(from_administration_error)?;
    let outcome = match command {
        SessionsCommand::List { user } => list_logins(&administration, user.as_deref(), json).await,
        SessionsCommand::End { id: Some(id), .. } => end_login(&administration, &id, json).await,
        SessionsCommand::End { user, .. } => end_logins_of_user(&administration, &user.unwrap_or_default(), json).await,
    };
    administration.close().await;
    outcome
}

async fn list_logins(administration: &Administration, user: Option<&str>, json: bool) -> Result<(), Failure> {
    let logins = administration.list_logins(user).await.map_err(from_administration_error)?;
    let width = logins.iter().map(|login| login.user_name.chars().count()).max().unwrap_or_default();
    let lines: Vec<String> = logins.iter().map(|login| render_login(login, width)).collect();
    let values: Vec<_> = logins
        .iter()
        .map(|login| {
            json!({
                "id": login.sid_hash,
                "user": login.user_name,
                "mechanism": login.mechanism,
                "client": login.client,
                "started_at": login.started_at.to_timestamp().to_string(),
                "last_used_at": login.last_used_at.to_timestamp().to_string(),
                "ends_at": login.ends_at.to_timestamp().to_string(),
                "address": login.address,
                "user_agent": login.user_agent,
            })
        })
        .collect();
    let sentence = if lines.is_empty() { "nobody is logged in".to_owned() } else { lines.join("\n") };
    print_result(json, &values, &sentence)
}

fn render_login(login: &LoginRow, width: usize) -> String {
    let id = login.sid_hash.get(..SHOWN_ID_CHARS).unwrap_or(&login.sid_hash);
    let minute = |moment: Micros| moment.to_timestamp().strftime("%Y-%m-%d %H:%M").to_string();
    let address = login.address.as_deref().unwrap_or("-");
    format!(
        "{id}  {:<width$}  since {} UTC  used {}  {}  {address}",
        login.user_name,
        minute(login.started_at),
        minute(login.last_used_at),
        login.client
    )
}

async fn end_login(administration: &Administration, id: &str, json: bool) -> Result<(), Failure> {
    let ended = administration.end_login(&find_whole_id(administration, id).await?).await;
    let user = ended.map_err(from_administration_error)?;
    let user = user.ok_or_else(|| Failure::Failed(format!("the login {id} has ended already")))?;
    print_result(json, &json!({"user": user, "ended": 1}), &format!("ended a login of {user}"))
}

/// The login whose id begins so.
async fn find_whole_id(administration: &Administration, beginning: &str) -> Result<String, Failure> {
    let logins = administration.list_logins(None).await.map_err(from_administration_error)?;
    let mut found = logins.into_iter().filter(|login| login.sid_hash.starts_with(beginning));
    match (found.next(), found.next()) {
        (Some(login), None) => Ok(login.sid_hash),
        (Some(_), Some(_)) => Err(Failure::Usage(format!("the ids of several logins begin with {beginning}"))),
        // It may be older than those of the list.
        (None, _) => Ok(beginning.to_owned()),
    }
}

async fn end_logins_of_user(administration: &Administration, user: &str, json: bool) -> Result<(), Failure> {
    let ended = administration.end_logins_of_user(user).await.map_err(from_administration_error)?;
    let sentence = format!("ended {ended} logins of {user}, and the sessions at the embedded catalogue");
    print_result(json, &json!({"user": user, "ended": ended}), &sentence)
}
