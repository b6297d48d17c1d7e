//! Fetches pages of results.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use service_kit::cli::Failure;
use service_kit::{HttpClient, command_client};

use super::search_request::SearchRequest;
use crate::cli::{Find, Target};
use crate::commands::requests::{RequestError, RetryPolicy, check_address, check_response, connection_error};
use crate::commands::session::Session;

/// The service ends searches that take longer than a few seconds.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// How long to retry while the service does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page of results.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    pub total: u64,
    pub is_total_lower_bound: bool,
    /// As the service sends them.
    pub hits: Vec<Value>,
    pub cursor: Option<String>,
    pub is_newer_than_cursor: bool,
    pub is_index_complete: bool,
}

pub struct SearchClient {
    http: HttpClient,
    /// Of searches for the target.
    url: String,
    /// Without `/icat`; `None` if it was not given.
    catalogue: Option<String>,
    /// `None` if a service has an address of its own.
    facility: Option<String>,
}

impl SearchClient {
    pub fn new(options: &Find) -> Result<Self, Failure> {
        let named = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let facility = named(&options.url);
        let search = named(&options.search_url).or_else(|| facility.as_ref().map(|url| format!("{url}/search")));
        let search = search.ok_or_else(|| Failure::Usage("give --url or --search-url".to_owned()))?;
        let has_other_address = options.search_url.is_some() || options.icat_url.is_some();
        let catalogue = named(&options.icat_url).or_else(|| facility.clone());
        let catalogue = catalogue.map(|url| url.strip_suffix("/icat").unwrap_or(&url).to_owned());
        for url in [Some(&search), catalogue.as_ref()].into_iter().flatten() {
            check_address(url)?;
        }
        let http = command_client(&options.ca_file, READ_TIMEOUT)?;
        let facility = facility.filter(|_| !has_other_address);
        Ok(Self { http, url: format!("{search}/v1/{}s", options.target.name()), catalogue, facility })
    }

    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    pub fn catalogue(&self) -> Option<&str> {
        self.catalogue.as_deref()
    }

    /// The facility, if all services are below its URL.
    pub fn facility(&self) -> Option<&str> {
        self.facility.as_deref()
    }

    /// A page of results, with retries.
    pub async fn fetch_page(&self, request: &SearchRequest, session: &Session) -> Result<SearchPage, Failure> {
        let mut retry_policy = RetryPolicy::new(PATIENCE);
        loop {
            match self.try_page(request, session).await {
                Ok(page) => return Ok(page),
                Err(e) => retry_policy.wait_or_give_up(e, |text| eprintln!("{text}")).await.map_err(to_failure)?,
            }
        }
    }

    async fn try_page(&self, request: &SearchRequest, session: &Session) -> Result<SearchPage, RequestError> {
        let sent = self.http.post(&self.url).bearer_auth(&session.id).json(request).send().await;
        let body = check_response(sent, &session.id).await?.bytes().await.map_err(connection_error)?;
        serde_json::from_slice(&body).map_err(|e| {
            RequestError::Failed(format!("the answer is not that of a search service ({e}); is its URL right?"))
        })
    }
}

impl Target {
    /// What one result is.
    pub fn name(self) -> &'static str {
        match self {
            Self::Datafiles => "datafile",
            Self::Datasets => "dataset",
            Self::Investigations => "investigation",
        }
    }
}

fn to_failure(e: RequestError) -> Failure {
    match e {
        RequestError::Invalid(text) => Failure::Usage(text),
        RequestError::Refused(text) => Failure::Failed(format!("{text}; log in again, or as another user")),
        RequestError::Changed(text) => Failure::Failed(format!(
            "{text}: there is no search service at this URL; is there another for --search-url?"
        )),
        e => Failure::from_error(&e),
    }
}
