//! How much is written, for administrators.

use jiff::tz::TimeZone;
use service_kit::{Db, Problem};

use crate::catalogue::permissions::Administrator;
use crate::domain::dates::{parse_day, render_day};
use crate::domain::filter::Filter;
use crate::error::Error;
use crate::store::entry_lists::{InvestigationEntries, count_by_investigation, count_per_quarter_hour};
use crate::store::filter_conditions::Scope;

/// Counts entries.
pub struct Statistics {
    db: Db,
    zone: TimeZone,
}

impl Statistics {
    pub fn new(db: Db, zone: TimeZone) -> Self {
        Self { db, zone }
    }

    /// The days that have entries, with how many.
    pub async fn count_per_day(&self, _: Administrator, filter: &Filter) -> Result<Vec<(String, i64)>, Problem> {
        let quarters = count_per_quarter_hour(&mut self.db.read().await?, &Scope::Everything, filter).await?;
        let mut days: Vec<(String, i64)> = Vec::new();
        for (at, n) in quarters {
            let day = render_day(at, &self.zone);
            match days.last_mut() {
                Some((last, count)) if *last == day => *count += n,
                _ => days.push((day, n)),
            }
        }
        Ok(days)
    }

    /// The investigations that have entries, with how many.
    pub async fn count_per_investigation(
        &self,
        _: Administrator,
        filter: &Filter,
    ) -> Result<Vec<InvestigationEntries>, Problem> {
        Ok(count_by_investigation(&mut self.db.read().await?, filter).await?)
    }

    /// A filter for a range of days; a time of day after a day is ignored.
    pub fn parse_days(&self, first: Option<&str>, last: Option<&str>) -> Result<Filter, Error> {
        let day = |name, text: Option<&str>| {
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| parse_day(name, text.get(..10).unwrap_or(text), &self.zone)).transpose()
        };
        let from = day("startDate", first)?.map(|(from, _)| from);
        let before = day("endDate", last)?.map(|(_, before)| before);
        Ok(Filter { from, before, removed: Some(false), ..Filter::default() })
    }
}
