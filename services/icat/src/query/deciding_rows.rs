//! Selects of the rows that decide what rules cover, such as the investigations of which a user is a member.

use icat_client::schema::ToOne;
use service_kit::{DbError, Tx};

use super::statement::Statement;

/// Selects of the rows that decide what rules cover.
#[derive(Debug, Clone)]
pub struct DecidingSelects {
    /// Sets of granted rows first, then rules in the order of their paths, the longest first: they select few rows, and do so
    /// faster than others.
    pub selects: Vec<DecidingSelect>,
    /// False if a rule was left out, because it can fail or is too large for a statement.
    pub is_complete: bool,
}

/// A select of ids. Duplicates are possible.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidingSelect {
    /// The relations from a covered row to the row that decides; none if the row itself does.
    pub path: Vec<&'static ToOne>,
    /// Selects one text with all ids, separated by commas: an engine takes much longer to pass on a row for each id.
    pub statement: Statement,
}

impl DecidingSelect {
    pub async fn fetch_ids(&self, tx: &mut Tx) -> Result<Vec<i64>, DbError> {
        let row = tx.fetch_one(&self.statement.sql, &self.statement.list_values()).await?;
        let Some(text) = row.get_text_at(0)? else { return Ok(Vec::new()) };
        let parse = |id: &str| {
            id.parse().map_err(|e: std::num::ParseIntError| DbError::Column {
                column: "ids of deciding rows".to_owned(),
                reason: e.to_string(),
            })
        };
        text.split(',').map(parse).collect()
    }
}
