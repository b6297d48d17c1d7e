//! Lists as files, and records that can be checked without the service.

use logbook::verify::verify;
use serde_json::{Value, json};

use super::facility::Facility;

/// More than one piece.
const ENTRIES: usize = 230;

#[tokio::test]
async fn files_have_all_entries_in_the_order_of_the_list() {
    for f in Facility::all().await {
        let s = f.login("alice").await;
        let path = |rest: &str| format!("/logbook/{s}/event?investigationId=20{rest}");
        let mut ids = Vec::new();
        for n in 0..ENTRIES {
            // Equal times, so that the order within them counts too.
            let time = format!("2026-01-12T10:00:{:02}Z", n % 7);
            let text = format!("=n {n}, \"quoted\"");
            let new = json!({"type": "annotation", "category": "comment", "creationDate": time, "tag": [{"name": "a"}, {"name": "b"}],
                "content": [{"format": "html", "text": format!("<p>{text}</p>")}, {"format": "plainText", "text": text}]});
            ids.push(f.done("POST", &path(""), Some(&new)).await["_id"].as_str().unwrap().to_owned());
        }
        for order in ["&sortBy=creationDate&sortOrder=1", "&sortBy=creationDate", "&sortBy=_id&sortOrder=1", ""] {
            let listed = f.done("GET", &path(&format!("{order}&limit=1000")), None).await;
            let listed = listed.as_array().unwrap();
            assert_eq!(listed.len(), ENTRIES);
            let (status, lines) = f.ask("GET", &path(&format!("{order}&format=jsonl")), None).await;
            assert_eq!(status, 200);
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let id = |entry: &Value| entry["_id"].as_str().unwrap().to_owned();
            let wanted: Vec<String> = listed.iter().map(id).collect();
            assert_eq!(lines.iter().map(id).collect::<Vec<_>>(), wanted, "{order}");
            let part = f.ask("GET", &path(&format!("{order}&format=jsonl&skip=5&limit=120")), None).await.1;
            let part: Vec<String> = part.lines().map(|line| id(&serde_json::from_str(line).unwrap())).collect();
            assert_eq!(part, wanted[5..125], "{order}");
        }
        let csv = f.ask("GET", &path("&format=csv&sortBy=_id&sortOrder=1"), None).await.1;
        assert_eq!(csv.lines().count(), ENTRIES + 1);
        let first = csv.lines().find(|line| line.starts_with(&ids[0])).unwrap();
        assert!(first.contains(",a; b,\"'=n 0, \"\"quoted\"\"\","), "{first}");
        let text = f.ask("GET", &path("&format=txt&search=n 17,"), None).await.1;
        assert_eq!(text, "2026-01-12 10:00:03  annotation comment  alice  BL07  [a, b]\n    =n 17, \"quoted\"\n\n");
        assert_eq!(f.ask("GET", &path("&format=docx"), None).await.0, 400);
        assert_eq!(f.ask("GET", &path("&format=csv&search=nothing"), None).await.1.lines().count(), 1);
        f.app.stop().await;
    }
}

#[tokio::test]
async fn records_can_be_checked_by_whoever_may_write_and_by_nobody_else() {
    for f in Facility::all().await {
        let s = f.login("alice").await;
        for n in 0..120 {
            let new = json!({"type": "annotation", "category": "comment", "title": n.to_string(), "content": []});
            f.done("POST", &format!("/logbook/{s}/event?investigationId=20"), Some(&new)).await;
        }
        f.done("PUT", &format!("/logbook/{s}/event/remove?investigationId=20&search=7"), None).await;
        let records = async |who: &str, selector: &str| {
            let session = f.login(who).await;
            f.ask("GET", &format!("/logbook/{session}/records?{selector}"), None).await
        };
        let (status, export) = records("alice", "investigationId=20").await;
        assert_eq!(status, 200, "{export}");
        assert_eq!(verify(export.as_bytes(), None).unwrap().head.records, 121);
        let broken = export.replace("\\\"title\\\":\\\"50\\\"", "\\\"title\\\":\\\"51\\\"");
        assert_ne!(broken, export);
        assert_eq!(verify(broken.as_bytes(), None).unwrap_err().to_string(), "record 51 has been changed");
        // What was removed stands in the records: after the release, when everybody reads, they are for administrators.
        let table = [
            ("alice", "investigationId=20", 200),
            ("carol", "investigationId=20", 200),
            ("dan", "investigationId=20", 403),
            ("alice", "investigationId=22", 403),
            ("dan", "investigationId=22", 403),
            ("admin", "investigationId=22", 200),
            ("alice", "instrumentName=BL07", 403),
            ("carol", "instrumentName=BL07", 200),
            ("alice", "", 403),
            ("admin", "", 200),
        ];
        for (who, selector, wanted) in table {
            let (status, body) = records(who, selector).await;
            assert_eq!(status, wanted, "{who} {selector}: {body}");
        }
        f.app.stop().await;
    }
}
