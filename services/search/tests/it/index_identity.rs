//! An index and the changes that belong to it.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use testkit::{TestApp, wait_until};

use crate::lucene::IcatServer;

/// With the embedded engine, whatever the other tests run with.
async fn start_embedded() -> IcatServer {
    IcatServer { app: TestApp::start(&[search::SERVICE], "").await }
}

fn index_directory(server: &IcatServer) -> PathBuf {
    let versions = fs::read_dir(server.app.config.core.data_dir.join("search")).unwrap();
    versions.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
}

#[tokio::test]
async fn a_deleted_index_is_created_again_and_takes_over_the_changes() {
    let server = start_embedded().await;
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;
    let directory = index_directory(&server);
    let server = server.restart_after(async || fs::remove_dir_all(&directory).unwrap()).await;
    server.add_documents("Datafile", &json!([{"id": 2, "name": "b.h5"}])).await;
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({})).await, [2]);
    server.stop().await;
}

#[tokio::test]
async fn changes_of_another_index_are_neither_applied_nor_lost() {
    let server = start_embedded().await;
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;
    let file = index_directory(&server).join("identity");
    let identity = fs::read_to_string(&file).unwrap();

    let server = server.restart_after(async || fs::write(&file, "another").unwrap()).await;
    let failed = async || {
        server.app.metric("undulator_worker_restarts_total{worker=\"search-index\"}").await.filter(|n| *n >= 1.0)
    };
    wait_until("the index is refused", failed).await;
    server.add_documents("Datafile", &json!([{"id": 2, "name": "b.h5"}])).await;

    let server = server.restart_after(async || fs::write(&file, &identity).unwrap()).await;
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 2]);
    server.stop().await;
}
