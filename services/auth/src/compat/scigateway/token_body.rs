//! The body of `/verify`, `/refresh` and `/logout`.

use actix_web::HttpRequest;
use service_kit::Problem;
use utoipa::ToSchema;

use super::bodies::parse_json;
use super::fields::Fields;

/// Longer ones are not tokens.
pub const MAX_TOKEN_CHARS: usize = 16 * 1024;

/// A token of this interface.
#[derive(ToSchema)]
pub struct ScigatewayToken {
    pub token: String,
}

impl ScigatewayToken {
    pub fn from_request(request: &HttpRequest, body: &[u8]) -> Result<Self, Problem> {
        let value = parse_json(request, body)?;
        let mut fields = Fields::from_parameters(&value);
        let token = fields.require_text("token", MAX_TOKEN_CHARS);
        fields.into_result().map(|()| Self { token })
    }
}
