//! What downloads say to the engines holds on both.

use download::store::{checksums, hashing, keys, manifests, missing, prepared, unclaimed};
use testkit::create_databases;

#[tokio::test]
async fn every_statement_can_be_prepared_on_each_engine() {
    for test in create_databases("download", download::SERVICE.migrations).await {
        let fixed = [
            &checksums::ALL[..],
            &hashing::ALL,
            &keys::ALL,
            &manifests::ALL,
            &missing::ALL,
            &prepared::ALL,
            &unclaimed::ALL,
        ]
        .concat();
        let inserts = [1, 50].map(|rows| [manifests::insert(rows), missing::insert(rows)]).concat();
        let inserts: Vec<&str> = inserts.iter().map(String::as_str).collect();
        let all = [&fixed[..], &inserts].concat();
        test.db.prepare_all(&all).await.unwrap();
        println!("{}: {} statements prepared", test.engine, all.len());
    }
}
