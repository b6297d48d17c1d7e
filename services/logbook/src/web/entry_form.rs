//! `POST /logbook/app/{level}/{id}`: a new entry, from the page's script as JSON or from its form without a script.

use std::fmt::Write as _;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::{Caller, Identity};
use minijinja::context;
use serde::Deserialize;
use service_kit::Problem;

use crate::catalogue::{permissions, users};
use crate::domain::entry_content::{Content, Event, parsed};
use crate::domain::filter::split_names;
use crate::domain::plain_text::render_plain_text;
use crate::domain::{entry_content, entry_html};
use crate::entries;
use crate::entries::NewEntry;
use crate::error::Error;
use crate::http::{body, with_file};
use crate::markup::markdown::{LONGEST_MARKDOWN, render_markdown};
use crate::state::State;
use crate::web::logbook::views;
use crate::web::logbook_path::Level;
use crate::web::session_cookie::{known, redirect, refuse_foreign};
use crate::web::templates::page;

/// What somebody has written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Written {
    #[serde(default)]
    pub mode: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub tags: String,
    /// Pasted images as `data:` addresses.
    #[serde(default)]
    images: Vec<String>,
    /// Of a change: the version that was seen.
    pub version: Option<String>,
}

impl Written {
    pub async fn read(state: &State, request: &HttpRequest, payload: web::Payload) -> Result<(Self, bool), Problem> {
        refuse_foreign(request)?;
        let bytes = body(payload, with_file(state)).await?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            return Ok((parsed(&bytes, "the form cannot be read")?, true));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::bad("the form is no text"))?;
        let form =
            web::Query::<Self>::from_query(text).map_err(|e| Error::bad(format!("the form cannot be read: {e}")))?;
        Ok((form.into_inner(), false))
    }

    /// Puts text, pasted images and tags into an entry; an error if there is nothing, or too much.
    pub async fn put_into(self, state: &State, event: &mut Event) -> Result<(), Problem> {
        event.tags = entry_content::tags(split_names(&self.tags).into_iter())?;
        let bytes = self.text.len();
        event.content = state.rendering.run(bytes, move || self.into_contents()).await??;
        Ok(())
    }

    fn into_contents(self) -> Result<Vec<Content>, Error> {
        let Self { mode, text, images, .. } = self;
        let is_rich = mode == "html";
        if !is_rich && text.len() > LONGEST_MARKDOWN {
            return Err(Error::bad(format!(
                "a text in Markdown may have {LONGEST_MARKDOWN} bytes, this one has {}; attach it as a file",
                text.len()
            )));
        }
        if is_rich {
            entry_html::check_depth(&text)?;
        }
        let mut html = if is_rich { text.clone() } else { render_markdown(&text) };
        for image in &images {
            // Whatever else stands there is taken away with what is not harmless.
            let _ = write!(html, "<p><img src=\"{}\" alt=\"pasted image\"></p>", image.replace(['"', '<', '>'], ""));
        }
        let plain = if is_rich { render_plain_text(&text) } else { text };
        if plain.trim().is_empty() && images.is_empty() && !html.contains("<img") {
            return Err(Error::Empty);
        }
        let part = |format: &str, text: String| Content { format: Some(format.to_owned()), text: Some(text) };
        Ok(vec![part("plainText", plain), part("html", html)])
    }
}

pub async fn post(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let level = Level::parse(&path.0, &path.1)?;
    permissions::write(&state, &caller, &level.book).await?;
    let (written, is_script) = Written::read(&state, &request, payload).await?;
    let entry = create(&state, &caller, &level, written).await?;
    if !is_script {
        return Ok(redirect(&level.address()));
    }
    let mut tx = state.db.read().await?;
    let entries = views(&state, &mut tx, std::slice::from_ref(&entry), None).await?;
    page(StatusCode::OK, "fragment.html", context! { entries, address => level.address() })
}

async fn create(
    state: &State,
    caller: &Caller,
    level: &Level,
    written: Written,
) -> Result<crate::store::entries::Entry, Problem> {
    let mut event = Event::comment(state.clock.now_micros());
    event.instrument_name = level.instrument();
    written.put_into(state, &mut event).await?;
    users::sign(state, caller, &mut event).await;
    users::place(state, caller, &mut event, level.investigation()).await;
    let actor = caller.subject().icat_user_name.clone();
    let new = NewEntry { book: level.book.clone(), event, files: Vec::new(), late: false, actor };
    entries::create(state, new).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_some_length_are_rendered() {
        let contents =
            |mode: &str, text: String| Written { mode: mode.to_owned(), text, ..Written::default() }.into_contents();
        let most = contents("markdown", "*".repeat(LONGEST_MARKDOWN)).unwrap();
        assert_eq!(most.len(), 2);
        let refused = contents("markdown", "*".repeat(LONGEST_MARKDOWN + 1)).unwrap_err().to_string();
        assert!(refused.contains("may have 262144 bytes, this one has 262145; attach it as a file"), "{refused}");
        assert!(contents("html", "a ".repeat(LONGEST_MARKDOWN)).is_ok(), "HTML is not rendered");
        let deep = contents("html", "<div>".repeat(100_000)).unwrap_err().to_string();
        assert!(deep.contains("nested too deeply"), "{deep}");
    }
}
