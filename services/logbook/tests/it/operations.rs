//! The operations of people and portals: what was written is read back.

use serde_json::{Value, json};

use super::facility::{EMBARGO, Facility, RELEASED};

/// A PNG of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const KEYS: [&str; 26] = [
    "_id",
    "investigationId",
    "investigationName",
    "instrumentName",
    "datasetId",
    "datasetName",
    "type",
    "tag",
    "title",
    "category",
    "filepath",
    "filename",
    "fileSize",
    "username",
    "content",
    "software",
    "machine",
    "source",
    "creationDate",
    "contentType",
    "file",
    "previousVersionEvent",
    "fullName",
    "createdAt",
    "updatedAt",
    "removed",
];

#[tokio::test]
async fn an_entry_is_written_read_changed_hidden_and_shown_again() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = |rest: &str| format!("/logbook/{s}/event{rest}");
        let new = json!({"type": "annotation", "category": "COMMENT", "title": "Refill", "tag": [{"name": "beam", "color": "red"}, {"name": "Beam"}],
            "content": [{"format": "plainText", "text": "Beam is back"}, {"format": "html", "text": "<p>Beam is <b>back</b></p><script>x</script>"}],
            "creationDate": "2026-01-12T09:14:05.120000+01:00", "software": "s", "machine": "m", "datasetId": 9001, "datasetName": "scan"});
        let made = f.expect_success("POST", &path("?investigationId=20"), Some(&new)).await;
        let keys: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, KEYS);
        let id = made["_id"].as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        for (key, value) in [
            ("category", json!("comment")),
            ("investigationId", json!(EMBARGO)),
            ("investigationName", json!("ZZ-123")),
            ("instrumentName", json!("BL07")),
            ("username", json!("alice")),
            ("fullName", json!("alice Example")),
            ("tag", json!([{"name": "beam"}])),
            ("creationDate", json!("2026-01-12T08:14:05.12Z")),
            ("datasetId", json!(9001)),
            (
                "content",
                json!([{"format": "plainText", "text": "Beam is back"}, {"format": "html", "text": "<p>Beam is <b>back</b></p>"}]),
            ),
            ("previousVersionEvent", Value::Null),
            ("removed", json!(false)),
            ("file", json!([])),
        ] {
            assert_eq!(made[key], value, "{key}");
        }
        assert_eq!(f.expect_success("GET", &path("?investigationId=20"), None).await, json!([made]));

        let changed = json!({"event": {"_id": id, "type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "Beam is gone"}], "tag": []}});
        let second = f.expect_success("PUT", &path("?investigationId=20"), Some(&changed)).await;
        assert_eq!(second["content"][0]["text"], "Beam is gone");
        assert_eq!(second["previousVersionEvent"]["content"][0]["text"], "Beam is back");
        assert_eq!(second["previousVersionEvent"]["previousVersionEvent"], Value::Null);
        assert_eq!(second["username"], "alice");
        let again = f.expect_success("PUT", &path("?investigationId=20"), Some(&changed)).await;
        assert_eq!(again, second, "a repeated PUT makes no version");

        assert_eq!(f.expect_success("GET", &path("/count?investigationId=20"), None).await, json!(1));
        assert_eq!(f.expect_success("GET", &path("/dates?investigationId=20"), None).await, json!(["2026-01-12"]));
        let page = f.expect_success("GET", &path(&format!("/page?_id={id}&investigationId=20&limit=25")), None).await;
        assert_eq!(page, json!({"page": {"total": 1, "totalPages": 1, "currentPage": 1}}));
        assert_eq!(f.expect_success("GET", &path("/page?_id=nothing&investigationId=20"), None).await, json!({}));
        f.app.stop().await;
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        for n in 0..10 {
            let entry = json!({"type": "annotation", "category": if n % 2 == 0 { "comment" } else { "info" },
                "tag": if n < 3 { json!([{"name": "Größe"}, {"name": format!("t{n}")}]) } else { json!([]) },
                "content": [{"format": "plainText", "text": format!("number {n} 100% sure")}],
                "creationDate": format!("2026-01-{:02}T12:00:00Z", 10 + n)});
            f.expect_success("POST", &format!("/logbook/{s}/event?investigationId=20"), Some(&entry)).await;
        }
        let count = async |query: &str| {
            let path = format!("/logbook/{s}/event/count?investigationId=20&{query}");
            f.expect_success("GET", &path, None).await.as_i64().unwrap()
        };
        for (query, expected) in [
            ("", 10),
            ("types=ANNOTATION-COMMENT", 5),
            ("types=annotation-info%2C%20broadcast", 5),
            ("types=annotation", 10),
            ("types=notification", 0),
            ("tags=grosse", 3),
            ("tags=gr%C3%B6%C3%9Fe%2Ct1", 1),
            ("orTags=t0%2Ct2", 2),
            ("notTags=GROSSE", 7),
            ("search=NUMBER%207", 1),
            ("search=100%25", 10),
            ("search=1%25sure", 0),
            ("search=gro%C3%9Fe", 3),
            ("date=2026-01-12", 1),
            ("startTime=2026-01-12T00:00:00&endTime=2026-01-14T12:00:00", 3),
            ("filterInvestigation=true", 0),
        ] {
            assert_eq!(count(query).await, expected, "{query}");
        }
        let list = async |query: &str| -> Vec<String> {
            let rows = f.expect_success("GET", &format!("/logbook/{s}/event?investigationId=20&{query}"), None).await;
            rows.as_array().unwrap().iter().map(|row| row["creationDate"].as_str().unwrap()[8..10].to_owned()).collect()
        };
        assert_eq!(list("sortBy=creationDate&sortOrder=-1&limit=3").await, ["19", "18", "17"]);
        assert_eq!(list("sortBy=creationDate&sortOrder=1&skip=8&limit=5").await, ["18", "19"]);
        let tagged = "orTags=grosse%2Ct0%2Ct1%2Ct2&sortBy=creationDate&sortOrder=1";
        assert_eq!(list(&format!("{tagged}&skip=2")).await, ["12"], "an entry with two of the tags is one entry");
        for verb in ["remove", "restore"] {
            let mistyped = format!("/logbook/{s}/event/{verb}?investigationId=20&tag=grosse");
            let refused = "there is no parameter tag here; nothing was changed".to_owned();
            assert_eq!(f.send_json("PUT", &mistyped, None).await, (400, refused), "not the whole logbook");
        }
        assert_eq!(count("").await, 10);
        let third = f
            .expect_success(
                "GET",
                &format!("/logbook/{s}/event?investigationId=20&sortBy=creationDate&sortOrder=1&skip=2&limit=1"),
                None,
            )
            .await;
        let id = third[0]["_id"].as_str().unwrap();
        let page = f
            .expect_success(
                "GET",
                &format!("/logbook/{s}/event/page?_id={id}&investigationId=20&sortBy=creationDate&sortOrder=1&limit=2"),
                None,
            )
            .await;
        assert_eq!(page["page"]["currentPage"], 2);
        for (query, text) in [
            ("investigationId=abc", "investigationId must be a number, not abc"),
            ("investigationId=20&sortBy=body", "sortBy must be _id, creationDate, createdAt or updatedAt, not body"),
            ("investigationId=20&date=x", "date must be a day such as 2025-03-02, not x"),
            ("investigationId=20&format=docx", "format must be json, pdf, eln, csv, txt or jsonl, not docx"),
        ] {
            assert_eq!(f.send_json("GET", &format!("/logbook/{s}/event?{query}"), None).await, (400, text.to_owned()));
        }
        f.app.stop().await;
    }
}

/// A rare tag is looked up, with a frequent one the entries are gone through: the answers are of the same kind.
#[tokio::test]
async fn rare_and_frequent_tags_find_the_same_way() {
    /// More than are looked up.
    const MANY: usize = 520;
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        for n in 0..MANY {
            let rare = if n % 200 == 7 {
                json!([{"name": "beam"}, {"name": "loss"}, {"name": "rare"}])
            } else {
                json!([{"name": "beam"}, {"name": "loss"}])
            };
            let entry = json!({"type": "annotation", "category": "comment", "tag": rare,
                "creationDate": format!("2026-01-12T08:{:02}:{:02}Z", n / 60, n % 60),
                "content": [{"format": "plainText", "text": format!("{n}")}]});
            f.expect_success("POST", &format!("/logbook/{s}/event?investigationId=20"), Some(&entry)).await;
        }
        let found = async |query: &str| -> Vec<String> {
            let path = format!("/logbook/{s}/event?investigationId=20&sortBy=creationDate&sortOrder=1&{query}");
            let rows = f.expect_success("GET", &path, None).await;
            let text = |row: &Value| row["content"][0]["text"].as_str().unwrap().to_owned();
            rows.as_array().unwrap().iter().map(text).collect()
        };
        let count = async |query: &str| {
            let path = format!("/logbook/{s}/event/count?investigationId=20&{query}");
            f.expect_success("GET", &path, None).await
        };
        assert_eq!(found("tags=beam&skip=2&limit=3").await, ["2", "3", "4"]);
        assert_eq!(found("orTags=beam%2Closs%2Crare&skip=2&limit=3").await, ["2", "3", "4"], "each entry once");
        assert_eq!(found("tags=rare&skip=1").await, ["207", "407"]);
        assert_eq!(found("tags=rare%2Cbeam&skip=1").await, ["207", "407"]);
        assert_eq!(found("tags=rare&notTags=loss").await, Vec::<String>::new());
        for (query, expected) in [
            ("tags=beam%2Closs", MANY),
            ("orTags=beam%2Crare", MANY),
            ("orTags=rare%2Cnone", 3),
            ("tags=none", 0),
            ("notTags=rare", MANY - 3),
        ] {
            assert_eq!(count(query).await, json!(expected), "{query}");
        }
        f.app.stop().await;
    }
}

