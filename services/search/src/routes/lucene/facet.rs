//! `POST /icat.lucene/{entity}/facet`: counts of values.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::Problem;

use super::request::{AllowedIcatServer, parse_entity, read_body};
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::planner::Planner;
use crate::results::facets::{FacetCount, FacetDimension};
use crate::state::State;

#[derive(Deserialize)]
pub struct FacetParameters {
    /// As in icat.lucene, it limits nothing, but 0 and less count nothing.
    #[serde(rename = "maxResults")]
    max_results: i64,
    /// Values of each field.
    #[serde(rename = "maxLabels")]
    max_labels: i64,
}

#[derive(Deserialize)]
struct FacetBody {
    query: Map<String, Value>,
    dimensions: Option<Vec<FacetDimension>>,
}

pub async fn count_facets(
    _: AllowedIcatServer,
    state: web::Data<State>,
    entity: web::Path<String>,
    parameters: web::Query<FacetParameters>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let entity = parse_entity(&entity)?;
    let body = read_body(payload, state.idle_timeout).await?;
    let body: FacetBody =
        serde_json::from_str(&body).map_err(|e| Error::Query(format!("invalid facet request: {e}")))?;
    let Some(entity) = entity else { return Ok(HttpResponse::Ok().json(json!({"aggregations": {}}))) };
    let facet_fields = state.config.facet_fields.clone();
    let FacetParameters { max_results, max_labels } = parameters.into_inner();
    let max_labels = if max_results > 0 { usize::try_from(max_labels).unwrap_or(0) } else { 0 };
    let counted =
        state.searches.run(move |planner| count_dimensions(planner, entity, body, &facet_fields, max_labels)).await?;
    Ok(HttpResponse::Ok().json(json!({"aggregations": counted})))
}

fn count_dimensions(
    planner: &Planner<'_>,
    entity: EntityKind,
    body: FacetBody,
    facet_fields: &[String],
    max_labels: usize,
) -> Result<Map<String, Value>, Error> {
    let plan = planner.plan_facet_query(entity, &body.query)?;
    let mut aggregations = Map::new();
    let Some(dimensions) = body.dimensions else {
        for name in facet_fields {
            let dimension = FacetDimension { dimension: name.clone(), ranges: None };
            let counts = planner.count_facet(entity, &plan, &dimension, max_labels)?;
            if !counts.is_empty() {
                aggregations.insert(name.clone(), render_buckets(&counts));
            }
        }
        return Ok(aggregations);
    };
    for dimension in dimensions {
        let counts =
            if max_labels == 0 { Vec::new() } else { planner.count_facet(entity, &plan, &dimension, max_labels)? };
        aggregations.insert(dimension.dimension, render_buckets(&counts));
    }
    Ok(aggregations)
}

fn render_buckets(counts: &[FacetCount]) -> Value {
    let mut buckets = Map::new();
    for FacetCount { label, count, bounds } in counts {
        let mut bucket = json!({"doc_count": count});
        if let Some((from, to)) = bounds {
            bucket["from"] = from.clone();
            bucket["to"] = to.clone();
        }
        buckets.insert(label.clone(), bucket);
    }
    json!({"buckets": buckets})
}
