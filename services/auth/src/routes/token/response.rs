//! The answer with an access token and, if the client asked for one, a refresh token.

use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::logins::{RefreshToken, TokenPlace};
use crate::routes::refresh_cookie::create_refresh_cookie;
use crate::tokens::SignedToken;

#[derive(Serialize, ToSchema)]
pub struct Token {
    /// A JWT (RFC 9068); anybody can verify it with the keys of `/.well-known/jwks.json`.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Lifetime in seconds; less than 600 if the ICAT session ends earlier.
    #[schema(example = 600)]
    expires_in: i64,
    /// For `POST /auth/v1/token/refresh`, once. It is here if it was asked for in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Seconds until the user has to log in again, however often the token is refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 604_800)]
    refresh_expires_in: Option<i64>,
}

/// A refresh token for the client, where it is kept, and the end of its login.
pub struct IssuedRefreshToken {
    pub token: RefreshToken,
    pub place: TokenPlace,
    pub seconds_left: i64,
}

/// Puts the tokens where the client keeps them.
pub fn render_token(
    mut response: HttpResponseBuilder,
    signed: SignedToken,
    refresh: Option<IssuedRefreshToken>,
) -> HttpResponse {
    let mut token = Token {
        access_token: signed.token,
        token_type: "Bearer",
        expires_in: signed.expires_in_seconds,
        refresh_token: None,
        refresh_expires_in: None,
    };
    if let Some(refresh) = refresh {
        token.refresh_expires_in = Some(refresh.seconds_left);
        if refresh.place == TokenPlace::Body {
            token.refresh_token = Some(refresh.token.expose().to_owned());
        } else {
            response.cookie(create_refresh_cookie(&refresh.token, refresh.seconds_left));
        }
    }
    response.json(token)
}
