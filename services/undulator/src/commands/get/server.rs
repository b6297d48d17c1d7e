//! Requests to the data service.

use std::time::Duration;

use serde_json::Value;
use service_kit::cli::Failure;
use service_kit::{HttpClient, command_client};

use super::progress_meter::ProgressMeter;
use crate::cli::Get;
use crate::commands::requests::{RequestError, RetryPolicy, check_address, check_response, connection_error};

/// A connection without data for this long is broken.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

pub struct Server {
    pub http: HttpClient,
    /// Without a trailing slash.
    pub ids: String,
    /// Without `/icat`; `None` if it was not given.
    pub icat: Option<String>,
    pub patience: Duration,
    pub meter: ProgressMeter,
}

pub type ServerAnswer = Result<reqwest::Response, RequestError>;

impl Server {
    pub fn new(options: &Get) -> Result<Self, Failure> {
        let below = |path: &str| options.url.as_ref().map(|url| format!("{}{path}", url.trim_end_matches('/')));
        let named = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let ids = named(&options.ids_url).or_else(|| below("/ids"));
        let ids = ids.ok_or_else(|| Failure::Usage("give --url or --ids-url".to_owned()))?;
        let icat = named(&options.icat_url).or_else(|| below(""));
        let icat = icat.map(|url| url.strip_suffix("/icat").unwrap_or(&url).to_owned());
        for url in [Some(&ids), icat.as_ref()].into_iter().flatten() {
            check_address(url)?;
        }
        let http = command_client(&options.ca_file, READ_TIMEOUT)?;
        Ok(Self { http, ids, icat, patience: options.patience, meter: ProgressMeter::new() })
    }

    /// GET with headers, without retries.
    pub async fn get(&self, url: &str, headers: &[(&str, String)]) -> ServerAnswer {
        let request = headers.iter().fold(self.http.get(url), |request, (name, value)| request.header(*name, value));
        check_response(request.send().await, "").await
    }

    /// HEAD, without retries.
    pub async fn head(&self, url: &str) -> ServerAnswer {
        check_response(self.http.head(url).send().await, "").await
    }

    /// GET with retries.
    pub async fn get_with_retries(&self, url: &str) -> ServerAnswer {
        let mut retry_policy = RetryPolicy::new(self.patience);
        loop {
            match self.get(url, &[]).await {
                Ok(answer) => return Ok(answer),
                Err(e) => retry_policy.wait_or_give_up(e, |text| self.meter.print_note(text)).await?,
            }
        }
    }

    /// POST of a form with retries; the text of the answer. `session` is removed from errors.
    pub async fn post(&self, path: &str, form: &[(&str, String)], session: &str) -> Result<String, RequestError> {
        let mut retry_policy = RetryPolicy::new(self.patience);
        loop {
            let sent = self.http.post(format!("{}{path}", self.ids)).form(form).send().await;
            let outcome = match check_response(sent, session).await {
                Ok(answer) => answer.text().await.map_err(connection_error),
                Err(e) => Err(e),
            };
            match outcome {
                Ok(text) => return Ok(text),
                Err(e) => retry_policy.wait_or_give_up(e, |text| self.meter.print_note(text)).await?,
            }
        }
    }
}

/// Parses an answer if it is JSON.
pub async fn parse_json(response: reqwest::Response) -> Result<Option<Value>, RequestError> {
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Ok(None);
    }
    let body = response.bytes().await.map_err(connection_error)?;
    let unreadable = |_| RequestError::Failed("the file list of the server is invalid".to_owned());
    serde_json::from_slice(&body).map(Some).map_err(unreadable)
}
