//! How the components are put together.

use std::sync::Arc;

use events::Outbox;
use identity::Identity;
use identity::page_sessions::PageSessions;
use service_kit::{BuildError, Ctx};
use tokio::sync::Notify;

use super::State;
use super::attachments::AttachmentComponents;
use super::catalogue::CatalogueComponents;
use super::tools::Tools;
use crate::catalogue::datafile_viewer::DatafileViewer;
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
use crate::http::PAGE_ADDRESS;
use crate::import::Importer;
use crate::portal::banners::Banners;
use crate::portal::preferences::Preferences;
use crate::stream::EntryStreams;
use crate::web::pages::Pages;

impl State {
    pub async fn new(ctx: &Ctx, config: &Config, identity: Identity, outbox: Outbox) -> Result<Self, BuildError> {
        let tools = Tools::new(ctx, config)?;
        let Tools { db, clock, ids, tasks, zone, .. } = &tools;
        let catalogue = CatalogueComponents::new(&tools, config, &identity);
        let CatalogueComponents { visits, instruments, assignment, permissions, users, .. } = &catalogue;
        let files = AttachmentComponents::new(ctx, &tools, config, permissions).await?;
        let AttachmentComponents { attachments, signed_urls, inline_images, .. } = &files;
        let wake = Arc::new(Notify::new());
        let history = History::new(db.clone(), outbox, Arc::clone(&wake));
        let tag_definitions =
            Arc::new(TagDefinitions { db: db.clone(), clock: Arc::clone(clock), ids: Arc::clone(ids) });
        let entries = Arc::new(Entries {
            db: db.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            history: history.clone(),
            inline_images: Arc::clone(inline_images),
            tag_definitions: Arc::clone(&tag_definitions),
            permissions: Arc::clone(permissions),
            visits: Arc::clone(visits),
        });
        let renderer = Arc::new(EntryRenderer { db: db.clone(), signed_urls: Arc::clone(signed_urls) });
        let streams = EntryStreams::new(
            db.clone(),
            Arc::clone(permissions),
            Arc::clone(&renderer),
            ctx.closing.clone(),
            Arc::clone(&wake),
        );
        Ok(Self {
            user_entries: Arc::new(UserEntries {
                entries: Arc::clone(&entries),
                users: Arc::clone(users),
                renderer: Arc::clone(&renderer),
                zone: zone.clone(),
            }),
            beamline_entries: Arc::new(BeamlineEntries {
                entries: Arc::clone(&entries),
                assignment: Arc::clone(assignment),
                instruments: Arc::clone(instruments),
                renderer: Arc::clone(&renderer),
                tasks: tasks.clone(),
                zone: zone.clone(),
            }),
            repair: Arc::new(InstrumentRepair {
                db: db.clone(),
                entries: Arc::clone(&entries),
                users: Arc::clone(users),
                visits: Arc::clone(visits),
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
                attachments: Arc::clone(attachments),
                permissions: Arc::clone(permissions),
                users: Arc::clone(users),
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
                attachments: Arc::clone(attachments),
                entries: Arc::clone(&entries),
                archives: ctx.pools.open("logbook.imports", 2, 8),
                documents: tools.documents.clone(),
                zone: zone.clone(),
                max_archive_bytes: config.largest_import.as_u64(),
            }),
            search: Arc::new(EntrySearch::new(db.clone(), Arc::clone(permissions), Arc::clone(&renderer))),
            statistics: Arc::new(Statistics::new(db.clone(), zone.clone())),
            banners: Arc::new(Banners::new(db.clone(), Arc::clone(clock), Arc::clone(ids))),
            preferences: Arc::new(Preferences::new(db.clone(), Arc::clone(clock), Arc::clone(ids))),
            pages: Arc::new(Pages {
                sessions: PageSessions::new(identity.clone(), PAGE_ADDRESS),
                identity: identity.clone(),
                permissions: Arc::clone(permissions),
                users: Arc::clone(users),
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
            catalogue,
            files,
            history,
            tag_definitions,
            entries,
            renderer,
            wake,
        })
    }
}
