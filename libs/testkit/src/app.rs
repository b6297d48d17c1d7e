//! A set of services in this process, on free ports.

use std::path::Path;
use std::sync::Arc;

use events::store::DeadLetter;
use service_kit::{
    Config, Db, Micros, RouteInfo, Server, ServiceDef, ServiceSettings, Sources, SystemIds, open_database,
};
use tempfile::TempDir;

use crate::databases::Backend;
use crate::manual_clock::ManualClock;
use crate::recorder;
use crate::waiting::wait_until;

/// 2026-01-12T09:00:00Z.
const START: Micros = Micros::from_i64(1_768_208_400_000_000);

/// Running services; [`stop`](Self::stop) them to see that they end cleanly, or drop them.
pub struct TestApp {
    /// `http://127.0.0.1:<port>` of the listener for users.
    pub public: String,
    /// The same of the listener for services and operators.
    pub internal: String,
    /// Stands at 2026-01-12T09:00:00Z until it is moved.
    pub clock: Arc<ManualClock>,
    pub http: reqwest::Client,
    pub config: Config,
    services: Vec<ServiceDef>,
    /// The test's own connections to the services' databases.
    databases: Vec<(&'static str, Db)>,
    server: Server,
    dir: TempDir,
}

impl TestApp {
    /// Starts services on `SQLite` with defaults and the given settings.
    pub async fn start(services: &[ServiceDef], toml: &str) -> Self {
        Self::start_on(&Backend::Sqlite, services, toml).await
    }

    /// The same on one of [`list_backends`](crate::list_backends).
    pub async fn start_on(backend: &Backend, services: &[ServiceDef], toml: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let settings: Vec<ServiceSettings> = services.iter().map(|service| service.settings).collect();
        let config = Config::from_toml(&settings, toml).expect("valid settings");
        let config = [
            ("data_dir", dir.path().to_string_lossy().into_owned()),
            ("http.bind", "127.0.0.1:0".to_owned()),
            ("http.internal_bind", "127.0.0.1:0".to_owned()),
            ("database.url", backend.new_url().await),
        ]
        .into_iter()
        .fold(config, |config, (key, value)| config.with_setting(key, value).expect("a valid setting"));
        let clock = ManualClock::starting_at(START);
        Self::start_services(services.to_vec(), config, clock, dir).await
    }

    async fn start_services(services: Vec<ServiceDef>, config: Config, clock: Arc<ManualClock>, dir: TempDir) -> Self {
        let sources = Sources { clock: Arc::clone(&clock) as _, ids: Arc::new(SystemIds) };
        let server = Server::start(&services, &config, sources).await.expect("the services start");
        let mut databases = Vec::new();
        for service in &services {
            databases.push((service.name, open_database(service, &config, &*clock).await.expect("a database")));
        }
        #[expect(clippy::disallowed_methods, reason = "a client of the services under test")]
        let http = reqwest::Client::new();
        Self {
            public: format!("http://{}", server.endpoints.public),
            internal: format!("http://{}", server.endpoints.internal),
            clock,
            http,
            config,
            services,
            databases,
            server,
            dir,
        }
    }

    /// Every endpoint of both listeners.
    pub fn routes(&self) -> &[RouteInfo] {
        self.server.routes()
    }

    /// Where the services keep their files.
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The test's own way to the rows of a service.
    pub fn db(&self, service: &str) -> &Db {
        let found = self.databases.iter().find(|(name, _)| *name == service);
        found.map_or_else(|| panic!("{service} does not run here"), |(_, db)| db)
    }

    /// Waits until the bus has every event and no dead letter is due. With the bus in memory that means that every
    /// consumer has stored its effects; with NATS the effects may be a moment away.
    pub async fn drain(&self) {
        wait_until("the outboxes are empty and no dead letter is due", async || {
            let mut open = 0;
            for (_, db) in &self.databases {
                let mut tx = db.read().await.expect("the database answers");
                open +=
                    tx.fetch_one(OPEN, &[self.now().into()]).await.expect("a count").get::<i64>("n").expect("a count");
            }
            (open == 0).then_some(())
        })
        .await;
    }

    /// What could not be stored, of all services.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        let mut all = Vec::new();
        for (_, db) in &self.databases {
            all.extend(events::admin::list_dead_letters(db).await.expect("the database answers"));
        }
        all
    }

    /// The events of one type that [`recorder::SERVICE`] has heard, which must be among the services.
    pub async fn recorded_events<E: events::Event>(&self) -> Vec<E> {
        recorder::list_recorded(self.db(recorder::SERVICE.name)).await
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        let answer = self.http.get(format!("{}/metrics", self.internal)).send().await.expect("an answer");
        answer.text().await.expect("a text")
    }

    /// The value of one series of `/metrics`, named with its labels as it stands there.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.metrics().await;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok())
    }

    /// Stops as a signal would.
    pub async fn stop(self) {
        self.stop_and_release().await;
    }

    /// Stops and starts again on the same databases, with other ports.
    pub async fn restart(self) -> Self {
        self.restart_after(async || ()).await
    }

    /// The same with another value of a setting.
    pub async fn restart_with(self, setting: &str, value: impl serde::Serialize) -> Self {
        let (services, config, clock, dir) = self.stop_and_release().await;
        let config = config.with_setting(setting, value).expect("a valid setting");
        Self::start_services(services, config, clock, dir).await
    }

    /// The same with something done in between.
    pub async fn restart_after(self, meanwhile: impl AsyncFnOnce()) -> Self {
        let (services, config, clock, dir) = self.stop_and_release().await;
        meanwhile().await;
        Self::start_services(services, config, clock, dir).await
    }

    async fn stop_and_release(self) -> (Vec<ServiceDef>, Config, Arc<ManualClock>, TempDir) {
        self.server.stop().await;
        for (_, db) in self.databases {
            db.close().await;
        }
        (self.services, self.config, self.clock, self.dir)
    }

    fn now(&self) -> Micros {
        service_kit::Clock::now_micros(&*self.clock)
    }
}

/// Events that the bus does not have, and dead letters that are due.
const OPEN: &str = "SELECT (SELECT COUNT(*) FROM outbox) + \
                    (SELECT COUNT(*) FROM dead_letter WHERE next_attempt_at <= $1) AS n";
