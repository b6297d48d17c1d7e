//! Readiness answers also when the database does not.

use std::time::Duration;

use actix_web::web;
use service_kit::{Db, DbError, ErrorFormat, Listener, Migration, Mount, Problem, Running, ServiceDef};
use testkit::{TestApp, list_backends, wait_until};
use tokio::sync::Semaphore;

static HELD: Semaphore = Semaphore::const_new(0);
static RELEASED: Semaphore = Semaphore::const_new(0);

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    migrations: &[Migration { version: 1, name: "thing", sql: "CREATE TABLE thing (id BIGINT PRIMARY KEY)" }],
    build: |ctx| {
        let mount = Mount::new("/sample", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .state(std::sync::Arc::new(ctx.db))
            .get("/hold", hold_connection)
            .post("/add/{id}", add_row)
            .post("/hang/{id}", hang_in_transaction);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

const ADD: &str = "INSERT INTO thing (id) VALUES ($1)";

async fn add_row(db: web::Data<Db>, id: web::Path<i64>) -> Result<&'static str, Problem> {
    db.write(async |tx| tx.execute(ADD, &[(*id).into()]).await).await?;
    Ok("added")
}

/// Stays within a transaction as long as it may.
async fn hang_in_transaction(db: web::Data<Db>, id: web::Path<i64>) -> Result<&'static str, Problem> {
    db.write(async |tx| {
        tx.execute(ADD, &[(*id).into()]).await?;
        std::future::pending::<Result<(), DbError>>().await
    })
    .await?;
    Ok("never")
}

/// Keeps a connection until it is told to let go.
async fn hold_connection(db: web::Data<Db>) -> Result<&'static str, Problem> {
    let _reading = db.read().await?;
    HELD.add_permits(1);
    RELEASED.acquire().await.map_err(Problem::internal)?.forget();
    Ok("held")
}

#[tokio::test]
async fn readiness_says_soon_that_all_connections_are_taken() {
    let app = TestApp::start(&[SERVICE], "[database]\nmax_connections = 1\n").await;
    let ready = async || {
        let asked = app.http.get(format!("{}/health/ready", app.internal)).timeout(Duration::from_secs(15)).send();
        let answer = asked.await.expect("an answer in time");
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let held = app.http.get(format!("{}/sample/hold", app.public)).send();
    let meanwhile = async {
        HELD.acquire().await.unwrap().forget();
        let (status, body) = ready().await;
        assert!(status == 503 && body.contains(r#""database.sample":"busy""#), "{status} {body}");
        RELEASED.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, meanwhile);
    assert_eq!(held.unwrap().status(), 200);
    assert_eq!(ready().await.0, 200);
    app.stop().await;
}

/// A request whose time is over within a transaction takes it along, and leaves its connection to others.
#[tokio::test]
async fn a_request_given_up_within_a_transaction_holds_up_nobody() {
    for backend in list_backends() {
        let settings = "[database]\nmax_connections = 1\n[http.limits]\ntime = \"300ms\"\n";
        let app = TestApp::start_on(&backend, &[SERVICE], settings).await;
        for id in 0..5 {
            let post = async |what: &str| {
                let answer = app.http.post(format!("{}/sample/{what}/{id}", app.public)).send().await.unwrap();
                answer.status().as_u16()
            };
            assert_eq!(post("hang").await, 503, "{backend:?}");
            // The same row: what was given up is not there. An attempt that is given up during its commit stores the row.
            let mut statuses = Vec::new();
            wait_until("the writer is free", async || {
                statuses.push(post("add").await);
                (statuses.last() != Some(&503)).then_some(())
            })
            .await;
            let is_stored = statuses.last() == Some(&200) || statuses.len() > 1;
            assert!(is_stored, "{backend:?}: {statuses:?}");
        }
        let ready = app.http.get(format!("{}/health/ready", app.internal)).send().await.unwrap();
        assert_eq!(ready.status(), 200, "{backend:?}");
        app.stop().await;
    }
}
