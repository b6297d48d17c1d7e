//! All components of the logbook, and how they are put together.

use std::sync::Arc;

use events::Outbox;
use identity::Identity;
use jiff::tz::TimeZone;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids, Mount};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::attachments::download::Downloads;
use crate::attachments::signed_url::SignedUrls;
use crate::attachments::storage::Storage;
use crate::attachments::thumbnail::Thumbnails;
use crate::attachments::{Attachments, InlineImages};
use crate::catalogue::datafile_viewer::DatafileViewer;
use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::instruments::Instruments;
use crate::catalogue::investigation_assignment::InvestigationAssignment;
use crate::catalogue::permissions::Permissions;
use crate::catalogue::users::Users;
use crate::catalogue::visits::Visits;
use crate::config::Config;
use crate::entries::beamline_entries::BeamlineEntries;
use crate::entries::fill_instruments::InstrumentRepair;
use crate::entries::lists::EntryLists;
use crate::entries::search::EntrySearch;
use crate::entries::statistics::Statistics;
use crate::entries::user_entries::UserEntries;
use crate::entries::{Entries, EntryRenderer, TagDefinitions};
use crate::export::Exporter;
use crate::export::pdf::Printer;
use crate::history::History;
use crate::history::signing_key::SigningKey;
use crate::import::Importer;
use crate::markup::text_pool::TextPool;
use crate::portal::banners::Banners;
use crate::portal::preferences::Preferences;
use crate::store::keys::{Purpose, load_or_create_key};
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

/// What most components own.
struct Tools {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    tasks: TaskTracker,
    zone: TimeZone,
    site: String,
    /// Where files for people are made, which takes processor time.
    documents: Blocking,
    text_pool: TextPool,
}

