//! Who looks at the page.

use actix_web::HttpRequest;
use identity::page_sessions::find_page_session;
use service_kit::{Problem, is_session_handle};

use crate::logins::LiveLogin;
use crate::state::State;

/// The login of the page's cookie, if it is alive. A session of ICAT that another page of the facility has opened is none.
pub async fn find_visitor(state: &State, request: &HttpRequest) -> Result<Option<LiveLogin>, Problem> {
    let Some(credential) = find_page_session(request).filter(|text| is_session_handle(text)) else { return Ok(None) };
    let login = state.logins.find_login(credential).await?;
    Ok(login.filter(|login| login.is_live(state.clock.now_micros())))
}
