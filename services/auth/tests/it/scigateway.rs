//! The interface of scigateway-auth: logins, refused bodies, paths and methods. Expected bodies are those of scigateway-auth
//! 0.1.0.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Backend, TestApp, list_backends};

use crate::client::decode_part;
use crate::icat::{ICAT, steer_icat};
use crate::scigateway_client::{build_login, build_request, get_path, post, read_failure, start_app, verify_token};

#[tokio::test]
async fn a_login_answers_a_json_text_and_the_exact_cookie() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let answer = post(&app, "/login", &build_login("uma")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let value = pair.strip_prefix("scigateway:refresh_token=").unwrap();
        assert!(value.starts_with("urs_") && value.len() == 47, "{value}");
        assert_eq!(attributes, "HttpOnly; Max-Age=604800; Path=/auth/refresh; SameSite=lax; Secure");
        let text = answer.text().await.unwrap();
        let token = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();

        let part =
            |n: usize| String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap();
        assert_eq!(part(0), r#"{"alg":"RS256","typ":"JWT"}"#);
        let session_id = decode_part(token, 1)["sessionId"].as_str().unwrap().to_owned();
        assert!(session_id.starts_with("ush_"), "no ICAT session id: {session_id}");
        let expected = format!(
            r#"{{"sessionId":"{session_id}","username":"fresh/uma","userIsAdmin":false,"exp":{}}}"#,
            1_768_208_400 + 1800
        );
        assert_eq!(part(1), expected);
        assert_eq!(verify_token(&app, token).await, 200);
        app.stop().await;
    }
}

#[tokio::test]
async fn logins_without_credentials_and_with_empty_ones_are_anonymous() {
    let app = start_app(&Backend::Sqlite).await;
    for body in [
        json!({"mnemonic": "fresh"}),
        json!({"mnemonic": "fresh", "credentials": null}),
        json!({"mnemonic": "anon", "credentials": {"username": "", "password": ""}}),
        json!({"mnemonic": "whatever", "credentials": null, "unknown": 1}),
    ] {
        let answer = post(&app, "/login", &body).await;
        assert_eq!(answer.status(), 200, "{body}");
        let token: String = answer.json().await.unwrap();
        assert_eq!(decode_part(&token, 1)["username"], "anon/anon", "{body}");
    }
    app.stop().await;
}

/// Otherwise a page could make a browser act in the name of somebody else.
#[tokio::test]
async fn a_page_of_another_site_gets_a_token_and_no_cookie() {
    let app = start_app(&Backend::Sqlite).await;
    for (site, has_cookie) in [("same-origin", true), ("same-site", false), ("cross-site", false)] {
        let request = build_request(&app, Method::POST, "/login").header("sec-fetch-site", site);
        let answer = request.json(&build_login("uma")).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers().contains_key("set-cookie")),
            (200, has_cookie),
            "{site}"
        );
        assert_eq!(verify_token(&app, &answer.json::<String>().await.unwrap()).await, 200);
    }
    app.stop().await;
}

#[tokio::test]
async fn refused_logins_have_the_words_of_icat() {
    let app = start_app(&Backend::Sqlite).await;
    let wrong = json!({"mnemonic": "fresh", "credentials": {"username": "uma", "password": "no"}});
    let refused = read_failure(post(&app, "/login", &wrong).await).await;
    assert_eq!(refused, (403, "The username and password do not match".into()));
    let unknown = json!({"mnemonic": "ldap", "credentials": {"username": "uma", "password": "no"}});
    assert_eq!(post(&app, "/login", &unknown).await.status(), 403);
    steer_icat(&app, "hide-authenticators").await;
    let answer = get_path(&app, "/authenticators").await;
    assert_eq!(read_failure(answer).await, (500, "Failed to retrieve authenticators".into()), "ICAT has no such list");
    app.stop().await;
    let app = TestApp::start(&[auth::SERVICE], "[icat]\nurl = \"http://127.0.0.1:9\"\n").await;
    let down = (500, json!("Something went wrong"));
    assert_eq!(read_failure(post(&app, "/login", &wrong).await).await, down);
    assert_eq!(read_failure(get_path(&app, "/authenticators").await).await, down);
    app.stop().await;
}

