//! `/authn.<name>` for tokens of an `OpenID` Connect provider: requests, answers and messages of authn.oidc 2.0.1.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Mount, Problem};

use super::{Authenticator, get_credential, get_token_description, parse_json_field, read_origin, user_response};
use crate::config::Config;
use crate::domain::issuer_user::IssuerUser;
use crate::login_origins::LoginOrigins;
use crate::login_recorder::LoginRecorder;
use crate::state::State;
use crate::token_issuers::{TokenFault, TokenIssuer};

pub const AUTHENTICATOR: Authenticator = Authenticator { list_names, add_routes };

struct Plugin {
    issuer: Option<Arc<TokenIssuer>>,
    recorder: LoginRecorder,
    origins: LoginOrigins,
}

impl Plugin {
    fn issuer(&self) -> Result<&TokenIssuer, Problem> {
        self.issuer.as_deref().ok_or_else(|| Problem::internal("a plugin without an issuer"))
    }
}

fn list_names(config: &Config) -> Vec<String> {
    config.list_token_issuers().map(|issuer| issuer.name.clone()).collect()
}

fn add_routes(mount: Mount, state: &Arc<State>, name: &str) -> Mount {
    let plugin = Plugin {
        issuer: state.token_issuers.find_by_name(name),
        recorder: state.recorder.clone(),
        origins: state.login_origins.clone(),
    };
    mount
        .state(Arc::new(plugin))
        .get("/description", get_token_description)
        .post("/authenticate", authenticate_user)
        .post("/jwkupdate", update_keys)
}

async fn authenticate_user(
    plugin: web::Data<Plugin>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let (login, issuer) = (parse_json_field(&body)?, plugin.issuer()?);
    let origin = read_origin(&plugin.origins, &login, &request).await;
    let token = get_credential(&login, "token").unwrap_or_default();
    let found = issuer.authenticate_token(token, origin.address).await;
    let user_name = found.as_ref().ok().map(IssuerUser::to_user_name);
    let outcome = found.as_ref().map(drop).map_err(TokenFault::as_str);
    let name = &issuer.settings.name;
    // No login that the audit log does not have.
    plugin.recorder.record_provider_login(name, user_name.as_deref(), &origin, outcome).await?;
    match found {
        Ok(user) => Ok(user_response(&user.name, user.mechanism.as_deref())),
        Err(fault) => Err(fault.into_problem(name, &issuer.settings.required_scope)),
    }
}

/// For a provider that has changed its keys.
async fn update_keys(plugin: web::Data<Plugin>) -> Result<HttpResponse, Problem> {
    let issuer = plugin.issuer()?;
    let refused = |e| TokenFault::Provider(e).into_problem(&issuer.settings.name, &issuer.settings.required_scope);
    issuer.refetch_keys().await.map_err(refused)?;
    Ok(HttpResponse::NoContent().finish())
}
