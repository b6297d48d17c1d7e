//! Fields that are offered have values, if the catalogue has any.

use serde_json::{Value, json};

use crate::facility::Facility;

impl Facility {
    /// Adds what the catalogue does not have: types of samples, techniques and parameters.
    async fn add_named_rows(&mut self) {
        let facility = self.ids["facility"];
        let of_facility = |name: &str| json!({"name": name, "facility": {"id": facility}});
        let sample_type = json!({"name": "protein", "molecularFormula": "C", "facility": {"id": facility}});
        let sample_type = self.create_row("protein", "SampleType", sample_type).await;
        let technique = self.create_row("saxs", "Technique", json!({"name": "SAXS", "pid": "PaNET01188"})).await;
        let kind = json!({"name": "temperature", "units": "K", "valueType": "NUMERIC", "applicableToDatafile": true,
            "facility": {"id": facility}});
        self.create_row("temperature", "ParameterType", kind).await;
        self.create_row(
            "other format",
            "DatafileFormat",
            json!({"name": "HDF5", "version": "1", "facility": {"id": facility}}),
        )
        .await;
        self.create_row("other instrument", "Instrument", of_facility("BL09")).await;
        let row = json!({"dataset": {"id": self.ids["embargo/d0"]}, "technique": {"id": technique}});
        self.create_row("dataset technique", "DatasetTechnique", row).await;
        let sample = json!([{"Sample": {"id": self.ids["embargo/sample"], "type": {"id": sample_type}}}]);
        self.write_entities(&sample).await;
    }
}

/// The fields that a refusal lists.
fn list_offered(answer: &Value) -> Vec<String> {
    let detail = answer["detail"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let (_, fields) = detail.split_once("possible are ").unwrap_or_else(|| panic!("{detail}"));
    fields.split(", ").map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_offered_field_has_values() {
    for mut facility in Facility::start_all().await {
        facility.add_named_rows().await;
        facility.wait_until_indexed().await;
        let root = facility.root.clone();
        for (target, expected) in [("datafiles", 7), ("datasets", 7), ("investigations", 6)] {
            let (_, refusal) = facility.post_search(target, &root, &json!({"facets": [{"field": "x"}]})).await;
            let fields = list_offered(&refusal);
            assert!(fields.len() >= expected, "{target}: {fields:?}");
            for field in fields {
                let (status, answer) =
                    facility.post_search(target, &root, &json!({"facets": [{"field": field}]})).await;
                let values = answer["facets"][0]["values"].as_array().unwrap_or_else(|| panic!("{answer}"));
                assert!(status == 200 && !values.is_empty(), "{target} {field}: {answer}");
            }
            let list = async |field: &str| -> Value {
                let url = format!("{}/search/v1/values?target={target}&field={field}", facility.app.public);
                facility.app.http.get(url).bearer_auth(&root).send().await.unwrap().json().await.unwrap()
            };
            for field in list_offered(&list("x").await) {
                let answer = list(&field).await;
                assert!(!answer["values"].as_array().unwrap().is_empty(), "{target} {field}: {answer}");
            }
        }
        facility.app.stop().await;
    }
}
