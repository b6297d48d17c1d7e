//! The two addresses of a facility, and one request at a time to them. What a server sends instead of an answer is sorted
//! here; addresses and the session id are kept out of every text.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use service_kit::cli::Failure;
use service_kit::{HttpClient, HttpError, command_client};

use super::error::{GetError, sanitize_text};
use super::progress_meter::ProgressMeter;
use super::retry_policy::RetryPolicy;
use crate::cli::Get;

/// After so long without a byte a connection counts as broken.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// What a `Retry-After` may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

pub struct Server {
    pub http: HttpClient,
    /// Without a slash at its end.
    pub ids: String,
    /// Without `/icat`; only there if it was named.
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
        let ids = ids.ok_or_else(|| Failure::Usage("say --url, or --ids-url".to_owned()))?;
        let icat = named(&options.icat_url).or_else(|| below(""));
        let icat = icat.map(|url| url.strip_suffix("/icat").unwrap_or(&url).to_owned());
        for url in [Some(&ids), icat.as_ref()].into_iter().flatten() {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(Failure::Usage(format!(
                    "`{}` is no address like https://data.example.org",
                    sanitize_text(url)
                )));
            }
        }
        let http = command_client(&options.ca_file, READ_TIMEOUT)?;
        Ok(Self { http, ids, icat, patience: options.patience, meter: ProgressMeter::new() })
    }

    /// GET with headers, once.
    pub async fn get(&self, url: &str, headers: &[(&str, String)]) -> ServerAnswer {
        let request = headers.iter().fold(self.http.get(url), |request, (name, value)| request.header(*name, value));
        check_response(request.send().await, "").await
    }

    /// HEAD, once.
    pub async fn head(&self, url: &str) -> ServerAnswer {
        check_response(self.http.head(url).send().await, "").await
    }

    /// GET until there is an answer or no more patience.
    pub async fn get_with_retries(&self, url: &str) -> ServerAnswer {
        let mut retry_policy = RetryPolicy::new(self.patience);
        loop {
            match self.get(url, &[]).await {
                Ok(answer) => return Ok(answer),
                Err(e) => retry_policy.wait_or_give_up(e, |text| self.meter.print_note(text)).await?,
            }
        }
    }

    /// POST of a form until there is an answer or no more patience; its text. `session` must not come back in an error.
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

/// A connection that broke before its end.
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
        let text = "the server sends us elsewhere; name the address that it really has (https instead of http?)";
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

/// Servers repeat session ids in what they say about them.
fn hide_session(message: String, session: &str) -> String {
    if session.is_empty() { message } else { message.replace(session, "***") }
}

fn from_http_error(e: HttpError) -> GetError {
    match e {
        HttpError::Reqwest(e) if e.is_builder() => GetError::Failed("the address of the server is none".to_owned()),
        HttpError::Reqwest(e) => {
            let why = service_kit::problem::root_cause(&e.without_url());
            // It will not be another one later; rustls says so in words only.
            if why.contains("invalid peer certificate") {
                let text = "the server's certificate is not trusted; --ca-file names one that is";
                return GetError::Failed(format!("{text} ({why})"));
            }
            GetError::temporary(format!("the server does not answer ({why})"))
        }
        HttpError::Middleware(_) => GetError::Failed("the request could not be made".to_owned()),
    }
}

/// The whole of a JSON answer, if it is one.
pub async fn parse_json(response: reqwest::Response) -> Result<Option<Value>, GetError> {
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Ok(None);
    }
    let body = response.bytes().await.map_err(connection_error)?;
    let unreadable = |_| GetError::Failed("the list of files that the server sends cannot be read".to_owned());
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
