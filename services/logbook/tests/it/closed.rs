//! What a released investigation's logbook holds stays as it is, whichever way somebody comes to it; and nothing goes where
//! nobody finds it.

use serde_json::{Value, json};

use super::facility::{Facility, RELEASED, SETTINGS};
use super::institute::{Institute, Place};

/// An entry as its logbook shows it, without the date of its addresses.
async fn get_entry_of_role(institute: &Institute, role: &str, place: &Place) -> Value {
    let path = format!("/logbook/{}/event?{}&limit=1000", institute.credentials["administrator"], place.selector);
    let entries: Vec<Value> = serde_json::from_slice(&institute.send_request("GET", &path, None).await.bytes).unwrap();
    let id = institute.entry_of(role, place);
    entries.into_iter().find(|entry| entry["_id"] == id.as_str()).unwrap_or_default()
}

#[tokio::test]
async fn entries_of_a_released_investigation_are_not_changed_by_way_of_its_instrument() {
    for institute in Institute::start_all().await {
        let released = &institute.places[3];
        let mut changed = Vec::new();
        for role in ["scientist", "administrator", "key-all"] {
            let c = &institute.credentials[role];
            let before = get_entry_of_role(&institute, role, released).await;
            assert_eq!((before["removed"].as_bool(), &before["tag"]), (Some(false), &json!([])), "{before}");
            let id = institute.entry_of(role, released);
            let search = format!("for%20{role}.");
            let retag = json!({"eventIds": [id], "tags": [{"name": "later"}]});
            let ways = [
                ("PATCH", format!("/logbook/{c}/events?instrumentName=BL07"), Some(&retag)),
                ("PUT", format!("/logbook/{c}/event/remove?instrumentName=BL07&search={search}"), None),
            ];
            for (method, path, body) in ways {
                let answer = institute.send_request(method, &path, body).await;
                if get_entry_of_role(&institute, role, released).await != before {
                    changed.push(format!("{role}: {method} {path} {} changed it", answer.status));
                }
            }
        }
        assert!(changed.is_empty(), "\n{}", changed.join("\n"));
        institute.f.app.stop().await;
    }
}

#[tokio::test]
async fn nothing_is_moved_to_an_investigation_that_is_not_there() {
    for institute in Institute::start_all().await {
        let during = &institute.places[1];
        let source = during.investigation.unwrap();
        let path = format!(
            "/dataacquisition/key-write/events/move?sourceInvestigationId={source}&destinationInvestigationId=999999"
        );
        let answer = institute.send_request("POST", &path, None).await;
        let left = get_entry_of_role(&institute, "member", during).await;
        assert_eq!(answer.status, 400, "{}", answer.to_text());
        assert!(!left.is_null(), "the entries are still where people find them");
        institute.f.app.stop().await;
    }
}

#[tokio::test]
async fn people_write_no_notifications_and_no_broadcasts_by_way_of_a_change() {
    for institute in Institute::start_all().await {
        let during = &institute.places[1];
        let c = &institute.credentials["member"];
        let id = institute.entry_of("member", during);
        let mut taken = Vec::new();
        for kind in ["notification", "broadcast"] {
            let event = json!({"event": {"_id": id, "type": kind, "category": "error", "content": []}});
            let path = format!("/logbook/{c}/event?{}", during.selector);
            let answer = institute.send_request("PUT", &path, Some(&event)).await;
            if answer.status == 200 {
                taken.push(format!("PUT {path} {event}: {}", answer.to_text()));
            }
        }
        assert!(taken.is_empty(), "\n{}", taken.join("\n"));
        institute.f.app.stop().await;
    }
}

#[tokio::test]
async fn a_logbook_is_closed_also_where_no_reader_account_can_say_so() {
    let settings = SETTINGS.replace("reader = \"simple:root:x\"\n", "");
    assert_ne!(settings, SETTINGS);
    let mut wrong = Vec::new();
    for f in Facility::all_with(&settings).await {
        let entry = json!({"type": "annotation", "category": "comment", "content": []});
        for person in ["alice", "carol", "admin"] {
            let session = f.log_in(person).await;
            let path = format!("/logbook/{session}/event?investigationId={RELEASED}");
            let (status, text) = f.send_json("POST", &path, Some(&entry)).await;
            if status != 422 {
                wrong.push(format!("{person}: POST {path}: {status} {text}"));
            }
        }
        let message = json!({"type": "notification", "category": "info", "content": []});
        let path = format!("/dataacquisition/program/notification?investigationId={RELEASED}&instrumentName=BL07");
        let stored = f.expect_success("POST", &path, Some(&message)).await;
        if !stored["investigationId"].is_null() {
            wrong.push(format!("program: POST {path}: {stored}"));
        }
        f.app.stop().await;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
