//! `/auth/v1/token` over a catalogue: what is given out, to whom, and for how long.

use serde_json::{Value, json};
use testkit::{TestApp, list_backends};

use crate::client::{
    ada_credentials, decode_part, end_token, get_jwks, read_token, request_token, request_token_for_session,
    resolve_token, verify_with_published_keys,
};
use crate::icat::{BRIEF, ICAT, SESSION};

const NINE: i64 = 1_768_208_400;

async fn start_app() -> TestApp {
    TestApp::start(&[auth::SERVICE, ICAT], "").await
}

#[tokio::test]
async fn a_password_or_a_session_gives_a_token_that_anybody_can_verify_and_auth_resolves() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let keys = get_jwks(&app).await;
        let mut seen = Vec::new();
        for answer in [request_token(&app, &ada_credentials()).await, request_token_for_session(&app, SESSION).await] {
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["cache-control"], "no-store");
            let answer: Value = answer.json().await.unwrap();
            let token = answer["access_token"].as_str().unwrap();
            assert_eq!(answer, json!({"access_token": token, "token_type": "Bearer", "expires_in": 600}));

            let kid = keys.keys[0].common.key_id.as_ref().unwrap();
            assert_eq!(decode_part(token, 0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid}));
            let claims = verify_with_published_keys(token, &keys);
            let (jti, sid) = (claims["jti"].as_str().unwrap(), claims["sid"].as_str().unwrap());
            let mut level = json!({});
            if seen.is_empty() {
                // Nobody knows how and when a session that was brought along was opened.
                level = json!({"auth_time": NINE, "amr": ["pwd"]});
            }
            let mut expected = json!({
                "iss": "undulator", "sub": "db/ada", "aud": "undulator", "iat": NINE, "nbf": NINE, "exp": NINE + 600,
                "jti": jti, "sid": sid, "client_id": "undulator",
            });
            let with_level = |value: &mut Value| {
                value.as_object_mut().unwrap().extend(level.as_object().unwrap().clone());
            };
            with_level(&mut expected);
            assert_eq!(claims, expected);
            assert_eq!((jti.len(), sid.len()), (36, 43));
            seen.extend([jti.to_owned(), sid.to_owned()]);

            let mut session =
                json!({"session_id": SESSION, "user_name": "db/ada", "expires_at": "2026-01-12T10:59:59.256Z"});
            with_level(&mut session);
            assert_eq!(resolve_token(&app, token).await, (200, session));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4, "never the same twice");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_token_ends_with_its_session_at_the_latest() {
    let app = start_app().await;
    let answer = request_token(&app, &json!({"plugin": "brief", "credentials": {"pin": "1"}})).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["expires_in"], 90);
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(decode_part(token, 1)["exp"], NINE + 90);
    assert_eq!(resolve_token(&app, token).await.1["session_id"], BRIEF);
    app.clock.advance_seconds(90);
    let (status, problem) = resolve_token(&app, token).await;
    assert_eq!((status, problem["detail"].as_str()), (401, Some("the session of the token has ended")));
    app.stop().await;
}

#[tokio::test]
async fn issuer_and_audience_are_those_of_the_settings() {
    for (toml, issuer, audience) in [
        ("public_url = \"https://data.example.org\"\n", "https://data.example.org", "undulator"),
        (
            "public_url = \"https://data.example.org\"\n[identity]\nissuer = \"site\"\naudience = \"portal\"\n",
            "site",
            "portal",
        ),
    ] {
        let app = TestApp::start(&[auth::SERVICE, ICAT], toml).await;
        let token = read_token(request_token(&app, &ada_credentials()).await).await;
        let claims = decode_part(&token, 1);
        assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(issuer), Some(audience)));
        assert_eq!(resolve_token(&app, &token).await.0, 200);
        app.stop().await;
    }
}

