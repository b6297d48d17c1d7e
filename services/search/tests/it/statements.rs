//! Every constant statement is one on each engine.

#[tokio::test]
async fn every_constant_prepares_on_each_engine() {
    for test in testkit::create_databases("search", search::SERVICE.migrations).await {
        test.db.prepare_all(&search::store::list_statements()).await.unwrap();
    }
}
