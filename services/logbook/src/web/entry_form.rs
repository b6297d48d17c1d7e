//! `POST /logbook/app/{level}/{id}`: a new entry, from the page's script as JSON or from its form without a script.

use std::fmt::Write as _;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{redirect_to, refuse_foreign_site};
use minijinja::context;
use serde::Deserialize;
use service_kit::Problem;

use crate::attachments::Attachments;
use crate::domain::entry_content::{EntryContent, TextPart, check_tags};
use crate::domain::entry_html;
use crate::domain::filter::split_names;
use crate::domain::plain_text::render_plain_text;
use crate::entries::user_entries::UserEntries;
use crate::error::Error;
use crate::http::{parse_json, read_body};
use crate::markup::markdown::{MAX_MARKDOWN, render_markdown};
use crate::markup::text_pool::TextPool;
use crate::web::logbook_path::LogbookPath;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

/// The form of an entry.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EntryForm {
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

impl EntryForm {
    /// The form, and whether the page's script has sent it.
    pub async fn read_request(
        request: &HttpRequest,
        payload: web::Payload,
        max_bytes: usize,
    ) -> Result<(Self, bool), Problem> {
        refuse_foreign_site(request)?;
        let bytes = read_body(payload, max_bytes).await?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            return Ok((parse_json(&bytes, "the form cannot be read")?, true));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::invalid("the form is no text"))?;
        let form = web::Query::<Self>::from_query(text)
            .map_err(|e| Error::invalid(format!("the form cannot be read: {e}")))?;
        Ok((form.into_inner(), false))
    }

    /// Puts text, pasted images and tags into an entry; an error if it is empty or too large.
    pub async fn fill_content(self, text_pool: &TextPool, content: &mut EntryContent) -> Result<(), Problem> {
        content.tags = check_tags(split_names(&self.tags).into_iter())?;
        let bytes = self.text.len();
        content.parts = text_pool.run(bytes, move || self.into_parts()).await??;
        Ok(())
    }

    fn into_parts(self) -> Result<Vec<TextPart>, Error> {
        let Self { mode, text, images, .. } = self;
        let is_rich = mode == "html";
        if !is_rich && text.len() > MAX_MARKDOWN {
            return Err(Error::invalid(format!(
                "a text in Markdown may have {MAX_MARKDOWN} bytes, this one has {}; attach it as a file",
                text.len()
            )));
        }
        if is_rich {
            entry_html::check_depth(&text)?;
        }
        let mut html = if is_rich { text.clone() } else { render_markdown(&text) };
        for image in &images {
            // Anything else in there is removed when the HTML is sanitized.
            let _ = write!(html, "<p><img src=\"{}\" alt=\"pasted image\"></p>", image.replace(['"', '<', '>'], ""));
        }
        let plain = if is_rich { render_plain_text(&text) } else { text };
        if plain.trim().is_empty() && images.is_empty() && !html.contains("<img") {
            return Err(Error::EmptyEntry);
        }
        let part = |format: &str, text: String| TextPart { format: Some(format.to_owned()), text: Some(text) };
        Ok(vec![part("plainText", plain), part("html", html)])
    }
}

pub async fn create_entry(
    pages: web::Data<Pages>,
    entries: web::Data<UserEntries>,
    attachments: web::Data<Attachments>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = pages.require_visitor(&request).await?;
    let path = LogbookPath::parse(&path.0, &path.1)?;
    let logbook = pages.permissions.require_write(&caller, &path.logbook).await?;
    let (form, is_script) = EntryForm::read_request(&request, payload, attachments.max_base64_body()).await?;
    let mut content = EntryContent::new_comment(entries.now());
    content.instrument_name = path.instrument();
    form.fill_content(&pages.text_pool, &mut content).await?;
    let entry = entries.create_entry(&caller, &logbook, content, Vec::new()).await?;
    if !is_script {
        return Ok(redirect_to(&path.address()));
    }
    let entries = pages.render_views(std::slice::from_ref(&entry), None).await?;
    render_page(StatusCode::OK, "fragment.html", context! { entries, address => path.address() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_some_length_are_rendered() {
        let contents =
            |mode: &str, text: String| EntryForm { mode: mode.to_owned(), text, ..EntryForm::default() }.into_parts();
        let most = contents("markdown", "*".repeat(MAX_MARKDOWN)).unwrap();
        assert_eq!(most.len(), 2);
        let refused = contents("markdown", "*".repeat(MAX_MARKDOWN + 1)).unwrap_err().to_string();
        assert!(refused.contains("may have 262144 bytes, this one has 262145; attach it as a file"), "{refused}");
        assert!(contents("html", "a ".repeat(MAX_MARKDOWN)).is_ok(), "HTML is not rendered");
        let deep = contents("html", "<div>".repeat(100_000)).unwrap_err().to_string();
        assert!(deep.contains("nested too deeply"), "{deep}");
    }
}
