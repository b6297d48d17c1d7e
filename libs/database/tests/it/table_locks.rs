//! Transactions that require the lock of a table run one after the other, each with a snapshot that shows what the earlier ones
//! have stored.

use futures_util::future::join_all;
use service_kit::{DbError, Migration};

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
