//! `/authn.delegate`: a login that auth itself has proved, at an identity provider. The credential `token` is a one-time
//! assertion; the keys are those of authn.delegating, but the name is the one that was signed.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Code, Mount, Problem};

use super::{Authenticator, get_credential, get_token_description, parse_json_field, read_origin, user_response};
use crate::assertions::{AssertionFault, Assertions, DELEGATE_MECHANISM};
use crate::login_origins::LoginOrigins;
use crate::login_recorder::LoginRecorder;
use crate::state::State;

pub const AUTHENTICATOR: Authenticator =
    Authenticator { list_names: |_| vec![DELEGATE_MECHANISM.to_owned()], add_routes };

struct Plugin {
    assertions: Arc<Assertions>,
    recorder: LoginRecorder,
    origins: LoginOrigins,
}

fn add_routes(mount: Mount, state: &Arc<State>, _: &str) -> Mount {
    let plugin = Plugin {
        assertions: Arc::clone(&state.assertions),
        recorder: state.recorder.clone(),
        origins: state.login_origins.clone(),
    };
    mount.state(Arc::new(plugin)).get("/description", get_token_description).post("/authenticate", authenticate_user)
}

async fn authenticate_user(
    plugin: web::Data<Plugin>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let login = parse_json_field(&body)?;
    let assertion = get_credential(&login, "token").unwrap_or_default();
    match plugin.assertions.accept_assertion(assertion).await {
        Ok(user) => Ok(user_response(&user.name, Some(&user.mechanism))),
        Err(AssertionFault::Failed(e)) => Err(e.into()),
        Err(fault) => {
            let origin = read_origin(&plugin.origins, &login, &request).await;
            plugin.recorder.record_provider_login(DELEGATE_MECHANISM, None, &origin, Err(fault.as_str())).await?;
            Err(Problem::new(Code::Forbidden, "auth/bad-assertion", "The token is not valid"))
        }
    }
}
