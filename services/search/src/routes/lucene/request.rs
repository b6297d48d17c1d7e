//! What all requests of an icat.server have in common.

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web};
use futures_util::StreamExt as _;
use service_kit::{ClientAddress, Problem};

use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::state::State;

/// Bytes of a request. 10,000 documents, which icat.server sends at once, have about 5 MB.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Proof that the address may send requests of an icat.server; this protocol has no credentials.
pub struct AllowedAddress;

impl FromRequest for AllowedAddress {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let address = request.extensions().get::<ClientAddress>().map(|address| address.0.to_canonical());
        let networks = request.app_data::<web::Data<State>>().map(|state| &state.config.icat_server_addresses);
        let is_allowed =
            address.zip(networks).is_some_and(|(address, networks)| networks.iter().any(|net| net.contains(&address)));
        std::future::ready(if is_allowed { Ok(Self) } else { Err(Error::AddressRefused.into()) })
    }
}

/// The body as text, whatever `Content-Type` it has: icat.server sends documents without one.
pub async fn read_body(mut payload: web::Payload) -> Result<String, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
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
