//! `/logbook/app/{level}/{id}/entry/{entry}`: one entry with its earlier versions, and another version of it.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use identity::page_sessions::{redirect_to, refuse_foreign_site};
use jiff::tz::TimeZone;
use minijinja::context;
use service_kit::{Code, Micros, Problem};

use crate::attachments::Attachments;
use crate::catalogue::users::short_user_name;
use crate::domain::entry::{Entry, VersionCondition};
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_html;
use crate::domain::entry_kind::EntryType;
use crate::domain::filter::{Filter, join_names};
use crate::entries::Entries;
use crate::entries::hide::Selection;
use crate::entries::lists::EntryLists;
use crate::error::Error;
use crate::markup::markdown::{MAX_MARKDOWN, render_markdown};
use crate::store::entry_lists::Version;
use crate::web::entry_form::EntryForm;
use crate::web::entry_view::{DATE, EntryView};
use crate::web::logbook_path::LogbookPath;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

/// Earlier versions that are shown; all of them stand in the history.
const MAX_VERSIONS: i64 = 200;

type EntryPath = web::Path<(String, String, String)>;

pub async fn show_entry(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    request: HttpRequest,
    path: EntryPath,
) -> Result<HttpResponse, Problem> {
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let (path, entry) = find_entry(&pages, &lists, &caller, &path).await?;
    render_entry_page(&pages, &lists, &caller, &path, &entry, None).await
}

pub async fn update_entry(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    entries: web::Data<Entries>,
    attachments: web::Data<Attachments>,
    request: HttpRequest,
    path: EntryPath,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = pages.require_visitor(&request).await?;
    let (logbook, entry) = find_entry(&pages, &lists, &caller, &path).await?;
    pages.permissions.require_write(&caller, &entry.logbook).await?;
    let (form, is_script) = EntryForm::read_request(&request, payload, attachments.max_base64_body()).await?;
    let seen = form.version.clone().ok_or_else(|| Error::invalid("version is missing"))?;
    let mut content = entry.content.clone();
    let given = form.clone();
    form.fill_content(&pages.text_pool, &mut content).await?;
    match entries.update_entry(&caller, &entry, content, &VersionCondition::OneOf(vec![seen])).await {
        Ok(_) if is_script => Ok(HttpResponse::Ok().finish()),
        Ok(_) => Ok(redirect_to(&format!("{}/entry/{}", logbook.address(), entry.id))),
        Err(e) if e.code == Code::PreconditionFailed => {
            let (logbook, entry) = find_entry(&pages, &lists, &caller, &path).await?;
            render_entry_page(&pages, &lists, &caller, &logbook, &entry, Some(&given)).await
        }
        Err(e) => Err(e),
    }
}

async fn find_entry(
    pages: &Pages,
    lists: &EntryLists,
    caller: &Caller,
    path: &EntryPath,
) -> Result<(LogbookPath, Entry), Problem> {
    let (level, id, entry) = &**path;
    let (path, logbook) = pages.require_read(caller, level, id).await?;
    let found = lists.find_entries(&logbook, std::slice::from_ref(entry), &Filter::default()).await?.pop();
    let missing = || Error::NoSuchEntry(entry.clone());
    let entry = found.ok_or_else(missing)?;
    // Removed entries are only shown to those who may restore them.
    if entry.removed && pages.permissions.require_history(caller, &entry.logbook).await.is_err() {
        return Err(missing().into());
    }
    Ok((path, entry))
}

/// `POST …/entry/{entry}/remove`
pub async fn hide_entry(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    entries: web::Data<Entries>,
    request: HttpRequest,
    path: EntryPath,
) -> Result<HttpResponse, Problem> {
    set_removed(&pages, &lists, &entries, &request, &path, true).await
}

/// `POST …/entry/{entry}/restore`
pub async fn restore_entry(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    entries: web::Data<Entries>,
    request: HttpRequest,
    path: EntryPath,
) -> Result<HttpResponse, Problem> {
    set_removed(&pages, &lists, &entries, &request, &path, false).await
}

async fn set_removed(
    pages: &Pages,
    lists: &EntryLists,
    entries: &Entries,
    request: &HttpRequest,
    path: &EntryPath,
    removed: bool,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(request)?;
    let caller = pages.require_visitor(request).await?;
    let (path, entry) = find_entry(pages, lists, &caller, path).await?;
    let logbook = pages.permissions.require_write(&caller, &entry.logbook).await?;
    let filter = Filter { ids: Some(vec![entry.id.clone()]), ..Filter::default() };
    let selection = Selection { filter, query: format!("_id={}", entry.id) };
    if removed {
        entries.hide(&caller, &logbook, &selection).await?;
    } else {
        entries.restore(&caller, &logbook, &selection).await?;
    }
    Ok(redirect_to(&format!("{}/entry/{}", path.address(), entry.id)))
}

