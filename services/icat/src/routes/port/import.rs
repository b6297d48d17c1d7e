//! `POST /icat/port`: imports a dump.

use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{Stream, StreamExt as _};
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use crate::error::Error;
use crate::port::{Attributes, DuplicateAction, ImportRequest, Upload};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{BodyResponses, CommonResponses, Failure};
use crate::state::State;

/// More than any request needs.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// The parts of an import, in this order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "what the document shows; the parts are read one after the other")]
pub struct ImportForm {
    /// JSON text: `{"sessionId":"…","duplicate":"THROW","attributes":"USER"}`. `duplicate` says what to do with a row whose
    /// key exists already: `THROW`, `IGNORE`, `CHECK` or `OVERWRITE`. Only root users may use `ALL` for `attributes`.
    json: String,
    /// The dump.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

#[utoipa::path(
    post, path = "/icat/port", operation_id = "import_entities", tag = "dumps", summary = "Import entities from text",
    description = "All rows are stored, or none. After an error, `offset` is the first line that cannot be stored. A \
        row without a unique key is not stored again if an equal one exists.",
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 204, description = "All rows are stored"),
        (status = 400, description = "`BAD_PARAMETER`: the request or a line is invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: not allowed", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`: a row refers to a row that does not exist", body = Failure),
        (status = 412, description = "`VALIDATION`: an entity violates the schema; `OBJECT_ALREADY_EXISTS`: its \
            unique key exists already", body = Failure),
    ),
)]
pub async fn import_entities(
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let bad = |text: &str| Error::BadParameter(text.to_owned());
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("multipart/form-data") {
        return Err(bad("Multipart content expected").into());
    }
    let mut parts = Multipart::new(request.headers(), payload);
    let idle = state.idle_timeout;
    let mut begun: Option<(AuthorizedImport, Upload)> = None;
    while let Some(part) = next_within(&mut parts, idle).await? {
        let mut part = part.map_err(|e| broken_upload(&e))?;
        let is_file = part.content_disposition().is_some_and(|disposition| disposition.get_filename().is_some());
        match &mut begun {
            None if !is_file && part.name() == Some("json") => {
                let asked = ImportRequest::parse_json(&read_text(&mut part, idle).await?)?;
                begun = Some((authorize_import(&state, &request, asked).await?, Upload::create(&state.data_dir)?));
            }
            None => return Err(bad("the field json must come before the file").into()),
            Some(_) if !is_file => {
                let name = part.name().unwrap_or_default();
                return Err(bad(&format!("Form field {name} is not recognised")).into());
            }
            Some((_, upload)) => {
                while let Some(piece) = next_within(&mut part, idle).await? {
                    upload.append(&piece.map_err(|e| broken_upload(&e))?).await?;
                }
            }
        }
    }
    let (asked, mut upload) = begun.ok_or_else(|| bad("json must not be null"))?;
    state.port_importer.import_upload(&asked.user_name, &mut upload, asked.duplicate, asked.attributes).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// An import request whose user has been checked.
struct AuthorizedImport {
    user_name: String,
    duplicate: DuplicateAction,
    attributes: Attributes,
}

async fn authorize_import(
    state: &web::Data<State>,
    request: &HttpRequest,
    asked: ImportRequest,
) -> Result<AuthorizedImport, Problem> {
    let attributes = asked.parse_attributes()?;
    let credential = requested_credential(state, request, asked.session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    if attributes == Attributes::All && !state.rules.is_root(&user_name) {
        return Err(Error::Forbidden("user must be in rootUserNames".to_owned()).into());
    }
    Ok(AuthorizedImport { user_name, duplicate: asked.duplicate, attributes })
}

async fn read_text(part: &mut Field, idle: Duration) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = next_within(part, idle).await? {
        bytes.extend_from_slice(&piece.map_err(|e| broken_upload(&e))?);
        if bytes.len() > MAX_JSON_BYTES {
            return Err(Error::BadParameter("the field json is too long".to_owned()).into());
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::BadParameter("the field json is not UTF-8".to_owned()).into())
}

/// The next item of an upload, which may take long but must not pause for longer than `idle`.
async fn next_within<S: Stream + Unpin>(stream: &mut S, idle: Duration) -> Result<Option<S::Item>, Problem> {
    tokio::time::timeout(idle, stream.next())
        .await
        .map_err(|_| Problem::new(Code::Timeout, "timeout", "the upload timed out: it sent nothing for too long"))
}

fn broken_upload(e: &actix_multipart::MultipartError) -> Problem {
    Error::BadParameter(format!("the upload is invalid: {e}")).into()
}
