//! `undulator search`: the program asks for scans, and a running server runs them.

use search::domain::change_request::RejectedDocument;
use search::store::rejected_documents::{count_rejected_documents, create_rejected_documents};
use serde_json::{Value, json};
use service_kit::Micros;
use testkit::{Backend, wait_until};

use crate::search_facility::{FILES, Facility, OTHER_FILES, run_prepared};

impl Facility {
    async fn read_status(&self) -> Value {
        self.run_command(&["search", "status", "--json"], 0).await.parse_json()
    }

    /// Sets documents aside, as if the service could not index them.
    async fn reject_documents(&self, ids: &[i64]) {
        let document = |id: &i64| RejectedDocument {
            entity: "Datafile".to_owned(),
            entity_id: *id,
            reason: "the field name must be a text, but is a number".to_owned(),
            document: json!({"id": id, "name": 7}).to_string(),
        };
        let documents: Vec<RejectedDocument> = ids.iter().map(document).collect();
        let now = Micros::from_i64(1_000_000);
        let db = self.app.db("search");
        db.write(async |tx| create_rejected_documents(tx, &documents, now).await).await.unwrap();
    }

    async fn wait_for_rejected_documents(&self, expected: i64) {
        wait_until(&format!("{expected} documents are rejected"), async || {
            let mut tx = self.app.db("search").read().await.unwrap();
            (count_rejected_documents(&mut tx).await.unwrap() == expected).then_some(())
        })
        .await;
    }
}

fn find_scan<'a>(status: &'a Value, entity: &str) -> &'a Value {
    status["scans"].as_array().unwrap().iter().find(|scan| scan["entity"] == entity).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_are_read_again_by_the_running_server() {
    for facility in Facility::start_all().await {
        let before = facility.read_status().await;
        let scan = find_scan(&before, "Datafile");
        assert_eq!((&scan["state"], &before["rejected_documents"]), (&json!("done"), &json!(0)), "{before}");
        facility.reject_documents(&[facility.first_file]).await;

        let indexed =
            facility.run_command(&["search", "reindex", "datafile", "Instrument", "--wait", "--json"], 0).await;
        assert_eq!(indexed.parse_json(), json!({"entities": ["Instrument", "Datafile"], "is_indexed": true}));
        for line in ["Instrument: 1 of 1", "Datafile: 1110 of 1110"] {
            assert!(indexed.errors.contains(line), "{line}: {}", indexed.errors);
        }
        let after = facility.read_status().await;
        let scan = find_scan(&after, "Datafile");
        assert_eq!((&scan["state"], &scan["rows_read"]), (&json!("done"), &json!(FILES + OTHER_FILES)), "{after}");
        assert_eq!(after["rejected_documents"], 0, "all rows were read since");
        assert_eq!((&after["waiting_rows"], &after["waiting_batches"]), (&json!(0), &json!(0)), "{after}");
        let text = facility.run_command(&["search", "status"], 0).await.output;
        assert!(text.contains("Datafile                   done     1110 rows, read until 2026-"), "{text}");

        let all = facility.run_command(&["search", "reindex", "--json"], 0).await.parse_json();
        assert_eq!(all["is_indexed"], false);
        assert!(all["entities"].as_array().unwrap().len() > 20, "{all}");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_documents_are_listed_and_read_again() {
    for facility in Facility::start_all().await {
        facility.reject_documents(&[facility.first_file, 0]).await;
        let listed = facility.run_command(&["search", "status", "--rejected"], 0).await.output;
        let line = format!("  Datafile {}: the field name must be a text, but is a number", facility.first_file);
        assert!(listed.contains("rejected documents: 2") && listed.contains(&line), "{listed}");
        let status = facility.run_command(&["search", "status", "--rejected", "--json"], 0).await.parse_json();
        assert_eq!(status["rejected"][1]["document"], r#"{"id":0,"name":7}"#);
        assert_eq!(status["rejected"][1]["rejected_at"], "1970-01-01T00:00:01Z");

        let retried = facility.run_command(&["search", "retry-rejected", "--json"], 0).await.parse_json();
        assert_eq!(retried, json!({"retried": 1, "kept": 1}), "no row is known of the other");
        facility.wait_for_rejected_documents(1).await;
        wait_until("the row was read again", async || {
            (facility.read_status().await["waiting_rows"] == 0).then_some(())
        })
        .await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_is_no_longer_rejected() {
    let facility = Facility::start(&Backend::Sqlite).await;
    facility.reject_documents(&[facility.first_file]).await;
    facility.rename_first_file("renamed.nxs").await;
    facility.wait_for_rejected_documents(0).await;
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_again_is_refused() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let unknown = facility.run_command(&["search", "reindex", "Datafiles"], 2).await;
    assert!(
        unknown.errors.contains("`Datafiles` is not an entity") && unknown.errors.contains(", Datafile"),
        "{}",
        unknown.errors
    );
    for arguments in [&["search", "reindex"][..], &["search", "retry-rejected"]] {
        let mut command = facility.prepare_command(arguments);
        command.env("UNDULATOR_SEARCH__SOURCE", "icat-server");
        let refused = run_prepared(command, 1).await.errors;
        assert!(
            refused.contains("search.source is \"icat-server\"") && refused.contains("an icat.server"),
            "{refused}"
        );
        let mut command = facility.prepare_command(arguments);
        command.env("UNDULATOR_ICAT__URL", "https://icat.example.org").env_remove("UNDULATOR_ICAT__READER");
        let refused = run_prepared(command, 1).await.errors;
        assert!(refused.contains("search.source is \"auto\""), "{refused}");
    }
    let mut command = facility.prepare_command(&["search", "status"]);
    command.env("UNDULATOR_SEARCH__SOURCE", "icat-server");
    assert!(run_prepared(command, 0).await.output.contains("rejected documents: 0"));
    facility.app.stop().await;
}
