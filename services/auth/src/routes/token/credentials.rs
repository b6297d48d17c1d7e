//! The body of a login: `{"plugin":"db","username":"alice","password":"…"}`, or `credentials` for a plugin with other
//! keys. Errors name the position of a fault but never repeat the text there, which may be a password.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use serde::Deserialize;
use serde_json::error::Category;
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use crate::domain::client_id::ClientId;
use crate::logins::TokenPlace;
use crate::routes::refresh_cookie::require_json;

/// Where the client wants to keep a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefreshTokenPlace {
    /// In the response, for programs.
    Body,
    /// In the cookie `__Host-undulator-refresh`, for pages: no script can read it.
    Cookie,
}

impl RefreshTokenPlace {
    pub fn token_place(self) -> TokenPlace {
        match self {
            Self::Body => TokenPlace::Body,
            Self::Cookie => TokenPlace::Cookie,
        }
    }
}

/// The credentials for an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The mnemonic of the authenticator.
    #[schema(example = "db")]
    pub plugin: String,
    #[schema(nullable = false, example = "alice")]
    username: Option<String>,
    #[schema(nullable = false, format = Password)]
    password: Option<String>,
    /// Other credentials, by the keys of the authenticator.
    #[serde(default)]
    credentials: BTreeMap<String, String>,
    /// Where to put a refresh token; without it there is none.
    #[schema(nullable = false)]
    refresh_token: Option<RefreshTokenPlace>,
    /// The name of the program or page: letters, digits, `.`, `_` and `-`. A refresh token is accepted only from the client
    /// that it was given to.
    #[schema(nullable = false, example = "undulator-cli")]
    client_id: Option<String>,
}

impl Credentials {
    pub fn from_request(request: &HttpRequest, body: &[u8]) -> Result<Self, Problem> {
        require_json(request)?;
        Self::parse(body)
    }

    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let credentials: Self = serde_json::from_slice(body).map_err(|e| {
            let place = format!("line {} column {}", e.line(), e.column());
            match e.classify() {
                Category::Data => invalid_body(format!(
                    "the body must have plugin, and may have username, password, client_id, refresh_token (body or \
                     cookie), and an object credentials, all of them texts; see {place}"
                )),
                _ => Problem::new(Code::BadRequest, "auth/bad-json", format!("the body is no JSON at {place}")),
            }
        })?;
        let twice = ["username", "password"].into_iter().find(|key| {
            let plain = if *key == "username" { &credentials.username } else { &credentials.password };
            plain.is_some() && credentials.credentials.contains_key(*key)
        });
        match twice {
            Some(key) => Err(invalid_body(format!("{key} is given twice; leave it out of credentials"))),
            None => Ok(credentials),
        }
    }

    /// Where the client keeps a refresh token, if it wants one.
    pub fn refresh_place(&self) -> Option<TokenPlace> {
        self.refresh_token.map(RefreshTokenPlace::token_place)
    }

    pub fn client(&self) -> Result<ClientId, Problem> {
        parse_client_id(self.client_id.as_deref())
    }

    /// Keys and values in the order in which authenticators list them.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let plain = [("username", &self.username), ("password", &self.password)];
        let plain = plain.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        plain.chain(self.credentials.iter().map(|(key, value)| (key.as_str(), value.as_str()))).collect()
    }
}

/// The client that a body names.
pub fn parse_client_id(given: Option<&str>) -> Result<ClientId, Problem> {
    let Some(given) = given else { return Ok(ClientId::unnamed()) };
    let text = "client_id must have 1 to 64 letters, digits, dots, underscores and hyphens";
    ClientId::parse(given).ok_or_else(|| invalid_body(text.to_owned()))
}

fn invalid_body(text: String) -> Problem {
    Problem::new(Code::Validation, "auth/bad-credentials-body", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_passwords_and_other_keys_are_parsed() {
        let parse = |text: &str| Credentials::parse(text.as_bytes()).unwrap();
        let both = parse(r#"{"plugin":"db","password":"p","username":"u"}"#);
        assert_eq!((both.plugin.as_str(), both.pairs()), ("db", vec![("username", "u"), ("password", "p")]));
        let other = parse(r#"{"plugin":"oidc","credentials":{"token":"t"}}"#);
        assert_eq!(other.pairs(), vec![("token", "t")]);
        assert!(parse(r#"{"plugin":"anon"}"#).pairs().is_empty());
    }

    #[test]
    fn errors_do_not_repeat_the_body() {
        for (text, code) in [
            (r#"{"plugin":"db","password":"hunter2""#, Code::BadRequest),
            (r#"{"plugin":"db",hunter2}"#, Code::BadRequest),
            (r#"["hunter2"]"#, Code::Validation),
            (r#"{"password":"hunter2"}"#, Code::Validation),
            (r#"{"plugin":"db","password":{"hunter2":1}}"#, Code::Validation),
            (r#"{"plugin":"db","pasword":"hunter2"}"#, Code::Validation),
            (r#"{"plugin":"db","hunter2":"x"}"#, Code::Validation),
            (r#"{"plugin":"db","username":"u","credentials":{"username":"hunter2"}}"#, Code::Validation),
            (r#"{"plugin":"db","credentials":[{"username":"hunter2"}]}"#, Code::Validation),
            (r#"{"plugin":"db","credentials":{"pin":["hunter2"]}}"#, Code::Validation),
            (r#"{"plugin":"db","refresh_token":"hunter2"}"#, Code::Validation),
        ] {
            let problem = Credentials::parse(text.as_bytes()).err().expect(text);
            assert_eq!(problem.code, code, "{text}: {problem}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
        }
    }
}
