//! Files of rows that were found, from the download service.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use futures_util::TryStreamExt as _;
use identity::Caller;
use serde::Deserialize;
use service_kit::{Code, HttpClient, Peer, Problem};

/// Rows of one download.
pub const MAX_ROWS: usize = 1_000;
/// How long a download may take; the client's own time limit is for small responses.
const MAX_TIME: Duration = Duration::from_hours(24);
/// What is sent on of the response: enough to save it under its name, and to know how long it will take.
const HEADERS: [&str; 2] = ["content-type", "content-disposition"];

/// What the ids of a selection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionKind {
    Datafiles,
    Datasets,
}

/// The rows whose files are wanted.
#[derive(Debug)]
pub struct Selection {
    pub kind: SelectionKind,
    pub ids: Vec<i64>,
}

/// The download service.
pub struct Downloads {
    http: HttpClient,
    /// Its root, without `/ids`.
    url: String,
}

/// A failure as ids.server has it.
#[derive(Deserialize)]
struct RefusedDownload {
    message: String,
}

impl Downloads {
    pub fn new(http: HttpClient, url: String) -> Self {
        Self { http, url }
    }

    /// One datafile as it is, everything else as a ZIP: with the rights of the caller, whose session is in a header.
    pub async fn send_files(&self, caller: &Caller, selection: &Selection) -> Result<HttpResponse, Problem> {
        let text = "files can only be downloaded with a session of the catalogue; log in again";
        let no_session = || Problem::new(Code::Forbidden, "search/no-session", text);
        let session = caller.session().ok_or_else(no_session)?;
        let parameter = match selection.kind {
            SelectionKind::Datafiles => "datafileIds",
            SelectionKind::Datasets => "datasetIds",
        };
        let ids: Vec<String> = selection.ids.iter().map(i64::to_string).collect();
        let request = self.http.get(format!("{}/ids/getData", self.url)).query(&[(parameter, ids.join(","))]);
        let request = request
            .bearer_auth(session.expose())
            .timeout(MAX_TIME)
            .with_extension(Peer { service: "download", template: "/ids/getData" });
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| {
            let text = "the download service does not answer; try again later";
            Problem::new(Code::Unavailable, "search/download-unavailable", text)
                .with_retry_after(10)
                .with_source(source)
        };
        let response = request.send().await.map_err(|e| unavailable(e.into()))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = response.bytes().await.map_err(|e| unavailable(e.into()))?;
            return Err(to_problem(status, &body));
        }
        let mut sent = HttpResponse::Ok();
        sent.insert_header(("cache-control", "no-store"));
        for name in HEADERS {
            if let Some(value) = response.headers().get(name) {
                sent.insert_header((name, value.as_bytes()));
            }
        }
        let length = response.content_length();
        let bytes = response.bytes_stream().inspect_err(|e| tracing::info!(error = %e, "a download broke off"));
        Ok(match length {
            Some(length) => sent.body(SizedStream::new(length, bytes)),
            None => sent.streaming(bytes),
        })
    }
}

/// What the download service says, for people.
fn to_problem(status: u16, body: &[u8]) -> Problem {
    let said = serde_json::from_slice::<RefusedDownload>(body).map(|refused| refused.message);
    let detail = said.unwrap_or_else(|_| "the download service cannot send these files".to_owned());
    let code = match status {
        400 => Code::BadRequest,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        503 => Code::Unavailable,
        _ => Code::BadGateway,
    };
    Problem::new(code, "search/download-refused", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_their_meaning() {
        for (status, code) in
            [(403, Code::Forbidden), (404, Code::NotFound), (503, Code::Unavailable), (500, Code::BadGateway)]
        {
            let problem = to_problem(status, br#"{"code":"X","message":"no such file"}"#);
            assert_eq!((problem.code, problem.detail.as_str()), (code, "no such file"));
        }
        assert!(to_problem(500, b"<html>").detail.contains("cannot send"));
    }
}
