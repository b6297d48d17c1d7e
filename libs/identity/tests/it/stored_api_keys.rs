//! API keys that auth stores: how long they are cached, while auth answers and while it does not, and how they end.

use serde_json::{Value, json};
use testkit::TestApp;

use crate::fake::{get_with_bearer, read_counter, set_api_keys, start_app, steer_fakes};

const KEY: &str = "uak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "uak_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const WHO: &str = "simple/id29 without session";

fn stored_key(expires: &str) -> Value {
    json!({"name": "id29", "user": "simple/id29", "scopes": ["logbook:write"], "instruments": ["ID29"], "expires": expires})
}

async fn start_with_key() -> TestApp {
    let app = start_app("").await;
    set_api_keys(&app, json!({KEY: stored_key("2027-01-01T00:00:00Z")})).await;
    app
}

async fn who(app: &TestApp, key: &str) -> (u16, String) {
    get_with_bearer(app, "/who", Some(key)).await
}

/// The status, and the slug of the problem if there is one.
async fn refuse(app: &TestApp, key: &str) -> (u16, String) {
    let (status, text) = who(app, key).await;
    assert!(!text.contains(key), "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (status, problem["type"].as_str().unwrap().replace("urn:undulator:problem:identity/", ""))
}

fn refused(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
}

#[tokio::test]
async fn a_stored_key_is_accepted_wherever_one_of_the_settings_is() {
    let app = start_with_key().await;
    assert_eq!(who(&app, KEY).await, (200, WHO.to_owned()));
    for path in [format!("/in-query?sessionId={KEY}"), format!("/in-path/{KEY}/who")] {
        assert_eq!(get_with_bearer(&app, &path, None).await, (200, WHO.to_owned()), "{path}");
    }
    assert_eq!(get_with_bearer(&app, &format!("/with-key/{KEY}"), None).await, (200, "simple/id29".to_owned()));
    let write = app.http.post(format!("{}/write", app.public)).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(write.status(), 200);
    let write_for = async |instrument: &str| {
        get_with_bearer(&app, &format!("/write-for?instrument={instrument}"), Some(KEY)).await.0
    };
    assert_eq!((write_for("id29").await, write_for("ID30").await), (200, 403));

    let mut readable = stored_key("2027-01-01T00:00:00Z");
    readable["scopes"] = json!(["read"]);
    set_api_keys(&app, json!({OTHER: readable})).await;
    let write = app.http.post(format!("{}/write", app.public)).bearer_auth(OTHER).send().await.unwrap();
    assert!(write.status() == 403 && write.text().await.unwrap().contains("the API key id29 lacks the scope"));
    assert_eq!(read_counter(&app, "asked").await, 0, "ICAT has nothing to do with keys");
}

#[tokio::test]
async fn auth_is_asked_twice_a_minute() {
    let app = start_with_key().await;
    for (seconds, asked) in [(0, 1), (29, 1), (1, 2), (29, 2), (1, 3)] {
        app.clock.advance_seconds(seconds);
        assert_eq!(who(&app, KEY).await.0, 200);
        assert_eq!(read_counter(&app, "api-keys-asked").await, asked);
    }
    set_api_keys(&app, json!({})).await;
    assert_eq!(who(&app, KEY).await.0, 200, "the control: nobody has told that it was revoked");
    app.clock.advance_seconds(30);
    assert_eq!(refuse(&app, KEY).await, refused(401, "unknown-api-key"));
}

#[tokio::test]
async fn while_auth_is_down_a_known_key_is_accepted_for_ten_minutes_more() {
    let app = start_with_key().await;
    assert_eq!(who(&app, KEY).await.0, 200);
    steer_fakes(&app, "auth-is-down/true").await;
    app.clock.advance_seconds(30);
    assert_eq!((who(&app, KEY).await.0, who(&app, KEY).await.0), (200, 200));
    assert_eq!(read_counter(&app, "api-keys-asked").await, 2, "auth is not asked for each request");
    app.clock.advance_seconds(599);
    assert_eq!(who(&app, KEY).await.0, 200);
    app.clock.advance_seconds(1);
    assert_eq!(refuse(&app, KEY).await, refused(503, "auth-down"));
    let answer = app.http.get(format!("{}/who", app.public)).bearer_auth(OTHER).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"10".parse().unwrap()));
    steer_fakes(&app, "auth-is-down/false").await;
    assert_eq!(who(&app, KEY).await.0, 200, "at once");
    assert_eq!(refuse(&app, OTHER).await, refused(401, "unknown-api-key"));
}

