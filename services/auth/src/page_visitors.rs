//! Who looks at a page.

use std::sync::Arc;

use actix_web::HttpRequest;
use identity::page_sessions::{find_page_session, refuse_foreign_site};
use service_kit::{ClientAddress, Code, Problem, is_session_handle};

use crate::administrators::Administrators;
use crate::error::NOT_LOGGED_IN;
use crate::logins::{LiveLogin, Logins};

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

/// Finds out who looks at a page.
pub struct PageVisitors {
    logins: Arc<Logins>,
    administrators: Arc<Administrators>,
}

impl PageVisitors {
    pub fn new(logins: Arc<Logins>, administrators: Arc<Administrators>) -> Self {
        Self { logins, administrators }
    }

    /// The login of the page's cookie, if it is alive. A session of ICAT that another page of the facility has opened is none.
    pub async fn find_visitor(&self, request: &HttpRequest) -> Result<Option<LiveLogin>, Problem> {
        let credential = find_page_session(request).filter(|text| is_session_handle(text));
        let Some(credential) = credential else { return Ok(None) };
        self.logins.find_live_login(credential).await
    }

    /// The same for a page that is only for those who are logged in.
    pub async fn require_visitor(&self, request: &HttpRequest) -> Result<LiveLogin, Problem> {
        let text = "You are not logged in here, or your login has ended. Log in, and try again.";
        let visitor = self.find_visitor(request).await?;
        visitor.ok_or_else(|| Problem::new(Code::Unauthenticated, NOT_LOGGED_IN, text))
    }

    /// Who sends a form. One that a page of another site sends is refused, because the browser adds the cookie to it as well.
    pub async fn require_sender(&self, request: &HttpRequest) -> Result<LiveLogin, Problem> {
        refuse_foreign_site(request)?;
        self.require_visitor(request).await
    }

    /// The same for the forms of administrators.
    pub async fn require_sending_administrator(&self, request: &HttpRequest) -> Result<Administrator, Problem> {
        refuse_foreign_site(request)?;
        self.require_administrator(request).await
    }

    /// The same as [`Self::require_visitor`] for the pages of administrators.
    pub async fn require_administrator(&self, request: &HttpRequest) -> Result<Administrator, Problem> {
        let login = self.require_visitor(request).await?;
        let client = ClientAddress::find_in_request(request);
        let decision = self.administrators.check_login(&login.row, client).await?;
        let text = "This page is for administrators, whom the setting identity.administrators lists.";
        decision.require_allowed_or(|_| Problem::new(Code::Forbidden, "auth/not-administrator", text))?;
        Ok(Administrator { login })
    }
}
