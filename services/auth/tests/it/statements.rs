//! What logins say to the engines holds on both.

use auth::store::{accounts, token_sessions};
use service_kit::{DbError, Micros};
use testkit::create_databases;

#[tokio::test]
async fn every_statement_can_be_prepared_on_each_engine() {
    for test in create_databases("auth", auth::SERVICE.migrations).await {
        let all = [&accounts::ALL[..], &token_sessions::ALL].concat();
        test.db.prepare_all(&all).await.unwrap();
        println!("{}: {} statements prepared", test.engine, all.len());
    }
}

#[tokio::test]
async fn sessions_of_tokens_are_removed_when_they_are_over() {
    for test in create_databases("auth", auth::SERVICE.migrations).await {
        let engine = test.engine;
        let left = test
            .db
            .write(async |tx| {
                for (sid_hash, expires_at) in [("over", 9), ("now", 10), ("later", 11)] {
                    let row = token_sessions::TokenSessionRow {
                        sealed: vec![0, 255],
                        expires_at: Micros::from_i64(expires_at),
                    };
                    let owner = token_sessions::SessionOwner { user_name: "db/ada", session_hash: sid_hash };
                    token_sessions::insert_token_session(tx, sid_hash, &row, &owner).await?;
                }
                assert_eq!(token_sessions::delete_expired(tx, Micros::from_i64(10)).await?, 1, "{engine}");
                assert!(token_sessions::find_token_session(tx, "over").await?.is_none(), "{engine}");
                assert!(
                    token_sessions::delete_token_session(tx, "later").await?
                        && !token_sessions::delete_token_session(tx, "later").await?,
                    "{engine}"
                );
                Ok::<_, DbError>(token_sessions::find_token_session(tx, "now").await?.expect("it is kept"))
            })
            .await
            .unwrap();
        assert_eq!((left.sealed, left.expires_at), (vec![0, 255], Micros::from_i64(10)), "{engine}");
    }
}
