//! Queries of clients as plans: names of fields are resolved, and conditions on related rows become sets of ids.

mod budget;
mod dates;
mod filter;
mod joins;
mod json_type;
mod location;
mod parameter_text;
mod parameters;
mod query;
mod readable;
mod related_plans;
mod text;
mod units;
mod values;
mod words;

use jiff::tz::TimeZone;
use serde_json::Value;

pub use self::budget::QueryBudget;
pub use self::filter::MAX_ALTERNATIVES;
pub use self::query::SearchQuery;
pub use self::readable::{ReadablePlan, ReadableScope};
pub use self::related_plans::RelatedPlans;
use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::deadline::Deadline;
use crate::domain::entity::EntityKind;
use crate::domain::paths::PathRules;
use crate::domain::plan::Plan;
use crate::domain::units::Units;
use crate::error::Error;
use crate::index::snapshot::Snapshot;

/// Plans searches against one snapshot.
pub struct Planner<'p> {
    pub snapshot: &'p Snapshot,
    pub rules: &'p PathRules,
    pub synonyms: &'p Synonyms,
    pub units: &'p Units,
    /// In which days of a text begin and end.
    pub zone: &'p TimeZone,
    pub deadline: Deadline,
    pub budget: QueryBudget,
    pub related: RelatedPlans,
    /// What the caller may read; `None` if whoever asked checks the rights of each row.
    pub readable: Option<&'p ReadableScope>,
}

impl Planner<'_> {
    /// The plan for all conditions of a query. Blocks the thread.
    pub fn plan_query(&self, target: EntityKind, query: &SearchQuery) -> Result<Plan, Error> {
        let mut plans = Vec::new();
        if let Some(Value::String(text)) = &query.text {
            plans.push(self.plan_text(target, text)?);
        }
        if let Some(path) = &query.path {
            plans.push(self.plan_path(target, path)?);
        }
        if let Some(directory) = &query.directory {
            plans.push(self.plan_directory(directory)?);
        }
        if let Some(user) = &query.user {
            // Whose member somebody is themselves is no secret to them, whatever the rules about members say.
            plans.push(if query.is_own_user {
                self.without_restriction().plan_user(target, user)?
            } else {
                self.plan_user(target, user)?
            });
        }
        if let (Some(name), EntityKind::Investigation) = (&query.user_full_name, target) {
            let users = self.plan_field_text(EntityKind::InvestigationUser, "user.fullName", name)?;
            plans.push(self.join(EntityKind::InvestigationUser, &users, target)?);
        }
        plans.push(Self::plan_dates(target, query)?);
        for (name, units) in &query.parameter_units {
            self.check_dimension(name, units)?;
        }
        for parameter in &query.parameters {
            plans.push(self.plan_parameter(target, parameter)?);
        }
        for (key, value) in query.filter.iter().flatten() {
            plans.push(self.plan_filter(target, key, value)?);
        }
        Ok(Plan::and(plans))
    }

    /// What a user may search with `user`: the investigations of the user, and those on instruments of the user.
    fn plan_user(&self, target: EntityKind, user: &str) -> Result<Plan, Error> {
        use EntityKind::{InstrumentScientist, Investigation, InvestigationInstrument, InvestigationUser};
        let own = self.plan_exact(InvestigationUser, "user.name", user)?;
        let mut investigations = (*self.collect_ids(InvestigationUser, &own, Some("investigation"))?).clone();
        let scientist = self.plan_exact(InstrumentScientist, "user.name", user)?;
        let instruments = self.collect_ids(InstrumentScientist, &scientist, Some("instrument"))?;
        let used = Plan::Related("instrument", instruments);
        investigations |= &*self.collect_ids(InvestigationInstrument, &used, Some("investigation"))?;
        let ids = investigations.into();
        Ok(if target == Investigation { Plan::Ids(ids) } else { Plan::Related("investigation", ids) })
    }

    /// Datafiles by their date; datasets and investigations that lie within the bounds with their start and their end.
    fn plan_dates(target: EntityKind, query: &SearchQuery) -> Result<Plan, Error> {
        if query.lower.is_none() && query.upper.is_none() {
            return Ok(Plan::All);
        }
        let low = query.lower.as_ref().map(dates::parse_lower_bound).transpose()?.unwrap_or(i64::MIN);
        let high = query.upper.as_ref().map(dates::parse_upper_bound).transpose()?.unwrap_or(i64::MAX);
        Ok(match target {
            EntityKind::Datafile => Plan::Integer("date", low, high),
            _ => Plan::and(vec![Plan::Integer("startDate", low, high), Plan::Integer("endDate", low, high)]),
        })
    }
}
