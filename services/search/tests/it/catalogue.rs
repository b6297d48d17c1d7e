//! The index follows the catalogue: all rows at the start, and every change afterwards.

use serde_json::json;
use testkit::wait_until;

use crate::engine::find_opensearch;
use crate::facility::Facility;

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_exist_and_rows_that_change_are_searchable() {
    for mut facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({"text": "scan_1.nxs"}), 6).await;
        facility.wait_for_rows("dataset", json!({"text": "d1"}), 3).await;
        facility.wait_for_rows("investigation", json!({"text": "lysozyme"}), 3).await;

        // Values of related rows, and those that icat.server derives.
        let fields = [
            "id",
            "name",
            "fileSize",
            "fileCount",
            "date",
            "dataset.name",
            "investigation.name",
            "sample.name",
            "datafileFormat.name",
            "visitId",
            "InvestigationInstrument instrument.name",
        ];
        let body = json!({"query": {"text": "location:\"/data/embargo/d0\""}, "fields": fields});
        facility.wait_for_rows("datafile", body["query"].clone(), 3).await;
        let found = &facility.search_index("datafile", &body).await[1];
        assert_eq!(found["id"], facility.ids["embargo/d0/scan_1.nxs"]);
        assert!(found["date"].is_i64(), "{found}");
        for (field, value) in [
            ("name", json!("scan_1.nxs")),
            ("fileSize", json!(10)),
            ("fileCount", json!(1)),
            ("dataset.name", json!("d0")),
            ("investigation.name", json!("embargo")),
            ("sample.name", json!("crystal embargo")),
            ("datafileFormat.name", json!("NeXus")),
            ("visitId", json!("1")),
            ("investigationinstrument", json!([{"instrument.name": "BL07"}])),
        ] {
            assert_eq!(found[field], value, "{field} of {found}");
        }

        // A new row, a changed one, and a deleted one.
        let file =
            json!({"name": "late.nxs", "location": "/data/late.nxs", "dataset": {"id": facility.ids["other/d0"]}});
        let id = facility.create_row("late", "Datafile", file).await;
        facility.wait_for_rows("datafile", json!({"text": "late.nxs"}), 1).await;
        facility.write_entities(&json!([{"Datafile": {"id": id, "name": "renamed.nxs"}}])).await;
        facility.wait_for_rows("datafile", json!({"text": "renamed.nxs"}), 1).await;
        facility.wait_for_rows("datafile", json!({"text": "name:late.nxs"}), 0).await;
        facility.delete("late", "Datafile").await;
        facility.wait_for_rows("datafile", json!({"text": "renamed.nxs"}), 0).await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_moved_dataset_move_with_it() {
    for facility in Facility::start_all().await {
        let of = |name: &str| json!({"text": format!("investigation.id:{}", facility.ids[name])});
        facility.wait_for_rows("datafile", of("embargo"), 6).await;
        let dataset = json!({"id": facility.ids["embargo/d0"], "name": "moved", "investigation": {"id": facility.ids["other"]},
            "sample": {"id": facility.ids["other/sample"]}});
        facility.write_entities(&json!([{"Dataset": dataset}])).await;
        facility.wait_for_rows("datafile", of("other"), 9).await;
        facility.wait_for_rows("datafile", of("embargo"), 3).await;
        facility.wait_for_rows("datafile", json!({"text": "sample.name:\"crystal other\""}), 9).await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_deleted_is_filled_again() {
    if find_opensearch().is_some() {
        // It has no directory; its own tests delete the indices.
        return;
    }
    for facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let directory = facility.app.data_dir().join("search");
        let app = Box::pin(facility.app.restart_after(async || std::fs::remove_dir_all(&directory).unwrap())).await;
        let facility = Facility { app, ..facility };
        facility.wait_for_rows("datafile", json!({}), 18).await;
        facility.wait_for_rows("investigation", json!({"text": "lysozyme"}), 3).await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_the_search_is_down_is_searchable_afterwards() {
    for facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let scans = count_finished_scans(&facility).await;
        let app = Box::pin(facility.app.restart()).await;
        let mut facility = Facility { app, ..facility };
        let file = json!({"name": "late.nxs", "dataset": {"id": facility.ids["other/d0"]}});
        facility.create_row("late", "Datafile", file).await;
        facility.wait_for_rows("datafile", json!({}), 19).await;
        assert_eq!(count_finished_scans(&facility).await, scans, "a restart is no reason to read all rows again");
        facility.app.stop().await;
    }
}

/// The moments at which scans ended.
async fn count_finished_scans(facility: &Facility) -> Vec<(String, i64)> {
    wait_until("all scans are done", async || {
        let mut tx = facility.app.db("search").read().await.unwrap();
        let sql = "SELECT entity, state, generation FROM catalogue_scan ORDER BY entity";
        let rows = tx.fetch_all(sql, &[]).await.unwrap();
        let is_done = |row: &service_kit::Row| row.get::<String>("state").unwrap() == "done";
        let scans = rows.iter().map(|row| (row.get("entity").unwrap(), row.get("generation").unwrap()));
        rows.iter().all(is_done).then(|| scans.collect())
    })
    .await
}
