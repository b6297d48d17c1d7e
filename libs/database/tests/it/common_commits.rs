//! Writers of a `SQLite` file that come while another one works are stored by one commit.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join, join_all, join3};
use service_kit::{Db, DbError, Engine, Val, WriteOptions};
use testkit::Backend;
use tokio::sync::{Notify, Semaphore};

use crate::opened::{add_row, database_config, list_ids, open_migrated};

const ADD: &str = "INSERT INTO thing (id, name) VALUES ($1, 'n')";
const ENDLESS: &str = "INSERT INTO thing (id, name) WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n) \
                       SELECT i, 'n' FROM n WHERE i < 0";
const WRITERS: i64 = 20;

async fn open_sqlite(dir: &Path) -> Db {
    open_migrated(dir, &database_config(&Backend::Sqlite, "").await).await
}

/// The number of commits in the write-ahead log, by the [format of the log](https://sqlite.org/fileformat2.html#walformat): a
/// frame that ends a transaction says how large the database is.
fn count_commits(dir: &Path) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::read(dir.join("sample.db-wal")).unwrap();
    log[HEADER..].chunks_exact(FRAME).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Holds the first writer until all others wait.
struct Gate(Semaphore);

impl Gate {
    fn new() -> Self {
        Self(Semaphore::new(0))
    }

    /// In the first writer. A second attempt passes.
    async fn pass_gate(&self) {
        drop(self.0.acquire().await.unwrap());
    }

    /// Runs the first writer and then the others, all in this task: each of them is in the queue before the gate is opened.
    fn run_writers<'f, A: 'f, B: 'f>(
        &'f self,
        first: impl Future<Output = A> + 'f,
        others: impl Future<Output = B> + 'f,
    ) -> LocalBoxFuture<'f, (A, B)> {
        async move {
            let (first, others, ()) = join3(first, others, async { self.0.add_permits(1) }).await;
            (first, others)
        }
        .boxed_local()
    }
}

async fn add_first_row(db: &Db, gate: &Gate, id: i64) -> Result<u64, DbError> {
    db.write(async |tx| {
        gate.pass_gate().await;
        tx.execute(ADD, &[id.into()]).await
    })
    .await
}

/// Adds a row, and counts how often that was tried.
async fn add_counted(db: &Db, gate: &Gate, id: i64, attempts: &AtomicUsize) -> Result<u64, DbError> {
    db.write(async |tx| {
        gate.pass_gate().await;
        attempts.fetch_add(1, Ordering::Relaxed);
        tx.execute(ADD, &[id.into()]).await
    })
    .await
}

#[tokio::test]
async fn those_who_wait_are_stored_by_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_sqlite(dir.path()).await;
    let before = count_commits(dir.path());
    add_row(&db, 100, 0).await.unwrap();
    assert_eq!(count_commits(dir.path()) - before, 1, "the control: one by itself");
    let gate = Gate::new();
    let others = join_all((1..WRITERS).map(|id| add_row(&db, id, 0)));
    let (first, others) = gate.run_writers(add_first_row(&db, &gate, 0), others).await;
    first.unwrap();
    for outcome in others {
        outcome.unwrap();
    }
    assert_eq!(count_commits(dir.path()) - before, 2);
    assert_eq!(list_ids(&db).await, (0..WRITERS).chain([100]).collect::<Vec<_>>());
    add_row(&db, 101, 0).await.unwrap();
    assert_eq!(count_commits(dir.path()) - before, 3, "and one by itself again");
}

