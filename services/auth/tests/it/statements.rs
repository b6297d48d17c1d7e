//! What logins say to the engines holds on both.

use auth::domain::audit::{AuditEntry, AuditKind};
use auth::domain::origin::Origin;
use auth::store::batches::delete_in_batches;
use auth::store::{
    account_links, accounts, api_keys, audit, audit_counts, logins, maintenance, provider_logins, provider_logouts,
    provider_sessions, provider_users, refresh_tokens, revoked_logins, used_tokens,
};
use service_kit::{DbError, Micros, Tx};
use testkit::create_databases;

fn list_statements() -> Vec<&'static str> {
    [
        &accounts::ALL[..],
        &api_keys::ALL,
        &audit::ALL,
        &audit_counts::ALL,
        &logins::ALL,
        &maintenance::ALL,
        &provider_logins::ALL,
        &provider_logouts::ALL,
        &provider_sessions::ALL,
        &provider_users::ALL,
        &account_links::ALL,
        &refresh_tokens::ALL,
        &revoked_logins::ALL,
        &used_tokens::ALL,
    ]
    .concat()
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_each_engine() {
    for test in create_databases("auth", auth::SERVICE.migrations).await {
        let all = list_statements();
        test.db.prepare_all(&all).await.unwrap();
        println!("{}: {} statements prepared", test.engine, all.len());
    }
}

#[test]
fn no_statement_changes_the_audit_log() {
    let changes = |sql: &&&str| sql.contains("UPDATE audit");
    assert_eq!(list_statements().iter().filter(changes).count(), 0);
    assert_eq!(["UPDATE audit SET reason = 'x'"].iter().filter(changes).count(), 1, "it would be found");
}

fn login_row(sid_hash: &str, end: i64) -> logins::LoginRow {
    logins::LoginRow {
        sid_hash: sid_hash.to_owned(),
        user_name: "db/ada".to_owned(),
        mechanism: "db".to_owned(),
        client: "undulator".to_owned(),
        sealed: vec![0, 255],
        session_hash: "session".to_owned(),
        session_ends_at: Micros::from_i64(end),
        auth_time: None,
        acr: None,
        amr: "[]".to_owned(),
        started_at: Micros::from_i64(1),
        last_used_at: Micros::from_i64(1),
        ends_at: Micros::from_i64(end),
        idle_ends_at: Micros::from_i64(end),
        address: None,
        user_agent: Some("test".to_owned()),
        ended_at: None,
    }
}

#[tokio::test]
async fn logins_and_their_refresh_tokens_are_deleted_when_they_are_over() {
    for test in create_databases("auth", auth::SERVICE.migrations).await {
        let engine = test.engine;
        let at = Micros::from_i64;
        test.db
            .write(async |tx| {
                for (sid_hash, end) in [("over", 9), ("now", 10), ("later", 11), ("ended", 11)] {
                    logins::insert_login(tx, &login_row(sid_hash, end), at(end)).await?;
                    refresh_tokens::insert_token(tx, &format!("token {sid_hash}"), sid_hash, &[1], at(1)).await?;
                }
                let ended = logins::end_login(tx, "ended", auth::domain::login::EndReason::LoggedOut, at(5)).await?;
                assert_eq!(ended.map(|ended| ended.user_name).as_deref(), Some("db/ada"), "{engine}");
                let again = logins::end_login(tx, "ended", auth::domain::login::EndReason::LoggedOut, at(6)).await?;
                assert_eq!(again, None, "{engine}");
                assert!(logins::lock_login(tx, "ended").await?.is_none(), "{engine}");
                assert_eq!(logins::lock_login(tx, "later").await?, Some(login_row("later", 11)), "{engine}");
                assert_eq!(logins::delete_old_logins(tx, at(10)).await?, 0, "{engine}: they have refresh tokens");
                assert_eq!(logins::delete_tokens_of_old_logins(tx, at(10)).await?, 2, "{engine}");
                assert_eq!(logins::delete_old_logins(tx, at(10)).await?, 2, "{engine}");
                for (sid_hash, is_kept) in [("over", false), ("now", true), ("later", true), ("ended", false)] {
                    assert_eq!(logins::find_login(tx, sid_hash).await?.is_some(), is_kept, "{engine} {sid_hash}");
                    let token = refresh_tokens::find_token(tx, &format!("token {sid_hash}")).await?;
                    assert_eq!(token.is_some(), is_kept, "{engine} {sid_hash}");
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn many_old_rows_are_deleted_a_few_at_a_time() {
    const OLD: usize = 2_500;
    for test in create_databases("auth", auth::SERVICE.migrations).await {
        let engine = test.engine;
        let origin = Origin::default();
        let store = async |tx: &mut Tx| {
            let entry = AuditEntry::new(AuditKind::Key, "prepared", &origin);
            for n in 0..OLD {
                audit::insert_entry(tx, &entry, Micros::from_i64(i64::try_from(n).unwrap())).await?;
            }
            audit::insert_entry(tx, &entry, Micros::from_i64(10_000)).await
        };
        test.db.write(store).await.unwrap();
        let before = Micros::from_i64(10_000);
        let first = test.db.write(async |tx| audit::delete_old_entries(tx, before).await).await.unwrap();
        assert_eq!(first, 1000, "{engine}: in one transaction");
        let rest = delete_in_batches(&test.db, async |tx| audit::delete_old_entries(tx, before).await).await.unwrap();
        assert_eq!(rest, 1500, "{engine}");
        let left = audit::list_entries(&mut test.db.read().await.unwrap(), Micros::from_i64(0), 10).await.unwrap();
        assert_eq!(left.len(), 1, "{engine}: one that is not old");
    }
}
