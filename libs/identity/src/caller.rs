//! Who is calling, found in the places where clients put their credentials.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use icat_client::{IcatCode, IcatError};
use service_kit::{
    Code, Problem, RequestCredential, Secret, is_access_token, is_session_handle, record_caller, sha256_hex,
};
use uuid::Uuid;

use crate::Identity;
use crate::api_keys::ApiKey;
use crate::resolver::ResolvedToken;

/// Longer ones are nobody's.
const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// A user as jobs and events store them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// With the mechanism: `db/alice`.
    pub icat_user_name: String,
}

/// Somebody who has shown who they are.
#[derive(Debug, Clone)]
pub struct Caller {
    subject: Subject,
    session: Option<Secret>,
    session_hash: Option<Arc<str>>,
    api_key: Option<Arc<ApiKey>>,
}

impl Caller {
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The caller's own ICAT session, where there is one and it could be found.
    pub fn session(&self) -> Option<&Secret> {
        self.session.as_ref()
    }

    pub(crate) fn session_hash(&self) -> Option<&str> {
        self.session_hash.as_deref()
    }

    /// Whether it is a program with an API key, not a user.
    pub fn is_program(&self) -> bool {
        self.api_key.is_some()
    }

    /// Refuses API keys that were not made for this; users may do what their rights allow.
    pub fn require_scope(&self, scope: &str) -> Result<(), Problem> {
        match &self.api_key {
            Some(key) if !key.scopes.iter().any(|has| has == scope) => {
                let text = format!("the API key {} lacks the scope {scope}", key.name);
                Err(Problem::new(Code::Forbidden, "identity/scope", text))
            }
            _ => Ok(()),
        }
    }

    /// The instruments that the caller's API key is restricted to; empty for users and for keys without restriction.
    pub fn instruments(&self) -> &[String] {
        self.api_key.as_ref().map_or(&[], |key| &key.instruments)
    }

    /// Whether an API key may write for an instrument. True for users: what they may do is a question of their rights.
    pub fn may_write_for_instrument(&self, instrument: &str) -> bool {
        self.api_key.as_ref().is_none_or(|key| key.may_write_for_instrument(instrument))
    }

    /// Refuses an API key that may not write for the instrument. `None`, for what belongs to no instrument, is refused to
    /// every key that is restricted to instruments.
    pub fn require_instrument(&self, instrument: Option<&str>) -> Result<(), Problem> {
        let Some(key) = self.api_key.as_ref().filter(|key| !key.instruments.is_empty()) else { return Ok(()) };
        let only = key.instruments.join(", ");
        let text = match instrument {
            Some(name) if key.may_write_for_instrument(name) => return Ok(()),
            Some(name) => format!("the API key {} may not write for the instrument {name}, only for {only}", key.name),
            None => format!("the API key {} may only write for {only}; name the instrument", key.name),
        };
        Err(Problem::new(Code::Forbidden, "identity/instrument", text))
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.require_scope(scope).is_ok()
    }

    pub(crate) fn from_session(user_name: String, session: Secret) -> Self {
        let hash = sha256_hex(session.expose());
        let subject = Subject { icat_user_name: user_name };
        Self { subject, session: Some(session), session_hash: Some(hash.into()), api_key: None }
    }
}

impl Identity {
    /// Who a credential is: a token, an API key, an ICAT session id, or a session handle of auth. For credentials in places
    /// that an extractor does not see, such as a form.
    pub async fn verify_credential(&self, credential: &str) -> Result<Caller, Problem> {
        let caller = self.identify_caller(credential).await?;
        record_caller(&caller.subject.icat_user_name);
        Ok(caller)
    }

    async fn identify_caller(&self, credential: &str) -> Result<Caller, Problem> {
        let refused = |text: &str| Problem::new(Code::Unauthenticated, "identity/bad-credentials", text);
        if credential.is_empty() || credential.len() > MAX_CREDENTIAL_BYTES {
            return Err(refused("the credentials are empty or too long"));
        }
        let parts = &self.0;
        if let Some(found) = parts.api_keys.find_valid_key(credential, parts.clock.now()) {
            let key = found?;
            let subject = Subject { icat_user_name: key.user.clone() };
            return Ok(Caller { subject, session: None, session_hash: None, api_key: Some(key) });
        }
        let (cache_key, ended_sessions) = (sha256_hex(credential), parts.caches.ended_sessions());
        if is_access_token(credential) {
            // The signature is cheap and expiry is exact; only the question to auth is remembered.
            let claims = parts.verifier.verify_token(credential).await?;
            if let Some(known) = parts.caches.find_caller(&cache_key) {
                return Ok(known);
            }
            return match parts.resolver.resolve_token(credential).await? {
                ResolvedToken::Session { session, .. } => {
                    let caller = Caller::from_session(claims.sub, session);
                    parts.caches.insert_caller(&cache_key, &caller, ended_sessions);
                    Ok(caller)
                }
                ResolvedToken::Unknown => {
                    let subject = Subject { icat_user_name: claims.sub };
                    Ok(Caller { subject, session: None, session_hash: None, api_key: None })
                }
            };
        }
        if let Some(known) = parts.caches.find_caller(&cache_key) {
            return Ok(known);
        }
        if is_session_handle(credential) {
            // Only auth knows whom it stands for.
            let ResolvedToken::Session { session, user_name } = parts.resolver.resolve_token(credential).await? else {
                let text = "sessions cannot be looked up now; try again later";
                return Err(Problem::new(Code::Unavailable, "identity/auth-down", text).with_retry_after(10));
            };
            let caller = Caller::from_session(user_name, session);
            parts.caches.insert_caller(&cache_key, &caller, ended_sessions);
            return Ok(caller);
        }
        let info =
            parts.icat.get_session(credential).await.map_err(|e| to_refused_credential_problem(e, credential))?;
        let caller = Caller::from_session(info.user_name, Secret::new(credential));
        parts.caches.insert_caller(&cache_key, &caller, ended_sessions);
        Ok(caller)
    }

