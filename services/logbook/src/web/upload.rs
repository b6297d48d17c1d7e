//! `POST /logbook/app/{level}/{id}/file`: a file that the page's script attaches, as an entry of its own.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::refuse_foreign_site;
use minijinja::context;
use service_kit::Problem;

use crate::attachments::Attachments;
use crate::domain::entry_content::EntryContent;
use crate::entries::user_entries::UserEntries;
use crate::web::logbook_path::LogbookPath;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

pub async fn attach_file(
    pages: web::Data<Pages>,
    entries: web::Data<UserEntries>,
    attachments: web::Data<Attachments>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let caller = pages.require_visitor(&request).await?;
    let path = LogbookPath::parse(&path.0, &path.1)?;
    let logbook = pages.permissions.require_write(&caller, &path.logbook).await?;
    let (filename, stored) = attachments.receive_file(&request, payload).await?;
    let mut content = EntryContent::new_attachment(entries.now());
    content.instrument_name = path.instrument();
    let file = attachments.set_file_metadata(stored, filename, &mut content);
    let entry = entries.create_entry(&caller, &logbook, content, vec![file]).await?;
    let entries = pages.render_views(std::slice::from_ref(&entry), None).await?;
    render_page(StatusCode::OK, "fragment.html", context! { entries, address => path.address() })
}
