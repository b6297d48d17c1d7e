//! `POST /icat.lucene/clear`: deletes all documents.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::IcatServer;
use crate::domain::entity::EntityKind;
use crate::state::State;
use crate::store::change_batches::BatchKind;

pub async fn clear(_: IcatServer, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    for entity in EntityKind::list_all() {
        state.changes.store_batch(BatchKind::Clear, Some(entity), "", &[]).await?;
    }
    state.changes.wait_until_visible().await?;
    Ok(HttpResponse::NoContent().finish())
}
