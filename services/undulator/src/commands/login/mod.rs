//! `undulator login`, `logout`, `whoami` and `token`: a login at a facility that other commands use. Its tokens stand in a file
//! that only its owner may read, and are renewed when they are used.

mod device_login;
mod login_file;
mod token_client;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use service_kit::cli::{Failure, print_result, print_text};
use service_kit::{Clock as _, HttpClient, SystemClock, command_client};

use self::device_login::{LoginDemand, get_id_token};
use self::login_file::{LoginFile, StoredLogin};
use self::token_client::{IssuedTokens, TokenClient, TokenError};
use super::passwords::{ask_password, read_first_line};
use super::requests::{RequestError, check_address, sanitize_text};
use super::session::warn_if_unencrypted;
use crate::cli::{ChosenLogin, Login};

/// A server that is silent for longer than this does not answer.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// An access token is renewed when it is valid for less than this.
const LEAST_VALIDITY: SignedDuration = SignedDuration::from_secs(60);

/// Logs in with a password or at an identity provider, and keeps the tokens.
pub async fn log_in(options: &Login, json: bool) -> Result<(), Failure> {
    let url = normalize_url(&options.url)?;
    warn_if_unencrypted(&url);
    // A file that cannot be used is named before the password is asked for. It is not locked while somebody types.
    drop(LoginFile::open()?);
    let http = command_client(&options.ca_file, READ_TIMEOUT)?;
    let client = TokenClient::new(http.clone(), &url);
    let login = match (&options.user, &options.provider) {
        (Some(user), _) => log_in_with_password(&client, &url, user, options.password_file.as_deref()).await?,
        (None, Some(provider)) => {
            let demand = LoginDemand { acr_values: &options.acr, max_age: options.max_age };
            log_in_at_provider(&http, &client, &url, provider, &demand).await?
        }
        (None, None) => {
            let text = "say who logs in: --user MECHANISM/NAME has a password, --provider NAME is an identity provider of the \
                        facility (its login page shows which there are)";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    let sentence = format!(
        "logged in as {} at {url} until {} at the latest; `undulator find` and `undulator get` with this --url need no --user now",
        login.user,
        login.ends_at.strftime("%Y-%m-%d %H:%M UTC")
    );
    let value = json!({"url": url, "user": login.user, "ends_at": login.ends_at});
    let mut file = LoginFile::open()?;
    let earlier = file.logins.insert(url, login);
    file.save_logins()?;
    drop(file);
    if let Some(earlier) = earlier {
        end_replaced_login(&client, &earlier).await;
    }
    print_result(json, &value, &sentence)
}

async fn log_in_with_password(
    client: &TokenClient,
    url: &str,
    user: &str,
    password_file: Option<&Path>,
) -> Result<StoredLogin, Failure> {
    let Some((mechanism, name)) = user.split_once('/') else {
        return Err(Failure::Usage(format!("--user {user} has no mechanism; write MECHANISM/NAME")));
    };
    let password = match password_file {
        Some(file) => read_first_line("password", file)?,
        None => ask_password(user)?,
    };
    let issued = client.create_tokens(mechanism, name, &password).await;
    let issued = issued.map_err(|e| Failure::Failed(format!("{user} cannot log in at {url}: {e}")))?;
    Ok(to_stored_login(user.to_owned(), None, issued))
}

async fn log_in_at_provider(
    http: &HttpClient,
    client: &TokenClient,
    url: &str,
    provider: &str,
    demand: &LoginDemand<'_>,
) -> Result<StoredLogin, Failure> {
    let failed = |e: RequestError| Failure::Failed(format!("cannot log in at {url} with {provider}: {e}"));
    let device = client.find_device_login(provider).await.map_err(failed)?;
    let id_token = get_id_token(http, &device, demand, |text| eprintln!("{text}")).await.map_err(failed)?;
    let issued = client.create_tokens_from_provider(provider, &id_token).await.map_err(failed)?;
    let not_understood =
        || failed(RequestError::Failed("the answer is not that of a login service; is its URL right?".to_owned()));
    let claims = read_claims(&issued.access_token).ok_or_else(not_understood)?;
    let user = sanitize_text(claims.get("sub").and_then(Value::as_str).ok_or_else(not_understood)?);
    let level = claims.get("acr").and_then(Value::as_str).unwrap_or("none");
    if !demand.acr_values.is_empty() && demand.acr_values.iter().all(|wanted| wanted != level) {
        let (wanted, level) = (demand.acr_values.join(" or "), sanitize_text(level));
        eprintln!(
            "{provider} was asked for the level {wanted}, and states {level}: what needs that level will be refused"
        );
    }
    Ok(to_stored_login(user, Some(provider.to_owned()), issued))
}

/// The claims of an access token. It comes from the facility itself, and they are only shown.
fn read_claims(access_token: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(access_token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// Ends a login at the facility, and forgets it.
pub async fn log_out(options: &ChosenLogin, json: bool) -> Result<(), Failure> {
    let mut file = LoginFile::open()?;
    let (url, login) = file.choose_login(options.url.as_deref().map(normalize_url).transpose()?.as_deref())?;
    let client = TokenClient::new(command_client(&options.ca_file, READ_TIMEOUT)?, &url);
    client.end_login(&login.refresh_token).await.map_err(|e| {
        Failure::Failed(format!("cannot log out at {url}: {e}; the login is kept, so that you can try again"))
    })?;
    file.logins.remove(&url);
    file.save_logins()?;
    print_result(json, &json!({"url": url, "user": login.user}), &format!("logged out at {url}"))
}

/// Prints who is logged in, after asking the facility.
pub async fn print_user(options: &ChosenLogin, json: bool) -> Result<(), Failure> {
    let http = command_client(&options.ca_file, READ_TIMEOUT)?;
    let current = find_current_login(&http, options.url.as_deref()).await?;
    let client = TokenClient::new(http, &current.url);
    let login = client.find_login_of_token(&current.login.access_token).await;
    let login = login.map_err(|e| Failure::Failed(format!("{} does not say who you are: {e}", current.url)))?;
    let value = json!({
        "url": current.url, "user": current.login.user, "mechanism": login.mechanism, "started_at": login.started_at,
        "ends_at": login.ends_at,
    });
    let since = login.started_at.strftime("%Y-%m-%d %H:%M UTC");
    let sentence = format!("{} at {}, logged in since {since}", current.login.user, current.url);
    print_result(json, &value, &sentence)
}

/// Prints an access token that is valid for a minute at least.
pub async fn print_token(options: &ChosenLogin, json: bool) -> Result<(), Failure> {
    let http = command_client(&options.ca_file, READ_TIMEOUT)?;
    let current = find_current_login(&http, options.url.as_deref()).await?;
    let StoredLogin { access_token, access_token_ends_at, user, .. } = current.login;
    if json {
        let value =
            json!({"access_token": access_token, "expires_at": access_token_ends_at, "url": current.url, "user": user});
        return print_result(true, &value, "");
    }
    print_text(&access_token)
}

/// An access token of the login at this URL; `None` if nobody is logged in there.
pub async fn find_access_token(http: &HttpClient, url: &str) -> Result<Option<String>, Failure> {
    let url = normalize_url(url)?;
    if !LoginFile::has_login(&url)? {
        return Ok(None);
    }
    Ok(Some(find_current_login(http, Some(&url)).await?.login.access_token))
}

/// A login whose access token is valid.
struct CurrentLogin {
    url: String,
    login: StoredLogin,
}

/// The file is locked meanwhile, because each refresh token is used once.
async fn find_current_login(http: &HttpClient, url: Option<&str>) -> Result<CurrentLogin, Failure> {
    let mut file = LoginFile::open()?;
    let (url, login) = file.choose_login(url.map(normalize_url).transpose()?.as_deref())?;
    if login.access_token_ends_at.duration_since(SystemClock.now()) > LEAST_VALIDITY {
        return Ok(CurrentLogin { url, login });
    }
    let client = TokenClient::new(http.clone(), &url);
    match client.refresh_tokens(&login.refresh_token).await {
        Ok(issued) => {
            let login = to_stored_login(login.user, login.provider, issued);
            file.logins.insert(url.clone(), login.clone());
            file.save_logins()?;
            Ok(CurrentLogin { url, login })
        }
        Err(TokenError::LoginEnded) => {
            file.logins.remove(&url);
            file.save_logins()?;
            let again = format!("undulator login --url {url} {}", login.login_option());
            Err(Failure::Failed(format!("the login at {url} has ended; log in again with `{again}`")))
        }
        Err(e) => Err(Failure::Failed(format!("the token for {url} cannot be renewed: {e}"))),
    }
}

fn to_stored_login(user: String, provider: Option<String>, issued: IssuedTokens) -> StoredLogin {
    let now = SystemClock.now();
    let after = |seconds: i64| now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    StoredLogin {
        user,
        provider,
        access_token_ends_at: after(issued.expires_in),
        ends_at: after(issued.refresh_expires_in),
        access_token: issued.access_token,
        refresh_token: issued.refresh_token,
    }
}

/// Ends a login that was replaced. If that fails, it ends by itself when it is not used.
async fn end_replaced_login(client: &TokenClient, login: &StoredLogin) {
    if let Err(e) = client.end_login(&login.refresh_token).await {
        eprintln!("the earlier login could not be ended ({e}); it ends by itself");
    }
}

fn normalize_url(url: &str) -> Result<String, Failure> {
    check_address(url)?;
    Ok(url.trim_end_matches('/').to_owned())
}
