//! What happened stays: records that nobody can change unnoticed, and changes that meet the version they were made for.

use logbook::verify::verify;
use serde_json::json;
use service_kit::Row;
use testkit::until;

use super::facility::Facility;

#[tokio::test]
async fn every_change_is_a_record_and_the_records_are_a_chain() {
    for f in Facility::all().await {
        let s = f.login("alice").await;
        let path = |rest: &str| format!("/logbook/{s}/event{rest}");
        let new = |text: &str| json!({"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]});
        let first = f.done("POST", &path("?investigationId=20"), Some(&new("one"))).await;
        f.done("POST", &path("?investigationId=20"), Some(&new("two"))).await;
        let id = first["_id"].as_str().unwrap();
        let changed = |text: &str| json!({"event": {"_id": id, "type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]}});
        f.done("PUT", &path("?investigationId=20"), Some(&changed("one and a half"))).await;
        let removed = f.done("PUT", &path("/remove?investigationId=20&search=one"), None).await;
        assert_eq!((removed.as_array().unwrap().len(), &removed[0]["removed"]), (1, &json!(true)));
        assert_eq!(f.done("GET", &path("/count?investigationId=20"), None).await, json!(1));
        let restored = f.done("PUT", &path("/restore?investigationId=20"), None).await;
        assert_eq!((restored.as_array().unwrap().len(), &restored[0]["removed"]), (1, &json!(false)));
        let tagged = json!({"eventIds": [id], "tags": [{"name": "beam"}]});
        assert_eq!(
            f.done(
                "PATCH",
                &format!("/logbook/{s}/events?investigationId=20&instrumentName=BL07%2CBL08"),
                Some(&tagged)
            )
            .await[0]["tag"],
            json!([{"name": "beam"}])
        );
        let unknown = json!({"eventIds": [id, "665f1c2ab7d0e84c1a2b3c4d"], "tags": []});
        assert_eq!(f.ask("PATCH", &format!("/logbook/{s}/events?investigationId=20"), Some(&unknown)).await.0, 404);

        let sql = "SELECT r.n, r.kind, r.previous, r.hash FROM record r JOIN book b ON b.id = r.book_id \
                   WHERE b.name = 'investigation/20' ORDER BY r.n";
        let rows: Vec<Row> = f.app.db("logbook").read().await.unwrap().all(sql, &[]).await.unwrap();
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
async fn a_change_meets_the_version_it_was_made_for() {
    for f in Facility::all().await {
        let s = f.login("alice").await;
        let path = format!("/logbook/{s}/event?investigationId=20");
        let new = json!({"type": "annotation", "category": "comment", "content": []});
        let made = f.done("POST", &path, Some(&new)).await;
        let put = async |version: &str, title: &str| {
            let body =
                json!({"event": {"_id": made["_id"], "type": "annotation", "category": "comment", "title": title}});
            let request = f.app.http.put(format!("{}{path}", f.app.public)).header("content-type", "application/json");
            let answer = request.header("if-match", version).body(body.to_string()).send().await.unwrap();
            (answer.status().as_u16(), answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()))
        };
        assert_eq!(put("\"1\"", "a").await, (200, Some("\"2\"".to_owned())));
        assert_eq!(put("\"1\"", "b").await.0, 412);
        assert_eq!(put("*", "c").await, (200, Some("\"3\"".to_owned())));
        assert_eq!(put("x", "d").await.0, 400);
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_released_logbook_is_closed_with_a_signature() {
    for f in Facility::all().await {
        let new = json!({"type": "annotation", "category": "comment", "content": [{"text": "the last word"}]});
        let alice = f.login("alice").await;
        f.done("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await;
        f.app.clock.advance_seconds(1_200 * 86_400);
        // Logbooks are looked at when the service starts, and then every few minutes.
        let f = f.restarted().await;
        let admin = f.login("admin").await;
        let export = until("the logbook is closed", async || {
            let (status, text) = f.ask("GET", &format!("/logbook/{admin}/records?investigationId=20"), None).await;
            (status == 200 && text.contains("\"closed\"")).then_some(text)
        })
        .await;
        let (_, jwks) = f.ask("GET", "/logbook/keys", None).await;
        let keys = logbook::verify::keys(&jwks).unwrap();
        let verified = verify(export.as_bytes(), Some(&keys)).unwrap();
        assert_eq!((verified.head.records, verified.closings.len(), verified.closings[0].record), (2, 1, 2));
        assert!(jwks.contains(&verified.closings[0].key), "{jwks}");
        let foreign = verify(export.as_bytes(), Some(&[])).unwrap_err().to_string();
        assert!(foreign.starts_with("record 2 is signed with the key"), "{foreign}");
        let forged = verify(export.replace("the last word", "another word").as_bytes(), Some(&keys)).unwrap_err();
        assert_eq!(forged.to_string(), "record 1 has been changed");

        let alice = f.login("alice").await;
        assert_eq!(f.ask("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await.0, 422);
        let f = f.restarted().await;
        let admin = f.login("admin").await;
        let (_, again) = f.ask("GET", &format!("/logbook/{admin}/records?investigationId=20"), None).await;
        assert_eq!(again, export, "once");
        f.app.stop().await;
    }
}
