//! `GET /icat/facet/documents`: counts of the values of fields, with the rights of a session.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::{IntoParams, ToSchema};

use super::facets::{CountedRows, RequestedFacet, count_dimensions};
use super::failure::IcatFailures;
use super::{parse_query_parameter, parse_target};
use crate::authorized_search::EntityRights;
use crate::domain::entity::EntityKind;
use crate::domain::field::find_field;
use crate::domain::plan::{Ids, Plan, collect_set};
use crate::error::{Error, report_timeout};
use crate::planner::Planner;
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// JSON text, such as `{"target":"Datafile","facets":[{"target":"DatafileParameter","dimensions":[{"dimension":"type.name"}]}],"filter":{"datafile.id":[1,2]}}`
    query: Option<String>,
}

/// Counts of values.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the answer, whose members depend on the request")]
pub struct FacetAnswer {
    /// By `Entity.field`, the numbers of rows by value; ranges with their bounds as `{"from","to","count"}`
    dimensions: Value,
}

#[utoipa::path(
    get, path = "/icat/facet/documents", operation_id = "count_facets", tag = "icat",
    summary = "Count the values of fields",
    description = "The same as in icat.server 6.2, which does not check the session. Here only rows count that the user may read.",
    params(Parameters, ("sessionId" = Option<String>, Query, description = "The session id; it can also be sent as `Authorization: Bearer`")),
    security((), ("bearer" = [])),
    responses(IcatFailures, (status = 200, description = "The counts", body = FacetAnswer)),
)]
pub async fn count_facets(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let parameters: Parameters = parse_query(&request)?;
    let dimensions = count_for_caller(&state, &caller, parameters).await.map_err(report_timeout)?;
    Ok(HttpResponse::Ok().json(json!({"dimensions": dimensions})))
}

async fn count_for_caller(
    state: &State,
    caller: &Caller,
    parameters: Parameters,
) -> Result<Map<String, Value>, Problem> {
    let query = parse_query_parameter(parameters.query.as_deref())?;
    parse_target(&query)?;
    let facets = RequestedFacet::parse_list(&query)?;
    if facets.is_empty() {
        return Err(Error::Query("query needs facets: [{\"target\":\"Datafile\"}]".to_owned()).into());
    }
    let filter = match query.get("filter") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(filter)) => filter.clone(),
        Some(_) => return Err(Error::Query("filter must be an object".to_owned()).into()),
    };
    let entities = facets.iter().map(RequestedFacet::find_entity).collect::<Result<BTreeSet<_>, _>>()?;
    let facet_fields = state.config.facet_fields.clone();
    let count = move |planner: &Planner<'_>, rights: &EntityRights| {
        let mut dimensions = Map::new();
        for facet in &facets {
            let entity = facet.find_entity()?;
            let selected = select_rows(planner, entity, &filter)?;
            let among = selected.owner.as_ref().map(|(owner, ids)| (*owner, ids));
            let rows = CountedRows { entity, plan: selected.plan, among };
            count_dimensions(planner, rights, &rows, facet, &facet_fields, true, &mut dimensions)?;
        }
        Ok(dimensions)
    };
    let engine = state.authorized.engine();
    let (snapshot, deadline) = (engine.take_snapshot().await?, engine.start_deadline());
    Ok(state.authorized.run_for_caller(caller, snapshot, deadline, entities, count).await?.0)
}

/// The rows that a filter selects.
struct SelectedRows {
    plan: Plan,
    /// The rows to which they belong, if the filter lists them.
    owner: Option<(EntityKind, Ids)>,
}

/// Keys are fields of the entity, or `datafile.id` and the like: ids of the rows to which it belongs.
fn select_rows(planner: &Planner<'_>, entity: EntityKind, filter: &Map<String, Value>) -> Result<SelectedRows, Error> {
    let mut plans = Vec::new();
    let mut owner = None;
    let mut fields = Map::new();
    for (key, value) in filter {
        match parse_owner_ids(key, value) {
            Some((kind, ids)) if kind == entity || find_field(entity, key).is_none() => {
                plans.push(planner.plan_belonging(entity, kind, &ids)?);
                owner = Some((kind, ids));
            }
            parsed => {
                owner = owner.or(parsed);
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    plans.push(planner.plan_facet_query(entity, &fields)?);
    Ok(SelectedRows { plan: Plan::and(plans), owner })
}

/// `datafile.id` with a list of ids.
fn parse_owner_ids(key: &str, value: &Value) -> Option<(EntityKind, Ids)> {
    let kind = EntityKind::find_ignoring_case(key.strip_suffix(".id")?)?;
    let ids = value.as_array()?.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()?;
    Some((kind, collect_set(ids)))
}
