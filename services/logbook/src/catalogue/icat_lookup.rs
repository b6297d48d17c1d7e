//! Queries to the catalogue (ICAT), with a caller's session or with the reader account.

use icat_client::{IcatClient, IcatError};
use identity::{Caller, Identity};
use serde_json::Value;

/// Characters of a name, as in the schema of ICAT.
const MAX_NAME: usize = 255;

/// Sends queries to ICAT. Cheap to clone.
#[derive(Clone)]
pub struct IcatLookup {
    identity: Identity,
}

impl IcatLookup {
    pub fn new(identity: Identity) -> Self {
        Self { identity }
    }

    /// Whether there is an account that may read everything.
    pub fn has_reader(&self) -> bool {
        self.identity.reader().is_some()
    }

    /// Logs the reader account in, so that a program that writes does not have to wait for it.
    pub async fn log_in_reader(&self) {
        if let Some(reader) = self.identity.reader()
            && let Err(e) = reader.log_in().await
        {
            tracing::debug!(error = %e, "the reader account could not log in");
        }
    }

    /// The rows that the caller may see; none if ICAT does not answer, because entries are written all the same.
    pub async fn search_as_caller(&self, caller: &Caller, query: &str) -> Vec<Value> {
        let Some(session) = caller.session() else { return Vec::new() };
        match self.identity.icat().search_rows(session.expose(), query).await {
            Ok(rows) => rows,
            Err(e) => {
                tracing::warn!(error = %e, "the catalogue did not answer a query of the caller");
                Vec::new()
            }
        }
    }

    /// The rows that the reader account sees; `None` if there is no such account or no answer.
    pub async fn search_as_reader(&self, query: &str) -> Option<Vec<Value>> {
        let reader = self.identity.reader()?;
        let found = reader.with_session(async |icat: &IcatClient, session: &str| -> Result<Vec<Value>, IcatError> {
            icat.search_rows(session, query).await
        });
        match found.await {
            Ok(rows) => Some(rows),
            Err(e) => {
                tracing::warn!(error = %e, "the catalogue did not answer a query of the reader account");
                None
            }
        }
    }

    /// With the reader account, else with a session; no rows without either.
    pub async fn search_as_reader_or(&self, session: Option<&str>, query: &str) -> Result<Vec<Value>, IcatError> {
        match (self.identity.reader(), session) {
            (Some(reader), _) => {
                reader
                    .with_session(async |icat: &IcatClient, session: &str| icat.search_rows(session, query).await)
                    .await
            }
            (None, Some(session)) => self.identity.icat().search_rows(session, query).await,
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// Whether the catalogue could have a thing of this name. Longer names would make an address that it refuses.
pub fn is_possible_name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME
}

/// The first column of the first row, if it is text.
pub fn first_text(rows: &[Value]) -> Option<String> {
    rows.first().and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_catalogue_has_are_not_looked_up() {
        assert!(is_possible_name(&"é".repeat(MAX_NAME)));
        assert!(!is_possible_name(&"é".repeat(MAX_NAME + 1)));
    }
}
