//! Search in the catalogue by words, paths, parameters and facets.
//!
//! It answers the requests that an icat.server sends to icat.lucene 4.0, on the internal listener only, because this protocol
//! has no sessions. It owns the index in `search.index_dir` and the changes that are not in it yet (`change_batch`), and emits
//! `icat.entity.changed` for what the icat.server reports. It can also read the catalogue itself, with the reader account.

pub mod administration;
mod authorized_search;
mod catalogue;
mod changes;
mod config;
pub mod domain;
mod downloads;
mod error;
pub mod error_format;
pub mod index;
mod index_progress;
mod index_status;
mod openapi;
pub mod planner;
mod points_in_time;
pub mod results;
mod routes;
mod search_service;
mod searches;
mod state;
pub mod store;
mod web;

use std::sync::Arc;

use events::Events;
use icat_client::CatalogueChanges;
use identity::Identity;
use identity::page_sessions::PageSessions;
use service_kit::openapi::StartLink;
use service_kit::{
    BuildError, Config as Settings, Ctx, Migration, PrivatePath, Running, ServiceDef, ServiceSettings, Sources,
    open_database,
};
use tokio::sync::Notify;
use utoipa::OpenApi as _;

use self::administration::{AdministrationError, IndexAdministration};
use self::authorized_search::AuthorizedSearch;
use self::catalogue::{CatalogueReader, ChangedRowWorker, ScanWorker, listen_for_changes};
use self::changes::{ChangeMetrics, ChangeQueue, IndexOwnership, IndexSettings, IndexWorker};
pub use self::config::{Config, Engine};
use self::domain::paths::PathRules;
use self::downloads::Downloads;
use self::index::{IndexLocation, OpenSearchIndex, SharedSnapshot};
use self::index_progress::IndexProgress;
use self::index_status::IndexStatusReader;
use self::points_in_time::PointsInTime;
use self::search_service::SearchService;
use self::searches::CatalogueSearches;
use self::state::State;
use self::web::PAGE_ADDRESS;
use self::web::pages::Pages;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "search",
    settings: ServiceSettings {
        defaults: include_str!("../config.default.toml"),
        secrets: &["search.icat_server_secret", "search.opensearch_password"],
    },
    default_ports: (8084, 9084),
    migrations: &[
        Migration { version: 1, name: "changes", sql: include_str!("../migrations/0001_changes.sql") },
        Migration { version: 2, name: "catalogue", sql: include_str!("../migrations/0002_catalogue.sql") },
        Migration { version: 3, name: "filled index", sql: include_str!("../migrations/0003_filled_index.sql") },
    ],
    check: |settings| {
        let config = Config::from_settings(settings)?;
        config.reads_catalogue(&settings.core.icat)?;
        config.read_synonyms().map(drop)
    },
    private_paths: |settings| {
        let directory = Config::from_settings(settings)?.index_directory(&settings.core.data_dir);
        Ok(vec![PrivatePath::new("search.index_dir", directory)])
    },
    openapi: || openapi::Document::openapi(),
    pages: &[StartLink { path: PAGE_ADDRESS, text: "Search" }],
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

/// For commands: opens the database in the settings, which is migrated if they allow it.
pub async fn open_index_administration(
    settings: &Settings,
    sources: &Sources,
) -> Result<IndexAdministration, AdministrationError> {
    let db = open_database(&SERVICE, settings, &*sources.clock).await?;
    IndexAdministration::new(db, settings, sources)
}

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let directory = config.index_directory(&ctx.config.core.data_dir);
    let rules = PathRules::new(config.path_separators.iter().copied());
    let snapshot = SharedSnapshot::default();
    let events = Events::start(&ctx).await?;
    let metrics = ChangeMetrics::register(&ctx.process);
    let process = ctx.ids.random_uuid().to_string();
    let changes = ChangeQueue::new(ctx.db.clone(), Arc::clone(&ctx.clock), events.outbox(), metrics, process.clone());
    let (queue, shared) = (changes.clone(), snapshot.clone());
    let ownership = IndexOwnership::default();
    let location = match config.engine {
        Engine::Embedded => IndexLocation::Directory(directory),
        Engine::OpenSearch => IndexLocation::OpenSearch(Arc::new(OpenSearchIndex::new(&ctx, &config.opensearch()))),
    };
    let reads_catalogue = config.reads_catalogue(&ctx.config.core.icat)?;
    let progress = IndexProgress::new(reads_catalogue);
    let settings = IndexSettings { rules: rules.clone(), commit_interval: config.commit_interval, progress };
    let worker = IndexWorker::new(&ctx, queue, shared, location, ownership.clone(), settings);
    let searches = Arc::new(SearchService::new(&ctx, &config, snapshot, rules)?);
    let identity = Identity::new(&ctx, &events)?;
    let mut workers = vec![worker.into_worker()];
    if reads_catalogue && let Some(reader) = identity.reader() {
        let reader = CatalogueReader::new(reader.clone());
        let (wake_rows, wake_scans) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        listen_for_changes(&CatalogueChanges::start(&ctx, &events)?, &ctx.db, &wake_rows, &wake_scans);
        workers
            .push(ScanWorker::new(&ctx, reader.clone(), changes.clone(), wake_scans, ownership.clone()).into_worker());
        let searches = Arc::clone(&searches);
        workers
            .push(ChangedRowWorker::new(&ctx, reader, changes.clone(), searches, wake_rows, ownership).into_worker());
    }
    let authorized = Arc::new(AuthorizedSearch::new(Arc::clone(&searches), identity.clone()));
    let catalogue_searches = Arc::new(CatalogueSearches {
        authorized: Arc::clone(&authorized),
        points_in_time: PointsInTime::new(Arc::clone(&ctx.clock), process),
        zone: ctx.config.core.icat.parse_time_zone()?,
    });
    let pages = Arc::new(Pages {
        sessions: PageSessions::new(identity.clone(), PAGE_ADDRESS),
        searches: Arc::clone(&catalogue_searches),
        downloads: config.find_download_url(&ctx).map(|url| Downloads::new(ctx.http.clone(), url)),
        logbook_page: config.find_logbook_page(&ctx),
        site: ctx.config.core.site.clone(),
    });
    let state = Arc::new(State {
        config,
        idle_timeout: ctx.config.core.http.idle_timeout,
        changes,
        searches,
        authorized,
        catalogue_searches,
        index_status: IndexStatusReader { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), progress },
        identity,
    });
    let mounts = web::build_mounts(pages).into_iter().chain(routes::build_mounts(&state)).collect();
    Ok(Running { mounts, workers })
}