impl State {
    pub async fn new(ctx: &Ctx, config: &Config, identity: Identity, outbox: Outbox) -> Result<Self, BuildError> {
        let tools = Tools {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            tasks: ctx.tasks.clone(),
            zone: config.zone()?,
            site: ctx.config.core.site.clone(),
            documents: ctx.pools.open("logbook.documents", 2, 64),
            text_pool: TextPool::open(&ctx.pools),
        };
        let Tools { db, clock, ids, tasks, zone, .. } = &tools;
        let lookup = IcatLookup::new(identity.clone());
        let timeout = config.assignment_timeout;
        let visits = Arc::new(Visits::new(lookup.clone(), Arc::clone(clock), tasks.clone(), timeout));
        let instruments = Arc::new(Instruments::new(lookup.clone(), tasks.clone(), timeout));
        let assignment = InvestigationAssignment::new(lookup.clone(), Arc::clone(&visits), Arc::clone(clock));
        let assignment = Arc::new(assignment);
        let permissions = Permissions::new(identity.clone(), Arc::clone(&visits), Arc::clone(&instruments));
        let permissions = Arc::new(permissions);
        let users = Arc::new(Users::new(lookup.clone()));
        let link_key = load_or_create_key(db, &**ids, Purpose::SignedUrls).await?;
        let signed_urls = SignedUrls::new(&link_key, Arc::clone(clock));
        let signed_urls = Arc::new(signed_urls.map_err(|e| BuildError::Other(e.to_string()))?);
        let storage = Storage::open(
            &config.attachments_path(&ctx.config.core.data_dir),
            config.s3_settings().as_ref(),
            &ctx.pools,
        )?;
        let attachments = Arc::new(Attachments {
            storage: storage.clone(),
            db: db.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            max_bytes: config.largest_attachment.as_u64(),
            idle_timeout: ctx.config.core.http.idle_timeout,
        });
        let thumbnails = Arc::new(Thumbnails::new(Arc::clone(&attachments), tools.documents.clone()));
        let downloads = Arc::new(Downloads {
            db: db.clone(),
            attachments: Arc::clone(&attachments),
            thumbnails,
            permissions: Arc::clone(&permissions),
        });
        let wake = Arc::new(Notify::new());
        let history = History::new(db.clone(), outbox, Arc::clone(&wake));
        let tag_definitions =
            Arc::new(TagDefinitions { db: db.clone(), clock: Arc::clone(clock), ids: Arc::clone(ids) });
        let inline_images = InlineImages {
            attachments: Arc::clone(&attachments),
            text_pool: tools.text_pool.clone(),
            documents: tools.documents.clone(),
        };
        let entries = Arc::new(Entries {
            db: db.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            history: history.clone(),
            inline_images,
            tag_definitions: Arc::clone(&tag_definitions),
            permissions: Arc::clone(&permissions),
            visits: Arc::clone(&visits),
        });
        let renderer = Arc::new(EntryRenderer { db: db.clone(), signed_urls: Arc::clone(&signed_urls) });
        let streams = EntryStreams::new(
            db.clone(),
            Arc::clone(&permissions),
            Arc::clone(&renderer),
            ctx.closing.clone(),
            Arc::clone(&wake),
        );
        Ok(Self {
            user_entries: Arc::new(UserEntries {
                entries: Arc::clone(&entries),
                users: Arc::clone(&users),
                renderer: Arc::clone(&renderer),
                zone: zone.clone(),
            }),
            beamline_entries: Arc::new(BeamlineEntries {
                entries: Arc::clone(&entries),
                assignment: Arc::clone(&assignment),
                instruments: Arc::clone(&instruments),
                renderer: Arc::clone(&renderer),
                tasks: tasks.clone(),
                zone: zone.clone(),
            }),
            repair: Arc::new(InstrumentRepair {
                db: db.clone(),
                entries: Arc::clone(&entries),
                users: Arc::clone(&users),
                visits: Arc::clone(&visits),
            }),
            lists: Arc::new(EntryLists {
                db: db.clone(),
                renderer: Arc::clone(&renderer),
                zone: zone.clone(),
                page_default: config.page_default,
                page_limit: config.page_limit,
            }),
            exporter: Arc::new(Exporter {
                db: db.clone(),
                clock: Arc::clone(clock),
                ids: Arc::clone(ids),
                attachments: Arc::clone(&attachments),
                permissions: Arc::clone(&permissions),
                users: Arc::clone(&users),
                renderer: Arc::clone(&renderer),
                history: history.clone(),
                printer: Printer::default(),
                documents: tools.documents.clone(),
                tasks: tasks.clone(),
                zone: zone.clone(),
                zone_name: config.time_zone.clone(),
                site: tools.site.clone(),
            }),
            importer: Arc::new(Importer {
                db: db.clone(),
                clock: Arc::clone(clock),
                ids: Arc::clone(ids),
                attachments: Arc::clone(&attachments),
                entries: Arc::clone(&entries),
                archives: ctx.pools.open("logbook.imports", 2, 8),
                documents: tools.documents.clone(),
                zone: zone.clone(),
                max_archive_bytes: config.largest_import.as_u64(),
            }),
            search: Arc::new(EntrySearch::new(db.clone(), Arc::clone(&permissions), Arc::clone(&renderer))),
            statistics: Arc::new(Statistics::new(db.clone(), zone.clone())),
            banners: Arc::new(Banners::new(db.clone(), Arc::clone(clock), Arc::clone(ids))),
            preferences: Arc::new(Preferences::new(db.clone(), Arc::clone(clock), Arc::clone(ids))),
            pages: Arc::new(Pages {
                identity: identity.clone(),
                permissions: Arc::clone(&permissions),
                users: Arc::clone(&users),
                db: db.clone(),
                tag_definitions: Arc::clone(&tag_definitions),
                text_pool: tools.text_pool.clone(),
                zone: zone.clone(),
                site: tools.site.clone(),
            }),
            viewer: Arc::new(DatafileViewer::new(identity.clone(), config.h5_viewer.clone())),
            signing_key: Arc::new(SigningKey::load(db, &**ids, &config.signing_key_file).await?),
            streams: Arc::new(streams),
            identity,
            lookup,
            visits,
            instruments,
            assignment,
            permissions,
            users,
            storage,
            attachments,
            downloads,
            signed_urls,
            history,
            tag_definitions,
            entries,
            renderer,
            wake,
        })
    }

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
