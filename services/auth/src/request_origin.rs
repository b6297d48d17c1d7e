//! Reads where a request came from, for the audit log.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use service_kit::{ClientAddress, Problem, RequestId};

use crate::domain::origin::{Origin, clean_user_agent};

/// The origin of a request; handlers take it as an argument.
pub struct RequestOrigin(pub Origin);

impl FromRequest for RequestOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        ready(Ok(Self(Origin {
            address: request.extensions().get::<ClientAddress>().map(|client| client.0),
            user_agent: agent.and_then(clean_user_agent),
            request_id: read_request_id(request),
        })))
    }
}

/// The id under which a request stands in the log.
pub fn read_request_id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(|id| id.0.to_string())
}
