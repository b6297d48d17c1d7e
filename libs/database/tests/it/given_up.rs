//! Work that nobody waits for any more, at whichever point: it is stored as a whole or not at all, whoever waits for the
//! change hears of it if it is stored, and no connection is left within a transaction.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use service_kit::{Db, DbError, Engine};
use testkit::wait_until;
use tokio::sync::Notify;

use crate::opened::{database_config, list_ids, open_migrated};

const ADD: &str = "INSERT INTO thing (id, name) VALUES ($1, 'n')";
/// Takes as long as it is told to.
const COUNT: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < MOST) \
                     SELECT CAST(COUNT(*) AS BIGINT) AS n FROM n";
/// More than a transaction needs.
const MOST_POLLS: usize = 15;
const ROUNDS: usize = 20;

/// Polls a future so many times and then gives it up.
struct GiveUp<F>(Pin<Box<F>>, usize);

impl<F: Future> Future for GiveUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        self.1 -= 1;
        match self.0.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Those who give up do not wait for the database.
            Poll::Pending if self.1 == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    GiveUp(Box::pin(future), polls).await
}

async fn add_two(db: &Db, id: i64, notify: &Arc<Notify>) -> Result<(), DbError> {
    db.write(async |tx| {
        tx.execute(ADD, &[id.into()]).await?;
        tx.notify_on_commit(notify);
        tx.execute(ADD, &[(id + 1).into()]).await.map(drop)
    })
    .await
}

/// `PostgreSQL` knows who is within a transaction.
async fn open_transactions(db: &Db) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid() AND state LIKE '%in transaction%'";
    db.read().await.unwrap().fetch_one(sql, &[]).await.unwrap().get("n").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_given_up_at_any_point_is_whole_or_nothing() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "max_connections = 2").await).await;
        let (mut given_up, mut done, mut stored) = (0, 0, 0);
        for round in 0..ROUNDS {
            for polls in 0..MOST_POLLS {
                let id = i64::try_from((round * MOST_POLLS + polls) * 10).unwrap();
                let notify = Arc::default();
                let outcome = give_up_after(polls, add_two(&db, id, &notify)).await;
                // The next writer is served, and sees all of it or nothing.
                add_two(&db, id + 5, &Arc::default()).await.unwrap();
                let now = list_ids(&db).await;
                let (first, second) = (now.contains(&id), now.contains(&(id + 1)));
                match outcome {
                    Some(outcome) => {
                        outcome.unwrap();
                        done += 1;
                        assert!(first && second, "{polls} polls: acknowledged");
                    }
                    None => given_up += 1,
                }
                assert_eq!(first, second, "{polls} polls: both rows or none");
                if first {
                    stored += 1;
                    // Guarded by the test's own end.
                    tokio::time::timeout(std::time::Duration::from_mins(1), notify.notified()).await.expect("a wake");
                }
            }
        }
        assert!(given_up > ROUNDS && done > ROUNDS, "{given_up} given up, {done} done");
        assert!(stored > done, "some were given up during the commit, which went on");
        if db.engine() == Engine::Postgres {
            wait_until("no transaction is open", async || (open_transactions(&db).await == 0).then_some(())).await;
        }
        println!("{:?}: {given_up} given up, {done} done, {stored} stored", db.engine());
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_given_up_at_any_point_leaves_its_connection_to_others() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "max_connections = 1").await).await;
        for polls in 0..MOST_POLLS {
            give_up_after(polls, async {
                let mut tx = db.read().await?;
                tx.fetch_all("SELECT id FROM thing", &[]).await?;
                tx.fetch_all("SELECT id FROM thing", &[]).await
            })
            .await;
            add_two(&db, i64::try_from(polls * 2).unwrap(), &Arc::default()).await.unwrap();
            assert_eq!(list_ids(&db).await.len(), (polls + 1) * 2, "{polls} polls: a fresh snapshot");
        }
        db.close().await;
    }
}

/// Statements that compute on the server at this moment.
async fn list_running_statements(db: &Db) -> Vec<String> {
    let sql = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND state = 'active' AND backend_type = 'client backend'";
    let rows = db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get("query").unwrap()).collect()
}

/// Whether another transaction has the only connection for reading or writing for a while.
async fn is_connection_taken(db: &Db, writes: bool) -> bool {
    const WHILE: std::time::Duration = std::time::Duration::from_millis(100);
    let other =
        async { if writes { db.write(async |_| Ok::<_, DbError>(())).await } else { db.read().await.map(drop) } };
    tokio::time::timeout(WHILE, other).await.is_err()
}

/// Statements that would go on for minutes end when nobody waits for them, whether they read or write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_statement_given_up_ends() {
    let endless = COUNT.replace("MOST", "2000000000");
    let insert = format!("INSERT INTO thing (id, name) SELECT n, 'n' FROM ({endless}) AS counted");
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        // `SQLite` tells by its only connection whether a statement runs, `PostgreSQL` by another one.
        let connections = if matches!(backend, testkit::Backend::Sqlite) { 1 } else { 2 };
        let settings = format!("max_connections = {connections}");
        let db = open_migrated(dir.path(), &database_config(&backend, &settings).await).await;
        for writes in [false, true] {
            let work = async {
                if writes {
                    db.write(async |tx| tx.execute(&insert, &[]).await.map(drop)).await
                } else {
                    db.read().await?.fetch_one(&endless, &[]).await.map(drop)
                }
            };
            let running = async {
                wait_until("the statement runs", async || {
                    let runs = match db.engine() {
                        Engine::Sqlite => is_connection_taken(&db, writes).await,
                        Engine::Postgres => !list_running_statements(&db).await.is_empty(),
                    };
                    runs.then_some(())
                })
                .await;
            };
            tokio::select! {
                done = work => panic!("it does not end by itself: {done:?}"),
                () = running => {}
            }
            let started = std::time::Instant::now();
            if db.engine() == Engine::Postgres {
                wait_until("the server has stopped", async || {
                    list_running_statements(&db).await.is_empty().then_some(())
                })
                .await;
            }
            let id = if writes { 2 } else { 0 };
            add_two(&db, id, &Arc::default()).await.unwrap();
            assert!(started.elapsed().as_millis() < 1_900, "writes {writes}: {:?}", started.elapsed());
        }
        assert_eq!(list_ids(&db).await, [0, 1, 2, 3]);
        db.close().await;
    }
}

/// A handler may give up one statement and go on.
#[tokio::test]
async fn a_transaction_with_a_statement_given_up_is_not_committed() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "").await).await;
        let long = COUNT.replace("MOST", "2000000");
        let outcome = db
            .write(async |tx| {
                tx.execute(ADD, &[1.into()]).await?;
                let given_up = give_up_after(1, tx.execute(&long, &[])).await;
                assert!(given_up.is_none(), "it takes longer");
                let after = tx.execute(ADD, &[3.into()]).await;
                assert!(matches!(after, Err(DbError::Poisoned)), "{after:?}");
                Ok::<_, DbError>(())
            })
            .await;
        assert!(matches!(outcome, Err(DbError::Poisoned)), "{outcome:?}");
        assert_eq!(list_ids(&db).await, [0; 0]);
        db.close().await;
    }
}
