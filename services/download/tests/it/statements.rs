//! What downloads say to the engines holds on both.

use download::store::{checksums, hashing, keys, manifests, prepared, unclaimed};
use testkit::databases;

#[tokio::test]
async fn every_statement_can_be_prepared_on_each_engine() {
    for test in databases("download", download::SERVICE.migrations).await {
        let fixed =
            [&checksums::ALL[..], &hashing::ALL, &keys::ALL, &manifests::ALL, &prepared::ALL, &unclaimed::ALL].concat();
        let (one, fifty) = (manifests::insert(1), manifests::insert(50));
        let all = [&fixed[..], &[&one, &fifty]].concat();
        test.db.prepare_all(&all).await.unwrap();
        println!("{}: {} statements prepared", test.engine, all.len());
    }
}
