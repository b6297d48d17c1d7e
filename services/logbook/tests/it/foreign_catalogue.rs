//! A logbook beside a catalogue that publishes no events: what changes there is found by polling.

use serde_json::{Value, json};
use testkit::{TestApp, list_backends, wait_until};

use super::facility::{EMBARGO, Facility, SETTINGS};

/// Facilities with a second logbook each, which polls the catalogue.
async fn start_logbooks() -> Vec<(Facility, TestApp)> {
    let mut all = Vec::new();
    for (backend, facility) in list_backends().iter().zip(Box::pin(Facility::start_all()).await) {
        let icat = format!("url = \"{}\"\nchanges = \"poll\"\npoll_interval = \"20ms\"", facility.app.public);
        let settings = SETTINGS.replace("url = \"self\"", &icat);
        let logbook = Box::pin(TestApp::start_on(backend, &[logbook::SERVICE], &settings)).await;
        wait_until("the first poll has ended", async || {
            logbook.metric("undulator_catalogue_comparison_timestamp_seconds{entity=\"UserGroup\"}").await
        })
        .await;
        all.push((facility, logbook));
    }
    all
}

#[tokio::test]
async fn a_granted_permission_counts_as_soon_as_a_poll_finds_it() {
    for (facility, logbook) in start_logbooks().await {
        let dan = facility.log_in("dan").await;
        let url = format!("{}/logbook/{dan}/event?investigationId={EMBARGO}", logbook.public);
        let read = async || logbook.http.get(&url).send().await.unwrap().status().as_u16();
        assert_eq!(read().await, 403);
        facility.app.clock.advance_seconds(1);
        facility
            .create_entities(&json!([{"InvestigationUser": {"investigation": {"id": EMBARGO}, "user": {"id": 5},
                "role": "Investigator"}}]))
            .await;
        assert_eq!(read().await, 403, "the control: the decision is cached");
        logbook.clock.advance_seconds(1);
        wait_until("the decision is forgotten", async || (read().await == 200).then_some(())).await;
        logbook.stop().await;
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn an_entry_is_assigned_as_soon_as_a_poll_finds_its_investigation() {
    for (facility, logbook) in start_logbooks().await {
        let entry = json!({"type": "notification", "category": "info", "content": []});
        let path = "/dataacquisition/program/notification?investigationName=ZZ-777&instrumentName=BL07";
        let answer = logbook.http.post(format!("{}{path}", logbook.public)).json(&entry).send().await.unwrap();
        let waiting: Value = answer.json().await.unwrap();
        assert_eq!(waiting["investigationId"], json!(null));

        facility.app.clock.advance_seconds(1);
        let id = facility
            .create_entities(&json!([{"Investigation": {"name": "ZZ-777", "visitId": "1", "title": "t",
                "facility": {"id": 7}, "type": {"id": 8}, "startDate": "2026-01-11T08:00:00Z",
                "releaseDate": "2029-01-10T08:00:00Z"}}]))
            .await[0];
        facility
            .create_entities(
                &json!([{"InvestigationInstrument": {"investigation": {"id": id}, "instrument": {"id": 9}}}]),
            )
            .await;
        logbook.clock.advance_seconds(1);
        // Sooner than the interval of the worker.
        let assigned = wait_until("the entry is assigned", async || {
            let sql = "SELECT b.name FROM entry e JOIN book b ON b.id = e.book_id WHERE e.id = $1";
            let id = waiting["_id"].as_str().unwrap();
            let row = logbook.db("logbook").read().await.unwrap().fetch_one(sql, &[id.into()]).await.unwrap();
            row.get::<String>("name").ok().filter(|name| name.starts_with("investigation/"))
        })
        .await;
        assert_eq!(assigned, format!("investigation/{id}"));
        let series = "undulator_catalogue_changes_total{entity=\"Investigation\"}";
        assert_eq!(logbook.metric(series).await, Some(1.0));
        logbook.stop().await;
        facility.app.stop().await;
    }
}
