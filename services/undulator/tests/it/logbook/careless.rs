//! Careless requests harm only themselves.

use serde_json::json;

use super::facility::{EMBARGO, Facility, SETTINGS};

#[tokio::test]
async fn nul_is_refused_wherever_something_is_looked_for() {
    for f in Facility::all().await {
        let s = f.login("alice").await;
        for parameter in ["search", "tags", "orTags", "notTags", "types"] {
            for path in ["event", "event/count", "event/dates", "events/stream"] {
                let path = format!("/logbook/{s}/{path}?investigationId={EMBARGO}&{parameter}=a%00b");
                let (status, text) = f.ask("GET", &path, None).await;
                assert!(status == 400 && text.contains(parameter), "{path}: {status} {text}");
            }
            let path = format!("/logbook/{s}/event/remove?investigationId={EMBARGO}&{parameter}=a%00b");
            assert_eq!(f.ask("PUT", &path, None).await.0, 400, "{path}");
        }
        f.app.stop().await;
    }
}

#[tokio::test]
async fn uploads_that_fall_silent_give_their_places_back() {
    const PLACES: usize = 4;
    let settings = format!("{SETTINGS}\n[http]\nidle_timeout = \"1s\"\n[http.limits]\nconcurrency = {PLACES}\n");
    for f in Facility::all_with(&settings).await {
        let (alice, admin) = (f.login("alice").await, f.login("admin").await);
        let place = format!("investigationId={EMBARGO}");
        for n in 0..2 * PLACES {
            let (kind, path) = match n % 2 {
                0 => ("multipart/form-data; boundary=b", format!("/resource/{alice}/file/upload?{place}")),
                _ => ("application/vnd.eln+zip", format!("/logbook/{admin}/import?{place}")),
            };
            let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
            // More than the server waits for before it gives a place.
            let answer = f.silent("POST", &path, kind, &format!("{part}{}", "x".repeat(200_000))).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        }
        assert_eq!(f.ask("GET", &format!("/logbook/{alice}/event?{place}"), None).await, (200, "[]".to_owned()));
        f.app.stop().await;
    }
}

#[tokio::test]
async fn what_people_write_for_everybody_stays_with_everybody_and_can_be_changed() {
    for f in Facility::all().await {
        let s = f.login("admin").await;
        let content = json!([{"format": "plainText", "text": "for all"}]);
        let new = json!({"type": "annotation", "category": "comment", "investigationName": "ZZ-9", "content": content});
        let made = f.done("POST", &format!("/logbook/{s}/event"), Some(&new)).await;
        let event =
            json!({"_id": made["_id"], "type": "annotation", "category": "comment", "title": "t", "content": content});
        let changed = f.done("PUT", &format!("/logbook/{s}/event"), Some(&json!({"event": event}))).await;
        assert_eq!((&changed["title"], &changed["investigationName"]), (&json!("t"), &json!(null)));
        f.app.stop().await;
    }
}
