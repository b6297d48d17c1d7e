//! A service whose consumer fails for the things that its table `trouble` lists, by an error or by a panic.

use events::{Consumer, Events, Received};
use service_kit::{BuildError, Code, Ctx, DbError, Migration, Problem, Running, ServiceDef, Tx};
use testkit::TestApp;
use testkit::probe::ThingChanged;
use tokio::sync::Semaphore;

/// Attempts in which the database was away.
pub static OUTAGES: Semaphore = Semaphore::const_new(0);

pub const SERVICE: ServiceDef = ServiceDef {
    name: "faulty",
    migrations: &[Migration {
        version: 1,
        name: "done",
        sql: "CREATE TABLE done (id BIGINT PRIMARY KEY, thing_id BIGINT NOT NULL);
              CREATE TABLE trouble (thing_id BIGINT PRIMARY KEY, kind {text} NOT NULL);",
    }],
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let events = Events::start(&ctx).await?;
    events.add_consumer(Consumer::new("faulty-things", handle_with_faults));
    Ok(Running::default())
}

async fn handle_with_faults(tx: &mut Tx, received: &Received<ThingChanged>) -> Result<(), Problem> {
    let thing = received.event.id;
    let id = tx.allocate_ids(1).await?[0];
    // Stored before the failure, so that the test sees whether it is taken back.
    tx.execute("INSERT INTO done (id, thing_id) VALUES ($1, $2)", &[id.into(), thing.into()]).await?;
    let trouble = tx.fetch_optional("SELECT kind FROM trouble WHERE thing_id = $1", &[thing.into()]).await?;
    match trouble.map(|row| row.get::<String>("kind")).transpose()?.as_deref() {
        None => Ok(()),
        Some("panic") => panic!("trouble with thing {thing}"),
        Some("outage") => {
            OUTAGES.add_permits(1);
            Err(DbError::Unavailable(sqlx::Error::PoolClosed).into())
        }
        Some(kind) => Err(Problem::new(Code::Conflict, "faulty/trouble", format!("{kind} with thing {thing}"))),
    }
}

/// From now on this thing makes trouble.
pub async fn insert_faulty_thing(app: &TestApp, thing: i64, kind: &str) {
    let sql = "INSERT INTO trouble (thing_id, kind) VALUES ($1, $2)";
    let work = async |tx: &mut Tx| tx.execute(sql, &[thing.into(), kind.into()]).await;
    app.db("faulty").write(work).await.unwrap();
}

/// The cause is mended.
pub async fn mend(app: &TestApp) {
    app.db("faulty")
        .write(async |tx| -> Result<u64, DbError> { tx.execute("DELETE FROM trouble", &[]).await })
        .await
        .unwrap();
}

/// Whose effects are stored.
pub async fn done(app: &TestApp) -> Vec<i64> {
    let rows =
        app.db("faulty").read().await.unwrap().fetch_all("SELECT thing_id FROM done ORDER BY thing_id", &[]).await;
    rows.unwrap().iter().map(|row| row.get("thing_id").unwrap()).collect()
}
