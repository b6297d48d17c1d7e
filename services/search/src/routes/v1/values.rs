//! `GET /search/v1/values`: completes the values of a field.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::openapi::{CallerFailures, CommonFailures, Failure};
use utoipa::IntoParams;

use super::limit::parse_limit;
use crate::error::report_timeout;
use crate::searches::find_values::{SearchTarget, ValueList};
use crate::state::State;

const DEFAULT_LIMIT: usize = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ValueParameters {
    /// What is searched for
    #[param(inline)]
    target: SearchTarget,
    /// `instrument.name`, `technique.name`, `sample.type.name`, `type.name`, `datafileFormat.name`, `facility.name`, or
    /// `parameter.name`; a mistake lists those that the target has
    #[param(example = "technique.name")]
    field: String,
    /// The beginning of a word of the value, in any case; without it, all values
    #[serde(default)]
    #[param(example = "diff")]
    start: String,
    /// At most so many; 1,000 at most
    #[param(minimum = 1, maximum = 1000, value_type = Option<usize>, default = 20)]
    limit: Option<String>,
}

#[utoipa::path(
    get, path = "/search/v1/values", operation_id = "list_values", tag = "search", summary = "List values of a field",
    description = "Names of instruments, techniques, types, formats and parameters that the caller may read, for the completion of \
        what somebody types.",
    params(ValueParameters),
    responses(
        CommonFailures, CallerFailures,
        (status = 200, description = "Values", body = ValueList),
        (status = 400, description = "A mistake in a parameter", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn list_values(
    state: web::Data<State>,
    caller: Caller,
    parameters: web::Query<ValueParameters>,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let ValueParameters { target, field, start, limit } = parameters.into_inner();
    let limit = parse_limit(limit.as_deref(), DEFAULT_LIMIT)?;
    let found = state.catalogue_searches.find_values(&caller, target.into(), &field, start, limit).await;
    Ok(HttpResponse::Ok().json(found.map_err(report_timeout)?))
}
