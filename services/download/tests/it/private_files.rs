//! `data_dir` below the storage: its databases and keys are no files of the storage, whatever the catalogue says and
//! whatever leads there.

use std::fs;
use std::os::unix::fs::symlink;

use download::store::orphan_checks;
use serde_json::json;
use service_kit::Micros;
use testkit::list_backends;

use crate::facility::{DATASET, Facility, SESSION};

const SECRET: &str = "-----BEGIN PRIVATE KEY----- not for anybody";
const FILES: [&str; 2] = ["auth/keys/1.pem", "auth.db"];

/// `data_dir` with a key and a database comes to lie in the storage, and its old name is a link to it.
fn move_into_storage(facility: &Facility) {
    let data_dir = facility.app.data_dir().to_owned();
    fs::create_dir_all(data_dir.join("auth/keys")).unwrap();
    for file in FILES {
        fs::write(data_dir.join(file), SECRET).unwrap();
    }
    let inside = facility.files.join("inside");
    fs::rename(&data_dir, &inside).unwrap();
    symlink(&inside, &data_dir).unwrap();
    symlink("inside", facility.files.join("link")).unwrap();
    symlink("inside/auth.db", facility.files.join("innocent.h5")).unwrap();
}

#[tokio::test]
async fn keys_and_databases_are_neither_served_nor_deleted() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        move_into_storage(&facility);
        fs::create_dir(facility.files.join("copy")).unwrap();
        fs::write(facility.files.join("copy/auth.db"), SECRET).unwrap();
        let control = facility.create_datafile(json!({"name": "copy", "location": "copy/auth.db"})).await;
        let served = facility.get(&format!("/ids/getData?sessionId={SESSION}&datafileIds={control}"), &[]).await;
        assert_eq!((served.status, served.text()), (200, SECRET.to_owned()), "the control");
        let locations =
            ["inside/auth/keys/1.pem", "inside/auth.db", "link/auth.db", "innocent.h5", "copy/../inside/auth.db"];
        let mut ids = Vec::new();
        for location in locations {
            ids.push(
                facility
                    .create_datafile(json!({"name": location, "location": location, "fileSize": SECRET.len()}))
                    .await,
            );
        }
        for id in &ids {
            for further in ["", "&zip=true", "&format=tar", "&format=json", "&format=tar.gz", "&compress=true&zip=true"]
            {
                let url = format!("/ids/getData?sessionId={SESSION}&datafileIds={id}{further}");
                let refused = facility.get(&url, &[]).await;
                assert_eq!(refused.status, 404, "{id} {further}");
                assert!(refused.text().contains("it is no file of this storage"), "{}", refused.text());
                assert!(!refused.text().contains("PRIVATE KEY"));
            }
        }
        let (status, text) = facility.prepare_dataset_with(&[]).await;
        assert!(status == 404 && text.contains("5 of the 6 files"), "{text}");
        let all = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let url = format!("/ids/delete?sessionId={SESSION}&datafileIds={all},{control}");
        assert_eq!(facility.send_request("DELETE", &url, &[], Vec::new()).await.status, 204);
        for file in FILES {
            assert_eq!(fs::read_to_string(facility.files.join("inside").join(file)).unwrap(), SECRET);
        }
        assert!(!facility.files.join("copy/auth.db").exists(), "the control is deleted");
        let db = facility.app.db("download");
        let open = orphan_checks::list_due_files(&mut db.read().await.unwrap(), Micros::MAX).await.unwrap();
        assert_eq!(open, [], "nobody tries again");
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn an_upload_is_not_written_below_data_dir() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    move_into_storage(&facility);
    let put = format!("/ids/put?sessionId={SESSION}&name=new.h5&datasetId={DATASET}&datafileFormatId=7");
    assert_eq!(facility.send_request("PUT", &put, &[], b"bytes".to_vec()).await.status, 201, "the control");
    fs::remove_dir_all(facility.files.join("1")).unwrap();
    // Where uploads of the investigation lie.
    symlink("inside", facility.files.join("1")).unwrap();
    let refused = facility.send_request("PUT", &put.replace("new", "newer"), &[], b"bytes".to_vec()).await;
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(!facility.files.join("inside/4").exists());
    facility.app.stop().await;
}

#[tokio::test]
async fn a_storage_that_comes_to_lie_below_data_dir_serves_nothing() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    let id = facility.create_file("a.h5", b"bytes", true).await;
    let url = format!("/ids/getData?sessionId={SESSION}&datafileIds={id}");
    assert_eq!(facility.get(&url, &[]).await.status, 200);
    fs::rename(&facility.files, facility.app.data_dir().join("files")).unwrap();
    assert_eq!(facility.get(&url, &[]).await.status, 404);
    facility.app.stop().await;
}
