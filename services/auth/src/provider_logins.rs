//! Logins with an identity provider: a browser is sent there with a request that belongs to it alone, and comes back with a code
//! that proves who the user is. The login then opens a session at ICAT by a one-time assertion.

use std::sync::Arc;
use std::time::Duration;

use icat_client::{IcatCode, IcatError};
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Ctx, Db, DbError, Ids, Micros, Problem, Secret, sha256_hex};

use crate::assertions::Assertions;
use crate::domain::group_claim::ClaimedGroups;
use crate::domain::login::Authentication;
use crate::domain::login_level::RequiredLevel;
use crate::domain::origin::Origin;
use crate::domain::provider_login::{LoginRequest, RedirectAnswer, SessionKind};
use crate::domain::provider_session::ProviderSession;
use crate::domain::provider_user::ProviderUser;
use crate::error::from_icat_error;
use crate::group_memberships::GroupMemberships;
use crate::icat_sessions::LoginError;
use crate::login_flow::{LoginFlow, OpenedSession};
use crate::login_recorder::LoginRecorder;
use crate::logins::{Purpose, generate_secret_text, is_secret_text, open_text, seal_text};
use crate::provider_users::{ProviderUsers, TokenUser};
use crate::providers::{
    AuthorizationRequest, CodeExchange, ExpectedIdToken, Provider, ProviderLoginError, SignatureFault, VerifiedIdToken,
};
use crate::store::batches::{MAX_DELETED_ROWS, delete_in_batches};
use crate::store::provider_logins::{self, ProviderLoginRow};
use crate::store::{provider_logouts, provider_sessions, used_tokens};

const PURPOSE: Purpose =
    Purpose { salt: b"undulator.auth.provider_login", info: b"nonce and verifier, AES-256-GCM, 1" };
/// How long a user may take at the provider.
pub const MAX_DURATION: Duration = Duration::from_mins(10);
/// A used login is kept for so long, so that opening its address again is recognised.
const KEEP_LOGIN: Duration = Duration::from_hours(1);
/// Longer than an ID token is accepted.
const REMEMBER_ID_TOKEN: Duration = Duration::from_mins(30);
/// Texts of providers in errors are cut.
const MAX_ERROR_CHARS: usize = 60;

/// A login that has begun.
pub struct StartedProviderLogin {
    /// Where the browser is sent.
    pub url: String,
    /// For the cookie that the browser brings back.
    pub browser_secret: Secret,
}

/// A login that a provider has proved.
pub struct ProvedLogin {
    pub user: ProviderUser,
    pub authentication: Authentication,
    pub provider_session: ProviderSession,
    pub may_be_administrator: bool,
    /// `None` if the provider decides about no groups.
    pub groups: Option<ClaimedGroups>,
}

/// A proved login of a browser, and where it goes on.
pub struct FinishedProviderLogin {
    pub proved: ProvedLogin,
    pub return_to: String,
    pub session_kind: SessionKind,
    /// The id of the login of the page that a link was begun on.
    pub page_login: Option<String>,
}

/// What only the browser's secret decrypts.
#[derive(Serialize, Deserialize)]
struct SealedParts {
    nonce: String,
    code_verifier: String,
    #[serde(default)]
    amr_values: Vec<String>,
    /// The login of the page that a link was begun on.
    #[serde(default)]
    page_login: Option<String>,
}

/// Starts and finishes logins with identity providers.
pub struct ProviderLogins {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    recorder: LoginRecorder,
    users: ProviderUsers,
    assertions: Arc<Assertions>,
    login_flow: Arc<LoginFlow>,
    groups: GroupMemberships,
    /// The address of this site, without a slash at its end.
    public_url: String,
}

impl ProviderLogins {
    pub fn new(
        ctx: &Ctx,
        recorder: LoginRecorder,
        users: ProviderUsers,
        assertions: Arc<Assertions>,
        login_flow: Arc<LoginFlow>,
        groups: GroupMemberships,
        public_url: String,
    ) -> Self {
        let (clock, ids) = (Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db: ctx.db.clone(), clock, ids, recorder, users, assertions, login_flow, groups, public_url }
    }

    /// The address at this site that the provider sends browsers back to.
    pub fn build_redirect_uri(&self, provider: &Provider) -> String {
        format!("{}/auth/v1/oidc/{}/callback", self.public_url, provider.settings.name)
    }

