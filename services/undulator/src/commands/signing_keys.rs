//! `undulator auth keys …`: the keys that sign access tokens.

use auth::{KeyRotationError, Rotation, Urgency};
use serde_json::json;
use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Sources};

pub async fn rotate_keys(settings: &Config, compromised: bool, json: bool) -> Result<(), Failure> {
    let urgency = if compromised { Urgency::Compromised } else { Urgency::Planned };
    let rotation = auth::rotate_keys(settings, &Sources::default(), urgency).await.map_err(to_failure)?;
    let (value, sentence) = match &rotation {
        Rotation::Prepared { next, usable_from } => (
            json!({"step": "prepared", "next": next, "usable_from": usable_from.to_string()}),
            format!("created the key {next}; run the command again from {usable_from} on, and it signs"),
        ),
        Rotation::Waiting { next, usable_from } => (
            json!({"step": "waiting", "next": next, "usable_from": usable_from.to_string()}),
            format!("changed nothing: verifiers may not know the key {next} before {usable_from}"),
        ),
        Rotation::Rotated { active, retired, next } => (
            json!({"step": "rotated", "active": active, "retired": retired, "next": next}),
            format!(
                "the key {active} signs from now on, instead of {}; created {next} for the next time",
                retired.join(", ")
            ),
        ),
    };
    print_result(json, &value, &sentence)
}

fn to_failure(e: KeyRotationError) -> Failure {
    match e {
        KeyRotationError::Setup(e) => e.into(),
        other => Failure::from_error(&other),
    }
}
