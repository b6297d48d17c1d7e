//! `POST /ids/put`: stores a file that is sent with the form of a page. Its fields come before the file.

use std::fmt::Write as _;

use actix_multipart::{Field, Multipart};
use actix_web::body::MessageBody as _;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use service_kit::parameters::parse_pairs;
use service_kit::{FailedRequest, Problem, problem};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::datafile_parameters::{DatafileParameters, parse_new_datafile};
use crate::error::{SWITCHED_OFF, bad_request, not_implemented};
use crate::error_format::Failure;
use crate::error_format::IDS_ERRORS;
use crate::routes::caller::{SentCredential, require_session};
use crate::routes::common_responses::CommonResponses;
use crate::state::State;
use crate::uploads::StoredDatafile;

// Multipart forms are parsed part by part, while they arrive.
/// A new file and the fields of its datafile.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the file is a stream, which no struct can hold")]
pub struct PutForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The default is the name of the file part.
    #[schema(nullable = false)]
    name: Option<String>,
    dataset_id: i64,
    datafile_format_id: i64,
    #[schema(nullable = false)]
    description: Option<String>,
    #[schema(nullable = false)]
    doi: Option<String>,
    #[schema(nullable = false)]
    datafile_create_time: Option<i64>,
    #[schema(nullable = false)]
    datafile_mod_time: Option<i64>,
    #[schema(nullable = false)]
    wrap: Option<bool>,
    #[schema(nullable = false)]
    padding: Option<bool>,
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The known fields of the form.
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
/// Longer fields are refused.
const LONGEST_FIELD: usize = 64 * 1024;
const PAGE: &str = "<html><script type=\"text/javascript\">";
const NAME: &str = "window.name='";
const END_OF_NAME: &str = "';";
const AFTER: &str = "</script></html>";
/// Old browsers replaced short error pages by their own.
const PADDING: usize = 512;

#[utoipa::path(
    post, path = "/ids/put", operation_id = "put_form", tag = "uploads", summary = "Store a file with a form",
    description = "For web pages that cannot send PUT. The fields must come before the file. With `wrap`, the \
        response is embedded in a page for a frame; `padding` makes errors in it longer.",
    request_body(content = PutForm, content_type = "multipart/form-data"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 201, description = "Stored", body = StoredDatafile),
        (status = 204, description = "The form has no file"),
        (status = 400, description = "`BadRequestException`: a field is missing, invalid or unknown", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not allowed", body = Failure),
        (status = 404, description = "`NotFoundException`: no such dataset or format", body = Failure),
        (status = 501, description = "`NotImplementedException`: the storage is read-only", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn put_form(state: web::Data<State>, request: HttpRequest, form: Multipart) -> Result<HttpResponse, Problem> {
    let mut sent = FormFields { fields: Vec::new(), wrap: false, padding: false };
    let stored = receive_form(&state, &request, form, &mut sent).await;
    match stored {
        Ok(None) => Ok(HttpResponse::NoContent().finish()),
        Ok(Some(stored)) if sent.wrap => {
            let json = serde_json::to_string(&stored).map_err(Problem::internal)?;
            Ok(render_page(HttpResponse::Created(), "", &json))
        }
        Ok(Some(stored)) => Ok(HttpResponse::Created().json(stored)),
        Err(problem) if sent.wrap => Ok(sent.render_problem(&problem)),
        Err(problem) => Err(problem),
    }
}

/// The fields before the file.
struct FormFields {
    fields: Vec<(String, String)>,
    wrap: bool,
    padding: bool,
}

async fn receive_form(
    state: &State,
    request: &HttpRequest,
    mut form: Multipart,
    sent: &mut FormFields,
) -> Result<Option<StoredDatafile>, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    while let Some(part) = form.next().await {
        let part = part.map_err(|e| bad_request(e.to_string()))?;
        let disposition = part.content_disposition();
        let field = disposition.and_then(|d| d.get_name()).unwrap_or_default().to_owned();
        let file = disposition.and_then(|d| d.get_filename()).map(str::to_owned);
        if let Some(file) = file {
            return store_file(state, request, part, &file, sent).await.map(Some);
        }
        let value = read_text_field(part).await?;
        if !FIELDS.contains(&field.as_str()) {
            // ids.server has no blank there.
            return Err(bad_request(format!("Form field {field}is not recognised")));
        }
        match field.as_str() {
            "wrap" => sent.wrap = value.eq_ignore_ascii_case("true"),
            "padding" => sent.padding = value.eq_ignore_ascii_case("true"),
            _ => sent.fields.push((field, value)),
        }
    }
    Ok(None)
}

async fn store_file(
    state: &State,
    request: &HttpRequest,
    part: Field,
    file: &str,
    sent: &FormFields,
) -> Result<StoredDatafile, Problem> {
    let mut fields = sent.fields.clone();
    // The first value of a parameter counts, so the name of the file is used only if the form has none.
    fields.push(("name".to_owned(), file.to_owned()));
    let parameters: DatafileParameters = parse_pairs(fields)?;
    let credential = SentCredential::from_request(request, parameters.session_id.as_deref())?;
    let datafile = parse_new_datafile(parameters, &credential)?;
    let caller = require_session(state, &credential).await?;
    state.uploads.receive_file(&caller.session, datafile, part).await
}

async fn read_text_field(mut part: Field) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.next().await {
        bytes.extend(piece.map_err(|e| bad_request(e.to_string()))?);
        if bytes.len() > LONGEST_FIELD {
            return Err(bad_request("A form field is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| bad_request("A form field is not UTF-8"))
}

impl FormFields {
    /// The error in the format of ids.server, within the page.
    fn render_problem(&self, problem: &Problem) -> HttpResponse {
        tracing::info!(
            error.slug = problem.slug,
            error = problem::format_error_chain(problem),
            "an upload from a form was refused"
        );
        let rendered = IDS_ERRORS.render(&FailedRequest { problem, request_id: "", mount_name: "ids", page: None });
        let status = rendered.status();
        let json = rendered.into_body().try_into_bytes().unwrap_or_default();
        let padding = if self.padding { format!("/*{}*/", " ".repeat(PADDING)) } else { String::new() };
        render_page(HttpResponse::build(status), &padding, &String::from_utf8_lossy(&json))
    }
}

/// A page that sets the name of its window to the answer, and that may do nothing else.
fn render_page(mut response: HttpResponseBuilder, padding: &str, json: &str) -> HttpResponse {
    let script = format!("{padding}{NAME}{}{END_OF_NAME}", escape_script_string(json));
    let policy = format!("default-src 'none'; script-src 'sha256-{}'", STANDARD.encode(Sha256::digest(&script)));
    response
        .insert_header((CONTENT_TYPE, "text/html"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!("{PAGE}{script}{AFTER}"))
}

/// Escapes text for a string in a script, so that it can neither end the string nor the script.
fn escape_script_string(text: &str) -> String {
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
