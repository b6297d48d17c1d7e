//! Access tokens and session handles of auth in every place of a session id.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use service_kit::SESSION_HANDLE_PREFIX;
use testkit::{ISSUER, Issuer, TestApp, list_backends, wait_until};

use crate::rest_client::{AUTHENTICATOR, Client};

const SERVICES: [service_kit::ServiceDef; 3] = [icat::SERVICE, AUTHENTICATOR, ISSUER];
const FACILITY: &str = r#"{"Facility":{"name":"SUN"}}"#;

fn handle_of(name: &str) -> String {
    format!("{SESSION_HANDLE_PREFIX}{name}{}", "a".repeat(40))
}

async fn send_request(app: &TestApp, method: &str, path: &str, bearer: Option<&str>) -> (u16, String) {
    let mut request = app.http.request(method.parse().unwrap(), format!("{}/icat{path}", app.public));
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    read_answer(request.send().await.unwrap()).await
}

async fn read_answer(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// A request to each route with a session, and how it is sent.
async fn request_everywhere(app: &TestApp, credential: &str, is_bearer: bool) -> Vec<(&'static str, StatusCode)> {
    let text = if is_bearer { None } else { Some(credential) };
    let mut all = Vec::new();
    for (method, path) in [
        ("GET", "/entityManager"),
        ("POST", "/entityManager/search"),
        ("POST", "/entityManager"),
        ("DELETE", "/entityManager"),
        ("POST", "/cloner"),
        ("GET", "/port"),
        ("POST", "/isAccessAllowed"),
        ("GET", "/readable/Facility"),
        ("POST", "/gatekeeper/markPublicStepsStale"),
    ] {
        let mut parameters: Vec<(&str, String)> = match (method, path) {
            ("GET", "/entityManager") | (_, "/entityManager/search") => {
                vec![("query", "SELECT f.name FROM Facility f".to_owned())]
            }
            ("POST", "/entityManager") => vec![("entities", json!({"Facility": {"name": credential}}).to_string())],
            ("DELETE", "/entityManager") => vec![("entities", r#"{"Facility":{"id":99}}"#.to_owned())],
            (_, "/cloner") => {
                let (id, keys) = ("99".to_owned(), r#"{"name":"B"}"#.to_owned());
                vec![("name", "Facility".to_owned()), ("id", id), ("keys", keys)]
            }
            (_, "/port") => {
                let mut json = json!({"attributes": "USER"});
                if let Some(text) = text {
                    json["sessionId"] = text.into();
                }
                vec![("json", json.to_string())]
            }
            (_, "/isAccessAllowed") => {
                vec![("entity", FACILITY.to_owned()), ("accessType", "CREATE".to_owned())]
            }
            _ => Vec::new(),
        };
        if let Some(text) = text
            && path != "/port"
        {
            parameters.push(("sessionId", text.to_owned()));
        }
        let request = app.http.request(method.parse().unwrap(), format!("{}/icat{path}", app.public));
        let request = if method == "POST" { request.form(&parameters) } else { request.query(&parameters) };
        let request = if is_bearer { request.bearer_auth(credential) } else { request };
        all.push((path, request.send().await.unwrap().status()));
    }
    all
}

#[tokio::test]
async fn a_token_and_a_handle_do_what_their_session_may_in_every_place() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &SERVICES, "").await;
        let mut issuer = Issuer::start(&app).await;
        let root = Client::log_in(&app, "simple").await;
        let (token, handle) = (issuer.sign_token("simple/root", &json!({})), handle_of("root"));
        for credential in [&token, &handle] {
            issuer.add_session(credential, &root, "simple/root").await;
        }
        // Each creates a facility of its own name, which is too long for a token.
        let expected = |is_token: bool| {
            [200, 200, if is_token { 412 } else { 200 }, 404, 404, 200, 200, 200, 204]
                .map(|s| StatusCode::from_u16(s).unwrap())
        };
        for (credential, is_token) in [(&token, true), (&handle, false)] {
            let by_header = request_everywhere(&app, credential, true).await;
            let statuses: Vec<StatusCode> = by_header.iter().map(|(_, status)| *status).collect();
            assert_eq!(statuses, expected(is_token), "{by_header:?}");
            let by_parameter = request_everywhere(&app, credential, false).await;
            for ((path, header), (_, parameter)) in by_header.iter().zip(&by_parameter) {
                let is_created_twice = *path == "/entityManager" && *parameter == StatusCode::PRECONDITION_FAILED;
                assert!(header == parameter || is_created_twice, "{path}: {header} {parameter}");
            }
        }
        let unknown = [issuer.sign_token("simple/root", &json!({"jti": "unknown"})), handle_of("unknown")];
        for credential in &unknown {
            for (path, status) in request_everywhere(&app, credential, true).await {
                assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            }
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn a_token_has_the_rights_of_its_user_and_nobody_elses() {
    let app = TestApp::start(&SERVICES, "").await;
    let mut issuer = Issuer::start(&app).await;
    let ada = Client::log_in(&app, "db").await;
    let token = issuer.sign_token("db/ada", &json!({}));
    issuer.add_session(&token, &ada, "db/ada").await;
    let query = "/entityManager?query=SELECT+f.name+FROM+Facility+f";
    assert_eq!(send_request(&app, "GET", query, Some(&token)).await, (200, "[]".to_owned()));
    let form = [("entities", FACILITY)];
    let create = app.http.post(format!("{}/icat/entityManager", app.public)).form(&form).bearer_auth(&token);
    let (status, text) = read_answer(create.send().await.unwrap()).await;
    assert!(status == 403 && text.contains("INSUFFICIENT_PRIVILEGES"), "{text}");
    for (wrong, code) in [
        (issuer.sign_token("simple/root", &json!({"aud": "elsewhere"})), "SESSION"),
        (issuer.sign_token("simple/root", &json!({"exp": 1})), "SESSION"),
        (issuer.sign_token("simple/root", &json!({"scope": "read"})), "INSUFFICIENT_PRIVILEGES"),
        ("a.b.c".to_owned(), "SESSION"),
    ] {
        let (status, text) = send_request(&app, "GET", query, Some(&wrong)).await;
        assert!(status == 403 && text.contains(code) && !text.contains(&wrong), "{text}");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_session_of_a_token_is_shown_refreshed_and_ended_and_its_id_is_not_revealed() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &SERVICES, "").await;
        let mut issuer = Issuer::start(&app).await;
        for name in ["token", "handle"] {
            let session = Client::log_in(&app, "db").await;
            let credential = match name {
                "token" => issuer.sign_token("db/ada", &json!({})),
                _ => handle_of("ada"),
            };
            issuer.add_session(&credential, &session, "db/ada").await;
            let own = format!("/session/{credential}");
            let show = async || {
                let (status, text) = send_request(&app, "GET", &own, None).await;
                assert_eq!(status, 200, "{text}");
                serde_json::from_str::<Value>(&text).unwrap()
            };
            app.clock.advance_seconds(60);
            assert_eq!(show().await, json!({"userName": "db/ada", "remainingMinutes": 119.0}));
            assert_eq!(send_request(&app, "PUT", "/session/-", Some(&credential)).await.0, 204);
            assert_eq!(show().await["remainingMinutes"], 120.0);
            assert_eq!(send_request(&app, "DELETE", &own, None).await, (204, String::new()));
            assert_eq!(send_request(&app, "GET", &format!("/session/{session}"), None).await.0, 403, "it has ended");
            for method in ["GET", "PUT", "DELETE"] {
                let (status, text) = send_request(&app, method, &own, None).await;
                assert!(status == 403 && text.contains("\"SESSION\""), "{text}");
                assert!(!text.contains(&session) && !text.contains(&credential), "{text}");
            }
        }
        app.stop().await;
    }
}

/// The catalogue knows who a token is without auth; the session it does not.
#[tokio::test]
async fn while_auth_is_down_a_token_still_works_and_a_handle_is_not_refused() {
    let app = TestApp::start(&SERVICES, "").await;
    let mut issuer = Issuer::start(&app).await;
    let root = Client::log_in(&app, "simple").await;
    let (known, handle) = (issuer.sign_token("simple/root", &json!({})), handle_of("root"));
    let new = issuer.sign_token("simple/root", &json!({"jti": "new"}));
    for credential in [&known, &new, &handle] {
        issuer.add_session(credential, &root, "simple/root").await;
    }
    let query = "/entityManager?query=SELECT+f.name+FROM+Facility+f";
    assert_eq!(send_request(&app, "GET", query, Some(&known)).await.0, 200);
    issuer.set_down(true).await;
    for token in [&known, &new] {
        assert_eq!(send_request(&app, "GET", query, Some(token)).await, (200, "[]".to_owned()));
    }
    let text = "does not answer";
    for (method, path, credential) in [
        ("GET", query, &handle),
        ("GET", "/session/-", &new),
        ("PUT", "/session/-", &new),
        ("DELETE", "/session/-", &new),
    ] {
        let (status, answer) = send_request(&app, method, path, Some(credential)).await;
        assert_eq!(status, 503, "{method} {path}: {answer}");
        assert!(answer.contains(text) || answer.contains("cannot be looked up now"), "{answer}");
    }
    issuer.set_down(false).await;
    wait_until("the handle is resolved", async || {
        (send_request(&app, "GET", query, Some(&handle)).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(send_request(&app, "DELETE", "/session/-", Some(&new)).await.0, 204);
    app.stop().await;
}
