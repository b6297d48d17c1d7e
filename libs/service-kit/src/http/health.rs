//! Health for orchestrators, on the internal listener only. Live asks nothing; ready asks what requests need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::mount::{Listener, Mount};
use crate::db::Db;
use crate::dialect::Dialect;

pub(crate) struct Health {
    /// Service name and its database.
    pub databases: Vec<(&'static str, Db)>,
    pub draining: Arc<AtomicBool>,
}

pub(crate) fn health_mount(health: Health) -> Mount {
    Mount::new("/health", Listener::Internal, Dialect::Problem)
        .state(Arc::new(health))
        .get("/live", live)
        .get("/startup", ready)
        .get("/ready", ready)
}

/// 200 as long as the process can answer at all.
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "up"}))
}

/// 200 if every database answers and the process is not stopping, else 503; the body says which.
async fn ready(health: web::Data<Health>) -> HttpResponse {
    let mut checks = serde_json::Map::new();
    let mut up = true;
    for (service, db) in &health.databases {
        let state = match db.ping().await {
            Ok(()) => "up",
            Err(e) => {
                tracing::warn!(service, error = crate::problem::chain(&e), "database does not answer");
                up = false;
                "down"
            }
        };
        checks.insert(format!("database.{service}"), state.into());
    }
    if health.draining.load(Ordering::Relaxed) {
        up = false;
        checks.insert("process".to_owned(), "draining".into());
    }
    let body = json!({"status": if up { "up" } else { "down" }, "checks": checks});
    if up { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