    /// Begins a login. `browser_secret` is that of a login which the same browser began before, in another tab.
    pub async fn start_login(
        &self,
        provider: &Provider,
        request: &LoginRequest,
        browser_secret: Option<&str>,
    ) -> Result<StartedProviderLogin, ProviderLoginError> {
        let browser_secret = browser_secret
            .filter(|secret| is_secret_text(secret))
            .map_or_else(|| generate_secret_text(&*self.ids), str::to_owned);
        let state = generate_secret_text(&*self.ids);
        let parts = SealedParts {
            nonce: generate_secret_text(&*self.ids),
            code_verifier: generate_secret_text(&*self.ids),
            amr_values: request.amr_values.clone(),
            page_login: request.page_login.clone(),
        };
        let required = provider.settings.required_level();
        let max_age = [required.max_age, request.max_age].into_iter().flatten().min();
        let acr_values = if request.acr_values.is_empty() { &required.acr } else { &request.acr_values };
        let url = provider
            .build_authorization_url(&AuthorizationRequest {
                redirect_uri: &self.build_redirect_uri(provider),
                state: &state,
                nonce: &parts.nonce,
                code_verifier: &parts.code_verifier,
                acr_values,
                acrs: &required.acrs,
                max_age,
                forces_login: request.session_kind == SessionKind::Link,
            })
            .await?;
        let row = self.build_row(provider, request, &browser_secret, &parts)?;
        self.db.write(async |tx| provider_logins::insert_login(tx, &sha256_hex(&state), &row).await).await?;
        Ok(StartedProviderLogin { url: url.into(), browser_secret: Secret::new(browser_secret) })
    }

    fn build_row(
        &self,
        provider: &Provider,
        request: &LoginRequest,
        browser_secret: &str,
        parts: &SealedParts,
    ) -> Result<ProviderLoginRow, Problem> {
        let parts = serde_json::to_string(parts).map_err(Problem::internal)?;
        Ok(ProviderLoginRow {
            browser_hash: sha256_hex(browser_secret),
            provider: provider.settings.name.clone(),
            return_to: request.return_to.as_str().to_owned(),
            session_kind: request.session_kind.as_str().to_owned(),
            sealed: seal_text(browser_secret, PURPOSE, &parts, &*self.ids).map_err(Problem::internal)?,
            acr_values: serde_json::to_string(&request.acr_values).map_err(Problem::internal)?,
            max_age: request.max_age.and_then(|age| i64::try_from(age.as_secs()).ok()),
            started_at: self.clock.now_micros(),
            used_at: None,
        })
    }

    /// Who has logged in at the provider, by what it sent the browser back with. A refusal is recorded.
    pub async fn finish_login(
        &self,
        provider: &Provider,
        answer: Result<RedirectAnswer, ProviderLoginError>,
        browser_secret: Option<&str>,
        origin: &Origin,
    ) -> Result<FinishedProviderLogin, ProviderLoginError> {
        let finished = match answer {
            Ok(answer) => self.check_answer(provider, &answer, browser_secret).await,
            Err(e) => Err(e),
        };
        self.record_refusal(provider, finished, origin).await
    }

    /// Opens a session at ICAT for somebody who has logged in at the provider, and issues tokens for it. It is recorded how that
    /// ended.
    pub async fn open_session<T>(
        &self,
        provider: &Provider,
        proved: &ProvedLogin,
        origin: &Origin,
        issue_tokens: impl AsyncFnOnce(&OpenedSession) -> Result<T, Problem>,
    ) -> Result<T, ProviderLoginError> {
        let opened = self.try_to_open_session(provider, proved, origin, issue_tokens).await;
        self.record_refusal(provider, opened, origin).await
    }

    async fn try_to_open_session<T>(
        &self,
        provider: &Provider,
        proved: &ProvedLogin,
        origin: &Origin,
        issue_tokens: impl AsyncFnOnce(&OpenedSession) -> Result<T, Problem>,
    ) -> Result<T, ProviderLoginError> {
        let user = self.find_account(provider, proved).await?;
        self.groups.store_groups(&provider.settings, &user.to_string(), proved.groups.as_ref(), origin).await?;
        let assertion = self.assertions.sign_assertion(&user, proved.may_be_administrator).await?;
        let issue_and_record = async |opened: &OpenedSession| {
            let issued = issue_tokens(opened).await?;
            let (name, user_name) = (&provider.settings.name, &opened.session.user_name);
            self.recorder.record_provider_login(name, Some(user_name), origin, Ok(())).await?;
            service_kit::record_caller(user_name);
            Ok(issued)
        };
        let authentication = proved.authentication.clone();
        let opened = self.login_flow.log_in_with_assertion(&assertion, authentication, origin, issue_and_record).await;
        opened.map_err(to_provider_login_error)
    }

