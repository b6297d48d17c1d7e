//! Logging out: with any token, while ICAT is down, and together with the other logins of a session.

use events::messages::auth::SessionEnded;
use serde_json::{Value, json};
use testkit::{Backend, TestApp, list_backends, recorder};

use crate::client::{
    end_token, find_session, fresh_credentials, log_in_fresh, read_token, refresh, refresh_pair, request_token,
    request_token_for_session, resolve_token,
};
use crate::icat::{ICAT, is_alive_at_icat, steer_icat};

async fn start_app(backend: &Backend) -> TestApp {
    TestApp::start_on(backend, &[auth::SERVICE, ICAT, recorder::SERVICE], "").await
}

#[tokio::test]
async fn logging_out_with_any_token_ends_the_login_and_its_session() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let url = format!("{}/auth/v1/logout", app.public);
        for way in ["access", "refresh", "used refresh", "delete"] {
            let pair = log_in_fresh(&app, "uma").await;
            let session = find_session(&app, &pair.access).await;
            let next = refresh_pair(&app, &pair.refresh).await;
            for _ in 0..2 {
                let status = match way {
                    "access" => app.http.post(&url).bearer_auth(&next.access).send().await.unwrap().status().as_u16(),
                    "delete" => end_token(&app, &next.access).await,
                    way => {
                        let token = if way == "refresh" { &next.refresh } else { &pair.refresh };
                        let body = json!({"refresh_token": token});
                        app.http.post(&url).json(&body).send().await.unwrap().status().as_u16()
                    }
                };
                assert_eq!(status, 204, "{way}");
            }
            assert!(!is_alive_at_icat(&app, &session).await, "{way}");
            assert_eq!(resolve_token(&app, &next.access).await.0, 401, "{way}");
            assert_eq!(refresh(&app, &next.refresh).await.status(), 401, "{way}");
        }
        for (body, status) in [(json!({"refresh_token": "urt_x"}), 204), (json!({}), 401), (json!({"x": 1}), 422)] {
            assert_eq!(app.http.post(&url).json(&body).send().await.unwrap().status(), status, "{body}");
        }
        assert_eq!(app.http.post(&url).bearer_auth("x.y.z").send().await.unwrap().status(), 401);
        assert_eq!(app.http.post(&url).send().await.unwrap().status(), 415);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_logout_works_while_icat_is_down() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let pair = log_in_fresh(&app, "uma").await;
        let session = find_session(&app, &pair.access).await;
        steer_icat(&app, "down/true").await;
        let url = format!("{}/auth/v1/logout", app.public);
        let answer = app.http.post(&url).json(&json!({"refresh_token": pair.refresh})).send().await.unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(refresh(&app, &pair.refresh).await.status(), 401);
        assert_eq!(resolve_token(&app, &pair.access).await.0, 401);
        app.drain().await;
        let ended = app.recorded_events::<SessionEnded>().await;
        let expected = (service_kit::sha256_hex(&session), "fresh/uma".to_owned());
        assert_eq!(ended.into_iter().map(|event| (event.session_hash, event.subject)).collect::<Vec<_>>(), [expected]);
        app.stop().await;
    }
}

#[tokio::test]
async fn all_logins_of_a_session_end_with_it() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        for way in ["token", "session"] {
            let pair = log_in_fresh(&app, "uma").await;
            let session = find_session(&app, &pair.access).await;
            let other = read_token(request_token_for_session(&app, &session).await).await;
            assert_eq!(resolve_token(&app, &other).await.0, 200);
            if way == "token" {
                assert_eq!(end_token(&app, &other).await, 204);
            } else {
                let url = format!("{}/session/{session}", app.public);
                assert_eq!(app.http.delete(&url).send().await.unwrap().status(), 200);
                assert_eq!(app.http.delete(&url).send().await.unwrap().status(), 200, "again");
            }
            assert!(!is_alive_at_icat(&app, &session).await, "{way}");
            for token in [&pair.access, &other] {
                assert_eq!(resolve_token(&app, token).await.0, 401, "{way}");
            }
            assert_eq!(refresh(&app, &pair.refresh).await.status(), 401, "{way}");
        }
        app.drain().await;
        assert_eq!(app.recorded_events::<SessionEnded>().await.len(), 2, "one for each session");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_logout_keeps_the_cookie_of_another_login() {
    let app = start_app(&Backend::Sqlite).await;
    let log_in = async || {
        let answer = request_token(&app, &fresh_credentials("uma", "cookie")).await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        (answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned(), cookie)
    };
    let ((mine, my_cookie), (other, other_cookie)) = (log_in().await, log_in().await);
    let log_out = async |cookie: &str| {
        let request = app.http.post(format!("{}/auth/v1/logout", app.public)).bearer_auth(&mine);
        let answer = request.header("cookie", cookie).send().await.unwrap();
        assert_eq!(answer.status(), 204);
        answer.headers().contains_key("set-cookie")
    };
    assert!(!log_out(&other_cookie).await, "another login has it");
    assert_eq!(resolve_token(&app, &mine).await.0, 401);
    assert_eq!(resolve_token(&app, &other).await.0, 200);
    assert!(log_out(&my_cookie).await && log_out("__Host-undulator-refresh=x").await, "of no use any more");
    app.stop().await;
}

/// Otherwise a page could make a browser act in the name of somebody else.
#[tokio::test]
async fn another_site_cannot_log_a_browser_in() {
    let app = start_app(&Backend::Sqlite).await;
    let log_in = async |place: &str, site: &str| {
        let request = app.http.post(format!("{}/auth/v1/token", app.public)).json(&fresh_credentials("uma", place));
        let answer = request.header("sec-fetch-site", site).send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("set-cookie"))
    };
    assert_eq!(log_in("cookie", "cross-site").await, (403, false));
    assert_eq!(log_in("cookie", "same-origin").await, (200, true));
    assert_eq!(log_in("body", "cross-site").await, (200, false), "of an origin in http.cors.allowed_origins");
    app.stop().await;
}
