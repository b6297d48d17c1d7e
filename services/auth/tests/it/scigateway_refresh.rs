//! Tokens of the interface of scigateway-auth: how long they are valid, how they are refreshed, and what they contain.

use auth::Accounts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Backend, TestApp, list_backends};

use crate::client::{
    PASSWORD, decode_part, list_audit_rows, open_accounts, refresh as refresh_natively, resolve_token,
};
use crate::icat::{ICAT, LOCAL};
use crate::scigateway_client::{
    build_request, get_path, log_in, post, read_failure, read_tokens, refresh, refresh_tokens, start_app, verify_token,
};

async fn create_account(app: &TestApp, name: &str) -> Accounts {
    let accounts = open_accounts(app).await;
    accounts.create_account(&accounts.parse_name(name).unwrap(), PASSWORD).await.unwrap();
    accounts
}

#[tokio::test]
async fn a_token_is_valid_for_half_an_hour_and_as_long_as_its_login_lives() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let (token, _) = log_in(&app, "uma").await;
        let answer = post(&app, "/verify", &json!({"token": token})).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-length"]), (200, &"0".parse().unwrap()));
        assert!(!answer.headers().contains_key("content-type"));
        let invalid = json!("Invalid JWT token provided");
        for wrong in ["", "x", "x.y.z", &token[..token.len() - 2]] {
            let failure = read_failure(post(&app, "/verify", &json!({"token": wrong})).await).await;
            assert_eq!(failure, (403, invalid.clone()), "{wrong}");
        }
        app.clock.advance_seconds(1799);
        assert_eq!(verify_token(&app, &token).await, 200);
        app.clock.advance_seconds(1);
        assert_eq!(verify_token(&app, &token).await, 403, "without leeway");

        let (token, cookie) = log_in(&app, "uma").await;
        let answer = post(&app, "/logout", &json!({"token": token})).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0; Path=/auth/refresh"));
        assert_eq!(verify_token(&app, &token).await, 403);
        let refused = read_failure(refresh(&app, &token, &cookie).await).await;
        assert_eq!(refused, (403, "Unable to refresh access token".into()));
        assert_eq!(post(&app, "/logout", &json!({"token": token})).await.status(), 200, "again");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_refresh_replaces_the_cookie_and_a_copy_ends_the_login() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let (token, cookie) = log_in(&app, "uma").await;
        let none = read_failure(post(&app, "/refresh", &json!({"token": token})).await).await;
        assert_eq!(none, (400, "No JWT refresh token found".into()));
        assert_eq!(post(&app, "/refresh", &json!({})).await.status(), 422, "before the cookie is looked for");
        app.clock.advance_seconds(3600);
        assert_eq!(verify_token(&app, &token).await, 403);
        let (next, next_cookie) = refresh_tokens(&app, &token, &cookie).await;
        assert_ne!(next_cookie, cookie);
        assert_eq!(verify_token(&app, &next).await, 200, "although the old one had expired");
        let (tab, _) = refresh_tokens(&app, &token, &cookie.replace(':', "%3A")).await;
        assert_eq!(verify_token(&app, &tab).await, 200, "another tab, in the other spelling");

        let (other, other_cookie) = log_in(&app, "uma").await;
        let refused = (403, json!("Unable to refresh access token"));
        assert_eq!(read_failure(refresh(&app, &next, &other_cookie).await).await, refused, "of another login");
        assert_eq!(read_failure(refresh(&app, "x.y.z", &next_cookie).await).await, refused);
        assert_eq!(read_failure(refresh(&app, &next, "scigateway:refresh_token=x").await).await, refused);
        let foreign = build_request(&app, Method::POST, "/refresh").header("cookie", &next_cookie);
        let foreign = foreign.header("sec-fetch-site", "cross-site").json(&json!({"token": next}));
        assert_eq!(read_failure(foreign.send().await.unwrap()).await, refused, "another site");
        let value = next_cookie.split_once('=').unwrap().1;
        assert_eq!(refresh_natively(&app, value).await.status(), 401, "it is accepted from the cookie alone");

        app.clock.advance_seconds(21);
        assert_eq!(read_failure(refresh(&app, &next, &cookie).await).await, refused, "a copy");
        assert_eq!(verify_token(&app, &next).await, 403, "its login has ended");
        assert_eq!(read_failure(refresh(&app, &next, &next_cookie).await).await, refused);
        assert_eq!(verify_token(&app, &other).await, 200);
        let rows = list_audit_rows(&app).await;
        let reused = rows.iter().find(|row| row.reason == "reused").unwrap();
        assert_eq!(reused.client.as_deref(), Some("scigateway"));
        app.stop().await;
    }
}

