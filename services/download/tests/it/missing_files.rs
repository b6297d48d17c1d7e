//! Files that are catalogued and cannot be read: an archive is refused before its first byte and names them; whoever asks
//! for the rest gets it.

use serde_json::{Value, json};
use testkit::list_backends;

use crate::facility::{Facility, SESSION};

const FOLDER: &str = "ids/SUN/MX-1/1/scan";

fn read_refusal(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "NotFoundException", "{body}");
    body["message"].as_str().unwrap().to_owned()
}

async fn create_three_files(facility: &Facility) {
    for (name, content) in [("a.h5", "aaa"), ("b.h5", "bbbb"), ("c.h5", "ccccc")] {
        facility.create_file(name, content.as_bytes(), true).await;
    }
}

async fn get_file_list(facility: &Facility, id: &str) -> Vec<Value> {
    let answer = facility.get(&format!("/ids/getData?preparedId={id}&format=json"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn an_archive_names_what_is_missing_and_the_rest_can_be_had() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        create_three_files(&facility).await;
        std::fs::remove_file(facility.files.join("here/b.h5")).unwrap();
        let expected = format!(
            "1 of the 3 files of this selection cannot be read: {FOLDER}/b.h5 (Datafile[id:2]: there is no such file)"
        );
        for further in
            ["datasetIds=4", "datasetIds=4&format=tar", "datafileIds=1,2,3&compress=true", "investigationIds=1"]
        {
            let refused = facility.get(&format!("/ids/getData?sessionId={SESSION}&{further}"), &[]).await;
            assert_eq!((refused.status, read_refusal(&refused.text())), (404, expected.clone()), "{further}");
        }
        for further in [&[][..], &[("missing", "refuse")]] {
            let (status, text) = facility.prepare_dataset_with(further).await;
            assert_eq!((status, read_refusal(&text)), (404, expected.clone()));
        }
        let (status, text) = facility.prepare_dataset_with(&[("missing", "perhaps")]).await;
        assert!(status == 400 && text.contains("'perhaps' is none of refuse, skip"), "{text}");

        let (status, id) = facility.prepare_dataset_with(&[("missing", "skip")]).await;
        assert_eq!(status, 200, "{id}");
        let list = get_file_list(&facility, &id).await;
        let paths: Vec<&str> = list.iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["a.h5", "c.h5", "b.h5"].map(|name| format!("{FOLDER}/{name}")));
        let gone = json!({"id": 2, "name": "b.h5", "path": format!("{FOLDER}/b.h5"), "size": 4, "missing": "there is no such file"});
        assert_eq!(list[2], gone);
        assert!(list[0].get("missing").is_none());
        assert_eq!(facility.get(list[1]["url"].as_str().unwrap(), &[]).await.body, b"ccccc");
        let whole = facility.get(&format!("/ids/getData?preparedId={id}"), &[]).await;
        assert_eq!(whole.status, 200);
        assert!(!whole.text().contains("b.h5") && whole.text().contains("c.h5"));
        assert_eq!(facility.get(&format!("/ids/getSize?preparedId={id}"), &[]).await.text(), "8");
        let ids = facility.get(&format!("/ids/getDatafileIds?preparedId={id}"), &[]).await;
        assert_eq!(ids.text(), r#"{"zip":true,"compress":false,"ids":[1,3]}"#);
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_goes_after_it_was_prepared_is_named_before_the_first_byte() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        create_three_files(&facility).await;
        let id = facility.prepare_dataset().await;
        let list = get_file_list(&facility, &id).await;
        std::fs::remove_file(facility.files.join("here/b.h5")).unwrap();
        let data = |further: &str| format!("/ids/getData?preparedId={id}{further}");
        for (further, headers) in
            [("", &[][..]), ("&format=tar", &[]), ("&format=tar.gz", &[]), ("&format=tar", &[("range", "bytes=0-9")])]
        {
            let refused = facility.get(&data(further), headers).await;
            assert_eq!(refused.status, 404, "{further}");
            assert!(read_refusal(&refused.text()).starts_with("1 of the 3 files of this selection cannot be read:"));
        }
        let head = facility.send_request("HEAD", &data(""), &[], Vec::new()).await;
        assert_eq!((head.status, head.header("accept-ranges")), (200, "bytes"), "HEAD reads nothing");
        let url = |place: usize| list[place]["url"].as_str().unwrap();
        assert_eq!(facility.get(url(0), &[]).await.body, b"aaa");
        assert_eq!(facility.get(url(2), &[]).await.body, b"ccccc");
        let alone = facility.get(url(1), &[]).await;
        let expected = "The file of Datafile[id:2] is not available: there is no such file";
        assert_eq!((alone.status, read_refusal(&alone.text())), (404, expected.to_owned()));
        // A range behind it does not need it, and one before it comes to its end.
        let tar = |place: usize| list[place]["tarOffset"].as_u64().unwrap();
        let part = |first: u64, last: u64| format!("bytes={first}-{last}");
        let behind = facility.get(&data("&format=tar"), &[("range", &part(tar(2), tar(2) + 4))]).await;
        assert_eq!((behind.status, behind.body.as_slice()), (206, &b"ccccc"[..]));
        let within = facility.get(&data("&format=tar"), &[("range", &part(tar(1), tar(2)))]).await;
        assert_eq!(within.status, 404);
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn a_file_is_missing_for_a_reason_that_is_told() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    create_three_files(&facility).await;
    let here = facility.files.join("here");
    std::fs::remove_file(here.join("a.h5")).unwrap();
    std::fs::create_dir(here.join("a.h5")).unwrap();
    std::fs::remove_file(here.join("b.h5")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", here.join("b.h5")).unwrap();
    std::fs::write(here.join("c.h5"), "longer than the catalogue says").unwrap();
    for (name, location) in [("d.h5", "../files/here/c.h5"), ("e.h5", "here/c.h5/x"), ("f.h5", "/etc/hostname")] {
        facility.create_datafile(json!({"name": name, "location": location, "fileSize": 1})).await;
    }
    let (_, id) = facility.prepare_dataset_with(&[("missing", "skip")]).await;
    let list = get_file_list(&facility, &id).await;
    let told: Vec<(&str, Option<&str>)> =
        list.iter().map(|file| (file["name"].as_str().unwrap(), file["missing"].as_str())).collect();
    let (absent, other) = (Some("there is no such file"), Some("it is no file of this storage"));
    let expected =
        [("c.h5", None), ("a.h5", other), ("b.h5", other), ("d.h5", other), ("e.h5", absent), ("f.h5", other)];
    assert_eq!(told, expected);
    assert_eq!(list[0]["size"], 30, "the disk counts");
    facility.app.stop().await;
}

#[tokio::test]
async fn of_many_missing_files_some_are_named_and_all_are_counted() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    for n in 1..=123 {
        facility
            .create_datafile(json!({"name": format!("{n:03}.h5"), "location": format!("gone/{n}"), "fileSize": n}))
            .await;
    }
    facility.create_file("good.h5", b"good", true).await;
    let (status, text) = facility.prepare_dataset_with(&[]).await;
    let text = read_refusal(&text);
    assert_eq!(status, 404);
    assert!(text.starts_with("123 of the 124 files of this selection cannot be read:"), "{text}");
    assert!(text.ends_with(", and 113 more") && text.matches("Datafile[id:").count() == 10, "{text}");
    let (_, id) = facility.prepare_dataset_with(&[("missing", "skip")]).await;
    assert_eq!(get_file_list(&facility, &id).await.len(), 124);
    facility.app.stop().await;
}

#[tokio::test]
async fn sizes_and_texts_are_those_of_the_old_interface() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    facility.create_file("a.h5", b"12345", true).await;
    facility.create_datafile(json!({"name": "no size, no file", "location": "gone/b"})).await;
    std::fs::write(facility.files.join("c"), "1234567").unwrap();
    facility.create_datafile(json!({"name": "no size", "location": "c"})).await;
    facility.create_datafile(json!({"name": "no location"})).await;
    let ask = async |call: &str, ids: &str| {
        let answer = facility.get(&format!("/ids/{call}?sessionId={SESSION}&{ids}"), &[]).await;
        (answer.status, answer.text())
    };
    assert_eq!(ask("getSize", "datasetIds=4").await, (200, "12".to_owned()));
    assert_eq!(ask("getSize", "datafileIds=2").await, (200, "0".to_owned()));
    assert_eq!(ask("getSize", "datafileIds=1,2,4").await, (200, "5".to_owned()));
    // Anything else than that there is no file may be a file that cannot be read now.
    let long = "x".repeat(300);
    facility.create_datafile(json!({"name": "locked", "location": long})).await;
    let (status, text) = ask("getSize", "datafileIds=1,5").await;
    let expected = "1 of the 2 files of this selection cannot be read: locked (Datafile[id:5]: it cannot be read now)";
    assert_eq!((status, read_refusal(&text)), (404, expected.to_owned()));
    assert_eq!(ask("getSize", "datafileIds=5").await.0, 404);
    let failure = |text: &str| (404, format!(r#"{{"code":"NotFoundException","message":"{text}"}}"#));
    assert_eq!(ask("getSize", "datafileIds=4").await, failure("Datafile not found"));
    assert_eq!(ask("getData", "datafileIds=4").await, failure("Datafile 4"));
    assert_eq!(ask("getDatafileIds", "datafileIds=4").await, failure("Datafile 4"));
    facility.app.stop().await;
}

#[tokio::test]
async fn the_name_of_an_archive_stays_as_long_as_the_archive_does() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    facility.create_file("a.h5", b"12345", true).await;
    let url = format!("/ids/getData?sessionId={SESSION}&datasetIds=4");
    let name = async |url: &str| facility.get(url, &[]).await.header("content-disposition").to_owned();
    let first = name(&url).await;
    let short = first.strip_prefix("attachment; filename=\"MX-1_1_scan_").unwrap().strip_suffix(".zip\"").unwrap();
    assert!(short.len() == 12 && short.bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
    facility.app.clock.advance_seconds(3600);
    assert_eq!(name(&url).await, first);
    let id = facility.prepare_dataset().await;
    assert_eq!(name(&format!("/ids/getData?preparedId={id}")).await, first, "the same files");
    let tar = name(&format!("/ids/getData?preparedId={id}&format=tar")).await;
    assert_eq!(tar, first.replace(".zip", ".tar"));
    facility.create_file("b.h5", b"12345", true).await;
    assert_ne!(name(&url).await, first);
    facility.app.stop().await;
}

#[tokio::test]
async fn what_windows_refuses_is_in_no_form_of_archive() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    for (n, name) in ["a?.h5", "A_.h5", "logs/con", "e\u{301}.", "É_", "tab\tx*"].iter().enumerate() {
        std::fs::write(facility.files.join(n.to_string()), "x").unwrap();
        facility.create_datafile(json!({"name": name, "location": n.to_string(), "fileSize": 1})).await;
    }
    let id = facility.prepare_dataset().await;
    let expected = ["a_.h5", "A_ (2).h5", "logs/con_", "é_", "É_ (2)", "tab_x_"].map(|name| format!("{FOLDER}/{name}"));
    let list = get_file_list(&facility, &id).await;
    assert_eq!(list.iter().map(|file| file["path"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    for format in ["zip", "tar", "metalink"] {
        let archive = facility.get(&format!("/ids/getData?preparedId={id}&format={format}"), &[]).await.body;
        for name in &expected {
            let found = archive.windows(name.len()).any(|bytes| bytes == name.as_bytes());
            assert!(found, "{name} in {format}");
        }
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn head_of_a_prepared_selection_is_answered_while_icat_is_away() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    facility.create_file("a.h5", b"12345", true).await;
    let id = facility.prepare_dataset().await;
    facility.get("/icat/down", &[]).await;
    for format in ["", "&format=tar"] {
        let url = format!("/ids/getData?preparedId={id}{format}");
        let head = facility.send_request("HEAD", &url, &[], Vec::new()).await;
        assert_eq!(head.status, 200);
        assert!(head.header("etag").starts_with('"') || head.header("etag").starts_with("W/"));
        let get = facility.get(&url, &[]).await;
        assert_eq!((get.status, get.header("retry-after")), (503, "10"), "{}", get.text());
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn names_that_were_frozen_by_an_older_rule_stay() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        facility.create_file("a_.h5", b"12345", true).await;
        let id = facility.prepare_dataset().await;
        // As a version that let them be would have stored it.
        let name = format!("{FOLDER}/a?.h5");
        let rename = "UPDATE manifest_member SET name = $1";
        facility.app.db("download").write(async |tx| tx.execute(rename, &[(&name).into()]).await).await.unwrap();
        let Facility { app, files, dir } = facility;
        let facility = Facility { app: app.restart().await, files, dir };
        facility.create_file("again", b"", true).await;
        let list = get_file_list(&facility, &id).await;
        assert_eq!(list[0]["path"], name);
        for format in ["zip", "tar"] {
            let archive = facility.get(&format!("/ids/getData?preparedId={id}&format={format}"), &[]).await.body;
            assert!(archive.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{format}");
        }
        facility.app.stop().await;
    }
}
