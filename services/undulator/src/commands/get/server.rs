//! Requests to the servers of a facility. Errors are classified here, and their texts contain neither URLs nor session ids.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use service_kit::cli::Failure;
use service_kit::{HttpClient, HttpError, command_client};

use super::error::{GetError, sanitize_text};
use super::progress_meter::ProgressMeter;
use super::retry_policy::RetryPolicy;
use crate::cli::Get;

/// A connection without data for this long is broken.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

pub struct Server {
    pub http: HttpClient,
    /// Without a trailing slash.
    pub ids: String,
    /// Without `/icat`; `None` if it was not given.
    pub icat: Option<String>,
    pub patience: Duration,
    pub meter: ProgressMeter,
}

pub type ServerAnswer = Result<reqwest::Response, GetError>;

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Server {
    pub fn new(options: &Get) -> Result<Self, Failure> {
        let below = |path: &str| options.url.as_ref().map(|url| format!("{}{path}", url.trim_end_matches('/')));
        let named = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let ids = named(&options.ids_url).or_else(|| below("/ids"));
        let ids = ids.ok_or_else(|| Failure::Usage("give --url or --ids-url".to_owned()))?;
        let icat = named(&options.icat_url).or_else(|| below(""));
        let icat = icat.map(|url| url.strip_suffix("/icat").unwrap_or(&url).to_owned());
        for url in [Some(&ids), icat.as_ref()].into_iter().flatten() {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(Failure::Usage(format!(
                    "`{}` is not an address like https://data.example.org",
                    sanitize_text(url)
                )));
            }
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
    pub async fn post(&self, path: &str, form: &[(&str, String)], session: &str) -> Result<String, GetError> {
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

/// The error of a connection that broke.
pub fn connection_error(e: reqwest::Error) -> GetError {
    GetError::temporary(format!("the connection broke ({})", service_kit::problem::root_cause(&e.without_url())))
}

async fn check_response(sent: Result<reqwest::Response, HttpError>, session: &str) -> ServerAnswer {
    let response = sent.map_err(from_http_error)?;
    let status = response.status().as_u16();
    if (200..300).contains(&status) {
        return Ok(response);
    }
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if (300..400).contains(&status) {
        let text = "the server redirects; give its real address (https instead of http?)";
        return Err(GetError::Failed(format!("{text}, status {status}")));
    }
    let retry_after = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let retry_after = retry_after.map(|after| after.min(MAX_RETRY_AFTER));
    let body = response.bytes().await.unwrap_or_default();
    let message =
        serde_json::from_slice(&body).ok().map(|ErrorBody { message }| sanitize_text(&hide_session(message, session)));
    let text = message.unwrap_or_else(|| format!("the server answers {status}"));
    Err(match status {
        403 | 401 => GetError::Refused(text),
        404 | 410 | 412 | 416 => GetError::Changed(text),
        408 | 429 | 502..=504 => GetError::Temporary { text: format!("the server says: {text}"), retry_after },
        _ => GetError::Failed(format!("the server says: {text}")),
    })
}

/// Removes the session id from a message, because servers repeat it there.
fn hide_session(message: String, session: &str) -> String {
    if session.is_empty() { message } else { message.replace(session, "***") }
}

fn from_http_error(e: HttpError) -> GetError {
    match e {
        HttpError::Reqwest(e) if e.is_builder() => GetError::Failed("the address of the server is invalid".to_owned()),
        HttpError::Reqwest(e) => {
            let why = service_kit::problem::root_cause(&e.without_url());
            // A retry does not help. rustls reports this only in the text.
            if why.contains("invalid peer certificate") {
                let text = "the certificate of the server is not trusted; add its CA with --ca-file";
                return GetError::Failed(format!("{text} ({why})"));
            }
            GetError::temporary(format!("the server does not answer ({why})"))
        }
        HttpError::Middleware(_) => GetError::Failed("the request could not be made".to_owned()),
    }
}

/// Parses an answer if it is JSON.
pub async fn parse_json(response: reqwest::Response) -> Result<Option<Value>, GetError> {
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Ok(None);
    }
    let body = response.bytes().await.map_err(connection_error)?;
    let unreadable = |_| GetError::Failed("the file list of the server is invalid".to_owned());
    serde_json::from_slice(&body).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_that_a_server_repeats_is_hidden() {
        let text = hide_session("Unable to find user by sessionid: 5b0c-1c8e".to_owned(), "5b0c-1c8e");
        assert_eq!(text, "Unable to find user by sessionid: ***");
        assert_eq!(hide_session("as it is".to_owned(), ""), "as it is");
    }
}