#[tokio::test]
async fn one_that_fails_is_undone_by_itself() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "").await).await;
        let write = async |n: i64| {
            db.write(async |tx| {
                tx.execute(ADD, &[n.into()]).await?;
                match n % 4 {
                    1 => Err(DbError::NoRow),
                    2 => tx.execute(ADD, &[n.into()]).await,
                    _ => Ok(1),
                }
            })
            .await
        };
        let outcomes = join_all((0..WRITERS).map(write)).await;
        for (n, outcome) in outcomes.iter().enumerate() {
            match n % 4 {
                1 => assert!(matches!(outcome, Err(DbError::NoRow)), "{n}: {outcome:?}"),
                2 => assert!(matches!(outcome, Err(DbError::Unique(_))), "{n}: {outcome:?}"),
                _ => assert!(outcome.is_ok(), "{n}: {outcome:?}"),
            }
        }
        let expected: Vec<i64> = (0..WRITERS).filter(|n| n % 4 == 0 || n % 4 == 3).collect();
        assert_eq!(list_ids(&db).await, expected, "{:?}", db.engine());
        db.close().await;
    }
}

/// An error that follows from a row is told only when that row is stored.
#[tokio::test]
async fn each_sees_what_those_before_it_have_written() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_sqlite(dir.path()).await;
    let count = async |gate: Option<&Gate>| {
        db.write(async |tx| {
            if let Some(gate) = gate {
                gate.pass_gate().await;
            }
            let n: i64 = tx.fetch_one("SELECT COUNT(*) AS n FROM thing", &[]).await?.get("n")?;
            tx.execute(ADD, &[n.into()]).await?;
            Ok::<_, DbError>(n)
        })
        .await
    };
    let before = count_commits(dir.path());
    let gate = Gate::new();
    let (first, others) = gate.run_writers(count(Some(&gate)), join_all((1..WRITERS).map(|_| count(None)))).await;
    let counts: Result<Vec<i64>, _> = [first].into_iter().chain(others).collect();
    assert_eq!(counts.unwrap(), (0..WRITERS).collect::<Vec<_>>());
    let refused = async {
        let refused = add_row(&db, 500, 0).await;
        (refused, list_ids(&db).await.contains(&500))
    };
    let gate = Gate::new();
    let (stored, (refused, is_stored)) = gate.run_writers(add_first_row(&db, &gate, 500), refused).await;
    stored.unwrap();
    assert!(matches!(refused, Err(DbError::Unique(_))), "{refused:?}");
    assert!(is_stored, "a reader finds the row that the error is about");
    assert_eq!(count_commits(dir.path()) - before, 2);
}

#[tokio::test]
async fn whoever_continues_knows_that_it_sees_uncommitted_changes() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_sqlite(dir.path()).await;
    let ask = async |gate: Option<&Gate>| {
        let asked = db.write(async |tx| {
            if let Some(gate) = gate {
                gate.pass_gate().await;
            }
            Ok::<_, DbError>(tx.sees_uncommitted_changes())
        });
        asked.await.unwrap()
    };
    let gate = Gate::new();
    let (first, second) = gate.run_writers(ask(Some(&gate)), ask(None)).await;
    assert_eq!((first, second, ask(None).await), (false, true, false));
    assert!(!db.read().await.unwrap().sees_uncommitted_changes());
}

/// The engine undoes the whole transaction when a statement is interrupted or the database is full.
#[tokio::test]
async fn those_who_had_ended_are_stored_though_a_later_one_breaks_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_sqlite(dir.path()).await;
    let attempts = AtomicUsize::new(0);
    let fill = db.write(async |tx| {
        tx.execute("PRAGMA max_page_count = 1", &[]).await?;
        tx.execute("INSERT INTO thing (id, name, picture) VALUES (50, 'n', $1)", &[Val::Blob(Some(vec![7; 1 << 20]))])
            .await
    });
    let gate = Gate::new();
    let first = join_all((0..3).map(|id| add_counted(&db, &gate, id, &attempts)));
    let (before, (full, after)) = gate.run_writers(first, join(fill, add_row(&db, 60, 0))).await;
    assert!(before.iter().all(Result::is_ok), "{before:?}");
    assert!(matches!(full, Err(DbError::DiskFull(_))), "{full:?}");
    after.unwrap();
    assert_eq!(attempts.swap(0, Ordering::Relaxed), 6, "each was run again");
    assert_eq!(list_ids(&db).await, [0, 1, 2, 60]);

    let given_up = tokio::time::timeout(Duration::from_secs(2), db.write(async |tx| tx.execute(ENDLESS, &[]).await));
    let gate = Gate::new();
    let first = join_all((3..6).map(|id| add_counted(&db, &gate, id, &attempts)));
    let (before, (given_up, after)) = gate.run_writers(first, join(given_up, add_row(&db, 61, 0))).await;
    assert!(before.iter().all(Result::is_ok), "{before:?}");
    assert!(given_up.is_err(), "nobody waits for it any more");
    after.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 6, "each was run again");
    assert_eq!(list_ids(&db).await, [0, 1, 2, 3, 4, 5, 60, 61]);
}

