//! The statements of leases and stored responses, on each engine.

use service_kit::db::{idempotency, leases};

/// More than there are connections.
const READS: i64 = 40;

#[tokio::test]
async fn every_statement_is_known_to_each_engine() {
    for test in testkit::create_databases("statements", &[]).await {
        test.db.prepare_all(&leases::ALL).await.unwrap();
        test.db.prepare_all(&idempotency::ALL).await.unwrap();
    }
}

#[tokio::test]
async fn one_statement_is_read_by_itself() {
    let sql = "SELECT CAST($1 AS BIGINT) AS n";
    for test in testkit::create_databases("statements", &[]).await {
        for n in 0..READS {
            let mut tx = test.db.read_statement().await.unwrap();
            assert_eq!(tx.fetch_one(sql, &[n.into()]).await.unwrap().get::<i64>("n").unwrap(), n);
            assert!(tx.fetch_one(sql, &[n.into()]).await.is_err(), "{}: a second statement", test.engine);
        }
        let written = test.db.read_statement().await.unwrap().execute("CREATE TABLE t (n BIGINT)", &[]).await;
        assert!(written.is_err(), "{}: it cannot write", test.engine);
        let refused = test.db.read_statement().await.unwrap().fetch_one("SELECT nothing", &[]).await;
        assert!(refused.is_err(), "{}: a wrong statement", test.engine);
        // Transactions work on the connections that were given back.
        let mut tx = test.db.read().await.unwrap();
        for n in 0..2 {
            assert_eq!(tx.fetch_one(sql, &[n.into()]).await.unwrap().get::<i64>("n").unwrap(), n);
        }
    }
}
