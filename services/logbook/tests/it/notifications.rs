//! Other services' events as entries, where settings say so.

use serde_json::json;
use testkit::wait_until;

use super::facility::{Facility, SETTINGS};

const RULES: &str = r#"
[[logbook.notifications]]
name = "samples"
subject = "undulator.v1.icat.entity.changed"
text = "{% if entity == 'Sample' %}{{ ids | length }} samples, by {{ actor }}{% endif %}"
instrument = "BL07"

[[logbook.notifications]]
name = "datasets"
subject = "undulator.v1.icat.entity.changed"
text = "{% if entity == 'Dataset' %}dataset {{ ids[0] }}{% endif %}"
investigation = "20"
"#;

#[tokio::test]
async fn events_become_entries_where_a_template_has_something_to_say() {
    for f in Facility::all_with(&format!("{SETTINGS}{RULES}")).await {
        let ids = f.create_entities(&json!([{"DatasetType": {"name": "raw", "facility": {"id": 7}}}])).await;
        let dataset = json!([{"Dataset": {"name": "scan", "investigation": {"id": 20}, "type": {"id": ids[0]}, "complete": true}}]);
        let dataset = f.create_entities(&dataset).await[0];
        f.create_entities(&json!([{"Sample": {"name": "a", "investigation": {"id": 20}}}, {"Sample": {"name": "b", "investigation": {"id": 20}}}])).await;
        let (alice, carol) = (f.log_in("alice").await, f.log_in("carol").await);
        let texts = async |session: &str, query: &str| -> Vec<String> {
            let entries = f.expect_success("GET", &format!("/logbook/{session}/event?{query}"), None).await;
            let text = |entry: &serde_json::Value| entry["content"][0]["text"].as_str().unwrap().to_owned();
            entries.as_array().unwrap().iter().map(text).collect()
        };
        let of_instrument = wait_until("the samples are told of", async || {
            let found = texts(&carol, "instrumentName=BL07&filterInvestigation=true").await;
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(of_instrument, ["2 samples, by simple/root"]);
        let of_investigation = wait_until("the dataset is told of", async || {
            let found = texts(&alice, "investigationId=20").await;
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(of_investigation, [format!("dataset {dataset}")]);
        f.app.stop().await;
    }
}
