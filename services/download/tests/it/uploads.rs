//! Uploads and deletions, and what becomes of those that nobody comes back to.

use std::time::Duration;

use download::store::orphan_checks::{PossibleOrphan, schedule_check};
use service_kit::{DbError, Micros};
use testkit::{list_backends, wait_until};

use crate::facility::{DATASET, Facility, SESSION, compute_crc32};

fn put_path(name: &str) -> String {
    format!("/ids/put?sessionId={SESSION}&name={name}&datasetId={DATASET}&datafileFormatId=7")
}

fn list_files(facility: &Facility) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![facility.files.clone()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(&facility.files).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_file_is_stored_with_its_datafile_or_not_at_all() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        let bytes = b"some bytes".to_vec();
        let stored = facility.send_request("PUT", &put_path("new.h5"), &[], bytes.clone()).await;
        assert_eq!(stored.status, 201, "{}", stored.text());
        let [location] = list_files(&facility).try_into().unwrap();
        let expected = format!(r#"{{"id":1,"checksum":{},"location":"{location}","size":10}}"#, compute_crc32(&bytes));
        assert_eq!(stored.text(), expected);
        assert!(location.starts_with("1/4/"), "{location}");
        let back = facility.get(&format!("/ids/getData?sessionId={SESSION}&datafileIds=1"), &[]).await;
        assert_eq!(back.body, bytes);

        let refused = facility.send_request("PUT", &put_path("refused"), &[], bytes.clone()).await;
        let text = r#"{"code":"InsufficientPrivilegesException","message":"CREATE access to this Datafile is not allowed: l'\u00e9t\u00e9"}"#;
        assert_eq!((refused.status, refused.text().as_str()), (403, text));
        assert_eq!(list_files(&facility), std::slice::from_ref(&location), "what ICAT refused is gone");

        let deleted = facility
            .send_request("DELETE", &format!("/ids/delete?sessionId={SESSION}&datafileIds=1"), &[], vec![])
            .await;
        assert_eq!((deleted.status, deleted.text().as_str()), (204, ""));
        assert!(list_files(&facility).is_empty());
        facility.app.stop().await;
    }
}