/// What pydantic answers, without the values.
#[tokio::test]
async fn invalid_bodies_are_refused_field_by_field_and_never_repeated() {
    let app = start_app(&Backend::Sqlite).await;
    let entry = |kind: &str, place: Value, message: &str| json!({"type": kind, "loc": place, "msg": message});
    let missing = |place: Value| entry("missing", place, "Field required");
    let text = |place: Value| entry("string_type", place, "Input should be a valid string");
    let object = "Input should be a valid dictionary or object to extract fields from";
    let inner = json!({"mnemonic": "db", "credentials": {"password": "hunter2"}});
    for (path, body, expected) in [
        ("/login", json!({}), vec![missing(json!(["body", "mnemonic"]))]),
        ("/login", json!({"mnemonic": 1}), vec![text(json!(["body", "mnemonic"]))]),
        ("/login", inner, vec![missing(json!(["body", "credentials", "username"]))]),
        ("/login", json!(["hunter2"]), vec![entry("model_attributes_type", json!(["body"]), object)]),
        (
            "/login",
            json!({"mnemonic": "db", "credentials": "hunter2"}),
            vec![entry("model_attributes_type", json!(["body", "credentials"]), object)],
        ),
        ("/login", json!(null), vec![missing(json!(["body"]))]),
        ("/verify", json!({}), vec![missing(json!(["body", "token"]))]),
        ("/verify", json!("hunter2"), vec![missing(json!(["body", "token"]))]),
        ("/refresh", json!({"token": null}), vec![text(json!(["body", "token"]))]),
        ("/oidc_token/keycloak", json!(1), vec![text(json!(["body"]))]),
        ("/oidc_token/keycloak", json!({"code": 1}), vec![text(json!(["body", "code"]))]),
        ("/oidc_token/keycloak", json!({"code_verifier": "x"}), vec![missing(json!(["body", "code"]))]),
    ] {
        let (status, detail) = read_failure(post(&app, path, &body).await).await;
        assert_eq!((status, detail), (422, Value::Array(expected)), "{path} {body}");
    }
    let url = format!("{}/auth/login", app.public);
    let broken = app.http.post(&url).header("content-type", "application/json").body(r#"{"mnemonic":"hunter"#);
    let expected = json!([{"type": "json_invalid", "loc": ["body", 12], "msg": "JSON decode error"}]);
    assert_eq!(read_failure(broken.send().await.unwrap()).await, (422, expected));
    let form = app.http.post(&url).form(&[("mnemonic", "db")]).send().await.unwrap();
    assert_eq!(form.status(), 422, "no form of another site can log in");
    app.stop().await;
}

#[tokio::test]
async fn paths_and_methods_are_answered_as_before() {
    let app = start_app(&Backend::Sqlite).await;
    for (method, path, expected) in [
        (Method::GET, "/authenticators/?a=b", "/authenticators?a=b"),
        (Method::POST, "/login/", "/login"),
        (Method::DELETE, "/maintenance/", "/maintenance"),
    ] {
        let answer = build_request(&app, method, path).send().await.unwrap();
        assert_eq!(answer.status(), 307, "{path}");
        assert_eq!(answer.headers()["location"], format!("{}/auth{expected}", app.public).as_str(), "{path}");
    }
    for path in ["/nothing", "/nothing/", ""] {
        assert_eq!(read_failure(get_path(&app, path).await).await, (404, "Not Found".into()), "{path}");
    }
    for (method, path, allowed) in [
        (Method::GET, "/login", "POST"),
        (Method::OPTIONS, "/login", "POST"),
        (Method::HEAD, "/authenticators", "GET"),
        (Method::DELETE, "/maintenance", "GET, PUT, POST"),
    ] {
        let answer = build_request(&app, method.clone(), path).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &allowed.parse().unwrap()), "{path}");
        if method != Method::HEAD {
            assert_eq!(read_failure(answer).await.1, "Method Not Allowed");
        }
    }
    let native = app.http.get(format!("{}/auth/v1/nothing", app.public)).send().await.unwrap();
    assert_eq!(native.headers()["content-type"], "application/problem+json", "of the other interface");
    assert_eq!(get_path(&app, "/oidc_providers").await.text().await.unwrap(), "{}");
    let unknown = (404, json!("Unknown OIDC provider: keycloak"));
    assert_eq!(read_failure(post(&app, "/oidc_token/keycloak", &json!("code")).await).await, unknown);
    let login = build_request(&app, Method::POST, "/oidc_login/keycloak");
    assert_eq!(read_failure(login.try_clone().unwrap().bearer_auth("x.y.z").send().await.unwrap()).await, unknown);
    for request in [login.try_clone().unwrap(), login.basic_auth("a", Some("b"))] {
        assert_eq!(read_failure(request.send().await.unwrap()).await, (401, "Not authenticated".into()));
    }
    app.stop().await;

    let app = TestApp::start(&[auth::SERVICE, ICAT], "[auth]\nscigateway_prefix = \"/gateway/auth\"\n").await;
    let request = app.http.post(format!("{}/gateway/auth/login", app.public)).json(&build_login("uma"));
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("; Path=/gateway/auth/refresh;"));
    assert_eq!(post(&app, "/login", &build_login("uma")).await.status(), 404);
    app.stop().await;
    let app = TestApp::start(&[auth::SERVICE, ICAT], "[auth]\nscigateway_prefix = \"\"\n").await;
    assert_eq!(post(&app, "/login", &build_login("uma")).await.status(), 404, "turned off");
    app.stop().await;
}
