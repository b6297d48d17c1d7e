//! `/logbook/app/{level}/{id}/entry/{entry}`: one entry with its earlier versions, and another version of it.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::{Caller, Identity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use service_kit::{Code, Problem};

use crate::catalogue::{permissions, users};
use crate::domain::entry_content::Event;
use crate::domain::entry_html;
use crate::domain::filter::{Filter, join_names};
use crate::entries;
use crate::entries::Match;
use crate::error::Error;
use crate::markup::markdown::{LONGEST_MARKDOWN, render_markdown};
use crate::state::State;
use crate::store::entries::{Entry, matching, versions};
use crate::web::entry_form::Written;
use crate::web::entry_view::{DATE, View};
use crate::web::logbook::{readable, views};
use crate::web::logbook_path::Level;
use crate::web::login;
use crate::web::session_cookie::{known, redirect, refuse_foreign, visitor};
use crate::web::templates::page;

/// Earlier versions that are shown; all of them stand in the history.
const MOST_VERSIONS: i64 = 200;

type Path = web::Path<(String, String, String)>;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: Path,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let (level, entry) = found(&state, &caller, &path).await?;
    shown(&state, &caller, &level, &entry, StatusCode::OK, None).await
}

pub async fn post(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: Path,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let (level, entry) = found(&state, &caller, &path).await?;
    permissions::write(&state, &caller, &entry.book).await?;
    let (written, is_script) = Written::read(&state, &request, payload).await?;
    let seen = written.version.clone().ok_or_else(|| Error::bad("version is missing"))?;
    let mut event = entry.event.clone();
    let given = written.clone();
    written.put_into(&state, &mut event).await?;
    match entries::change(&state, &caller, &entry, &event, Match::OneOf(vec![seen])).await {
        Ok(_) if is_script => Ok(HttpResponse::Ok().finish()),
        Ok(_) => Ok(redirect(&format!("{}/entry/{}", level.address(), entry.id))),
        Err(e) if e.code == Code::PreconditionFailed => {
            let (level, entry) = found(&state, &caller, &path).await?;
            let text = "Somebody has changed this entry meanwhile. Look at what is there now, and change it again.";
            shown(&state, &caller, &level, &entry, StatusCode::CONFLICT, Some((text, &given))).await
        }
        Err(e) => Err(e),
    }
}

async fn found(state: &State, caller: &Caller, path: &Path) -> Result<(Level, Entry), Problem> {
    let level = readable(state, caller, &(path.0.clone(), path.1.clone())).await?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &level.book).await?;
    let found = matching(&mut tx, std::slice::from_ref(&path.2), &scope, &Filter::default()).await?.pop();
    drop(tx);
    let missing = || Error::NoSuchEntry(path.2.clone());
    let entry = found.ok_or_else(missing)?;
    // What was removed is for whoever could restore it.
    if entry.removed && permissions::history(state, caller, &entry.book).await.is_err() {
        return Err(missing().into());
    }
    Ok((level, entry))
}

/// A moment as people read it.
fn as_read(micros: i64, zone: &TimeZone) -> String {
    let local = zone.to_datetime(Timestamp::from_microsecond(micros).unwrap_or_default());
    format!("{}, {}", local.strftime(DATE), local.strftime("%H:%M:%S"))
}

/// `POST …/entry/{entry}/remove`
pub async fn remove(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: Path,
) -> Result<HttpResponse, Problem> {
    set_removed(&state, &identity, &request, &path, true).await
}

/// `POST …/entry/{entry}/restore`
pub async fn restore(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: Path,
) -> Result<HttpResponse, Problem> {
    set_removed(&state, &identity, &request, &path, false).await
}

async fn set_removed(
    state: &State,
    identity: &Identity,
    request: &HttpRequest,
    path: &Path,
    removed: bool,
) -> Result<HttpResponse, Problem> {
    refuse_foreign(request)?;
    let caller = known(request, identity).await?;
    let (level, entry) = found(state, &caller, path).await?;
    permissions::write(state, &caller, &entry.book).await?;
    let filter = Filter { ids: Some(vec![entry.id.clone()]), ..Filter::default() };
    let asked = format!("_id={}", entry.id);
    let actor = &caller.subject().icat_user_name;
    entries::set_removed(state, &entry.book, &filter, removed, &asked, actor).await?;
    Ok(redirect(&format!("{}/entry/{}", level.address(), entry.id)))
}

