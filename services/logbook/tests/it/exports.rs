//! Lists as files, and records that can be checked without the service.

use logbook::verify::verify_export;
use serde_json::{Value, json};

use super::facility::Facility;

/// More than one piece.
const ENTRIES: usize = 230;

#[tokio::test]
async fn files_have_all_entries_in_the_order_of_the_list() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        let path = |rest: &str| format!("/logbook/{s}/event?investigationId=20{rest}");
        let mut ids = Vec::new();
        for n in 0..ENTRIES {
            // Equal times, so that the order within them counts too.
            let time = format!("2026-01-12T10:00:{:02}Z", n % 7);
            let text = format!("=n {n}, \"quoted\"");
            let new = json!({"type": "annotation", "category": "comment", "creationDate": time, "tag": [{"name": "a"}, {"name": "b"}],
                "content": [{"format": "html", "text": format!("<p>{text}</p>")}, {"format": "plainText", "text": text}]});
            ids.push(f.expect_success("POST", &path(""), Some(&new)).await["_id"].as_str().unwrap().to_owned());
        }
        for order in ["&sortBy=creationDate&sortOrder=1", "&sortBy=creationDate", "&sortBy=_id&sortOrder=1", ""] {
            let listed = f.expect_success("GET", &path(&format!("{order}&limit=1000")), None).await;
            let listed = listed.as_array().unwrap();
            assert_eq!(listed.len(), ENTRIES);
            let (status, lines) = f.send_json("GET", &path(&format!("{order}&format=jsonl")), None).await;
            assert_eq!(status, 200);
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let id = |entry: &Value| entry["_id"].as_str().unwrap().to_owned();
            let wanted: Vec<String> = listed.iter().map(id).collect();
            assert_eq!(lines.iter().map(id).collect::<Vec<_>>(), wanted, "{order}");
            let part = f.send_json("GET", &path(&format!("{order}&format=jsonl&skip=5&limit=120")), None).await.1;
            let part: Vec<String> = part.lines().map(|line| id(&serde_json::from_str(line).unwrap())).collect();
            assert_eq!(part, wanted[5..125], "{order}");
        }
        let csv = f.send_json("GET", &path("&format=csv&sortBy=_id&sortOrder=1"), None).await.1;
        assert_eq!(csv.lines().count(), ENTRIES + 1);
        let marked = f.send_json("GET", &path("&format=csv&sortBy=_id&sortOrder=1&bom=true"), None).await.1;
        assert_eq!(marked.strip_prefix('\u{feff}'), Some(csv.as_str()), "a byte order mark, when it is asked for");
        assert_eq!(f.send_json("GET", &path("&format=csv&bom=yes"), None).await.0, 400);
        let first = csv.lines().find(|line| line.starts_with(&ids[0])).unwrap();
        assert!(first.contains(",a; b,\"'=n 0, \"\"quoted\"\"\","), "{first}");
        let text = f.send_json("GET", &path("&format=txt&search=n 17,"), None).await.1;
        assert_eq!(text, "2026-01-12 10:00:03  annotation comment  alice  BL07  [a, b]\n    =n 17, \"quoted\"\n\n");
        assert_eq!(f.send_json("GET", &path("&format=docx"), None).await.0, 400);
        assert_eq!(f.send_json("GET", &path("&format=csv&search=nothing"), None).await.1.lines().count(), 1);
        f.app.stop().await;
    }
}

