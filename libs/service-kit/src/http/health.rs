//! Health and metrics for orchestrators, on the internal listener only. Live asks nothing; ready asks what requests
//! need and reports what they can do without.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::mount::{Listener, Mount};
use crate::db::{Db, DbError};
use crate::error_format::ErrorFormat;
use crate::metrics::{ConnectionLabels, Metrics};
use crate::problem::Problem;

/// How long readiness waits for the databases; orchestrators give up soon.
const READINESS_TIMEOUT: Duration = Duration::from_secs(2);

/// Something a process can work without for a while: `Err` says what is wrong with it.
type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What readiness reports besides the databases. Cheap to clone.
#[derive(Clone, Default)]
pub struct HealthChecks(Arc<Mutex<Vec<(String, Check)>>>);

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthChecks")
    }
}

impl HealthChecks {
    /// Adds a dependency that is reported as `degraded` and does not make the process unready.
    pub fn add_check(&self, name: impl Into<String>, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name.into(), Arc::new(check)));
    }

    fn list_checks(&self) -> Vec<(String, Check)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) struct Health {
    /// Service name and its database.
    pub databases: Vec<(&'static str, Db)>,
    pub checks: HealthChecks,
    pub draining: Arc<AtomicBool>,
    pub metrics: Metrics,
    /// See [`crate::instance`].
    pub instance: String,
}

pub(crate) fn health_mounts(health: Health) -> [Mount; 2] {
    let health = Arc::new(health);
    [
        Mount::new("/health", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::clone(&health))
            .get("/live", get_liveness)
            .get("/startup", get_readiness)
            .get("/ready", get_readiness),
        Mount::new("/metrics", Listener::Internal, ErrorFormat::PROBLEM_DETAILS).state(health).get("", get_metrics),
    ]
}

/// `GET /health/live`: 200 as long as the process can respond at all.
async fn get_liveness(health: web::Data<Health>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "up", "instance": health.instance}))
}

/// `GET /health/ready`: 200 if every database responds and can be written and the process is not stopping, else 503 with the
/// reasons. No storage is accessed.
async fn get_readiness(health: web::Data<Health>) -> HttpResponse {
    let mut checks = serde_json::Map::new();
    let mut up = true;
    let asked = health.databases.iter().map(|(_, db)| tokio::time::timeout(READINESS_TIMEOUT, db.check_ready()));
    let answers = futures_util::future::join_all(asked).await;
    for ((service, _), answer) in health.databases.iter().zip(answers) {
        let state = match answer {
            Ok(Ok(())) => "up",
            Err(_) => {
                tracing::warn!(service, "the database is busy");
                up = false;
                "busy"
            }
            Ok(Err(e)) => {
                tracing::warn!(
                    service,
                    error = crate::problem::format_error_chain(&e),
                    "the database cannot be read or written"
                );
                up = false;
                state_after(&e)
            }
        };
        checks.insert(format!("database.{service}"), state.into());
    }
    for (name, check) in health.checks.list_checks() {
        let state = check().map_or_else(|reason| format!("degraded: {reason}"), |()| "up".to_owned());
        checks.insert(name, state.into());
    }
    if health.draining.load(Ordering::Relaxed) {
        up = false;
        checks.insert("process".to_owned(), "draining".into());
    }
    health.metrics.ready.set(i64::from(up));
    let body = json!({"status": if up { "up" } else { "down" }, "checks": checks});
    if up { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

fn state_after(error: &DbError) -> &'static str {
    match error {
        DbError::DiskFull(_) => "disk full",
        DbError::Busy(_) => "busy",
        _ => "down",
    }
}

/// `GET /metrics` in the `OpenMetrics` text format.
async fn get_metrics(health: web::Data<Health>) -> Result<HttpResponse, Problem> {
    for (service, db) in &health.databases {
        for (pool, used, idle) in db.count_connections() {
            for (state, count) in [("used", used), ("idle", idle)] {
                let labels = ConnectionLabels { undulator_service: service, pool, state };
                health.metrics.connections.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
    let text = health.metrics.render().map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
