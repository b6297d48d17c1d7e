//! Who is calling, found in the places where clients put their credentials.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use icat_client::{IcatCode, IcatError};
use service_kit::{Code, Problem, RequestCredential, Secret, is_stored_api_key, record_caller, sha256_hex};
use uuid::Uuid;

use crate::api_keys::{ApiKey, ApiKeyRefusal};
use crate::{Identity, IssuedCredentials};

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
    /// Those of an access token that has some; others may do what their user may.
    token_scopes: Option<Arc<[String]>>,
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

    /// What its API key or its access token is limited to; `None` for other users.
    pub fn scopes(&self) -> Option<&[String]> {
        self.api_key.as_ref().map(|key| key.scopes.as_slice()).or(self.token_scopes.as_deref())
    }

    /// Refuses API keys and access tokens that were not made for this; other users may do what their rights allow.
    pub fn require_scope(&self, scope: &str) -> Result<(), Problem> {
        let has_scope = |scopes: &[String]| scopes.iter().any(|has| has == scope);
        let text = match (&self.api_key, &self.token_scopes) {
            (Some(key), _) if !has_scope(&key.scopes) => format!("the API key {} lacks the scope {scope}", key.name),
            (None, Some(scopes)) if !has_scope(scopes) => format!("the token lacks the scope {scope}"),
            _ => return Ok(()),
        };
        Err(Problem::new(Code::Forbidden, "identity/scope", text))
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
        Self { session: Some(session), session_hash: Some(hash.into()), ..Self::without_session(user_name) }
    }

    /// A user whose session is not known.
    pub(crate) fn without_session(icat_user_name: String) -> Self {
        let subject = Subject { icat_user_name };
        Self { subject, session: None, session_hash: None, api_key: None, token_scopes: None }
    }

    /// A user with an access token for these scopes. It gets no session, with which it could do more.
    pub(crate) fn from_scoped_token(user_name: &str, scopes: &str) -> Self {
        let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        Self { token_scopes: Some(scopes), ..Self::without_session(user_name.to_owned()) }
    }

    fn from_api_key(key: Arc<ApiKey>) -> Self {
        let user = Self::without_session(key.user.clone());
        Self { api_key: Some(key), ..user }
    }
}

impl Identity {
    /// Who a credential is: an access token, a session handle, an API key, or an ICAT session id. For credentials in places
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
            return found.map(Caller::from_api_key);
        }
        if is_stored_api_key(credential) {
            return parts.stored_api_keys.find_valid_key(credential).await.map(Caller::from_api_key);
        }
        if IssuedCredentials::is_issued(credential) {
            return parts.issued.identify_caller(credential).await;
        }
        let callers = parts.issued.callers();
        let (cache_key, ended_sessions) = (sha256_hex(credential), callers.ended_sessions());
        if let Some(known) = callers.find_caller(&cache_key) {
            return Ok(known);
        }
        let info =
            parts.icat.get_session(credential).await.map_err(|e| to_refused_credential_problem(e, credential))?;
        let caller = Caller::from_session(info.user_name, Secret::new(credential));
        callers.insert_caller(&cache_key, &caller, ended_sessions);
        Ok(caller)
    }

    /// Who a credential is that stands where a program has its API key. One that is not known is called an API key in
    /// the error, whatever it looks like; a session is accepted too.
    pub async fn verify_api_key_or_session(&self, credential: &str) -> Result<Caller, Problem> {
        self.verify_credential(credential).await.map_err(|problem| match problem.slug {
            "identity/session-ended" | UNKNOWN_CREDENTIAL => {
                Problem { source: problem.source, ..ApiKeyRefusal::Unknown.into() }
            }
            _ => problem,
        })
    }
}

/// The length of a session id of ICAT; 32 digits without hyphens are a key.
const HYPHENATED_UUID: usize = 36;
const UNKNOWN_CREDENTIAL: &str = "identity/unknown-credential";

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
