//! ICAT authenticator plugins (authn.db, authn.simple, authn.anon, authn.ldap, authn.oidc, and one for logins at identity providers),
//! which an icat.server calls for each login.

mod anonymous;
mod delegate;
mod ldap;
mod local;
mod oidc;

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode;
use serde_json::{Value, json};
use service_kit::{Code, ConfigError, Listener, Mount, Problem};

use crate::config::Config;
use crate::domain::origin::Origin;
use crate::error_format::AUTHN_ERRORS;
use crate::login_origins::{LoginOrigins, ORIGIN_CREDENTIAL};
use crate::request_origin::read_request_id;
use crate::state::State;

/// An authenticator: the names under which ICAT knows it, and its routes, which are the same for each of them.
struct Authenticator {
    /// The plugin `db` is mounted at `/authn.db`. Except for `oidc`, the name is the mechanism of its users.
    list_names: fn(&Config) -> Vec<String>,
    add_routes: fn(Mount, &Arc<State>, &str) -> Mount,
}

/// All authenticators of this service. A new one is a file in this directory and a line here.
const AUTHENTICATORS: [Authenticator; 5] =
    [anonymous::AUTHENTICATOR, delegate::AUTHENTICATOR, ldap::AUTHENTICATOR, local::AUTHENTICATOR, oidc::AUTHENTICATOR];

/// An error if several authenticators or identity providers have the same mechanism: the users of one would have the accounts of
/// the other. An identity provider and a plugin for the tokens of the same issuer may share theirs. Capitals and small letters are the
/// same here.
pub fn check_mechanisms(config: &Config) -> Result<(), ConfigError> {
    let mut known = HashSet::new();
    let mut names = AUTHENTICATORS.iter().flat_map(|authenticator| (authenticator.list_names)(config));
    if let Some(twice) = names.find(|name| !known.insert(name.to_lowercase())) {
        return Err(ConfigError(format!(
            "auth.local_mechanisms, auth.providers, auth.plugins: the mechanism `{twice}` is listed twice, or belongs to another \
             authenticator"
        )));
    }
    let is_of_same_issuer = |mechanism: &str, issuer: &str| {
        let has_mechanism = |other: &str| other.eq_ignore_ascii_case(mechanism);
        config.list_token_issuers().any(|plugin| has_mechanism(plugin.mechanism()) && plugin.issuer() == issuer)
    };
    let taken = |list: &str, name: &str, mechanism: &str| {
        Err(ConfigError(format!(
            "{list}: `{name}`: the mechanism `{mechanism}` belongs to another provider or authenticator, whose users its users \
             would become; choose another mechanism"
        )))
    };
    let mut of_providers = HashSet::new();
    for provider in config.list_oidc_providers() {
        let mechanism = provider.mechanism();
        let is_free = of_providers.insert(mechanism.to_lowercase())
            && (!known.contains(&mechanism.to_lowercase()) || is_of_same_issuer(mechanism, provider.issuer()));
        if !is_free {
            return taken("auth.providers", &provider.name, mechanism);
        }
    }
    for plugin in config.list_token_issuers() {
        let mechanism = plugin.mechanism().to_lowercase();
        let is_of_authenticator = mechanism != plugin.name.to_lowercase() && known.contains(&mechanism);
        let mut providers =
            config.list_oidc_providers().filter(|other| other.mechanism().eq_ignore_ascii_case(&mechanism));
        if is_of_authenticator || providers.any(|provider| provider.issuer() != plugin.issuer()) {
            return taken("auth.plugins", &plugin.name, plugin.mechanism());
        }
    }
    Ok(())
}

/// The plugins of all authenticators.
pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for Authenticator { list_names, add_routes } in AUTHENTICATORS {
        for name in list_names(&state.config) {
            let mount = Mount::new(format!("/authn.{name}"), Listener::Internal, AUTHN_ERRORS);
            mounts.push(add_routes(mount.get("/version", get_version), state, &name));
        }
    }
    mounts
}

async fn get_version() -> HttpResponse {
    json_response(concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}"))
}

fn json_response(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body.into())
}

