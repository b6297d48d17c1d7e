//! Who looks at a page.

use actix_web::HttpRequest;
use identity::page_sessions::find_page_session;
use service_kit::{Code, Problem, is_session_handle};

use crate::logins::LiveLogin;
use crate::state::State;

/// Somebody who is logged in and administers the services.
pub struct Administrator {
    pub login: LiveLogin,
}

impl Administrator {
    /// ICAT user name, for the audit log.
    pub fn user_name(&self) -> &str {
        &self.login.row.user_name
    }
}

/// The login of the page's cookie, if it is alive. A session of ICAT that another page of the facility has opened is none.
pub async fn find_visitor(state: &State, request: &HttpRequest) -> Result<Option<LiveLogin>, Problem> {
    let Some(credential) = find_page_session(request).filter(|text| is_session_handle(text)) else { return Ok(None) };
    let login = state.logins.find_login(credential).await?;
    let Some(login) = login.filter(|login| login.is_live(state.clock.now_micros())) else { return Ok(None) };
    let is_closed = state.logins.is_account_closed(&login.row.user_name).await?;
    Ok(Some(login).filter(|_| !is_closed))
}

/// The same for a page that is only for those who are logged in.
pub async fn require_visitor(state: &State, request: &HttpRequest) -> Result<LiveLogin, Problem> {
    let text = "You are not logged in here, or your login has ended. Log in, and try again.";
    let visitor = find_visitor(state, request).await?;
    visitor.ok_or_else(|| Problem::new(Code::Unauthenticated, "auth/not-logged-in", text))
}

/// The same for the pages of administrators.
pub async fn require_administrator(state: &State, request: &HttpRequest) -> Result<Administrator, Problem> {
    let login = require_visitor(state, request).await?;
    if state.administrators.contains(&login.row.user_name) {
        return Ok(Administrator { login });
    }
    let text = "This page is for administrators, whom the setting identity.administrators lists.";
    Err(Problem::new(Code::Forbidden, "auth/not-administrator", text))
}
