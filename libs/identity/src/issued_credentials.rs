//! What auth gives out: access tokens and session handles. Both lead to the ICAT session of a login, which auth is asked for
//! and which is cached; a token is verified offline before.

use std::sync::Arc;

use events::Events;
use events::messages::{auth, icat};
use reqwest::Url;
use service_kit::{Code, ConfigError, Ctx, Listener, Problem, is_access_token, is_session_handle, sha256_hex};

use crate::auth_client::{AuthClient, ResolvedToken, session_ended_problem};
use crate::caller::{Caller, UserLogin};
use crate::caller_cache::CallerCache;
use crate::jwks::PublicKeys;
use crate::login_level::LoginLevel;
use crate::required_levels::RequiredLevels;
use crate::revoked_logins::RevocationFeed;
use crate::token::{Claims, TokenRules, TokenVerifier};

const KEYS_PATH: &str = "/.well-known/jwks.json";

/// Verifies access tokens and session handles. Cheap to clone.
#[derive(Clone)]
pub struct IssuedCredentials(Arc<Components>);

struct Components {
    verifier: TokenVerifier,
    auth: AuthClient,
    feed: Arc<RevocationFeed>,
    callers: CallerCache,
    required_levels: Arc<RequiredLevels>,
}

/// The public address of auth, next to its keys.
fn find_auth_root(jwks_url: &str) -> String {
    let origin = || Url::parse(jwks_url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    jwks_url.strip_suffix(KEYS_PATH).map_or_else(origin, str::to_owned)
}

impl IssuedCredentials {
    /// For a service that has no [`Identity`](crate::Identity), because it knows sessions and permissions itself. Listens for
    /// ended sessions, whose callers are forgotten at once.
    pub fn new(ctx: &Ctx, events: &Events) -> Result<Self, ConfigError> {
        let credentials = Self::without_listeners(ctx)?;
        let (ended, missed) = (credentials.clone(), credentials.clone());
        let forget_session = move |session_hash: &str| ended.callers().remove_session(session_hash);
        listen_for_ended_sessions(events, forget_session, move || missed.callers().clear());
        Ok(credentials)
    }

    /// Whoever calls this tells [`Self::callers`] of ended sessions.
    pub(crate) fn without_listeners(ctx: &Ctx) -> Result<Self, ConfigError> {
        let core = &ctx.config.core;
        let is_own_process = core.identity.jwks_url == "self";
        let jwks_url = if is_own_process {
            format!("{}{KEYS_PATH}", ctx.endpoints.resolve_url("self", Listener::Public))
        } else {
            core.identity.jwks_url.clone()
        };
        Ok(Self(Arc::new(Components {
            feed: RevocationFeed::of_process(ctx, &find_auth_root(&jwks_url), is_own_process),
            verifier: TokenVerifier {
                keys: PublicKeys::new(ctx.http.clone(), jwks_url, Arc::clone(&ctx.clock)),
                rules: TokenRules::from_config(core, Arc::clone(&ctx.clock)),
            },
            auth: AuthClient::new(ctx),
            callers: CallerCache::new(Arc::clone(&ctx.clock)),
            required_levels: RequiredLevels::new(ctx)?,
        })))
    }

    pub(crate) fn required_levels(&self) -> &Arc<RequiredLevels> {
        &self.0.required_levels
    }

    pub(crate) fn auth(&self) -> &AuthClient {
        &self.0.auth
    }

    pub(crate) fn callers(&self) -> &CallerCache {
        &self.0.callers
    }

    pub(crate) fn feed(&self) -> &RevocationFeed {
        &self.0.feed
    }

    /// Whether a credential is meant as one of these.
    pub fn is_issued(credential: &str) -> bool {
        is_access_token(credential) || is_session_handle(credential)
    }

    /// Ends the login of a token or a handle, with its session if it is nobody else's, which only auth knows.
    pub async fn end_login(&self, credential: &str) -> Result<(), Problem> {
        self.0.auth.end_login(credential).await
    }

    /// Who a token or a handle stands for. While auth does not answer, a token still says who, but has no session, and a new
    /// handle is unavailable.
    pub async fn identify_caller(&self, credential: &str) -> Result<Caller, Problem> {
        let Components { verifier, auth, feed, callers, required_levels } = &*self.0;
        let (cache_key, ended_sessions) = (sha256_hex(credential), callers.ended_sessions());
        // The signature is cheap and expiry is exact; only the question to auth is remembered.
        let claims = if is_access_token(credential) { Some(verifier.verify_token(credential).await?) } else { None };
        let sid = claims.as_ref().map_or(Some(credential), |claims| claims.sid.as_deref());
        if sid.is_some_and(|sid| feed.is_revoked(sid)) {
            return Err(session_ended_problem());
        }
        let login_of = |level: LoginLevel| UserLogin::new(level, required_levels);
        let claims = match claims {
            Some(Claims { sub, scope: Some(scope), level, .. }) => {
                return Ok(Caller::from_scoped_token(sub, &scope, login_of(level)));
            }
            other => other,
        };
        if let Some(known) = callers.find_caller(&cache_key) {
            return Ok(known);
        }
        let caller = match (auth.resolve_token(credential).await?, claims) {
            // The token was signed for this login, and says so much itself.
            (ResolvedToken::Session { session, .. }, Some(claims)) => {
                Caller::from_session(claims.sub, session, login_of(claims.level))
            }
            (ResolvedToken::Session { session, user_name, level }, None) => {
                Caller::from_session(user_name, session, login_of(level))
            }
            (ResolvedToken::Unknown, Some(claims)) => {
                return Ok(Caller::without_session(claims.sub, login_of(claims.level)));
            }
            // Only auth knows whom a handle stands for.
            (ResolvedToken::Unknown, None) => {
                let text = "sessions cannot be looked up now; try again later";
                return Err(Problem::new(Code::Unavailable, "identity/auth-down", text).with_retry_after(10));
            }
        };
        callers.insert_caller(&cache_key, &caller, ended_sessions);
        Ok(caller)
    }
}

/// `ended` is called with the hash of a session that ended, at auth or at the catalogue; `missed` when events may have been
/// missed.
pub(crate) fn listen_for_ended_sessions(
    events: &Events,
    ended: impl Fn(&str) + Clone + Send + Sync + 'static,
    missed: impl Fn() + Clone + Send + Sync + 'static,
) {
    let (ended_at_icat, missed_of_icat) = (ended.clone(), missed.clone());
    let heard = move |event: auth::SessionEnded| ended(&event.session_hash);
    events.add_listener("identity.auth-session-ended", heard, missed);
    let heard = move |event: icat::SessionEnded| ended_at_icat(&event.session_hash);
    events.add_listener("identity.icat-session-ended", heard, missed_of_icat);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_is_found_next_to_its_keys() {
        for (keys, root) in [
            ("https://data.example.org/.well-known/jwks.json", "https://data.example.org"),
            ("http://auth:8081/.well-known/jwks.json", "http://auth:8081"),
            ("https://data.example.org/suite/.well-known/jwks.json", "https://data.example.org/suite"),
            ("https://cdn.example.org:8443/keys.json", "https://cdn.example.org:8443"),
            ("", ""),
        ] {
            assert_eq!(find_auth_root(keys), root);
        }
    }
}
