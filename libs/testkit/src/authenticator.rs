//! An authenticator plugin that believes everybody.

use actix_web::web::Form;
use serde_json::{Value, json};
use service_kit::{Listener, Mount, Problem, Running, ServiceDef};

use crate::fake_errors::FAKE_ICAT_ERRORS;

/// `simple`: whoever says a name is that user, such as `simple/alice`.
pub const AUTHENTICATOR: ServiceDef = ServiceDef {
    name: "authenticator",
    build: |_| {
        let authenticate = async |form: Form<Vec<(String, String)>>| {
            let asked: Value = serde_json::from_str(&form.0[0].1).map_err(Problem::internal)?;
            let name = asked["credentials"][0]["username"].as_str().unwrap_or_default().to_owned();
            Ok::<_, Problem>(json!({"username": name, "mechanism": "simple"}).to_string())
        };
        let mount = Mount::new("/authn.simple", Listener::Internal, FAKE_ICAT_ERRORS)
            .get("/description", async || r#"{"keys":[{"name":"username"},{"name":"password","hide":true}]}"#)
            .post("/authenticate", authenticate);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], workers: Vec::new() })))
    },
    ..ServiceDef::EMPTY
};
