//! Every constant statement is one on each engine.

#[tokio::test]
async fn every_constant_prepares_on_each_engine() {
    for test in testkit::create_databases("logbook", logbook::SERVICE.migrations).await {
        test.db.prepare_all(&logbook::store::list_statements()).await.unwrap();
    }
}
