//! What downloads say to the engines holds on both.

use download::store::{
    checksum_jobs, checksums, manifests, missing_files, orphan_checks, prepared_selections, signing_keys,
};
use testkit::create_databases;

#[tokio::test]
async fn every_statement_can_be_prepared_on_each_engine() {
    for test in create_databases("download", download::SERVICE.migrations).await {
        let fixed = [
            &checksums::ALL[..],
            &checksum_jobs::ALL,
            &signing_keys::ALL,
            &manifests::ALL,
            &missing_files::ALL,
            &prepared_selections::ALL,
            &orphan_checks::ALL,
        ]
        .concat();
        let inserts = [1, 50].map(|rows| [manifests::render_insert(rows), missing_files::render_insert(rows)]).concat();
        let inserts: Vec<&str> = inserts.iter().map(String::as_str).collect();
        let all = [&fixed[..], &inserts].concat();
        test.db.prepare_all(&all).await.unwrap();
        println!("{}: {} statements prepared", test.engine, all.len());
    }
}
