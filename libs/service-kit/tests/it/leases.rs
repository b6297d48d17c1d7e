//! What only one replica may do at a time, on each engine: two processes' worth of leases on one database.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use service_kit::{
    Ctx, Db, DbError, Engine, Lease, Leases, Running, Server, ServiceDef, Sources, SystemIds, open_database,
};
use testkit::{TestApp, list_backends};

/// `build` is a plain function: what it was given finds its way to the test by the directory of the database.
static STARTED: Mutex<BTreeMap<PathBuf, Vec<Ctx>>> = Mutex::new(BTreeMap::new());

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |ctx| {
        STARTED.lock().unwrap().entry(ctx.config.core.data_dir.clone()).or_default().push(ctx);
        Box::pin(std::future::ready(Ok(Running::default())))
    },
    ..ServiceDef::EMPTY
};

const MINUTE: Duration = Duration::from_mins(1);

async fn acquire_sweep(leases: &Leases) -> Option<Lease> {
    leases.acquire("sweep", MINUTE).await.unwrap()
}

async fn is_lease_held(db: &Db, lease: &Lease) -> bool {
    db.write(async |tx| Ok::<_, DbError>(lease.is_held(tx).await?)).await.unwrap()
}

/// What another process would have.
struct Holder {
    db: Db,
    leases: Leases,
}

async fn second_holder(app: &TestApp, one: &Ctx) -> Holder {
    let db = open_database(&SERVICE, &app.config, &*app.clock).await.unwrap();
    let leases =
        Leases::new(db.clone(), Arc::clone(&app.clock) as _, "sample", "second".into(), one.process.metrics.clone());
    Holder { db, leases }
}

/// Two servers on one `SQLite` file would each believe that they are alone; on `PostgreSQL` leases are for that.
#[tokio::test]
async fn a_second_server_on_a_sqlite_file_is_refused_until_the_first_has_stopped() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[SERVICE], "").await;
        let start = async || {
            let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
            Server::start(&[SERVICE], &app.config, sources).await
        };
        match (app.db("sample").engine(), start().await) {
            (Engine::Sqlite, Err(e)) => {
                let text = service_kit::problem::format_error_chain(&e);
                let (file, number) = (app.data_dir().join("sample.db"), std::process::id());
                let expected = format!("{} is in use by another server (process {number})", file.display());
                assert!(text.contains(&expected) && text.contains("sample.db.lock; stop that one"), "{text}");
            }
            (Engine::Postgres, Ok(second)) => second.stop().await,
            (engine, outcome) => panic!("{engine:?}: {:?}", outcome.map(|_| ())),
        }
        app.restart().await.stop().await;
    }
}

#[tokio::test]
async fn one_holder_at_a_time_and_a_higher_fence_with_every_change() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[SERVICE], "").await;
        let started = STARTED.lock().unwrap().remove(app.data_dir()).unwrap();
        let [one] = started.as_slice() else { panic!("one process was started") };
        let two = second_holder(&app, one).await;

        let first = acquire_sweep(&one.leases).await.expect("nobody had it");
        assert_eq!(acquire_sweep(&two.leases).await, None, "{backend:?}: somebody has it");
        assert!(is_lease_held(&one.db, &first).await);
        let anew = acquire_sweep(&one.leases).await.expect("who has it gets it anew");
        assert!(anew.fence() > first.fence(), "{backend:?}: {first:?} {anew:?}");
        assert!(!is_lease_held(&one.db, &first).await, "{backend:?}: the former right is void");

        app.clock.advance_seconds(59);
        assert!(one.leases.renew(&anew, MINUTE).await.unwrap());
        app.clock.advance_seconds(59);
        assert_eq!(acquire_sweep(&two.leases).await, None, "{backend:?}: it was prolonged");
        app.clock.advance_seconds(2);
        let other = acquire_sweep(&two.leases).await.expect("it has expired");
        assert!(other.fence() > anew.fence(), "{backend:?}: {anew:?} {other:?}");

        // The first holder was stopped for a while and does not know.
        assert!(!is_lease_held(&one.db, &anew).await && is_lease_held(&two.db, &other).await, "{backend:?}");
        assert!(!one.leases.renew(&anew, MINUTE).await.unwrap(), "{backend:?}");
        one.leases.release(&anew).await.unwrap();
        assert!(is_lease_held(&two.db, &other).await, "{backend:?}: a right that is void gives nothing back");
        assert_eq!(acquire_sweep(&one.leases).await, None, "{backend:?}");
        let text = app.http.get(format!("{}/metrics", app.internal)).send().await.unwrap().text().await.unwrap();
        let gauge = r#"undulator_lease_held{undulator_service="sample",lease="sweep"} 0"#;
        assert!(text.lines().any(|line| line == gauge), "{text}");

        two.leases.release(&other).await.unwrap();
        assert!(!is_lease_held(&two.db, &other).await || acquire_sweep(&one.leases).await.is_some(), "{backend:?}");
        two.db.close().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn leases_of_two_names_do_not_meet() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[SERVICE], "").await;
        let started = STARTED.lock().unwrap().remove(app.data_dir()).unwrap();
        let leases = &started[0].leases;
        let sweep = leases.acquire("sweep", MINUTE).await.unwrap().unwrap();
        let relay = leases.acquire("relay", MINUTE).await.unwrap().unwrap();
        leases.release(&relay).await.unwrap();
        assert!(leases.renew(&sweep, MINUTE).await.unwrap(), "{backend:?}");
        app.stop().await;
    }
}
