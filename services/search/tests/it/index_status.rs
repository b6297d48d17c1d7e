//! How far the scans of the catalogue are.

use search::store::catalogue_scans::request_scans;
use serde_json::{Value, json};
use testkit::wait_until;

use crate::facility::Facility;

impl Facility {
    async fn read_index_status(&self, session: &str) -> (u16, Value) {
        let request = self.app.http.get(format!("{}/search/v1/index", self.app.public));
        let response = request.bearer_auth(session).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn count_rows(&self, metric: &str) -> Option<f64> {
        self.app.metric(&format!("undulator_search_{metric}{{entity=\"Datafile\"}}")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_how_far_scans_are() {
    for facility in Facility::start_all().await {
        facility.wait_until_indexed().await;
        let request = async |tx: &mut service_kit::Tx| request_scans(tx, &["Datafile"]).await;
        facility.app.db("search").write(request).await.unwrap();
        let (status, wanted) = facility.read_index_status(&facility.root).await;
        assert_eq!(status, 200, "{wanted}");
        let report = wait_until("all datafiles were scanned", async || {
            let (_, answer) = facility.read_index_status(&facility.root).await;
            let scan = answer["scans"].as_array()?.iter().find(|scan| scan["entity"] == "Datafile")?;
            assert!(scan["rowsRead"].as_i64().unwrap() <= 18, "{scan}");
            (scan["state"] == "done" && scan["rowsRead"] == 18).then(|| answer.clone())
        })
        .await;
        let scan = report["scans"].as_array().unwrap().iter().find(|scan| scan["entity"] == "Datafile").unwrap();
        assert_eq!(scan["rowsExpected"], 18);
        assert!(scan["finishedAt"].as_str().unwrap() >= scan["startedAt"].as_str().unwrap(), "{scan}");
        assert_eq!((scan.get("rowsPerSecond"), scan.get("remainingSeconds")), (None, None));
        assert_eq!((&report["waitingRows"], &report["rejectedDocuments"]), (&json!(0), &json!(0)));

        wait_until("the metrics show the scan", async || {
            let (read, expected) =
                (facility.count_rows("scanned_rows").await?, facility.count_rows("rows_to_scan").await?);
            assert!(read <= expected, "{read} {expected}");
            (read > 17.5).then_some(())
        })
        .await;

        let (status, answer) = facility.read_index_status(&facility.log_in("alice").await).await;
        assert_eq!(status, 403, "{answer}");
        assert_eq!(facility.read_index_status("").await.0, 401);
        facility.app.stop().await;
    }
}
