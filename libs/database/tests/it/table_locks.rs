//! Transactions that require the lock of a table run one after the other, each with a snapshot that shows what the earlier ones
//! have stored.

use std::time::Duration;

use futures_util::future::{join_all, join3};
use service_kit::{DbError, Migration, WriteOptions};
use tokio::sync::{Notify, Semaphore};

const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "numbers", sql: "CREATE TABLE number (n BIGINT PRIMARY KEY)" }];

#[tokio::test]
async fn each_transaction_sees_what_the_earlier_ones_have_stored() {
    const WRITERS: i64 = 20;
    for test in testkit::create_databases("numbers", MIGRATIONS).await {
        let db = &test.db;
        let store_next = async || {
            db.write(async |tx| {
                // A statement before the lock takes a snapshot that may be too old.
                tx.fetch_all("SELECT n FROM number", &[]).await?;
                tx.require_table_lock("number")?;
                let count: i64 = tx.fetch_one("SELECT COUNT(*) AS n FROM number", &[]).await?.get("n")?;
                tx.execute("INSERT INTO number (n) VALUES ($1)", &[count.into()]).await?;
                Ok::<_, DbError>(count)
            })
            .await
            .unwrap()
        };
        let mut stored = join_all((0..WRITERS).map(|_| store_next())).await;
        stored.sort_unstable();
        assert_eq!(stored, (0..WRITERS).collect::<Vec<_>>(), "{}", test.engine);
    }
}

/// Whoever waits for the lock lets others pass.
#[tokio::test]
async fn a_lock_that_waits_for_a_long_transaction_does_not_stop_short_ones() {
    for test in testkit::create_databases("numbers", MIGRATIONS).await {
        let db = &test.db;
        if db.engine().has_one_writer() {
            continue;
        }
        let options = WriteOptions { respected_locks: &["number"], ..WriteOptions::default() };
        let (begun, may_end) = (Semaphore::new(0), Notify::new());
        let long = db.write_with(options, async |tx| {
            tx.execute("INSERT INTO number (n) VALUES (1)", &[]).await?;
            begun.add_permits(2);
            may_end.notified().await;
            Ok::<_, DbError>(())
        });
        let locking = async {
            begun.acquire().await.unwrap().forget();
            db.write(async |tx| {
                tx.require_table_lock("number")?;
                let count: i64 = tx.fetch_one("SELECT COUNT(*) AS n FROM number", &[]).await?.get("n")?;
                Ok::<_, DbError>(count)
            })
            .await
        };
        let short = async {
            begun.acquire().await.unwrap().forget();
            for n in 2..12 {
                let write = db.write_with(options, async |tx| {
                    tx.execute("INSERT INTO number (n) VALUES ($1)", &[n.into()]).await
                });
                write.await?;
            }
            may_end.notify_one();
            Ok::<_, DbError>(())
        };
        let all = tokio::time::timeout(Duration::from_mins(1), join3(long, locking, short)).await;
        let (long, count, short) = all.expect("they end");
        long.and(short).unwrap();
        assert_eq!(count.unwrap(), 11, "it had the lock after the long one");
    }
}
