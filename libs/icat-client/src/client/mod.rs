//! A client for ICAT's REST interface (icat.server 5 and 6, and the embedded catalogue).

mod error;

use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use self::error::{IcatCode, IcatError};

/// Speaks to one ICAT server. Cheap to clone; time-outs are those of the HTTP client.
#[derive(Debug, Clone)]
pub struct IcatClient {
    http: Client,
    root: String,
}

/// A session as ICAT sees it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// With the mechanism: `db/alice`.
    pub user_name: String,
    pub remaining_minutes: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    session_id: String,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
}

impl IcatClient {
    /// `root` is the server's address without `/icat`.
    pub fn new(http: Client, root: &str) -> Self {
        Self { http, root: format!("{}/icat", root.trim_end_matches('/')) }
    }

    /// Opens a session and gives its id.
    pub async fn login(&self, plugin: &str, credentials: &[(&str, &str)]) -> Result<String, IcatError> {
        let credentials: Vec<Value> = credentials.iter().map(|(key, value)| json!({*key: value})).collect();
        let body = json!({"plugin": plugin, "credentials": credentials}).to_string();
        let request = self.http.post(format!("{}/session", self.root)).form(&[("json", body)]);
        let opened: Opened = answer(request).await?;
        Ok(opened.session_id)
    }

    pub async fn session(&self, session_id: &str) -> Result<SessionInfo, IcatError> {
        answer(self.http.get(self.session_url(session_id)?)).await
    }

    /// Starts the session's lifetime again.
    pub async fn refresh(&self, session_id: &str) -> Result<(), IcatError> {
        accepted(self.http.put(self.session_url(session_id)?)).await.map(drop)
    }

    pub async fn logout(&self, session_id: &str) -> Result<(), IcatError> {
        accepted(self.http.delete(self.session_url(session_id)?)).await.map(drop)
    }

    /// The rows of a search: entities in their wrapper, bare values, or arrays of values.
    pub async fn search(&self, session_id: &str, query: &str) -> Result<Vec<Value>, IcatError> {
        let parameters = [("sessionId", session_id), ("query", query)];
        answer(self.http.get(format!("{}/entityManager", self.root)).query(&parameters)).await
    }

    /// One entity by its id, in its wrapper.
    pub async fn get(&self, session_id: &str, query: &str, id: i64) -> Result<Value, IcatError> {
        let id = id.to_string();
        let parameters = [("sessionId", session_id), ("query", query), ("id", id.as_str())];
        answer(self.http.get(format!("{}/entityManager", self.root)).query(&parameters)).await
    }

    /// The id is one segment of the path, whatever it contains.
    fn session_url(&self, session_id: &str) -> Result<reqwest::Url, IcatError> {
        let nonsense = || IcatError::Nonsense("an address that cannot be used".to_owned());
        let mut url = reqwest::Url::parse(&format!("{}/session", self.root)).map_err(|_| nonsense())?;
        url.path_segments_mut().map_err(|()| nonsense())?.push(session_id);
        Ok(url)
    }
}

/// A string literal for a query.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, IcatError> {
    Ok(accepted(request).await?.json().await?)
}

async fn accepted(request: RequestBuilder) -> Result<Response, IcatError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await?;
    let refused = serde_json::from_str(&text).ok().and_then(|failure: Failure| {
        let code = IcatCode::of(&failure.code)?;
        Some(IcatError::Refused { code, message: failure.message })
    });
    Err(refused.unwrap_or_else(|| IcatError::Nonsense(format!("status {status} without a reason"))))
}