#[tokio::test]
async fn a_key_ends_with_its_time_also_in_the_cache_and_while_auth_is_down() {
    let app = start_app("").await;
    set_api_keys(
        &app,
        json!({
            KEY: stored_key("2026-01-12T09:00:20Z"),
            OTHER: {"type": "urn:undulator:problem:auth/api-key-expired"},
        }),
    )
    .await;
    assert_eq!(refuse(&app, OTHER).await, refused(401, "expired"));
    app.clock.advance_seconds(19);
    assert_eq!(who(&app, KEY).await.0, 200);
    steer_fakes(&app, "auth-is-down/true").await;
    app.clock.advance_seconds(1);
    assert_eq!(refuse(&app, KEY).await, refused(401, "expired"));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_also_while_auth_is_down() {
    let app = start_with_key().await;
    for (is_down, expected) in [(false, refused(401, "unknown-api-key")), (true, refused(503, "auth-down"))] {
        set_api_keys(&app, json!({KEY: stored_key("2027-01-01T00:00:00Z")})).await;
        app.clock.advance_seconds(10);
        assert_eq!(who(&app, KEY).await.0, 200);
        steer_fakes(&app, &format!("auth-is-down/{is_down}")).await;
        steer_fakes(&app, &format!("revoke-api-key/{OTHER}")).await;
        assert_eq!(who(&app, KEY).await.0, 200, "it was another one");
        steer_fakes(&app, &format!("revoke-api-key/{KEY}")).await;
        testkit::wait_until("the key is refused", async || (who(&app, KEY).await.0 != 200).then_some(())).await;
        assert_eq!(refuse(&app, KEY).await, expected);
    }
}

#[tokio::test]
async fn the_keys_of_a_locked_account_are_refused_at_once() {
    let app = start_with_key().await;
    assert_eq!(who(&app, KEY).await.0, 200);
    steer_fakes(&app, "lock/id29").await;
    testkit::wait_until("the key is refused", async || (who(&app, KEY).await.0 == 401).then_some(())).await;
}

#[tokio::test]
async fn an_unknown_key_is_remembered_for_ten_seconds() {
    let app = start_app("").await;
    for (seconds, asked) in [(0, 1), (9, 1), (1, 2)] {
        app.clock.advance_seconds(seconds);
        assert_eq!(refuse(&app, KEY).await, refused(401, "unknown-api-key"));
        assert_eq!(read_counter(&app, "api-keys-asked").await, asked);
    }
    let (_, text) = who(&app, KEY).await;
    assert!(text.contains("is mistyped, or has been revoked"), "{text}");
}

#[tokio::test]
async fn a_service_without_auth_says_that_it_knows_no_such_keys() {
    let settings = format!(
        "[identity]\nauth_url = \"\"\n[[identity.api_keys]]\nname = \"own\"\nsha256 = \"{}\"\nuser = \"simple/own\"\n\
         scopes = [\"read\"]\nexpires = \"2027-01-01T00:00:00Z\"\n",
        service_kit::sha256_hex(OTHER)
    );
    let app = start_app(&settings).await;
    let (status, text) = who(&app, KEY).await;
    assert!(status == 401 && text.contains("identity.auth_url"), "{text}");
    assert_eq!(refuse(&app, KEY).await, refused(401, "no-auth-service"));
    assert_eq!(
        who(&app, OTHER).await,
        (200, "simple/own without session".to_owned()),
        "one of the settings, whatever it is like"
    );
    assert_eq!(read_counter(&app, "api-keys-asked").await, 0);
}
