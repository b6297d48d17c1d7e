//! `undulator auth api-key …`: API keys of programs that are stored in the database.

use auth::domain::api_key::ApiKeyTerms;
use auth::store::api_keys::ApiKeyRow;
use auth::{ApiKeyError, ApiKeys, KeyAdministrator};
use serde_json::{Value, json};
use service_kit::cli::{Failure, print_result};
use service_kit::{Clock as _, Config, Micros, Sources, SystemClock};

use crate::cli::{ApiKeyCommand, NewApiKey};

/// So many keys are read at once.
const PAGE: i64 = 500;

pub async fn run_api_key_command(settings: &Config, command: ApiKeyCommand, json: bool) -> Result<(), Failure> {
    let keys = auth::open_api_keys(settings, &Sources::default()).await.map_err(to_failure)?;
    let outcome = match command {
        ApiKeyCommand::Create(options) => create_key(&keys, options, json).await,
        ApiKeyCommand::List { user } => list_keys(&keys, user.as_deref(), json).await,
        ApiKeyCommand::Revoke { key } => revoke_key(settings, &keys, &key, json).await,
    };
    keys.close().await;
    outcome
}

async fn create_key(keys: &ApiKeys, options: NewApiKey, json: bool) -> Result<(), Failure> {
    let expires = options.expires.find_moment(SystemClock.now()).map_err(|e| Failure::Usage(e.to_string()))?;
    let terms = ApiKeyTerms {
        name: options.name,
        user_name: options.user,
        scopes: options.scopes,
        instruments: options.instruments,
        expires_at: expires.into(),
    };
    let created = keys.create_key(terms, &KeyAdministrator::command_line()).await.map_err(to_failure)?;
    let terms = &created.row.terms;
    let writes_anywhere = terms.instruments.is_empty() && terms.scopes.iter().any(|scope| scope.ends_with(":write"));
    if writes_anywhere {
        eprintln!("the key may write for every instrument; --instrument restricts it");
    }
    eprintln!(
        "created the API key {} for {}, which expires at {}. It is shown only now; store it safely:",
        terms.name,
        terms.user_name,
        terms.expires_at.to_timestamp()
    );
    let mut value = describe_key(keys, &created.row);
    value["key"] = created.key.expose().into();
    print_result(json, &value, created.key.expose())
}

async fn list_keys(keys: &ApiKeys, user: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut rows: Vec<ApiKeyRow> = Vec::new();
    loop {
        let after = rows.last().map_or((Micros::MAX, ""), |row| (row.created_at, row.id.as_str()));
        let page = keys.list_keys(user, after, PAGE).await.map_err(|e| Failure::from_error(&e))?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or_default();
        rows.extend(page);
        if is_last {
            break;
        }
    }
    let width = rows.iter().map(|row| row.terms.name.len()).max().unwrap_or_default();
    let lines: Vec<String> = rows.iter().map(|row| render_key(keys, row, width)).collect();
    let sentence = if lines.is_empty() { "there are no API keys in the database".to_owned() } else { lines.join("\n") };
    let values: Vec<Value> = rows.iter().map(|row| describe_key(keys, row)).collect();
    print_result(json, &values, &sentence)
}

async fn revoke_key(settings: &Config, keys: &ApiKeys, name_or_id: &str, json: bool) -> Result<(), Failure> {
    let found = keys.find_key_by_name_or_id(name_or_id).await.map_err(|e| Failure::from_error(&e))?;
    let row = found.ok_or_else(|| Failure::Failed(explain_unknown_key(settings, name_or_id)))?;
    let changed = keys.revoke_key(&row, &KeyAdministrator::command_line()).await;
    let changed = changed.map_err(|e| Failure::from_error(&e))?;
    let name = &row.terms.name;
    let sentence = if changed { format!("revoked the API key {name}") } else { format!("{name} was revoked before") };
    print_result(json, &json!({"name": name, "id": row.id, "revoked": changed}), &sentence)
}

fn explain_unknown_key(settings: &Config, name_or_id: &str) -> String {
    if settings.core.identity.api_keys.iter().any(|key| key.name == name_or_id) {
        return format!("{name_or_id} is an API key of the settings (identity.api_keys); remove it there, and restart");
    }
    format!("there is no API key {name_or_id} that is not revoked; `undulator auth api-key list` lists them")
}

fn render_key(keys: &ApiKeys, row: &ApiKeyRow, width: usize) -> String {
    let ApiKeyTerms { name, user_name, scopes, instruments, expires_at } = &row.terms;
    let state = keys.find_state(row).as_str();
    let expires = expires_at.to_timestamp().strftime("%Y-%m-%d").to_string();
    let instruments = if instruments.is_empty() { "all instruments".to_owned() } else { instruments.join(",") };
    format!("{name:<width$}  {state:<7}  until {expires}  {user_name}  {}  {instruments}  {}", scopes.join(","), row.id)
}

/// As `GET /auth/v1/api-keys` describes it.
fn describe_key(keys: &ApiKeys, row: &ApiKeyRow) -> Value {
    let render_moment = |moment: Option<Micros>| moment.map(|moment| moment.to_timestamp().to_string());
    json!({
        "id": row.id,
        "name": row.terms.name,
        "user": row.terms.user_name,
        "scopes": row.terms.scopes,
        "instruments": row.terms.instruments,
        "state": keys.find_state(row).as_str(),
        "expires": render_moment(Some(row.terms.expires_at)),
        "created_at": render_moment(Some(row.created_at)),
        "created_by": row.created_by,
        "last_used_at": render_moment(row.last_used_at),
        "revoked_at": render_moment(row.revoked_at),
        "revoked_by": row.revoked_by,
    })
}

fn to_failure(e: ApiKeyError) -> Failure {
    match e {
        ApiKeyError::Invalid(text) => Failure::Usage(text),
        ApiKeyError::Setup(e) => e.into(),
        other => Failure::from_error(&other),
    }
}
