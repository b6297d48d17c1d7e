//! `POST /oidc_token/{provider}`: exchanges an authorization code that a page has got. Unlike scigateway-auth, the code may come
//! with its PKCE verifier and redirect address, and the provider's refresh token is not passed on.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::bodies::{parse_json, require_text_body};
use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures, from_provider_failure};
use super::fields::Fields;
use crate::error_format::ScigatewayFailure;
use crate::providers::CodeExchange;
use crate::state::State;

/// Longer texts are not sent to the provider.
const MAX_CHARS: usize = 4096;

/// A code, alone or with what proves that it was given to this page.
#[derive(ToSchema)]
#[schema(as = ScigatewayCode)]
pub struct GivenCode {
    code: String,
    code_verifier: Option<String>,
    redirect_uri: Option<String>,
}

impl GivenCode {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        if !value.is_object() {
            return Ok(Self { code: require_text_body(value)?, code_verifier: None, redirect_uri: None });
        }
        let mut fields = Fields::from_object(value);
        let code = fields.require_text("code", MAX_CHARS);
        let mut find_text = |name| value.get(name).is_some().then(|| fields.require_text(name, MAX_CHARS));
        let (code_verifier, redirect_uri) = (find_text("code_verifier"), find_text("redirect_uri"));
        fields.into_result().map(|()| Self { code, code_verifier, redirect_uri })
    }
}

/// What a page needs of the provider's answer.
#[derive(Serialize, ToSchema)]
struct ExchangedCode {
    id_token: String,
    access_token: String,
    token_type: &'static str,
}

#[utoipa::path(
    post, path = "/auth/oidc_token/{provider}", operation_id = "exchange_scigateway_code", tag = "scigateway",
    summary = "Exchange an authorization code (SciGateway)",
    params(("provider" = String, Path, description = "The name of the provider")),
    request_body(content = GivenCode, content_type = "application/json", description = "An object, or the code alone as a text"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "The tokens of the provider", body = ExchangedCode),
        (status = 404, description = "There is no such provider, or it has no secret", body = ScigatewayFailure),
    ),
)]
pub async fn exchange_code(
    state: web::Data<State>,
    request: HttpRequest,
    name: web::Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let given = GivenCode::from_value(&parse_json(&request, &body)?)?;
    // Browsers exchange the codes of public clients themselves.
    let provider = state.providers.find_by_name(&name).filter(|provider| provider.settings.has_secret());
    let provider = provider.ok_or_else(|| unknown_provider(&name))?;
    let default_uri = state.provider_logins.build_redirect_uri(provider);
    let exchange = CodeExchange {
        code: &given.code,
        redirect_uri: given.redirect_uri.as_deref().or(Some(&default_uri)),
        code_verifier: given.code_verifier.as_deref(),
    };
    let tokens = provider.exchange_code(&exchange).await.map_err(from_provider_failure)?;
    Ok(HttpResponse::Ok().json(ExchangedCode {
        id_token: tokens.id_token,
        access_token: tokens.access_token,
        token_type: "Bearer",
    }))
}

/// The words of scigateway-auth.
pub fn unknown_provider(provider: &str) -> Problem {
    Problem::new(Code::NotFound, "auth/unknown-provider", format!("Unknown OIDC provider: {provider}"))
}
