//! `PATCH /logbook/{sessionId}/events`: gives several entries the same tags.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::catalogue::permissions::Permissions;
use crate::domain::entry_content::check_tags;
use crate::domain::entry_request::TagName;
use crate::domain::logbook::Logbook;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::{Entries, EntryRenderer};
use crate::http::{read_json, respond_json, set_etag};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Retagging)]
struct TagsBody {
    #[serde(default)]
    event_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<TagName>,
}

#[utoipa::path(
    patch, path = "/logbook/{credential}/events", operation_id = "retag_entries", tag = "entries",
    summary = "Tag several entries",
    params(Credential, LogbookQuery),
    request_body(content = TagsBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The entries", body = Vec<RenderedEntry>),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "An entry is not in this logbook; none was changed", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn retag_entries(
    entries: web::Data<Entries>,
    renderer: web::Data<EntryRenderer>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body: TagsBody = read_json(payload, "the body cannot be read").await?;
    // Portals send all instruments of an investigation, separated by commas.
    let instrument = query.instrument_name.as_deref().and_then(|names| names.split(',').next());
    let logbook = Logbook::parse(query.investigation_id.as_deref(), instrument)?;
    let logbook = permissions.require_write(&caller, &logbook).await?;
    let tags = check_tags(body.tags.into_iter().map(|tag| tag.name))?;
    let changed = entries.replace_tags(&caller, &logbook, &body.event_ids, &tags).await?;
    let mut answer = respond_json(&renderer.render_entries(&changed).await?);
    if let [entry] = changed.as_slice() {
        set_etag(&mut answer, entry)?;
    }
    Ok(answer)
}