#[tokio::test]
async fn nobody_waits_for_work_that_is_done_alone() {
    for backend in testkit::list_backends() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_migrated(dir.path(), &database_config(&backend, "").await).await;
        let is_acknowledged = Notify::new();
        let first = async {
            let stored = add_row(&db, 1, 0).await;
            is_acknowledged.notify_one();
            stored
        };
        let options = WriteOptions { is_alone: true, ..WriteOptions::default() };
        let alone = db.write_with(options, async |tx| {
            // It would wait for ever if the first one waited for it.
            is_acknowledged.notified().await;
            tx.execute(ADD, &[2.into()]).await
        });
        let both = tokio::time::timeout(Duration::from_mins(1), join(first, join(alone, add_row(&db, 3, 0)))).await;
        let (first, (alone, last)) = both.expect("they end");
        first.and(alone).and(last).unwrap();
        assert_eq!(list_ids(&db).await, [1, 2, 3], "{:?}", db.engine());
        db.close().await;
    }
}

/// Writers that give up at any point, fail or break the connection, beside others: what is acknowledged is stored, once, and
/// nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_rows_are_exactly_those_that_are_stored() {
    const ROUNDS: i64 = 150;
    /// The writer whose statement does not end.
    const BREAKS: i64 = 8;
    let dir = tempfile::tempdir().unwrap();
    let db = open_sqlite(dir.path()).await;
    assert_eq!(db.engine(), Engine::Sqlite);
    let mut certain = Vec::new();
    let mut uncertain = Vec::new();
    for round in 0..ROUNDS {
        let write = async |n: i64| {
            let id = round * WRITERS + n;
            let work = db.write(async |tx| {
                tx.execute(ADD, &[id.into()]).await?;
                if n == BREAKS && round % 5 == 0 {
                    tx.execute(ENDLESS, &[]).await?;
                }
                if n % 3 == 1 { Err(DbError::NoRow) } else { tx.fetch_one("SELECT 1 AS n", &[]).await.map(drop) }
            });
            let micros = match n {
                BREAKS => 50_000,
                _ if n % 4 == 0 => (round * 7919 + n * 104_729).unsigned_abs() % 8000,
                _ => 60_000_000,
            };
            let limit = Duration::from_micros(micros);
            (id, tokio::time::timeout(limit, work).await.map_err(drop))
        };
        for (id, outcome) in join_all((0..WRITERS).map(write)).await {
            match outcome {
                Ok(Ok(())) => certain.push(id),
                Ok(Err(e)) => assert!(matches!(e, DbError::NoRow), "{e:?}"),
                Err(()) => uncertain.push(id),
            }
        }
    }
    add_row(&db, i64::MAX, 0).await.unwrap();
    let stored = list_ids(&db).await;
    let lost: Vec<_> = certain.iter().filter(|id| !stored.contains(id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let unexpected: Vec<_> =
        stored.iter().filter(|id| **id != i64::MAX && !certain.contains(id) && !uncertain.contains(id)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert!(certain.len() > 500 && uncertain.len() > 20, "{} and {}", certain.len(), uncertain.len());
}
