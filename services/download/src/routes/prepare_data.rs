//! `POST /ids/prepareData`: freezes a selection and answers its bearer id.

use actix_web::{HttpRequest, HttpResponse, web};
use events::messages::download::SelectionPrepared;
use service_kit::Problem;

use super::text;
use crate::archive::Form;
use crate::config::micros;
use crate::error::bad_request;
use crate::manifest::{self, Selected};
use crate::openapi::{Always, Failure, PrepareForm};
use crate::parameters::Parameters;
use crate::selection::resolve;
use crate::session::{Who, who};
use crate::state::State;
use crate::store::{hashing, missing, prepared};

#[utoipa::path(
    post, path = "/ids/prepareData", operation_id = "prepare_data", tag = "selections", summary = "Freeze a selection",
    description = "Files that are missing or cannot be read refuse the whole selection, by name, unless `missing=skip` \
        leaves them out.",
    request_body(content = PrepareForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "The id under which it can be downloaded by whoever has it", body = String,
            content_type = "text/plain", example = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row, or a file that is not there", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is no form", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_form(form, &request);
    parameters.check_session()?;
    let wanted = parameters.wanted()?;
    let zip = parameters.is_true("zip") || wanted.single().is_none();
    let compress = parameters.is_true("compress");
    let skips_missing = skips_missing(parameters.get("missing"))?;
    let (files, owner) = if wanted.is_empty() {
        (Vec::new(), String::new())
    } else {
        let Who { session, user } = who(&state, &parameters).await?;
        (resolve(state.identity.icat(), session.expose(), &wanted).await?, user)
    };
    let selected = manifest::freeze(&state, state.storage()?, &files).await?;
    let Selected { files: frozen, missing } =
        if skips_missing { selected } else { Selected { files: selected.require_all()?, missing: Vec::new() } };
    let id = state.ids.random_uuid().to_string();
    let now = state.clock.now_micros();
    let expires_at = now.saturating_add(micros(state.config.prepared_lifetime));
    state
        .db
        .write(async |tx| -> Result<(), Problem> {
            let stored = manifest::store(tx, &frozen, now).await?;
            let row = prepared::Prepared {
                owner: owner.clone(),
                manifest: stored.id,
                zip,
                compress,
                expires_at,
                stale: None,
            };
            let number = prepared::create(tx, &id, &row, now).await?;
            missing::create(tx, &id, &missing).await?;
            // So that the end of the archive is ready by the time that somebody asks for it first.
            if zip && !compress && stored.form == Form::ZipBlocks {
                hashing::ask(tx, stored.id, now).await?;
                tx.notify_on_commit(&state.hashing);
            }
            let (files, bytes) = (stored.files, stored.bytes);
            let event = SelectionPrepared { id: number, subject: owner.clone(), files, bytes };
            state.outbox.emit(tx, &event).await?;
            Ok(())
        })
        .await?;
    Ok(text(id))
}

/// Whether files that cannot be had are left out, so that the rest can be; else they refuse the whole.
fn skips_missing(value: Option<&str>) -> Result<bool, Problem> {
    match value {
        None | Some("refuse") => Ok(false),
        Some("skip") => Ok(true),
        Some(other) => Err(bad_request(format!("The missing parameter '{other}' is none of refuse, skip"))),
    }
}
