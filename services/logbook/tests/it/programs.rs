//! What programs write with their keys.

use events::messages::logbook::EntryChanged;
use serde_json::json;

use super::facility::{EMBARGO, Facility, OTHER};

const KEY: &str = "program";

#[tokio::test]
async fn entries_of_programs_are_bound_by_time_or_wait() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let send = async |query: &str, category: &str| {
            let entry = json!({"type": "notification", "category": category, "tag": [{"name": "optics"}],
                "content": [{"format": "plainText", "text": "Shutter closed"}], "creationDate": "2026-01-12T10:00:00.5"});
            f.expect_success("POST", &format!("//dataacquisition/{KEY}/notification?{query}"), Some(&entry)).await
        };
        // A program waits a tenth of a second, and ICAT may take longer at first: then the entry is bound later.
        let bound = testkit::wait_until("ICAT has said in time where an entry belongs", async || {
            let sent = send("investigationName=zz-123&instrumentName=bl07", "commandLine").await;
            (!sent["investigationId"].is_null()).then_some(sent)
        })
        .await;
        assert_eq!(
            (bound["investigationId"].as_i64(), bound["category"].as_str()),
            (Some(EMBARGO), Some("commandline"))
        );
        let by_id =
            send(&format!("investigationId={OTHER}&investigationName=ZZ-124&instrumentName=BL07"), "error").await;
        assert_eq!(by_id["investigationId"], OTHER);
        let late = send("investigationName=ZZ-100&instrumentName=BL07", "info").await;
        assert_eq!(late["investigationId"], json!(null), "released: it stays at the instrument");
        let waiting = send("investigationName=ZZ-999&instrumentName=BL07", "info").await;
        assert_eq!(waiting["investigationId"], json!(null));
        let broadcast = json!({"type": "broadcast", "category": "error", "source": "ebs", "content": []});
        let broadcast =
            f.expect_success("POST", &format!("/dataacquisition/{KEY}/notification"), Some(&broadcast)).await;
        assert_eq!((broadcast["instrumentName"].clone(), broadcast["source"].clone()), (json!(null), json!("ebs")));
        let by_name = json!({"type": "notification", "category": "commandLine", "content": []});
        let path = format!("/logbook/{KEY}/investigation/name/ZZ-123/instrument/name/BL07/event");
        assert_eq!(f.expect_success("POST", &path, Some(&by_name)).await["investigationId"], EMBARGO);
        let file = json!({"base64": "data:text/plain;base64,MTIz", "usernames": "ada,bob"});
        let path = format!("/logbook/{KEY}/investigation/name/ZZ-123/instrument/name/BL07/event/createfrombase64");
        assert_eq!(f.expect_success("POST", &path, Some(&file)).await["username"], "ada,bob");
        let file = json!({"base64": "data:image/png;base64,MTIz", "datasetId": 9001, "software": "s", "machine": "m", "tag": [{"name": "t"}]});
        let made = f
            .expect_success(
                "POST",
                &format!("/dataacquisition/{KEY}/base64?investigationName=ZZ-123&instrumentName=BL07"),
                Some(&file),
            )
            .await;
        assert_eq!(
            (made["contentType"].as_str(), made["fileSize"].as_i64()),
            (Some("application/octet-stream"), Some(3)),
            "what it is, not what it is called"
        );
        let tags =
            f.expect_success("GET", &format!("/logbook/{s}/tag?investigationId=20&instrumentName=BL07"), None).await;
        let names: std::collections::BTreeSet<&str> =
            tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["optics", "t"].into(), "made on the fly, here or at the instrument");

        // The investigation appears, and what was written for it goes there.
        let id = f.create_entities(&json!([{"Investigation": {"name": "ZZ-999", "visitId": "1", "title": "t", "facility": {"id": 7}, "type": {"id": 8},
            "startDate": "2026-01-11T08:00:00Z", "releaseDate": "2029-01-10T08:00:00Z"}}])).await[0];
        f.create_entities(&json!([{"InvestigationInstrument": {"investigation": {"id": id}, "instrument": {"id": 9}}},
            {"InvestigationUser": {"investigation": {"id": id}, "user": {"id": 2}, "role": "PI"}}]))
            .await;
        // The event of the catalogue wakes the worker.
        let path = format!("/logbook/{s}/event?investigationId={id}");
        let found = testkit::wait_until("the entry is where it belongs", async || {
            let found = f.expect_success("GET", &path, None).await;
            (found.as_array().unwrap().len() == 1).then_some(found)
        })
        .await;
        assert_eq!(found[0]["_id"], waiting["_id"], "it keeps its id");

        let moved = f
            .expect_success(
                "POST",
                &format!(
                    "/dataacquisition/{KEY}/events/move?sourceInvestigationId={OTHER}.0&destinationInvestigationId=20"
                ),
                None,
            )
            .await;
        assert_eq!(moved, json!({"n": 1, "nModified": 1, "ok": 1}));
        assert_eq!(
            f.send_json("POST", &format!("/dataacquisition/{s}/notification"), Some(&by_name)).await.0,
            403,
            "people have no key"
        );
        assert_eq!(
            f.send_json("POST", "/dataacquisition/reader/notification", Some(&by_name)).await.0,
            403,
            "nor has a key for reading"
        );
        assert_eq!(f.send_json("POST", "/dataacquisition/wrong/notification", Some(&by_name)).await.0, 401);
        f.app.drain().await;
        let told: Vec<EntryChanged> = f.app.recorded_events().await;
        assert!(
            told.iter().any(|event| event.entry_ids == [waiting["_id"].as_str().unwrap()]
                && event.book == format!("investigation/{id}")),
            "{told:?}"
        );
        f.app.stop().await;
    }
}
