//! How old the list of ended logins is.

use prometheus_client::metrics::gauge::Gauge;
use service_kit::Process;
use service_kit::metrics::Seconds;

#[derive(Debug, Default)]
pub struct FeedMetrics {
    pub age: Seconds,
    pub logins: Gauge,
}

impl FeedMetrics {
    pub fn register(process: &Process) -> Self {
        let metrics = Self::default();
        let m = &process.metrics;
        m.register(
            "undulator_revoked_logins_age_seconds",
            "Time since auth last answered which logins have ended",
            metrics.age.clone(),
        );
        m.register("undulator_revoked_logins", "Ended logins whose tokens are refused", metrics.logins.clone());
        metrics
    }
}
