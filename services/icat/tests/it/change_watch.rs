//! A service that watches a catalogue for changes: each is processed once, a failure loses none, deletions are found at
//! night.

use std::time::Duration;

use icat_client::IcatClient;
use icat_client::client::{Change, PollSettings, Watch};
use serde_json::json;
use service_kit::{Code, Ctx, Migration, Problem, Running, ServiceDef, Tx, open_database};
use testkit::{TestApp, list_backends, wait_until};

use crate::client_library::AUTHENTICATOR;

const SETTINGS: &str = "[catalogue]\nauthn = [{ mnemonic = \"simple\", url = \"self\" }]\n\
     [icat]\nreader = \"simple:root:x\"\n";

const WATCHER: ServiceDef = ServiceDef {
    name: "watcher",
    migrations: &[Migration {
        version: 1,
        name: "seen",
        sql: "CREATE TABLE seen (id BIGINT PRIMARY KEY, times BIGINT NOT NULL); \
              CREATE TABLE missing (id BIGINT PRIMARY KEY);",
    }],
    build: |ctx| Box::pin(std::future::ready(build(&ctx))),
    ..ServiceDef::EMPTY
};

fn build(ctx: &Ctx) -> Result<Running, service_kit::BuildError> {
    let watch = Watch {
        name: "watcher-facilities",
        entities: &["Facility"],
        interval: Duration::from_millis(20),
        settings: PollSettings::default(),
        reconcile_hour: 3,
    };
    Ok(Running { workers: vec![watch.worker(ctx, record_seen, record_missing)?], ..Running::default() })
}

async fn record_seen(tx: &mut Tx, changes: &[Change]) -> Result<(), Problem> {
    for change in changes {
        let sql = "INSERT INTO seen (id, times) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET times = seen.times + 1";
        tx.execute(sql, &[change.id.into()]).await?;
    }
    Ok(())
}

async fn record_missing(tx: &mut Tx, entity: &'static str, ids: &[i64]) -> Result<(), Problem> {
    if entity != "Facility" {
        return Err(Problem::new(Code::Internal, "watcher/entity", entity));
    }
    for row in tx.fetch_all("SELECT id FROM seen ORDER BY id", &[]).await? {
        let id: i64 = row.get("id")?;
        if !ids.contains(&id) {
            let sql = "INSERT INTO missing (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
            tx.execute(sql, &[id.into()]).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn changes_have_their_effect_once_and_deletions_are_found_at_night() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR, WATCHER], SETTINGS).await;
        let icat = IcatClient::new(app.http.clone(), &app.public);
        let session = icat.login("simple", &[("username", "root")]).await.unwrap();
        let db = open_database(&WATCHER, &app.config, &*app.clock).await.unwrap();
        let count =
            async |sql: &str| -> i64 { db.read().await.unwrap().fetch_one(sql, &[]).await.unwrap().get("n").unwrap() };
        let facility = |n: usize| json!({"Facility": {"name": format!("F{n}"), "fullName": "x"}});

        let ids = icat.create_entities(&session, &[facility(0), facility(1), facility(2)]).await.unwrap();
        let all = "SELECT COUNT(*) AS n FROM seen";
        wait_until("three facilities are seen", async || (count(all).await == 3).then_some(())).await;
        app.clock.advance_seconds(20);
        icat.update_entities(&session, &[json!({"Facility": {"id": ids[0], "fullName": "y"}})]).await.unwrap();
        let twice = "SELECT COUNT(*) AS n FROM seen WHERE times = 2";
        wait_until("the change is seen", async || (count(twice).await == 1).then_some(())).await;

        // A failing statement takes the position back with it: nothing is lost, nothing counts twice.
        db.write(async |tx| tx.execute("ALTER TABLE seen RENAME TO hidden", &[]).await).await.unwrap();
        app.clock.advance_seconds(20);
        icat.create_entities(&session, &[facility(3)]).await.unwrap();
        db.write(async |tx| tx.execute("ALTER TABLE hidden RENAME TO seen", &[]).await).await.unwrap();
        wait_until("the fourth is seen", async || (count(all).await == 4).then_some(())).await;
        assert_eq!(count("SELECT CAST(SUM(times) AS BIGINT) AS n FROM seen").await, 5);

        icat.delete_entities(&session, "Facility", &[ids[1]]).await.unwrap();
        app.clock.advance_seconds(24 * 3600);
        let gone = "SELECT COUNT(*) AS n FROM missing";
        wait_until("the deletion is found", async || (count(gone).await == 1).then_some(())).await;
        db.close().await;
        app.stop().await;
    }
}
