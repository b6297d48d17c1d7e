//! `GET /probe/effects`: in the order in which they were stored, in pages.

use actix_web::web;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::openapi::{CommonFailures, Failure};
use utoipa::{IntoParams, ToSchema};

use crate::probe::state::State;
use crate::probe::store::effects::{self, Effect};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The `next` of the page before.
    #[serde(default)]
    after: i64,
    /// At most, and without it, `probe.largest_page`.
    #[param(nullable = false)]
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Effects)]
pub struct EffectsView {
    effects: Vec<EffectView>,
    /// Where the next page begins; null on the last one.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Effect)]
struct EffectView {
    event_id: String,
    #[schema(example = "Datafile")]
    entity: String,
    entity_id: i64,
    #[schema(example = "created")]
    verb: String,
}

impl From<Effect> for EffectView {
    fn from(Effect { event_id, entity, entity_id, verb, .. }: Effect) -> Self {
        Self { event_id, entity, entity_id, verb }
    }
}

#[utoipa::path(
    get, path = "/probe/effects", operation_id = "list_effects", tag = "effects",
    summary = "Effects of events",
    params(Page),
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "A page", body = EffectsView),
        (status = 400, description = "A parameter is unknown or no number", body = Failure, content_type = "application/problem+json"),
    ),
)]
pub async fn list_effects(state: web::Data<State>, page: web::Query<Page>) -> Result<web::Json<EffectsView>, Problem> {
    let largest = state.config.largest_page;
    let limit = page.limit.unwrap_or(largest).clamp(1, largest);
    let effects = effects::list_effects(&mut state.db.read().await?, page.after, limit).await?;
    let full = i64::try_from(effects.len()).is_ok_and(|n| n == limit);
    let next = effects.last().filter(|_| full).map(|last| last.id);
    Ok(web::Json(EffectsView { effects: effects.into_iter().map(EffectView::from).collect(), next }))
}