#[tokio::test]
async fn two_tabs_of_a_portal_that_refresh_at_once_both_live() {
    const ROUNDS: usize = 10;
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let (mut token, mut cookie) = log_in(&app, "uma").await;
        for _ in 0..ROUNDS {
            let tab = || refresh_tokens(&app, &token, &cookie);
            let (one, other) = join(tab(), tab()).await;
            assert_ne!(one.1, other.1);
            assert_eq!((verify_token(&app, &one.0).await, verify_token(&app, &other.0).await), (200, 200));
            // The browser keeps the cookie that came last.
            (token, cookie) = (one.0, other.1);
            app.clock.advance_seconds(60);
        }
        println!("{ROUNDS} rounds");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_token_has_a_handle_that_services_resolve_or_the_session_id_if_the_settings_say_so() {
    let app = start_app(&Backend::Sqlite).await;
    create_account(&app, "db/jürgen").await.close().await;
    let login = json!({"mnemonic": "db", "credentials": {"username": "jürgen", "password": PASSWORD}});
    let token: String = post(&app, "/login", &login).await.json().await.unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    assert!(String::from_utf8(payload).unwrap().contains(r#""username":"db/j\u00fcrgen""#), "as Python writes it");
    let handle = decode_part(&token, 1)["sessionId"].as_str().unwrap().to_owned();
    let (status, session) = resolve_token(&app, &handle).await;
    assert_eq!((status, &session["session_id"], &session["user_name"]), (200, &json!(LOCAL), &json!("db/jürgen")));
    assert_eq!(resolve_token(&app, &format!("{handle}x")).await.0, 401);
    let ended = app.http.delete(format!("{}/session/{handle}", app.public)).send().await.unwrap();
    assert_eq!((ended.status().as_u16(), verify_token(&app, &token).await), (403, 200), "it is no session id");
    assert_eq!(post(&app, "/logout", &json!({"token": token})).await.status(), 200);
    assert_eq!(resolve_token(&app, &handle).await.0, 401);
    app.stop().await;

    let settings = "[auth]\nexpose_icat_session = true\n";
    let app = TestApp::start(&[auth::SERVICE, ICAT], settings).await;
    let (token, cookie) = log_in(&app, "uma").await;
    let session = decode_part(&token, 1)["sessionId"].as_str().unwrap().to_owned();
    let known = app.http.get(format!("{}/icat/session/{session}", app.public)).send().await.unwrap();
    assert_eq!(known.status(), 200, "ICAT knows it");
    assert_eq!(verify_token(&app, &token).await, 200);
    let (next, _) = refresh_tokens(&app, &token, &cookie).await;
    assert_eq!(decode_part(&next, 1)["sessionId"], session.as_str());
    app.stop().await;
}

#[tokio::test]
async fn roles_are_those_of_now_and_not_of_the_login() {
    let settings =
        "[identity]\nadministrators = [\"db/root\"]\n[catalogue]\nauthn = [{ mnemonic = \"db\", url = \"self\" }]\n";
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], settings).await;
    create_account(&app, "db/root").await;
    let login = json!({"mnemonic": "db", "credentials": {"username": "root", "password": PASSWORD}});
    let (token, cookie) = read_tokens(post(&app, "/login", &login).await).await;
    assert_eq!(decode_part(&token, 1)["userIsAdmin"], true);
    let put = async |app: &TestApp, token: &str| {
        let request = build_request(app, Method::PUT, "/maintenance").bearer_auth(token);
        request.json(&json!({"show": true, "message": "a"})).send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(&app, &token).await, 200);
    let app = app.restart_with("identity.administrators", [""; 0]).await;
    assert_eq!(put(&app, &token).await, 403, "whatever the token says");
    let notice: Value = get_path(&app, "/maintenance").await.json().await.unwrap();
    assert_eq!(notice, json!({"show": true, "message": "a"}), "it outlives the process");
    let (next, _) = refresh_tokens(&app, &token, &cookie).await;
    assert_eq!(decode_part(&next, 1)["userIsAdmin"], false);
    assert_eq!(get_path(&app, "/jwks.json").await.json::<Value>().await.unwrap()["keys"].as_array().unwrap().len(), 1);
    app.stop().await;
}

/// A login is over for this interface when it is over for the others.
#[tokio::test]
async fn a_locked_account_has_no_valid_token() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let accounts = create_account(&app, "db/lea").await;
        let login = json!({"mnemonic": "db", "credentials": {"username": "lea", "password": PASSWORD}});
        let (token, cookie) = read_tokens(post(&app, "/login", &login).await).await;
        assert_eq!(verify_token(&app, &token).await, 200);
        accounts.lock_account(&accounts.parse_name("db/lea").unwrap()).await.unwrap();
        assert_eq!(verify_token(&app, &token).await, 403);
        assert_eq!(refresh(&app, &token, &cookie).await.status(), 403);
        accounts.close().await;
        app.stop().await;
    }
}
