//! What a session may read of an entity, as sets of ids; only the embedded catalogue answers this.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringTreemap;
use serde::Deserialize;

use super::error::IcatError;
use super::send::{self, ConditionalAnswer};
use super::{IcatClient, Url};
use crate::schema::find_entity;

/// The answer to [`IcatClient::find_readable_rows`].
#[derive(Debug, Clone, PartialEq)]
pub enum ReadableAnswer {
    Found(ReadableRows),
    /// Nothing has changed since the known answer.
    Unchanged,
    /// The server cannot tell, because it is another one than the embedded catalogue, or an older one.
    Unsupported,
}

/// What a session may read of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadableRows {
    pub access: ReadableAccess,
    /// False if the session may read rows that do not follow from the lists.
    pub complete: bool,
    /// A row may be read if one of the lists contains the id at the end of its path. Empty unless `access` is `Rows`.
    pub rows: Vec<DecidingRows>,
    /// The `ETag` of the answer, if there was one.
    pub etag: Option<String>,
}

/// Whether a session may read all rows, none, or those that follow from lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadableAccess {
    All,
    None,
    Rows,
}

/// Rows that decide about the rows from which a path leads to them.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidingRows {
    /// To-one relations, such as `dataset.investigation`; empty if the rows decide about themselves.
    pub path: String,
    /// The entity to which the path leads.
    pub entity: String,
    pub ids: RoaringTreemap,
}

#[derive(Deserialize)]
struct Answer {
    entity: String,
    access: ReadableAccess,
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    rows: Vec<EncodedRows>,
}

#[derive(Deserialize)]
struct EncodedRows {
    path: String,
    entity: String,
    ids: String,
}

impl IcatClient {
    /// What a session may read of an entity now. An answer with this `ETag`, of any session, is not sent again.
    pub async fn find_readable_rows(
        &self,
        session_id: &str,
        entity: &str,
        known_etag: Option<&str>,
    ) -> Result<ReadableAnswer, IcatError> {
        let mut url: Url = self.endpoint_url(&["readable", entity])?;
        url.query_pairs_mut().append_pair("sessionId", session_id);
        let mut request = self.http.get(url);
        if let Some(etag) = known_etag {
            request = request.header("if-none-match", etag);
        }
        let request = self.prepare_request(request, "/icat/readable/{entity}");
        Ok(match send::send_conditional_read(request, &[session_id]).await? {
            ConditionalAnswer::Unchanged if known_etag.is_none() => return Err(unexpected_body()),
            ConditionalAnswer::Unchanged => ReadableAnswer::Unchanged,
            ConditionalAnswer::NoEndpoint => ReadableAnswer::Unsupported,
            ConditionalAnswer::Changed { etag, body } => {
                let answer = serde_json::from_slice(&body).map_err(|_| unexpected_body())?;
                ReadableAnswer::Found(ReadableRows::from_answer(entity, answer, etag)?)
            }
        })
    }
}

impl ReadableRows {
    /// Lists with paths that this version of the schema does not have are left out.
    fn from_answer(entity: &str, answer: Answer, etag: Option<String>) -> Result<Self, IcatError> {
        if answer.entity != entity {
            return Err(unexpected_body());
        }
        if answer.access != ReadableAccess::Rows {
            return Ok(Self { access: answer.access, complete: true, rows: Vec::new(), etag });
        }
        let (mut rows, mut complete) = (Vec::with_capacity(answer.rows.len()), answer.complete);
        for encoded in answer.rows {
            match find_target(entity, &encoded.path) {
                None => complete = false,
                Some(target) if target == encoded.entity => rows.push(encoded.decode_rows()?),
                Some(_) => return Err(unexpected_body()),
            }
        }
        Ok(Self { access: ReadableAccess::Rows, complete, rows, etag })
    }
}

impl EncodedRows {
    fn decode_rows(self) -> Result<DecidingRows, IcatError> {
        let bytes = STANDARD.decode(&self.ids).map_err(|_| unexpected_body())?;
        let mut rest = bytes.as_slice();
        let ids = RoaringTreemap::deserialize_from(&mut rest).map_err(|_| unexpected_body())?;
        if rest.is_empty() {
            Ok(DecidingRows { path: self.path, entity: self.entity, ids })
        } else {
            Err(unexpected_body())
        }
    }
}

/// The entity to which a path leads.
fn find_target(entity: &str, path: &str) -> Option<&'static str> {
    let mut here = find_entity(entity)?;
    for name in path.split('.').filter(|_| !path.is_empty()) {
        here = here.find_to_one(name)?.target();
    }
    Some(here.name)
}

fn unexpected_body() -> IcatError {
    IcatError::unexpected_answer("a body that was not asked for")
}
