//! `GET /resource/{sessionId}/file/download`: an attachment. In place of the session there may be a ticket for this one file,
//! which contents have in their images.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use serde::Deserialize;
use service_kit::{ClientAddress, Problem, RequestCredential};
use utoipa::IntoParams;

use crate::api::shared::{Binary, CommonFailures, Credential};
use crate::attachments::download::Downloads;
use crate::attachments::signed_url::SignedUrls;
use crate::error::Error;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct DownloadQuery {
    #[param(value_type = String)]
    resource_id: Option<String>,
    /// Returns a small version of a large image; a PNG for BMP and TIFF, because not all browsers show these.
    #[param(nullable = false)]
    thumbnail: Option<bool>,
}

#[utoipa::path(
    get, path = "/resource/{credential}/file/download", operation_id = "download_file", tag = "attachments",
    summary = "Download an attachment",
    params(Credential, DownloadQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The content of the file. PNG, JPEG, GIF and WebP can be shown in a page; all \
            other files are sent as downloads",
            content(
                (Binary = "application/octet-stream"), (Binary = "image/png"), (Binary = "image/jpeg"), (Binary = "image/gif"),
                (Binary = "image/webp")
            )),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such attachment", body = String, content_type = "text/plain"),
    ),
)]
pub async fn download_file(
    downloads: web::Data<Downloads>,
    signed_urls: web::Data<SignedUrls>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<DownloadQuery>,
) -> Result<HttpResponse, Problem> {
    let DownloadQuery { resource_id, thumbnail } = query.into_inner();
    let id = resource_id.ok_or_else(|| Error::invalid("resourceId is missing"))?;
    let header = RequestCredential::find_in_headers(&request)?.map(|credential| credential.text);
    let link = if header.is_none() { signed_urls.verify(&path, &id)? } else { None };
    let found = downloads.find(&id).await?;
    let attachment = match link {
        Some(link) => found.open_link(link)?,
        None => {
            let (credential, client) = (header.as_deref().unwrap_or(&path), ClientAddress::find_in_request(&request));
            let caller = identity.verify_credential(credential, client).await?;
            downloads.require_read(&caller, found).await?
        }
    };
    downloads.respond(&attachment, thumbnail.unwrap_or_default()).await
}
