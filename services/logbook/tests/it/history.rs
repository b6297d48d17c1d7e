//! What happened stays: records that nobody can change unnoticed, and changes that meet the version they were made for.

use std::cell::Cell;

use futures_util::future::{join, join_all};
use logbook::verify::verify_export;
use serde_json::json;
use service_kit::Row;
use testkit::wait_until;

use super::facility::{EMBARGO, Facility, OTHER};

#[tokio::test]
async fn every_change_is_a_record_and_the_records_are_a_chain() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = |rest: &str| format!("/logbook/{s}/event{rest}");
        let new = |text: &str| json!({"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]});
        let first = f.expect_success("POST", &path("?investigationId=20"), Some(&new("one"))).await;
        f.expect_success("POST", &path("?investigationId=20"), Some(&new("two"))).await;
        let id = first["_id"].as_str().unwrap();
        let changed = |text: &str| json!({"event": {"_id": id, "type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]}});
        f.expect_success("PUT", &path("?investigationId=20"), Some(&changed("one and a half"))).await;
        let removed = f.expect_success("PUT", &path("/remove?investigationId=20&search=one"), None).await;
        assert_eq!((removed.as_array().unwrap().len(), &removed[0]["removed"]), (1, &json!(true)));
        assert_eq!(f.expect_success("GET", &path("/count?investigationId=20"), None).await, json!(1));
        let restored = f.expect_success("PUT", &path("/restore?investigationId=20"), None).await;
        assert_eq!((restored.as_array().unwrap().len(), &restored[0]["removed"]), (1, &json!(false)));
        let tagged = json!({"eventIds": [id], "tags": [{"name": "beam"}]});
        assert_eq!(
            f.expect_success(
                "PATCH",
                &format!("/logbook/{s}/events?investigationId=20&instrumentName=BL07%2CBL08"),
                Some(&tagged)
            )
            .await[0]["tag"],
            json!([{"name": "beam"}])
        );
        let unknown = json!({"eventIds": [id, "665f1c2ab7d0e84c1a2b3c4d"], "tags": []});
        assert_eq!(
            f.send_json("PATCH", &format!("/logbook/{s}/events?investigationId=20"), Some(&unknown)).await.0,
            404
        );

        let sql = "SELECT r.n, r.kind, r.previous, r.hash FROM record r JOIN book b ON b.id = r.book_id \
                   WHERE b.name = 'investigation/20' ORDER BY r.n";
        let rows: Vec<Row> = f.app.db("logbook").read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
        let text = |row: &Row, name: &str| row.get::<String>(name).unwrap();
        let kinds: Vec<String> = rows.iter().map(|row| text(row, "kind")).collect();
        assert_eq!(kinds, ["created", "created", "changed", "removed", "restored", "tagged"]);
        let mut head = String::new();
        for (n, row) in (1..).zip(&rows) {
            assert_eq!((row.get::<i64>("n").unwrap(), text(row, "previous")), (n, head));
            head = text(row, "hash");
        }
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_change_meets_the_state_it_was_made_for() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = format!("/logbook/{s}/event?investigationId=20");
        let new = json!({"type": "annotation", "category": "comment", "content": []});
        let made = f.expect_success("POST", &path, Some(&new)).await;
        let put = async |version: &str, title: &str| {
            let body =
                json!({"event": {"_id": made["_id"], "type": "annotation", "category": "comment", "title": title}});
            let request = f.app.http.put(format!("{}{path}", f.app.public)).header("content-type", "application/json");
            let answer = request.header("if-match", version).body(body.to_string()).send().await.unwrap();
            (answer.status().as_u16(), answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()))
        };
        let (status, first) = put("*", "a").await;
        let first = first.unwrap();
        assert_eq!(status, 200);
        let (status, second) = put(&format!("\"other\", {first}"), "b").await;
        let second = second.unwrap();
        assert!(status == 200 && second != first, "{first} {second}");
        assert_eq!(put(&first, "c").await.0, 412);
        assert_eq!(put(&format!("W/{second}"), "c").await.0, 412, "a weak tag says nothing of what stands there");
        // What makes no new version is a change too: other tags, a removal and its end, another logbook.
        let id = made["_id"].as_str().unwrap();
        let tagged = json!({"eventIds": [id], "tags": [{"name": "beam"}]});
        f.expect_success("PATCH", &format!("/logbook/{s}/events?investigationId=20"), Some(&tagged)).await;
        assert_eq!(put(&second, "d").await.0, 412, "the tags would have been lost");
        let third = put("*", "e").await.1.unwrap();
        f.expect_success("PUT", &format!("/logbook/{s}/event/remove?investigationId=20&_id={id}"), None).await;
        f.app.clock.advance_seconds(1);
        f.expect_success("PUT", &format!("/logbook/{s}/event/restore?investigationId=20&_id={id}"), None).await;
        assert_eq!(put(&third, "f").await.0, 412);
        for broken in ["x", "", "3"] {
            assert_eq!(put(broken, "i").await.0, 400, "{broken:?}");
        }
        let fourth = put("*", "g").await.1.unwrap();
        let places = "sourceInvestigationId=20&destinationInvestigationId=21";
        f.expect_success("POST", &format!("/dataacquisition/program/events/move?{places}"), None).await;
        let path = format!("/logbook/{s}/event?investigationId=21");
        let body = json!({"event": {"_id": id, "type": "annotation", "category": "comment", "title": "h"}});
        let request = f.app.http.put(format!("{}{path}", f.app.public)).header("content-type", "application/json");
        let answer = request.header("if-match", &fourth).body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 412);
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_released_logbook_is_closed_with_a_signature() {
    for f in Facility::start_all().await {
        let new = json!({"type": "annotation", "category": "comment", "content": [{"text": "the last word"}]});
        let alice = f.log_in("alice").await;
        f.expect_success("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await;
        f.app.clock.advance_seconds(1_200 * 86_400);
        // Logbooks are looked at when the service starts, and then every few minutes.
        let f = f.restart().await;
        let admin = f.log_in("admin").await;
        let export = wait_until("the logbook is closed", async || {
            let (status, text) =
                f.send_json("GET", &format!("/logbook/{admin}/records?investigationId=20"), None).await;
            (status == 200 && text.contains("\"closed\"")).then_some(text)
        })
        .await;
        let (_, jwks) = f.send_json("GET", "/logbook/keys", None).await;
        let keys = logbook::verify::parse_key_set(&jwks).unwrap();
        let verified = verify_export(export.as_bytes(), Some(&keys)).unwrap();
        assert_eq!((verified.head.records, verified.closings.len(), verified.closings[0].record), (2, 1, 2));
        assert!(jwks.contains(&verified.closings[0].key), "{jwks}");
        let foreign = verify_export(export.as_bytes(), Some(&[])).unwrap_err().to_string();
        assert!(foreign.starts_with("record 2 is signed with the key"), "{foreign}");
        let forged =
            verify_export(export.replace("the last word", "another word").as_bytes(), Some(&keys)).unwrap_err();
        assert_eq!(forged.to_string(), "record 1 has been changed");

        let alice = f.log_in("alice").await;
        assert_eq!(f.send_json("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await.0, 422);
        let f = f.restart().await;
        let admin = f.log_in("admin").await;
        let (_, again) = f.send_json("GET", &format!("/logbook/{admin}/records?investigationId=20"), None).await;
        assert_eq!(again, export, "once");
        f.app.stop().await;
    }
}

/// A PNG of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn contents_that_no_entry_has_go_after_an_hour_and_come_again() {
    for f in Facility::start_all().await {
        let alice = f.log_in("alice").await;
        let upload = json!({"base64": format!("data:image/png;base64,{PNG}")});
        f.expect_success("POST", &format!("/logbook/{alice}/event/createfrombase64?investigationId=20"), Some(&upload))
            .await;
        let html = "<img src=\"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==\">";
        let new = json!({"type": "annotation", "category": "comment", "content": [{"format": "html", "text": html}]});
        let made = f.expect_success("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await;
        // As a writer leaves it that is killed between its file and its row.
        let row = "DELETE FROM attachment WHERE entry_id = $1";
        f.app
            .db("logbook")
            .write(async |tx| tx.execute(row, &[made["_id"].as_str().unwrap().into()]).await)
            .await
            .unwrap();
        let files = |f: &Facility| list_file_names(&f.app.data_dir().join("attachments"));
        let before = files(&f);
        f.app.clock.advance_seconds(3_700);
        // At the start, and then every ten minutes.
        let f = f.restart().await;
        let sql = "SELECT (SELECT COUNT(*) FROM content) AS contents, (SELECT COUNT(*) FROM doomed_content) AS doomed";
        let kept = wait_until("what nobody has is gone", async || {
            let row = f.app.db("logbook").read().await.unwrap().fetch_one(sql, &[]).await.unwrap();
            let rows = (row.get::<i64>("contents").unwrap(), row.get::<i64>("doomed").unwrap());
            let now = files(&f);
            (now.len() == 1 && rows == (1, 0)).then_some(now)
        })
        .await;
        assert!(before.contains(&kept[0]), "{before:?} {kept:?}");
        f.app.stop().await;
    }
}

/// Names of all files below a directory.
fn list_file_names(directory: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            names.extend(list_file_names(&entry.path()));
        } else {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names
}

/// Moves go to and fro while others write, so that some entry is not where its writer found it.
#[tokio::test]
async fn a_change_finds_an_entry_that_is_moved_meanwhile() {
    const WRITERS: usize = 4;
    const MOVES: i64 = 40;
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let content = |text: &str| json!([{"format": "plainText", "text": text}]);
        let mut ids = Vec::new();
        for _ in 0..WRITERS {
            let new = json!({"type": "annotation", "category": "comment", "content": content("0")});
            let made =
                f.expect_success("POST", &format!("/logbook/{s}/event?investigationId={EMBARGO}"), Some(&new)).await;
            ids.push(made["_id"].as_str().unwrap().to_owned());
        }
        let has_ended = Cell::new(false);
        let moves = async {
            for n in 0..MOVES {
                let (from, to) = if n % 2 == 0 { (EMBARGO, OTHER) } else { (OTHER, EMBARGO) };
                let places = format!("sourceInvestigationId={from}&destinationInvestigationId={to}");
                let moved =
                    f.expect_success("POST", &format!("/dataacquisition/program/events/move?{places}"), None).await;
                assert_eq!(moved["nModified"], WRITERS);
            }
            has_ended.set(true);
        };
        let writers = join_all(ids.iter().map(async |id| {
            let mut written = vec!["0".to_owned()];
            while !has_ended.get() {
                let text = written.len().to_string();
                let event = json!({"_id": id, "type": "annotation", "category": "comment", "content": content(&text)});
                let changed =
                    f.expect_success("PUT", &format!("/logbook/{s}/event"), Some(&json!({"event": event}))).await;
                assert_eq!(changed["content"][0]["text"], text);
                written.push(text);
            }
            written
        }));
        let ((), written) = join(moves, writers).await;
        let listed = f.expect_success("GET", &format!("/logbook/{s}/event?investigationId={EMBARGO}"), None).await;
        for (id, written) in ids.iter().zip(written) {
            let mut versions = Vec::new();
            let mut version = listed.as_array().unwrap().iter().find(|entry| entry["_id"] == **id).unwrap().clone();
            while version.is_object() {
                versions.push(version["content"][0]["text"].as_str().unwrap().to_owned());
                version = version["previousVersionEvent"].take();
            }
            versions.reverse();
            assert_eq!(versions, written, "each change is there, once and in its order");
        }
        f.app.stop().await;
    }
}

/// Versions are linked one within another, and readers of JSON give up at a depth of some hundred.
#[tokio::test]
async fn an_entry_with_very_many_versions_can_be_read() {
    const VERSIONS: usize = 130;
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = format!("/logbook/{s}/event?investigationId=20");
        let content = |n: usize| json!([{"format": "plainText", "text": format!("version {n}")}]);
        let new = json!({"type": "annotation", "category": "comment", "content": content(1)});
        let id = f.expect_success("POST", &path, Some(&new)).await["_id"].clone();
        for n in 2..=VERSIONS {
            let event = json!({"_id": id, "type": "annotation", "category": "comment", "content": content(n)});
            // Read by a parser that gives up at 128.
            f.expect_success("PUT", &path, Some(&json!({"event": event}))).await;
        }
        let mut version = f.expect_success("GET", &path, None).await[0].take();
        let mut texts = Vec::new();
        while version.is_object() {
            texts.push(version["content"][0]["text"].as_str().unwrap().to_owned());
            version = version["previousVersionEvent"].take();
        }
        let expected: Vec<String> = (VERSIONS - 100..=VERSIONS).rev().map(|n| format!("version {n}")).collect();
        assert_eq!(texts, expected, "the present one and the hundred before it");
        let (_, records) = f.send_json("GET", &format!("/logbook/{s}/records?investigationId=20"), None).await;
        assert_eq!(records.lines().count(), VERSIONS + 1, "all of them stand in the history");
        f.app.stop().await;
    }
}

#[tokio::test]
async fn instruments_that_are_filled_in_stand_in_the_history_and_in_no_closed_logbook() {
    for f in Facility::start_all().await {
        let (alice, admin, carol) = (f.log_in("alice").await, f.log_in("admin").await, f.log_in("carol").await);
        let new = json!({"type": "annotation", "category": "comment", "title": "no instrument", "content": []});
        let mut ids = Vec::new();
        for investigation in [EMBARGO, OTHER] {
            let path = format!("/logbook/{alice}/event?investigationId={investigation}");
            ids.push(f.expect_success("POST", &path, Some(&new)).await["_id"].as_str().unwrap().to_owned());
        }
        // As they were written while ICAT did not answer; the second one's investigation is released since then.
        let sql = "UPDATE entry SET instrument = NULL, body = REPLACE(body, '\"instrumentName\":\"BL07\"', '\"instrumentName\":null')";
        f.app.db("logbook").write(async |tx| tx.execute(sql, &[]).await).await.unwrap();
        f.set_release(OTHER, "2025-01-10T08:00:00Z").await;
        let at_instrument = format!("/logbook/{carol}/event?instrumentName=BL07&sortBy=creationDate");
        assert_eq!(f.expect_success("GET", &at_instrument, None).await, json!([]));
        let filled =
            f.expect_success("PUT", &format!("/actions/{admin}/logbook/instrumentname?action=update"), None).await;
        assert_eq!(filled, json!({"count": 2, "missing": 2, "updated": 1}));
        let found = f.expect_success("GET", &at_instrument, None).await;
        assert_eq!((found.as_array().unwrap().len(), &found[0]["_id"]), (1, &json!(ids[0])));
        let records =
            async |id: i64| f.send_json("GET", &format!("/logbook/{admin}/records?investigationId={id}"), None).await.1;
        let (open, closed) = (records(EMBARGO).await, records(OTHER).await);
        assert!(verify_export(open.as_bytes(), None).is_ok(), "{open}");
        assert!(open.contains("\"kind\":\"moved-in\"") && open.contains("instrument/bl07"), "{open}");
        assert!(!closed.contains("moved-in"), "{closed}");
        // Whoever listens at the instrument hears of it.
        let sql = "SELECT COUNT(*) AS n FROM feed f JOIN book b ON b.id = f.book_id WHERE b.name = 'instrument/bl07' \
                   AND f.record_n = 2";
        let row = f.app.db("logbook").read().await.unwrap().fetch_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 1);
        let again =
            f.expect_success("PUT", &format!("/actions/{admin}/logbook/instrumentname?action=update"), None).await;
        assert_eq!(again["updated"], 0);
        f.app.stop().await;
    }
}

#[tokio::test]
async fn keys_are_there_before_the_first_request() {
    for f in Facility::start_all().await {
        let sql = "SELECT COUNT(*) AS n FROM signing_key";
        let row = f.app.db("logbook").read().await.unwrap().fetch_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 2, "addresses of attachments and closed logbooks");
        f.app.stop().await;
    }
}
