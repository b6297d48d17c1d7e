//! `/session` as clients of ICAT+ use it.

use serde_json::{Value, json};
use testkit::TestApp;

use crate::icat::{ICAT, SESSION};

async fn start_app() -> TestApp {
    TestApp::start(&[auth::SERVICE, ICAT], "[identity]\nadministrators = [\"db/ada\"]\n").await
}

#[tokio::test]
async fn a_session_is_opened_described_refreshed_and_ended() {
    let app = start_app().await;
    let url = format!("{}/session", app.public);
    let login = json!({"plugin": "db", "username": "ada", "password": "x1", "usernameSuffix": null});
    let answer = app.http.post(&url).json(&login).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let session: Value = answer.json().await.unwrap();
    let expected = json!({
        "sessionId": SESSION, "username": "ada", "name": "db/ada", "fullName": "Ada L.", "lifeTimeMinutes": 119.9876,
        "expirationTime": "2026-01-12T10:59:59.256Z", "isAdministrator": true, "isInstrumentScientist": true,
        "isMinter": false, "isBetaTester": false, "usersByPrefix": [],
    });
    assert_eq!(session, expected);

    let url = format!("{url}/{SESSION}");
    let status: Value = app.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(status["userName"], "db/ada");
    assert_eq!(status["email"], "ada@example.org");
    assert_eq!(status["user"], expected);
    let refreshed = app.http.put(&url).send().await.unwrap();
    assert_eq!((refreshed.status().as_u16(), refreshed.text().await.unwrap()), (204, String::new()));
    let ended = app.http.delete(&url).send().await.unwrap();
    assert_eq!((ended.status().as_u16(), ended.text().await.unwrap()), (200, String::new()));
}

#[tokio::test]
async fn refusals_are_plain_text_and_logout_can_be_repeated() {
    let app = start_app().await;
    let url = format!("{}/session", app.public);
    let wrong =
        app.http.post(&url).json(&json!({"plugin": "db", "username": "ada", "password": "no"})).send().await.unwrap();
    assert_eq!(wrong.status(), 403);
    assert!(wrong.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(wrong.text().await.unwrap(), "The username and password do not match");
    assert_eq!(app.http.post(&url).json(&json!({})).send().await.unwrap().status(), 403);
    assert_eq!(app.http.post(&url).body("{").send().await.unwrap().status(), 415);
    let json = app.http.post(&url).header("content-type", "application/json");
    assert_eq!(json.body("{").send().await.unwrap().status(), 400);
    let gone = format!("{url}/00000000-0000-0000-0000-000000000000");
    assert_eq!(app.http.get(&gone).send().await.unwrap().status(), 403);
    assert_eq!(app.http.put(&gone).send().await.unwrap().status(), 403);
    assert_eq!(app.http.delete(&gone).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_logout_without_the_header_that_a_hyphen_means_is_refused() {
    let app = start_app().await;
    let url = format!("{}/session/-", app.public);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = app.http.request(method.parse().unwrap(), &url).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{method}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"), "{method}");
        assert!(answer.text().await.unwrap().contains("Authorization: Bearer"), "{method}");
        let unreadable = app.http.request(method.parse().unwrap(), &url).header("authorization", "Bearer");
        assert_eq!(unreadable.send().await.unwrap().status(), 403, "{method}");
    }
    let ended = app.http.delete(&url).bearer_auth(SESSION).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    let unknown = app.http.delete(&url).bearer_auth("00000000-0000-0000-0000-000000000000").send().await.unwrap();
    assert_eq!(unknown.status(), 200, "logout can be repeated");
}

#[tokio::test]
async fn without_icat_logins_answer_503() {
    let app = TestApp::start(&[auth::SERVICE], "[icat]\nurl = \"http://127.0.0.1:9\"\n").await;
    let answer = app.http.post(format!("{}/session", app.public)).json(&json!({"plugin": "db"})).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "10"));
}
