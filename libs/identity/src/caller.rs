//! Who is calling, found in the places where clients put their credentials.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use icat_client::{IcatCode, IcatError};
use service_kit::{
    ClientAddress, Code, Problem, RequestCredential, Secret, is_stored_api_key, record_caller, sha256_hex,
};
use uuid::Uuid;

use crate::api_keys::{ApiKey, ApiKeyRefusal};
use crate::login_level::LoginLevel;
use crate::required_levels::{MissingLevel, RequiredLevels};
use crate::{Identity, IssuedCredentials};

/// Longer ones are nobody's.
const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// The ICAT user name of everybody who does not say who they are (authn.anon 2.0).
pub const ANONYMOUS_USER_NAME: &str = "anon/anon";

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
    origin: CallerOrigin,
}

/// What somebody came with, and so what limits them.
#[derive(Debug, Clone)]
enum CallerOrigin {
    ApiKey(Arc<ApiKey>),
    User {
        login: UserLogin,
        /// Those of an access token that has some; others may do what their user may.
        token_scopes: Option<Arc<[String]>>,
    },
}

/// How a user has logged in, and what operations demand of that.
#[derive(Debug, Clone)]
pub(crate) struct UserLogin {
    level: LoginLevel,
    required: Arc<RequiredLevels>,
    /// Where the request comes from.
    client: Option<ClientAddress>,
}

impl UserLogin {
    /// The client is known when a request is there: callers are cached.
    pub fn new(level: LoginLevel, required: &Arc<RequiredLevels>) -> Self {
        Self { level, required: Arc::clone(required), client: None }
    }
}

impl Caller {
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether it is somebody who has not said who they are. Anonymous logins share their ICAT sessions.
    pub fn is_anonymous(&self) -> bool {
        self.subject.icat_user_name == ANONYMOUS_USER_NAME
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
        self.api_key().is_some()
    }

    fn api_key(&self) -> Option<&ApiKey> {
        match &self.origin {
            CallerOrigin::ApiKey(key) => Some(key),
            CallerOrigin::User { .. } => None,
        }
    }

    /// What its API key or its access token is limited to; `None` for other users.
    pub fn scopes(&self) -> Option<&[String]> {
        match &self.origin {
            CallerOrigin::ApiKey(key) => Some(&key.scopes),
            CallerOrigin::User { token_scopes, .. } => token_scopes.as_deref(),
        }
    }

    /// Refuses API keys and access tokens that were not made for this, and users whose login is not enough for it; other users
    /// may do what their rights allow.
    pub fn require_scope(&self, scope: &str) -> Result<(), Problem> {
        if self.has_scope(scope) {
            return self.check_level(scope).map_err(Problem::from);
        }
        let who = self.api_key().map_or_else(|| "the token".to_owned(), |key| format!("the API key {}", key.name));
        Err(Problem::new(Code::Forbidden, "identity/scope", format!("{who} lacks the scope {scope}")))
    }

    /// Whether neither an API key nor an access token limits the caller to other scopes.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes().is_none_or(|scopes| scopes.iter().any(|has| has == scope))
    }

    /// Whether the login of a user is enough for the operations of a scope. Programs do not log in: the scopes of their keys are
    /// the limit.
    pub(crate) fn check_level(&self, scope: &str) -> Result<(), MissingLevel> {
        match &self.origin {
            CallerOrigin::ApiKey(_) => Ok(()),
            CallerOrigin::User { login, .. } => login.required.check_level(scope, &login.level, login.client),
        }
    }

    /// The instruments that the caller's API key is restricted to; empty for users and for keys without restriction.
    pub fn instruments(&self) -> &[String] {
        self.api_key().map_or(&[], |key| &key.instruments)
    }

    /// Whether an API key may write for an instrument. True for users: what they may do is a question of their rights.
    pub fn may_write_for_instrument(&self, instrument: &str) -> bool {
        self.api_key().is_none_or(|key| key.may_write_for_instrument(instrument))
    }

    /// Refuses an API key that may not write for the instrument. `None`, for what belongs to no instrument, is refused to
    /// every key that is restricted to instruments.
    pub fn require_instrument(&self, instrument: Option<&str>) -> Result<(), Problem> {
        let Some(key) = self.api_key().filter(|key| !key.instruments.is_empty()) else { return Ok(()) };
        let only = key.instruments.join(", ");
        let text = match instrument {
            Some(name) if key.may_write_for_instrument(name) => return Ok(()),
            Some(name) => format!("the API key {} may not write for the instrument {name}, only for {only}", key.name),
            None => format!("the API key {} may only write for {only}; name the instrument", key.name),
        };
        Err(Problem::new(Code::Forbidden, "identity/instrument", text))
    }

    pub(crate) fn from_session(user_name: String, session: Secret, login: UserLogin) -> Self {
        let hash = sha256_hex(session.expose());
        let user = Self::without_session(user_name, login);
        Self { session: Some(session), session_hash: Some(hash.into()), ..user }
    }

    /// A user whose session is not known.
    pub(crate) fn without_session(user_name: String, login: UserLogin) -> Self {
        Self::from_origin(user_name, CallerOrigin::User { login, token_scopes: None })
    }

    /// A user with an access token for these scopes. It gets no session, with which it could do more.
    pub(crate) fn from_scoped_token(user_name: String, scopes: &str, login: UserLogin) -> Self {
        let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        Self::from_origin(user_name, CallerOrigin::User { login, token_scopes: Some(scopes) })
    }

    fn from_api_key(key: Arc<ApiKey>) -> Self {
        Self::from_origin(key.user.clone(), CallerOrigin::ApiKey(key))
    }

    fn from_origin(icat_user_name: String, origin: CallerOrigin) -> Self {
        Self { subject: Subject { icat_user_name }, session: None, session_hash: None, origin }
    }

    fn with_client(mut self, client: Option<ClientAddress>) -> Self {
        if let CallerOrigin::User { login, .. } = &mut self.origin {
            login.client = client;
        }
        self
    }
}

impl Identity {
    /// Who a credential is: an access token, a session handle, an API key, or an ICAT session id. For credentials in places
    /// that an extractor does not see, such as a form. `client` is where the request comes from, see
    /// [`ClientAddress::find_in_request`].
    pub async fn verify_credential(&self, credential: &str, client: Option<ClientAddress>) -> Result<Caller, Problem> {
        let caller = self.identify_caller(credential).await?;
        record_caller(&caller.subject.icat_user_name);
        Ok(caller.with_client(client))
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
        // Nobody knows how and when a session of ICAT was opened.
        let login = UserLogin::new(LoginLevel::default(), parts.issued.required_levels());
        let caller = Caller::from_session(info.user_name, Secret::new(credential), login);
        callers.insert_caller(&cache_key, &caller, ended_sessions);
        Ok(caller)
    }

    /// Who a credential is that stands where a program has its API key. One that is not known is called an API key in
    /// the error, whatever it looks like; a session is accepted too.
    pub async fn verify_api_key_or_session(
        &self,
        credential: &str,
        client: Option<ClientAddress>,
    ) -> Result<Caller, Problem> {
        self.verify_credential(credential, client).await.map_err(|problem| match problem.slug {
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
    let client = ClientAddress::find_in_request(request);
    async move {
        // A mount whose routes take callers was not given `Identity::guard`: refuse, and say so in the log.
        let identity = identity.ok_or_else(|| Problem::internal("this mount has no identity"))?;
        match credential? {
            None => Ok(None),
            Some(credential) => identity.verify_credential(&credential.text, client).await.map(Some),
        }
    }
}
