//! Values of a field that a caller may know.

use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::ToSchema;

use super::CatalogueSearches;
use crate::domain::entity::EntityKind;
use crate::planner::Planner;
use crate::results::field_values::find_named_entity;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchTarget {
    Datafiles,
    Datasets,
    Investigations,
}

impl From<SearchTarget> for EntityKind {
    fn from(target: SearchTarget) -> Self {
        match target {
            SearchTarget::Datafiles => Self::Datafile,
            SearchTarget::Datasets => Self::Dataset,
            SearchTarget::Investigations => Self::Investigation,
        }
    }
}

/// Values of a field.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueList {
    /// Those that begin with the text, and then those with another word that does
    #[schema(example = json!(["powder diffraction", "neutron powder diffraction"]))]
    pub values: Vec<String>,
    /// Whether there are more
    pub has_more: bool,
}

impl CatalogueSearches {
    /// The values of a field of `target` with a word that begins with a text: the names of rows that the caller may read. Whether
    /// anything has this value is not asked.
    pub async fn find_values(
        &self,
        caller: &Caller,
        target: EntityKind,
        field: &str,
        start: String,
        limit: usize,
    ) -> Result<ValueList, Problem> {
        let entity = find_named_entity(target, field)?;
        let rights = self.authorized.find_rights(caller, [entity]).await?;
        let list = move |planner: &Planner<'_>| {
            let readable = rights.plan_shown(planner, entity)?;
            planner.list_names(entity, &readable, &start, limit)
        };
        let (values, has_more) = self.authorized.engine().run(list).await?;
        Ok(ValueList { values, has_more })
    }
}
