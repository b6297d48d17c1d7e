//! `undulator auth user link|unlink|links`: which users of identity providers get which account.

use auth::Administration;
use serde_json::json;
use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Sources};

use super::account_errors::from_administration_error;
use crate::cli::LinkCommand;

pub async fn run_link_command(settings: &Config, command: LinkCommand, json: bool) -> Result<(), Failure> {
    let administration =
        auth::open_administration(settings, &Sources::default()).await.map_err(from_administration_error)?;
    let outcome = match command {
        LinkCommand::Link { account, provider, subject } => {
            link_user(&administration, &account, &provider, &subject, json).await
        }
        LinkCommand::Unlink { account, provider } => unlink_user(&administration, &account, &provider, json).await,
        LinkCommand::Links { account } => list_links(&administration, &account, json).await,
    };
    administration.close().await;
    outcome
}

async fn link_user(
    administration: &Administration,
    account: &str,
    provider: &str,
    subject: &str,
    json: bool,
) -> Result<(), Failure> {
    let linked = administration.link_user(provider, subject, account).await.map_err(from_administration_error)?;
    let sentence = if linked {
        format!("{subject} at {provider} logs in as {account} from now on")
    } else {
        format!("{subject} at {provider} logs in as {account} already")
    };
    print_result(json, &json!({"account": account, "provider": provider, "changed": linked}), &sentence)
}

async fn unlink_user(
    administration: &Administration,
    account: &str,
    provider: &str,
    json: bool,
) -> Result<(), Failure> {
    if !administration.unlink_user(account, provider).await.map_err(from_administration_error)? {
        return Err(Failure::Failed(format!("{account} is linked to nobody at {provider}")));
    }
    let sentence = format!("nobody at {provider} logs in as {account} by a link any more; logins of before go on");
    print_result(json, &json!({"account": account, "provider": provider, "changed": true}), &sentence)
}

async fn list_links(administration: &Administration, account: &str, json: bool) -> Result<(), Failure> {
    let links = administration.list_links(account).await.map_err(from_administration_error)?;
    let day = |link: &auth::AccountLinkRow| link.linked_at.to_timestamp().strftime("%Y-%m-%d").to_string();
    let lines: Vec<String> =
        links.iter().map(|link| format!("{}  since {} by {}", link.provider, day(link), link.linked_by)).collect();
    let values: Vec<_> = links
        .iter()
        .map(|link| {
            json!({
                "provider": link.provider,
                "issuer": link.issuer,
                "linked_at": link.linked_at.to_timestamp().to_string(),
                "linked_by": link.linked_by,
            })
        })
        .collect();
    let sentence = if lines.is_empty() { format!("{account} has no links") } else { lines.join("\n") };
    print_result(json, &values, &sentence)
}
