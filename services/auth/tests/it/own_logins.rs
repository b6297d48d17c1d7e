//! `/auth/v1/logins`: where a user is logged in.

use reqwest::Response;
use serde_json::{Value, json};
use testkit::{TestApp, list_backends};

use crate::client::{
    TokenPair, decode_part, fresh_credentials, list_audit, log_in_fresh, read_slug, refresh, refresh_pair,
    request_token, resolve_token,
};
use crate::icat::ICAT;

async fn list_logins(app: &TestApp, access: &str, query: &str) -> Response {
    app.http.get(format!("{}/auth/v1/logins{query}", app.public)).bearer_auth(access).send().await.unwrap()
}

async fn end_login(app: &TestApp, access: &str, id: &str) -> Response {
    app.http.delete(format!("{}/auth/v1/logins/{id}", app.public)).bearer_auth(access).send().await.unwrap()
}

fn login_id(access: &str) -> String {
    service_kit::sha256_hex(decode_part(access, 1)["sid"].as_str().unwrap())
}

#[tokio::test]
async fn a_user_sees_and_ends_only_own_logins() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let mut login = fresh_credentials("uma", "body");
        login["client_id"] = "laptop".into();
        let url = format!("{}/auth/v1/token", app.public);
        let answer = app.http.post(&url).header("user-agent", "Browser/1\t2").json(&login).send().await.unwrap();
        let laptop = TokenPair::from_answer(answer).await;
        app.clock.advance_seconds(60);
        let phone = log_in_fresh(&app, "uma").await;
        let other = log_in_fresh(&app, "vic").await;
        app.clock.advance_seconds(60);
        let phone = refresh_pair(&app, &phone.refresh).await;

        let page: Value = list_logins(&app, &phone.access, "").await.json().await.unwrap();
        let expected = json!({"logins": [
            {
                "id": login_id(&phone.access), "is_current": true, "mechanism": "fresh", "client": "undulator",
                "started_at": "2026-01-12T09:01:00Z", "last_used_at": "2026-01-12T09:02:00Z",
                "ends_at": "2026-01-19T09:01:00Z", "idle_ends_at": "2026-01-13T09:02:00Z", "address": "127.0.0.1",
            },
            {
                "id": login_id(&laptop.access), "is_current": false, "mechanism": "fresh", "client": "laptop",
                "started_at": "2026-01-12T09:00:00Z", "last_used_at": "2026-01-12T09:00:00Z",
                "ends_at": "2026-01-19T09:00:00Z", "idle_ends_at": "2026-01-13T09:00:00Z", "address": "127.0.0.1",
                "user_agent": "Browser/12",
            },
        ]});
        assert_eq!(page, expected);

        for unknown in [&login_id(&other.access), "x", "%00", &"0".repeat(64)] {
            let refused = end_login(&app, &phone.access, unknown).await;
            assert_eq!((refused.status().as_u16(), read_slug(refused).await.as_str()), (404, "auth/no-login"));
        }
        assert_eq!(end_login(&app, &phone.access, &login_id(&laptop.access)).await.status(), 204);
        assert_eq!(resolve_token(&app, &laptop.access).await.0, 401);
        assert_eq!(refresh(&app, &laptop.refresh).await.status(), 401);
        assert_eq!(list_logins(&app, &laptop.access, "").await.status(), 401);
        assert_eq!(end_login(&app, &phone.access, &login_id(&laptop.access)).await.status(), 404, "it is gone");
        assert_eq!(resolve_token(&app, &other.access).await.0, 200);
        assert_eq!(end_login(&app, &phone.access, &login_id(&phone.access)).await.status(), 204, "the current one");
        assert_eq!(resolve_token(&app, &phone.access).await.0, 401);
        let audit = list_audit(&app).await;
        let ends: Vec<&str> =
            audit.iter().filter(|(kind, _)| kind == "logout").map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(ends, ["ended_elsewhere", "logged_out"]);
        app.stop().await;
    }
}

