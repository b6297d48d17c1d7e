//! Requests to the servers of a facility, for commands that are clients. Errors are classified by their remedy; their texts
//! contain neither URLs nor session ids.

mod error;
mod login_challenge;
mod retry_policy;

use std::time::Duration;

use serde::Deserialize;
use service_kit::HttpError;
use service_kit::cli::Failure;

pub use self::error::{RequestError, sanitize_text};
use self::login_challenge::LoginChallenge;
pub use self::retry_policy::RetryPolicy;

/// The longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The text of a refusal: of our interfaces, and of those of ICAT and its data service.
#[derive(Deserialize)]
struct ErrorBody {
    message: Option<String>,
    detail: Option<String>,
}

/// Refuses an address that is not one of a web server.
pub fn check_address(url: &str) -> Result<(), Failure> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(());
    }
    Err(Failure::Usage(format!("`{}` is not an address like https://data.example.org", sanitize_text(url))))
}

/// The error of a connection that broke.
pub fn connection_error(e: reqwest::Error) -> RequestError {
    RequestError::temporary(format!("the connection broke ({})", service_kit::problem::root_cause(&e.without_url())))
}

/// The response if its status is that of a success. `session` is removed from errors.
pub async fn check_response(
    sent: Result<reqwest::Response, HttpError>,
    session: &str,
) -> Result<reqwest::Response, RequestError> {
    let response = sent.map_err(from_http_error)?;
    let status = response.status().as_u16();
    if (200..300).contains(&status) {
        return Ok(response);
    }
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if (300..400).contains(&status) {
        let text = "the server redirects; give its real address (https instead of http?)";
        return Err(RequestError::Failed(format!("{text}, status {status}")));
    }
    let retry_after = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let retry_after = retry_after.map(|after| after.min(MAX_RETRY_AFTER));
    let challenge = header("www-authenticate").and_then(|text| LoginChallenge::parse(&text));
    let body = response.bytes().await.unwrap_or_default();
    let message = serde_json::from_slice(&body).ok().and_then(|ErrorBody { message, detail }| message.or(detail));
    let message = message.map(|message| sanitize_text(&hide_session(message, session)));
    let text = message.unwrap_or_else(|| format!("the server answers {status}"));
    if let Some(challenge) = challenge {
        return Err(RequestError::LoginNotEnough { text, options: challenge.build_options() });
    }
    Err(match status {
        400 => RequestError::Invalid(format!("the server says: {text}")),
        403 | 401 => RequestError::Refused(text),
        404 | 410 | 412 | 416 => RequestError::Changed(text),
        408 | 429 | 502..=504 => RequestError::Temporary { text: format!("the server says: {text}"), retry_after },
        _ => RequestError::Failed(format!("the server says: {text}")),
    })
}

/// Removes the session id from a message, because servers repeat it there.
fn hide_session(message: String, session: &str) -> String {
    if session.is_empty() { message } else { message.replace(session, "***") }
}

fn from_http_error(e: HttpError) -> RequestError {
    match e {
        HttpError::Reqwest(e) if e.is_builder() => {
            RequestError::Failed("the address of the server is invalid".to_owned())
        }
        HttpError::Reqwest(e) => {
            let why = service_kit::problem::root_cause(&e.without_url());
            // A retry does not help. rustls reports this only in the text.
            if why.contains("invalid peer certificate") {
                let text = "the certificate of the server is not trusted; add its CA with --ca-file";
                return RequestError::Failed(format!("{text} ({why})"));
            }
            RequestError::temporary(format!("the server does not answer ({why})"))
        }
        HttpError::Middleware(_) => RequestError::Failed("the request could not be made".to_owned()),
    }
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