    /// The account of somebody: a linked one, or that of the provider's name for them, unless it belongs to another user.
    async fn find_account(
        &self,
        provider: &Provider,
        proved: &ProvedLogin,
    ) -> Result<ProviderUser, ProviderLoginError> {
        let ProviderSession { issuer, subject_hash, .. } = &proved.provider_session;
        let user_name = proved.user.to_string();
        let binds_names = provider.settings.bind_user_names;
        let found =
            self.users.find_user_name(&TokenUser { issuer, subject_hash, user_name: &user_name, binds_names }).await?;
        let user_name = found.map_err(ProviderLoginError::Name)?;
        let user = ProviderUser::from_user_name(&user_name);
        Ok(user.ok_or_else(|| Problem::internal("a linked account that is no ICAT user name"))?)
    }

    async fn record_refusal<T>(
        &self,
        provider: &Provider,
        outcome: Result<T, ProviderLoginError>,
        origin: &Origin,
    ) -> Result<T, ProviderLoginError> {
        if let Err(e) = &outcome {
            self.recorder.record_provider_login(&provider.settings.name, None, origin, Err(e.as_str())).await?;
        }
        outcome
    }

    async fn check_answer(
        &self,
        provider: &Provider,
        answer: &RedirectAnswer,
        browser_secret: Option<&str>,
    ) -> Result<FinishedProviderLogin, ProviderLoginError> {
        let (row, secret) = self.use_state(provider, answer, browser_secret).await?;
        match answer.iss.as_deref() {
            Some(issuer) if issuer != provider.settings.issuer() => return Err(ProviderLoginError::RedirectIssuer),
            None if provider.requires_redirect_issuer().await? => return Err(ProviderLoginError::NoRedirectIssuer),
            _ => {}
        }
        if let Some(error) = &answer.error {
            let word = error.chars().filter(char::is_ascii_graphic).take(MAX_ERROR_CHARS).collect();
            return Err(ProviderLoginError::RefusedByProvider(word));
        }
        let code = answer.code.as_deref().filter(|code| !code.is_empty()).ok_or(ProviderLoginError::NoCode)?;
        let parts = open_text(secret, PURPOSE, &row.sealed).map_err(|_| ProviderLoginError::UnknownState)?;
        let parts: SealedParts = serde_json::from_str(&parts).map_err(Problem::internal)?;
        let exchange = CodeExchange {
            code,
            redirect_uri: Some(&self.build_redirect_uri(provider)),
            code_verifier: Some(&parts.code_verifier),
        };
        let tokens = provider.exchange_code(&exchange).await?;
        let expected = ExpectedIdToken {
            client_id: &provider.settings.client_id,
            nonce: Some(&parts.nonce),
            access_token: Some(&tokens.access_token),
        };
        let verified = provider.verify_id_token(&tokens.id_token, &expected).await?;
        required_by_request(&row, parts.amr_values)?.check_claims(&verified.claims, self.clock.now().as_second())?;
        self.use_id_token(&tokens.id_token).await?;
        let session_kind = SessionKind::parse(&row.session_kind).unwrap_or(SessionKind::Portal);
        let mut proved = to_proved_login(provider, verified);
        proved.provider_session.id_token =
            provider.settings.logout_sends_id_token.then(|| Secret::new(tokens.id_token));
        Ok(FinishedProviderLogin { proved, return_to: row.return_to, session_kind, page_login: parts.page_login })
    }

