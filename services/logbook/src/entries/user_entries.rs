//! Entries that people write: the author and the names of the investigation come from the catalogue.

use std::sync::Arc;

use identity::Caller;
use jiff::tz::TimeZone;
use serde_json::Value;
use service_kit::{Micros, Problem};

use crate::catalogue::permissions::WritableLogbook;
use crate::catalogue::users::Users;
use crate::domain::entry::{Entry, VersionCondition};
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_request::EntryRequest;
use crate::domain::logbook::Logbook;
use crate::entries::{Entries, EntryRenderer, NewEntry};
use crate::error::Error;
use crate::store::attachments::NewAttachment;

/// Creates and changes entries of people.
pub struct UserEntries {
    pub entries: Arc<Entries>,
    pub users: Arc<Users>,
    pub renderer: Arc<EntryRenderer>,
    /// The zone of times without one.
    pub zone: TimeZone,
}

impl UserEntries {
    pub fn now(&self) -> Micros {
        self.entries.clock.now_micros()
    }

    /// What a client sent; an absent time is now.
    pub fn parse_request(&self, request: EntryRequest) -> Result<EntryContent, Error> {
        Ok(EntryContent::from_request(request, self.now(), &self.zone)?)
    }

    /// What a client sent for an entry that is stored; an absent time is that of the entry.
    pub fn parse_update(&self, request: EntryRequest, stored: &Entry) -> Result<EntryContent, Error> {
        Ok(EntryContent::from_request(request, stored.content.at, &self.zone)?)
    }

    /// The entry is on disk when this returns.
    pub async fn create_entry(
        &self,
        caller: &Caller,
        logbook: &WritableLogbook,
        mut content: EntryContent,
        files: Vec<NewAttachment>,
    ) -> Result<Entry, Problem> {
        let investigation = if let Logbook::Investigation(id) = **logbook { Some(id) } else { None };
        self.users.set_author(caller, &mut content).await;
        self.users.fill_investigation_fields(caller, &mut content, investigation).await;
        let actor = caller.subject().icat_user_name.clone();
        self.entries.create_entry(logbook, NewEntry { content, files, actor }).await
    }

    /// See [`Entries::update`].
    pub async fn update_entry(
        &self,
        caller: &Caller,
        seen: &Entry,
        content: EntryContent,
        condition: &VersionCondition,
    ) -> Result<Entry, Problem> {
        self.entries.update_entry(caller, seen, content, condition).await
    }

    pub async fn render(&self, entry: &Entry) -> Result<Value, Problem> {
        self.renderer.render_entry(entry).await
    }
}
