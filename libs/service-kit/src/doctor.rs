//! What `doctor` finds, and what a service adds to it.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::process::Process;
use crate::serve::Endpoints;
use crate::service_def::ServiceDef;

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a few words: `reader account`.
    pub what: String,
    /// False if something does not work.
    pub ok: bool,
    pub level: Level,
    /// What was seen; of a warning or a fault also what to do.
    pub says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Works, but probably not as the operator wants it.
    Warning,
    /// Does not work.
    Wrong,
}

impl Finding {
    pub fn ok(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(what, Level::Ok, says)
    }

    pub fn warning(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(what, Level::Warning, says)
    }

    pub fn wrong(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(what, Level::Wrong, says)
    }

    fn new(what: impl Into<String>, level: Level, says: impl Into<String>) -> Self {
        Self { what: what.into(), ok: level != Level::Wrong, level, says: says.into() }
    }

    /// `Ok` is fine and `Err` is wrong; both say why.
    pub fn from_result(what: impl Into<String>, outcome: Result<String, String>) -> Self {
        match outcome {
            Ok(says) => Self::ok(what, says),
            Err(says) => Self::wrong(what, says),
        }
    }
}

/// What a service's checks are given.
#[derive(Debug, Clone)]
pub struct DoctorCtx {
    pub config: Config,
    /// For calls to other systems.
    pub http: crate::HttpClient,
    pub clock: Arc<dyn Clock>,
    /// What the checks of several services share, so that a question is asked once.
    pub process: Process,
    /// Databases of services that are open and up to date.
    pub databases: Vec<(&'static str, Db)>,
    /// Where this process listens, or would listen if it ran.
    pub endpoints: Endpoints,
    /// Whether the services of this process are running: false for `doctor`, which may be asked before they are started.
    pub is_running: bool,
    /// Where the server of another facility listens at a port of this one; nothing secret may be sent there.
    pub foreign_server: Option<SocketAddr>,
}

impl DoctorCtx {
    /// The database of a service; `None` if it cannot be used, which is reported elsewhere, or has never been made.
    pub fn database(&self, service: &str) -> Option<&Db> {
        self.databases.iter().find(|(name, _)| *name == service).map(|(_, db)| db)
    }
}

/// What can be said of the settings without a question to anybody, and what the services find. What several services find
/// in the same way is said once.
pub(crate) async fn run_checks(services: &[ServiceDef], ctx: &DoctorCtx) -> Vec<Finding> {
    let mut findings = check_internal_listener(ctx);
    findings.extend(check_api_keys(services, ctx));
    for service in services {
        (service.prepare_doctor)(ctx.clone()).await;
    }
    for service in services {
        for finding in (service.doctor)(ctx.clone()).await {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// Logs what is not in order.
pub(crate) async fn log_faults(services: &[ServiceDef], ctx: &DoctorCtx) {
    for Finding { what, level, says, .. } in run_checks(services, ctx).await {
        match level {
            Level::Ok => {}
            Level::Warning => tracing::warn!("{what}: {says}"),
            Level::Wrong => tracing::error!("{what}: {says}"),
        }
    }
}

fn check_internal_listener(ctx: &DoctorCtx) -> Vec<Finding> {
    let address = ctx.config.core.http.internal_bind;
    if !address.ip().is_unspecified() {
        return Vec::new();
    }
    let says = format!(
        "http.internal_bind = {address} answers on every address of this host. It serves administration and authenticators: \
         users must not reach it (127.0.0.1, a firewall or a network policy)"
    );
    vec![Finding::warning("internal listener", says)]
}

fn check_api_keys(services: &[ServiceDef], ctx: &DoctorCtx) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in &ctx.config.core.identity.api_keys {
        let what = format!("API key {}", key.name);
        if key.expires <= ctx.clock.now() {
            let says = format!(
                "expired on {}, so its programs are refused. Create a new key, or remove this one",
                key.expires
            );
            findings.push(Finding::wrong(&what, says));
        }
        for scope in key.scopes.iter().filter(|scope| is_unknown_scope(scope, services)) {
            let known: Vec<&str> = services.iter().flat_map(|service| service.scopes).copied().collect();
            let hint = crate::config::suggest_nearest(scope, known.iter().copied());
            let says = format!("no service here uses the scope `{scope}`{hint} (known scopes: {})", known.join(", "));
            findings.push(Finding::wrong(&what, says));
        }
        let writes = key.scopes.iter().any(|scope| scope.ends_with(":write"));
        if writes && key.instruments.is_empty() {
            let says = "may write for every instrument; restrict it with instruments = [\"…\"]";
            findings.push(Finding::warning(&what, says));
        }
    }
    findings
}

/// Settings may be shared with programs of other services: a scope `service:…` of a service that does not run here is
/// not ours to judge, unless it looks like a misspelt one of ours.
fn is_unknown_scope(scope: &str, services: &[ServiceDef]) -> bool {
    if services.iter().any(|service| service.scopes.contains(&scope)) {
        return false;
    }
    match scope.split_once(':') {
        Some((prefix, _)) => services.iter().any(|s| strsim::jaro_winkler(prefix, s.name) > 0.85),
        None => services.iter().any(|service| !service.scopes.is_empty()) && !WIDE_SCOPES.contains(&scope),
    }
}

/// Scopes that belong to no single service.
const WIDE_SCOPES: [&str; 2] = ["read", "admin"];
