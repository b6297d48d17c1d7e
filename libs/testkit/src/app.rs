//! A set of services in this process, on free ports.

use std::path::Path;
use std::sync::Arc;

use service_kit::clock::ManualClock;
use service_kit::{Config, RouteInfo, Server, ServiceDef, Sources, SystemIds};
use tempfile::TempDir;

use crate::databases::Backend;

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
    server: Server,
    dir: TempDir,
}

impl TestApp {
    /// Starts services on `SQLite` with defaults and the given settings.
    pub async fn start(services: &[ServiceDef], toml: &str) -> Self {
        Self::start_on(&Backend::Sqlite, services, toml).await
    }

    /// The same on one of [`backends`](crate::backends).
    pub async fn start_on(backend: &Backend, services: &[ServiceDef], toml: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let defaults: Vec<&str> = services.iter().map(|s| s.default_toml).collect();
        let config = Config::from_toml(&defaults, toml).expect("valid settings");
        let config = [
            ("data_dir", dir.path().to_string_lossy().into_owned()),
            ("http.bind", "127.0.0.1:0".to_owned()),
            ("http.internal_bind", "127.0.0.1:0".to_owned()),
            ("database.url", backend.new_url().await),
        ]
        .into_iter()
        .fold(config, |config, (key, value)| config.with(key, value).expect("a valid setting"));
        let clock = ManualClock::at("2026-01-12T09:00:00Z".parse().expect("a time"));
        let sources = Sources { clock: Arc::clone(&clock) as _, ids: Arc::new(SystemIds) };
        let server = Server::start(services, &config, sources).await.expect("the services start");
        #[expect(clippy::disallowed_methods, reason = "a client of the services under test")]
        let http = reqwest::Client::new();
        Self {
            public: format!("http://{}", server.endpoints.public),
            internal: format!("http://{}", server.endpoints.internal),
            clock,
            http,
            config,
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

    /// Stops as a signal would.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
