//! A client for ICAT's REST interface (icat.server 5 and 6, and the embedded catalogue).
//!
//! [`Select`] builds queries and checks them against the schema, [`Pages`] reads answers of any size, and
//! [`ChangePoller`] finds changes of a catalogue. ICAT accepts session ids only as parameters, so URLs contain them:
//! this crate never logs a URL or puts one into an error.

mod changes;
mod error;
mod filter;
mod include;
mod literal;
mod pages;
mod poller;
mod properties;
mod query;
mod readable_rows;
mod reader;
mod select;
mod send;
mod split;
mod window;
mod write;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest_middleware::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::{HttpClient, Peer};
use tokio::sync::OnceCell;

pub use self::error::{IcatCode, IcatError, LOGINS_UNAVAILABLE, TOO_MANY_FAILED_LOGINS, WriteError};
pub use self::filter::Filter;
pub use self::literal::Literal;
pub use self::pages::Pages;
pub use self::poller::{Change, ChangePoller, PollSettings, Position, Positions, is_comparison_due};
pub use self::properties::{Authenticator, CredentialKey, DEFAULT_MAX_ENTITIES, Properties};
pub use self::query::{Query, QueryError, quote_string};
pub use self::readable_rows::{DecidingRows, ReadableAccess, ReadableAnswer, ReadableRows};
pub use self::reader::ReaderAccount;
pub use self::select::Select;
pub use self::split::{DEFAULT_MAX_URL_BYTES, RequestLimits, split_by_ids};
pub use self::write::wrap_entity;

/// A client of one ICAT server. Cheap to clone. The timeouts are those of the HTTP client unless
/// [`with_timeout`](Self::with_timeout) sets another.
#[derive(Debug, Clone)]
pub struct IcatClient {
    http: HttpClient,
    root: String,
    timeout: Option<Duration>,
    max_url_bytes: usize,
    max_entities: Arc<OnceCell<u64>>,
}

/// Information about a session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// With the mechanism: `db/alice`.
    pub user_name: String,
    pub remaining_minutes: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenedSession {
    session_id: String,
}

impl IcatClient {
    /// `root` is the server's address without `/icat`.
    pub fn new(http: impl Into<HttpClient>, root: &str) -> Self {
        Self {
            http: http.into(),
            root: format!("{}/icat", root.trim_end_matches('/')),
            timeout: None,
            max_url_bytes: DEFAULT_MAX_URL_BYTES,
            max_entities: Arc::default(),
        }
    }

