//! Careless requests harm only themselves.

use serde_json::json;

use super::facility::{EMBARGO, Facility, SETTINGS};

#[tokio::test]
async fn nul_is_refused_wherever_something_is_looked_for() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        for parameter in ["search", "tags", "orTags", "notTags", "types"] {
            for path in ["event", "event/count", "event/dates", "events/stream"] {
                let path = format!("/logbook/{s}/{path}?investigationId={EMBARGO}&{parameter}=a%00b");
                let (status, text) = f.send_json("GET", &path, None).await;
                assert!(status == 400 && text.contains(parameter), "{path}: {status} {text}");
            }
            let path = format!("/logbook/{s}/event/remove?investigationId={EMBARGO}&{parameter}=a%00b");
            assert_eq!(f.send_json("PUT", &path, None).await.0, 400, "{path}");
        }
        f.app.stop().await;
    }
}

#[tokio::test]
async fn uploads_that_fall_silent_give_their_places_back() {
    const PLACES: usize = 4;
    let settings = format!("{SETTINGS}\n[http]\nidle_timeout = \"1s\"\n[http.limits]\nconcurrency = {PLACES}\n");
    for f in Facility::all_with(&settings).await {
        let (alice, admin) = (f.log_in("alice").await, f.log_in("admin").await);
        let place = format!("investigationId={EMBARGO}");
        for n in 0..2 * PLACES {
            let (kind, path) = match n % 2 {
                0 => ("multipart/form-data; boundary=b", format!("/resource/{alice}/file/upload?{place}")),
                _ => ("application/vnd.eln+zip", format!("/logbook/{admin}/import?{place}")),
            };
            let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
            // More than the server waits for before it gives a place.
            let answer = f.send_stalled("POST", &path, kind, &format!("{part}{}", "x".repeat(200_000))).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        }
        assert_eq!(f.send_json("GET", &format!("/logbook/{alice}/event?{place}"), None).await, (200, "[]".to_owned()));
        f.app.stop().await;
    }
}

/// Longer than an index of `PostgreSQL` takes, however they come.
#[tokio::test]
async fn names_that_no_index_takes_are_refused_and_say_the_limit() {
    for f in Facility::start_all().await {
        let s = f.log_in("admin").await;
        let (long, tag) = ("B".repeat(3_000), "t".repeat(3_000));
        let entry = |more: serde_json::Value| {
            let mut entry = json!({"type": "annotation", "category": "comment", "content": []});
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        let instrument = entry(json!({"instrumentName": long}));
        let tagged = entry(json!({"tag": [{"name": tag}]}));
        let folded = entry(json!({"tag": [{"name": "\u{fdfa}".repeat(199)}]}));
        let plain = entry(json!({}));
        let named = json!({"name": tag});
        let cases = [
            ("POST", format!("/logbook/{s}/event"), Some(&instrument), "255 characters"),
            ("POST", format!("/logbook/{s}/event?investigationId={EMBARGO}"), Some(&instrument), "255 characters"),
            ("POST", format!("/logbook/{s}/event?investigationId={EMBARGO}"), Some(&tagged), "200 characters"),
            ("POST", format!("/logbook/{s}/event?investigationId={EMBARGO}"), Some(&folded), "1200 bytes"),
            (
                "POST",
                format!("/dataacquisition/program/notification?instrumentName={long}"),
                Some(&plain),
                "255 characters",
            ),
            ("POST", "/dataacquisition/program/notification".to_owned(), Some(&instrument), "255 characters"),
            (
                "POST",
                format!("/logbook/program/investigation/name/ZZ-123/instrument/name/{long}/event"),
                Some(&plain),
                "255 characters",
            ),
            ("POST", format!("/logbook/{s}/tag?investigationId={EMBARGO}"), Some(&named), "200 characters"),
            ("POST", format!("/logbook/{s}/tag?instrumentName={long}"), Some(&named), "characters"),
            ("GET", format!("/logbook/{s}/event?instrumentName={long}"), None, "255 characters"),
            (
                "PUT",
                format!("/messages/{s}/information"),
                Some(&json!({"type": tag, "message": "m"})),
                "200 characters",
            ),
        ];
        for (method, path, body, limit) in cases {
            let (status, text) = f.send_json(method, &path, body).await;
            assert!(status == 400 && text.contains(limit), "{method} {path:.80}: {status} {text:.200}");
        }
        let longest = entry(json!({"tag": [{"name": "光".repeat(200)}]}));
        f.expect_success("POST", &format!("/logbook/{s}/event?investigationId={EMBARGO}"), Some(&longest)).await;
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_tag_may_have_a_comma() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = format!("/logbook/{s}/event?investigationId={EMBARGO}");
        let new = |tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|name| json!({"name": name})).collect();
            json!({"type": "annotation", "category": "comment", "tag": tags, "content": []})
        };
        let both = f.expect_success("POST", &path, Some(&new(&["slits, front", "beam"]))).await;
        f.expect_success("POST", &path, Some(&new(&["slits"]))).await;
        f.expect_success("POST", &path, Some(&new(&["front"]))).await;
        f.expect_success(
            "POST",
            &format!("/logbook/{s}/tag?investigationId={EMBARGO}"),
            Some(&json!({"name": "a, b"})),
        )
        .await;
        for (filter, expected) in [
            ("tags=%22slits%2C%20front%22", 1),
            ("tags=beam,%22Slits%2C+front%22", 1),
            ("orTags=slits,front", 2),
            ("notTags=%22slits%2C%20front%22", 2),
        ] {
            let found = f.expect_success("GET", &format!("{path}&{filter}"), None).await;
            assert_eq!(found.as_array().unwrap().len(), expected, "{filter}");
        }
        let retag = json!({"eventIds": [both["_id"]], "tags": [{"name": "x, y"}]});
        let retagged =
            f.expect_success("PATCH", &format!("/logbook/{s}/events?investigationId={EMBARGO}"), Some(&retag)).await;
        assert_eq!(retagged[0]["tag"], json!([{"name": "x, y"}]));
        f.app.stop().await;
    }
}

#[tokio::test]
async fn what_people_write_for_everybody_stays_with_everybody_and_can_be_changed() {
    for f in Facility::start_all().await {
        let s = f.log_in("admin").await;
        let content = json!([{"format": "plainText", "text": "for all"}]);
        let new = json!({"type": "annotation", "category": "comment", "investigationName": "ZZ-9", "content": content});
        let made = f.expect_success("POST", &format!("/logbook/{s}/event"), Some(&new)).await;
        let event =
            json!({"_id": made["_id"], "type": "annotation", "category": "comment", "title": "t", "content": content});
        let changed = f.expect_success("PUT", &format!("/logbook/{s}/event"), Some(&json!({"event": event}))).await;
        assert_eq!((&changed["title"], &changed["investigationName"]), (&json!("t"), &json!(null)));
        f.app.stop().await;
    }
}