#[tokio::test]
async fn logging_out_ends_token_and_session_and_can_be_repeated() {
    let app = start_app().await;
    let (token, other) = (
        read_token(request_token(&app, &ada_credentials()).await).await,
        read_token(request_token_for_session(&app, SESSION).await).await,
    );
    let session = format!("{}/icat/session/{SESSION}", app.public);
    assert_eq!(app.http.get(&session).send().await.unwrap().status(), 200);
    assert_eq!(end_token(&app, &token).await, 204);
    assert_eq!(app.http.get(&session).send().await.unwrap().status(), 403, "ICAT has ended it");
    assert_eq!(resolve_token(&app, &token).await.0, 401);
    assert_eq!(end_token(&app, &token).await, 204);
    assert_eq!(end_token(&app, &other).await, 204, "its session is gone, its row is not");
    assert_eq!(resolve_token(&app, &other).await.0, 401);
    assert_eq!(request_token_for_session(&app, SESSION).await.status(), 401);

    let late = read_token(request_token(&app, &ada_credentials()).await).await;
    app.clock.advance_seconds(3600);
    assert_eq!(resolve_token(&app, &late).await.0, 401);
    assert_eq!(end_token(&app, &late).await, 204);
    assert_eq!(app.http.get(&session).send().await.unwrap().status(), 403, "an expired token ends its session too");
    for refused in ["x", "x.y.z", SESSION] {
        assert_eq!(end_token(&app, refused).await, 401, "{refused}");
    }
    let bare = app.http.delete(format!("{}/auth/v1/token", app.public)).send().await.unwrap();
    assert_eq!((bare.status().as_u16(), &bare.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    app.stop().await;
}

#[tokio::test]
async fn refusals_say_whose_fault_it_is() {
    let app = start_app().await;
    let token = read_token(request_token(&app, &ada_credentials()).await).await;
    let plugin = |name: &str| json!({"plugin": name});
    for (body, status, slug) in [
        (json!({"plugin": "db", "username": "ada", "password": "no"}), 401, "auth/bad-credentials"),
        (json!({"plugin": "nobody"}), 401, "auth/bad-credentials"),
        (json!({"plugin": ""}), 401, "auth/bad-credentials"),
        (plugin("over"), 401, "auth/bad-credentials"),
        (plugin("nonsense"), 502, "auth/icat-nonsense"),
        (plugin("endless"), 502, "auth/icat-nonsense"),
        (plugin("broken"), 502, "auth/icat-failed"),
        (plugin("down"), 503, "auth/icat-down"),
        (json!({"plugin": "db", "user": "ada"}), 422, "auth/bad-credentials-body"),
        (json!({}), 422, "auth/bad-credentials-body"),
    ] {
        let answer = request_token(&app, &body).await;
        assert_eq!(answer.status(), status, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers().get("retry-after").is_some(), status == 503, "{body}");
        assert_eq!(answer.headers().get("www-authenticate").is_some(), status == 401, "{body}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:undulator:problem:{slug}"), "{body}");
    }
    let eve = format!("{}/icat/session/9f8e7d6c-0000-4000-8000-000000000001", app.public);
    assert_eq!(app.http.get(eve).send().await.unwrap().status(), 403, "a session that nobody got is closed");

    let url = format!("{}/auth/v1/token", app.public);
    let post = || app.http.post(&url);
    let json = || post().header("content-type", "application/json");
    for (request, status, what) in [
        (json().body("{"), 400, "no JSON"),
        (post().bearer_auth(SESSION).json(&ada_credentials()), 400, "two credentials"),
        (post(), 401, "none"),
        (post().basic_auth("ada", Some("x1")), 401, "another scheme"),
        (post().bearer_auth("00000000-0000-0000-0000-000000000000"), 401, "an unknown session"),
        (post().bearer_auth("../version"), 401, "no session id"),
        (post().bearer_auth(&token), 401, "a token"),
        (post().form(&[("plugin", "db")]), 415, "a form"),
        (post().body("{\"plugin\":\"db\"}"), 415, "no media type"),
        (json().body(" ".repeat(5 << 20)), 413, "a huge body"),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status, "{what}");
    }
    app.stop().await;

    let app = TestApp::start(&[auth::SERVICE], "[icat]\nurl = \"http://127.0.0.1:9\"\n").await;
    let answer = request_token_for_session(&app, SESSION).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    app.stop().await;
}

#[tokio::test]
async fn pages_of_allowed_origins_can_log_in() {
    let toml = "[http.cors]\nallowed_origins = [\"https://portal.example.org\"]\n";
    let app = TestApp::start(&[auth::SERVICE, ICAT], toml).await;
    for (origin, allowed) in [("https://portal.example.org", true), ("https://evil.example.org", false)] {
        let request =
            app.http.post(format!("{}/auth/v1/token", app.public)).header("origin", origin).json(&ada_credentials());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers().get("access-control-allow-origin").is_some(), allowed, "{origin}");
    }
    app.stop().await;
}
