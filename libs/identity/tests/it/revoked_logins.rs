//! Logins that ended, without events: as auth lists them.

use serde_json::{Value, json};
use service_kit::{SESSION_HANDLE_PREFIX, sha256_hex};

use crate::fake::{
    Key, START_SECONDS, get_with_bearer, poll_revoked, publish_keys, read_metric, set_revoked, start_app, steer_fakes,
    valid_claims,
};

fn revoked(sids: &[&str]) -> Value {
    sids.iter().map(|sid| json!({"id": &sha256_hex(sid)[..32], "exp": START_SECONDS + 600})).collect()
}

fn render_list(sids: &[&str], next: &str, more: bool) -> Value {
    json!({"revoked": revoked(sids), "next": next, "more": more})
}

#[tokio::test]
async fn a_login_that_has_ended_is_refused_although_it_is_cached_and_auth_is_down() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    set_revoked(&app, json!({"": render_list(&[], "1.", false)})).await;
    let token = key.sign_token(&valid_claims());
    let handle = format!("{SESSION_HANDLE_PREFIX}{}", "a".repeat(43));
    let other = key.sign_token(&{
        let mut claims = valid_claims();
        claims["sid"] = "another".into();
        claims
    });
    poll_revoked(&app).await;
    for credential in [&token, &handle, &other] {
        assert_eq!(get_with_bearer(&app, "/who", Some(credential)).await.0, 200, "the control");
    }
    set_revoked(&app, json!({"": render_list(&["s", &handle], "2.", false), "2.": render_list(&[], "3.", false)}))
        .await;
    poll_revoked(&app).await;
    steer_fakes(&app, "auth-is-down/true").await;
    for credential in [&token, &handle] {
        let (status, text) = get_with_bearer(&app, "/who", Some(credential)).await;
        assert!(status == 401 && text.contains("identity/session-ended"), "{text}");
    }
    assert_eq!(get_with_bearer(&app, "/who", Some(&other)).await.0, 200, "the session is cached");
    assert!((read_metric(&app, "undulator_revoked_logins").await - 2.0).abs() < f64::EPSILON);

    app.clock.advance_seconds(661);
    poll_revoked(&app).await;
    assert!(read_metric(&app, "undulator_revoked_logins").await.abs() < f64::EPSILON, "their tokens have expired");
}

#[tokio::test]
async fn while_auth_is_down_the_last_list_counts_and_then_it_goes_on() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    set_revoked(&app, json!({"": render_list(&["s"], "1.", false), "1.": render_list(&[], "2.", false)})).await;
    let token = key.sign_token(&valid_claims());
    poll_revoked(&app).await;
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 401);
    assert!(read_metric(&app, "undulator_revoked_logins_age_seconds").await.abs() < f64::EPSILON);

    steer_fakes(&app, "auth-is-down/true").await;
    for _ in 0..4 {
        app.clock.advance_seconds(20);
        poll_revoked(&app).await;
    }
    assert!((read_metric(&app, "undulator_revoked_logins_age_seconds").await - 80.0).abs() < f64::EPSILON);
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 401, "the last list");

    steer_fakes(&app, "auth-is-down/false").await;
    set_revoked(&app, json!({"1.": render_list(&["later"], "3.", false)})).await;
    poll_revoked(&app).await;
    assert!(read_metric(&app, "undulator_revoked_logins_age_seconds").await.abs() < f64::EPSILON);
    let later = key.sign_token(&{
        let mut claims = valid_claims();
        claims["sid"] = "later".into();
        claims
    });
    assert_eq!(get_with_bearer(&app, "/who", Some(&later)).await.0, 401);
    assert_eq!(get_with_bearer(&app, "/who", Some(&token)).await.0, 401, "it is still known");
}

#[tokio::test]
async fn the_list_is_continued_and_not_sent_twice() {
    let app = start_app("").await;
    let pages = json!({
        "": render_list(&["a", "b"], "1.", true),
        "1.": render_list(&["c"], "2.", false),
        "2.": render_list(&["c"], "3.", false),
    });
    // The worker may have asked before there were answers.
    set_revoked(&app, pages).await;
    let first = poll_revoked(&app).await;
    if first == [" -", "1. -"] {
        assert_eq!(poll_revoked(&app).await, ["2. -"], "what ended shortly before is sent again");
    }
    for _ in 0..2 {
        assert_eq!(poll_revoked(&app).await.last().unwrap(), "2. \"1\"", "not modified");
    }
    set_revoked(&app, json!({"2.": render_list(&["c", "d"], "4.", false), "4.": render_list(&["d"], "5.", false)}))
        .await;
    assert_eq!(poll_revoked(&app).await, ["2. \"1\""]);
    assert_eq!(poll_revoked(&app).await, ["4. -"]);
    assert!((read_metric(&app, "undulator_revoked_logins").await - 4.0).abs() < f64::EPSILON);

    set_revoked(&app, json!({"": render_list(&["e"], "1.", false)})).await;
    assert_eq!(poll_revoked(&app).await, ["4. \"1\"", " -"], "a position that auth does not know");
    assert!((read_metric(&app, "undulator_revoked_logins").await - 5.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_changes_nothing() {
    let (app, key) = (start_app("").await, Key::new("one"));
    publish_keys(&app, &[&key]).await;
    set_revoked(&app, json!({"": render_list(&["s"], "1.", false)})).await;
    poll_revoked(&app).await;
    for wrong in [json!({"revoked": []}), json!({"revoked": [{"id": "x", "exp": 1}], "next": "2.", "more": false})] {
        set_revoked(&app, json!({"1.": wrong})).await;
        assert_eq!(poll_revoked(&app).await.len(), 1);
    }
    assert_eq!(get_with_bearer(&app, "/who", Some(&key.sign_token(&valid_claims()))).await.0, 401);
}
