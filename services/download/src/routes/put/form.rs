//! `POST /ids/put`: the same as the form of a page, whose fields come before the file.

use std::fmt::Write as _;

use actix_multipart::{Field, Multipart};
use actix_web::body::MessageBody as _;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use service_kit::{ErrorFormat, Problem, problem};
use sha2::{Digest as _, Sha256};

use super::request::NewDatafile;
use super::upload::Upload;
use crate::error::{SWITCHED_OFF, bad_request, not_implemented};
use crate::openapi::{Always, Failure, PutForm, Stored};
use crate::parameters::Parameters;
use crate::session::who;
use crate::state::State;

/// Of the old form, besides `wrap` and `padding`.
const FIELDS: [&str; 10] = [
    "sessionId",
    "name",
    "datasetId",
    "datafileFormatId",
    "description",
    "doi",
    "datafileCreateTime",
    "datafileModTime",
    "wrap",
    "padding",
];
/// A field longer than this is none.
const LONGEST_FIELD: usize = 64 * 1024;
const PAGE: &str = "<html><script type=\"text/javascript\">";
const NAME: &str = "window.name='";
const END_OF_NAME: &str = "';";
const AFTER: &str = "</script></html>";
/// Browsers of old showed a page of their own instead of a short error.
const PADDING: usize = 512;

#[utoipa::path(
    post, path = "/ids/put", operation_id = "put_form", tag = "uploads", summary = "Store a file from a page's form",
    description = "For pages that cannot PUT. Fields come before the file; `wrap` puts the answer into a page for a frame, \
        `padding` makes an error there longer.",
    request_body(content = PutForm, content_type = "multipart/form-data"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 201, description = "Stored", body = Stored),
        (status = 204, description = "There was no file"),
        (status = 400, description = "`BadRequestException`: a field is missing, wrong or not known", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not allowed", body = Failure),
        (status = 404, description = "`NotFoundException`: no such dataset or format", body = Failure),
        (status = 501, description = "`NotImplementedException`: the storage is read-only", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn post(state: web::Data<State>, request: HttpRequest, form: Multipart) -> Result<HttpResponse, Problem> {
    let mut asked = Asked { fields: Vec::new(), wrap: false, padding: false };
    let stored = receive(&state, &request, form, &mut asked).await;
    match stored {
        Ok(None) => Ok(HttpResponse::NoContent().finish()),
        Ok(Some(json)) if asked.wrap => Ok(page(HttpResponse::Created(), "", &json)),
        Ok(Some(json)) => Ok(HttpResponse::Created().insert_header(("content-type", "application/json")).body(json)),
        Err(problem) if asked.wrap => Ok(asked.refused(&problem)),
        Err(problem) => Err(problem),
    }
}

/// What the fields before the file said.
struct Asked {
    fields: Vec<(String, String)>,
    wrap: bool,
    padding: bool,
}

async fn receive(
    state: &State,
    request: &HttpRequest,
    mut form: Multipart,
    asked: &mut Asked,
) -> Result<Option<String>, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    while let Some(part) = form.next().await {
        let part = part.map_err(|e| bad_request(e.to_string()))?;
        let disposition = part.content_disposition();
        let field = disposition.and_then(|d| d.get_name()).unwrap_or_default().to_owned();
        let file = disposition.and_then(|d| d.get_filename()).map(str::to_owned);
        if let Some(file) = file {
            return store(state, request, part, &file, asked).await.map(Some);
        }
        let value = text(part).await?;
        if !FIELDS.contains(&field.as_str()) {
            // ids.server has no blank there.
            return Err(bad_request(format!("Form field {field}is not recognised")));
        }
        match field.as_str() {
            "wrap" => asked.wrap = value.eq_ignore_ascii_case("true"),
            "padding" => asked.padding = value.eq_ignore_ascii_case("true"),
            _ => asked.fields.push((field, value)),
        }
    }
    Ok(None)
}

async fn store(
    state: &State,
    request: &HttpRequest,
    part: Field,
    file: &str,
    asked: &Asked,
) -> Result<String, Problem> {
    let mut fields = asked.fields.clone();
    // The first of a name counts, so the file's own name does where the form gave none.
    fields.push(("name".to_owned(), file.to_owned()));
    let parameters = Parameters::new(fields, request);
    let datafile = NewDatafile::of(&parameters)?;
    let who = who(state, &parameters).await?;
    Upload::begin(state, who, datafile).await?.receive(part).await
}

async fn text(mut part: Field) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.next().await {
        bytes.extend(piece.map_err(|e| bad_request(e.to_string()))?);
        if bytes.len() > LONGEST_FIELD {
            return Err(bad_request("A form field is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| bad_request("A form field is not UTF-8"))
}

impl Asked {
    /// The error format's answer within the page.
    fn refused(&self, problem: &Problem) -> HttpResponse {
        tracing::info!(
            error.slug = problem.slug,
            error = problem::format_error_chain(problem),
            "an upload from a form was refused"
        );
        let rendered = ErrorFormat::Ids.render(problem, "", "ids");
        let status = rendered.status();
        let json = rendered.into_body().try_into_bytes().unwrap_or_default();
        let padding = if self.padding { format!("/*{}*/", " ".repeat(PADDING)) } else { String::new() };
        page(HttpResponse::build(status), &padding, &String::from_utf8_lossy(&json))
    }
}

/// A page whose window is named like the answer, and that may do nothing else.
fn page(mut response: HttpResponseBuilder, padding: &str, json: &str) -> HttpResponse {
    let script = format!("{padding}{NAME}{}{END_OF_NAME}", literal(json));
    let policy = format!("default-src 'none'; script-src 'sha256-{}'", STANDARD.encode(Sha256::digest(&script)));
    response
        .insert_header((CONTENT_TYPE, "text/html"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!("{PAGE}{script}{AFTER}"))
}

/// What stands between the quotes of a string in a script so that its value is `text`, and nothing of it ends the script
/// or is markup.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            _ if c.is_control() || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            _ => literal.push(c),
        }
    }
    literal
}