    /// The login with this state, which is used up by this.
    async fn use_state<'s>(
        &self,
        provider: &Provider,
        answer: &RedirectAnswer,
        browser_secret: Option<&'s str>,
    ) -> Result<(ProviderLoginRow, &'s str), ProviderLoginError> {
        let (state, secret) = answer.state.as_deref().zip(browser_secret).ok_or(ProviderLoginError::UnknownState)?;
        let state_hash = sha256_hex(state);
        let row = provider_logins::find_login(&mut self.db.read().await?, &state_hash).await?;
        let now = self.clock.now_micros();
        let is_of_browser = |row: &ProviderLoginRow| {
            row.provider == provider.settings.name
                && row.browser_hash == sha256_hex(secret)
                && now.duration_since(row.started_at) <= MAX_DURATION
        };
        let row = row.filter(is_of_browser).ok_or(ProviderLoginError::UnknownState)?;
        let is_first = self.db.write(async |tx| provider_logins::use_login(tx, &state_hash, now).await).await?;
        if is_first { Ok((row, secret)) } else { Err(ProviderLoginError::UsedState) }
    }

    /// Who has logged in, by an ID token that a page or program has asked for itself, with this client; each token proves one
    /// login. A refusal is recorded.
    pub async fn prove_with_id_token(
        &self,
        provider: &Provider,
        id_token: &str,
        client_id: &str,
        origin: &Origin,
    ) -> Result<ProvedLogin, ProviderLoginError> {
        let proved = self.check_id_token(provider, id_token, client_id).await;
        self.record_refusal(provider, proved, origin).await
    }

    async fn check_id_token(
        &self,
        provider: &Provider,
        id_token: &str,
        client_id: &str,
    ) -> Result<ProvedLogin, ProviderLoginError> {
        let expected = ExpectedIdToken { client_id, nonce: None, access_token: None };
        let verified = provider.verify_id_token(id_token, &expected).await.map_err(|e| match e {
            // The client brought it, and not the provider.
            ProviderLoginError::Signature(SignatureFault::NoToken) => ProviderLoginError::UnreadableIdToken,
            other => other,
        })?;
        self.use_id_token(id_token).await?;
        Ok(to_proved_login(provider, verified))
    }

    /// Each ID token proves one login, by whichever way it comes.
    async fn use_id_token(&self, id_token: &str) -> Result<(), ProviderLoginError> {
        // By what was signed: a signature may have several encodings.
        let signed = id_token.rsplit_once('.').map_or(id_token, |(signed, _)| signed);
        let expires_at = self.clock.now_micros() + REMEMBER_ID_TOKEN;
        let token_hash = sha256_hex(signed);
        let is_first = self.db.write(async |tx| used_tokens::use_token(tx, &token_hash, expires_at).await).await?;
        if is_first { Ok(()) } else { Err(ProviderLoginError::UsedIdToken) }
    }
}

/// What a verified token says of a login.
fn to_proved_login(provider: &Provider, verified: VerifiedIdToken) -> ProvedLogin {
    let VerifiedIdToken { claims, user } = verified;
    ProvedLogin {
        user,
        authentication: Authentication::from_claims(&provider.settings.name, &claims),
        provider_session: ProviderSession::from_claims(provider.settings.issuer(), &claims),
        may_be_administrator: provider.settings.may_name_administrators,
        groups: provider.settings.group_rules().map(|rules| rules.find_groups(&claims)),
    }
}

/// ICAT's words are for administrators; the user is told what to do.
fn to_provider_login_error(e: LoginError) -> ProviderLoginError {
    match e {
        LoginError::Icat(e @ IcatError::Refused { code: IcatCode::Session | IcatCode::InsufficientPrivileges, .. })
            if !e.is_login_unavailable() =>
        {
            tracing::warn!(
                error = %e,
                "ICAT refuses a user of an identity provider; is `delegate` in its list of authenticators?"
            );
            ProviderLoginError::RefusedByIcat
        }
        LoginError::Icat(e) => from_icat_error(e).into(),
        LoginError::Other(problem) => problem.into(),
    }
}

fn required_by_request(row: &ProviderLoginRow, amr: Vec<String>) -> Result<RequiredLevel, Problem> {
    Ok(RequiredLevel {
        amr,
        acr: serde_json::from_str(&row.acr_values).map_err(Problem::internal)?,
        max_age: row.max_age.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
        ..RequiredLevel::default()
    })
}

/// Deletes logins that are too old to finish, tokens that are not accepted any more, what is left of deleted logins, and logouts
/// that no login under way can be concerned by.
pub async fn delete_old_rows(db: &Db, now: Micros) -> Result<(), DbError> {
    let (before, limit) = (now - KEEP_LOGIN, i64::from(MAX_DELETED_ROWS));
    delete_in_batches(db, async |tx| provider_logins::delete_old_logins(tx, before, limit).await).await?;
    delete_in_batches(db, async |tx| used_tokens::delete_old_tokens(tx, now, limit).await).await?;
    delete_in_batches(db, async |tx| provider_sessions::delete_old_sessions(tx, before, limit).await).await?;
    delete_in_batches(db, async |tx| provider_logouts::delete_old_logouts(tx, before, limit).await).await?;
    Ok(())
}