/// The page; with a form that was refused because somebody else was faster.
async fn render_entry_page(
    pages: &Pages,
    lists: &EntryLists,
    caller: &Caller,
    path: &LogbookPath,
    entry: &Entry,
    refused: Option<&EntryForm>,
) -> Result<HttpResponse, Problem> {
    let content = &entry.content;
    let may_write = pages.permissions.require_write(caller, &entry.logbook).await.is_ok();
    let may_edit = may_write && !entry.removed && content.kind != EntryType::Notification;
    let view = pages.render_views(std::slice::from_ref(entry), None).await?.pop();
    let earlier = render_earlier(pages, lists.list_versions(entry, MAX_VERSIONS).await?).await?;
    let present = content.clone();
    let mode = pages.text_pool.run(content.text_bytes(), move || choose_mode(&present)).await?;
    let message = "Somebody has changed this entry meanwhile. Look at what is there now, and change it again.";
    // The refused text stays in the form.
    let html = match refused.filter(|form| form.mode == "html") {
        Some(form) => Some(entry_html::sanitize_html(&form.text)),
        None => view.as_ref().and_then(|view| view.html.clone()),
    };
    let values = context! {
        site => pages.site.as_str(),
        user => short_user_name(&caller.subject().icat_user_name),
        book => pages.describe_logbook(caller, path).await,
        mode => refused.map_or(mode, |form| form.mode.as_str()),
        source => refused.map_or_else(|| content.plain_text(), |form| Some(form.text.clone())),
        html,
        tags => refused.map_or_else(|| join_names(&content.tags), |form| form.tags.clone()),
        message => refused.map(|_| message),
        entry => view,
        may_write, may_edit, earlier,
    };
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    render_page(status, "single.html", values)
}

/// Earlier versions, newest first.
async fn render_earlier(pages: &Pages, versions: Vec<Version>) -> Result<Vec<EntryView>, Problem> {
    let (bytes, zone) = (versions.iter().map(|version| version.content.text_bytes()).sum(), pages.zone.clone());
    let rendered = pages.text_pool.run(bytes, move || {
        let mut earlier: Vec<EntryView> = Vec::new();
        for pair in versions.windows(2) {
            let [Version { entry, version, content, .. }, next] = pair else { continue };
            let view = EntryView::from_content(entry, content, "", &HashMap::new(), &zone);
            earlier.push(EntryView { version: *version, until: Some(render_moment(next.at, &zone)), ..view });
        }
        earlier.reverse();
        earlier
    });
    rendered.await
}

/// A moment as people read it.
fn render_moment(at: Micros, zone: &TimeZone) -> String {
    let local = zone.to_datetime(at.to_timestamp());
    format!("{}, {}", local.strftime(DATE), local.strftime("%H:%M:%S"))
}

/// Markdown if that is all there is of it; otherwise what it looks like would be lost.
fn choose_mode(content: &EntryContent) -> &'static str {
    let plain = content.plain_text().unwrap_or_default();
    let Some(html) = content.html() else { return "markdown" };
    if plain.len() > MAX_MARKDOWN {
        return "html";
    }
    let rendered = render_markdown(&plain);
    // HTML that is nested too deeply was not written as Markdown, because that is refused.
    let is_all =
        entry_html::check_depth(&rendered).is_ok() && entry_html::sanitize_html(&rendered).trim() == html.trim();
    if is_all { "markdown" } else { "html" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry_content::TextPart;

    #[test]
    fn an_entry_is_edited_as_markdown_if_that_is_all_there_is_of_it() {
        let written = |plain: &str, html: &str| {
            let part =
                |format: &str, text: &str| TextPart { format: Some(format.to_owned()), text: Some(text.to_owned()) };
            let parts = vec![part("plainText", plain), part("html", html)];
            choose_mode(&EntryContent { parts, ..EntryContent::new_comment(Micros::default()) })
        };
        assert_eq!(written("a *b*", "<p>a <em>b</em></p>"), "markdown");
        assert_eq!(written("a b", "<p>a <em>b</em></p>"), "html");
        // Each is a list within the one before; reading that took minutes.
        assert_eq!(written(&"1. ".repeat(50_000), "<p>a</p>"), "html");
        assert_eq!(written(&"a".repeat(MAX_MARKDOWN + 1), "<p>a</p>"), "html");
    }
}
