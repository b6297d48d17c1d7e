//! Limits count what users ask for, not what the services of the process then ask each other.

use serde_json::json;

use super::facility::{Facility, SETTINGS};

#[tokio::test]
async fn a_process_with_room_for_one_request_asks_its_own_catalogue_beside_it() {
    for f in Facility::all_with(&format!("{SETTINGS}\n[http.limits]\nconcurrency = 1\n")).await {
        let alice = f.log_in("alice").await;
        // Who she is and what she may read comes from the catalogue of the same process.
        assert_eq!(
            f.expect_success("GET", &format!("/logbook/{alice}/event?investigationId=20"), None).await,
            json!([])
        );
        f.app.stop().await;
    }
}