async fn shown(
    state: &State,
    caller: &Caller,
    level: &Level,
    entry: &Entry,
    status: StatusCode,
    refused: Option<(&str, &Written)>,
) -> Result<HttpResponse, Problem> {
    let may_write = permissions::write(state, caller, &entry.book).await.is_ok();
    let may_edit = may_write && !entry.removed && entry.event.kind != "notification";
    let mut tx = state.db.read().await?;
    let view = views(state, &mut tx, std::slice::from_ref(entry), None).await?.pop();
    let all = versions(&mut tx, std::slice::from_ref(&entry.id), MOST_VERSIONS).await?;
    // ICAT is asked below.
    drop(tx);
    let (bytes, zone) = (all.iter().map(|(.., event)| event.written_bytes()).sum(), state.zone.clone());
    let earlier = state.rendering.run(bytes, move || {
        let mut earlier: Vec<View> = Vec::new();
        for pair in all.windows(2) {
            let [(id, version, _, event), (_, _, until, _)] = pair else { continue };
            let view = View::of_event(id, event, "", &HashMap::new(), &zone);
            earlier.push(View { version: *version, until: Some(as_read(*until, &zone)), ..view });
        }
        earlier.reverse();
        earlier
    });
    let earlier = earlier.await?;
    let event = entry.event.clone();
    let mode = state.rendering.run(event.written_bytes(), move || mode(&event)).await?;
    // What was refused stays in the form.
    let given = refused.map(|(_, given)| given);
    let values = context! {
        site => state.site.as_str(),
        user => users::short(&caller.subject().icat_user_name),
        book => level.shown(state, caller).await,
        mode => given.map_or(mode, |given| given.mode.as_str()),
        source => given.map_or_else(|| entry.event.plain(), |given| Some(given.text.clone())),
        html => given.filter(|given| given.mode == "html").map_or_else(|| view.as_ref().and_then(|view| view.html.clone()), |given| Some(entry_html::sanitised(&given.text))),
        tags => given.map_or_else(|| join_names(&entry.event.tags), |given| given.tags.clone()),
        message => refused.map(|(text, _)| text),
        entry => view,
        may_write, may_edit, earlier,
    };
    page(status, "single.html", values)
}

/// Markdown if that is all there is of it; otherwise what it looks like would be lost.
fn mode(event: &Event) -> &'static str {
    let plain = event.plain().unwrap_or_default();
    let Some(html) = event.html() else { return "markdown" };
    if plain.len() > LONGEST_MARKDOWN {
        return "html";
    }
    let rendered = render_markdown(&plain);
    // What is too deep was not written as Markdown, for it would have been refused.
    let is_all = entry_html::check_depth(&rendered).is_ok() && entry_html::sanitised(&rendered).trim() == html.trim();
    if is_all { "markdown" } else { "html" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry_content::Content;

    #[test]
    fn an_entry_is_edited_as_markdown_if_that_is_all_there_is_of_it() {
        let written = |plain: &str, html: &str| {
            let part =
                |format: &str, text: &str| Content { format: Some(format.to_owned()), text: Some(text.to_owned()) };
            let content = vec![part("plainText", plain), part("html", html)];
            mode(&Event { content, ..Event::comment(0) })
        };
        assert_eq!(written("a *b*", "<p>a <em>b</em></p>"), "markdown");
        assert_eq!(written("a b", "<p>a <em>b</em></p>"), "html");
        // Each is a list within the one before; reading that took minutes.
        assert_eq!(written(&"1. ".repeat(50_000), "<p>a</p>"), "html");
        assert_eq!(written(&"a".repeat(LONGEST_MARKDOWN + 1), "<p>a</p>"), "html");
    }
}
