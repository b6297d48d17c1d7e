//! What all requests of an icat.server have in common.

use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web};
use data_encoding::BASE64;
use futures_util::StreamExt as _;
use service_kit::{ClientAddress, Problem, sha256_hex};

use tokio::time::timeout;

use crate::config::Config;
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::state::State;

/// Bytes of a request. 10,000 documents, which icat.server sends at once, have about 5 MB.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Proof that the caller may send requests of an icat.server: its address is in `search.icat_server_addresses`, and it knows
/// `search.icat_server_secret`, if there is one.
pub struct AllowedIcatServer;

impl FromRequest for AllowedIcatServer {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let config = request.app_data::<web::Data<State>>().map(|state| &state.config);
        std::future::ready(match config {
            Some(config) if !has_allowed_address(request, config) => Err(Error::AddressRefused.into()),
            Some(config) if !has_secret(request, config) => Err(Error::SecretRefused.into()),
            Some(_) => Ok(Self),
            None => Err(Error::AddressRefused.into()),
        })
    }
}

fn has_allowed_address(request: &HttpRequest, config: &Config) -> bool {
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0.to_canonical());
    address.is_some_and(|address| config.icat_server_addresses.iter().any(|net| net.contains(&address)))
}

fn has_secret(request: &HttpRequest, config: &Config) -> bool {
    let expected = config.icat_server_secret.expose();
    if expected.is_empty() {
        return true;
    }
    let mut headers = request.headers().get_all(AUTHORIZATION).filter_map(|value| value.to_str().ok());
    let sent = headers.next().and_then(parse_secret);
    // How long it takes to compare digests says nothing about the secret.
    headers.next().is_none() && sent.is_some_and(|sent| sha256_hex(sent) == sha256_hex(expected))
}

/// What `Authorization` has as the token of `Bearer`, or as the password of `Basic` with any user name.
fn parse_secret(header: &str) -> Option<Vec<u8>> {
    let (scheme, credential) = header.trim().split_once(' ')?;
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credential.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(credential.as_bytes()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// The body as text, whatever `Content-Type` it has: icat.server sends documents without one. The next part of it must come within
/// `pause`.
pub async fn read_body(mut payload: web::Payload, pause: Duration) -> Result<String, Problem> {
    let mut body = Vec::new();
    loop {
        let chunk = timeout(pause, payload.next()).await;
        let chunk = chunk.map_err(|_| Error::Body(format!("nothing more of it came for {} s", pause.as_secs())))?;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|e| Error::Body(e.to_string()))?;
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Error::TooLarge(MAX_BODY_BYTES).into());
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| Error::Body("it is not UTF-8".to_owned()).into())
}

/// An entity in a path, whatever the case of its letters. `None` for entities of ICAT that are not indexed: icat.server locks
/// whatever an administrator asks for, and a refusal would end its thread.
pub fn parse_entity(name: &str) -> Result<Option<EntityKind>, Error> {
    if let Some(entity) = EntityKind::find_ignoring_case(name) {
        return Ok(Some(entity));
    }
    let is_known = icat_client::schema::all_entities().iter().any(|entity| entity.name.eq_ignore_ascii_case(name));
    if is_known { Ok(None) } else { Err(Error::Query(format!("{name} is not an entity of ICAT"))) }
}
