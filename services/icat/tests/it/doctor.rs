//! The checks of `doctor` on a catalogue whose database is already open.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Clock, DoctorCtx, Endpoints, Process};
use testkit::{TestApp, list_backends};

use crate::rest_client::AUTHENTICATOR;

#[tokio::test]
async fn rules_are_read_from_the_database_that_is_open() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], "").await;
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let ctx = |databases| DoctorCtx {
            config: app.config.clone(),
            http: service_kit::command_client("", Duration::from_secs(10)).unwrap(),
            clock: Arc::clone(&app.clock) as Arc<dyn Clock>,
            process: Process::default(),
            databases,
            endpoints: Endpoints { public: nowhere, internal: nowhere },
            is_running: true,
            foreign_server: None,
        };
        let findings = icat::doctor::check_stored_rules(ctx(vec![("icat", app.db("icat").clone())])).await;
        assert_eq!(findings.len(), 1);
        assert!(findings[0].says.contains("no rule lets anybody read"), "{findings:?}");
        assert!(
            icat::doctor::check_stored_rules(ctx(Vec::new())).await.is_empty(),
            "what is not open is reported elsewhere"
        );
        app.stop().await;
    }
}
