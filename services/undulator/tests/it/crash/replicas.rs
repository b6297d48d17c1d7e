//! Two writers on one database: the one that publishes is held still for longer than its lease and then goes on.

use std::sync::Arc;

use service_kit::{Db, DbError, SystemClock, Tx, open_database};
use testkit::{Process, wait_until};
use tokio::time::Instant;

use super::World;
use super::clients::Load;
use crate::processes::{build_process, read_metric};

const WRITES: usize = 1_000;
const HELD: &str = "undulator_lease_held{undulator_service=\"icat\",lease=\"outbox-relay\"}";
/// Fails at once if somebody has the row.
const TOUCH: &str = "SELECT fence FROM lease WHERE name = 'outbox-relay' FOR UPDATE NOWAIT";

pub async fn stop_the_holder_of_the_lease(world: &mut World, load: &Arc<Load>) {
    let mut second = build_process("second", &[auth::SERVICE, icat::SERVICE], world.dir.path());
    second.configure(&world.settings);
    second.start(&world.http).await;
    let (http, begun) = (world.http.clone(), load.finished());
    let addresses = vec![world.writer.public(), second.public()];
    let (first, config) = (&world.writer, world.config());
    let db = open_database(&icat::SERVICE, &config, &SystemClock).await.unwrap();
    let holds = async |process: &Process| read_metric(&http, &process.internal(), HELD).await == Some(1.0);

    // The lease of a process that was killed lasts its time.
    let (holder, other) =
        wait_until("one of them publishes", async || match (holds(first).await, holds(&second).await) {
            (true, false) => Some((first, &second)),
            (false, true) => Some((&second, first)),
            _ => None,
        })
        .await;
    let change_of_hands = async {
        load.wait_until_finished(begun + WRITES / 20).await;
        let tries = pause_outside_of_a_transaction(holder, &db).await;
        let (paused, finished) = (Instant::now(), load.finished());
        wait_until("the other one publishes", async || holds(other).await.then_some(())).await;
        let (waited, meanwhile) = (paused.elapsed().as_secs_f64(), load.finished() - finished);
        holder.resume();
        wait_until("the first one knows that it lost", async || (!holds(holder).await).then_some(())).await;
        println!("the lease changed hands after {waited:.1} s, {meanwhile} writes meanwhile, paused at try {tries}");
        meanwhile
    };
    let ((), meanwhile) = tokio::join!(load.write_rows("replicas", WRITES, addresses), change_of_hands);
    assert!(meanwhile > 0, "the other one takes writes");
    db.close().await;
    second.stop();
}

/// A process that is held still inside a transaction keeps its locks, and nobody else can take the lease before the
/// database ends the transaction; that is another matter than the lease.
async fn pause_outside_of_a_transaction(process: &Process, db: &Db) -> usize {
    let mut tries = 1;
    loop {
        process.pause();
        let free =
            db.write(async |tx: &mut Tx| -> Result<(), DbError> { tx.fetch_one(TOUCH, &[]).await.map(drop) }).await;
        if free.is_ok() {
            return tries;
        }
        process.resume();
        tries += 1;
    }
}
