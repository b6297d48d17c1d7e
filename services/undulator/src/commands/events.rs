//! `undulator events tail|dead|retry`

use events::admin::{self, EventTail};
use events::messages;
use serde_json::json;
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{Clock as _, Config, ServiceDef, SystemClock, has_database, open_database};

use crate::services::SERVICES;

/// Prints events as they are published, until Ctrl-C.
pub async fn print_events(settings: &Config, as_json: bool) -> Result<(), Failure> {
    let mut tail = EventTail::open(&settings.core.events).await.map_err(|e| Failure::from_error(&e))?;
    eprintln!("watching {}", settings.core.events.nats_url);
    loop {
        let event = tokio::select! {
            event = tail.next() => event.map_err(|e| Failure::from_error(&e))?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        let content = messages::describe_event(&event.subject, &event.payload);
        let value = json!({
            "id": event.id,
            "subject": event.subject,
            "source": event.headers.source,
            "time_micros": event.headers.changed_at,
            "content": content,
        });
        let sentence = format!("{} {} {}", event.id, event.subject, content.unwrap_or_default());
        print_result(as_json, &value, &sentence)?;
    }
}

/// Lists the dead letters of all services.
pub async fn list_dead_letters(settings: &Config, as_json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for service in list_running_services(settings).await? {
        let db = open_database(service, settings, &SystemClock).await?;
        let letters = admin::list_dead_letters(&db).await.map_err(|e| Failure::from_error(&e))?;
        db.close().await;
        all.extend(letters.into_iter().map(|letter| json!({"service": service.name, "letter": letter})));
    }
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    let sentence = if lines.is_empty() { "no dead letters".to_owned() } else { lines.join("\n") };
    print_result(as_json, &all, &sentence)
}

/// Retries dead letters.
pub async fn retry_dead_letters(settings: &Config, as_json: bool) -> Result<(), Failure> {
    let mut retried = 0;
    for service in list_running_services(settings).await? {
        let db = open_database(service, settings, &SystemClock).await?;
        retried +=
            admin::retry_dead_letters(&db, SystemClock.now_micros()).await.map_err(|e| Failure::from_error(&e))?;
        db.close().await;
    }
    print_result(
        as_json,
        &json!({"retried": retried}),
        &format!("{} will be tried again", format_count(retried, "dead letter")),
    )
}

/// The services with a database.
async fn list_running_services(settings: &Config) -> Result<Vec<&'static ServiceDef>, Failure> {
    let mut existing = Vec::new();
    for service in SERVICES {
        if has_database(service, settings).await? {
            existing.push(service);
        }
    }
    Ok(existing)
}