#[tokio::test]
async fn names_of_files_fit_into_a_header() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        for (name, status) in [("é".repeat(500), 200), ("é".repeat(501), 400)] {
            let body = format!(
                "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nabc\r\n--x--\r\n"
            );
            let request = f.app.http.post(format!("{}/resource/{s}/file/upload?investigationId=20", f.app.public));
            let answer =
                request.header("content-type", "multipart/form-data; boundary=x").body(body).send().await.unwrap();
            assert_eq!(answer.status(), status, "{}", answer.text().await.unwrap());
        }
        f.app.stop().await;
    }
}

#[tokio::test]
async fn tags_attachments_banners_and_preferences() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let admin = f.log_in("admin").await;
        let tag = f
            .expect_success(
                "POST",
                &format!("/logbook/{s}/tag?investigationId=20"),
                Some(&json!({"name": "beam", "color": "#2e7d32"})),
            )
            .await;
        assert_eq!((tag["investigationId"].as_str(), tag["beamlineName"].as_str()), (Some("20"), None), "text in tags");
        assert_eq!(
            f.send_json("POST", &format!("/logbook/{s}/tag?investigationId=20"), Some(&json!({"name": "BEAM"})))
                .await
                .0,
            409
        );
        let id = tag["_id"].as_str().unwrap();
        let renamed = f
            .expect_success(
                "PUT",
                &format!("/logbook/{s}/tag?investigationId=20&tagId={id}"),
                Some(&json!({"name": "beam loss"})),
            )
            .await;
        assert_eq!((renamed["name"].as_str(), renamed["color"].as_str()), (Some("beam loss"), Some("#2e7d32")));
        assert_eq!(
            f.expect_success("GET", &format!("/logbook/{s}/tag?investigationId=20&instrumentName=BL07"), None).await,
            json!([renamed])
        );

        let photo = json!({"base64": format!("data:image/png;base64,{PNG}")});
        let made = f
            .expect_success("POST", &format!("/logbook/{s}/event/createfrombase64?investigationId=20"), Some(&photo))
            .await;
        assert_eq!(
            (made["type"].as_str(), made["category"].as_str(), made["contentType"].as_str()),
            (Some("attachment"), Some("file"), Some("image/png"))
        );
        let file = made["file"][0].as_str().unwrap();
        let url = format!("{}/resource/{s}/file/download?resourceId={file}", f.app.public);
        let answer = f.app.http.get(&url).send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["content-disposition"], "inline; filename=\"image.png\"");
        assert_eq!(json!(answer.bytes().await.unwrap().len()), made["fileSize"]);
        let dan = f.log_in("dan").await;
        assert_eq!(f.send_json("GET", &format!("/resource/{dan}/file/download?resourceId={file}"), None).await.0, 403);
        assert_eq!(f.send_json("GET", &format!("/resource/{s}/file/download?resourceId=nothing"), None).await.0, 404);

        // What HTML embeds becomes an attachment, shown by an address that needs no session, for this one file.
        let html = format!("<p>x</p><img src=\"data:image/png;base64,{PNG}\">");
        let entry = json!({"type": "annotation", "category": "comment", "content": [{"format": "html", "text": html}]});
        let made = f.expect_success("POST", &format!("/logbook/{s}/event?investigationId=20"), Some(&entry)).await;
        let shown = made["content"][0]["text"].as_str().unwrap();
        let address = shown.split('"').nth(1).unwrap();
        assert!(address.starts_with("/resource/") && !shown.contains("data:") && !shown.contains(&s), "{shown}");
        let opened = f.app.http.get(format!("{}{address}", f.app.public)).send().await.unwrap();
        assert_eq!(opened.status(), 200);
        let other = address.replace(made["file"][0].as_str().unwrap(), file);
        assert_eq!(f.send_json("GET", &other, None).await.0, 403, "a ticket opens one file");
        f.app.clock.advance_seconds(3601);
        assert_eq!(f.send_json("GET", address, None).await.0, 403, "for an hour");

        let banner = json!({"type": "INFORMATION", "message": "Shutdown on Monday"});
        assert_eq!(f.send_json("PUT", &format!("/messages/{s}/information"), Some(&banner)).await.0, 403);
        let set = f.expect_success("PUT", &format!("/messages/{admin}/information"), Some(&banner)).await;
        assert_eq!(f.expect_success("GET", "/messages?type=INFORMATION", None).await, json!([set]));

        assert_eq!(
            f.expect_success("GET", &format!("/users/{s}/preferences"), None).await,
            json!({"username": "alice"})
        );
        let preferences = json!({"username": "mallory", "logbookFilters": {"sortBy": "_id", "sortOrder": -1}, "isGroupedBySample": false});
        let stored = f.expect_success("PUT", &format!("/users/{s}/preferences"), Some(&preferences)).await;
        assert_eq!(
            (stored["username"].as_str(), &stored["logbookFilters"]),
            (Some("alice"), &preferences["logbookFilters"])
        );
        assert_eq!(
            f.expect_success("GET", &format!("/users/{s}/preferences"), None).await["logbookFilters"],
            preferences["logbookFilters"]
        );

        let days = f
            .expect_success(
                "GET",
                &format!("/logbook/{admin}/stats/count?startDate=2026-01-12&endDate=2026-01-12"),
                None,
            )
            .await;
        assert_eq!(days, json!([{"_id": "2026-01-12", "count": 2}]));
        let stats = f
            .expect_success(
                "GET",
                &format!("/logbook/{admin}/stats/investigation?startDate=2026-01-01&endDate=2026-02-01"),
                None,
            )
            .await;
        assert_eq!((stats[0]["investigationId"].as_str(), stats[0]["count"].as_i64()), (Some("20"), Some(2)));
        assert_eq!(
            f.expect_success("PUT", &format!("/actions/{admin}/logbook/instrumentname?action=update"), None).await,
            json!({"count": 2, "missing": 0, "updated": 0})
        );
        for (method, path) in [
            ("POST", format!("/logbook/{s}/event?investigationId=20")),
            ("PUT", format!("/logbook/{s}/event?investigationId=20")),
            ("PATCH", format!("/logbook/{s}/events?investigationId=20")),
            ("POST", format!("/logbook/{s}/event/createfrombase64?investigationId=20")),
        ] {
            assert_eq!(
                f.send_json(method, &path, None).await,
                (400, "the body must be a JSON object".to_owned()),
                "{method} {path}"
            );
        }
        let closed = format!("investigation {RELEASED} is closed: it is released, and its logbook can be read only");
        assert_eq!(
            f.send_json("POST", &format!("/logbook/{s}/event?investigationId={RELEASED}"), Some(&entry)).await,
            (422, closed)
        );
        f.app.stop().await;
    }
}