/// The description of plugins that ask for a name and a password. icat.server compares the descriptions of several addresses byte
/// by byte.
async fn get_password_description() -> HttpResponse {
    json_response("{\"keys\":[{\"name\":\"username\"},{\"name\":\"password\",\"hide\":true}]}")
}

/// The same of plugins that ask for a token.
async fn get_token_description() -> HttpResponse {
    json_response("{\"keys\":[{\"name\":\"token\",\"hide\":true}]}")
}

/// The answer for somebody who is let in. icat.server fails at a `mechanism` that is null.
fn user_response(name: &str, mechanism: Option<&str>) -> HttpResponse {
    let user = match mechanism {
        Some(mechanism) => json!({"username": name, "mechanism": mechanism}),
        None => json!({"username": name}),
    };
    json_response(user.to_string())
}

/// Where a login came from: as auth has signed it, if the login came through auth, or as ICAT says.
async fn read_origin(origins: &LoginOrigins, login: &Value, request: &HttpRequest) -> Origin {
    let signed = match get_credential(login, ORIGIN_CREDENTIAL) {
        Some(credential) => origins.verify_address(credential).await,
        None => None,
    };
    let address = signed.or_else(|| login.get("ip")?.as_str()?.parse().ok());
    Origin { address, user_agent: None, request_id: read_request_id(request) }
}

/// The form field `json` of a login. icat.server sends Latin-1, everybody else UTF-8.
fn parse_json_field(body: &Bytes) -> Result<Value, Problem> {
    let bad = |text: &str| Problem::new(Code::BadRequest, "auth/bad-request", text);
    let raw = body.split(|b| *b == b'&').find_map(|pair| pair.strip_prefix(b"json="));
    let raw = raw.ok_or_else(|| bad("the form field json is missing"))?;
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    let text = String::from_utf8(bytes).unwrap_or_else(|e| e.as_bytes().iter().map(|b| char::from(*b)).collect());
    serde_json::from_str(&text).map_err(|_| bad("the form field json is not JSON"))
}

/// The value of a credential: objects may have one key or several, only texts count, and the last value wins.
fn get_credential<'j>(json: &'j Value, key: &str) -> Option<&'j str> {
    let objects = json.get("credentials").and_then(Value::as_array).into_iter().flatten();
    objects.filter_map(|object| object.get(key)).filter_map(Value::as_str).next_back()
}

#[cfg(test)]
mod tests {
    use service_kit::Config as Settings;

    use super::*;

    #[test]
    fn each_mechanism_has_one_authenticator() {
        let config = |mechanisms: &[&str]| {
            let toml = format!("[auth]\nlocal_mechanisms = {mechanisms:?}\n");
            Config::from_settings(&Settings::from_toml(&[crate::SERVICE.settings], &toml).unwrap()).unwrap()
        };
        assert!(check_mechanisms(&config(&["db", "simple"])).is_ok());
        let with_providers = |mechanisms: [&str; 2]| {
            let tables = mechanisms.iter().enumerate().map(|(number, mechanism)| {
                format!(
                    "[[auth.providers]]\nname = \"p{number}\"\nkind = \"oidc\"\nmechanism = \"{mechanism}\"\nclient_id = \"u\"\n\
                     configuration_url = \"https://id.example/.well-known/openid-configuration\"\n"
                )
            });
            let toml = format!("public_url = \"https://data.example.org\"\n{}", tables.collect::<String>());
            check_mechanisms(
                &Config::from_settings(&Settings::from_toml(&[crate::SERVICE.settings], &toml).unwrap()).unwrap(),
            )
        };
        assert!(with_providers(["lab", "orcid"]).is_ok());
        for wrong in [["lab", "LAB"], ["lab", "db"], ["Anon", "lab"], ["lab", "delegate"]] {
            assert!(with_providers(wrong).is_err(), "{wrong:?}");
        }
        for wrong in [&["db", "db"], &["db", "anon"], &["db", "delegate"]] {
            assert!(check_mechanisms(&config(wrong)).unwrap_err().0.contains(wrong[1]));
        }
    }
}
