//! The whole way: an account of ours, the authenticator plugin that a catalogue asks, its session, a token, and back.

use serde_json::{Value, json};
use testkit::{TestApp, list_backends};

use crate::client::{PASSWORD, accounts, ask, end, jwks, renew, resolve, token_of, verified};
use crate::icat::{ICAT, LOCAL};

#[tokio::test]
async fn an_account_gets_a_token_whose_session_icat_knows_until_it_is_ended() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let accounts = accounts(&app).await;
        accounts.create_account(&accounts.parse_name("db/alice").unwrap(), PASSWORD).await.unwrap();
        accounts.close().await;
        let login = |password: &str| json!({"plugin": "db", "username": "alice", "password": password});
        assert_eq!(ask(&app, &login("wrong")).await.status(), 401);
        assert_eq!(ask(&app, &json!({"plugin": "ldap", "username": "alice"})).await.status(), 401);
        let token = token_of(ask(&app, &login(PASSWORD)).await).await;
        assert_eq!(verified(&token, &jwks(&app).await)["sub"], "db/alice");

        let (status, session) = resolve(&app, &token).await;
        assert_eq!((status, session["user_name"].as_str()), (200, Some("db/alice")));
        assert_eq!(session["expires_at"], "2026-01-12T09:11:00Z");
        assert_eq!(session["session_id"], LOCAL);
        let at_icat = format!("{}/icat/session/{LOCAL}", app.public);
        let known: Value = app.http.get(&at_icat).send().await.unwrap().json().await.unwrap();
        assert_eq!(known["userName"], "db/alice");

        let again = token_of(renew(&app, LOCAL).await).await;
        assert_eq!(resolve(&app, &again).await, (200, session));
        assert_eq!(end(&app, &token).await, 204);
        assert_eq!(app.http.get(&at_icat).send().await.unwrap().status(), 403);
        assert_eq!(renew(&app, LOCAL).await.status(), 401);
        assert_eq!(resolve(&app, &token).await.0, 401);
        app.stop().await;
    }
}