/// The catalogue fails, and its datafile may be there or not: the file stays until it is known.
#[tokio::test]
async fn a_file_whose_datafile_may_be_stored_stays_until_somebody_has_looked() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        for name in ["stored", "unanswered", "failed"] {
            let answer = facility.send_request("PUT", &put_path(name), &[], b"bytes".to_vec()).await;
            let text = answer.text();
            assert_eq!((answer.status, answer.headers.get("retry-after")), (503, None), "{name}: {text}");
            assert!(
                text.contains("InternalException") && text.contains("look before you send it again"),
                "{name}: {text}"
            );
        }
        assert_eq!(list_files(&facility).len(), 3, "nothing is removed");
        facility.app.clock.advance_seconds(16 * 60);
        wait_until("only the file without a datafile is gone", async || {
            (list_files(&facility).len() == 2).then_some(())
        })
        .await;
        for id in [1, 2] {
            let back = facility.get(&format!("/ids/getData?sessionId={SESSION}&datafileIds={id}"), &[]).await;
            assert_eq!((back.status, back.body.as_slice()), (200, &b"bytes"[..]));
        }
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn what_nobody_comes_back_to_is_looked_at_and_goes_if_no_datafile_has_it() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        facility.create_file("claimed.h5", b"1", true).await;
        std::fs::create_dir_all(facility.files.join("1/4")).unwrap();
        for name in ["1/4/lost", "1/4/lost.part", "1/4/later"] {
            std::fs::write(facility.files.join(name), b"2").unwrap();
        }
        let now = Micros::from_i64(1_768_208_400_000_000);
        let noted = [
            ("here/claimed.h5", false, now),
            ("1/4/lost", false, now),
            ("1/4/lost.part", true, now),
            ("1/4/later", false, now + Duration::from_micros(1)),
        ];
        let db = facility.app.db("download");
        db.write(async |tx| {
            for (location, temporary, due_at) in noted {
                schedule_check(tx, &PossibleOrphan { location: location.to_owned(), temporary }, due_at).await?;
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        wait_until("the lost ones are gone", async || {
            (list_files(&facility) == ["1/4/later", "here/claimed.h5"]).then_some(())
        })
        .await;
        facility.app.stop().await;
    }
}

fn render_form(parts: &[(&str, &str)], file: Option<&str>) -> Vec<u8> {
    let fields = parts
        .iter()
        .map(|(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    let file = file.map(|name| {
        let disposition = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
        format!("--b\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\nbytes\r\n")
    });
    let all: Vec<String> = fields.chain(file).chain(["--b--\r\n".to_owned()]).collect();
    all.concat().into_bytes()
}

#[tokio::test]
async fn a_pages_form_is_answered_as_pages_of_old_read_it() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    let typed = [("content-type", "multipart/form-data; boundary=b")];
    let post = async |parts: &[(&str, &str)], file| {
        facility.send_request("POST", "/ids/put", &typed, render_form(parts, file)).await
    };
    let fields = [("sessionId", SESSION), ("datasetId", "4"), ("datafileFormatId", "7")];
    let stored = post(&fields, Some("mine.h5")).await;
    assert_eq!(stored.status, 201, "{}", stored.text());
    let wrapped = post(&[&fields[..], &[("wrap", "TRUE")]].concat(), Some("mine2.h5")).await;
    let text = wrapped.text();
    assert!(text.starts_with("<html><script type=\"text/javascript\">window.name='{\"id\":2,"), "{text}");
    assert!(text.ends_with("}';</script></html>"), "{text}");
    let refused = post(&[&fields[..], &[("wrap", "true")]].concat(), Some("refused")).await;
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (
            403,
            "<html><script type=\"text/javascript\">window.name='{\"code\":\"InsufficientPrivilegesException\",\"message\":\"CREATE \
             access to this Datafile is not allowed: l\\'\\\\u00e9t\\\\u00e9\"}';</script></html>"
        )
    );
    let padded = post(&[&fields[..], &[("wrap", "true"), ("padding", "true")]].concat(), Some("refused")).await;
    assert!(padded.text().starts_with("<html><script type=\"text/javascript\">/*") && padded.body.len() > 600);
    assert_eq!(post(&fields, None).await.status, 204);
    let unknown = post(&[("colour", "red")], Some("x")).await;
    assert_eq!((unknown.status, unknown.text().contains("Form field colouris not recognised")), (400, true));
    facility.app.stop().await;
}

/// The value of a string in a script, as far as the pages write such strings.
fn evaluate_script_string(literal: &str) -> String {
    let mut value = String::new();
    let mut rest = literal.chars();
    while let Some(c) = rest.next() {
        match if c == '\\' { rest.next().unwrap() } else { '\0' } {
            '\0' => value.push(c),
            'u' => {
                let digits: String = rest.by_ref().take(4).collect();
                value.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
            }
            escaped => value.push(escaped),
        }
    }
    value
}

#[tokio::test]
async fn a_page_cannot_be_given_a_script_and_its_name_is_the_answer() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    let typed = [("content-type", "multipart/form-data; boundary=b")];
    let post = async |parts: &[(&str, &str)], file| {
        facility.send_request("POST", "/ids/put", &typed, render_form(parts, file)).await
    };
    let name = |page: &str| {
        let script = page.strip_prefix("<html><script type=\"text/javascript\">window.name='").unwrap();
        evaluate_script_string(script.strip_suffix("';</script></html>").unwrap())
    };
    for field in ["</script><script>alert(1)</script>", "';alert(1);'", "\\';alert(1);//", "<!--<script>&\u{2028}é"] {
        let page = post(&[("wrap", "true"), (field, "1")], None).await;
        let plain = post(&[(field, "1")], None).await;
        assert_eq!((page.status, plain.status), (400, 400));
        let text = page.text();
        assert_eq!(text.matches('<').count(), 4, "{text}");
        assert_eq!(name(&text), plain.text(), "{text}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'sha256-"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    let fields = [("sessionId", SESSION), ("datasetId", "4"), ("datafileFormatId", "7"), ("wrap", "true")];
    let stored = post(&fields, Some("mine.h5")).await;
    let [location] = list_files(&facility).try_into().unwrap();
    let expected = format!(r#"{{"id":1,"checksum":{},"location":"{location}","size":5}}"#, compute_crc32(b"bytes"));
    assert_eq!((stored.status, name(&stored.text())), (201, expected));
    facility.app.stop().await;
}

#[tokio::test]
async fn what_icat_refuses_of_an_upload_is_the_callers_to_mend() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    for name in ["taken", "too long", "unreadable"] {
        let refused = facility.send_request("PUT", &put_path(name), &[], b"bytes".to_vec()).await;
        let expected = format!(r#"{{"code":"BadRequestException","message":"{name}"}}"#);
        assert_eq!((refused.status, refused.text()), (400, expected));
        assert!(list_files(&facility).is_empty(), "{name}");
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn names_that_are_no_file_are_refused() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    for name in [".", "..", "a/../b", "a/.", "./a"] {
        let refused = facility.send_request("PUT", &put_path(name), &[], b"bytes".to_vec()).await;
        assert_eq!(refused.status, 400, "{name}: {}", refused.text());
    }
    for name in ["a/.b", "..c"] {
        assert_eq!(facility.send_request("PUT", &put_path(name), &[], b"bytes".to_vec()).await.status, 201, "{name}");
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn parameters_are_checked_in_the_order_of_the_old_interface() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    let base = "/ids/put?";
    for (query, message) in [
        ("", "The sessionId parameter 'null' is not a valid UUID"),
        ("sessionId=S", "The name parameter must be set"),
        ("sessionId=S&name=n", "The datafileFormatId parameter must be set"),
        ("sessionId=S&name=n&datafileFormatId=x", "The datafileFormatId parameter must be numeric"),
        ("sessionId=S&name=n&datafileFormatId=7", "The datasetId parameter must be set"),
        (
            "sessionId=S&name=n&datafileFormatId=7&datasetId=4&datafileModTime=x",
            "The datafileModTime parameter must be numeric",
        ),
    ] {
        let answer =
            facility.send_request("PUT", &format!("{base}{}", query.replace('S', SESSION)), &[], b"x".to_vec()).await;
        let expected = format!(r#"{{"code":"BadRequestException","message":"{message}"}}"#);
        assert_eq!((answer.status, answer.text()), (400, expected), "{query}");
    }
    facility.app.stop().await;
}