#[tokio::test]
async fn records_can_be_checked_by_whoever_may_write_and_by_nobody_else() {
    for f in Facility::start_all().await {
        let s = f.log_in("alice").await;
        for n in 0..120 {
            let new = json!({"type": "annotation", "category": "comment", "title": n.to_string(), "content": []});
            f.expect_success("POST", &format!("/logbook/{s}/event?investigationId=20"), Some(&new)).await;
        }
        f.expect_success("PUT", &format!("/logbook/{s}/event/remove?investigationId=20&search=7"), None).await;
        let records = async |who: &str, selector: &str| {
            let session = f.log_in(who).await;
            f.send_json("GET", &format!("/logbook/{session}/records?{selector}"), None).await
        };
        let (status, export) = records("alice", "investigationId=20").await;
        assert_eq!(status, 200, "{export}");
        assert_eq!(verify_export(export.as_bytes(), None).unwrap().head.records, 121);
        let broken = export.replace("\\\"title\\\":\\\"50\\\"", "\\\"title\\\":\\\"51\\\"");
        assert_ne!(broken, export);
        assert_eq!(verify_export(broken.as_bytes(), None).unwrap_err().to_string(), "record 51 has been changed");
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

/// A PNG of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn an_archive_is_imported_again_as_it_was() {
    for f in Facility::start_all().await {
        let (alice, admin) = (f.log_in("alice").await, f.log_in("admin").await);
        let html = format!("<p>a <b>picture</b></p><img src=\"data:image/png;base64,{PNG}\">");
        for n in 0..150 {
            let new = json!({"type": "annotation", "category": "comment", "title": format!("entry {n}"), "tag": [{"name": "beam"}],
                "creationDate": format!("2026-01-12T10:{:02}:{:02}Z", n / 60, n % 60),
                "content": if n % 50 == 7 { json!([{"format": "html", "text": html}]) } else { json!([{"format": "plainText", "text": format!("text {n}")}]) }});
            f.expect_success("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await;
        }
        let eln = f.send_bytes("GET", &format!("/logbook/{alice}/event?investigationId=20&format=eln"), None).await;
        assert_eq!((eln.0, eln.1.as_str()), (200, "application/vnd.eln+zip"));
        let import = async |session: &str, query: &str, bytes: &[u8]| {
            let (status, _, body) =
                f.send_bytes("POST", &format!("/logbook/{session}/import?{query}"), Some(bytes.to_vec())).await;
            (status, String::from_utf8(body).unwrap())
        };
        assert_eq!(import(&alice, "investigationId=21", &eln.2).await.0, 403, "for administrators");
        for nowhere in ["", "investigationId=", "investigation=21"] {
            let (status, text) = import(&admin, nowhere, &eln.2).await;
            assert!(status == 400 && text.contains("into which logbook"), "{nowhere}: {status} {text}");
        }
        assert_eq!(
            import(&admin, "investigationId=21", &eln.2).await,
            (200, "{\"created\":150,\"present\":0}".to_owned())
        );
        assert_eq!(
            import(&admin, "investigationId=21", &eln.2).await,
            (200, "{\"created\":0,\"present\":150}".to_owned())
        );
        let list = async |id: i64| {
            let path = format!("/logbook/{alice}/event?investigationId={id}&sortBy=creationDate&limit=1000");
            f.expect_success("GET", &path, None).await.as_array().unwrap().clone()
        };
        let (from, to) = (list(20).await, list(21).await);
        assert_eq!((from.len(), to.len()), (150, 150));
        for (from, to) in from.iter().zip(&to) {
            for key in ["title", "tag", "creationDate", "username", "fullName", "type", "category"] {
                assert_eq!(from[key], to[key], "{key}");
            }
            assert_ne!(from["_id"], to["_id"]);
            assert_eq!(to["investigationId"], 21);
        }
        let picture = to.iter().find(|entry| entry["title"] == "entry 57").unwrap();
        let html = picture["content"][0]["text"].as_str().unwrap();
        let address = html.split('"').find(|part| part.starts_with("/resource/")).unwrap();
        assert!(f.send_bytes("GET", address, None).await.2.starts_with(b"\x89PNG"), "{html}");

        // One wrong byte, and nothing is written.
        let mut broken = eln.2.clone();
        // Within the entries, which come first.
        let middle = 500;
        broken[middle..middle + 64].fill(0);
        let (status, text) = import(&admin, "instrumentName=BL07", &broken).await;
        assert_eq!(status, 422, "{text}");
        assert_eq!(import(&admin, "instrumentName=BL07", b"no archive").await.0, 422);
        assert_eq!(
            f.expect_success(
                "GET",
                &format!("/logbook/{admin}/event/count?instrumentName=BL07&filterInvestigation=true"),
                None
            )
            .await,
            0
        );
        assert_eq!(import(&admin, "investigationId=22", &eln.2).await.0, 422, "closed");
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_pdf_is_one_file_or_a_zip_of_parts() {
    for f in Facility::start_all().await {
        let alice = f.log_in("alice").await;
        let new = json!({"type": "annotation", "category": "comment", "content": [{"format": "html",
            "text": format!("<p>Größe μ <b>пучок</b></p><img src=\"data:image/png;base64,{PNG}\">")}]});
        f.expect_success("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&new)).await;
        let path = format!("/logbook/{alice}/event?investigationId=20&format=pdf");
        let (status, media_type, bytes) = f.send_bytes("GET", &path, None).await;
        assert_eq!((status, media_type.as_str()), (200, "application/pdf"));
        assert!(bytes.starts_with(b"%PDF-") && bytes.len() > 2_000);
        let nothing = f.send_bytes("GET", &format!("{path}&search=nothing"), None).await;
        assert!(nothing.2.starts_with(b"%PDF-"));
        let note = json!({"type": "notification", "category": "info", "content": [{"text": "scan"}]});
        for _ in 0..510 {
            f.expect_success("POST", "/dataacquisition/program/notification?investigationId=20", Some(&note)).await;
        }
        let (status, media_type, bytes) = f.send_bytes("GET", &path, None).await;
        assert_eq!((status, media_type.as_str()), (200, "application/zip"));
        let names: Vec<&[u8]> = [&b"investigation-20-0001.pdf"[..], b"-0002.pdf"].to_vec();
        let (one, two) = (
            bytes.windows(names[0].len()).any(|w| w == names[0]),
            bytes.windows(names[1].len()).any(|w| w == names[1]),
        );
        assert!(one && two && bytes.starts_with(b"PK"));
        f.app.stop().await;
    }
}
