//! `GET /icat/search/documents`: a search with the rights of a session.

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
use super::{parse_count, parse_max_count, parse_query_parameter, parse_search, parse_target};
use crate::authorized_search::{AuthorizedPage, EntityRights, PageRequest};
use crate::domain::entity::EntityKind;
use crate::domain::plan::collect_set;
use crate::error::report_timeout;
use crate::planner::Planner;
use crate::results::fields::RequestedFields;
use crate::results::search_order::{parse_search_after, parse_sort, render_search_after};
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// JSON text, such as `{"target":"Datafile","text":"scan AND nexus","lower":"202401010000","upper":"202412312359"}`
    query: Option<String>,
    /// `search_after` of the previous answer, as JSON text
    search_after: Option<String>,
    /// Accepted and ignored: an answer has as many rows as there are, up to `maxCount`
    #[serde(rename = "minCount")]
    #[param(value_type = Option<usize>)]
    min_count: Option<String>,
    /// At most so many rows; 100 if it is missing or 0
    #[serde(rename = "maxCount")]
    #[param(value_type = Option<usize>)]
    max_count: Option<String>,
    /// JSON text, such as `{"date":"desc"}`; without it, the best matches come first
    sort: Option<String>,
    /// `true`: only investigations of the user, and those on instruments whose scientist the user is
    #[param(value_type = Option<bool>)]
    restrict: Option<String>,
}

/// A page of a search.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the answer, whose members depend on the request")]
pub struct SearchAnswer {
    /// What to send as `search_after` to get the next page; missing at the end
    search_after: Option<Value>,
    /// Counts of the values of fields among the rows of this page
    dimensions: Option<Value>,
    /// Rows with `id`, `source` and, without `sort`, `score`
    results: Vec<Value>,
    /// Rows that the user may read, on all pages; not in icat.server
    total: u64,
}

#[utoipa::path(
    get, path = "/icat/search/documents", operation_id = "search_documents", tag = "icat",
    summary = "Search the catalogue",
    description = "The same as in icat.server 6.2. Finds only rows that the user may read, and shows only values of related rows \
        that the user may read.",
    params(Parameters, ("sessionId" = Option<String>, Query, description = "The session id; it can also be sent as `Authorization: Bearer`")),
    security((), ("bearer" = [])),
    responses(IcatFailures, (status = 200, description = "A page of rows", body = SearchAnswer)),
)]
pub async fn search_documents(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let parameters: Parameters = parse_query(&request)?;
    let answer = answer_search(&state, &caller, parameters).await.map_err(report_timeout)?;
    Ok(HttpResponse::Ok().json(answer))
}

async fn answer_search(state: &State, caller: &Caller, parameters: Parameters) -> Result<Value, Problem> {
    let query = parse_query_parameter(parameters.query.as_deref())?;
    let target = parse_target(&query)?;
    let facets = RequestedFacet::parse_list(&query)?;
    let is_restricted = parameters.restrict.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let search = parse_search(&query, caller, is_restricted)?;
    parse_count("minCount", parameters.min_count.as_deref())?;
    let limit = parse_max_count(parameters.max_count.as_deref())?;
    let order = parse_sort(target, parameters.sort.as_deref())?;
    let after = parse_search_after(&order, parameters.search_after.as_deref())?;
    let names: Vec<String> = list_fields(target).iter().map(|name| (*name).to_owned()).collect();
    let fields = RequestedFields::parse(target, &names)?;
    let snapshot = state.authorized.engine().take_snapshot().await?;
    let page = PageRequest { target, query: search, order, after, limit, fields };
    let page = state.authorized.find_page(caller, snapshot.clone(), page).await?;
    let mut answer = render_page(&page);
    if !facets.is_empty() {
        let entities = facets.iter().map(RequestedFacet::find_entity).collect::<Result<BTreeSet<_>, _>>()?;
        let ids = collect_set(page.hits.iter().map(|hit| hit.id));
        let facet_fields = state.config.facet_fields.clone();
        let count = move |planner: &Planner<'_>, rights: &EntityRights| {
            let mut dimensions = Map::new();
            for facet in &facets {
                let entity = facet.find_entity()?;
                let plan = planner.plan_belonging(entity, target, &ids)?;
                let rows = CountedRows { entity, plan, among: Some((target, &ids)) };
                count_dimensions(planner, rights, &rows, facet, &facet_fields, false, &mut dimensions)?;
            }
            Ok(dimensions)
        };
        let deadline = state.authorized.engine().start_deadline();
        let (dimensions, _) = state.authorized.run_for_caller(caller, snapshot, deadline, entities, count).await?;
        if !dimensions.is_empty() {
            answer["dimensions"] = Value::Object(dimensions);
        }
    }
    Ok(answer)
}

fn render_page(page: &AuthorizedPage) -> Value {
    let results = page.hits.iter().zip(&page.sources).map(|(hit, source)| {
        let mut result = json!({"id": hit.id, "source": source});
        if let Some(score) = hit.score {
            result["score"] = json!(score);
        }
        result
    });
    let mut answer = json!({"results": results.collect::<Vec<_>>(), "total": page.total});
    if let Some(next) = &page.next {
        let score = page.hits.last().and_then(|hit| hit.score);
        answer["search_after"] = render_search_after(page.hits.len().saturating_sub(1), score, next);
    }
    answer
}

/// The fields that icat.server 6.2 shows.
fn list_fields(target: EntityKind) -> &'static [&'static str] {
    match target {
        EntityKind::Datafile => &[
            "name",
            "description",
            "location",
            "doi",
            "date",
            "fileSize",
            "fileCount",
            "id",
            "dataset.id",
            "dataset.name",
            "sample.id",
            "sample.name",
            "sample.investigation.id",
            "sample.type.id",
            "sample.type.name",
            "investigation.id",
            "investigation.name",
            "investigation.startDate",
            "visitId",
            "datafileFormat.id",
            "datafileFormat.name",
            "InvestigationFacilityCycle facilityCycle.id",
            "InvestigationInstrument instrument.id",
        ],
        EntityKind::Dataset => &[
            "name",
            "description",
            "doi",
            "startDate",
            "endDate",
            "date",
            "fileSize",
            "fileCount",
            "id",
            "investigation.id",
            "investigation.title",
            "investigation.name",
            "investigation.startDate",
            "visitId",
            "sample.id",
            "sample.name",
            "sample.investigation.id",
            "sample.type.id",
            "sample.type.name",
            "type.id",
            "type.name",
            "InvestigationFacilityCycle facilityCycle.id",
            "InvestigationInstrument instrument.id",
        ],
        _ => &[
            "name",
            "visitId",
            "title",
            "summary",
            "doi",
            "startDate",
            "endDate",
            "date",
            "fileSize",
            "fileCount",
            "id",
            "facility.name",
            "facility.id",
            "type.name",
            "type.id",
            "InvestigationFacilityCycle facilityCycle.id",
            "InvestigationInstrument instrument.fullName",
            "InvestigationInstrument instrument.id",
            "InvestigationInstrument instrument.name",
            "InvestigationParameter type.name",
            "InvestigationParameter stringValue",
            "InvestigationParameter numericValue",
            "InvestigationParameter dateTimeValue",
            "Sample sample.id",
            "Sample sample.name",
            "Sample type.name",
        ],
    }
}
