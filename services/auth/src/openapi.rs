//! The `OpenAPI` document. Its operations are documented at their handlers; the internal listener is not part of it.

use service_kit::openapi::{Bearer, Failure};
use utoipa::openapi::{RefOr, Required};
use utoipa::{Modify, OpenApi};

use crate::compat::scigateway;
use crate::error_format::ScigatewayFailure;
use crate::routes::{api_keys, discovery, jwks, logins, logout, oidc, providers, revoked, session, token};

/// `services/auth/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: logins",
        description = "Access tokens and the keys to verify them with, and the sessions of ICAT+.\n\nLogins go to \
            ICAT, which calls its authenticators. Every path answers OPTIONS with `Allow`, and every GET also as \
            HEAD; other methods answer 405 with `Allow`. The interface of scigateway-auth answers 405 to OPTIONS and \
            HEAD as well.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "tokens", description = "Access tokens, and the keys to verify them with"),
        (name = "logins", description = "Where a user is logged in"),
        (name = "keys", description = "API keys of programs"),
        (name = "providers", description = "Logins with identity providers"),
        (name = "scigateway", description = "The interface of scigateway-auth, below `auth.scigateway_prefix`"),
        (name = "sessions", description = "Sessions of ICAT+"),
    ),
    paths(
        token::create::create_token,
        token::end::end_token,
        token::refresh::refresh_token,
        logout::log_out,
        logins::list::list_logins,
        logins::end::end_login,
        api_keys::create::create_api_key,
        api_keys::list::list_api_keys,
        api_keys::revoke::revoke_api_key,
        token::create_from_provider::create_token_from_provider,
        providers::list::list_providers,
        providers::device::get_device_login,
        oidc::backchannel_logout::end_logins,
        revoked::list_revoked,
        jwks::get_keys,
        discovery::get_discovery,
        session::create::create_session,
        session::get::get_session,
        session::refresh::refresh_session,
        session::end::end_session,
        scigateway::authenticators::list_authenticators,
        scigateway::login::log_in,
        scigateway::refresh::refresh_token,
        scigateway::verify::verify_token,
        scigateway::logout::log_out,
        scigateway::maintenance::get_state,
        scigateway::maintenance::put_state,
        scigateway::maintenance::post_state,
        scigateway::scheduled_maintenance::get_state,
        scigateway::scheduled_maintenance::put_state,
        scigateway::scheduled_maintenance::post_state,
        scigateway::oidc_providers::list_providers,
        scigateway::oidc_token::exchange_code,
        scigateway::oidc_login::log_in_with_id_token,
        scigateway::jwks::get_keys,
    ),
    components(schemas(Failure, ScigatewayFailure)),
    modifiers(&BEARER, &OptionalBody),
)]
pub struct Document;

const BEARER: Bearer = Bearer("An access token, or, to get one, an ICAT session id");

/// Marks bodies as optional, which the attribute at the handler cannot express.
struct OptionalBody;

impl Modify for OptionalBody {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for path in ["/auth/v1/token", "/auth/v1/logout"] {
            let operation = document.paths.paths.get_mut(path).and_then(|path| path.post.as_mut());
            if let Some(RefOr::T(body)) = operation.and_then(|operation| operation.request_body.as_mut()) {
                body.required = Some(Required::False);
            }
        }
    }
}
