//! The whole way: an account of ours, the authenticator plugin that a catalogue asks, its session, a token, and back.

use serde_json::{Value, json};
use testkit::{TestApp, list_backends};

use crate::client::{
    PASSWORD, end_token, get_jwks, open_accounts, read_token, request_token, request_token_for_session, resolve_token,
    verify_with_published_keys,
};
use crate::icat::{ICAT, LOCAL};

#[tokio::test]
async fn an_account_gets_a_token_whose_session_icat_knows_until_it_is_ended() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let accounts = open_accounts(&app).await;
        accounts.create_account(&accounts.parse_name("db/alice").unwrap(), PASSWORD).await.unwrap();
        accounts.close().await;
        let login = |password: &str| json!({"plugin": "db", "username": "alice", "password": password});
        assert_eq!(request_token(&app, &login("wrong")).await.status(), 401);
        assert_eq!(request_token(&app, &json!({"plugin": "ldap", "username": "alice"})).await.status(), 401);
        let token = read_token(request_token(&app, &login(PASSWORD)).await).await;
        assert_eq!(verify_with_published_keys(&token, &get_jwks(&app).await)["sub"], "db/alice");

        let (status, session) = resolve_token(&app, &token).await;
        assert_eq!((status, session["user_name"].as_str()), (200, Some("db/alice")));
        assert_eq!(session["expires_at"], "2026-01-12T09:11:00Z");
        assert_eq!(session["session_id"], LOCAL);
        let at_icat = format!("{}/icat/session/{LOCAL}", app.public);
        let known: Value = app.http.get(&at_icat).send().await.unwrap().json().await.unwrap();
        assert_eq!(known["userName"], "db/alice");

        let again = read_token(request_token_for_session(&app, LOCAL).await).await;
        let (_, brought) = resolve_token(&app, &again).await;
        assert_eq!(brought["session_id"], LOCAL);
        let times = (session.get("auth_time").is_some(), brought.get("auth_time"));
        assert_eq!(times, (true, None), "nobody knows when a session that was brought along was opened");
        assert_eq!(end_token(&app, &token).await, 204);
        assert_eq!(app.http.get(&at_icat).send().await.unwrap().status(), 403);
        assert_eq!(request_token_for_session(&app, LOCAL).await.status(), 401);
        assert_eq!(resolve_token(&app, &token).await.0, 401);
        app.stop().await;
    }
}
