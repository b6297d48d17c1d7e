//! What lies on disk opens no session: neither the ICAT session, nor the handle of a token, nor an API key stands there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::KeyAdministrator;
use auth::domain::api_key::ApiKeyTerms;
use service_kit::{Clock as _, Sources, SystemIds};
use testkit::TestApp;

use crate::client::{
    PASSWORD, ada_credentials, decode_part, log_in_fresh, open_accounts, read_token, refresh_pair, request_token,
    request_token_for_session,
};
use crate::icat::{ICAT, SESSION};
use crate::scigateway_client;

/// The names and contents of all files below a directory.
fn read_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(read_files(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    all
}

#[tokio::test]
async fn the_database_alone_reveals_neither_session_nor_handle() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "").await;
    let accounts = open_accounts(&app).await;
    accounts.create_account(&accounts.parse_name("db/visible-control").unwrap(), PASSWORD).await.unwrap();
    accounts.close().await;
    let tokens = [
        read_token(request_token(&app, &ada_credentials()).await).await,
        read_token(request_token_for_session(&app, SESSION).await).await,
    ];
    let first = log_in_fresh(&app, "uma").await;
    let second = refresh_pair(&app, &first.refresh).await;
    let (portal_token, portal_cookie) = scigateway_client::log_in(&app, "uma").await;
    let portal_handle = decode_part(&portal_token, 1)["sessionId"].as_str().unwrap().to_owned();
    let portal_refresh = portal_cookie.split_once('=').unwrap().1.to_owned();
    let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
    let keys = auth::open_api_keys(&app.config, &sources).await.unwrap();
    let terms = ApiKeyTerms {
        name: "visible-api-key".to_owned(),
        user_name: "db/ada".to_owned(),
        scopes: vec!["read".to_owned()],
        instruments: Vec::new(),
        expires_at: app.clock.now_micros() + Duration::from_hours(1),
    };
    let api_key = keys.create_key(terms, &KeyAdministrator::command_line()).await.unwrap().key.expose().to_owned();
    keys.close().await;
    let resolved =
        app.http.post(format!("{}/api-keys/resolve", app.internal)).bearer_auth(&api_key).send().await.unwrap();
    assert_eq!(resolved.status(), 200);
    let sids = tokens.each_ref().map(|token| decode_part(token, 1)["sid"].as_str().unwrap().to_owned());

    let all = read_files(app.data_dir());
    let found = |text: &str| {
        let text = text.as_bytes();
        all.iter().filter(|(_, content)| content.windows(text.len()).any(|w| w == text)).map(|(name, _)| name).collect()
    };
    let log: &(String, Vec<u8>) = all.iter().find(|(name, _)| name.ends_with("auth.db-wal")).expect("the log is there");
    assert!(!log.1.is_empty());
    for control in ["visible-control", "visible-api-key", "$argon2id$", "login_ended_at"] {
        let found: Vec<&String> = found(control);
        assert!(!found.is_empty(), "{control} would be found");
    }
    for sid in &sids {
        let stored: Vec<&String> = found(&sha256_hex(sid));
        assert!(!stored.is_empty(), "the row of the token is there");
        assert!(found(sid).is_empty(), "{:?}", found(sid));
    }
    let stored: Vec<&String> = found(&sha256_hex(&portal_handle));
    assert!(!stored.is_empty(), "the row of the portal's login is there");
    assert!(found(&portal_handle).is_empty() && found(&portal_handle[4..]).is_empty());
    for refresh_token in [&first.refresh, &second.refresh, &portal_refresh] {
        let stored: Vec<&String> = found(&sha256_hex(refresh_token));
        assert!(!stored.is_empty(), "the row of the refresh token is there");
        assert!(found(refresh_token).is_empty() && found(&refresh_token[4..]).is_empty());
    }
    let stored: Vec<&String> = found(&sha256_hex(&api_key));
    assert!(!stored.is_empty(), "the row of the API key is there");
    assert!(found(&api_key).is_empty() && found(&api_key[4..]).is_empty());
    let sid = decode_part(&first.access, 1)["sid"].as_str().unwrap().to_owned();
    assert!(found(&sid).is_empty(), "the refresh token gives it, and the database alone does not");
    for secret in [SESSION, &SESSION.replace('-', ""), PASSWORD, &tokens[0], &tokens[1], &portal_token] {
        assert!(found(secret).is_empty(), "{secret}: {:?}", found(secret));
    }
    println!("{} files searched", all.len());
    app.stop().await;
}

fn sha256_hex(text: &str) -> String {
    format!("{:?}", aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes())).replace("SHA256:", "")
}
