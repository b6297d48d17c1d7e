//! The log of an embedded database goes into its file while the service writes on.

use std::fs;
use std::sync::Arc;

use actix_web::web;
use service_kit::{Db, ErrorFormat, Listener, Migration, Mount, Problem, Running, ServiceDef, Val};
use testkit::{Backend, TestApp, wait_until};

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    migrations: &[Migration {
        version: 1,
        name: "piece",
        sql: "CREATE TABLE piece (id BIGINT PRIMARY KEY, bytes BLOB NOT NULL)",
    }],
    build: |ctx| {
        let mount = Mount::new("/sample", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::new(ctx.db))
            .post("/piece/{n}", add_row);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};
const PIECE: usize = 256 * 1024;
/// 20 MiB: more than is moved at once, and less than the writer's own connection would begin to move by itself.
const PIECES: i64 = 80;

async fn add_row(db: web::Data<Db>, n: web::Path<i64>) -> Result<&'static str, Problem> {
    let vals = [(*n).into(), Val::Blob(Some(vec![0; PIECE]))];
    db.write(async |tx| tx.execute("INSERT INTO piece (id, bytes) VALUES ($1, $2)", &vals).await).await?;
    Ok("added")
}

#[tokio::test]
async fn what_is_written_reaches_the_file_without_the_writer() {
    let app = TestApp::start_on(&Backend::Sqlite, &[SERVICE], "").await;
    for n in 0..PIECES {
        let answer = app.http.post(format!("{}/sample/piece/{n}", app.public)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let file = app.data_dir().join("sample.db");
    let moved = wait_until("the log is in the file", async || {
        let bytes = fs::metadata(&file).unwrap().len();
        (bytes > 15 << 20).then_some(bytes)
    })
    .await;
    println!("{} KiB of {} in the file", moved >> 10, PIECES * 256);
    app.stop().await;
}
