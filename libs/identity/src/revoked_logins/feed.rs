//! Asks auth which logins have ended (`GET /auth/v1/revoked`). While auth does not answer, the last list counts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use service_kit::{Clock, Ctx, HttpClient, Peer, Worker, read_limited_body};
use tokio::sync::Mutex;

use super::metrics::FeedMetrics;
use super::{LoginId, RevokedLogins, parse_login_id};

/// A login must be refused 30 s after its end, and auth's answer may be five seconds old.
const POLL_INTERVAL: Duration = Duration::from_secs(20);
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer has at most 50,000 entries of about 60 bytes.
const MAX_RESPONSE_BYTES: usize = 16 << 20;
/// Answers that are fetched one after the other; the next poll goes on from there.
const MAX_PAGES: usize = 40;
/// Polls that fail before the log says so: at the start, auth may be the last to listen.
const FAILURES_BEFORE_WARNING: u32 = 3;

/// The list of ended logins, and what is needed to continue it. One for each process.
pub struct RevocationFeed {
    http: HttpClient,
    url: String,
    /// Whether auth was looked for in this process, in which it need not be.
    is_own_process: bool,
    clock: Arc<dyn Clock>,
    metrics: FeedMetrics,
    revoked: RevokedLogins,
    progress: Mutex<Progress>,
}

struct Progress {
    /// `next` of the last answer that had something new.
    after: Option<String>,
    /// Of the last answer to `after`.
    etag: Option<String>,
    answered_at: Timestamp,
    failures: u32,
    /// Auth does not run in this process, although it was looked for here.
    is_absent: bool,
}

#[derive(Deserialize)]
struct Answer {
    revoked: Vec<Entry>,
    next: String,
    more: bool,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    exp: i64,
}

/// The feed of a process.
struct ProcessFeed(Arc<RevocationFeed>);

impl RevocationFeed {
    /// The feed of the process; the first call starts it. `auth_root` is the public address of auth; if it is that of this
    /// process, there may be no auth.
    pub fn of_process(ctx: &Ctx, auth_root: &str, is_own_process: bool) -> Arc<Self> {
        let shared = ctx.process.get_or_init(|| ProcessFeed(Self::start(ctx, auth_root, is_own_process)));
        Arc::clone(&shared.0)
    }

    fn start(ctx: &Ctx, auth_root: &str, is_own_process: bool) -> Arc<Self> {
        let answered_at = ctx.clock.now();
        let progress = Progress { after: None, etag: None, answered_at, failures: 0, is_absent: false };
        let feed = Arc::new(Self {
            http: ctx.http.clone(),
            url: format!("{auth_root}/auth/v1/revoked"),
            is_own_process,
            metrics: FeedMetrics::register(&ctx.process),
            revoked: RevokedLogins::default(),
            progress: Mutex::new(progress),
            clock: Arc::clone(&ctx.clock),
        });
        let polled = Arc::clone(&feed);
        ctx.add_worker(Worker::periodic("identity.revoked-logins", POLL_INTERVAL, &ctx.stop, move || {
            let feed = Arc::clone(&polled);
            async move {
                feed.poll().await;
                Ok::<_, Infallible>(())
            }
        }));
        feed
    }

    /// Whether the login with this `sid` has ended, as far as auth has said so.
    pub fn is_revoked(&self, sid: &str) -> bool {
        self.revoked.contains_sid(sid)
    }

    /// Asks auth what has ended since the last answer.
    pub async fn poll(&self) {
        let mut progress = self.progress.lock().await;
        if progress.is_absent {
            return;
        }
        let outcome = self.fetch_pages(&mut progress).await;
        let now = self.clock.now();
        match outcome {
            Ok(()) => {
                if progress.failures >= FAILURES_BEFORE_WARNING {
                    tracing::info!("auth says again which logins have ended");
                }
                (progress.answered_at, progress.failures) = (now, 0);
            }
            Err(reason) => {
                progress.failures = progress.failures.saturating_add(1);
                if progress.failures == FAILURES_BEFORE_WARNING {
                    tracing::warn!(
                        reason,
                        url = self.url,
                        "auth does not say which logins have ended; the last list counts"
                    );
                }
            }
        }
        self.metrics.age.set(now.duration_since(progress.answered_at).as_secs_f64());
        let logins = self.revoked.remove_expired(now);
        self.metrics.logins.set(i64::try_from(logins).unwrap_or(i64::MAX));
    }

    async fn fetch_pages(&self, progress: &mut Progress) -> Result<(), String> {
        for _ in 0..MAX_PAGES {
            let response = self.send_request(progress).await?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_MODIFIED if progress.etag.is_some() => return Ok(()),
                StatusCode::UNPROCESSABLE_ENTITY if progress.after.is_some() => {
                    // Auth does not know its position any more, for instance after an update: begin again.
                    (progress.after, progress.etag) = (None, None);
                    continue;
                }
                StatusCode::NOT_FOUND if self.is_own_process => {
                    progress.is_absent = true;
                    return Ok(());
                }
                status => return Err(format!("status {status}")),
            }
            let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            let body = read_limited_body(response, MAX_RESPONSE_BYTES).await.map_err(|e| e.to_string())?;
            let answer: Answer =
                serde_json::from_slice(&body).map_err(|_| "the answer is no list of logins".to_owned())?;
            let logins: Option<Vec<(LoginId, i64)>> =
                answer.revoked.iter().map(|entry| Some((parse_login_id(&entry.id)?, entry.exp))).collect();
            let logins = logins.ok_or_else(|| "the answer has an id that cannot be read".to_owned())?;
            let has_new = self.revoked.add_logins(logins) > 0;
            if has_new || answer.more {
                (progress.after, progress.etag) = (Some(answer.next), None);
            } else {
                // The same question gets the short answer until there is something new.
                progress.etag = etag;
            }
            if !answer.more {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_request(&self, progress: &Progress) -> Result<Response, String> {
        let mut request = self.http.get(&self.url).timeout(TIMEOUT);
        if let Some(after) = &progress.after {
            request = request.query(&[("after", after)]);
        }
        if let Some(etag) = &progress.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let request = request.with_extension(Peer { service: "auth", template: "/auth/v1/revoked" });
        request.send().await.map_err(|e| e.to_string())
    }
}
