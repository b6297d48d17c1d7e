//! `GET /auth/v1/oidc/{provider}/callback`: where the identity provider sends a browser back to.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, redirect_to};
use service_kit::{Code, Problem};

use super::find_provider;
use crate::account_links::{LinkError, LinkedUser};
use crate::browser_cookie::find_browser_secret;
use crate::domain::client_id::ClientId;
use crate::domain::origin::Origin;
use crate::domain::provider_login::{RedirectAnswer, SessionKind};
use crate::domain::provider_session::ProviderSession;
use crate::domain::renewal::seconds_until;
use crate::error::session_over;
use crate::login_flow::OpenedSession;
use crate::logins::{NewLogin, RefreshToken, SessionHandle, TokenPlace};
use crate::provider_logins::{FinishedProviderLogin, ProvedLogin};
use crate::providers::ProviderLoginError;
use crate::request_origin::RequestOrigin;
use crate::routes::refresh_cookie::create_refresh_cookie;
use crate::state::State;

/// What the browser keeps.
enum BrowserSession {
    Portal { refresh_token: RefreshToken, seconds_left: i64 },
    Page(SessionHandle),
}

pub async fn finish_login(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    provider: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let provider = find_provider(&state, &provider)?;
    let answer = parse_redirect(request.query_string());
    let secret = find_browser_secret(&request);
    let finished = state.provider_logins.finish_login(provider, answer, secret.as_deref(), &origin.0).await;
    let opened = match finished {
        Ok(finished) if finished.session_kind == SessionKind::Link => {
            return link_account(&state, &request, &finished, &provider.settings.name, &origin.0).await;
        }
        Ok(finished) => {
            let FinishedProviderLogin { proved, session_kind, .. } = &finished;
            let issue =
                async |opened: &OpenedSession| store_login(&state, proved, *session_kind, opened, &origin.0).await;
            let opened = state.provider_logins.open_session(provider, proved, &origin.0, issue).await;
            opened.map(|session| (finished, session))
        }
        Err(e) => Err(e),
    };
    let (finished, session) = opened.map_err(|e| e.into_problem(provider.settings.display_name()))?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, finished.return_to));
    match session {
        BrowserSession::Portal { refresh_token, seconds_left } => {
            response.cookie(create_refresh_cookie(&refresh_token, seconds_left));
        }
        BrowserSession::Page(handle) => {
            response.cookie(create_page_cookie(&request, handle.expose()));
        }
    }
    Ok(response.finish())
}

/// Links the account of the page to the user of the provider.
async fn link_account(
    state: &State,
    request: &HttpRequest,
    finished: &FinishedProviderLogin,
    provider: &str,
    origin: &Origin,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_visitor(request).await?;
    let account = &visitor.row.user_name;
    // Somebody else may have logged in on the page since.
    if finished.page_login.as_ref() != Some(&visitor.row.sid_hash) {
        let text = "You are not logged in here as when you began this. Begin again on the page of your account.";
        return Err(Problem::new(Code::Conflict, "auth/not-linked", text));
    }
    let ProviderSession { issuer, subject_hash, .. } = &finished.proved.provider_session;
    let user = LinkedUser { provider, issuer, subject_hash };
    state.account_links.link_user(&user, account, account, origin).await.map_err(|e| match e {
        LinkError::Database(e) => e.into(),
        refused => Problem::new(Code::Conflict, "auth/not-linked", refused.to_string()),
    })?;
    Ok(redirect_to("/auth/app?done=linked"))
}

/// Each parameter may be there once (RFC 6749, 3.1); those that nobody asked for are ignored.
fn parse_redirect(query: &str) -> Result<RedirectAnswer, ProviderLoginError> {
    web::Query::<RedirectAnswer>::from_query(query)
        .map(web::Query::into_inner)
        .map_err(|_| ProviderLoginError::BadRedirect)
}

/// Stores the login of an opened session.
async fn store_login(
    state: &State,
    proved: &ProvedLogin,
    kind: SessionKind,
    opened: &OpenedSession,
    origin: &Origin,
) -> Result<BrowserSession, Problem> {
    let provider_session = Some(&proved.provider_session);
    if kind == SessionKind::Page {
        return Ok(BrowserSession::Page(state.logins.start_page_login(opened, provider_session, origin).await?));
    }
    let new = NewLogin {
        session: &opened.session,
        handle: &SessionHandle::generate(&*state.ids),
        authentication: &opened.authentication,
        // Pages name no client when they refresh.
        client: &ClientId::unnamed(),
        origin,
        account_before: None,
        // No access token was signed yet.
        token_ends_at: state.clock.now(),
        refresh_place: Some(TokenPlace::Cookie),
        provider_session,
    };
    let started = state.logins.start_login(&new).await?.ok_or_else(session_over)?;
    let seconds_left = seconds_until(started.ends_at, state.clock.now_micros());
    let refresh_token = started.refresh_token.ok_or_else(|| Problem::internal("a login without a refresh token"))?;
    Ok(BrowserSession::Portal { refresh_token, seconds_left })
}
