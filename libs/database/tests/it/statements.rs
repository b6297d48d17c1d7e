//! The statements of leases and stored responses, on each engine.

use service_kit::db::{idempotency, leases};

#[tokio::test]
async fn every_statement_is_known_to_each_engine() {
    for test in testkit::create_databases("statements", &[]).await {
        test.db.prepare_all(&leases::ALL).await.unwrap();
        test.db.prepare_all(&idempotency::ALL).await.unwrap();
    }
}
