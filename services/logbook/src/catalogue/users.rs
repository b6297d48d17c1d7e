//! Who writes, and about which investigation, as the catalogue names them.

use std::collections::HashMap;

use identity::Caller;
use serde_json::Value;

use crate::catalogue::icat_lookup::{IcatLookup, first_text};
use crate::domain::entry_content::EntryContent;
use crate::domain::logbook::Logbook;

/// What the catalogue says of an investigation.
#[derive(Debug, Clone, Default)]
pub struct InvestigationDescription {
    pub name: Option<String>,
    pub title: Option<String>,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
}

/// Fills in the names of people and investigations.
pub struct Users {
    lookup: IcatLookup,
}

impl Users {
    pub fn new(lookup: IcatLookup) -> Self {
        Self { lookup }
    }

    /// The author is the caller, whatever the body says.
    pub async fn set_author(&self, caller: &Caller, content: &mut EntryContent) {
        let user = &caller.subject().icat_user_name;
        content.username = Some(short_user_name(user).to_owned());
        let query = "SELECT u.fullName FROM User u WHERE u.name = :user";
        content.full_name = first_text(&self.lookup.search_as_caller(caller, query).await);
    }

    /// The names of an investigation and its instrument, as far as the author may read them.
    pub async fn fill_investigation_fields(
        &self,
        caller: &Caller,
        content: &mut EntryContent,
        investigation: Option<i64>,
    ) {
        content.investigation_id = investigation;
        let Some(id) = investigation else {
            // Messages for everybody do not wait for an investigation.
            if Logbook::from_ids(None, content.instrument_name.as_deref()) == Logbook::Facility {
                content.investigation_name = None;
            }
            return;
        };
        let query = format!("SELECT i.name FROM Investigation i WHERE i.id = {id}");
        let name = first_text(&self.lookup.search_as_caller(caller, &query).await);
        content.investigation_name = name.or(content.investigation_name.take());
        content.instrument_name = self.find_instrument(caller, id).await.or(content.instrument_name.take());
    }

    /// The name of the first instrument that an investigation has in the catalogue.
    pub async fn find_instrument(&self, caller: &Caller, investigation: i64) -> Option<String> {
        let query = format!(
            "SELECT ii.instrument.name FROM InvestigationInstrument ii WHERE ii.investigation.id = {investigation} \
             ORDER BY ii.id LIMIT 0, 1"
        );
        first_text(&self.lookup.search_as_caller(caller, &query).await)
    }

    /// Name, title and dates of investigations, as far as the caller may read them.
    pub async fn describe_investigations(
        &self,
        caller: &Caller,
        ids: &[i64],
    ) -> HashMap<i64, InvestigationDescription> {
        let mut known = HashMap::new();
        for ids in ids.chunks(100) {
            let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let query = format!(
                "SELECT i.id, i.name, i.title, i.startDate, i.endDate FROM Investigation i WHERE i.id IN ({})",
                list.join(", ")
            );
            for row in self.lookup.search_as_caller(caller, &query).await {
                let Some(id) = row[0].as_i64() else { continue };
                let text = |n: usize| row[n].as_str().map(str::to_owned);
                let (name, title, start_date, end_date) = (text(1), text(2), text(3), text(4));
                known.insert(id, InvestigationDescription { name, title, start_date, end_date });
            }
        }
        known
    }

    /// What a list of investigations on a page asks the catalogue.
    pub async fn search_catalogue(&self, caller: &Caller, query: &str) -> Vec<Value> {
        self.lookup.search_as_caller(caller, query).await
    }
}

/// The login name without its authenticator.
pub fn short_user_name(user_name: &str) -> &str {
    user_name.split_once('/').map_or(user_name, |(_, name)| name)
}
