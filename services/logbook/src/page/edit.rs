//! `/logbook/app/{level}/{id}/entry/{entry}`: one entry with its earlier versions, and another version of it.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::{Caller, Identity};
use minijinja::context;
use service_kit::{Code, Problem};

use super::book::{readable, views};
use super::html::{of_markdown, page};
use super::level::Level;
use super::login;
use super::view::View;
use super::visitor::{known, redirect, visitor};
use super::write::Written;
use crate::domain::event::Event;
use crate::domain::filter::Filter;
use crate::domain::{content, dates};
use crate::entries::{self, Match};
use crate::error::Error;
use crate::people;
use crate::rights;
use crate::state::State;
use crate::store::entries::{Entry, matching, versions};

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
    rights::write(&state, &caller, &entry.book()).await?;
    let (written, is_script) = Written::read(&state, &request, payload).await?;
    let version = written.version.as_deref().and_then(|version| version.parse().ok());
    let version = version.ok_or_else(|| Error::bad("version is missing"))?;
    let mut event = entry.event.clone();
    let given = written.clone();
    written.put_into(&mut event)?;
    match entries::change(&state, &caller, &entry, &event, Match::Version(version)).await {
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
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let found = matching(&mut tx, std::slice::from_ref(&path.2), &scope, &filter).await?.pop();
    Ok((level, found.ok_or_else(|| Error::NoSuchEntry(path.2.clone()))?))
}

async fn shown(
    state: &State,
    caller: &Caller,
    level: &Level,
    entry: &Entry,
    status: StatusCode,
    refused: Option<(&str, &Written)>,
) -> Result<HttpResponse, Problem> {
    let is_editable = entry.event.kind != "notification";
    let may_edit = is_editable && rights::write(state, caller, &entry.book()).await.is_ok();
    let mut tx = state.db.read().await?;
    let view = views(state, &mut tx, std::slice::from_ref(entry), None).await?.pop();
    let all = versions(&mut tx, std::slice::from_ref(&entry.id)).await?;
    // ICAT is asked below.
    drop(tx);
    let mut earlier: Vec<View> = Vec::new();
    for pair in all.windows(2) {
        let [(id, version, _, event), (_, _, until, _)] = pair else { continue };
        let view = View::of_event(id, event, "", &HashMap::new(), &state.zone);
        earlier.push(View { version: *version, until: Some(dates::shown(*until)), ..view });
    }
    earlier.reverse();
    // What was refused stays in the form.
    let given = refused.map(|(_, given)| given);
    let values = context! {
        site => state.site.as_str(),
        user => people::short(&caller.subject().icat_user_name),
        book => level.shown(state, caller).await,
        mode => given.map_or_else(|| mode(&entry.event), |given| given.mode.as_str()),
        source => given.map_or_else(|| entry.event.plain(), |given| Some(given.text.clone())),
        html => given.filter(|given| given.mode == "html").map_or_else(|| view.as_ref().and_then(|view| view.html.clone()), |given| Some(content::sanitised(&given.text))),
        tags => given.map_or_else(|| entry.event.tags.join(", "), |given| given.tags.clone()),
        message => refused.map(|(text, _)| text),
        entry => view,
        may_edit, earlier,
    };
    page(status, "single.html", values)
}

/// Markdown if that is all there is of it; otherwise what it looks like would be lost.
fn mode(event: &Event) -> &'static str {
    let plain = event.plain().unwrap_or_default();
    match event.html() {
        Some(html) if content::sanitised(&of_markdown(&plain)).trim() != html.trim() => "html",
        _ => "markdown",
    }
}
