//! `POST /icat.lucene/datafile`, `/dataset` and `/investigation`: searches.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::Problem;

use super::request::{AllowedIcatServer, read_body};
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::index::index_view::SearchRequest;
use crate::planner::{Planner, SearchQuery};
use crate::results::fields::{FieldReader, RequestedFields};
use crate::results::search_order::{parse_search_after, parse_sort, render_search_after};
use crate::state::State;

/// Rows of one answer. icat.server asks for `search.searchBlockSize`, which is 1,000 in its example.
const MAX_RESULTS: usize = 100_000;

#[derive(Deserialize)]
pub struct SearchParameters {
    #[serde(rename = "maxResults")]
    max_results: usize,
    sort: Option<String>,
    search_after: Option<String>,
}

#[derive(Deserialize)]
struct SearchBody {
    query: SearchQuery,
    #[serde(default)]
    fields: Vec<String>,
}

pub async fn search_datafiles(
    _: AllowedIcatServer,
    state: web::Data<State>,
    parameters: web::Query<SearchParameters>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    search_entity(&state, EntityKind::Datafile, parameters.into_inner(), payload).await
}

pub async fn search_datasets(
    _: AllowedIcatServer,
    state: web::Data<State>,
    parameters: web::Query<SearchParameters>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    search_entity(&state, EntityKind::Dataset, parameters.into_inner(), payload).await
}

pub async fn search_investigations(
    _: AllowedIcatServer,
    state: web::Data<State>,
    parameters: web::Query<SearchParameters>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    search_entity(&state, EntityKind::Investigation, parameters.into_inner(), payload).await
}

async fn search_entity(
    state: &State,
    target: EntityKind,
    parameters: SearchParameters,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload, state.idle_timeout).await?;
    let body: SearchBody =
        serde_json::from_str(&body).map_err(|e| Error::Query(format!("invalid search request: {e}")))?;
    let answer = state.searches.run(move |planner| answer_search(planner, target, &parameters, &body)).await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn answer_search(
    planner: &Planner<'_>,
    target: EntityKind,
    parameters: &SearchParameters,
    body: &SearchBody,
) -> Result<Value, Error> {
    if parameters.max_results == 0 {
        return Err(Error::Query("maxResults must be greater than 0".to_owned()));
    }
    if parameters.max_results > MAX_RESULTS {
        return Err(Error::Query(format!("maxResults must not be greater than {MAX_RESULTS}")));
    }
    let order = parse_sort(target, parameters.sort.as_deref())?;
    let after = parse_search_after(&order, parameters.search_after.as_deref())?;
    let fields = RequestedFields::parse(target, &body.fields)?;
    let plan = planner.plan_query(target, &body.query)?;
    let request = SearchRequest {
        entity: target,
        plan: &plan,
        order: &order,
        after: after.as_deref(),
        limit: parameters.max_results,
    };
    let page = planner.snapshot.search_rows(&request, planner.deadline)?;
    let ids: Vec<i64> = page.hits.iter().map(|hit| hit.id).collect();
    let reader = FieldReader { planner };
    let sources = reader.read(target, &ids, &fields)?;
    let results = page.hits.iter().zip(sources).enumerate().map(|(number, (hit, source))| {
        let mut result = json!({"_id": number, "_shardIndex": 0});
        if let Some(score) = hit.score {
            result["_score"] = json!(score);
        }
        result["_source"] = Value::Object(source);
        result
    });
    let mut answer = json!({"results": results.collect::<Vec<_>>()});
    // There is a next page only if this one is full.
    if page.hits.len() == parameters.max_results
        && let Some(last) = page.hits.last()
    {
        answer["search_after"] = render_search_after(page.hits.len() - 1, last.score, &last.sorted_by);
    }
    answer["total"] = json!(page.total);
    Ok(answer)
}
