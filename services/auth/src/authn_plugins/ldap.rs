//! `/authn.<mechanism>` for the accounts of an LDAP directory.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Code, Mount, Problem};

use super::{Authenticator, get_credential, get_password_description, parse_json_field, read_origin, user_response};
use crate::config::Config;
use crate::directories::{Directory, DirectoryFault};
use crate::error::{bad_credentials, logins_unavailable};
use crate::login_metrics::LoginOutcome;
use crate::login_origins::LoginOrigins;
use crate::login_recorder::LoginRecorder;
use crate::login_throttle::LoginThrottle;
use crate::state::State;

pub const AUTHENTICATOR: Authenticator = Authenticator { list_names, add_routes };

/// How soon a login can be tried again while the directory does not answer, in seconds.
const RETRY_SECONDS: u32 = 5;

struct Plugin {
    directory: Option<Arc<Directory>>,
    recorder: LoginRecorder,
    throttle: LoginThrottle,
    origins: LoginOrigins,
    mechanism: String,
}

fn list_names(config: &Config) -> Vec<String> {
    config.list_directories().map(|directory| directory.mechanism().to_owned()).collect()
}

fn add_routes(mount: Mount, state: &Arc<State>, mechanism: &str) -> Mount {
    let plugin = Plugin {
        directory: state.directories.find_by_mechanism(mechanism),
        recorder: state.recorder.clone(),
        throttle: state.login_throttle.clone(),
        origins: state.login_origins.clone(),
        mechanism: mechanism.to_owned(),
    };
    mount.state(Arc::new(plugin)).get("/description", get_password_description).post("/authenticate", authenticate_user)
}

async fn authenticate_user(
    plugin: web::Data<Plugin>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let login = parse_json_field(&body)?;
    let (name, password) = (get_credential(&login, "username"), get_credential(&login, "password"));
    let (name, password) = (name.unwrap_or_default(), password.unwrap_or_default());
    let directory = plugin.directory.as_ref().ok_or_else(|| Problem::internal("a mechanism without a directory"))?;
    let origin = read_origin(&plugin.origins, &login, &request).await;
    let attempt = plugin.throttle.begin_attempt(&plugin.mechanism, name, &origin).await?;
    let found = directory.authenticate_user(name, password).await;
    let (recorded_name, outcome) = match &found {
        Ok(user) => (user.name.as_str(), LoginOutcome::Accepted),
        Err(DirectoryFault::WrongPassword) => (name, LoginOutcome::WrongPassword),
        Err(DirectoryFault::UnknownUser) => (name, LoginOutcome::UnknownAccount),
        Err(DirectoryFault::Unavailable(_)) => (name, LoginOutcome::Unavailable),
    };
    attempt.end_attempt(outcome);
    // No login that the audit log does not have.
    plugin.recorder.record_local_login(&plugin.mechanism, recorded_name, &origin, outcome).await?;
    match found {
        Ok(user) => Ok(user_response(&user.name, Some(&user.mechanism))),
        Err(DirectoryFault::Unavailable(reason)) => {
            let source = Problem::new(Code::Unavailable, "auth/directory-down", reason).with_retry_after(RETRY_SECONDS);
            Err(logins_unavailable(source))
        }
        Err(DirectoryFault::WrongPassword | DirectoryFault::UnknownUser) => Err(bad_credentials()),
    }
}