    /// Who a credential is that stands where a program has its API key. One that is not known is called an API key in
    /// the error, whatever it looks like; a session is accepted too.
    pub async fn verify_api_key_or_session(&self, credential: &str) -> Result<Caller, Problem> {
        self.verify_credential(credential).await.map_err(|problem| match problem.slug {
            "identity/session-ended" | UNKNOWN_CREDENTIAL => to_unknown_api_key_problem(problem),
            _ => problem,
        })
    }
}

/// The length of a session id of ICAT; 32 digits without hyphens are a key.
const HYPHENATED_UUID: usize = 36;
const UNKNOWN_CREDENTIAL: &str = "identity/unknown-credential";

fn to_unknown_api_key_problem(problem: Problem) -> Problem {
    let text = "this API key is not known here: it is mistyped, or has been removed from the settings; ask the operator for a key";
    Problem { slug: "identity/unknown-api-key", detail: text.to_owned(), ..problem }
}

/// What ICAT's refusal of a credential means that is no API key of ours. A session id of ICAT is a UUID, and so may be
/// the key of a program; anything else was never a session.
fn to_refused_credential_problem(e: IcatError, credential: &str) -> Problem {
    let problem = to_session_problem(e);
    if problem.code != Code::Unauthenticated {
        return problem;
    }
    if credential.len() == HYPHENATED_UUID && Uuid::try_parse(credential).is_ok() {
        let text = "the session is not known or has ended; log in again. If this is an API key: it is not known here";
        return Problem { detail: text.to_owned(), ..problem };
    }
    let text = "this is neither an API key that is known here nor a session: an API key may be mistyped or have been \
                removed from the settings";
    Problem { slug: UNKNOWN_CREDENTIAL, detail: text.to_owned(), ..problem }
}

/// What ICAT's answer about a session means.
pub(crate) fn to_session_problem(e: impl Into<Arc<IcatError>>) -> Problem {
    let e = e.into();
    match &*e {
        IcatError::Refused { code: IcatCode::Session | IcatCode::InsufficientPrivileges, .. } => {
            Problem::new(Code::Unauthenticated, "identity/session-ended", "the session has ended; log in again")
        }
        IcatError::Unavailable(_) => {
            Problem::new(Code::Unavailable, "identity/icat-down", "ICAT does not answer; try again later")
                .with_retry_after(10)
                .with_source(e)
        }
        _ => Problem::new(Code::BadGateway, "identity/icat-nonsense", "ICAT answered something unexpected")
            .with_source(e),
    }
}

type ExtractionFuture<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Caller {
    type Error = Problem;
    type Future = ExtractionFuture<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = extract_caller(request);
        Box::pin(async move {
            let text = "say who you are: Authorization: Bearer with a token or session id";
            found.await?.ok_or_else(|| Problem::new(Code::Unauthenticated, "identity/no-credentials", text))
        })
    }
}

/// Somebody, or nobody; credentials that are given must be good.
#[derive(Debug, Clone)]
pub struct MaybeCaller(pub Option<Caller>);

impl FromRequest for MaybeCaller {
    type Error = Problem;
    type Future = ExtractionFuture<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = extract_caller(request);
        Box::pin(async move { Ok(Self(found.await?)) })
    }
}

fn extract_caller(request: &HttpRequest) -> impl Future<Output = Result<Option<Caller>, Problem>> + 'static {
    let identity = request.app_data::<web::Data<Identity>>().cloned();
    let credential = RequestCredential::find_in_request(request);
    async move {
        // A mount whose routes take callers was not given `Identity::guard`: refuse, and say so in the log.
        let identity = identity.ok_or_else(|| Problem::internal("this mount has no identity"))?;
        match credential? {
            None => Ok(None),
            Some(credential) => identity.verify_credential(&credential.text).await.map(Some),
        }
    }
}
