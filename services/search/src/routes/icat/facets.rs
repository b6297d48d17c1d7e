//! Counts of values of fields, as icat.server renders them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::authorized_search::EntityRights;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Ids, Plan};
use crate::error::Error;
use crate::planner::Planner;
use crate::results::facets::{FacetCount, FacetDimension};

/// Values of each field, as in icat.server.
const MAX_LABELS: usize = 10;

/// The values of some fields of an entity.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestedFacet {
    pub target: String,
    /// All fields of the setting `search.facet_fields` if it is missing.
    pub dimensions: Option<Vec<FacetDimension>>,
}

impl RequestedFacet {
    /// `facets` of a query.
    pub fn parse_list(query: &Value) -> Result<Vec<Self>, Error> {
        match query.get("facets") {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(facets) => Vec::<Self>::deserialize(facets).map_err(|e| Error::Query(format!("invalid facets: {e}"))),
        }
    }

    /// The entity whose values are counted.
    pub fn find_entity(&self) -> Result<EntityKind, Error> {
        let unknown = || Error::Query(format!("facets are not possible for {}", self.target));
        EntityKind::find_ignoring_case(&self.target).ok_or_else(unknown)
    }
}

/// The rows whose values are counted.
pub struct CountedRows<'c> {
    pub entity: EntityKind,
    pub plan: Plan,
    /// The rows that those refer to, if they are few.
    pub among: Option<(EntityKind, &'c Ids)>,
}

/// Adds `Entity.field` with its counts to the answer, without fields that no row has. Blocks the thread.
pub fn count_dimensions(
    planner: &Planner<'_>,
    rights: &EntityRights,
    rows: &CountedRows<'_>,
    facet: &RequestedFacet,
    facet_fields: &[String],
    shows_bounds: bool,
    answer: &mut Map<String, Value>,
) -> Result<(), Error> {
    let among = rows.among.and_then(|(target, ids)| Some((rows.entity.find_relation_to(target)?, ids)));
    let readable = rights.plan_shown_among(planner, rows.entity, among)?;
    let plan = Plan::and(vec![rows.plan.clone(), readable]);
    let all = || facet_fields.iter().map(|name| FacetDimension { dimension: name.clone(), ranges: None }).collect();
    for dimension in facet.dimensions.clone().unwrap_or_else(all) {
        let counts = planner.count_facet(rows.entity, &plan, &dimension, MAX_LABELS)?;
        if !counts.is_empty() {
            answer.insert(format!("{}.{}", facet.target, dimension.dimension), render_counts(&counts, shows_bounds));
        }
    }
    Ok(())
}

/// Numbers by label. With `shows_bounds`, a range is shown with its bounds, which both belong to it.
fn render_counts(counts: &[FacetCount], shows_bounds: bool) -> Value {
    let labels = counts.iter().map(|FacetCount { label, count, bounds }| {
        let value = match bounds {
            Some((from, to)) if shows_bounds => json!({"from": from, "to": to, "count": count}),
            _ => json!(count),
        };
        (label.clone(), value)
    });
    Value::Object(labels.collect())
}
