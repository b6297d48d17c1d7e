//! All components of the logbook.

mod attachments;
mod build;
mod catalogue;
mod tools;

use std::sync::Arc;

use identity::Identity;
use service_kit::Mount;
use tokio::sync::Notify;

use crate::attachments::Attachments;
use crate::attachments::download::Downloads;
use crate::attachments::signed_url::SignedUrls;
use crate::attachments::storage::Storage;
use crate::catalogue::datafile_viewer::DatafileViewer;
use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::instruments::Instruments;
use crate::catalogue::investigation_assignment::InvestigationAssignment;
use crate::catalogue::permissions::Permissions;
use crate::catalogue::users::Users;
use crate::catalogue::visits::Visits;
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
    pub lookup: IcatLookup,
    pub visits: Arc<Visits>,
    pub instruments: Arc<Instruments>,
    pub assignment: Arc<InvestigationAssignment>,
    pub permissions: Arc<Permissions>,
    pub users: Arc<Users>,
    pub viewer: Arc<DatafileViewer>,
    pub storage: Storage,
    pub attachments: Arc<Attachments>,
    pub downloads: Arc<Downloads>,
    pub signed_urls: Arc<SignedUrls>,
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
            .state(Arc::clone(&self.assignment))
            .state(Arc::clone(&self.permissions))
            .state(Arc::clone(&self.users))
            .state(Arc::clone(&self.viewer))
            .state(Arc::clone(&self.attachments))
            .state(Arc::clone(&self.downloads))
            .state(Arc::clone(&self.signed_urls))
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
