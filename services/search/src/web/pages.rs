//! What every page needs: who looks at it, the searches, and where the other services are.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use identity::Caller;
use identity::page_sessions::PageSessions;
use service_kit::Problem;

use super::login;
use crate::downloads::Downloads;
use crate::searches::CatalogueSearches;

/// Serves pages.
pub struct Pages {
    pub sessions: PageSessions,
    pub searches: Arc<CatalogueSearches>,
    /// `None` where no download service is known.
    pub downloads: Option<Downloads>,
    /// The address of the logbook's page; `None` where no logbook is known.
    pub logbook_page: Option<String>,
    /// The facility's name.
    pub site: String,
}

impl Pages {
    /// Who looks at the page; the login form if nobody is logged in.
    pub async fn find_visitor(&self, request: &HttpRequest) -> Result<Result<Caller, HttpResponse>, Problem> {
        match self.sessions.find_visitor(request).await? {
            Some(caller) => {
                caller.require_scope("read")?;
                Ok(Ok(caller))
            }
            None => login::show_form(self, request).await.map(Err),
        }
    }
}