#[tokio::test]
async fn pages_of_logins_have_each_of_them_once() {
    const LOGINS: usize = 7;
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let mut expected = Vec::new();
        let mut access = String::new();
        for n in 0..LOGINS {
            access = log_in_fresh(&app, "uma").await.access;
            expected.push(login_id(&access));
            // Some begin at the same moment.
            app.clock.advance_seconds(i64::from(n % 2 == 0));
        }
        let (mut found, mut query, mut pages) = (Vec::new(), "?limit=2".to_owned(), 0);
        loop {
            let page: Value = list_logins(&app, &access, &query).await.json().await.unwrap();
            found.extend(
                page["logins"].as_array().unwrap().iter().map(|login| login["id"].as_str().unwrap().to_owned()),
            );
            pages += 1;
            match page.get("cursor").and_then(Value::as_str) {
                Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!((pages, found.len()), (4, LOGINS));
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        for wrong in ["?limit=0", "?limit=501", "?limit=x", "?cursor=x"] {
            assert_eq!(list_logins(&app, &access, wrong).await.status(), 422, "{wrong}");
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn only_access_tokens_of_live_logins_see_anything() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "").await;
    let pair = log_in_fresh(&app, "uma").await;
    let bare = app.http.get(format!("{}/auth/v1/logins", app.public)).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    for credential in [pair.refresh.as_str(), "x.y.z", "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"] {
        assert_eq!(list_logins(&app, credential, "").await.status(), 401, "{credential}");
    }
    assert_eq!(list_logins(&app, &pair.access, "").await.status(), 200);
    app.clock.advance_seconds(631);
    assert_eq!(list_logins(&app, &pair.access, "").await.status(), 401, "the token has expired");
    assert_eq!(request_token(&app, &json!({"plugin": "db", "username": "ada", "password": "x1"})).await.status(), 200);
    app.stop().await;
}

/// All of them have the name `anon/anon`.
#[tokio::test]
async fn anonymous_visitors_see_only_themselves() {
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], "").await;
    let visit = async || {
        let login = json!({"plugin": "anon", "refresh_token": "body"});
        TokenPair::from_answer(request_token(&app, &login).await).await
    };
    let (first, second) = (visit().await, visit().await);
    let page: Value = list_logins(&app, &second.access, "").await.json().await.unwrap();
    let ids: Vec<&str> = page["logins"].as_array().unwrap().iter().map(|login| login["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [login_id(&second.access)]);
    assert_eq!(end_login(&app, &second.access, &login_id(&first.access)).await.status(), 404);
    assert_eq!(list_logins(&app, &first.access, "").await.status(), 200);
    assert_eq!(end_login(&app, &second.access, &login_id(&second.access)).await.status(), 204);
    assert_eq!(list_logins(&app, &first.access, "").await.status(), 200);
    app.stop().await;
}

/// A page that is opened a thousand times opens one session at ICAT, which is nobody's to end.
#[tokio::test]
async fn anonymous_logins_share_a_session_at_icat() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, icat::SERVICE], "").await;
        let visit = async || {
            let login = json!({"plugin": "anon", "refresh_token": "body"});
            TokenPair::from_answer(request_token(&app, &login).await).await
        };
        let find_session = async |access: &str| match resolve_token(&app, access).await {
            (200, resolved) => Some(resolved["session_id"].as_str().unwrap().to_owned()),
            (status, _) => {
                assert_eq!(status, 401);
                None
            }
        };
        let (first, second, third) = (visit().await, visit().await, visit().await);
        let shared = find_session(&first.access).await.unwrap();
        assert_eq!(find_session(&second.access).await.as_ref(), Some(&shared));
        let url = format!("{}/auth/v1/logout", app.public);
        assert_eq!(app.http.post(&url).bearer_auth(&first.access).send().await.unwrap().status(), 204);
        app.drain().await;
        assert_eq!(find_session(&first.access).await, None);
        // At the catalogue, too, visitors end their own login.
        let fourth = visit().await;
        let out = app.http.delete(format!("{}/icat/session/-", app.public)).bearer_auth(&fourth.access);
        assert_eq!(out.send().await.unwrap().status(), 204);
        assert_eq!(find_session(&fourth.access).await, None);
        assert_eq!(find_session(&third.access).await.as_ref(), Some(&shared));
        let second = refresh_pair(&app, &second.refresh).await;
        // Refreshes keep it open.
        app.clock.advance_seconds(3600);
        let third = refresh_pair(&app, &refresh_pair(&app, &third.refresh).await.refresh).await;
        assert_eq!(find_session(&third.access).await.as_ref(), Some(&shared));

        // Later visitors get another one, with more time.
        app.clock.advance_seconds(3600);
        let later = visit().await;
        let another = find_session(&later.access).await.unwrap();
        assert_ne!(another, shared);
        assert!(find_session(&second.access).await.is_none_or(|session| session == shared));
        // ICAT ends it, by an administrator or a restart.
        let ended = app.http.delete(format!("{}/icat/session/{another}", app.public)).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        let last = visit().await;
        assert_ne!(find_session(&last.access).await.unwrap(), another);
        app.stop().await;
    }
}
