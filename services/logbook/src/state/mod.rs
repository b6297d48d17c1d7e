//! All components of the logbook.

mod attachments;
mod build;
mod catalogue;
mod tools;

use std::sync::Arc;

use identity::Identity;
use service_kit::Mount;
use tokio::sync::Notify;

use self::attachments::AttachmentComponents;
use self::catalogue::CatalogueComponents;
use crate::catalogue::datafile_viewer::DatafileViewer;
use crate::entries::beamline_entries::BeamlineEntries;
use crate::entries::fill_instruments::InstrumentRepair;
use crate::entries::lists::EntryLists;
use crate::entries::search::EntrySearch;
use crate::entries::statistics::Statistics;
use crate::entries::user_entries::UserEntries;
use crate::entries::{Entries, EntryRenderer, TagDefinitions};
use crate::export::Exporter;
use crate::history::History;
use crate::history::signing_key::SigningKey;
use crate::import::Importer;
use crate::portal::banners::Banners;
use crate::portal::preferences::Preferences;
use crate::stream::EntryStreams;
use crate::web::pages::Pages;

/// The components. Only what starts the service and mounts its routes sees all of them.
pub struct State {
    pub identity: Identity,
    pub catalogue: CatalogueComponents,
    pub files: AttachmentComponents,
    pub viewer: Arc<DatafileViewer>,
    pub history: History,
    pub signing_key: Arc<SigningKey>,
    pub tag_definitions: Arc<TagDefinitions>,
    pub entries: Arc<Entries>,
    pub user_entries: Arc<UserEntries>,
    pub beamline_entries: Arc<BeamlineEntries>,
    pub repair: Arc<InstrumentRepair>,
    pub renderer: Arc<EntryRenderer>,
    pub lists: Arc<EntryLists>,
    pub search: Arc<EntrySearch>,
    pub statistics: Arc<Statistics>,
    pub streams: Arc<EntryStreams>,
    /// Wakes the worker that sends records to those who listen.
    pub wake: Arc<Notify>,
    pub exporter: Arc<Exporter>,
    pub importer: Arc<Importer>,
    pub banners: Arc<Banners>,
    pub preferences: Arc<Preferences>,
    pub pages: Arc<Pages>,
}

impl State {
    /// A mount whose handlers take components as `web::Data`.
    pub fn register(&self, mount: Mount) -> Mount {
        mount
            .state(Arc::clone(&self.catalogue.assignment))
            .state(Arc::clone(&self.catalogue.permissions))
            .state(Arc::clone(&self.catalogue.users))
            .state(Arc::clone(&self.viewer))
            .state(Arc::clone(&self.files.attachments))
            .state(Arc::clone(&self.files.downloads))
            .state(Arc::clone(&self.files.signed_urls))
            .state(Arc::new(self.history.clone()))
            .state(Arc::clone(&self.signing_key))
            .state(Arc::clone(&self.tag_definitions))
            .state(Arc::clone(&self.entries))
            .state(Arc::clone(&self.user_entries))
            .state(Arc::clone(&self.beamline_entries))
            .state(Arc::clone(&self.repair))
            .state(Arc::clone(&self.renderer))
            .state(Arc::clone(&self.lists))
            .state(Arc::clone(&self.search))
            .state(Arc::clone(&self.statistics))
            .state(Arc::clone(&self.streams))
            .state(Arc::clone(&self.exporter))
            .state(Arc::clone(&self.importer))
            .state(Arc::clone(&self.banners))
            .state(Arc::clone(&self.preferences))
            .state(Arc::clone(&self.pages))
    }
}
