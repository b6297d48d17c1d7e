//! Readiness answers also when the database does not.

use std::time::Duration;

use actix_web::web;
use service_kit::{Db, Dialect, Listener, Mount, Problem, Running, ServiceDef};
use testkit::TestApp;
use tokio::sync::Semaphore;

static HELD: Semaphore = Semaphore::const_new(0);
static RELEASED: Semaphore = Semaphore::const_new(0);

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |ctx| {
        let mount = Mount::new("/sample", Listener::Public, Dialect::Problem)
            .state(std::sync::Arc::new(ctx.db))
            .get("/hold", hold);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

/// Keeps a connection until it is told to let go.
async fn hold(db: web::Data<Db>) -> Result<&'static str, Problem> {
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