    /// The same client with a timeout for each attempt of a call.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self.clone() }
    }

    /// The same client with another maximum length of URLs, in bytes after percent-encoding.
    pub fn with_max_url_bytes(&self, max_url_bytes: usize) -> Self {
        Self { max_url_bytes, ..self.clone() }
    }

    /// Logs in, and returns the id of the new session.
    pub async fn login(&self, plugin: &str, credentials: &[(&str, &str)]) -> Result<String, IcatError> {
        self.open_session(plugin, credentials, None).await
    }

    /// The same for a client with this address, which is sent to ICAT as `X-Forwarded-For`.
    pub async fn login_for_client(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        client: IpAddr,
    ) -> Result<String, IcatError> {
        self.open_session(plugin, credentials, Some(client)).await
    }

    async fn open_session(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        client: Option<IpAddr>,
    ) -> Result<String, IcatError> {
        let secrets: Vec<&str> = credentials.iter().filter(|(key, _)| *key != "username").map(|(_, v)| *v).collect();
        let credentials: Vec<Value> = credentials.iter().map(|(key, value)| json!({*key: value})).collect();
        let body = json!({"plugin": plugin, "credentials": credentials}).to_string();
        let mut request = self.http.post(self.endpoint_url(&["session"])?).form(&[("json", body)]);
        if let Some(client) = client {
            request = request.header("x-forwarded-for", client.to_string());
        }
        let opened: OpenedSession = send::send_once(self.prepare_request(request, "/icat/session"), &secrets).await?;
        Ok(opened.session_id)
    }

    /// The user and the remaining lifetime of a session.
    pub async fn get_session(&self, session_id: &str) -> Result<SessionInfo, IcatError> {
        let request = self.http.get(self.endpoint_url(&["session", session_id])?);
        send::send_read(self.prepare_request(request, "/icat/session/{id}"), &[session_id]).await
    }

    /// Refreshes the session: its lifetime starts again.
    pub async fn refresh_session(&self, session_id: &str) -> Result<(), IcatError> {
        let request = self.http.put(self.endpoint_url(&["session", session_id])?);
        Ok(send::send_for_success(self.prepare_request(request, "/icat/session/{id}"), &[session_id])
            .await
            .map(drop)?)
    }

    /// Ends the session.
    pub async fn end_session(&self, session_id: &str) -> Result<(), IcatError> {
        let request = self.http.delete(self.endpoint_url(&["session", session_id])?);
        Ok(send::send_for_success(self.prepare_request(request, "/icat/session/{id}"), &[session_id])
            .await
            .map(drop)?)
    }

    /// The rows of a search: wrapped entities, values, or arrays of values.
    pub async fn search_rows(&self, session_id: &str, query: &str) -> Result<Vec<Value>, IcatError> {
        let request = self.get_with_session(self.search_url(session_id, query)?, session_id);
        send::send_read(self.prepare_request(request, "/icat/entityManager"), &[session_id]).await
    }

    /// The wrapped entity with this id.
    pub async fn get_entity(&self, session_id: &str, query: &str, id: i64) -> Result<Value, IcatError> {
        let mut url = self.search_url(session_id, query)?;
        url.query_pairs_mut().append_pair("id", &id.to_string());
        let request = self.get_with_session(url, session_id);
        send::send_read(self.prepare_request(request, "/icat/entityManager"), &[session_id]).await
    }

    /// The rows of a query, in one answer; for large answers see [`pages`](Self::pages).
    pub async fn query_rows(&self, session_id: &str, query: &Query) -> Result<Vec<Value>, IcatError> {
        self.search_rows(session_id, &query.to_string()).await
    }

    /// The entity with this id and what the query includes; the conditions of the query are ignored.
    pub async fn query_entity(&self, session_id: &str, query: &Query, id: i64) -> Result<Value, IcatError> {
        self.get_entity(session_id, &query.text_for_get(), id).await
    }

    fn search_url(&self, session_id: &str, query: &str) -> Result<Url, IcatError> {
        let mut url = self.endpoint_url(&["entityManager"])?;
        if !is_issued(session_id) {
            url.query_pairs_mut().append_pair("sessionId", session_id);
        }
        url.query_pairs_mut().append_pair("query", query);
        Ok(url)
    }

    /// An access token goes into the header, because URLs are logged. icat.server takes session ids in the URL alone, but no
    /// tokens.
    fn get_with_session(&self, url: Url, session_id: &str) -> RequestBuilder {
        let request = self.http.get(url);
        if is_issued(session_id) { request.bearer_auth(session_id) } else { request }
    }

    /// Each text becomes one path segment, percent-encoded if necessary.
    fn endpoint_url(&self, segments: &[&str]) -> Result<Url, IcatError> {
        let unusable = || IcatError::unexpected_answer("at an address that cannot be used");
        let mut url = Url::parse(&self.root).map_err(|_| unusable())?;
        url.path_segments_mut().map_err(|()| unusable())?.extend(segments);
        Ok(url)
    }

    /// Traces contain the pattern instead of the URL.
    fn prepare_request(&self, request: RequestBuilder, template: &'static str) -> RequestBuilder {
        let request = request.with_extension(Peer { service: "icat", template });
        match self.timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        }
    }
}

/// Whether it is an access token or a session handle of auth, which the embedded catalogue accepts in place of a session id.
fn is_issued(session_id: &str) -> bool {
    service_kit::is_access_token(session_id) || service_kit::is_session_handle(session_id)
}
